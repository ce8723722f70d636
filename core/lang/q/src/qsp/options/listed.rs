//! Goes through the list: each option is built, refused by name, or makes no difference and is told
//! of in the documentation.

use super::super::build::READ;
use super::super::load;
use super::super::run::Runner;
use super::super::stage::Output;
use super::KNOWN;
use crate::lang::lower;
use crate::session::{Options, Session};
use formats::k::K;

/// Positional arguments of operators, and a value that they work on.
const SAMPLES: &[(&str, &str, &str)] = &[
    ("apply", "{[o;m;x]x};", "1 2"),
    ("decode.arrow", "", "0x0000"),
    ("decode.csv", "\"JJ\";", "\"a,b\\n1,2\\n\""),
    ("decode.json", "", "\"[1]\""),
    ("decode.protobuf", "`M;", "0x0801"),
    ("encode.arrow", "", "([]a:1 2)"),
    ("encode.json", "", "1 2"),
    ("encode.protobuf", "`M;", "([]a:1 2)"),
    ("filter", "{x>1};", "0 0"),
    ("map", "{x};", "1 2"),
    ("merge", "q;{x,y};", "1 2"),
    ("parallel", "(min;max);", "1 2"),
    ("read.fromCallback", "`c;", ""),
    ("read.fromExpr", "\"1\";", ""),
    ("read.fromFile", "`f;", ""),
    ("read.fromHTTP", "\"http://h\";`GET;", "enlist\"a\""),
    ("read.fromMQTT", "`t;`b;", "enlist\"a\""),
    ("read.fromStream", "`t;`s;", ""),
    ("transform.replaceInfinity", "enlist`a;", "([]a:1 0w)"),
    ("transform.replaceNull", "enlist`a;", "([]a:1 0n)"),
    ("transform.schema", "([]a:`long$());", "([]a:1 2)"),
    ("window.count", "2;", "1 2"),
    ("window.global", "{[o;h;f;m;x]()};", "1 2"),
    ("window.sliding", "10;20;`t;", "([]t:1 2 90)"),
    ("window.timer", "10;", "1 2"),
    ("window.tumbling", "10;`t;", "([]t:1 2 90)"),
    ("write.toConsole", "\"a\";", "1 2"),
    ("write.toDatabase", "`t;`d;", "([]a:1 2)"),
    ("write.toProcess", "`:h:1;", "1 2"),
    ("write.toStream", "`t;`s;", "1 2"),
    ("write.toVariable", "`w;", "1 2"),
];

/// Values of options that are no flags, for all operators or for one.
const VALUES: &[(&str, &str)] = &[
    ("body", "\"b\""),
    ("bufferSize", "5"),
    ("chunkSize", "4096"),
    ("clientName", "`me"),
    ("countTrigger", "5"),
    ("exclude", "`a"),
    ("flush", "`both"),
    ("format", "\"message M { optional int64 a = 1; }\""),
    ("header", "enlist[`A]!enlist\"1\""),
    ("host", "`h"),
    ("inputType", "`table"),
    ("key", "`k"),
    ("lateness", "1"),
    ("maxRetryAttempts", "1"),
    ("merge", "{x}"),
    ("offset", "1"),
    ("onFinish", "{[o;m]1}"),
    ("params", "`data"),
    ("parse", "`auto"),
    ("partition", "`a"),
    ("partitions", "`a`b"),
    ("password", "\"pw\""),
    ("payloadType", "`table"),
    ("prefix", "\"p\""),
    ("qos", "1"),
    ("queueLength", "1"),
    ("queueSize", "1"),
    ("rejectErrors", "0b"),
    ("schema", "([]a:`long$())"),
    ("target", "`f"),
    ("tenacity", "1"),
    ("timeAssigner", "{x`t}"),
    ("timeout", "5"),
    ("timestamp", "`utc"),
    ("trigger", "`both"),
    ("username", "`me"),
    ("read.fromExpr trigger", "`api"),
    ("read.fromFile trigger", "`api"),
    ("read.fromHTTP trigger", "`api"),
    ("read.fromFile mode", "`binary"),
    ("write.toProcess mode", "`table"),
    ("write.toVariable mode", "`upsert"),
];

/// Options that mean something only beside others: those.
const BESIDE: &[(&str, &str, &str)] = &[
    ("encode.arrow", "matchCols", "schema"),
    ("decode.protobuf", "asList", "format"),
    ("encode.protobuf", "payloadType", "format"),
    ("read.fromMQTT", "password", "username"),
    ("write.toProcess", "mode", "target"),
    ("write.toProcess", "queueLength", "target"),
    ("write.toProcess", "queueSize", "target"),
    ("write.toProcess", "spread", "target"),
    ("write.toProcess", "sync", "target"),
];

fn value(op: &str, option: &str) -> &'static str {
    let named = format!("{op} {option}");
    let found = VALUES.iter().find(|(name, _)| *name == named);
    let found = found.or_else(|| VALUES.iter().find(|(name, _)| *name == option));
    found.map_or("1b", |(_, value)| value)
}

/// A spec with an operator that has this option.
fn spec(op: &str, arguments: &str, option: &str) -> String {
    let beside = BESIDE.iter().find(|(of, name, _)| *of == op && *name == option);
    let mut all = vec![option];
    all.extend(beside.map(|(_, _, other)| other));
    let entries = all.iter().map(|name| format!("(`{name};{})", value(op, name)));
    let entries: Vec<String> = entries.collect();
    let entries = match entries.as_slice() {
        [one] => format!("enlist {one}"),
        several => format!("({})", several.join(";")),
    };
    // Where times come from is said once.
    let arguments = match option {
        "timeAssigner" => arguments.trim_end_matches("`t;"),
        _ => arguments,
    };
    let node = format!(".qsp.{op}[{arguments} .qsp.use (!) . flip {entries}]");
    let (mut reader, mut writer) = (".qsp.read.fromCallback[`p]", ".qsp.write.toVariable[`v]");
    match op.split('.').next() {
        Some("read") => reader = "",
        Some("write") => writer = "",
        _ => {}
    }
    format!("q:.qsp.read.fromCallback[`q]\n.qsp.run {reader} {node} {writer}\n")
}

/// Lets an operator work.
fn work(op: &str, spec: &str, input: &str) {
    let pipeline = load(spec).unwrap();
    let mut cx = Session::new(Options::default());
    cx.load_script(spec).unwrap();
    let node = pipeline.nodes.into_iter().find(|node| node.op == op).unwrap();
    let Ok(mut runner) = Runner::new(node) else { return };
    let mut out = Output::new();
    let value = if input.is_empty() { K::Null } else { cx.eval(input, "input").unwrap() };
    for port in [0, 1] {
        // What it gives is what other tests ask for.
        let _ = runner.batch_at(&mut cx, port, K::Null, value.clone(), &mut out);
    }
    for now in [1, 2] {
        let _ = runner.tick(&mut cx, now * 1_000_000_000_000_000_000, &mut out);
    }
    let _ = runner.finish(&mut cx, &mut out);
}

#[test]
fn every_option_that_is_built_is_asked_for_or_refused_by_name() {
    let mut unread = Vec::new();
    for known in KNOWN.iter().filter(|known| !known.built.is_empty()) {
        let sample = SAMPLES.iter().find(|(op, ..)| *op == known.op);
        let (op, arguments, input) = sample.unwrap_or_else(|| panic!("a sample: {}", known.op));
        for option in known.built {
            READ.with_borrow_mut(std::collections::BTreeSet::clear);
            let spec = spec(op, arguments, option);
            match lower(&spec) {
                Err(refused) => {
                    let want = format!("'nyi: option {option} of .qsp.{op}");
                    assert_eq!(refused[0].message, want, "{spec}");
                    continue;
                }
                Ok(_) => work(op, &spec, input),
            }
            if !READ.with_borrow(|read| read.contains(&(known.op, (*option).to_owned()))) {
                unread.push(format!("{option} of {op}"));
            }
        }
    }
    assert!(unread.is_empty(), "nobody asks for {unread:?}");
}

#[test]
fn every_option_that_is_not_there_is_refused_by_name() {
    for known in KNOWN {
        let sample = SAMPLES.iter().find(|(op, ..)| *op == known.op);
        for option in known.absent {
            let (op, arguments, _) = sample.unwrap_or_else(|| panic!("a sample: {}", known.op));
            let refused = load(&spec(op, arguments, option)).unwrap_err();
            assert_eq!(refused.text, format!("nyi: option {option} of .qsp.{op}"));
        }
    }
}

#[test]
fn what_makes_no_difference_is_taken_and_the_documentation_says_so() {
    let documentation = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/kdb.md"));
    for known in KNOWN {
        let sample = SAMPLES.iter().find(|(op, ..)| *op == known.op);
        for option in known.moot {
            let (op, arguments, _) = sample.unwrap_or_else(|| panic!("a sample: {}", known.op));
            let pipeline = load(&spec(op, arguments, option)).unwrap();
            assert!(pipeline.warnings.is_empty(), "{:?}", pipeline.warnings);
            let (option, op) = (format!("`{option}`"), op.rsplit('.').next().unwrap_or(op));
            let told = |line: &str| line.contains(&option) && line.contains(&format!("`{op}`"));
            assert!(documentation.lines().any(told), "{option} of {op}");
        }
    }
}
