//! jq on W2: a peer there, and the unit of the calibrated figures everywhere.

use std::path::{Path, PathBuf};

use super::{How, Place, Role, Run, Subject, version};
use crate::check::Expected;
use crate::measure::Task;
use crate::workload::{Prepared, Workload};

/// The version that the recorded factors are multiples of.
pub(crate) const CALIBRATED_VERSION: &str = "jq-1.6";
/// Events that it is given, as when the factors were recorded: it takes about 30 us for each.
pub(crate) const EVENTS: u64 = 100_000;
/// W2 in its language.
const FILTER: &str =
    r#".level|=ascii_downcase|.total=.value*.count|.origin=.host+"/"+.service|select(.ok)"#;

/// What the system has.
pub(crate) enum Found {
    /// The version of the recorded factors.
    Calibrated(PathBuf),
    /// Another version: a peer, but no unit.
    Other(PathBuf, String),
    /// None, for this reason.
    Missing(String),
}

impl Found {
    /// Whether recorded factors can be multiplied by it; otherwise why not.
    ///
    /// # Errors
    /// It is missing or of another version.
    pub(crate) fn usable(&self) -> Result<(), String> {
        match self {
            Found::Calibrated(_) => Ok(()),
            Found::Other(_, version) => {
                Err(format!("the factors hold for {CALIBRATED_VERSION}, found {version}"))
            }
            Found::Missing(reason) => Err(reason.clone()),
        }
    }
}

/// Looks for the program.
pub(crate) fn find() -> Found {
    let program = Path::new("jq");
    match version(program, &["--version"]) {
        Ok(v) if v == CALIBRATED_VERSION => Found::Calibrated(program.into()),
        Ok(v) => Found::Other(program.into(), v),
        Err(e) => Found::Missing(e.0),
    }
}

/// The subject. `events` is W2 on the first [`EVENTS`] events, whatever the workload at hand is.
/// It is left out where it is neither a peer nor a unit.
pub(crate) fn subject(at: &Place, found: &Found, events: &Prepared, unit: bool) -> Option<Subject> {
    let peer = at.on.workload == Workload::W2;
    let (program, name) = match found {
        Found::Calibrated(program) if peer || unit => (program, CALIBRATED_VERSION),
        Found::Other(program, version) if peer => (program, version.as_str()),
        Found::Missing(reason) if peer => return Some(Subject::skipped("jq", reason)),
        _ => return None,
    };
    let mut task = Task::new(program, &["-c", FILTER]).to(&at.output());
    task.args.push(events.input.to_string_lossy().into_owned());
    let expected = events.expected(Expected::Documents);
    let (output, count) = (at.output(), events.count);
    let run = Run { task, output, expected, folder: None, count, idle: None };
    let (name, role) = match peer {
        true => (name.to_owned(), Role::Peer),
        false => (format!("{name} on W2 (unit)"), Role::Reference),
    };
    Some(Subject { name, role, how: How::Run(Box::new(run)) })
}
