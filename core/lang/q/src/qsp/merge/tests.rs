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
    cx.load_script(&spec).unwrap();
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

#[test]
fn what_triggers_what_is_forgotten_and_what_is_put_together() {
    let f = "{[l;r] (l;r)}";
    let steps: &[(usize, &str)] = &[(0, "1"), (1, "2"), (0, "3"), (1, "4")];
    for (options, want) in [
        // What was flushed on the left waits for more of it.
        ("``trigger!(::;`both)", None),
        ("`trigger`flush!(`both;`none)", Some("3 4")),
        ("`trigger`flush!(`immediate;`both)", Some("(::;4)")),
        ("`trigger`flush!(`right;`right)", Some("3 4")),
        ("`trigger`flush`concat!(`both;`none;1b)", Some("(1 3;2 4)")),
    ] {
        let made = run(options, f, steps);
        let shown: Vec<String> = made.iter().map(crate::display::text).collect();
        assert_eq!(shown.first().map(String::as_str), want, "{options}");
    }
}

#[test]
fn a_function_gets_what_params_name() {
    let steps: &[(usize, &str)] = &[(0, "1"), (1, "2")];
    let f = "{[op;md;l;r] .qsp.set[op;md;10+.qsp.get[op;md]]+l+r}";
    assert_eq!(run("``state!(::;0)", f, steps), [K::long(13)]);
    let f = "{[r;l] r-l}";
    assert_eq!(run("``params!(::;`right`left)", f, steps), [K::long(1)]);
}
