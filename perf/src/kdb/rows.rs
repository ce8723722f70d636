//! QROWS: messages of one row each that go into a keyed table, as a list of values or as a table.

use std::path::Path;
use std::time::Instant;

use formats::k::{K, Sym, Type};
use wire::kdb::Kind;

use super::client::write_call;
use super::service::Service;
use super::{FIGURES, ROWS, Sample};
use crate::data::market::{self, NAMES, Trade};
use crate::error::{Error, Result};
use crate::machine::Spin;
use crate::peers::Role;
use crate::serving::report::Form;
use crate::serving::{How, Report, Setup, Subject};

/// Rows, unless another number is asked for.
const COUNT: u64 = 1_000_000;
/// Trades a second.
const RATE: u64 = 10_000;
/// Rows a second on one core: what the vendor's published paper on tick architectures says.
const PUBLISHED: f64 = 30_000.0;
/// Times are summed modulo this prime.
const TIMES: i64 = 1_000_000_007;

/// One form of messages.
struct Shape {
    about: &'static str,
    spec: &'static str,
    row: fn(&Trade, Sym) -> Result<K>,
}

const SHAPES: [Shape; 2] = [
    Shape {
        about: "(time;sym;price;size)",
        spec: include_str!("../../workloads/rows_lists.q"),
        row: list,
    },
    Shape {
        about: "a table of one row",
        spec: include_str!("../../workloads/rows_tables.q"),
        row: table,
    },
];

fn list(trade: &Trade, sym: Sym) -> Result<K> {
    let values =
        [K::timestamp(trade.time), K::sym(sym), K::float(trade.price()), K::long(trade.size)];
    Ok(K::list(values.to_vec()))
}

fn table(trade: &Trade, sym: Sym) -> Result<K> {
    let columns = vec![
        K::syms(vec![sym]),
        K::vec(Type::Timestamp, vec![trade.time]),
        K::floats(vec![trade.price()]),
        K::longs(vec![trade.size]),
    ];
    let heads = ["sym", "time", "price", "size"].map(Sym::new).to_vec();
    K::table(heads, columns).map_err(|e| Error(format!("a table: {e:?}")))
}

/// What is sent, and what the table must be like afterwards.
struct Load {
    messages: Vec<u8>,
    rows: u64,
    want: String,
}

impl Load {
    fn new(rows: u64, shape: &Shape) -> Result<Self> {
        let names: Vec<Sym> = (0..NAMES).map(|n| Sym::new(&market::name(n))).collect();
        let mut last: Vec<Option<Trade>> = vec![None; names.len()];
        let mut messages = Vec::new();
        for trade in market::trades(RATE).take(rows as usize) {
            let number = trade.name as usize;
            if let (Some(sym), Some(last)) = (names.get(number), last.get_mut(number)) {
                write_call(Kind::Async, "upd", (shape.row)(&trade, *sym)?, &mut messages)?;
                *last = Some(trade);
            }
        }
        let last: Vec<Trade> = last.into_iter().flatten().collect();
        match last.is_empty() {
            true => Err(Error("--events must be at least 1".into())),
            false => Ok(Self { messages, rows, want: told(&last) }),
        }
    }
}

/// What the pipeline tells of its table: how many rows, and the sums of their times, prices (each
/// times its place) and sizes.
fn told(last: &[Trade]) -> String {
    let times: i64 = last.iter().map(|trade| trade.time % TIMES).sum();
    let cents: u64 = (1..).zip(last).map(|(place, trade)| place * trade.cents).sum();
    let sizes: i64 = last.iter().map(|trade| trade.size).sum();
    format!("{} {times} {cents} {sizes}", last.len())
}

/// Measures the workload; `progress` is told each step.
///
/// # Errors
/// No data.
pub(crate) fn measure(
    setup: &Setup,
    spin: &mut Spin,
    progress: &dyn Fn(&str),
) -> Result<Vec<Report>> {
    SHAPES.iter().map(|shape| of_shape(setup, spin, progress, shape)).collect()
}

fn of_shape(
    setup: &Setup,
    spin: &mut Spin,
    progress: &dyn Fn(&str),
    shape: &Shape,
) -> Result<Report> {
    let rows = setup.events.unwrap_or(COUNT);
    let load = Load::new(rows, shape)?;
    let published = Ok(How::Published(1e6 / PUBLISHED));
    let subjects =
        vec![setup.own(), Subject::new("the vendor's published figure", Role::Peer, published)];
    let drive = |program: &Path, args: &[String]| drive(setup, &load, shape.spec, program, args);
    let known = |cpu_us| Ok(Sample { cpu_us, wall_us: None });
    let step = |step: &str| progress(&format!("{}: {step}", shape.about));
    let served = setup.rounds(subjects, spin, &step, drive, known);
    let about = format!(
        "{rows} messages of one row over kdb+ IPC, each {}, upserted into a table with key sym",
        shape.about
    );
    let form = Form { name: ROWS, about: &about, figures: &FIGURES, base: Role::Own };
    Ok(served.report(&form))
}

/// Runs the engine; returns what it did, and its CPU time.
fn drive(
    setup: &Setup,
    load: &Load,
    spec: &str,
    program: &Path,
    args: &[String],
) -> Result<(Sample, f64)> {
    let mut service = Service::start(setup, program, args, spec)?;
    let mut client = service.client()?;
    let before = service.cpu_s()?;
    let begin = Instant::now();
    client.send(&load.messages)?;
    // An answer says that everything before it was taken.
    client.call("report", K::long(0)).map_err(|e| service.explain(e))?;
    let wall_s = begin.elapsed().as_secs_f64();
    let after = service.cpu_s()?;
    // Now everything is in the table, too.
    client.call("report", K::long(0)).map_err(|e| service.explain(e))?;
    service.cpu_s()?;
    match service.console()?.last() {
        Some(last) if *last == load.want => {}
        last => {
            let last = last.map_or("nothing", String::as_str);
            return Err(service.explain(Error(format!("wanted {}, got {last}", load.want))));
        }
    }
    Ok((Sample::new(load.rows, after - before, wall_s), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_told_by_sums() {
        let trade = |time, cents, size| Trade { time, name: 0, cents, size };
        assert_eq!(told(&[trade(TIMES + 3, 100, 5), trade(4, 250, 6)]), "2 7 600 11");
    }

    #[test]
    fn every_row_is_a_message() {
        for shape in &SHAPES {
            let load = Load::new(1000, shape).unwrap();
            let mut rest = load.messages.as_slice();
            let mut count = 0;
            while let Some((length, _)) = rest.get(4..).and_then(|r| r.split_first_chunk::<4>()) {
                rest = &rest[u32::from_le_bytes(*length) as usize..];
                count += 1;
            }
            assert_eq!((count, rest.len()), (1000, 0), "{}", shape.about);
            assert!(load.want.starts_with("100 "), "{}", load.want);
        }
        assert!(Load::new(0, &SHAPES[0]).is_err());
    }
}
