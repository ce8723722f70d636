//! Limits of an execution, and behaviour over batches.

use plan::{Batch, Code, Form, Language, Records};

use crate::exec::{MAP_DEPTH_MAX, STEPS_MAX};
use crate::local::Local;
use crate::mapping::Mapping;

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
