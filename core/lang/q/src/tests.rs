//! Programs from the outside: limits, errors, laws.

use crate::session::{Options, Session};
use crate::{Console, display};
use formats::k::K;

mod corners;
mod language;

fn session() -> Session {
    Session::new(Options::default())
}

fn show(text: &str) -> String {
    Console::new(Options::default()).enter(text)
}

fn error(text: &str) -> String {
    format!("'{}", session().eval(text, "test").unwrap_err())
}

#[test]
fn errors_have_places() {
    let e = session().eval("a:1\nb:2+`x", "test").unwrap_err();
    assert_eq!((e.text.as_str(), e.line, e.column), ("type", 2, 3));
    let e = session().eval("f:{x+\n  `y}\nf 1", "test").unwrap_err();
    assert_eq!((e.text.as_str(), e.line, e.column), ("type", 1, 4));
    assert_eq!(e.trace, ["{x+\n  `y}", "test"]);
}

#[test]
fn endless_programs_are_stopped() {
    let options = Options { steps_max: 100_000, ..Options::default() };
    let mut session = Session::new(options);
    for text in ["while[1b;1]", "{x+1}/[{1b};0]", "f:{f x};@[f;1;0]", "til 1000000000000"] {
        let e = session.eval(text, "test").unwrap_err();
        assert!(e.fatal, "{text}: {e}");
    }
}

#[test]
fn what_takes_long_is_counted() {
    let steps = |max: u64, text: &str| {
        let options = Options { steps_max: max, ..Options::default() };
        Session::new(options).eval(text, "test").map_err(|e| e.text.clone())
    };
    // Each level is compared with the one before, down to the last that is looked into.
    assert_eq!(steps(100_000, "enlist over \",\""), Err("stop".to_owned()));
    // Each byte is compared with each part of the pattern.
    let texts = "x:(50000#\"a\"),\"b\";y:(5000#\"a\"),\"c\";";
    for search in ["x ss y", "ssr[x;y;\"\"]", "x like \"*\",y", "(`$x) like \"*\",y"] {
        assert_eq!(steps(10_000_000, &format!("{texts}{search}")), Err("stop".to_owned()));
    }
    // Each item is looked for among all others.
    let lists = "x:`u#enlist each til 2000;";
    assert!(steps(30_000, lists).is_ok());
    let append = format!("{lists}i:0;do[100;x,:enlist enlist 5000+i;i+:1];attr x");
    assert_eq!(steps(30_000, &append), Err("stop".to_owned()));
    assert_eq!(steps(1_000_000, &append), Ok(K::sym("u")));
}

#[test]
fn many_equal_names_are_told_apart_in_time() {
    let mut session = session();
    let names = "x:.Q.id flip (20000#`$\"a b\")!20000#enlist 1 2;(count;first;last)@\\:cols x";
    let names = session.eval(names, "test").unwrap();
    assert_eq!(display(&names), "20000\n`ab\n`ab19999");
    // One after the other they would be hundreds of millions.
    let text = "count distinct .Q.id3 200000#`a`a1`b";
    assert_eq!(session.eval(text, "test"), Ok(K::long(200_000)));
}

#[test]
fn recursion_is_limited_on_a_small_stack() {
    for text in ["f:{1+f x};f 1", "{.z.s x}1", "{(.z.s')x}(1;2)", "value t:\"value t\""] {
        // Less than threads have, so that there is room below a session.
        let small = std::thread::Builder::new().stack_size(3 << 19);
        let run = || session().eval(text, "test").unwrap_err().fatal;
        assert!(small.spawn(run).unwrap().join().unwrap(), "{text}");
    }
}

#[test]
fn deep_values_do_no_harm() {
    for f in ["string", "neg", "display", "raze/", "-3!", "distinct", "asc", "{x~x}", ".j.j"] {
        let text = format!("x:(enlist enlist@)/[100000;1 2]; {f} x");
        let _ = session().eval(&text, "test");
    }
}

#[test]
fn what_is_not_supported_names_itself() {
    assert_eq!(error("{hopen `:localhost:1}"), "'nyi: hopen");
    assert_eq!(error("system \"ls\""), "'nyi: \\ls");
    assert_eq!(error("\\l file.q"), "'nyi: \\l");
}

#[test]
fn traps_catch_errors_but_not_limits() {
    assert_eq!(show("@[{'\"boom\"};1;{x}]"), "\"boom\"");
    assert_eq!(show(".[{x+y};(1;`a);{`$x}]"), "`type");
}

#[test]
fn long_lists_are_cut_to_the_console() {
    let table = show("([]a:til 100)");
    assert_eq!(table.lines().count(), 23);
    assert_eq!(table.lines().last(), Some(".."));
    let line = show("til 100");
    assert_eq!((line.chars().count(), line.ends_with("..")), (79, true));
    assert_eq!(show("til each til 40").lines().count(), 23);
}

#[test]
fn functions_travel_as_values() {
    let mut s = session();
    let f = s.eval("{x+y}[1]", "test").unwrap();
    assert_eq!(s.apply(&f, &[K::long(2)]).unwrap(), K::long(3));
    assert_eq!(display(&f), "{x+y}[1]");
}

#[test]
fn functions_that_came_as_bytes_are_functions() {
    assert_eq!(show("-9!-8!(+)"), "+");
    assert_eq!(show("(-9!-8!{x+y})[1;2]"), "3");
    assert_eq!(show("({x+y}[1];+/;neg)~-9!-8!({x+y}[1];+/;neg)"), "1b");
    assert_eq!(show("f:-9!-8!([]f:(+;-));f[`f].\\:5 2"), "7 3");
    assert_eq!(show("f:-9!-8!`a`b!(1;(*;::));(f[`b;0][2;3];f[`b;1])"), "6\n::");
    // One that there is not, and a text that is more than a function.
    assert_eq!(error("-9!0x010000000a00000066ff"), "'nyi: primitive");
    let text = "-9!0x010000001700000064000a0007000000613a313b7b787d";
    assert_eq!(error(&format!("b:@[{{{text}}};0;{{x}}];$[b~\"type\";a;b]")), "'a");
}

#[test]
fn a_sorted_dictionary_that_is_written_is_no_longer_one() {
    let keys = "0b000200000061006200";
    let values = "07000200000001000000000000000200000000000000";
    let dict = format!("d:-9!0x01000000290000007f{keys}{values};");
    assert_eq!(show(&format!("{dict}(type d;d`b;type -9!-8!d)")), "127h\n2\n127h");
    assert_eq!(show(&format!("{dict}d[`a]:5;(type d;d`a)")), "99h\n5");
}
