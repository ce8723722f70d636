//! The figures of QKERNELS: a line for each kernel, for people and for programs.

use std::fmt::Write;

use serde_json::{Value, json};

use super::KERNELS;
use super::kernels::TIMES;
use crate::measure::Usage;
use crate::report::table::{cell, write_marks};
use crate::report::{figures, is_bad, trouble};
use crate::rounds::{Outcome, Rounds, State, median};
use crate::serving::Report;

/// Seconds of all runs of a process below which they are not told from its start.
const NOISE_S: f64 = 0.01;

/// One kernel after all rounds: the engine, then its peer.
pub(super) struct Measured {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) rounds: Rounds,
}

/// Milliseconds of one run of a kernel, without the start of the program and its columns.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Took {
    cpu_ms: Option<f64>,
    wall_ms: Option<f64>,
    peak_mb: Option<f64>,
}

impl Took {
    fn of(rounds: &Rounds, outcome: &Outcome) -> Self {
        let counted = rounds.counted();
        let net = |seconds: fn(&Usage) -> f64| {
            let samples = counted.iter().filter_map(|round| outcome.samples.get(*round)?.as_ref());
            let took = samples.filter_map(|s| s.idle.map(|i| seconds(&s.usage) - seconds(&i)));
            let took = median(took.collect()).filter(|took| *took >= NOISE_S);
            took.filter(|_| outcome.state == State::Good).map(|took| took * 1e3 / TIMES as f64)
        };
        Self {
            cpu_ms: net(|usage| usage.cpu_s),
            wall_ms: net(|usage| usage.wall_s),
            peak_mb: figures(rounds, outcome).peak_mb,
        }
    }
}

/// What the peer takes as a multiple of what the engine takes.
fn ratio(own: Option<f64>, peer: Option<f64>) -> Option<f64> {
    own.zip(peer).map(|(own, peer)| peer / own)
}

/// The workload in words.
pub(super) fn report(rows: u64, all: &[Measured]) -> Report {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, rows, all);
    let good = !all.iter().flat_map(|one| &one.rounds.outcomes).any(is_bad);
    let kernels: Vec<Value> = all.iter().map(json).collect();
    let json = json!({"workload": KERNELS, "rows": rows, "times": TIMES, "kernels": kernels});
    Report { text, json, good }
}

fn write(out: &mut String, rows: u64, all: &[Measured]) -> std::fmt::Result {
    writeln!(
        out,
        "\n{KERNELS}: {rows} rows in memory in one process, each kernel {TIMES} times; times of \
         one, less start and columns"
    )?;
    writeln!(
        out,
        "  {:<34} {:>11} {:>11} {:>7} {:>11} {:>11} {:>7} {:>8}",
        "", "CPU ms", "Polars", "ratio", "wall ms", "Polars", "ratio", "peak MB"
    )?;
    for one in all {
        let Rounds { outcomes, .. } = &one.rounds;
        let [own, peer] = outcomes.as_slice() else { continue };
        let (a, b) = (Took::of(&one.rounds, own), Took::of(&one.rounds, peer));
        if trouble(&own.state).is_none() {
            writeln!(
                out,
                "  {:<34} {:>11} {:>11} {:>7} {:>11} {:>11} {:>7} {:>8}",
                one.about,
                cell(a.cpu_ms, 1, ""),
                cell(b.cpu_ms, 1, ""),
                cell(ratio(a.cpu_ms, b.cpu_ms), 2, "x"),
                cell(a.wall_ms, 1, ""),
                cell(b.wall_ms, 1, ""),
                cell(ratio(a.wall_ms, b.wall_ms), 2, "x"),
                cell(a.peak_mb, 0, ""),
            )?;
        }
        for outcome in [own, peer] {
            if let Some(trouble) = trouble(&outcome.state) {
                writeln!(out, "  {:<34} {}: {trouble}", one.about, outcome.name)?;
            }
        }
        write_marks(out, &one.rounds)?;
    }
    Ok(())
}

fn json(one: &Measured) -> Value {
    let subject = |outcome: &Outcome| {
        let took = Took::of(&one.rounds, outcome);
        json!({
            "name": outcome.name,
            "trouble": trouble(&outcome.state),
            "cpu_ms": took.cpu_ms,
            "wall_ms": took.wall_ms,
            "peak_mb": took.peak_mb,
        })
    };
    let took: Vec<Took> = one.rounds.outcomes.iter().map(|o| Took::of(&one.rounds, o)).collect();
    let over = |of: fn(&Took) -> Option<f64>| match took.as_slice() {
        [own, peer] => ratio(of(own), of(peer)),
        _ => None,
    };
    json!({
        "kernel": one.name,
        "about": one.about,
        "marks": one.rounds.marks,
        "subjects": one.rounds.outcomes.iter().map(subject).collect::<Vec<_>>(),
        "ratio": {"cpu": over(|t| t.cpu_ms), "wall": over(|t| t.wall_ms)},
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::Role;
    use crate::rounds::Sample;

    fn outcome(name: &str, role: Role, cpu_s: f64, wall_s: f64) -> Outcome {
        let usage = |cpu_s, wall_s| Usage { cpu_s, wall_s, peak_kib: 1000 };
        let sample =
            Sample { usage: usage(1.0 + cpu_s, 1.0 + wall_s), idle: Some(usage(1.0, 1.0)) };
        let (name, samples) = (name.to_owned(), vec![Some(sample); 3]);
        Outcome { name, role, state: State::Good, count: 100 * TIMES, samples, factor: None }
    }

    fn measured() -> Measured {
        let outcomes =
            vec![outcome("mainstem", Role::Own, 3.0, 3.0), outcome("Polars", Role::Peer, 6.0, 1.5)];
        Measured {
            name: "iasc",
            about: "iasc of longs",
            rounds: Rounds { outcomes, marks: vec![Vec::new(); 3] },
        }
    }

    #[test]
    fn times_are_of_one_kernel_without_start() {
        let report = report(100, &[measured()]);
        let one = &report.json["kernels"][0];
        let near = |value: &Value, want: f64| {
            let value = value.as_f64().unwrap();
            assert!((value - want).abs() < 1e-6, "{value} for {want}");
        };
        near(&one["subjects"][0]["cpu_ms"], 3000.0 / TIMES as f64);
        near(&one["subjects"][1]["wall_ms"], 1500.0 / TIMES as f64);
        near(&one["ratio"]["cpu"], 2.0);
        near(&one["ratio"]["wall"], 0.5);
        assert!(report.good && report.text.contains("2.00x"), "{}", report.text);
    }

    #[test]
    fn what_is_not_told_from_the_start_has_no_time_and_no_ratio() {
        let mut one = measured();
        one.rounds.outcomes[0] = outcome("mainstem", Role::Own, NOISE_S / 2.0, 3.0);
        let report = report(100, &[one]);
        let one = &report.json["kernels"][0];
        assert!(one["subjects"][0]["cpu_ms"].is_null() && one["ratio"]["cpu"].is_null(), "{one}");
        assert!(one["subjects"][0]["wall_ms"].is_number() && one["ratio"]["wall"].is_number());
    }

    #[test]
    fn what_fails_is_told_instead_of_times() {
        let mut one = measured();
        one.rounds.outcomes[0].state = State::Failed("'nyi: iasc".into());
        let failed = report(100, &[one]);
        assert!(failed.text.contains("iasc of longs"), "{}", failed.text);
        assert!(failed.text.contains("mainstem: FAILED: 'nyi: iasc"), "{}", failed.text);
        assert!(!failed.good && !failed.text.contains("2.00x"), "{}", failed.text);
        let mut one = measured();
        one.rounds.outcomes[1].state = State::Skipped("no Polars".into());
        let skipped = report(100, &[one]);
        assert!(skipped.text.contains("Polars: skipped: no Polars"), "{}", skipped.text);
        assert!(skipped.good && skipped.text.contains("1000.0"), "{}", skipped.text);
    }
}
