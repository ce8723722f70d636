//! The figures of programs that serve, for people and for programs.

use std::fmt::{Result, Write};

use serde_json::{Map, Value, json};

use super::{Served, Subject};
use crate::peers::Role;
use crate::report::table::{cell, write_marks};
use crate::report::trouble;
use crate::rounds::{Rounds, State, median};

/// A figure that is the better the smaller it is.
pub(crate) struct Figure<S> {
    /// Its name for programs.
    pub(crate) name: &'static str,
    /// The head of its column.
    pub(crate) head: &'static str,
    /// What the column shows of it: microseconds may be shown as so many a second.
    pub(crate) shown: fn(f64) -> f64,
    /// Digits behind the point.
    pub(crate) digits: usize,
    /// Whether its ratio to another one says something.
    pub(crate) compared: bool,
    /// Reads it off a sample.
    pub(crate) of: fn(&S) -> Option<f64>,
}

/// A figure as it is.
pub(crate) fn same(value: f64) -> f64 {
    value
}

/// So many a second, of microseconds for one.
pub(crate) fn rate(us: f64) -> f64 {
    1e6 / us
}

/// How a workload is reported.
pub(crate) struct Form<'a, S> {
    pub(crate) name: &'a str,
    pub(crate) about: &'a str,
    pub(crate) figures: &'a [Figure<S>],
    /// Whose figures the others are divided by.
    pub(crate) base: Role,
}

impl<S> Served<S> {
    fn rounds(&self) -> Rounds {
        Rounds { outcomes: Vec::new(), marks: self.marks.clone() }
    }

    /// The medians of a subject; none unless it did everything right.
    pub(crate) fn medians(&self, of: &Subject<S>, figures: &[Figure<S>]) -> Vec<Option<f64>> {
        let counted = self.rounds().counted();
        let medians = figures.iter().map(|figure| {
            let samples = counted.iter().filter_map(|round| of.samples.get(*round)?.as_ref());
            let values = samples.filter_map(figure.of).collect();
            median(values).filter(|_| of.state == State::Good)
        });
        medians.collect()
    }

    /// What a subject takes as multiples of what the base takes.
    pub(crate) fn ratios(&self, of: &Subject<S>, form: &Form<S>) -> Vec<Option<f64>> {
        let base = self.subjects.iter().find(|subject| subject.role == form.base);
        let Some(base) = base.filter(|_| of.role != form.base) else {
            return vec![None; form.figures.len()];
        };
        let (own, base) = (self.medians(of, form.figures), self.medians(base, form.figures));
        let both = form.figures.iter().zip(own.into_iter().zip(base));
        let ratios = both.map(|(figure, (own, base))| {
            own.zip(base).map(|(own, base)| own / base).filter(|_| figure.compared)
        });
        ratios.collect()
    }

    /// Whether the run must not be taken for a success.
    pub(crate) fn is_bad(&self) -> bool {
        let failed = |subject: &Subject<S>| matches!(subject.state, State::Failed(_));
        self.subjects.iter().any(|subject| subject.role == Role::Own && failed(subject))
    }

    /// The workload in words.
    pub(crate) fn report(&self, form: &Form<S>) -> super::Report {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text, form);
        super::Report { text, json: self.json(form), good: !self.is_bad() }
    }

    fn write(&self, out: &mut String, form: &Form<S>) -> Result {
        writeln!(out, "\n{}: {}", form.name, form.about)?;
        row(out, "", form.figures.iter().map(|figure| figure.head.to_owned()))?;
        let base = self.subjects.iter().find(|subject| subject.role == form.base);
        let over = base.map(|base| format!("  / {}", base.name)).unwrap_or_default();
        for subject in &self.subjects {
            if let Some(trouble) = trouble(&subject.state) {
                writeln!(out, "  {:<30} {trouble}", subject.name)?;
                continue;
            }
            let medians = self.medians(subject, form.figures);
            let cells = form
                .figures
                .iter()
                .zip(medians)
                .map(|(figure, median)| cell(median.map(figure.shown), figure.digits, ""));
            row(out, subject.name, cells)?;
            if subject.role != form.base {
                let ratios = self.ratios(subject, form).into_iter();
                row(out, &over, ratios.map(|ratio| cell(ratio, 2, "x")))?;
            }
        }
        write_marks(out, &self.rounds())
    }

    fn json(&self, form: &Form<S>) -> Value {
        let named = |values: Vec<Option<f64>>| -> Value {
            let names = form.figures.iter().map(|figure| figure.name.to_owned());
            names.zip(values.into_iter().map(Value::from)).collect::<Map<_, _>>().into()
        };
        let sample = |sample: &Option<S>| {
            sample.as_ref().map(|s| named(form.figures.iter().map(|f| (f.of)(s)).collect()))
        };
        let subject = |of: &Subject<S>| {
            json!({
                "name": of.name,
                "trouble": trouble(&of.state),
                "median": named(self.medians(of, form.figures)),
                "ratio": named(self.ratios(of, form)),
                "rounds": of.samples.iter().map(sample).collect::<Vec<_>>(),
            })
        };
        json!({
            "workload": form.name,
            "about": form.about,
            "marks": self.marks,
            "counted_rounds": self.rounds().counted().iter().map(|r| r + 1).collect::<Vec<_>>(),
            "subjects": self.subjects.iter().map(subject).collect::<Vec<_>>(),
        })
    }
}

fn row(out: &mut String, name: &str, cells: impl Iterator<Item = String>) -> Result {
    write!(out, "  {name:<30}")?;
    for cell in cells {
        write!(out, " {cell:>11}")?;
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serving::How;

    const FIGURES: [Figure<f64>; 3] = [
        Figure { name: "us", head: "one/s", shown: rate, digits: 0, compared: true, of: us },
        Figure { name: "cpu_us", head: "CPU us", shown: same, digits: 1, compared: true, of: us },
        Figure { name: "left", head: "left", shown: same, digits: 0, compared: false, of: us },
    ];
    const FORM: Form<f64> =
        Form { name: "W0", about: "nothing", figures: &FIGURES, base: Role::Own };

    fn us(sample: &f64) -> Option<f64> {
        Some(*sample)
    }

    fn served() -> Served<f64> {
        let subject = |name, role, us| {
            let samples = vec![Some(us); 3];
            Subject { samples, ..Subject::new(name, role, Ok(How::Calibrated)) }
        };
        let subjects =
            vec![subject("mainstem", Role::Own, 10.0), subject("Benthos", Role::Peer, 40.0)];
        Served { subjects, marks: vec![Vec::new(); 3] }
    }

    #[test]
    fn ratios_are_of_those_that_did_everything_right() {
        let mut served = served();
        let ratios = |served: &Served<f64>, at: usize| served.ratios(&served.subjects[at], &FORM);
        assert_eq!(ratios(&served, 1), [Some(4.0), Some(4.0), None]);
        assert_eq!(ratios(&served, 0), [None; 3]);
        let report = served.report(&FORM);
        assert!(report.text.contains("100000") && report.good, "{}", report.text);
        assert_eq!(report.json["subjects"][1]["ratio"]["cpu_us"], 4.0);
        served.subjects[0].state = State::Failed("it does not answer".into());
        assert_eq!(ratios(&served, 1), [None; 3]);
        let report = served.report(&FORM);
        assert!(report.text.contains("it does not answer") && !report.good, "{}", report.text);
    }

    #[test]
    fn the_base_may_be_another_than_the_engine() {
        let served = served();
        let form = Form { base: Role::Peer, ..FORM };
        assert_eq!(served.ratios(&served.subjects[0], &form), [Some(0.25), Some(0.25), None]);
        assert!(served.report(&form).text.contains("/ Benthos"));
    }
}
