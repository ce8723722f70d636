//! Tests of configurations: found, run and reported (spec/benthos-components.md §I).

mod case;
mod conditions;
mod junit;
mod report;
mod targets;

pub(crate) use case::{Bench, Failure};
pub(crate) use junit::junit;
pub(crate) use report::report;
pub(crate) use targets::{Target, find};

use std::time::Duration;

use config::Lint;

/// What the tests of one file gave.
pub(crate) struct Tested {
    /// The file.
    pub(crate) target: String,
    /// Complaints about it.
    pub(crate) lints: Vec<Lint>,
    /// Its tests, in order.
    pub(crate) cases: Vec<Ran>,
    /// What kept the next test from running, which ends the run.
    pub(crate) error: Option<String>,
}

/// A test that ran.
pub(crate) struct Ran {
    /// What users call it.
    pub(crate) name: String,
    /// Line on which it begins.
    pub(crate) line: u32,
    /// How long it took.
    pub(crate) took: Duration,
    /// What was not as expected.
    pub(crate) failures: Vec<Failure>,
}

impl Tested {
    /// Whether everything was as expected.
    pub(crate) fn passed(&self) -> bool {
        self.lints.is_empty()
            && self.error.is_none()
            && self.cases.iter().all(|case| case.failures.is_empty())
    }
}
