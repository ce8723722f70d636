//! TICKS: trades over kdb+ IPC, a thousand a message, and their mean price by name of each second,
//! weighted by size; beside Polars and DuckDB on columns of the same batches in memory.

use std::path::Path;
use std::time::Instant;

use formats::k::{K, Sym, Type};
use serde_json::Value;
use wire::kdb::Kind;

use super::client::write_call;
use super::service::Service;
use super::{FIGURES, Sample, TICKS};
use crate::check::discard;
use crate::data::market::{self, NAMES, Trade};
use crate::error::{At, Error, Result};
use crate::machine::Spin;
use crate::measure::{self, Task};
use crate::peers::Role;
use crate::reference::vwap::{self, Window};
use crate::serving::report::Form;
use crate::serving::{How, Report, Setup, Subject};

/// Trades, unless another number is asked for.
const COUNT: u64 = 10_000_000;
/// Trades a second: a window is ten messages, or a hundred.
const RATES: [u64; 2] = [10_000, 100_000];
/// Rows of a message.
const ROWS: usize = 1000;
/// Lines that a console keeps, at the least.
const LINES_MIN: usize = 900;
const SPEC: &str = include_str!("../../workloads/ticks.q");
const SCRIPT: &str = include_str!("../../scripts/run_ticks.py");
/// Names, packages, and what the script is told.
const PEERS: [(&str, &str, &str); 3] = [
    ("Polars", "polars", "eager"),
    ("Polars streaming", "polars", "streaming"),
    ("DuckDB", "duckdb", "duckdb"),
];

/// What is sent, and what must come of it.
struct Load {
    messages: Vec<u8>,
    /// A row of a later second, which ends the last window.
    end: K,
    rows: u64,
    want: Vec<Window>,
}

impl Load {
    fn new(rows: u64, rate: u64) -> Result<Self> {
        let trades = || market::trades(rate).take(rows as usize);
        let names: Vec<Sym> = (0..NAMES).map(|n| Sym::new(&market::name(n))).collect();
        let mut messages = Vec::new();
        let mut batch = Vec::with_capacity(ROWS);
        for (number, trade) in (1..).zip(trades()) {
            batch.push(trade);
            if batch.len() == ROWS || number == rows {
                write_call(Kind::Async, "upd", table(&batch, &names)?, &mut messages)?;
                batch.clear();
            }
        }
        let last = trades().last().ok_or_else(|| Error("--events must be at least 1".into()))?;
        let later = Trade { time: last.time + 1_000_000_000, ..last };
        let end = table(&[later], &names)?;
        Ok(Self { messages, end, rows, want: vwap::windows(trades()) })
    }
}

fn table(trades: &[Trade], names: &[Sym]) -> Result<K> {
    let syms = trades.iter().filter_map(|t| names.get(t.name as usize).copied());
    let columns = vec![
        K::vec(Type::Timestamp, trades.iter().map(|t| t.time).collect::<Vec<_>>()),
        K::syms(syms.collect()),
        K::floats(trades.iter().map(Trade::price).collect()),
        K::longs(trades.iter().map(|t| t.size).collect()),
    ];
    let heads = ["time", "sym", "price", "size"].map(Sym::new).to_vec();
    K::table(heads, columns).map_err(|e| Error(format!("a table: {e:?}")))
}

/// Measures the workload; `progress` is told each step.
///
/// # Errors
/// No data, a folder that cannot be written.
pub(crate) fn measure(
    setup: &Setup,
    spin: &mut Spin,
    progress: &dyn Fn(&str),
) -> Result<Vec<Report>> {
    RATES.into_iter().map(|rate| at_rate(setup, spin, progress, rate)).collect()
}

fn at_rate(setup: &Setup, spin: &mut Spin, progress: &dyn Fn(&str), rate: u64) -> Result<Report> {
    let rows = setup.events.unwrap_or(COUNT);
    progress(&format!("{rate}/s: {rows} trades"));
    let load = Load::new(rows, rate)?;
    let data = setup.store.market(rows, rate)?.to_string_lossy().into_owned();
    let script = setup.write("run_ticks.py", SCRIPT, &[])?;
    let mut subjects = vec![setup.own()];
    for (name, module, mode) in PEERS {
        let args = vec![script.clone(), mode.to_owned(), data.clone()];
        let how = setup.python.with(module).map(|(python, _)| How::Run(python.to_owned(), args));
        subjects.push(Subject::new(name, Role::Peer, how));
    }
    let drive = |program: &Path, args: &[String]| match setup.program == Some(program) {
        true => engine(setup, &load, program, args),
        false => peer(setup, &load, program, args),
    };
    let known = |_| Err(Error("nothing is recorded".into()));
    let told = |step: &str| progress(&format!("{rate}/s {step}"));
    let served = setup.rounds(subjects, spin, &told, drive, known);
    let about = format!(
        "mean price by sym of each second, weighted by size; {rows} ticks of {NAMES} syms at \
         {rate}/s in messages of {ROWS} over kdb+ IPC; peers on the same batches in memory"
    );
    let form = Form { name: TICKS, about: &about, figures: &FIGURES, base: Role::Own };
    Ok(served.report(&form))
}

/// Runs the engine; returns what it did, and its CPU time.
fn engine(setup: &Setup, load: &Load, program: &Path, args: &[String]) -> Result<(Sample, f64)> {
    let mut service = Service::start(setup, program, args, SPEC)?;
    let mut client = service.client()?;
    let before = service.cpu_s()?;
    let begin = Instant::now();
    client.send(&load.messages)?;
    client.call("upd", load.end.clone()).map_err(|e| service.explain(e))?;
    let wall_s = begin.elapsed().as_secs_f64();
    let after = service.cpu_s()?;
    let lines = service.console()?;
    let right = vwap::compare(&load.want, lines.iter().map(String::as_str), LINES_MIN);
    right.map_err(|e| service.explain(e))?;
    Ok((Sample::new(load.rows, after - before, wall_s), after))
}

/// Runs a peer, which measures itself from the time on when its columns are there; returns what it
/// did, and its CPU time with everything.
fn peer(setup: &Setup, load: &Load, program: &Path, args: &[String]) -> Result<(Sample, f64)> {
    let (lines, said) = (setup.at.scratch.join("lines"), setup.at.scratch.join("said"));
    discard(&lines);
    let mut task = Task::new(program, &[]).to(&said);
    task.args.extend(args.iter().cloned().chain([lines.to_string_lossy().into_owned()]));
    let usage = measure::run(&task, setup.timeout, setup.at.scratch)?;
    let got = std::fs::read_to_string(&lines).at(&lines)?;
    vwap::compare(&load.want, got.lines(), usize::MAX)?;
    let said: Value = serde_json::from_slice(&std::fs::read(&said).at(&said)?).at(&said)?;
    let seconds = |key: &str| {
        said[key].as_f64().ok_or_else(|| Error(format!("the script does not tell {key}")))
    };
    Ok((Sample::new(load.rows, seconds("cpu_s")?, seconds("wall_s")?), usage.cpu_s))
}

#[cfg(test)]
mod tests {
    use formats::k::ipc::{Body, decode_body};
    use wire::kdb::{Event, Server};

    use super::*;

    #[test]
    fn all_rows_are_in_messages() {
        let load = Load::new(2500, 10_000).unwrap();
        let mut server = Server::default();
        server.feed(b"perf\x03\0");
        server.event().unwrap();
        server.feed(&load.messages);
        let mut rows = Vec::new();
        while let Some(event) = server.event().unwrap() {
            let Event::Message { kind: Kind::Async, endian, body } = event else { panic!() };
            let Body::Value(call) = decode_body(&body, endian).unwrap() else { panic!() };
            assert_eq!(call.at(0), K::sym("upd"));
            rows.push(call.at(1).len());
        }
        assert_eq!((rows, load.want.len()), (vec![1000, 1000, 500], 1));
        assert!(Load::new(0, 10_000).is_err());
    }

    #[test]
    fn seconds_end_within_messages() {
        let first = market::trades(10_000).position(|t| t.time % 1_000_000_000 == 0);
        assert!(first.is_some_and(|place| !place.is_multiple_of(ROWS)), "{first:?}");
    }
}
