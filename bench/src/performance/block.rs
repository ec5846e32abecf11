//! One block of the document: its name, what stands there, its drawings.
//!
//! Invariant: a drawing that is in a block is linked below its text. Cost: none.

use std::path::Path;

/// One block.
#[derive(Clone, Debug)]
pub struct Block {
    /// Its name in the document.
    pub name: &'static str,
    /// What stands there.
    pub markdown: String,
    /// Files' names and drawings.
    pub plots: Vec<(String, String)>,
}

impl Block {
    /// A block without drawings.
    pub(super) fn text(name: &'static str, markdown: String) -> Block {
        Block { name, markdown, plots: Vec::new() }
    }

    /// A block of which no record was found.
    pub(super) fn missing(name: &'static str, command: &str) -> Block {
        Block::text(name, format!("Not in the committed records; `{command}` makes one."))
    }

    /// The block with one more drawing, if there is one.
    pub(super) fn drawn(mut self, file: impl Into<String>, svg: Option<String>) -> Block {
        self.plots.extend(svg.map(|svg| (file.into(), svg)));
        self
    }

    /// The block with links to its drawings, which lie in the folder `plots`.
    pub(super) fn linked(mut self, plots: &Path) -> Block {
        for (name, _) in &self.plots {
            let path = plots.join(name);
            let title = name.trim_end_matches(".svg");
            self.markdown += &format!("\n![{title}]({})\n", path.display());
        }
        self
    }
}
