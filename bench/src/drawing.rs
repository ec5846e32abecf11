//! The frame of a drawing: colours, a title, the SVG element around it.
//!
//! Owns what plots and bars have in common. Invariant: colours are names of the style, so that one
//! drawing serves light and dark, in a page as in a file of its own. Cost: one string.

use std::fmt::Write;

/// Units across every drawing.
pub const WIDTH: f64 = 760.0;

/// Where the title stands.
const TITLE_Y: f64 = 18.0;
/// Where the legend stands, when there is one.
const LEGEND_Y: f64 = 39.0;
/// Units a character of the legend takes, about.
const LEGEND_CHAR: f64 = 6.7;
/// Colours there are.
const COLOURS: usize = 6;

/// Names of colours, light and dark. A page needs this once.
pub const PALETTE: &str = "
:root{color-scheme:light dark;--bg:#fff;--ink:#1c2430;--dim:#5f6b7c;--grid:#e3e7ee;
--c0:#0b7285;--c1:#d9480f;--c2:#6741d9;--c3:#c92a2a;--c4:#2b8a3e;--c5:#a07000}
@media(prefers-color-scheme:dark){:root{--bg:#12161c;--ink:#dfe5ee;--dim:#93a0b4;--grid:#28303b;
--c0:#3bc9db;--c1:#ffa94d;--c2:#b197fc;--c3:#ff8787;--c4:#69db7c;--c5:#ffd43b}}";

/// How drawings look. A page needs this once.
pub const STYLE: &str = "
svg.plot{width:100%;height:auto;font:11px system-ui,sans-serif}
svg.plot text{fill:var(--dim);text-anchor:middle}
svg.plot .end{text-anchor:end}svg.plot .start{text-anchor:start}
svg.plot .title{fill:var(--ink);font-size:14px;font-weight:600}
svg.plot .ink{fill:var(--ink)}
.ground{fill:var(--bg)}.grid{stroke:var(--grid);fill:none}.axis{stroke:var(--dim);fill:none}
.line{fill:none;stroke-width:1.8;stroke-linejoin:round}.hit{fill:transparent}
.box{fill:var(--bg);stroke:var(--dim);opacity:.94}.whisker{stroke:var(--ink);stroke-width:1.2}
.mark{stroke:var(--ink);stroke-width:2.4}
.at .seen{visibility:hidden;pointer-events:none}.at:hover .seen{visibility:visible}
.line.c0{stroke:var(--c0)}.line.c1{stroke:var(--c1)}.line.c2{stroke:var(--c2)}
.line.c3{stroke:var(--c3)}.line.c4{stroke:var(--c4)}.line.c5{stroke:var(--c5)}
.dot.c0{fill:var(--c0)}.dot.c1{fill:var(--c1)}.dot.c2{fill:var(--c2)}.dot.c3{fill:var(--c3)}
.dot.c4{fill:var(--c4)}.dot.c5{fill:var(--c5)}";

/// A drawing without its frame.
#[derive(Clone, Debug, Default)]
pub struct Drawing {
    /// What is shown.
    pub title: String,
    /// Units from top to bottom.
    pub height: f64,
    /// Names of colours, from the first on.
    pub legend: Vec<String>,
    /// SVG elements.
    pub body: String,
}

impl Drawing {
    /// The drawing as part of a page that has [`PALETTE`] and [`STYLE`].
    pub fn inline(&self) -> String {
        format!("<figure>{}</figure>\n", self.element("", ""))
    }

    /// The drawing as a file of its own.
    pub fn file(&self) -> String {
        let style = format!("<style>{PALETTE}{STYLE}</style>");
        let ground =
            format!("<rect class=\"ground\" width=\"{WIDTH}\" height=\"{}\"/>", self.height);
        self.element(" xmlns=\"http://www.w3.org/2000/svg\"", &(style + &ground)) + "\n"
    }

    fn element(&self, attributes: &str, before: &str) -> String {
        let (title, height) = (escape(&self.title), self.height);
        let mut svg = format!(
            "<svg class=\"plot\"{attributes} viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
             aria-label=\"{title}\">{before}\
             <text class=\"title start\" x=\"4\" y=\"{TITLE_Y}\">{title}</text>"
        );
        self.write_legend(&mut svg);
        svg + &self.body + "</svg>"
    }

    fn write_legend(&self, svg: &mut String) {
        let mut x = 6.0;
        for (number, name) in self.legend.iter().enumerate() {
            let colour = colour(number);
            let _ = write!(
                svg,
                "<rect class=\"dot {colour}\" x=\"{x:.0}\" y=\"{:.0}\" width=\"12\" height=\"4\" \
                 rx=\"2\"/><text class=\"start ink\" x=\"{:.0}\" y=\"{LEGEND_Y}\">{}</text>",
                LEGEND_Y - 6.0,
                x + 17.0,
                escape(name)
            );
            x += 36.0 + name.chars().count() as f64 * LEGEND_CHAR;
        }
    }
}

/// The class of the `number`-th colour.
pub fn colour(number: usize) -> String {
    format!("c{}", number % COLOURS)
}

/// A number in few characters.
pub fn short(value: f64) -> String {
    let trim = |text: String| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    };
    match value.abs() {
        v if v >= 1e6 => trim(format!("{:.2}", value / 1e6)) + "M",
        v if v >= 1e3 => trim(format!("{:.1}", value / 1e3)) + "k",
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => trim(format!("{value:.1}")),
        _ => trim(format!("{value:.3}")),
    }
}

/// Text as HTML takes it.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_carries_its_style_and_a_page_does_not() {
        let drawing = Drawing {
            title: "a<b".to_owned(),
            height: 100.0,
            legend: vec!["one".to_owned(), "two".to_owned()],
            body: "<path/>".to_owned(),
        };
        let (file, inline) = (drawing.file(), drawing.inline());
        assert!(file.starts_with("<svg") && file.contains("xmlns=") && file.contains("--bg"));
        assert!(inline.starts_with("<figure>") && !inline.contains("http"));
        for text in [file, inline] {
            assert!(text.contains("a&lt;b") && text.contains("dot c1") && text.contains("two"));
            assert_eq!(text.matches("<svg").count(), text.matches("</svg>").count());
        }
    }

    #[test]
    fn numbers_are_short() {
        let shown = [1_500_000.0, 20_000.0, 0.5, 100.0, 12.34, 0.0].map(short);
        assert_eq!(shown, ["1.5M", "20k", "0.5", "100", "12.3", "0"]);
    }
}
