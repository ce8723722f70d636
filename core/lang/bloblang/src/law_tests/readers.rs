//! Documents are read where they stand, or parsed as a whole: that changes no result.

use std::sync::Arc;

use formats::json;
use formats::value::{Object, Value};
use plan::{Meta, Record, Records};

use super::{parsed, recorded, told};
use crate::class;
use crate::fields::Fields;
use crate::functions;
use crate::local::Local;
use crate::mapping::{Interpolated, Mapping};
use crate::methods;
use crate::node::Node;
use crate::spec::Purity;

/// Whether an expression gives the same whenever it is evaluated.
fn is_repeatable(node: &Node) -> bool {
    let purity = match node {
        Node::Method(call) => call.spec.purity,
        Node::Function(call) => call.spec.purity,
        _ => Purity::Pure,
    };
    matches!(purity, Purity::Pure | Purity::Message)
}

/// How a text or mapping differs between both ways of reading. `None` when it does not, and where
/// its result is another each time.
fn differs<T: PartialEq + std::fmt::Debug>(
    of: &str,
    records: &Records,
    parsed: T,
    read: T,
) -> Option<String> {
    let input = records.bytes(0, &mut Vec::new()).to_vec();
    let input = String::from_utf8_lossy(&input);
    (parsed != read).then(|| format!("{of}\non {input}\n{parsed:?}\n{read:?}"))
}

/// A mapping as it is run on messages, and as checks run it.
fn mapping_differs(text: &str, records: &Records) -> Option<String> {
    let mapping = parsed(text)?;
    let program = &mapping.program;
    let mut repeatable = true;
    class::every_in(program, &mut |node| repeatable &= is_repeatable(node));
    if !repeatable {
        return None;
    }
    let mut fields = Fields::of(&program.paths, |visit| class::every_in(program, visit));
    let check = |mapping: &Mapping, fields: &mut Fields| {
        let mapped = mapping.map_with(records, 0, fields.read(records, 0));
        let error = mapped.error.map(|error| error.to_string());
        (format!("{:?}", mapped.outcome), told(error, mapped.meta.as_ref()))
    };
    // Without a document, as for the second time.
    let mut unread = Fields::of(&program.paths, |_| {});
    let [first, second] = [&mut unread, &mut fields].map(|fields| check(&mapping, fields));
    differs(text, records, first, second)
}

/// An interpolated text.
fn text_differs(text: &str, records: &Records) -> Option<String> {
    let text_of = Interpolated::parse(text, &Local::setup()).ok()?;
    let mut repeatable = true;
    text_of.every(&mut |node| repeatable &= is_repeatable(node));
    if !repeatable {
        return None;
    }
    let mut fields = Fields::of(&text_of.paths, |visit| text_of.every(visit));
    let (mut whole, mut read) = (b"before".to_vec(), b"before".to_vec());
    let first = text_of.push(&mut whole, records, 0).map_err(|error| error.to_string());
    let doc = fields.read(records, 0);
    let second = text_of.push_with(&mut read, records, 0, doc).map_err(|error| error.to_string());
    differs(text, records, (first, whole), (second, read))
}

/// The query of a mapping that is one assignment.
fn query(mapping: &str) -> Option<String> {
    let (target, query) = mapping.split_once(" = ")?;
    let single = target.starts_with("root") && !mapping.contains('\n');
    single.then(|| query.to_owned())
}

/// A message with metadata, and a second one.
fn batch(inputs: [&[u8]; 2], metadata: Option<&Object>) -> Records {
    let mut records = Records::default();
    for input in inputs {
        let mut record = Record::own(input.to_vec());
        if let Some(members) = metadata {
            let mut meta = Meta::new();
            for (key, value) in members.iter() {
                meta.set(key.to_str_lossy().into_owned(), value.clone());
            }
            record.meta = Some(Arc::new(meta));
        }
        records.recs.push(record);
    }
    records
}

/// All that differs of a mapping or text, which is tried as a mapping, a check and a text.
fn all_that_differs(source: &str, is_text: bool, records: &Records) -> Vec<String> {
    if is_text {
        return text_differs(source, records).into_iter().collect();
    }
    let query = query(source);
    let as_text = query.as_ref().map(|query| format!("a ${{! {query} }} b"));
    let texts = as_text.iter().filter_map(|text| text_differs(text, records));
    let mappings = [Some(source.to_owned()), query];
    let mappings = mappings.iter().flatten().filter_map(|text| mapping_differs(text, records));
    mappings.chain(texts).collect()
}

#[test]
fn every_example_gives_the_same_however_its_document_is_read() {
    let functions = functions::ALL.iter().flat_map(|spec| spec.examples);
    let examples = functions.chain(methods::ALL.iter().flat_map(|spec| spec.examples));
    let mut wrong = Vec::new();
    for example in examples {
        for (input, _) in example.cases {
            let records = batch([input.as_bytes(), b"{\"other\":1}"], None);
            wrong.extend(all_that_differs(example.mapping, false, &records));
        }
    }
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n======\n"));
}

const DOCUMENTS: [&str; 10] = [
    r#"{"a":{"b":[1,2.50,{"c":"é\u00e9"}]},"n":1e3,"big":12345678901234567890}"#,
    r#"{"a":null,"n":-0,"x":"","a.b":1,"":{"":2}}"#,
    r#"{"a":{"b":1},"a":{"b":2}}"#,
    r#"[{"a":1},{"a":2}]"#,
    "\"text\"",
    "7",
    "null",
    "not json",
    "{\"a\":",
    "",
];

const QUERIES: [&str; 38] = [
    "this",
    "this.a",
    "a.b",
    "a.b.0",
    "a.b.2.c",
    "a.b.*.c",
    "n",
    "n + 1",
    "-n",
    "big",
    "big == 12345678901234567890",
    "this.\"a.b\"",
    "this.\"\"",
    "x == \"\"",
    "this.a.b == 2",
    "a.type()",
    "a | \"else\"",
    "missing.or(n)",
    "a.catch(\"caught\")",
    "json()",
    "json(\"a\")",
    "json(\"a.b\")",
    "json(\"a.b.0\").catch(\"none\")",
    "json(\"n\") + n",
    "json().from(1)",
    "json(\"other\").from(1)",
    "json(\"a\").from(5)",
    "content().string() + n.string()",
    "a.(b.0 + 1)",
    "[a, n].map_each(x -> x)",
    "if n > 1 { a } else { deleted() }",
    "match a { this.b == 2 => \"two\", _ => this }",
    "this.map_each(i -> i.a)",
    "this.0.a",
    "error()",
    "@k",
    "meta(\"k\") == a",
    "batch_index() == 0 && a.b == 2",
];

#[test]
fn texts_and_checks_give_the_same_however_a_document_is_read() {
    let metadata: Object = [("k".into(), Value::text("v"))].into_iter().collect();
    let mut wrong = Vec::new();
    for document in DOCUMENTS {
        let records = batch([document.as_bytes(), b"{\"other\":1}"], Some(&metadata));
        for query in QUERIES {
            wrong.extend(all_that_differs(&format!("root = {query}"), false, &records));
            // A reader that knows other paths as well.
            let both = format!("${{! big.catch(\"\") }}${{! {query} }}${{! a.catch(0) }}");
            wrong.extend(text_differs(&both, &records));
        }
    }
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n======\n"));
}

#[test]
fn recorded_cases_give_the_same_however_their_documents_are_read() {
    let Some(folder) = recorded() else { return };
    let (mut wrong, mut count) = (Vec::new(), 0);
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().extension().is_none_or(|end| end != "jsonl") {
            continue;
        }
        let text = std::fs::read(entry.path()).unwrap();
        for line in text.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
            let Value::Object(case) = json::parse(line).unwrap() else { continue };
            let part = |key: &str| match case.get(key.as_bytes()) {
                Some(Value::String(text)) => text.as_bytes(),
                _ => b"",
            };
            let metadata = match case.get(b"metadata") {
                Some(Value::Object(members)) => Some(&**members),
                _ => None,
            };
            let records = batch([part("input"), b"{\"other\":1}"], metadata);
            let source = String::from_utf8_lossy(part("mapping"));
            let is_text = part("mode") == b"interpolation";
            wrong.extend(all_that_differs(&source, is_text, &records));
            count += 1;
        }
    }
    assert!(count > 1_000, "only {count} cases");
    let shown = wrong.iter().take(20).cloned().collect::<Vec<_>>().join("\n======\n");
    assert!(wrong.is_empty(), "{} of {count} differ\n{shown}", wrong.len());
}
