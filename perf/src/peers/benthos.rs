//! Benthos: the real program where there is one, else its recorded multiples of jq.

use std::path::Path;

use super::{How, Place, Role, Subject, jq};
use crate::calibration::factor;
use crate::check::Expected;
use crate::data::Store;
use crate::error::Result;
use crate::measure::Task;
use crate::workload::Workload;

/// The two ways it is run: as its documentation's examples do, and as an expert would.
#[derive(Clone, Copy)]
enum Mode {
    Default,
    Best,
}

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Best => "best",
        }
    }
}

/// The configuration of a workload, where the program can be given one.
fn pipeline(workload: Workload, mode: Mode) -> Option<&'static str> {
    Some(match (workload, mode) {
        (Workload::W1, Mode::Default) => include_str!("../../workloads/w1.yaml"),
        (Workload::W2, Mode::Default) => include_str!("../../workloads/w2.yaml"),
        (Workload::W3, Mode::Default) => include_str!("../../workloads/w3.yaml"),
        (Workload::W4, Mode::Default) => include_str!("../../workloads/w4.yaml"),
        (Workload::W1, Mode::Best) => include_str!("../../workloads/w1_best.yaml"),
        (Workload::W2, Mode::Best) => include_str!("../../workloads/w2_best.yaml"),
        (Workload::W3, Mode::Best) => include_str!("../../workloads/w3_best.yaml"),
        (Workload::W4, Mode::Best) => include_str!("../../workloads/w4_best.yaml"),
        _ => return None,
    })
}

/// The key of a recorded multiple, where one was recorded.
fn recorded(workload: Workload, mode: Mode) -> Option<String> {
    let of = match workload {
        Workload::W1 => "w1file",
        Workload::W2 => "w2",
        Workload::W3 => "w3",
        Workload::W4 => "w4",
        Workload::W5Ndjson => "w5",
        _ => return None,
    };
    Some(format!("benthos_{}_{of}", mode.name()))
}

/// Both subjects of a workload.
///
/// # Errors
/// A folder that cannot be written, a damaged file of factors.
pub(crate) fn subjects(
    at: &Place,
    program: Option<&Path>,
    jq: &jq::Found,
    store: &Store,
) -> Result<Vec<Subject>> {
    let mut all = Vec::new();
    for mode in [Mode::Default, Mode::Best] {
        match (program, pipeline(at.on.workload, mode)) {
            (Some(program), Some(text)) => all.push(real(at, program, mode, text, store)?),
            _ => all.extend(calibrated(at, mode, jq)?),
        }
    }
    Ok(all)
}

fn real(at: &Place, program: &Path, mode: Mode, text: &str, store: &Store) -> Result<Subject> {
    let name = format!("benthos-{}.yaml", mode.name());
    let input = match mode {
        Mode::Default => at.on.input.clone(),
        Mode::Best => store.split_events(at.on.count)?,
    };
    let file = at.configure(&name, text, &input)?;
    let task = Task::new(program, &["run", &file.to_string_lossy()]);
    let label = format!("Benthos {}", mode.name());
    // Its workers run in parallel and its lines come out in any order.
    Ok(Subject::peer(&label, at, task, at.on.expected(Expected::Lines)))
}

fn calibrated(at: &Place, mode: Mode, jq: &jq::Found) -> Result<Option<Subject>> {
    let Some(key) = recorded(at.on.workload, mode) else { return Ok(None) };
    let Some(factor) = factor(&key)? else { return Ok(None) };
    let name = format!("Benthos {} (calibrated)", mode.name());
    let how = match jq.usable() {
        Ok(()) => How::Calibrated(factor),
        Err(reason) => How::Skipped(reason),
    };
    Ok(Some(Subject { name, role: Role::Peer, how }))
}
