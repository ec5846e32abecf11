//! Horizontal bars as SVG: one row a scenario, beside the most it may be.
//!
//! Owns rows and their scale. Invariant: bars begin at zero, so their lengths compare. Cost: one
//! pass over the rows.

use std::fmt::Write;

use crate::drawing::{Drawing, WIDTH, colour, escape, short};
use crate::spread::Spread;

const LEFT: f64 = 150.0;
const RIGHT: f64 = 70.0;
const TOP: f64 = 52.0;
const BOTTOM: f64 = 40.0;
const ROW: f64 = 26.0;
/// Grid lines of the scale.
const STEPS: u32 = 4;

/// One row.
#[derive(Clone, Debug)]
pub struct Bar {
    /// What is measured.
    pub name: String,
    /// The figure; its median is the bar, its range the whisker.
    pub figure: Spread,
    /// The most it may be.
    pub at_most: Option<f64>,
}

/// Rows that share a scale.
#[derive(Clone, Debug)]
pub struct Bars<'a> {
    /// What is shown.
    pub title: &'a str,
    /// What is counted, with its unit.
    pub unit: &'a str,
    /// What stands where the figure is one, for ratios.
    pub one: Option<&'a str>,
    /// The rows, from the top.
    pub rows: Vec<Bar>,
}

impl Bars<'_> {
    /// The drawing as a file of its own; `None` without rows.
    pub fn file(&self) -> Option<String> {
        if self.rows.is_empty() {
            return None;
        }
        let most = |bar: &Bar| bar.figure.max.max(bar.at_most.unwrap_or(0.0));
        let top = self.rows.iter().map(most).fold(self.one.map_or(0.0, |_| 1.0), f64::max);
        let scale = round_up(top);
        let height = TOP + ROW * self.rows.len() as f64 + BOTTOM;
        let mut body = String::new();
        self.write_grid(&mut body, scale, height);
        for (index, bar) in self.rows.iter().enumerate() {
            write_bar(&mut body, bar, TOP + ROW * index as f64, scale);
        }
        let title = self.title.to_owned();
        let legend = vec!["within the bar".to_owned(), "above it".to_owned()];
        let judged = self.rows.iter().any(|bar| bar.at_most.is_some());
        let legend = if judged { legend } else { Vec::new() };
        Some(Drawing { title, height, legend, body }.file())
    }

    fn write_grid(&self, svg: &mut String, scale: f64, height: f64) {
        let bottom = height - BOTTOM;
        for step in 0..=STEPS {
            let value = scale * f64::from(step) / f64::from(STEPS);
            let (x, y, text) = (x_at(value, scale), bottom + 16.0, short(value));
            let _ = write!(
                svg,
                "<path class=\"grid\" d=\"M{x:.1} {TOP}V{bottom:.1}\"/>\
                 <text x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>"
            );
        }
        if let Some(name) = self.one {
            let (x, y) = (x_at(1.0, scale), TOP - 5.0);
            let _ = write!(
                svg,
                "<path class=\"axis\" stroke-dasharray=\"4 3\" d=\"M{x:.1} {TOP}V{bottom:.1}\"/>\
                 <text x=\"{x:.1}\" y=\"{y:.1}\">{}</text>",
                escape(name)
            );
        }
        let (x, y) = (f64::midpoint(LEFT, WIDTH - RIGHT), height - 6.0);
        let _ = write!(svg, "<text x=\"{x:.0}\" y=\"{y:.0}\">{}</text>", escape(self.unit));
    }
}

fn write_bar(svg: &mut String, bar: &Bar, top: f64, scale: f64) {
    let Spread { min, median, max } = bar.figure;
    let above = bar.at_most.is_some_and(|most| median > most);
    let (class, middle) = (colour(usize::from(above)), top + ROW / 2.0);
    let (from, to) = (x_at(min, scale), x_at(max, scale));
    let width = x_at(median, scale) - LEFT;
    let _ = write!(
        svg,
        "<text class=\"end ink\" x=\"{:.0}\" y=\"{:.1}\">{}</text>\
         <rect class=\"dot {class}\" x=\"{LEFT}\" y=\"{:.1}\" width=\"{width:.1}\" \
         height=\"{:.0}\" rx=\"2\"/>\
         <path class=\"whisker\" d=\"M{from:.1} {middle:.1}H{to:.1}\"/>\
         <text class=\"start ink\" x=\"{:.0}\" y=\"{:.1}\">{}</text>",
        LEFT - 8.0,
        middle + 4.0,
        escape(&bar.name),
        top + 5.0,
        ROW - 10.0,
        WIDTH - RIGHT + 10.0,
        middle + 4.0,
        figure_text(median),
    );
    if let Some(most) = bar.at_most {
        let (x, y) = (x_at(most, scale), top + 2.0);
        let _ = write!(svg, "<path class=\"mark\" d=\"M{x:.1} {y:.1}v{:.0}\"/>", ROW - 4.0);
    }
}

fn figure_text(value: f64) -> String {
    if value < 10.0 { format!("{value:.2}") } else { short(value) }
}

fn x_at(value: f64, scale: f64) -> f64 {
    LEFT + (value / scale).clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
}

/// The next number that four steps divide well.
fn round_up(value: f64) -> f64 {
    let power = 10_f64.powf(value.max(1e-9).log10().floor());
    let steps = [1.0, 1.2, 1.6, 2.0, 2.4, 3.2, 4.0, 6.0, 8.0, 10.0];
    steps.into_iter().map(|step| step * power).find(|round| *round >= value).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_above_what_they_may_be_have_another_colour() {
        let bar = |median, at_most| {
            let figure = Spread { min: median - 0.1, median, max: median + 0.1 };
            Bar { name: "GET <32>".to_owned(), figure, at_most }
        };
        let rows = vec![bar(0.3, Some(0.45)), bar(0.9, Some(0.45)), bar(0.5, None)];
        let svg = Bars { title: "t", unit: "u", one: Some("Redis"), rows }.file().unwrap();
        let count = |text: &str| svg.matches(text).count();
        assert_eq!(count("class=\"mark\""), 2);
        assert_eq!(
            (count("rect class=\"dot c0\" x=\"150"), count("rect class=\"dot c1\" x=\"150")),
            (2, 1)
        );
        assert!(svg.contains("GET &lt;32&gt;") && svg.contains(">0.90<"));
        assert!(Bars { title: "t", unit: "u", one: None, rows: Vec::new() }.file().is_none());
    }

    #[test]
    fn scales_end_at_round_numbers() {
        let rounded = [1.0, 1.1, 0.93, 1234.0, 250.0].map(round_up);
        for (found, expected) in rounded.into_iter().zip([1.0, 1.2, 1.0, 1600.0, 320.0]) {
            assert!((found - expected).abs() < 1e-9, "{found}");
        }
    }
}
