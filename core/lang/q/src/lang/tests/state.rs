//! What a program remembers: whoever goes on from a snapshot goes on as if nothing had happened.

use super::*;
use proptest::prelude::*;

/// Something of each kind of state.
const SPEC: &str = "
n:0
.info.seen:0
.qsp.track[`n`.info]
q:.qsp.read.fromCallback[`q]
s:.qsp.read.fromCallback[`p]
    .qsp.map[{n+:count x; .info.seen:sum x`v; x}]
a:s .qsp.window.count[3] .qsp.write.toVariable[`a]
b:s .qsp.accumulate[{[md;x;y] y+sum x`v}; 0] .qsp.write.toVariable[`b]
c:s .qsp.map[{[op;md;x] .qsp.set[op;md;1+0^first .qsp.get[op;md]]; n};
        .qsp.use `state`name!(enlist 0;`keeps)] .qsp.write.toVariable[`c]
d:s .qsp.merge[q; {x`v}; .qsp.use ``flush!``none] .qsp.write.toVariable[`d]
e:s .qsp.transform.fill[enlist[`v]!enlist 0; `down]
    .qsp.map[{(.info.seen;x`v)}] .qsp.write.toConsole[\"\"; .qsp.use ``timestamp!``]
f:s .qsp.encode.csv[] .qsp.write.toVariable[`f; .qsp.use ``mode!``overwrite]
.qsp.run (a;b;c;d;e;f)";

fn table(items: &[i64]) -> K {
    K::table(vec![formats::k::Sym::new("v")], vec![K::longs(items.to_vec())]).unwrap()
}

/// What each writer got, and the variables.
type Made = (Vec<String>, BTreeMap<String, K>);

/// Runs the spec over batches; before each that is named, a new process goes on from a snapshot.
fn run(batches: &[Vec<i64>], restarts: &[bool]) -> Made {
    let mut rig = Rig::new(SPEC);
    let mut made = Vec::new();
    for (at, batch) in batches.iter().enumerate() {
        if restarts.get(at) == Some(&true) {
            rig = again(&rig);
        }
        let data = Data::Value(table(batch));
        let mut out = Vec::new();
        let batch = rig.batch(data);
        rig.exprs[0].map_port(usize::from(at % 3 == 0), batch, &mut out).unwrap();
        made.extend(told(out));
    }
    let mut out = Vec::new();
    rig.exprs[0].end(End::Drained, &mut out).unwrap();
    made.extend(told(out));
    (made, rig.around.published.borrow().clone())
}

fn told(out: Vec<Batch>) -> Vec<String> {
    out.into_iter()
        .map(|batch| {
            let text = (0..6).find_map(|n| Some(format!("{n} {:?}", untagged(&batch.data, n)?)));
            batch.ok();
            text.unwrap()
        })
        .collect()
}

/// Another process that goes on.
fn again(rig: &Rig) -> Rig {
    let state = rig.exprs[0].snapshot().unwrap().unwrap();
    let mut next = Rig::new(SPEC);
    next.exprs[0].restore(&state).unwrap();
    next
}

proptest! {
    #[test]
    fn a_restart_at_any_batch_changes_nothing(
        batches in prop::collection::vec(prop::collection::vec(0..100_i64, 1..5), 1..12),
        restarts in prop::collection::vec(any::<bool>(), 12),
    ) {
        prop_assert_eq!(run(&batches, &restarts), run(&batches, &[]));
    }
}

#[test]
fn what_is_not_tracked_begins_anew() {
    let spec = format!("n:0\n{READ} .qsp.map[{{n+:1; n}}] .qsp.write.toVariable[`v]");
    let mut rig = Rig::new(&spec);
    assert_eq!(rig.value(0, K::Null), Ok(vec![K::long(1)]));
    let state = rig.exprs[0].snapshot().unwrap().unwrap();
    let mut next = Rig::new(&spec);
    next.exprs[0].restore(&state).unwrap();
    assert_eq!(next.around.published.borrow()["v"], K::long(1));
    assert_eq!(next.value(0, K::Null), Ok(vec![K::long(1)]));
    assert_eq!(next.around.published.borrow()["v"], K::longs(vec![1, 1]));
}

#[test]
fn states_of_others_are_refused() {
    let mut rig = Rig::new(SPEC);
    let state = rig.exprs[0].snapshot().unwrap().unwrap();
    let mut other = Rig::new(&format!("{READ} .qsp.map[{{x}}] .qsp.write.toVariable[`v]"));
    assert!(other.exprs[0].restore(&state).is_err());
    for len in 0..state.len() {
        assert!(rig.exprs[0].restore(&state[..len]).is_err(), "{len}");
    }
    let mut newer = state.clone();
    newer[0] = 3;
    let error = rig.exprs[0].restore(&newer).unwrap_err();
    assert_eq!(error.0, "the state is of version 3, and this program reads 2");
}

#[test]
fn the_end_of_a_reader_flushes_what_only_it_kept_open() {
    let mut rig = Rig::new(
        "a:.qsp.read.fromCallback[`a] .qsp.window.count[9] .qsp.write.toVariable[`a]\n\
         b:.qsp.read.fromCallback[`b] .qsp.window.count[9] .qsp.write.toVariable[`b]\n\
         .qsp.run (a;b)",
    );
    for port in 0..2 {
        let batch = rig.batch(Data::Value(K::longs(vec![1])));
        rig.exprs[0].map_port(port, batch, &mut Vec::new()).unwrap();
    }
    let mut out = Vec::new();
    rig.exprs[0].end_port(1, End::Drained, &mut out).unwrap();
    assert_eq!(rig.around.published.borrow().get("a"), None);
    assert_eq!(rig.around.published.borrow()["b"], K::longs(vec![1]));
    rig.exprs[0].end(End::Suspended, &mut out).unwrap();
    assert_eq!(rig.around.published.borrow().get("a"), None, "it is in the state");
}
