//! What the sides hold when something fails.

use super::*;
use crate::qsp::load;
use crate::session::Options;

fn give(cx: &mut Session, merge: &mut Merge, node: &Node, port: usize, text: &str) -> Vec<K> {
    let data = cx.eval(text, "data").unwrap();
    let mut out = Output::new();
    let _ = merge.side(cx, node, port, K::Null, data, &mut out);
    out.into_iter().map(|(_, k)| k).collect()
}

/// Gives the sides data and returns what is made of the last of it.
fn run(options: &str, f: &str, steps: &[(usize, &str)]) -> Vec<K> {
    let spec = format!(
        "q:.qsp.read.fromCallback[`q]\n.qsp.run .qsp.read.fromCallback[`t] \
         .qsp.merge[q;{f}; .qsp.use {options}] .qsp.write.toVariable[`v]"
    );
    let pipeline = load(&spec).unwrap();
    let node = pipeline.nodes.iter().find(|n| n.op == "merge").unwrap();
    let mut cx = Session::new(Options::default());
    let mut merge = Merge::default();
    let mut made = Vec::new();
    for (port, text) in steps {
        made = give(&mut cx, &mut merge, node, *port, text);
    }
    made
}

#[test]
fn a_batch_that_does_not_fit_changes_nothing() {
    let steps = [(0, "([]a:1 2)"), (0, "([]b:1 2)"), (0, "([]a:enlist 3)"), (1, "0")];
    let made = run("``concat!(::;1b)", "{[l;r] exec a from l}", &steps);
    assert_eq!(made, [K::longs(vec![1, 2, 3])]);
}

#[test]
fn a_function_that_signals_changes_nothing() {
    let f = "{[l;r] if[0 in l;'\"zero\"]; l}";
    for (options, first, bad, want) in [
        ("``concat!(::;1b)", "1 2", "0 5", vec![1, 2, 3]),
        ("``concat!(::;1b)", "1 2", "`a`b", vec![1, 2, 3]),
        ("``concat!(::;0b)", "1 2", "0 5", vec![3]),
    ] {
        let steps = [(1, "0"), (0, first), (0, bad), (0, "enlist 3")];
        let options = &options.replace("``concat!(::;", "`trigger`flush`concat!(`left;`none;");
        let f =
            if bad.starts_with('`') { "{[l;r] if[any -11h=type each l;'\"zero\"]; l}" } else { f };
        assert_eq!(run(options, f, &steps), [K::longs(want)], "{options} {bad}");
    }
}
