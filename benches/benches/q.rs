//! q over large columns: groups, conditions, sorting, joins, and single rows put into tables.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use formats::budget::Metered;
use q::{Options, STEPS_MAX, Session};

/// That of mainstem.
#[global_allocator]
static ALLOCATOR: Metered<mimalloc::MiMalloc> = Metered(mimalloc::MiMalloc);

const ROWS: usize = 1_000_000;
/// Rows put into a table one by one.
const SINGLE: usize = 10_000;

const SETUP: &str = "
syms:`$string each til 1000
t:([]time:2024.01.01D+n?86400000000000;sym:n?syms;price:n?100f;size:n?1000;id:n?n;small:n?100i)
quotes:([]time:asc 2024.01.01D+n?86400000000000;sym:n?syms;bid:n?100f)
static:([sym:syms]z:til 1000)
keyed:([sym:syms]price:1000#0f;size:1000#0)
plain:([]sym:`symbol$();price:`float$())";

const QUERIES: [(&str, &str); 16] = [
    ("vwap by sym", "select vwap:size wavg price by sym from t"),
    ("aggregates by sym", "select sum size,avg price,min price,max price by sym from t"),
    ("med by sym", "select med price by sym from t"),
    ("sums by sym", "update s:sums size by sym from t"),
    ("sum by many", "select sum price by id from t"),
    ("two conditions", "select sum price from t where small<50,price>50"),
    ("sort by float", "`price xasc t"),
    ("sort by two", "`sym`price xasc t"),
    ("lj", "t lj static"),
    ("aj", "aj[`sym`time;t;quotes]"),
    ("distinct", "distinct t`id"),
    ("find", "(t`id)?t`id"),
    ("bars of time", "select sum size by 0D00:05 xbar time from t"),
    ("asc of floats", "asc t`price"),
    ("in", "(t`id) in 10000*til 100"),
    ("in symbols", "(t`sym) in 20#syms"),
];

fn session() -> Option<Session> {
    let mut session = Session::new(Options { steps_max: u64::MAX, ..Options::default() });
    let setup = format!("n:{ROWS}{SETUP}");
    session.load_script(&setup).ok()?;
    Some(session)
}

fn large(c: &mut Criterion) {
    assert!(STEPS_MAX > ROWS as u64, "one query over the rows is no abuse");
    let Some(mut session) = session() else { return };
    let mut group = c.benchmark_group("q");
    group.sample_size(10);
    group.throughput(Throughput::Elements(ROWS as u64));
    for (name, query) in QUERIES {
        group.bench_function(name, |b| {
            b.iter(|| black_box(session.eval(black_box(query), "bench").is_ok()));
        });
    }
    group.throughput(Throughput::Elements(SINGLE as u64));
    let upsert = format!("i:0;do[{SINGLE};`keyed upsert (syms i mod 1000;1f;i);i+:1]");
    let insert = format!("do[{SINGLE};`plain insert (`a;1f)]");
    for (name, program) in [("upsert rows", upsert), ("insert rows", insert)] {
        group.bench_function(name, |b| {
            b.iter(|| black_box(session.eval(black_box(&program), "bench").is_ok()));
        });
    }
    group.finish();
}

criterion_group!(benches, large);
criterion_main!(benches);
