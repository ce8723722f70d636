//! The twelve mappings: CPU time per message for parsing, mapping and printing in a loop on one
//! core, beside that of Benthos, whose recorded figures are multiples of jq's on W2.

use std::fmt::Write;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use bloblang::local::Local;
use bytes::Bytes;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};
use plan::{Batch, Body, Code, Expr, Form, Language, Origin, Record, Records};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::calibration;
use crate::check::check;
use crate::cli::Mappings;
use crate::compare::{Scratch, print, say};
use crate::data::Store;
use crate::error::{At, Error, Result};
use crate::machine::Spin;
use crate::measure;
use crate::peers::{How, Place, Run, Subject, jq};
use crate::rounds::{median, rounds_of};
use crate::workload::{Prepared, Workload};

/// Mappings, messages, and what the real Benthos makes of them; nothing for a message it drops.
const CASES: &str = include_str!("../workloads/mappings.jsonl");
/// Messages of a batch: the payloads again and again.
const BATCH_MESSAGES: usize = 64;
/// CPU time of one measurement.
const MEASURED: Duration = Duration::from_millis(300);
/// How long jq may take for its events.
const TIMEOUT: Duration = Duration::from_secs(600);

/// One mapping.
#[derive(Deserialize)]
struct Case {
    id: String,
    mapping: String,
    payloads: Vec<String>,
    results: Vec<Option<String>>,
}

/// A case with its messages at hand, and what was measured of it, by round.
struct Loop {
    case: Case,
    expr: Box<dyn Expr>,
    records: Records,
    factor: f64,
    own_us: Vec<f64>,
}

impl Loop {
    fn new(case: Case) -> Result<Self> {
        let failed = |what: String| Error(format!("{}: {what}", case.id));
        let session = bloblang::LANGUAGE.open(None, Local::setup().services);
        let code =
            Code { lang: bloblang::NAME.into(), text: case.mapping.as_str().into(), slot: None };
        let expr = session.and_then(|s| s.compile(&code, Form::Mapping));
        let expr = expr.map_err(|e| failed(format!("{e:?}")))?;
        let factor = calibration::mapping(&case.id)?;
        let factor = factor.ok_or_else(|| failed("no recorded figure".into()))?;
        let records = records(&case.payloads);
        Ok(Self { case, expr, records, factor, own_us: Vec::new() })
    }

    /// One batch; `each` gets the bytes of every message that comes out.
    fn run(&mut self, mut each: impl FnMut(&[u8])) -> Result<()> {
        let mut out = Vec::with_capacity(1);
        let failed = self.expr.map(Batch::records(self.records.clone()), &mut out);
        failed.map_err(|e| Error(format!("{}: {e:?}", self.case.id)))?;
        let mut scratch = Vec::new();
        for records in out.iter().filter_map(Batch::as_records) {
            for index in 0..records.recs.len() {
                each(records.bytes(index, &mut scratch));
            }
        }
        Ok(())
    }

    /// Compares what comes out with what Benthos makes of the same messages.
    fn check(&mut self) -> Result<()> {
        let mut got = Vec::new();
        self.run(|bytes| got.push(String::from_utf8_lossy(bytes).into_owned()))?;
        let results = self.case.results.iter().cycle().take(BATCH_MESSAGES);
        let want: Vec<&String> = results.flatten().collect();
        if got.len() != want.len() {
            let (got, want) = (got.len(), want.len());
            return Err(Error(format!("{}: {got} messages instead of {want}", self.case.id)));
        }
        match got.iter().zip(want).find(|(got, want)| !same(got, want)) {
            Some((got, want)) => Err(Error(format!("{}: {got} instead of {want}", self.case.id))),
            None => Ok(()),
        }
    }

    /// Microseconds of CPU per message.
    fn measure(&mut self) -> Result<f64> {
        let (start, mut messages) = (thread_cpu()?, 0);
        loop {
            self.run(|bytes| {
                black_box(bytes);
            })?;
            messages += BATCH_MESSAGES;
            let spent = thread_cpu()?.saturating_sub(start);
            if spent >= MEASURED {
                return Ok(spent.as_secs_f64() * 1e6 / messages as f64);
            }
        }
    }
}

/// Equal as JSON, or to the letter where that is none.
fn same(got: &str, want: &str) -> bool {
    let parse = |text| serde_json::from_str::<Value>(text);
    match (parse(got), parse(want)) {
        (Ok(got), Ok(want)) => got == want,
        _ => got == want,
    }
}

/// One block of lines, as a file source makes it.
fn records(payloads: &[String]) -> Records {
    let mut text = String::new();
    let mut recs = Vec::new();
    for (payload, tag) in payloads.iter().cycle().take(BATCH_MESSAGES).zip(0..) {
        let body = Body::Range { start: text.len() as u32, len: payload.len() as u32 };
        text.push_str(payload);
        text.push('\n');
        recs.push(Record { body, origin: Origin { ack: 0, tag }, ..Record::default() });
    }
    Records { block: Bytes::from(text), recs, loose: true }
}

fn thread_cpu() -> Result<Duration> {
    let used = getrusage(UsageWho::RUSAGE_THREAD).map_err(|e| Error(format!("rusage: {e}")))?;
    let of = |time: TimeVal| Duration::from_micros(time.num_microseconds().unsigned_abs());
    Ok(of(used.user_time()) + of(used.system_time()))
}

/// jq on W2, the unit of Benthos's figures.
struct Unit<'a> {
    run: Box<Run>,
    scratch: &'a Path,
}

impl<'a> Unit<'a> {
    fn new(events: &Prepared, scratch: &'a Path) -> Result<Self> {
        let at = Place { on: events, scratch };
        match jq::subject(&at, &jq::find(), events, true) {
            Some(Subject { how: How::Run(run), name, .. }) if name == jq::CALIBRATED_VERSION => {
                Ok(Self { run, scratch })
            }
            _ => Err(Error(format!("{} is not here to compare by", jq::CALIBRATED_VERSION))),
        }
    }

    /// Microseconds of CPU per event.
    fn measure(&self) -> Result<f64> {
        let usage = measure::run(&self.run.task, TIMEOUT, self.scratch)?;
        check(&self.run.output, &self.run.expected)?;
        Ok(usage.cpu_s * 1e6 / self.run.count as f64)
    }
}

/// Measures all mappings; all results are as expected when it ends well.
///
/// # Errors
/// No jq 1.6, a wrong result, folders that cannot be written.
pub(crate) fn run(options: &Mappings) -> Result<bool> {
    let rounds = rounds_of(options.rounds)?;
    let mut loops = load()?;
    loops.retain(|l| {
        options.only.is_empty() || options.only.iter().any(|id| l.case.id.starts_with(id))
    });
    let store = Store::open(&options.data)?;
    let scratch = Scratch::new(&options.data)?;
    let events = Prepared::new(Workload::W2, &store, jq::EVENTS)?;
    events.warm()?;
    let unit = Unit::new(&events, scratch.path())?;
    let (mut spin, mut unit_us, mut marks) = (Spin::default(), Vec::new(), Vec::new());
    loops.iter_mut().try_for_each(Loop::check)?;
    for round in 1..=rounds {
        say(&format!("round {round}"));
        marks.extend(spin.check().map(|mark| format!("round {round}: {mark}")));
        unit_us.push(unit.measure()?);
        for l in &mut loops {
            let us = l.measure()?;
            l.own_us.push(us);
        }
    }
    print(&table(&loops, &unit_us, &marks))?;
    let out = options.out.clone().unwrap_or_else(|| options.data.join("mappings.json"));
    std::fs::write(&out, format!("{:#}\n", report(&loops, &unit_us, &marks))).at(&out)?;
    say(&format!("report: {}", out.display()));
    Ok(true)
}

fn load() -> Result<Vec<Loop>> {
    let case = |line| serde_json::from_str(line).map_err(|e| Error(format!("mappings.jsonl: {e}")));
    CASES.lines().map(|line| Loop::new(case(line)?)).collect()
}

/// Median ratio of Benthos's CPU time to ours, each of the same round.
fn ratio(l: &Loop, unit_us: &[f64]) -> Option<f64> {
    let pairs = l.own_us.iter().zip(unit_us);
    median(pairs.map(|(own, unit)| l.factor * unit / own).collect())
}

fn table(loops: &[Loop], unit_us: &[f64], marks: &[String]) -> String {
    let unit = median(unit_us.to_vec()).unwrap_or(f64::NAN);
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "\nCPU per message on one core: parse, map, print; Benthos calibrated by jq 1.6 on W2 \
         ({unit:.2} us an event)\n  {:<20} {:>14} {:>14} {:>8}",
        "", "mainstem us", "Benthos us", "ratio"
    );
    for l in loops {
        let (id, own) = (&l.case.id, median(l.own_us.clone()).unwrap_or(f64::NAN));
        let (theirs, ratio) = (l.factor * unit, ratio(l, unit_us).unwrap_or(f64::NAN));
        let _ = writeln!(out, "  {id:<20} {own:>14.3} {theirs:>14.3} {ratio:>7.1}x");
    }
    for mark in marks {
        let _ = writeln!(out, "  ! {mark}");
    }
    out
}

fn report(loops: &[Loop], unit_us: &[f64], marks: &[String]) -> Value {
    let one = |l: &Loop| json!({"id": l.case.id, "cpu_us": l.own_us, "factor": l.factor, "ratio": ratio(l, unit_us)});
    let all: Vec<Value> = loops.iter().map(one).collect();
    json!({"jq_us_per_event": unit_us, "marks": marks, "mappings": all})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mapping_gives_what_benthos_gives() {
        let mut loops = load().unwrap();
        assert_eq!(loops.len(), 12);
        for l in &mut loops {
            l.check().unwrap();
        }
    }

    #[test]
    fn results_are_compared_as_documents() {
        assert!(same(r#"{"a":1,"b":2}"#, r#"{"b": 2, "a": 1}"#) && same("A B", "A B"));
        assert!(!same(r#"{"a":1}"#, r#"{"a":2}"#) && !same("A B", "A  B"));
    }
}
