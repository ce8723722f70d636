//! Limits of an execution, and behaviour over batches.

use plan::{Batch, Code, Form, Language, Records};

use crate::exec::{MAP_DEPTH_MAX, STEPS_MAX};
use crate::growth::{MADE_BYTES_MAX, PARTS_MAX, TEXT_BYTES_MAX, VALUE_BYTES_MAX};
use crate::local::Local;
use crate::mapping::Mapping;
use crate::re::REGEX_BYTES_MAX;

fn error(mapping: &str, input: &str) -> String {
    let mapping = Mapping::parse(mapping, &Local::setup()).unwrap();
    let records = Records::from_bodies([input.as_bytes().to_vec()]);
    mapping.map(&records, 0).error.unwrap().to_string()
}

#[test]
fn maps_that_call_themselves_end() {
    let text = error("map m {\n  root = this.apply(\"m\")\n}\nroot = this.apply(\"m\")", "{}");
    assert_eq!(
        text,
        format!(
            "failed assignment (line 4): failed assignment (line 2): entering map m exceeded \
             maximum allowed stacks of {MAP_DEPTH_MAX}, this could be due to unbounded recursion"
        )
    );
    // A tall expression in each level needs far more native stack.
    let tall = "(".repeat(200) + "this.apply(\"m\")" + &")".repeat(200);
    let text = error(&format!("map m {{\n  root = [{tall}]\n}}\nroot = this.apply(\"m\")"), "{}");
    assert!(text.contains("exceeded maximum"), "{text}");
}

#[test]
fn mappings_as_text_that_run_themselves_end() {
    let text = error("root = this.bloblang(this)", "\"root = this.bloblang(this)\"");
    assert!(text.ends_with("deep inside each other"), "{text}");
}

#[test]
fn long_evaluations_end() {
    let items = vec!["0"; 300].join(",");
    let text = error(
        "root = this.a.map_each(_ -> this.a.map_each(_ -> this.a.filter(false).length()))",
        &format!("{{\"a\":[{items}]}}"),
    );
    assert!(text.contains(&format!("more than {STEPS_MAX} steps")), "{text}");
}

fn run(mapping: &str, form: Form, inputs: &[&str]) -> Vec<String> {
    let session = crate::LANGUAGE.open(None, Local::setup().services).unwrap();
    let code = Code { lang: crate::NAME.into(), text: mapping.into(), slot: None };
    let mut expr = session.compile(&code, form).unwrap();
    let records = Records::from_bodies(inputs.iter().map(|i| i.as_bytes().to_vec()));
    let mut out = Vec::new();
    expr.map(Batch::records(records), &mut out).unwrap();
    let mut shown = Vec::new();
    for batch in out {
        let records = batch.as_records().unwrap();
        for (i, record) in records.recs.iter().enumerate() {
            let bytes = records.bytes(i, &mut Vec::new()).to_vec();
            let fault = record.fault.as_ref().map(|f| format!(" !{}", f.text)).unwrap_or_default();
            shown.push(String::from_utf8(bytes).unwrap() + &fault);
        }
        batch.ok();
    }
    shown
}

#[test]
fn a_batch_keeps_its_order_and_what_failed_stays_as_it_was() {
    let inputs = [r#"{"a":"x"}"#, "no json", r#"{"a":"drop"}"#, r#"{ "a": 5 }"#, r#"{"a":"y"}"#];
    let mapping = "root.b = this.a.uppercase()\nroot = if this.a == \"drop\" { deleted() }";
    let got = run(mapping, Form::Mapping, &inputs);
    assert_eq!(got.len(), 4);
    assert_eq!(got[0], r#"{"b":"X"}"#);
    assert!(got[1].starts_with("no json !failed assignment (line 1): unable to reference"));
    assert!(got[2].starts_with(r#"{ "a": 5 } !failed assignment (line 1): expected string"#));
    assert_eq!(got[3], r#"{"b":"Y"}"#);
    assert!(run("root = deleted()", Form::Mapping, &inputs).is_empty());
    assert_eq!(run("meta a = 1", Form::Mapping, &inputs[1..2]), ["no json"]);
}

#[test]
fn a_mutation_shows_earlier_changes_to_later_messages() {
    let inputs = [r#"{"n":1}"#, r#"{"n":2}"#];
    let text = "root.n = this.n + 10\nroot.first = json(\"n\").from(0)";
    assert_eq!(
        run(text, Form::Mutation, &inputs),
        [r#"{"first":11,"n":11}"#, r#"{"first":11,"n":12}"#]
    );
    assert_eq!(
        run(text, Form::Mapping, &inputs),
        [r#"{"first":1,"n":11}"#, r#"{"first":1,"n":12}"#]
    );
    let failed = run("root.a = 1\nroot.b = throw(\"no\")", Form::Mutation, &inputs[..1]);
    assert_eq!(failed, [r#"{"a":1,"n":1} !failed assignment (line 2): no"#]);
}

/// What one message makes is bounded, whichever way it grows.
#[test]
fn growth_has_limits() {
    for (mapping, limit) in [growing(), shared(), replaced()].concat() {
        let shown = &mapping[..mapping.len().min(100)];
        let mapping = Mapping::parse(&mapping, &Local::setup()).expect(shown);
        let records = Records::from_bodies([b"{\"a\":\"some text\"}".to_vec()]);
        let got = mapping.map(&records, 0).error.map(|error| error.to_string());
        let got = got.unwrap_or_default();
        assert!(got.contains(&limit), "{shown}\n{got}");
    }
}

/// Mappings that make much, and the error of each.
fn growing() -> Vec<(String, String)> {
    let numbers = "let n = range(0, 1000000)\n";
    vec![
        // Texts that double, on the fast path and on the general one.
        (
            format!(
                "let v0 = this.a\n{}root.l = $v60.length()",
                (0..60).map(|i| format!("let v{} = $v{i} + $v{i}\n", i + 1)).collect::<String>()
            ),
            format!("made more than {MADE_BYTES_MAX} bytes"),
        ),
        (
            "root = range(0, 60).fold(this.a, i -> i.tally + i.tally)".into(),
            format!("made more than {MADE_BYTES_MAX} bytes"),
        ),
        // Arrays that are made again and again.
        (
            "root = range(0, 1000).map_each(_ -> range(0, 1000000))".into(),
            format!("made more than {MADE_BYTES_MAX} bytes"),
        ),
        (
            "root = range(0, 60).fold([1], i -> i.tally.concat(i.tally))".into(),
            format!("more than {PARTS_MAX} parts"),
        ),
        (format!("{numbers}root = $n.zip({})", ["$n"; 20].join(",")), "parts".into()),
        (format!("{numbers}root = [{}].flatten()", ["$n"; 20].join(",")), "parts".into()),
        (
            "root = range(0, 60).fold({\"x\": [1]}, i -> i.tally.merge(i.tally))".into(),
            format!("made more than {MADE_BYTES_MAX} bytes"),
        ),
    ]
}

/// Mappings whose few bytes stand for many.
fn shared() -> Vec<(String, String)> {
    let numbers = "let n = range(0, 1000000)\n";
    vec![
        (
            "root = range(0, 60).fold(this, i -> [i.tally, i.tally])".into(),
            format!("amounts to more than {VALUE_BYTES_MAX} bytes"),
        ),
        (
            "root.l = range(0, 60).fold(this, i -> {\"a\": i.tally, \"b\": i.tally}).string()"
                .into(),
            format!("amounts to more than {VALUE_BYTES_MAX} bytes"),
        ),
        (
            "let v = range(0, 60).fold(this, i -> [i.tally, i.tally])\nroot = $v == [$v]".into(),
            format!("amounts to more than {VALUE_BYTES_MAX} bytes"),
        ),
        (
            (0..60).fold("root = this\n".into(), |text, i| format!("{text}root.a{i} = root\n")),
            format!("amounts to more than {VALUE_BYTES_MAX} bytes"),
        ),
        (
            format!("{numbers}root = range(0, 1000).map_each(_ -> $n)"),
            format!("amounts to more than {VALUE_BYTES_MAX} bytes"),
        ),
    ]
}

/// Mappings that make texts longer or take them apart, and values that are too deep.
fn replaced() -> Vec<(String, String)> {
    vec![
        // Texts whose parts are replaced by longer ones.
        (
            "let t = \"a\".repeat(1000000)\nroot = $t.replace_all(\"a\", $t)".into(),
            format!("exceeds {TEXT_BYTES_MAX} bytes"),
        ),
        (
            "let t = \"a\".repeat(1000000)\nroot = $t.re_replace_all(\"a\", $t)".into(),
            format!("exceeds {TEXT_BYTES_MAX} bytes"),
        ),
        (
            "root = range(0, 100000).map_each(_ -> \"a\").join(\"b\".repeat(100000))".into(),
            format!("exceeds {TEXT_BYTES_MAX} bytes"),
        ),
        (
            "root = range(0, 100000).format_json(\" \".repeat(100000))".into(),
            format!("exceeds {TEXT_BYTES_MAX} bytes"),
        ),
        ("root = \"a\".repeat(20000000).split(\"\")".into(), "parts".into()),
        ("root = \"a\".repeat(20000000).split(\"a\")".into(), "parts".into()),
        ("root = \"a\".repeat(20000000).re_find_all(\"a\")".into(), "parts".into()),
        (
            format!("root = \"a\".repeat(100000).re_find_all_submatch(\"a{}\")", "()".repeat(199)),
            "parts".into(),
        ),
        // Levels.
        (
            "root = range(0, 1000000).fold(null, i -> i)".into(),
            "nested deeper than 10000 levels".into(),
        ),
        (
            "root = range(0, 1000000).fold(null, i -> [i.tally])".into(),
            "nested deeper than 10000 levels".into(),
        ),
    ]
}

/// The same on the fast path, which leaves to the general evaluator what grows.
#[test]
fn growth_ends_the_fast_path() {
    let doubling: String = (0..60).map(|i| format!("let v{} = $v{i} + $v{i}\n", i + 1)).collect();
    let got = run(
        &format!("let v0 = this.a\n{doubling}root.l = $v60"),
        Form::Mapping,
        &["{\"a\":\"some text\"}"],
    );
    assert!(got[0].contains(&format!("made more than {MADE_BYTES_MAX} bytes")), "{got:?}");
    let fields: String = (0..200).map(|i| format!("root.f{i} = this.a\n")).collect();
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(8 << 20));
    let got = run(&fields, Form::Mapping, &[&long]);
    assert!(got[0].contains(&format!("more than {VALUE_BYTES_MAX} bytes")), "{}", got[0].len());
}

/// What is done often must not be refused for it: folds that build, values that are handed on.
#[test]
fn ordinary_work_stays_within_the_limits() {
    let items: Vec<String> = (0..5_000).map(|i| format!("{{\"k\":\"a{i}\",\"v\":{i}}}")).collect();
    let input = format!("{{\"big\":[{}],\"text\":\"{}\"}}", items.join(","), "x".repeat(1 << 20));
    for mapping in [
        "root = this.big.fold([], i -> i.tally.append(i.value.v)).length()",
        "root = this.big.fold({}, i -> i.tally.merge({i.value.k: i.value.v})).length()",
        "root = this.big.map_each(i -> i.assign({\"w\": [i.v]})).length()",
        "root = this.big.map_each(_ -> this.text.or(\"\").catch(\"\").length()).length()",
        "let b = this.big\nroot = $b.map_each(_ -> $b.or([]).length()).length()",
    ] {
        let mapping = Mapping::parse(mapping, &Local::setup()).unwrap();
        let mapped = mapping.map(&Records::from_bodies([input.clone().into_bytes()]), 0);
        assert!(mapped.error.is_none(), "{:?}", mapped.error);
    }
}

#[test]
fn expressions_have_a_size() {
    let text = error("root = this.a.re_match(this.p)", r#"{"a":"","p":"\\pL{1000}"}"#);
    assert!(text.contains(&REGEX_BYTES_MAX.to_string()), "{text}");
}
