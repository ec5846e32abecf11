//! The document of what was measured, made from the committed records.
//!
//! ```text
//! <!-- begin floor -->
//! what `velodrome-bench report` wrote
//! <!-- end floor -->
//! ```
//!
//! Owns the blocks of the document and the drawings beside the records. Invariant: no figure of a
//! block is typed by hand; what has no record says so and how to make one. Cost: reading a folder.

// Every block, in the document's order.
mod blocks;
// Blocks of the latency suite.
mod suite;
// The block of eviction policies.
mod policies;
// Miss ratios others found on the same traces.
mod published;
// The block of density.
mod density;
// One block.
mod block;
// Figures as tables.
pub mod tables;
// The records of one machine.
mod records;

use std::fs;
use std::path::{Path, PathBuf};

pub use block::Block;
use records::Records;

use crate::failure::Failure;

/// Reads the records of `folder`, draws plots into its `plots`, and renews the blocks of
/// `document`. What was written, the document last.
///
/// # Errors
/// When a file cannot be read or written, or the document has a block nobody knows.
pub fn renew(folder: &Path, document: &Path) -> Result<Vec<PathBuf>, Failure> {
    let text = fs::read_to_string(document)
        .map_err(Failure::system(format!("cannot read {}", document.display())))?;
    let plots = folder.join("plots");
    let beside = document.parent().unwrap_or(Path::new(""));
    let linked = plots.strip_prefix(beside).unwrap_or(&plots);
    let blocks = blocks::all(&Records::read(folder)?, linked);
    let renewed = replace(&text, &blocks).map_err(Failure::Option)?;
    let mut written = Vec::new();
    let mut write = |path: PathBuf, text: &str| -> Result<(), Failure> {
        fs::write(&path, text)
            .map_err(Failure::system(format!("cannot write {}", path.display())))?;
        written.push(path);
        Ok(())
    };
    fs::create_dir_all(&plots).map_err(Failure::system("cannot make the folder of the plots"))?;
    for (name, svg) in blocks.iter().flat_map(|block| &block.plots) {
        write(plots.join(name), svg)?;
    }
    write(document.to_owned(), &renewed)?;
    Ok(written)
}

/// The folder below `records` that holds the newest record.
pub fn newest_folder(records: &Path) -> Option<PathBuf> {
    let folders = fs::read_dir(records).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let dated = folders.filter_map(|folder| {
        let files = fs::read_dir(&folder)
            .ok()?
            .filter_map(|file| file.ok()?.file_name().into_string().ok());
        files.filter(|name| name.ends_with(".json")).max().map(|newest| (newest, folder))
    });
    dated.max().map(|(_, folder)| folder)
}

/// The document with the inside of every block replaced.
fn replace(text: &str, blocks: &[Block]) -> Result<String, String> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(start) = rest.find("<!-- begin ") {
        let (before, from) = rest.split_at(start);
        let head_end = from.find("-->").ok_or("a block's head does not end")? + 3;
        let name = from["<!-- begin ".len()..head_end - 3].trim();
        let tail = format!("<!-- end {name} -->");
        let tail_at = from.find(&tail).ok_or_else(|| format!("`{tail}` is missing"))?;
        let block = blocks.iter().find(|block| block.name == name);
        let block = block.ok_or_else(|| {
            let known: Vec<&str> = blocks.iter().map(|block| block.name).collect();
            format!("no block is called `{name}`; there are {}", known.join(", "))
        })?;
        out.push_str(before);
        out.push_str(&format!("{}\n{}\n{tail}", &from[..head_end], block.markdown.trim_end()));
        rest = &from[tail_at + tail.len()..];
    }
    Ok(out + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(name: &'static str, markdown: &str) -> Block {
        Block::text(name, markdown.to_owned())
    }

    #[test]
    fn the_inside_of_blocks_is_replaced_and_the_rest_kept() {
        let text = "a\n<!-- begin x -->\nold\n<!-- end x -->\nb\n<!-- begin y --><!-- end y -->\n";
        let found = replace(text, &[block("x", "new\n\n"), block("y", "1"), block("z", "2")]);
        let expected =
            "a\n<!-- begin x -->\nnew\n<!-- end x -->\nb\n<!-- begin y -->\n1\n<!-- end y -->\n";
        assert_eq!(found.as_deref(), Ok(expected));
        let again = replace(expected, &[block("x", "new"), block("y", "1")]);
        assert_eq!(again.as_deref(), Ok(expected));
    }

    #[test]
    fn broken_documents_are_refused() {
        for (text, expected) in [
            ("<!-- begin q -->\n<!-- end q -->", "no block is called `q`; there are x"),
            ("<!-- begin x -->\n", "`<!-- end x -->` is missing"),
            ("<!-- begin x", "does not end"),
        ] {
            let refused = replace(text, &[block("x", "")]).unwrap_err();
            assert!(refused.contains(expected), "{refused}");
        }
    }

    #[test]
    fn a_folder_without_records_makes_a_document_that_says_how_to_measure() {
        let folder = tempfile::tempdir().unwrap();
        let document = folder.path().join("P.md");
        fs::write(&document, "# P\n<!-- begin floor -->\n<!-- end floor -->\n").unwrap();
        let records = folder.path().join("records/machine");
        fs::create_dir_all(&records).unwrap();
        fs::write(records.join("2031-01-01-a.json"), "{\"scenarios\": []}").unwrap();
        assert_eq!(newest_folder(&folder.path().join("records")), Some(records.clone()));
        assert_eq!(renew(&records, &document).unwrap(), std::slice::from_ref(&document));
        let text = fs::read_to_string(&document).unwrap();
        assert!(text.contains("velodrome-bench suite"), "{text}");
        fs::write(records.join("2031-01-02-a.json"), "{").unwrap();
        assert!(renew(&records, &document).unwrap_err().to_string().contains("2031-01-02-a.json"));
    }
}
