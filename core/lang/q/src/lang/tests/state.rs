//! What a program remembers: whoever goes on from a snapshot goes on as if nothing had happened.

use super::*;

/// State of the program itself, and of operators that are in most specs.
pub(super) const SPEC: &str = "
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
d:s .qsp.merge[q; {[l;r] l[`v],r`v}; .qsp.use ``flush!``none] .qsp.write.toVariable[`d]
e:s .qsp.transform.fill[enlist[`v]!enlist 0; `down]
    .qsp.map[{(.info.seen;x`v)}] .qsp.write.toConsole[\"\"; .qsp.use ``timestamp!``]
f:s .qsp.encode.csv[] .qsp.write.toVariable[`f; .qsp.use ``mode!``overwrite]
.qsp.run (a;b;c;d;e;f)";

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

/// The error of the state of a spec that has got a value.
fn not_kept(spec: &str) -> String {
    let mut rig = Rig::new(spec);
    let batch = rig.batch(Data::Value(K::long(1)));
    rig.exprs[0].map(batch, &mut Vec::new()).unwrap();
    rig.exprs[0].snapshot().unwrap_err().0
}

#[test]
fn what_cannot_leave_the_process_is_named_when_the_state_is_to_be_kept() {
    let why = "a function that cannot leave this process";
    let write = ".qsp.write.toVariable[`v]";
    let told = |what: &str| format!("the state cannot be kept: {what}: {why}");
    let map = |f: &str| format!("{READ} .qsp.map[{f}; .qsp.use ``name!``m] {write}");
    let n = format!("n:1\n.qsp.track[`n]\n{}", map("{n::(1;til);x}"));
    assert_eq!(not_kept(&n), told("the variable n"));
    assert_eq!(not_kept(&map("{enlist til}")), told("the variable v"));
    let set = map("{[op;md;x] .qsp.set[op;md;til]; x}").replace("``name!``m", "`name`state!(`m;0)");
    assert_eq!(not_kept(&set), told("what .qsp.set has for m"));
    let held =
        format!("{READ} .qsp.accumulate[{{[md;x;y] til}}; 0; {{0}}; .qsp.use ``name!``a] {write}");
    assert_eq!(not_kept(&held), told("what a holds"));
    let called = map("{p til; x}");
    assert_eq!(not_kept(&called), told("what a reader was called with"));
    let own = format!(".qsp.onCheckpoint {{til}}\n{}", map("{x}"));
    assert_eq!(not_kept(&own), told("what onCheckpoint gave"));
    let deep = format!("n:1\n.qsp.track[`n]\n{}", map("{n::enlist/[200;1]; x}"));
    assert_eq!(not_kept(&deep), "the state cannot be kept: the variable n: nested too deep");
}

#[test]
fn functions_in_what_is_kept_work_as_before() {
    let spec = format!(
        "\\d .a\nk:5\ng:{{x+k}}\n\\d .\nn:0\n.qsp.track[`n]\n{READ} \
         .qsp.map[{{if[n~0;n::`a`b`c`d!(.a.g;10+;{{x*2}}';'[neg;count])];n[x] 1}}] \
         .qsp.write.toVariable[`v]"
    );
    let mut rig = Rig::new(&spec);
    let names = ["a", "b", "c", "d"];
    let all = |rig: &mut Rig| names.map(|name| rig.value(0, K::sym(name)).unwrap().remove(0));
    let want = all(&mut rig);
    assert_eq!(want, [6, 11, 2, -1].map(K::long));
    let state = rig.exprs[0].snapshot().unwrap().unwrap();
    let mut next = Rig::new(&spec);
    next.exprs[0].restore(&state).unwrap();
    assert_eq!(all(&mut next), want);
}

#[test]
fn what_can_be_kept_can_be_read_of_however_many_values_it_is() {
    let count = formats::k::ipc::OBJECTS_MAX + 1;
    let spec = format!(
        "n:0\n.qsp.track[`n]\n{READ} .qsp.map[{{if[n~0;n::{count}#(1;`a)];count n}}] \
         .qsp.write.toVariable[`v]"
    );
    let mut rig = Rig::new(&spec);
    assert_eq!(rig.value(0, K::Null), Ok(vec![K::long(count as i64)]));
    let state = rig.exprs[0].snapshot().unwrap().unwrap();
    let mut next = Rig::new(&spec);
    next.exprs[0].restore(&state).unwrap();
    assert_eq!(next.value(0, K::Null), Ok(vec![K::long(count as i64)]));
}

#[test]
fn a_plan_tells_whether_a_reader_keeps_calls() {
    let plan = |options: &str| {
        let spec =
            format!(".qsp.run .qsp.read.fromCallback[`p{options}] .qsp.write.toVariable[`v]");
        lower(&spec).unwrap()
    };
    assert!(plan("; .qsp.use ``replay!(::;1b)").keeps());
    assert!(!plan("; .qsp.use ``replay!(::;0b)").keeps() && !plan("").keeps());
}
