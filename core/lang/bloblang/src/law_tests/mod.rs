//! Laws of the language: of its texts, and of evaluating them.

mod dump;
mod readers;
pub(crate) mod texts;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use formats::json;
use formats::value::Value;
use plan::{Batch, Code, Form, Language, Meta, Records};
use proptest::prelude::*;

use crate::exec::{meta_object, write_payload};
use crate::local::Local;
use crate::mapping::{Mapping, Outcome};
use crate::{functions, methods};

fn parsed(text: &str) -> Option<Mapping> {
    Mapping::parse(text, &Local::setup()).ok()
}

/// Why a mapping, once printed, is not what it was. `None` when it is, and for what is no mapping.
fn changed_by_printing(text: &str) -> Option<String> {
    let first = parsed(text)?;
    let printed = first.to_string();
    let second = match Mapping::parse(&printed, &Local::setup()) {
        Ok(mapping) => mapping,
        Err(error) => return Some(format!("{text}\n---\n{printed}\n{}", error.caret(&printed))),
    };
    // What was imported keeps the lines of its own file.
    let with_lines = !text.contains("import ") && !text.trim_start().starts_with("from ");
    let [before, after] = [&first, &second].map(|m| dump::program(&m.program, with_lines));
    if before != after {
        return Some(format!("{text}\n---\n{printed}\n---\n{before}\n---\n{after}"));
    }
    (second.to_string() != printed).then(|| format!("{printed}\n---\n{second}"))
}

#[test]
fn every_example_is_the_same_when_printed() {
    let functions = functions::ALL.iter().flat_map(|spec| spec.examples);
    let examples = functions.chain(methods::ALL.iter().flat_map(|spec| spec.examples));
    let wrong: Vec<String> = examples.filter_map(|e| changed_by_printing(e.mapping)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n======\n"));
}

#[test]
fn printed_forms() {
    let printed = |text: &str| parsed(text).unwrap().to_string();
    for (text, expected) in [
        ("this.a . b", ""),
        ("root = (a + b) * -c.d", "root = (this.a + this.b) * -this.c.d\n"),
        ("# first\nroot.\"x y\" = ((1 + 2) * 3)", "\nroot.\"x y\" = (1 + 2) * 3\n"),
        ("root = a.slice(high: 3, low: 0)", "root = this.a.slice(0, 3)\n"),
        ("root = a.parse_json().(x -> !x.b)", "root = this.a.parse_json().(x -> !x.b)\n"),
        (
            "map m {\n  root = this\n}\nif a == 1 {\n  root = [var(\"v w\"), @k]\n} else { }",
            "\nmap m { root = this }\n\nif this.a == 1 { \nroot = [var(\"v w\"), @k] } else { }\n",
        ),
    ] {
        match expected {
            "" => assert!(parsed(text).is_none(), "{text}"),
            expected => assert_eq!(printed(text), expected),
        }
    }
}

/// The recorded cases, where they are at hand.
fn recorded() -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/conformance");
    let folder = std::env::var_os("MAINSTEM_CONFORMANCE").map_or(own, PathBuf::from);
    folder.join("bloblang").is_dir().then(|| folder.join("bloblang"))
}

#[test]
fn recorded_mappings_are_the_same_when_printed() {
    let Some(folder) = recorded() else { return };
    let (mut wrong, mut count) = (Vec::new(), 0);
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().extension().is_none_or(|end| end != "jsonl") {
            continue;
        }
        let text = std::fs::read(entry.path()).unwrap();
        for line in text.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
            let Value::Object(case) = json::parse(line).unwrap() else { continue };
            let Some(Value::String(mapping)) = case.get(b"mapping") else { continue };
            let mapping = mapping.to_str_lossy();
            count += usize::from(parsed(&mapping).is_some());
            wrong.extend(changed_by_printing(&mapping));
        }
    }
    assert!(count > 1_000, "only {count} mappings");
    let shown = wrong.iter().take(20).cloned().collect::<Vec<_>>().join("\n======\n");
    assert!(wrong.is_empty(), "{} of {count}\n{shown}", wrong.len());
}

/// Messages with metadata.
fn messages(documents: &[String]) -> Records {
    let mut records = Records::from_bodies(documents.iter().map(|d| d.as_bytes().to_vec()));
    for (at, record) in records.recs.iter_mut().enumerate() {
        let mut meta = Meta::new();
        meta.set("k", Value::text(format!("m{at}")));
        record.meta = Some(Arc::new(meta));
    }
    records
}

/// Why a message failed, and its metadata.
fn told(error: Option<String>, meta: Option<&Meta>) -> String {
    format!("{error:?} {:?}", meta_object(meta))
}

/// What a mapping makes of one message by the general evaluator: its content, where that is a new
/// one, and the rest. `None` when it is filtered.
fn alone(mapping: &Mapping, records: &Records, index: usize) -> Option<(Option<Vec<u8>>, String)> {
    let mapped = mapping.map(records, index);
    let before = records.recs[index].meta.as_deref();
    if let Some(error) = mapped.error {
        return Some((None, told(Some(error.to_string()), before)));
    }
    let content = match mapped.outcome {
        Outcome::Deleted => return None,
        Outcome::Unchanged => None,
        Outcome::Is(value) => {
            let mut content = Vec::new();
            write_payload(&mut content, &value);
            Some(content)
        }
    };
    Some((content, told(None, mapped.meta.as_ref().or(before))))
}

/// What a mapping makes of a batch.
fn together(text: &str, records: Records) -> Vec<Option<(Vec<u8>, String)>> {
    let mut all = vec![None; records.recs.len()];
    let session = crate::LANGUAGE.open(None, Local::setup().services).unwrap();
    let code = Code { lang: crate::NAME.into(), text: text.into(), slot: None };
    let mut expr = session.compile(&code, Form::Mapping).unwrap();
    let mut out = Vec::new();
    expr.map(Batch::records(records), &mut out).unwrap();
    for batch in out {
        let records = batch.as_records().unwrap();
        for (at, record) in records.recs.iter().enumerate() {
            let content = records.bytes(at, &mut Vec::new()).to_vec();
            let fault = record.fault.as_ref().map(|fault| fault.text.clone());
            let place = usize::try_from(record.origin.tag).unwrap();
            all[place] = Some((content, told(fault, record.meta.as_deref())));
        }
        batch.ok();
    }
    all
}

/// Whether a mapping makes of a batch what it makes of its messages one by one.
fn batch_is_messages(text: &str, documents: &[String]) -> Result<(), TestCaseError> {
    let Some(mapping) = parsed(text) else { return Ok(()) };
    let records = messages(documents);
    let one = |(index, document): (usize, &String)| {
        let (content, rest) = alone(&mapping, &records, index)?;
        Some((content.unwrap_or_else(|| document.clone().into_bytes()), rest))
    };
    let alone: Vec<_> = documents.iter().enumerate().map(one).collect();
    prop_assert_eq!(together(text, records), alone, "{} on {:?}", text, documents);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn any_mapping_is_the_same_when_printed(text in texts::mappings()) {
        if let Some(why) = changed_by_printing(&text) {
            prop_assert!(false, "{}", why);
        }
    }

    /// The batch takes the fast path where it can, and a message alone never does.
    #[test]
    fn a_batch_gives_what_each_message_gives(
        text in texts::mappings(),
        documents in prop::collection::vec(texts::documents(), 1..4),
    ) {
        batch_is_messages(&text, &documents)?;
    }

    #[test]
    fn a_batch_on_the_fast_path_does_too(
        text in texts::plain_mappings(),
        documents in prop::collection::vec(texts::documents(), 1..4),
    ) {
        batch_is_messages(&text, &documents)?;
    }

    #[test]
    fn what_a_mapping_writes_is_written_the_same_again(document in texts::documents()) {
        let copied = |document: String| {
            let mut all = together("root = this", messages(&[document]));
            all.remove(0).map(|(content, _)| String::from_utf8(content).unwrap())
        };
        // A text at the root is written without quotes: what it then is, is another matter.
        if let Ok(Value::String(_)) = json::parse(document.as_bytes()) {
            return Ok(());
        }
        let once = copied(document).unwrap();
        prop_assert_eq!(copied(once.clone()), Some(once));
    }

    #[test]
    fn a_document_written_anew_gives_the_same(
        text in texts::mappings(),
        document in texts::documents(),
    ) {
        // The content is what differs.
        let Some(mapping) = parsed(&text).filter(|_| !text.contains("content()")) else {
            return Ok(());
        };
        let Ok(value) = json::parse(document.as_bytes()) else { return Ok(()) };
        let mut canonical = Vec::new();
        json::write_value(&mut canonical, &value).unwrap();
        let canonical = String::from_utf8(canonical).unwrap();
        let [first, second] =
            [document, canonical].map(|text| alone(&mapping, &messages(&[text]), 0));
        prop_assert_eq!(first, second, "{}", text);
    }
}
