//! `cp` and `tr`: what copying or upper-casing bytes costs at least.

use std::path::Path;

use super::{Place, Subject, version};
use crate::check::Expected;
use crate::measure::Task;
use crate::workload::Workload;

/// `cp` on W1, `tr` on W4, nothing elsewhere.
pub(crate) fn subject(at: &Place) -> Option<Subject> {
    let input = at.on.input.to_string_lossy();
    let (name, task) = match at.on.workload {
        Workload::W1 => ("cp", Task::new("cp", &[&input, &at.output().to_string_lossy()])),
        // `tr` reads standard input only, and a pipe from `cat` would be counted with it.
        Workload::W4 => {
            let script = r#"exec tr a-z A-Z <"$0""#;
            ("tr", Task::new("sh", &["-c", script, &input]).to(&at.output()))
        }
        _ => return None,
    };
    Some(match version(Path::new(name), &["--version"]) {
        Ok(_) => Subject::peer(name, at, task, at.on.expected(Expected::Bytes)),
        Err(e) => Subject::skipped(name, e.0),
    })
}
