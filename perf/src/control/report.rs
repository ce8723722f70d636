//! The figures of W8, for people and for programs.

use std::fmt::Write;

use serde_json::{Value, json as value};

use super::{Control, NAME, STREAMS, Sample, Subject};
use crate::peers::Role;
use crate::report::table::{cell, write_marks};
use crate::report::trouble;
use crate::rounds::{Rounds, State, median};

/// A figure: its name, and how it is read off a sample.
type Figure = (&'static str, fn(&Sample) -> Option<f64>);

/// All are the better the smaller they are.
const FIGURES: [Figure; 5] = [
    ("create_us", |sample| sample.create_us),
    ("create_cpu_us", |sample| Some(sample.create_cpu_us)),
    ("list_us", |sample| sample.list_us),
    ("list_cpu_us", |sample| Some(sample.list_cpu_us)),
    ("stream_kib", |sample| Some(sample.stream_kib)),
];

impl Control {
    fn rounds(&self) -> Rounds {
        Rounds { outcomes: Vec::new(), marks: self.marks.clone() }
    }

    /// The medians of a subject; none unless it did everything right.
    fn medians(&self, of: &Subject) -> [Option<f64>; 5] {
        let counted = self.rounds().counted();
        FIGURES.map(|(_, figure)| {
            let samples = counted.iter().filter_map(|round| of.samples.get(*round)?.as_ref());
            let values = samples.filter_map(figure).collect();
            median(values).filter(|_| of.state == State::Good)
        })
    }

    /// What a peer takes as multiples of what the engine takes.
    fn ratios(&self, of: &Subject) -> [Option<f64>; 5] {
        let own = self.subjects.iter().find(|subject| subject.role == Role::Own);
        let (Some(own), Role::Peer) = (own, of.role) else { return [None; 5] };
        let (own, peer) = (self.medians(own), self.medians(of));
        std::array::from_fn(|at| {
            let (own, peer) = (*own.get(at)?, *peer.get(at)?);
            own.zip(peer).map(|(own, peer)| peer / own)
        })
    }

    /// Whether the run must not be taken for a success.
    pub(crate) fn is_bad(&self) -> bool {
        let failed = |subject: &Subject| matches!(subject.state, State::Failed(_));
        self.subjects.iter().any(|subject| subject.role == Role::Own && failed(subject))
    }
}

/// The lines for people.
pub(crate) fn render(control: &Control) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut out, control);
    out
}

fn write(out: &mut String, control: &Control) -> std::fmt::Result {
    writeln!(out, "\n{NAME}: {STREAMS} streams that wait, made one by one, then listed as often")?;
    writeln!(
        out,
        "  {:<30} {:>10} {:>11} {:>10} {:>11} {:>11}",
        "", "creates/s", "CPU us/one", "lists/s", "CPU us/one", "KiB/stream"
    )?;
    let row = |out: &mut String, name: &str, cells: [String; 5]| {
        let [create, create_cpu, list, list_cpu, kib] = cells;
        writeln!(
            out,
            "  {name:<30} {create:>10} {create_cpu:>11} {list:>10} {list_cpu:>11} {kib:>11}"
        )
    };
    for subject in &control.subjects {
        if let Some(trouble) = trouble(&subject.state) {
            writeln!(out, "  {:<30} {trouble}", subject.name)?;
            continue;
        }
        let [create, create_cpu, list, list_cpu, kib] = control.medians(subject);
        let rate = |us: Option<f64>| cell(us.map(|us| 1e6 / us), 0, "");
        let cells = [
            rate(create),
            cell(create_cpu, 0, ""),
            rate(list),
            cell(list_cpu, 0, ""),
            cell(kib, 1, ""),
        ];
        row(out, subject.name, cells)?;
        if subject.role == Role::Peer {
            row(out, "  / mainstem", control.ratios(subject).map(|ratio| cell(ratio, 2, "x")))?;
        }
    }
    write_marks(out, &control.rounds())
}

/// The part of the report for programs.
pub(crate) fn json(control: &Control) -> Value {
    let named = |values: [Option<f64>; 5]| -> Value {
        let names = FIGURES.iter().map(|(name, _)| (*name).to_owned());
        Value::Object(names.zip(values.map(Value::from)).collect())
    };
    let subject = |subject: &Subject| {
        let samples = subject.samples.iter().map(|sample| {
            sample.as_ref().map(|sample| named(FIGURES.map(|(_, figure)| figure(sample))))
        });
        value!({
            "name": subject.name,
            "trouble": trouble(&subject.state),
            "median": named(control.medians(subject)),
            "ratio": named(control.ratios(subject)),
            "rounds": samples.collect::<Vec<_>>(),
        })
    };
    value!({
        "workload": NAME,
        "about": "streams that wait: made one by one over one connection, then listed as often",
        "streams": STREAMS,
        "marks": control.marks,
        "counted_rounds": control.rounds().counted().iter().map(|r| r + 1).collect::<Vec<_>>(),
        "subjects": control.subjects.iter().map(subject).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::Waiting;
    use crate::control::How;

    fn subject(name: &'static str, role: Role, us: f64) -> Subject {
        let sample = Sample {
            create_us: Some(us),
            list_us: Some(us / 2.0),
            create_cpu_us: us,
            list_cpu_us: us,
            stream_kib: us,
        };
        let (how, samples) = (How::Calibrated(Waiting::default()), vec![Some(sample); 3]);
        Subject { name, role, how, state: State::Good, samples }
    }

    #[test]
    fn ratios_are_of_those_that_did_everything_right() {
        let subjects =
            vec![subject("mainstem", Role::Own, 10.0), subject("Benthos", Role::Peer, 40.0)];
        let mut control = Control { subjects, marks: vec![Vec::new(); 3] };
        assert_eq!(control.ratios(&control.subjects[1]), [Some(4.0); 5]);
        assert_eq!(control.ratios(&control.subjects[0]), [None; 5]);
        assert!(render(&control).contains("100000") && !control.is_bad());
        control.subjects[0].state = State::Failed("it does not answer".into());
        assert_eq!(control.ratios(&control.subjects[1]), [None; 5]);
        assert!(render(&control).contains("it does not answer") && control.is_bad());
    }
}
