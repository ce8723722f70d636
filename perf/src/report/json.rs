//! The report for programs.

use serde_json::{Value, json};

use super::{figures, ratios, trouble};
use crate::rounds::{Outcome, Rounds, Sample};
use crate::workload::Prepared;

/// One workload's part of the report.
pub(crate) fn workload(on: &Prepared, rounds: &Rounds) -> Value {
    let subjects: Vec<Value> = rounds.outcomes.iter().map(|o| subject(rounds, o)).collect();
    json!({
        "workload": on.workload.name(),
        "about": on.workload.about(),
        "events": on.count,
        "bytes": on.bytes,
        "peak_mb_max": on.workload.peak_mb_max(),
        "marks": rounds.marks,
        "counted_rounds": rounds.counted().iter().map(|r| r + 1).collect::<Vec<_>>(),
        "subjects": subjects,
    })
}

fn subject(rounds: &Rounds, outcome: &Outcome) -> Value {
    let (f, r) = (figures(rounds, outcome), ratios(rounds, outcome));
    json!({
        "name": outcome.name,
        "trouble": trouble(&outcome.state),
        "events": outcome.count,
        "calibration_factor": outcome.factor.map(|f| f.factor),
        "median": {
            "events_per_s": f.wall_us.map(|us| 1e6 / us),
            "cpu_us_per_event": f.cpu_us,
            "cpu_us_per_event_less_start": f.net_cpu_us,
            "peak_mb": f.peak_mb,
        },
        "ratio": {"cpu": r.cpu, "cpu_less_start": r.net_cpu, "wall": r.wall},
        "rounds": outcome.samples.iter().map(|s| s.as_ref().map(sample)).collect::<Vec<_>>(),
    })
}

fn sample(sample: &Sample) -> Value {
    json!({
        "wall_s": sample.usage.wall_s,
        "cpu_s": sample.usage.cpu_s,
        "peak_kib": sample.usage.peak_kib,
        "start_wall_s": sample.idle.map(|i| i.wall_s),
        "start_cpu_s": sample.idle.map(|i| i.cpu_s),
    })
}
