//! Line plots as SVG.
//!
//! Owns scales, grids and lines. Invariant: colours are names of the page's styles, so that one
//! drawing serves light and dark. Cost: one pass over the points.

use std::fmt::Write;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 34.0;
/// Grid lines a linear scale has at most.
const STEPS_MAX: f64 = 6.0;

/// One line of a plot.
pub struct Line<'a> {
    /// Its name in the legend.
    pub name: &'a str,
    /// Its points, from left to right.
    pub points: Vec<(f64, f64)>,
}

/// A plot of lines that share their scales.
pub struct Plot<'a> {
    /// What is shown.
    pub title: &'a str,
    /// The unit of x.
    pub x: &'a str,
    /// Whether y grows by factors.
    pub logarithmic: bool,
    /// The lines.
    pub lines: Vec<Line<'a>>,
}

/// The values at the edges of an axis and where the grid goes.
struct Axis {
    min: f64,
    max: f64,
    logarithmic: bool,
    ticks: Vec<f64>,
}

impl Axis {
    fn linear(min: f64, max: f64) -> Axis {
        let max = if max > min { max } else { min + 1.0 };
        let rough = (max - min) / STEPS_MAX;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|f| f * power);
        let step = step.into_iter().find(|step| *step >= rough).unwrap_or(10.0 * power);
        let first = (min / step).ceil() as i64;
        let last = (max / step).floor() as i64;
        let ticks = (first..=last).map(|tick| tick as f64 * step).collect();
        Axis { min, max, logarithmic: false, ticks }
    }

    fn logarithmic(min: f64, max: f64) -> Axis {
        let floor = min.max(1e-3).log10().floor() as i32;
        let ceil = (max.max(1e-3).log10().ceil() as i32).max(floor + 1);
        let ticks: Vec<f64> = (floor..=ceil).map(|power| 10_f64.powi(power)).collect();
        let (min, max) = (ticks[0], ticks[ticks.len() - 1]);
        Axis { min, max, logarithmic: true, ticks }
    }

    /// 0 at the smallest value, 1 at the largest.
    fn place(&self, value: f64) -> f64 {
        if self.logarithmic {
            let log = |value: f64| value.max(self.min).log10();
            (log(value) - log(self.min)) / (log(self.max) - log(self.min))
        } else {
            (value - self.min) / (self.max - self.min)
        }
    }
}

impl Plot<'_> {
    /// The drawing; nothing when no line has a point.
    pub fn svg(&self) -> String {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        if points().next().is_none() {
            return String::new();
        }
        let min = |f: fn(&(f64, f64)) -> f64| points().map(f).fold(f64::INFINITY, f64::min);
        let max = |f: fn(&(f64, f64)) -> f64| points().map(f).fold(f64::NEG_INFINITY, f64::max);
        let x_axis = Axis::linear(min(|p| p.0).min(0.0), max(|p| p.0));
        let y_axis = if self.logarithmic {
            Axis::logarithmic(min(|p| p.1), max(|p| p.1))
        } else {
            Axis::linear(0.0, max(|p| p.1) * 1.05)
        };
        let mut svg = format!(
            "<figure><figcaption>{}</figcaption>\
             <svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">",
            escape(self.title)
        );
        grid(&mut svg, &x_axis, &y_axis, self.x);
        for (number, line) in self.lines.iter().enumerate() {
            draw(&mut svg, line, number, &x_axis, &y_axis);
        }
        svg.push_str("</svg><p class=\"legend\">");
        for (number, line) in self.lines.iter().enumerate() {
            let _ = write!(svg, "<span class=\"c{number}\">{}</span> ", escape(line.name));
        }
        svg.push_str("</p></figure>\n");
        svg
    }
}

fn x_at(axis: &Axis, value: f64) -> f64 {
    LEFT + axis.place(value) * (WIDTH - LEFT - RIGHT)
}

fn y_at(axis: &Axis, value: f64) -> f64 {
    HEIGHT - BOTTOM - axis.place(value) * (HEIGHT - TOP - BOTTOM)
}

fn grid(svg: &mut String, x_axis: &Axis, y_axis: &Axis, unit: &str) {
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for &tick in &y_axis.ticks {
        let y = y_at(y_axis, tick);
        let _ = write!(
            svg,
            "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/>\
             <text class=\"y\" x=\"{:.0}\" y=\"{:.1}\">{}</text>",
            LEFT - 8.0,
            y + 4.0,
            short(tick)
        );
    }
    for &tick in &x_axis.ticks {
        let x = x_at(x_axis, tick);
        let _ = write!(svg, "<text x=\"{x:.1}\" y=\"{:.0}\">{}</text>", bottom + 16.0, short(tick));
    }
    let _ = write!(
        svg,
        "<text class=\"unit\" x=\"{right}\" y=\"{:.0}\">{}</text>",
        HEIGHT - 4.0,
        escape(unit)
    );
}

fn draw(svg: &mut String, line: &Line<'_>, number: usize, x_axis: &Axis, y_axis: &Axis) {
    let mut path = String::new();
    for (index, (x, y)) in line.points.iter().enumerate() {
        let letter = if index == 0 { 'M' } else { 'L' };
        let _ = write!(path, "{letter}{:.1} {:.1}", x_at(x_axis, *x), y_at(y_axis, *y));
    }
    let _ = write!(svg, "<path class=\"line c{number}\" d=\"{path}\"/>");
    if let [(x, y)] = line.points[..] {
        let (x, y) = (x_at(x_axis, x), y_at(y_axis, y));
        let _ =
            write!(svg, "<circle class=\"dot c{number}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>");
    }
}

/// A number in few characters.
fn short(value: f64) -> String {
    let trim = |text: String| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    };
    match value.abs() {
        v if v >= 1e6 => trim(format!("{:.2}", value / 1e6)) + "M",
        v if v >= 1e3 => trim(format!("{:.1}", value / 1e3)) + "k",
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
    fn every_line_is_drawn_inside_the_frame() {
        let points = vec![(1.0, 10.0), (2.0, 5_000.0), (3.0, 0.0)];
        for logarithmic in [false, true] {
            let lines = vec![Line { name: "a<b", points: points.clone() }];
            let svg = Plot { title: "t", x: "s", logarithmic, lines }.svg();
            assert!(svg.contains("a&lt;b") && svg.contains("class=\"line c0\""), "{svg}");
            let path = svg.split("line c0\" d=\"").nth(1).unwrap().split('"').next().unwrap();
            for pair in path.split(['M', 'L']).filter(|pair| !pair.is_empty()) {
                let (x, y) = pair.split_once(' ').unwrap();
                let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
                assert!((LEFT..=WIDTH).contains(&x) && (0.0..=HEIGHT).contains(&y), "{pair}");
            }
        }
    }

    #[test]
    fn nothing_to_show_is_nothing() {
        let lines = vec![Line { name: "a", points: Vec::new() }];
        assert_eq!(Plot { title: "t", x: "s", logarithmic: false, lines }.svg(), "");
    }

    #[test]
    fn grids_are_round_and_numbers_short() {
        assert_eq!(Axis::linear(0.0, 10.0).ticks, [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(Axis::logarithmic(7.0, 800.0).ticks, [1.0, 10.0, 100.0, 1000.0]);
        assert_eq!([1_500_000.0, 20_000.0, 0.5, 100.0].map(short), ["1.5M", "20k", "0.5", "100"]);
    }
}
