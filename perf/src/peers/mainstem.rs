//! The engine itself, in its default configuration.

use std::path::{Path, PathBuf};

use super::{How, Place, Role, Run, Subject};
use crate::check::Expected;
use crate::error::Result;
use crate::measure::Task;
use crate::workload::Workload;

/// Builds that are looked for, the measured profile first.
const BUILDS: [&str; 2] = ["target/dist/mainstem", "target/release/mainstem"];

/// The program to measure: the given one, else the first build that is there.
pub(crate) fn find(given: Option<&Path>) -> Option<PathBuf> {
    match given {
        Some(path) => Some(path.to_owned()),
        None => BUILDS.iter().map(PathBuf::from).find(|p| p.exists()),
    }
}

/// The file name and the text of the pipeline of a workload.
fn pipeline(workload: Workload) -> (&'static str, &'static str) {
    match workload {
        Workload::W1 => ("w1.yaml", include_str!("../../workloads/w1.yaml")),
        Workload::W2 => ("w2.yaml", include_str!("../../workloads/w2.yaml")),
        Workload::W3 => ("w3.yaml", include_str!("../../workloads/w3.yaml")),
        Workload::W4 => ("w4.yaml", include_str!("../../workloads/w4.yaml")),
        Workload::W5Ndjson => ("w5_ndjson.nes", include_str!("../../workloads/w5_ndjson.nes")),
        Workload::W5Csv => ("w5_csv.nes", include_str!("../../workloads/w5_csv.nes")),
        Workload::Q0 => ("q0.nes", include_str!("../../workloads/nexmark_q0.nes")),
        Workload::Q1 => ("q1.nes", include_str!("../../workloads/nexmark_q1.nes")),
        Workload::Q2 => ("q2.nes", include_str!("../../workloads/nexmark_q2.nes")),
        Workload::Q5 => ("q5.nes", include_str!("../../workloads/nexmark_q5.nes")),
        Workload::Q8 => ("q8.nes", include_str!("../../workloads/nexmark_q8.nes")),
        Workload::Q8Bids => ("q8_bids.nes", include_str!("../../workloads/nexmark_q8_bids.nes")),
        Workload::Q1Memory => ("q1.nes", include_str!("../../workloads/nexmark_q1_memory.nes")),
        Workload::Q2Memory => ("q2.nes", include_str!("../../workloads/nexmark_q2_memory.nes")),
        Workload::Keys => ("keys.nes", include_str!("../../workloads/keys.nes")),
    }
}

/// The subject; its output must have the reference's bytes, order included.
///
/// # Errors
/// A scratch folder that cannot be written.
pub(crate) fn subject(at: &Place, program: Option<&Path>, extra: &[String]) -> Result<Subject> {
    let how = match program {
        None => How::Skipped(format!("none of {} is there; see --bin", BUILDS.join(", "))),
        Some(program) => {
            let (name, text) = pipeline(at.on.workload);
            let file = at.configure(name, text, &at.on.input)?;
            let mut task = Task::new(program, &["run"]);
            task.args.extend(extra.iter().cloned());
            let shards = extra.iter().any(|arg| arg.starts_with("--shards"));
            if at.on.workload.is_in_memory() && !shards {
                task.args.push("--shards=1".into());
            }
            task.args.push(file.to_string_lossy().into_owned());
            let expected = at.on.expected(Expected::Bytes);
            let count = at.on.count;
            let output = at.output();
            How::Run(Box::new(Run { task, output, expected, folder: None, count, idle: None }))
        }
    };
    Ok(Subject { name: "mainstem".into(), role: Role::Own, how })
}
