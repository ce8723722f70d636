//! Rounds: every subject once per round, in rotating order, so that drift hits all alike.

use std::path::Path;
use std::time::Duration;

use crate::calibration::Factor;
use crate::check::{check, discard, gather};
use crate::error::{Error, Result};
use crate::machine::{self, Spin};
use crate::measure::{self, Usage};
use crate::peers::{How, Role, Run, Subject};

/// One run of one subject.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) usage: Usage,
    /// What the same program takes with nothing to do, where that was measured.
    pub(crate) idle: Option<Usage>,
}

/// Whether a subject's figures count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// All runs ended well and all checked outputs were right.
    Good,
    /// It was not there.
    Skipped(String),
    /// A run did not end well.
    Failed(String),
    /// An output was not the expected one.
    Wrong(String),
}

/// A subject after all rounds.
pub(crate) struct Outcome {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) state: State,
    /// Records in its input.
    pub(crate) count: u64,
    /// Its runs by round; nothing from the round on in which it failed.
    pub(crate) samples: Vec<Option<Sample>>,
    /// Set when its figures are a multiple of jq's.
    pub(crate) factor: Option<Factor>,
}

/// Everything measured on one workload.
pub(crate) struct Rounds {
    pub(crate) outcomes: Vec<Outcome>,
    /// By round: what was lost of the machine; empty for a clean round.
    pub(crate) marks: Vec<Vec<String>>,
}

/// How rounds are run.
pub(crate) struct Settings<'a> {
    pub(crate) rounds: usize,
    pub(crate) timeout: Duration,
    pub(crate) scratch: &'a Path,
}

/// Runs the rounds; `progress` is told each step.
pub(crate) fn run(
    subjects: &[Subject],
    settings: &Settings,
    spin: &mut Spin,
    mut progress: impl FnMut(&str),
) -> Rounds {
    let mut outcomes: Vec<Outcome> = subjects.iter().map(outcome).collect();
    let mut marks = Vec::new();
    for round in 0..settings.rounds {
        let mut marked: Vec<String> = spin.check().into_iter().collect();
        for i in (0..subjects.len()).map(|i| (i + round) % subjects.len()) {
            let (Some(subject), Some(outcome)) = (subjects.get(i), outcomes.get_mut(i)) else {
                continue;
            };
            let sample = match (&subject.how, &outcome.state) {
                (How::Run(run), State::Good) => {
                    progress(&format!("round {}: {}", round + 1, subject.name));
                    // The engine's output is checked every time, a peer's once.
                    let checked = subject.role == Role::Own || round == 0;
                    turn(run, checked, settings, outcome, &mut marked)
                }
                _ => None,
            };
            outcome.samples.push(sample);
        }
        marks.push(marked);
    }
    Rounds { outcomes, marks }
}

fn outcome(subject: &Subject) -> Outcome {
    let (state, count, factor) = match &subject.how {
        How::Run(run) => (State::Good, run.count, None),
        How::Calibrated(factor) => (State::Good, 0, Some(*factor)),
        How::Skipped(reason) => (State::Skipped(reason.clone()), 0, None),
    };
    let (name, role) = (subject.name.clone(), subject.role);
    Outcome { name, role, state, count, samples: Vec::new(), factor }
}

/// One run with its check; a failure goes into the outcome's state.
fn turn(
    run: &Run,
    checked: bool,
    settings: &Settings,
    outcome: &mut Outcome,
    marks: &mut Vec<String>,
) -> Option<Sample> {
    // A result that a former run left behind must not pass for this one's.
    discard(&run.output);
    let before = machine::counters();
    let usage = match measure::run(&run.task, settings.timeout, settings.scratch) {
        Ok(usage) => usage,
        Err(Error(reason)) => {
            outcome.state = State::Failed(reason);
            return None;
        }
    };
    let lost = machine::lost(before, machine::counters(), usage.cpu_s, usage.wall_s);
    marks.extend(lost.map(|l| format!("{}: {l}", outcome.name)));
    if checked && let Err(Error(reason)) = verdict(run) {
        outcome.state = State::Wrong(reason);
        return None;
    }
    let idle = run.idle.as_ref().map(|t| measure::run(t, settings.timeout, settings.scratch));
    let idle = match idle.transpose() {
        Ok(idle) => idle,
        Err(Error(reason)) => {
            outcome.state = State::Failed(reason);
            return None;
        }
    };
    discard(&run.output);
    Some(Sample { usage, idle })
}

/// Compares what a run has written, be it a file or a folder.
fn verdict(run: &Run) -> Result<()> {
    let Some(header) = run.folder else { return check(&run.output, &run.expected) };
    let whole = gather(&run.output, header)?;
    let verdict = check(&whole, &run.expected);
    discard(&whole);
    verdict
}

impl Rounds {
    /// The rounds whose figures count: the clean ones if they are at least three, else all.
    pub(crate) fn counted(&self) -> Vec<usize> {
        let clean: Vec<usize> = (0..self.marks.len())
            .filter(|r| self.marks.get(*r).is_some_and(Vec::is_empty))
            .collect();
        if clean.len() >= 3 { clean } else { (0..self.marks.len()).collect() }
    }

    /// The subject that calibrated figures are multiples of, if it ran well.
    pub(crate) fn unit(&self) -> Option<&Outcome> {
        self.outcomes.iter().find(|o| {
            o.state == State::Good
                && o.count > 0
                && o.name.starts_with("jq")
                && !o.samples.is_empty()
        })
    }
}

/// The middle value; the mean of the two middle ones of an even number.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2).copied()?;
    let lower = values.get((values.len() - 1) / 2).copied()?;
    Some((lower + upper) / 2.0)
}

/// Checks what a user asked for.
///
/// # Errors
/// No round at all.
pub(crate) fn rounds_of(asked: usize) -> Result<usize> {
    match asked {
        0 => Err(Error("--rounds must be at least 1".into())),
        n => Ok(n),
    }
}

#[cfg(test)]
mod tests {
    use super::{Rounds, median};

    #[test]
    fn medians() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn marked_rounds_count_only_when_clean_ones_are_few() {
        let lost = || vec!["lost".to_owned()];
        let rounds = |marks| Rounds { outcomes: Vec::new(), marks };
        assert_eq!(rounds(vec![vec![], lost(), vec![], vec![]]).counted(), [0, 2, 3]);
        assert_eq!(rounds(vec![vec![], lost(), vec![]]).counted(), [0, 1, 2]);
    }
}
