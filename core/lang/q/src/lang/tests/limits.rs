//! What a spec may have at most.

use super::*;
use crate::MEMORY_MAX;
use crate::qsp::{HELD_MAX, KEYS_MAX, NODES_MAX, PUSHED_MAX, TRACKED_MAX};
use formats::k::{Sym, Type};

const WRITE_NOTHING: &str = ".qsp.write.toVariable[`v; .qsp.use ``mode!``overwrite]";
const WRITE: &str = ".qsp.write.toVariable[`v]";

/// What is wrong with a spec when it is loaded.
fn refused(spec: &str) -> Option<String> {
    lower(spec).err().map(|errors| errors[0].message.clone())
}

/// The number of results of a spec for a value, or why it failed.
fn made(operator: &str, value: K) -> Result<usize, String> {
    let mut rig = Rig::new(&format!("{READ} {operator} {WRITE}"));
    rig.value(0, value).map(|out| out.len()).map_err(|error| error.0)
}

#[test]
fn names_to_track_have_a_limit() {
    let track = |count: usize| {
        let spec = format!(".qsp.track {count}#`a\n{READ} .qsp.write.toVariable[`v]");
        lower(&spec).map_err(|errors| errors[0].message.clone())
    };
    assert!(track(TRACKED_MAX).is_ok());
    assert_eq!(track(TRACKED_MAX + 1).err().as_deref(), Some("'limit"));
}

#[test]
fn operators_have_a_limit() {
    let spec = |count: usize| format!("do[{count};.qsp.map[{{x}}]]\n{READ} {WRITE}");
    // The reader and the writer are two.
    assert_eq!(refused(&spec(NODES_MAX - 2)), None);
    assert_eq!(refused(&spec(NODES_MAX - 1)).as_deref(), Some("'limit"));
}

#[test]
fn what_one_call_pushes_has_a_limit() {
    let push = ".qsp.apply[{[op;md;x] do[x;.qsp.push[op;md;x]]}; .qsp.use ``name!``m]";
    assert_eq!(made(push, K::long(PUSHED_MAX as i64)), Ok(PUSHED_MAX));
    assert_eq!(made(push, K::long(PUSHED_MAX as i64 + 1)), Err("m: 'limit".to_owned()));
}

#[test]
fn keys_have_a_limit_and_those_that_are_there_can_be_set() {
    let set = ".qsp.map[{[op;md;x] {[op;k] .qsp.set[op;enlist[`key]!enlist k;k]}[op] each x}; \
               .qsp.use `name`state!(`m;0)]";
    let keys = |count: usize| K::longs((0..count as i64).collect());
    let mut rig = Rig::new(&format!("{READ} {set} {WRITE}"));
    assert!(rig.value(0, keys(KEYS_MAX)).is_ok());
    assert!(rig.value(0, keys(KEYS_MAX)).is_ok());
    let error = rig.value(0, keys(KEYS_MAX + 1)).unwrap_err();
    assert_eq!(error.0, "m: 'limit");
}

/// Batches of a million items that an operator takes until it fails, and how it fails.
fn until_it_fails(operator: &str) -> (usize, String) {
    let variables = "buf:0#0\nbufs:()\nd:(0#0)!()\n";
    let mut rig = Rig::new(&format!("{variables}{READ} {operator} {WRITE}"));
    let batch = || K::longs(vec![1; 1 << 20]);
    for taken in 0..1000 {
        if let Err(error) = rig.value(0, batch()) {
            return (taken, error.0);
        }
    }
    (1000, String::new())
}

#[test]
fn what_grows_from_batch_to_batch_ends_in_an_error_of_its_operator() {
    let most = usize::try_from(MEMORY_MAX).unwrap() / (8 << 20);
    for operator in [
        ".qsp.map[{buf,:x; count x}; .qsp.use ``name!``m]",
        ".qsp.map[{bufs::bufs,enlist x; count x}; .qsp.use ``name!``m]",
        ".qsp.map[{[op;md;x] .qsp.set[op;md;.qsp.get[op;md],x]; 0}; \
         .qsp.use `name`state!(`m;0#0)]",
        ".qsp.accumulate[{[md;x;y] y,enlist x}; (); {count x}; .qsp.use ``name!``m]",
        ".qsp.map[{d[count d]:x; 0}; .qsp.use ``name!``m]",
    ] {
        let (taken, error) = until_it_fails(operator);
        // It may be the writer behind it for which nothing is left.
        assert!(error.ends_with(": 'wsfull"), "{operator}: {error}");
        assert!((most / 4..=2 * most).contains(&taken), "{operator}: {taken}");
    }
}

#[test]
fn what_a_window_takes_together_grows_no_further_than_what_it_takes_alone() {
    let window = ".qsp.window.tumbling[1000000000; `t; .qsp.use ``name!``m]";
    let row = || K::vec(Type::Byte, vec![0u8; 16 << 10]);
    let batch = || {
        let columns =
            vec![K::longs((0..1100).collect()), K::list((0..1100).map(|_| row()).collect())];
        K::table(["t", "v"].map(Sym::new).to_vec(), columns).unwrap()
    };
    let most = usize::try_from(MEMORY_MAX).unwrap() / (1100 * (16 << 10));
    for size in [1, 4] {
        let mut rig = Rig::new(&format!("{READ} {window} {WRITE}"));
        let (mut taken, mut together, mut values) = (0, 0, Vec::new());
        let error = loop {
            values.resize_with(size, batch);
            let count = if size > 1 { rig.exprs[0].map_values(0, &values).unwrap() } else { 0 };
            together += count;
            if count == 0
                && let Err(error) = rig.value(0, values.remove(0))
            {
                break error.0;
            }
            values.drain(..count);
            taken += count.max(1);
        };
        assert_eq!(error, "m: 'wsfull");
        assert!((most / 2..=2 * most).contains(&taken), "{size}: {taken}");
        assert_eq!(together > taken / 4, size > 1, "{together} of {taken}");
    }
}

#[test]
fn what_is_handed_on_is_no_state() {
    let mut rig = Rig::new(&format!("{READ} .qsp.map[{{x+til count x}}] {WRITE_NOTHING}"));
    let batch = K::longs(vec![1; 1 << 20]);
    for _ in 0..200 {
        assert_eq!(rig.value(0, batch.clone()).map(|out| out.len()), Ok(1));
    }
}

#[test]
fn what_a_window_holds_has_a_limit() {
    let bytes = |count: usize| bytes(&vec![0; count]);
    for window in ["count[1000000]", "global[{()}]", "timer[0D01]"] {
        let window = format!(".qsp.window.{window} .qsp.map[{{x}}]");
        let mut rig = Rig::new(&format!("{READ} {window} {WRITE}"));
        assert_eq!(rig.value(0, bytes(HELD_MAX - 1)), Ok(vec![]));
        assert_eq!(rig.value(0, bytes(1)), Ok(vec![]));
        let error = rig.value(0, bytes(1)).unwrap_err();
        assert!(error.0.ends_with(": 'limit"), "{error}");
    }
}
