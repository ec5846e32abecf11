//! Line plots as SVG.
//!
//! Owns scales, grids and lines. Invariant: every point lies within the frame, and its figures can
//! be read by pointing at it. Cost: one pass over the points; of very many only some can be
//! pointed at.

use std::fmt::Write;

use crate::drawing::{Drawing, WIDTH, colour, escape, short};

const HEIGHT: f64 = 300.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 18.0;
const TOP: f64 = 54.0;
const BOTTOM: f64 = 42.0;
/// Grid lines a linear scale has at most.
const STEPS_MAX: f64 = 6.0;
/// Decades a logarithmic scale may have and still show its twos and fives.
const FINE_DECADES_MAX: f64 = 2.5;
/// Places of x that can be pointed at.
const POINTED_MAX: usize = 120;
/// Points a line may have and still show each of them.
const DOTS_MAX: usize = 40;

/// One line of a plot.
#[derive(Clone, Debug, Default)]
pub struct Line<'a> {
    /// Its name in the legend.
    pub name: &'a str,
    /// Its points, from left to right.
    pub points: Vec<(f64, f64)>,
}

/// A plot of lines that share their scales.
#[derive(Clone, Debug, Default)]
pub struct Plot<'a> {
    /// What is shown.
    pub title: &'a str,
    /// What x counts, with its unit.
    pub x: &'a str,
    /// What y counts, with its unit.
    pub y: &'a str,
    /// Whether x grows by factors.
    pub logarithmic_x: bool,
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

    /// From the last round number below `min` to the first one above `max`.
    fn logarithmic(min: f64, max: f64) -> Axis {
        let (min, max) = (min.max(1e-3), max.max(2e-3));
        let powers = min.log10().floor() as i32..=max.log10().ceil() as i32;
        let round: Vec<f64> =
            powers.flat_map(|power| [1.0, 2.0, 5.0].map(|f| f * 10_f64.powi(power))).collect();
        let close = 1.0 + 1e-9;
        let low = round.iter().rfind(|tick| **tick <= min * close).copied().unwrap_or(min);
        let high = round.iter().find(|tick| **tick * close >= max && **tick > low).copied();
        let high = high.unwrap_or(max);
        let fine = (high / low).log10() <= FINE_DECADES_MAX;
        let whole = |tick: f64| (tick.log10() - tick.log10().round()).abs() < 1e-9;
        let within = |tick: &f64| (low..=high).contains(tick) && (fine || whole(*tick));
        let ticks = round.iter().copied().filter(within).collect();
        Axis { min: low, max: high, logarithmic: true, ticks }
    }

    /// 0 at the smallest value, 1 at the largest.
    fn place(&self, value: f64) -> f64 {
        let place = if self.logarithmic {
            (value.max(self.min) / self.min).log10() / (self.max / self.min).log10()
        } else {
            (value - self.min) / (self.max - self.min)
        };
        place.clamp(0.0, 1.0)
    }
}

/// Both axes, and where values lie on the drawing.
struct Frame {
    x: Axis,
    y: Axis,
}

impl Frame {
    fn x(&self, value: f64) -> f64 {
        LEFT + self.x.place(value) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - self.y.place(value) * (HEIGHT - TOP - BOTTOM)
    }
}

impl Plot<'_> {
    /// The drawing as part of a page; nothing when no line has a point.
    pub fn svg(&self) -> String {
        self.drawing().map(|drawing| drawing.inline()).unwrap_or_default()
    }

    /// The drawing as a file of its own; `None` when no line has a point.
    pub fn file(&self) -> Option<String> {
        self.drawing().map(|drawing| drawing.file())
    }

    fn drawing(&self) -> Option<Drawing> {
        let frame = self.frame()?;
        let mut body = String::new();
        self.write_grid(&mut body, &frame);
        for (number, line) in self.lines.iter().enumerate() {
            write_line(&mut body, line, number, &frame);
        }
        self.write_pointed(&mut body, &frame);
        let legend = self.lines.iter().map(|line| line.name.to_owned()).collect();
        Some(Drawing { title: self.title.to_owned(), height: HEIGHT, legend, body })
    }

    fn frame(&self) -> Option<Frame> {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        points().next()?;
        let min = |f: fn(&(f64, f64)) -> f64| points().map(f).fold(f64::INFINITY, f64::min);
        let max = |f: fn(&(f64, f64)) -> f64| points().map(f).fold(f64::NEG_INFINITY, f64::max);
        let x = match self.logarithmic_x {
            true => Axis::logarithmic(min(|p| p.0), max(|p| p.0)),
            false => Axis::linear(min(|p| p.0).min(0.0), max(|p| p.0)),
        };
        let y = match self.logarithmic {
            true => Axis::logarithmic(min(|p| p.1), max(|p| p.1)),
            false => Axis::linear(0.0, max(|p| p.1) * 1.05),
        };
        Some(Frame { x, y })
    }

    fn write_grid(&self, svg: &mut String, frame: &Frame) {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        for &tick in &frame.y.ticks {
            let (y, text) = (frame.y(tick), short(tick));
            let _ = write!(
                svg,
                "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/>\
                 <text class=\"end\" x=\"{:.0}\" y=\"{:.1}\">{text}</text>",
                LEFT - 8.0,
                y + 4.0,
            );
        }
        for &tick in &frame.x.ticks {
            let (x, y, text) = (frame.x(tick), bottom + 16.0, short(tick));
            let _ = write!(svg, "<path class=\"grid\" d=\"M{x:.1} {bottom}v4\"/>");
            let _ = write!(svg, "<text x=\"{x:.1}\" y=\"{y:.0}\">{text}</text>");
        }
        let _ = write!(
            svg,
            "<path class=\"axis\" d=\"M{LEFT} {bottom}H{right}\"/>\
             <text x=\"{:.0}\" y=\"{:.0}\">{}</text>\
             <text transform=\"rotate(-90)\" x=\"{:.0}\" y=\"14\">{}</text>",
            f64::midpoint(LEFT, right),
            HEIGHT - 6.0,
            escape(self.x),
            -f64::midpoint(TOP, bottom),
            escape(self.y),
        );
    }

    /// A strip around each place of x that shows the figures there while it is pointed at.
    fn write_pointed(&self, svg: &mut String, frame: &Frame) {
        let mut places: Vec<f64> =
            self.lines.iter().flat_map(|line| &line.points).map(|point| point.0).collect();
        places.sort_by(f64::total_cmp);
        places.dedup();
        let every = places.len().div_ceil(POINTED_MAX).max(1);
        let places: Vec<f64> = places.into_iter().step_by(every).collect();
        for (index, &place) in places.iter().enumerate() {
            let x = frame.x(place);
            let half = |other: Option<&f64>, edge| {
                other.map_or(edge, |other| f64::midpoint(frame.x(*other), x))
            };
            let before = index.checked_sub(1).and_then(|before| places.get(before));
            let (from, to) = (half(before, LEFT), half(places.get(index + 1), WIDTH - RIGHT));
            let (top, height) = (TOP, HEIGHT - TOP - BOTTOM);
            let _ = write!(
                svg,
                "<g class=\"at\"><rect class=\"hit\" x=\"{from:.1}\" y=\"{top}\" \
                 width=\"{:.1}\" height=\"{height}\"/><g class=\"seen\">\
                 <path class=\"axis\" d=\"M{x:.1} {top}v{height}\"/>",
                (to - from).max(0.5),
            );
            self.write_figures(svg, frame, place);
            svg.push_str("</g></g>");
        }
    }

    /// A dot on every line at `place`, and a box with their figures.
    fn write_figures(&self, svg: &mut String, frame: &Frame, place: f64) {
        let found = self.lines.iter().enumerate().filter_map(|(number, line)| {
            let point = line.points.iter().find(|point| point.0 == place)?;
            Some((number, line.name, point.1))
        });
        let mut rows = vec![(None, format!("{} {}", short(place), self.x))];
        let x = frame.x(place);
        for (number, name, value) in found {
            let (y, class) = (frame.y(value), colour(number));
            let _ =
                write!(svg, "<circle class=\"dot {class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>");
            rows.push((Some(class), format!("{name}: {} {}", short(value), self.y)));
        }
        let longest = rows.iter().map(|row| row.1.chars().count()).max().unwrap_or(0);
        let (width, height) = (longest as f64 * 6.2 + 22.0, rows.len() as f64 * 15.0 + 8.0);
        let left = if x > WIDTH / 2.0 { x - width - 10.0 } else { x + 10.0 };
        let _ = write!(
            svg,
            "<rect class=\"box\" x=\"{left:.1}\" y=\"{TOP}\" width=\"{width:.0}\" \
             height=\"{height:.0}\" rx=\"4\"/>"
        );
        for (index, (class, text)) in rows.iter().enumerate() {
            let y = TOP + 16.0 + index as f64 * 15.0;
            if let Some(class) = class {
                let (x, y) = (left + 9.0, y - 4.0);
                let _ = write!(
                    svg,
                    "<circle class=\"dot {class}\" cx=\"{x:.1}\" cy=\"{y}\" r=\"3.5\"/>"
                );
            }
            let (x, text) = (left + 17.0, escape(text));
            let _ = write!(svg, "<text class=\"start ink\" x=\"{x:.1}\" y=\"{y}\">{text}</text>");
        }
    }
}

fn write_line(svg: &mut String, line: &Line<'_>, number: usize, frame: &Frame) {
    let (mut path, class) = (String::new(), colour(number));
    for (index, (x, y)) in line.points.iter().enumerate() {
        let letter = if index == 0 { 'M' } else { 'L' };
        let _ = write!(path, "{letter}{:.1} {:.1}", frame.x(*x), frame.y(*y));
    }
    let _ = write!(svg, "<path class=\"line {class}\" d=\"{path}\"/>");
    if line.points.len() <= DOTS_MAX {
        for (x, y) in &line.points {
            let (x, y) = (frame.x(*x), frame.y(*y));
            let _ = write!(
                svg,
                "<circle class=\"dot {class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\"/>"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_drawn_inside_the_frame() {
        let points = vec![(1.0, 10.0), (2.0, 5_000.0), (3.0, 0.0)];
        for (logarithmic, logarithmic_x) in [(false, false), (true, true), (true, false)] {
            let lines = vec![Line { name: "a<b", points: points.clone() }];
            let plot =
                Plot { title: "t", x: "s", logarithmic, logarithmic_x, lines, ..Plot::default() };
            let svg = plot.svg();
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
    fn every_point_of_a_short_line_can_be_pointed_at_and_of_a_long_one_some() {
        let draw = |count: u32| {
            let points = (0..count).map(|x| (f64::from(x), 7.0)).collect();
            let lines = vec![Line { name: "a", points }];
            Plot { title: "t", x: "s", y: "µs", lines, ..Plot::default() }.svg()
        };
        assert_eq!(draw(3).matches("class=\"at\"").count(), 3);
        assert!(draw(3).contains("a: 7 µs") && draw(3).contains("2 s"));
        assert!(draw(10_000).matches("class=\"at\"").count() <= POINTED_MAX);
    }

    #[test]
    fn nothing_to_show_is_nothing() {
        let plot = Plot { lines: vec![Line { name: "a", points: Vec::new() }], ..Plot::default() };
        assert_eq!((plot.svg(), plot.file()), (String::new(), None));
    }

    #[test]
    fn grids_are_round() {
        assert_eq!(Axis::linear(0.0, 10.0).ticks, [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        let decades = Axis::logarithmic(7.0, 8000.0);
        assert_eq!(
            (decades.ticks, decades.min, decades.max),
            (vec![10.0, 100.0, 1000.0, 10_000.0], 5.0, 10_000.0)
        );
        assert_eq!(Axis::logarithmic(90.0, 410.0).ticks, [50.0, 100.0, 200.0, 500.0]);
        let flat = Axis::logarithmic(100.0, 100.0);
        assert!(flat.max > flat.min);
    }
}
