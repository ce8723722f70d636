//! Figures from rounds, and the two forms they are given in.

pub(crate) mod json;
pub(crate) mod table;

use crate::peers::Role;
use crate::rounds::{Outcome, Rounds, Sample, State, median};
use crate::workload::Prepared;

/// Medians of one subject; what does not apply is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Figures {
    /// Microseconds of CPU per event.
    pub(crate) cpu_us: Option<f64>,
    /// Microseconds of wall time per event.
    pub(crate) wall_us: Option<f64>,
    /// Peak memory in MB (10^6 bytes).
    pub(crate) peak_mb: Option<f64>,
    /// The same CPU figure without what starting the program takes.
    pub(crate) net_cpu_us: Option<f64>,
}

/// What a peer takes as a multiple of what the engine takes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Ratios {
    pub(crate) cpu: Option<f64>,
    pub(crate) wall: Option<f64>,
    pub(crate) net_cpu: Option<f64>,
}

/// The figures of a subject. A calibrated one multiplies jq's CPU of the same rounds.
pub(crate) fn figures(rounds: &Rounds, of: &Outcome) -> Figures {
    if of.state != State::Good {
        return Figures::default();
    }
    if let Some(factor) = of.factor {
        let cpu_us = rounds.unit().and_then(|jq| figures(rounds, jq).cpu_us);
        return Figures {
            cpu_us: cpu_us.map(|us| us * factor.factor),
            peak_mb: Some(factor.peak_mb),
            ..Figures::default()
        };
    }
    let middle = |value: fn(&Sample) -> Option<f64>| {
        let counted = rounds.counted();
        let samples = counted.iter().filter_map(|r| of.samples.get(*r)?.as_ref());
        median(samples.filter_map(value).collect())
    };
    let per_event = |seconds: Option<f64>| seconds.map(|s| s * 1e6 / of.count as f64);
    Figures {
        cpu_us: per_event(middle(|s| Some(s.usage.cpu_s))),
        wall_us: per_event(middle(|s| Some(s.usage.wall_s))),
        peak_mb: middle(|s| Some(s.usage.peak_kib as f64 * 1024.0 / 1e6)),
        net_cpu_us: per_event(middle(|s| s.idle.map(|i| (s.usage.cpu_s - i.cpu_s).max(0.0)))),
    }
}

/// The ratios of a peer; none unless both it and the engine gave right results.
pub(crate) fn ratios(rounds: &Rounds, peer: &Outcome) -> Ratios {
    let own = rounds.outcomes.iter().find(|o| o.role == Role::Own);
    let (Some(own), Role::Peer) = (own, peer.role) else { return Ratios::default() };
    let (own, peer) = (figures(rounds, own), figures(rounds, peer));
    let over = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a / b);
    Ratios {
        cpu: over(peer.cpu_us, own.cpu_us),
        wall: over(peer.wall_us, own.wall_us),
        net_cpu: over(peer.net_cpu_us, own.cpu_us),
    }
}

/// A subject's trouble in words, or nothing.
pub(crate) fn trouble(state: &State) -> Option<String> {
    match state {
        State::Good => None,
        State::Skipped(reason) => Some(format!("skipped: {reason}")),
        State::Failed(reason) => Some(format!("FAILED: {reason}")),
        State::Wrong(reason) => Some(format!("WRONG: {reason}")),
    }
}

/// Whether the run must not be taken for a success: a wrong output, or an engine that failed.
pub(crate) fn is_bad(outcome: &Outcome) -> bool {
    match outcome.state {
        State::Wrong(_) => true,
        State::Failed(_) => outcome.role == Role::Own,
        State::Good | State::Skipped(_) => false,
    }
}

/// The engine's peak memory in MB beside the limit of the workload, where there is one.
pub(crate) fn memory(on: &Prepared, rounds: &Rounds) -> Option<(f64, f64)> {
    let own = rounds.outcomes.iter().find(|o| o.role == Role::Own)?;
    Some((figures(rounds, own).peak_mb?, on.workload.peak_mb_max()?))
}

/// Whether the engine took more memory than it may.
pub(crate) fn is_too_large(on: &Prepared, rounds: &Rounds) -> bool {
    memory(on, rounds).is_some_and(|(peak_mb, peak_mb_max)| peak_mb > peak_mb_max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::Factor;
    use crate::measure::Usage;

    fn outcome(name: &str, role: Role, cpu_s: f64, idle_s: Option<f64>) -> Outcome {
        let usage = |cpu_s| Usage { cpu_s, wall_s: cpu_s / 2.0, peak_kib: 1000 };
        let sample = Sample { usage: usage(cpu_s), idle: idle_s.map(usage) };
        let (name, samples) = (name.to_owned(), vec![Some(sample); 3]);
        Outcome { name, role, state: State::Good, count: 1_000_000, samples, factor: None }
    }

    fn rounds() -> Rounds {
        let mut benthos = outcome("Benthos", Role::Peer, 0.0, None);
        benthos.factor = Some(Factor { factor: 0.5, peak_mb: 30.0 });
        let outcomes = vec![
            outcome("mainstem", Role::Own, 2.0, None),
            outcome("jq-1.6", Role::Peer, 30.0, None),
            outcome("DuckDB", Role::Peer, 6.0, Some(1.0)),
            benthos,
        ];
        Rounds { outcomes, marks: vec![Vec::new(); 3] }
    }

    #[test]
    fn ratios_by_cpu_wall_and_without_start() {
        let rounds = rounds();
        let got = ratios(&rounds, &rounds.outcomes[2]);
        assert_eq!(got, Ratios { cpu: Some(3.0), wall: Some(3.0), net_cpu: Some(2.5) });
    }

    #[test]
    fn a_calibrated_peer_is_a_multiple_of_jq() {
        let rounds = rounds();
        let got = ratios(&rounds, &rounds.outcomes[3]);
        assert_eq!(got, Ratios { cpu: Some(7.5), wall: None, net_cpu: None });
    }

    #[test]
    fn no_ratio_with_a_wrong_output() {
        for wrong in [0, 2] {
            let mut rounds = rounds();
            rounds.outcomes[wrong].state = State::Wrong("line 1 differs".into());
            assert_eq!(ratios(&rounds, &rounds.outcomes[2]), Ratios::default());
            assert!(is_bad(&rounds.outcomes[wrong]));
        }
    }
}
