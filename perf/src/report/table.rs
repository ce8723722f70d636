//! The table for people.

use std::fmt::Write;

use super::{figures, is_too_large, memory, ratios, trouble};
use crate::rounds::Rounds;
use crate::workload::Prepared;

/// The lines on one workload.
pub(crate) fn render(on: &Prepared, rounds: &Rounds) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut out, on, rounds);
    out
}

fn write(out: &mut String, on: &Prepared, rounds: &Rounds) -> std::fmt::Result {
    let (name, about) = (on.workload.name(), on.workload.about());
    let (count, mb) = (on.count, on.bytes as f64 / 1e6);
    writeln!(out, "\n{name}: {about}; {count} events, {mb:.0} MB")?;
    writeln!(
        out,
        "  {:<30} {:>12} {:>10} {:>9} {:>10} {:>11} {:>10}",
        "", "events/s", "CPU us/ev", "peak MB", "CPU ratio", "less start", "wall ratio"
    )?;
    for outcome in &rounds.outcomes {
        if let Some(trouble) = trouble(&outcome.state) {
            writeln!(out, "  {:<30} {trouble}", outcome.name)?;
            continue;
        }
        let (f, r) = (figures(rounds, outcome), ratios(rounds, outcome));
        writeln!(
            out,
            "  {:<30} {:>12} {:>10} {:>9} {:>10} {:>11} {:>10}",
            outcome.name,
            cell(f.wall_us.map(|us| 1e6 / us), 0, ""),
            cell(f.cpu_us, 3, ""),
            cell(f.peak_mb, 1, ""),
            cell(r.cpu, 2, "x"),
            cell(r.net_cpu, 2, "x"),
            cell(r.wall, 2, "x"),
        )?;
    }
    if let Some((peak_mb, peak_mb_max)) = memory(on, rounds) {
        let verdict = if is_too_large(on, rounds) { "EXCEEDED" } else { "kept" };
        writeln!(out, "  limit of memory {peak_mb_max:.0} MB: {verdict}, {peak_mb:.0} MB")?;
    }
    write_marks(out, rounds)
}

/// Says which rounds were marked, and over which the medians are.
pub(crate) fn write_marks(out: &mut String, rounds: &Rounds) -> std::fmt::Result {
    for (round, marks) in rounds.marks.iter().enumerate() {
        for mark in marks {
            writeln!(out, "  ! round {}: {mark}", round + 1)?;
        }
    }
    let (counted, all) = (rounds.counted().len(), rounds.marks.len());
    let dirty = rounds.marks.iter().filter(|m| !m.is_empty()).count();
    match (dirty, counted < all) {
        (0, _) => Ok(()),
        (_, true) => writeln!(out, "  medians are over the {counted} clean rounds of {all}"),
        _ => writeln!(out, "  too few clean rounds: medians are over all {all}, take care"),
    }
}

/// A figure as a cell of a table; a dash for none.
pub(crate) fn cell(value: Option<f64>, digits: usize, unit: &str) -> String {
    value.map_or_else(|| "-".to_owned(), |v| format!("{v:.digits$}{unit}"))
}
