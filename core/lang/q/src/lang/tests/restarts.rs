//! Whoever goes on from a snapshot goes on as if nothing had happened, whatever the operators are.

use super::state::SPEC;
use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use formats::k::{Sym, Type};
use proptest::prelude::*;
use std::io::Write;

/// Time between two batches; nanoseconds.
const STEP_NS: u64 = 700_000_000;

/// What comes in: a port and a value for each batch of numbers.
type Given = fn(&[Vec<i64>]) -> Vec<(usize, K)>;

/// A table of the numbers, at one of two readers.
fn tables(batches: &[Vec<i64>]) -> Vec<(usize, K)> {
    let table =
        |items: &Vec<i64>| K::table(vec![Sym::new("v")], vec![K::longs(items.clone())]).unwrap();
    (0..).zip(batches).map(|(at, items)| (usize::from(at % 3 == 0), table(items))).collect()
}

/// Tables with times that are not quite in order, names, numbers and floats, some of them null or
/// infinite.
fn ticks(batches: &[Vec<i64>]) -> Vec<(usize, K)> {
    let table = |(at, items): (i64, &Vec<i64>)| {
        let time = |v: &i64| (at * 1000 + (v - 50) * 30) * 1_000_000;
        let name = |v: &i64| Sym::new(["a", "b", "c"][(*v % 3) as usize]);
        let number = |v: &i64| if v % 7 == 0 { i64::MIN } else { *v };
        let float = |v: &i64| match v % 5 {
            0 => f64::NAN,
            1 => f64::INFINITY,
            _ => *v as f64 / 4.0,
        };
        let columns = vec![
            K::vec(Type::Timestamp, items.iter().map(time).collect::<Vec<i64>>()),
            K::syms(items.iter().map(name).collect()),
            K::longs(items.iter().map(number).collect()),
            K::floats(items.iter().map(float).collect()),
        ];
        (0, K::table(["t", "s", "v", "f"].map(Sym::new).to_vec(), columns).unwrap())
    };
    (0..).zip(batches).map(table).collect()
}

/// Members of gzip with lines of csv in them, cut anywhere.
fn packed(batches: &[Vec<i64>]) -> Vec<(usize, K)> {
    let member = |items: &Vec<i64>| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        items.iter().for_each(|v| writeln!(encoder, "{v},x{v}").unwrap());
        encoder.finish().unwrap()
    };
    let mut stream: Vec<u8> = batches.iter().map(member).collect::<Vec<_>>().concat();
    let cut = |items: &Vec<i64>| {
        let piece = stream.drain(..stream.len().min(items.iter().sum::<i64>() as usize));
        (0, bytes(&piece.collect::<Vec<_>>()))
    };
    let mut pieces: Vec<_> = batches.iter().map(cut).collect();
    pieces.push((0, bytes(&stream)));
    pieces
}

/// Lines of csv as bytes, cut anywhere.
fn lines(batches: &[Vec<i64>]) -> Vec<(usize, K)> {
    let line = |v: &i64| format!("{v},x{v}\n");
    let mut text: Vec<u8> = b"a,b\n".to_vec();
    text.extend(batches.iter().flatten().flat_map(|v| line(v).into_bytes()));
    let cut = |items: &Vec<i64>| {
        let piece = text.drain(..text.len().min(items.iter().sum::<i64>() as usize / 8));
        (0, bytes(&piece.collect::<Vec<_>>()))
    };
    let mut pieces: Vec<_> = batches.iter().map(cut).collect();
    pieces.push((0, bytes(&text)));
    pieces
}

/// Windows of all kinds, over times out of order and over the clock.
const WINDOWS: &str = "
s:.qsp.read.fromCallback[`p]
a:s .qsp.window.global[{where 0=x[`v] mod 5}]
    .qsp.write.toVariable[`a; .qsp.use ``mode!``overwrite]
b:s .qsp.window.tumbling[0D00:00:01; `t] .qsp.map[{(count x;sum x`v)}] .qsp.write.toVariable[`b]
c:s .qsp.window.sliding[0D00:00:01; 0D00:00:03; `t; .qsp.use `lateness`sort!(0D00:00:01;1b)]
    .qsp.map[{x`v}] .qsp.write.toVariable[`c]
d:s .qsp.window.tumbling[0D00:00:02; `t;
        .qsp.use `passthrough`skipEmptyWindows`countTrigger!(1b;1b;9)]
    .qsp.reduce[{[md;x;y] (md;y+sum x`v)}; 0] .qsp.write.toVariable[`d]
e:s .qsp.window.timer[0D00:00:01]
    .qsp.map[{[md;x] (md;x`v)}; .qsp.use ``params!(::;`metadata`data)] .qsp.write.toVariable[`e]
f:s .qsp.window.timer[0D00:00:02; .qsp.use `skipEmptyWindows`countTrigger!(1b;4)]
    .qsp.map[{count x}] .qsp.write.toVariable[`f]
g:s .qsp.window.count[4; 2] .qsp.map[{x`v}] .qsp.write.toVariable[`g]
.qsp.run (a;b;c;d;e;f;g)";

/// What goes on from batch to batch.
const MEANS: &str = "
s:.qsp.read.fromCallback[`p]
a:s .qsp.stats.sma[`v`f; 3; `v3`f3] .qsp.write.toVariable[`a]
b:s .qsp.stats.ema[`v; .3] .qsp.write.toVariable[`b]
c:s .qsp.stats.twa[`v; 4; `t; `w] .qsp.write.toVariable[`c]
d:s .qsp.rolling[3; {3 msum x`v}] .qsp.write.toVariable[`d]
e:s .qsp.transform.replaceNull[`v`f; .qsp.use `bufferSize`newCol!(6;1b)] .qsp.write.toVariable[`e]
f:s .qsp.map[{([]f:0f,x`f)}] .qsp.transform.replaceInfinity[`f] .qsp.write.toVariable[`f]
g:s .qsp.transform.fill[`v`f!(0;0f); `down] .qsp.write.toVariable[`g]
h:s .qsp.keyBy[`s] .qsp.map[{[op;md;x] .qsp.set[op;md;n:sum[0^x`v]+0^first .qsp.get[op;md]]; n};
        .qsp.use ``state!(::;enlist 0)] .qsp.write.toVariable[`h]
i:s .qsp.accumulate[{[md;x;y] y upsert select sum v by s from x}; ([s:`$()] v:`long$())]
    .qsp.write.toVariable[`i; .qsp.use ``mode!``overwrite]
.qsp.run (a;b;c;d;e;f;g;h;i)";

const GZIP: &str = "
s:.qsp.read.fromCallback[`p] .qsp.decode.gzip[]
a:s .qsp.decode.csv[([]a:`long$();b:`$()); .qsp.use ``header!``none] .qsp.write.toVariable[`a]
b:s .qsp.accumulate[{[md;x;y] y,x}; \"\"] .qsp.write.toVariable[`b; .qsp.use ``mode!``overwrite]
.qsp.run (a;b)";

const CSV: &str = "
s:.qsp.read.fromCallback[`p] .qsp.decode.csv[([]a:`long$();b:`$())]
a:s .qsp.write.toVariable[`a]
b:s .qsp.encode.csv[] .qsp.write.toVariable[`b]
.qsp.run (a;b)";

const CASES: [(&str, Given, &str); 5] = [
    ("the program", tables, SPEC),
    ("windows", ticks, WINDOWS),
    ("means", ticks, MEANS),
    ("gzip", packed, GZIP),
    ("csv", lines, CSV),
];

/// What each writer got, the variables as text, in which nulls are equal, and what went wrong.
type Made = (Vec<String>, String, Vec<String>);

/// Runs a spec; before each batch that is named, a new process goes on from a snapshot.
fn run(spec: &str, given: &[(usize, K)], restarts: &[bool]) -> Made {
    let mut rig = Rig::new(spec);
    let (mut made, mut logs) = (Vec::new(), Vec::new());
    for (at, (port, value)) in given.iter().enumerate() {
        if restarts.get(at) == Some(&true) {
            logs.extend(rig.logs());
            rig = again(&rig, spec);
        }
        let mut out = Vec::new();
        rig.around.now_ns.set(rig.around.now_ns.get() + STEP_NS);
        let now_ns = rig.around.now_ns.get();
        if rig.exprs[0].due_ns().is_some_and(|due_ns| due_ns <= now_ns) {
            rig.exprs[0].on_time(&mut out).unwrap();
        }
        let batch = rig.batch(Data::Value(value.clone()));
        rig.exprs[0].map_port(*port, batch, &mut out).unwrap();
        made.extend(told(out));
    }
    let mut out = Vec::new();
    rig.exprs[0].end(End::Drained, &mut out).unwrap();
    made.extend(told(out));
    logs.extend(rig.logs());
    (made, format!("{:?}", rig.around.published.borrow()), logs)
}

fn told(out: Vec<Batch>) -> Vec<String> {
    let text = |batch: Batch| {
        let text = (0..16).find_map(|n| Some(format!("{n} {:?}", untagged(&batch.data, n)?)));
        batch.ok();
        text.unwrap()
    };
    out.into_iter().map(text).collect()
}

/// Another process that goes on.
fn again(rig: &Rig, spec: &str) -> Rig {
    let state = rig.exprs[0].snapshot().unwrap().unwrap();
    let mut next = Rig::new(spec);
    next.around.now_ns.set(rig.around.now_ns.get());
    next.exprs[0].restore(&state).unwrap();
    next
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_restart_at_any_batch_changes_nothing(
        batches in prop::collection::vec(prop::collection::vec(0..100_i64, 1..5), 1..12),
        restarts in prop::collection::vec(any::<bool>(), 12),
    ) {
        for (name, given, spec) in CASES {
            let given = given(&batches);
            let want = run(spec, &given, &[]);
            prop_assert_eq!(run(spec, &given, &restarts), want, "{}", name);
        }
    }
}

#[test]
fn every_case_makes_something_of_what_comes_in_and_signals_nothing() {
    let batches: Vec<Vec<i64>> =
        (0..12).map(|n| (1..5).map(|m| (n * 17 + m * 31) % 100).collect()).collect();
    for (name, given, spec) in CASES {
        let (made, variables, logs) = run(spec, &given(&batches), &[]);
        let writers = spec.matches(".qsp.write.").count();
        for writer in 0..writers {
            let has = made.iter().filter(|line| line.starts_with(&format!("{writer} "))).count();
            assert!(has > 1, "{name}: {writer} {variables} {logs:?}");
        }
        assert_eq!(logs, Vec::<String>::new(), "{name}");
    }
}
