//! A mapping over a batch of documents: it ends, and the batch gives what each message gives alone.
#![no_main]

use bloblang::{LANGUAGE, Mapping, Outcome, exec};
use fuzz::{seeds, still};
use libfuzzer_sys::fuzz_target;
use plan::{Batch, Code, Form, Language, Meta, Records};

/// Documents of an input.
const DOCUMENTS_MAX: usize = 4;

/// A message that came through: its content, why it failed, its metadata.
type Shown = (Vec<u8>, Option<String>, String);

fn shown(content: Vec<u8>, fault: Option<String>, meta: Option<&Meta>) -> Shown {
    let members = exec::meta_object(meta);
    (content, fault, format!("{members:?}"))
}

/// The results by the general evaluator, message by message; `None` for what is filtered.
fn alone(text: &str, records: &Records) -> Option<Vec<Option<Shown>>> {
    let mapping = Mapping::parse(text, &still::setup()).ok()?;
    let one = |index: usize| {
        let mapped = mapping.map(records, index);
        let input = || records.bytes(index, &mut Vec::new()).to_vec();
        if let Some(error) = mapped.error {
            return Some(shown(input(), Some(error.to_string()), None));
        }
        let content = match mapped.outcome {
            Outcome::Deleted => return None,
            Outcome::Unchanged => input(),
            Outcome::Is(value) => {
                let mut out = Vec::new();
                exec::write_payload(&mut out, &value);
                out
            }
        };
        Some(shown(content, None, mapped.meta.as_ref()))
    };
    Some((0..records.recs.len()).map(one).collect())
}

/// The results over the whole batch.
fn together(text: &str, records: Records, form: Form) -> Vec<Option<Shown>> {
    let count = records.recs.len();
    let session = LANGUAGE.open(None, still::setup().services).expect("the language");
    let code = Code { lang: bloblang::NAME.into(), text: text.into(), slot: None };
    let mut expr = session.compile(&code, form).expect("it was parsed before");
    let mut out = Vec::new();
    expr.map(Batch::records(records), &mut out).expect("a batch of records");
    let mut all = vec![None; count];
    for batch in out {
        let records = batch.as_records().expect("records");
        for (at, record) in records.recs.iter().enumerate() {
            let content = records.bytes(at, &mut Vec::new()).to_vec();
            let fault = record.fault.as_ref().map(|fault| fault.text.clone());
            let place = usize::try_from(record.origin.tag).expect("a position");
            all[place] = Some(shown(content, fault, record.meta.as_deref()));
        }
        batch.ok();
    }
    all
}

fuzz_target!(init: seeds::write(seeds::Input::Both), |data: &[u8]| {
    let mut parts = data.split(|b| *b == seeds::BORDER);
    let text = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let mut documents: Vec<Vec<u8>> = parts.take(DOCUMENTS_MAX).map(<[u8]>::to_vec).collect();
    if documents.is_empty() {
        documents.push(b"{}".to_vec());
    }
    let records = Records::from_bodies(documents);
    let Some(alone) = alone(&text, &records) else { return };
    assert_eq!(together(&text, records.clone(), Form::Mapping), alone);
    let _ = together(&text, records, Form::Mutation);
});
