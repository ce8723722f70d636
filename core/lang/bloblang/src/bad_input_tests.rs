//! Bad mappings and bad messages: one test for each kind, on both evaluators.

use plan::{Batch, Code, Form, Language, Records};

use crate::local::Local;
use crate::mapping::Mapping;

/// What a mapping that the fast path takes makes of a message, and the same with something that
/// only the general evaluator takes; they must agree. A fault stands behind the content.
fn mapped(mapping: &str, message: &[u8]) -> String {
    let fast = alone(mapping, message);
    let general = alone(&format!("{mapping}\nlet general = batch_index()"), message);
    assert_eq!(general, fast, "{mapping}");
    fast
}

fn alone(mapping: &str, message: &[u8]) -> String {
    let session = crate::LANGUAGE.open(None, Local::setup().services).unwrap();
    let code = Code { lang: crate::NAME.into(), text: mapping.into(), slot: None };
    let mut expr = session.compile(&code, Form::Mapping).unwrap();
    let mut out = Vec::new();
    expr.map(Batch::records(Records::from_bodies([message.to_vec()])), &mut out).unwrap();
    let batch = out.pop().unwrap();
    let records = batch.as_records().unwrap();
    let fault = records.recs[0].fault.as_ref().map(|f| format!(" !{}", f.text));
    let content = String::from_utf8(records.bytes(0, &mut Vec::new()).to_vec());
    let shown = content.unwrap_or_else(|e| format!("{:?}", e.as_bytes()));
    batch.ok();
    shown + &fault.unwrap_or_default()
}

#[test]
fn a_mapping_that_does_not_parse_is_shown_with_line_column_and_caret() {
    let text = "root.a = this.b\nroot.c = this.d ] 1\n";
    let error = Mapping::parse(text, &Local::setup()).err().unwrap();
    assert_eq!((error.line, error.column), (2, 17));
    let shown = error.caret(text);
    let caret = shown.lines().last().unwrap().find('^').unwrap();
    let source = shown.lines().find(|line| line.contains("root.c")).unwrap();
    assert_eq!(source.get(..caret), Some("2 | root.c = this.d "), "{shown}");
    let unknown = Mapping::parse("root = this.no_such()", &Local::setup()).err().unwrap();
    assert!(
        unknown.to_string().starts_with("line 1 char 22: unrecognised method 'no_such'"),
        "{unknown}"
    );
}

#[test]
fn a_message_that_fails_is_flagged_and_stays_as_it_was() {
    let message = br#"{ "a": 5,  "b": "x" }"#;
    let failed =
        "failed assignment (line 1): expected string value, got number from field `this.a`";
    for (mapping, fault) in [
        ("root.x = this.a.uppercase()", format!("{failed} (5)")),
        ("root = this.b.re_replace_all(this.a, \"\")", String::new()),
        ("root.l = [this.b].map_each(b -> b - 1)", String::new()),
    ] {
        let got = mapped(mapping, message);
        let (content, text) = got.split_once(" !").expect("the message is flagged");
        assert_eq!(content.as_bytes(), message);
        assert!(text.starts_with("failed assignment (line 1): "), "{text}");
        assert!(fault.is_empty() || text == fault, "{text}");
    }
    // What was done before the failure is undone, metadata too.
    let got = mapped("meta k = \"v\"\nroot.x = 1\nroot.y = this.a.uppercase()", message);
    assert!(got.starts_with(std::str::from_utf8(message).unwrap()), "{got}");
}

#[test]
fn deeply_nested_messages_are_read_or_refused() {
    let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
    let deepest = nested(10_000);
    assert_eq!(mapped("root = this", &deepest).as_bytes(), deepest);
    assert_eq!(mapped("root = this.index(0)", &deepest).as_bytes(), nested(9_999));
    assert_eq!(mapped("root = [this].length()", &deepest), "1");
    let got = mapped("root = this", &nested(10_001));
    assert!(got.ends_with("parse as json: exceeded max depth"), "{}", &got[20_000..]);
}

#[test]
fn deeply_nested_results_have_a_limit() {
    let items = vec!["0"; 20_000].join(",");
    let message = format!("{{\"a\":[{items}]}}");
    let got = mapped("root = this.a.fold(null, i -> [i.tally])", message.as_bytes());
    assert!(got.contains("nested deeper than 10000 levels"), "{}", &got[message.len()..]);
}

#[test]
fn deeply_nested_mappings_have_a_limit() {
    for (open, close) in [("(", ")"), ("[", "]"), ("if true { ", " }"), ("!(", ")")] {
        let text = format!("root = {}1{}", open.repeat(50_000), close.repeat(50_000));
        let error = Mapping::parse(&text, &Local::setup()).err().unwrap().to_string();
        assert!(error.contains("nested deeper than"), "{error}");
    }
}

#[test]
fn huge_numbers_keep_their_text_until_something_computes_with_them() {
    let message = br#"{"a":1e400,"b":123456789012345678901234567890,"c":9223372036854775807}"#;
    let copied = "{\"a\":1e400,\"b\":123456789012345678901234567890}";
    assert_eq!(mapped("root.a = this.a\nroot.b = this.b", message), copied);
    assert_eq!(mapped("root.x = this.b + 1", message), "{\"x\":1.2345678901234568e+29}");
    assert_eq!(mapped("root.x = this.c + 1", message), "{\"x\":-9223372036854775808}");
    let got = mapped("root.x = [this.a].map_each(a -> a + 1)", message);
    assert!(got.contains("cannot add types string (from field `a`) and number"), "{got}");
}

#[test]
fn numbers_that_are_not_finite_are_not_written() {
    let message = br#"{"a":"NaN","b":"inf","c":[1]}"#;
    for query in ["this.a.number()", "this.b.number()", "[this.b.number() * 2]"] {
        assert_eq!(mapped(&format!("root.x = {query}"), message), "", "{query}");
    }
    let got = mapped("root.x = this.c.index(0) / 0", message);
    assert!(got.contains("attempted to divide by zero"), "{got}");
    // NaN has no order: everything is decided as the original decides it.
    assert_eq!(mapped("root.x = this.a.number() == this.a.number()", message), "{\"x\":false}");
}

#[test]
fn bytes_that_are_no_utf8_are_replaced_in_documents_and_kept_in_payloads() {
    let message = b"{\"a\":\"x\xff\xfey\",\"\xff\":[\"\xe2\x80\"]}";
    let replaced = "{\"x\":\"X\u{fffd}\u{fffd}Y\"}";
    assert_eq!(mapped("root.x = this.a.uppercase()", message), replaced);
    let copied = "[[\"\u{fffd}\u{fffd}\"],\"x\u{fffd}\u{fffd}y\"]";
    assert_eq!(mapped("root = this.values().sort_by(v -> v.type())", message), copied);
    assert_eq!(mapped("root = content()", b"x\xff"), "[120, 255]");
}

#[test]
fn gigantic_texts_have_a_limit() {
    let message = br#"{"a":"some text"}"#;
    for (mapping, words) in [
        ("root.x = this.a.repeat(200000000)", "exceeds"),
        (
            "root.x = [this.a].map_each(a -> a.repeat(7000000)).map_each(a -> a + a + a + a + a \
             + a + a)",
            "made more than",
        ),
        ("root.x = this.a.split(\"\").map_each(c -> c.repeat(50000000)).join(\",\")", "exceeds"),
    ] {
        let got = mapped(mapping, message);
        assert!(got.contains(words), "{mapping}: {got:.200}");
    }
}
