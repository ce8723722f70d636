//! The last lines of the log about each pipeline, for whoever asks for them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Lines that are kept of a pipeline.
pub const LINES_MAX: usize = 100;
/// Bytes that are kept of a line.
pub const LINE_BYTES_MAX: usize = 1024;
/// Pipelines of which lines are kept; one more takes the place of the one that has been silent for
/// the longest time.
pub const PIPELINES_MAX: usize = 1000;

/// The lines of one pipeline.
#[derive(Default)]
struct Kept {
    lines: VecDeque<String>,
    /// When the last one came, as a number that grows with every line.
    last: u64,
}

#[derive(Default)]
struct All {
    pipelines: HashMap<String, Kept>,
    count: u64,
}

/// The last lines about all pipelines.
#[derive(Default)]
pub struct Logs(Mutex<All>);

impl Logs {
    fn all(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a line about a pipeline.
    pub fn add(&self, pipeline: &str, line: &str) {
        let mut all = self.all();
        all.count += 1;
        let now = all.count;
        if !all.pipelines.contains_key(pipeline) && all.pipelines.len() >= PIPELINES_MAX {
            let silent = all.pipelines.iter().min_by_key(|(_, kept)| kept.last);
            if let Some(silent) = silent.map(|(name, _)| name.clone()) {
                all.pipelines.remove(&silent);
            }
        }
        let kept = all.pipelines.entry(pipeline.to_owned()).or_default();
        if kept.lines.len() >= LINES_MAX {
            kept.lines.pop_front();
        }
        kept.lines.push_back(cut(line.trim_end()).to_owned());
        kept.last = now;
    }

    /// The last lines about a pipeline, the oldest first.
    #[must_use]
    pub fn lines(&self, pipeline: &str) -> Vec<String> {
        let all = self.all();
        let kept = all.pipelines.get(pipeline);
        kept.map(|kept| kept.lines.iter().cloned().collect()).unwrap_or_default()
    }

    /// Lets go of the lines about a pipeline.
    pub fn forget(&self, pipeline: &str) {
        self.all().pipelines.remove(pipeline);
    }
}

/// The beginning of a line.
fn cut(line: &str) -> &str {
    let end = (0..=LINE_BYTES_MAX.min(line.len())).rev().find(|at| line.is_char_boundary(*at));
    line.get(..end.unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_and_long_ones_cut() {
        let logs = Logs::default();
        for n in 0..LINES_MAX + 5 {
            logs.add("a", &format!("line {n}\n"));
        }
        let lines = logs.lines("a");
        assert_eq!(lines.len(), LINES_MAX);
        assert_eq!((lines[0].as_str(), lines[99].as_str()), ("line 5", "line 104"));
        logs.add("b", &format!("x{}", "é".repeat(LINE_BYTES_MAX)));
        assert_eq!(logs.lines("b")[0].len(), LINE_BYTES_MAX - 1, "no half character");
        logs.forget("a");
        assert!(logs.lines("a").is_empty());
        assert_eq!(logs.lines("b").len(), 1);
    }

    #[test]
    fn the_pipeline_that_was_silent_for_the_longest_time_makes_room() {
        let logs = Logs::default();
        for n in 0..PIPELINES_MAX {
            logs.add(&n.to_string(), "first");
        }
        logs.add("0", "second");
        logs.add("new", "first");
        assert_eq!(logs.lines("0"), ["first", "second"]);
        assert!(logs.lines("1").is_empty());
        assert_eq!(logs.lines("2"), ["first"]);
        assert_eq!(logs.lines("new"), ["first"]);
    }
}
