//! What is seen while a load runs: a line that renews itself on a terminal, a line every ten
//! seconds elsewhere.
//!
//! Owns standard error during a run. Invariant: nothing but whole lines reaches a file. Cost: one
//! write a second.

use std::io::{self, Write};

use crate::load::Second;

/// Seconds between two lines where there is no terminal.
const PLAIN_EVERY_S: usize = 10;
/// Seconds whose throughput the little plot shows.
const BARS_MAX: usize = 24;

/// The view of a run.
pub struct Live {
    terminal: bool,
    recent: Vec<f64>,
    stage: String,
    /// Seconds the stage takes, when it is known.
    whole_s: Option<f64>,
}

impl Live {
    /// A view for a terminal, or for anything else.
    pub fn new(terminal: bool) -> Live {
        Live { terminal, recent: Vec::new(), stage: String::new(), whole_s: None }
    }

    /// A line that stays.
    pub fn say(&mut self, text: &str) {
        self.end();
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Says how long the stages that follow take; `None` where nobody knows.
    pub fn expect(&mut self, whole_s: Option<f64>) {
        self.whole_s = whole_s;
    }

    /// Shows one more second of a stage.
    pub fn show(&mut self, stage: &str, second: &Second) {
        if self.stage != stage {
            self.end();
            self.stage = stage.to_owned();
            self.recent.clear();
        }
        self.recent.push(second.answers_per_s);
        if self.recent.len() > BARS_MAX {
            self.recent.remove(0);
        }
        let mut out = io::stderr();
        if self.terminal {
            let _ = write!(
                out,
                "\r\x1b[2K{}{} {}",
                done(second.at_s, self.whole_s),
                line(stage, second),
                bars(&self.recent)
            );
        } else if second.at_s.is_multiple_of(PLAIN_EVERY_S) {
            let _ = writeln!(out, "{}", line(stage, second));
        }
        let _ = out.flush();
    }

    /// Ends the line that renews itself.
    pub fn end(&mut self) {
        if self.terminal && !self.stage.is_empty() {
            let _ = writeln!(io::stderr());
        }
        self.stage.clear();
    }
}

fn line(stage: &str, second: &Second) -> String {
    let latencies = &second.latencies;
    let cpu = second.cpu_ns_per_op.map(|ns| format!(", server {ns:.0} ns/op"));
    format!(
        "{stage} {} s: {:.0}k/s, p50 {:.0} µs, p99 {:.0} µs, p99.9 {:.0} µs, max {:.0} µs{}",
        second.at_s,
        second.answers_per_s / 1000.0,
        latencies.p50_us,
        latencies.p99_us,
        latencies.p999_us,
        latencies.max_us,
        cpu.unwrap_or_default(),
    )
}

/// How much of a stage is over; nothing where nobody knows its length.
fn done(at_s: usize, whole_s: Option<f64>) -> String {
    const CELLS: usize = 10;
    let Some(whole_s) = whole_s.filter(|whole_s| *whole_s > 0.0) else { return String::new() };
    let share = (at_s as f64 / whole_s).min(1.0);
    let full = (share * CELLS as f64) as usize;
    let bar = "█".repeat(full) + &"░".repeat(CELLS - full);
    format!("{bar} {:>3.0} % ", share * 100.0)
}

fn bars(values: &[f64]) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let top = values.iter().copied().fold(1.0, f64::max);
    values.iter().map(|value| BLOCKS[((value / top * 7.0).round() as usize).min(7)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_show_the_course() {
        assert_eq!(bars(&[0.0, 50.0, 100.0]), "▁▅█");
        assert_eq!(bars(&[]), "");
    }

    #[test]
    fn progress_is_shown_where_the_length_is_known() {
        assert_eq!(done(3, Some(12.0)), "██░░░░░░░░  25 % ");
        assert_eq!(done(13, Some(12.0)), "██████████ 100 % ");
        assert_eq!(done(3, None), "");
    }

    #[test]
    fn a_line_names_what_it_shows() {
        let second = Second { at_s: 3, answers_per_s: 123_456.0, ..Second::default() };
        assert!(line("warm-up", &second).starts_with("warm-up 3 s: 123k/s, p50 0 µs"));
    }
}
