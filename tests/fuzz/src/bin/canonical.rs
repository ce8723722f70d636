//! Canonical JSON of any text by every way that makes it, against the plain one.
#![no_main]

use bloblang::LANGUAGE;
use formats::json::{self, Paths, RawWriter, Reader};
use fuzz::plain::{self, Plain};
use fuzz::{seeds, still};
use libfuzzer_sys::fuzz_target;
use plan::{Batch, Code, Form, Language, Records};

const EDIT: &str = "root = this\nroot.a = \"<\\u2028é\"\nroot.b = deleted()";

/// What a mapping makes of a record; `None` where it fails.
fn mapped(mapping: &str, data: &[u8]) -> Option<Vec<u8>> {
    let session = LANGUAGE.open(None, still::setup().services).expect("the language");
    let code = Code { lang: bloblang::NAME.into(), text: mapping.into(), slot: None };
    let mut expr = session.compile(&code, Form::Mapping).expect("the mapping");
    // The second record goes the way that the first one prepared.
    let records = Records::from_bodies([data.to_vec(), data.to_vec()]);
    let mut out = Vec::new();
    expr.map(Batch::records(records), &mut out).expect("a batch of records");
    let batch = out.pop().expect("nothing is filtered");
    let records = batch.as_records().expect("records");
    let (mut first, mut second) = (Vec::new(), Vec::new());
    assert_eq!(records.bytes(0, &mut first), records.bytes(1, &mut second));
    let content = records.bytes(0, &mut Vec::new()).to_vec();
    let whole = records.recs[0].fault.is_none();
    batch.ok();
    whole.then_some(content)
}

fuzz_target!(init: seeds::write(seeds::Input::Document), |data: &[u8]| {
    let mut expected = Vec::new();
    let plain = plain::read(data);
    if let Some(plain) = &plain {
        plain::write(&mut expected, plain);
    }
    let wanted = plain.is_some().then_some(&expected);

    let parsed = json::parse(data).ok().map(|value| {
        let mut out = Vec::new();
        json::write_value(&mut out, &value).expect("numbers of a text are finite");
        out
    });
    assert_eq!(parsed.as_ref(), wanted, "parsed and written");

    let mut reader = Reader::new(Paths::new());
    let copied = reader.read(data).ok().map(|doc| {
        let (mut out, mut again) = (Vec::new(), Vec::new());
        RawWriter::new().write_document(&doc, &mut out);
        doc.write_canonical(&mut again);
        assert_eq!(out, again);
        assert!(!doc.is_canonical() || out == data);
        out
    });
    assert_eq!(copied.as_ref(), wanted, "copied");

    // A text at the root is a payload of its own.
    if !matches!(plain, Some(Plain::Text(_))) {
        assert_eq!(mapped("root = this", data).as_ref(), wanted, "mapped");
    }
    if let Some(Plain::Object(mut members)) = plain {
        members.insert(b"a".to_vec(), Plain::Text("<\u{2028}é".into()));
        members.remove(b"b".as_slice());
        let mut edited = Vec::new();
        plain::write(&mut edited, &Plain::Object(members));
        assert_eq!(mapped(EDIT, data), Some(edited), "edited");
    }
    if wanted.is_some() {
        let again = json::parse(&expected).expect("canonical text is valid");
        let mut fixed = Vec::new();
        json::write_value(&mut fixed, &again).expect("it is finite");
        assert_eq!(fixed, expected, "canonical text is a fixed point");
    }
});
