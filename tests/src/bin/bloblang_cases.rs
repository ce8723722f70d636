//! Runs recorded Bloblang cases: one JSON object a line in, one a line out, as
//! `conformance/bloblang/check.py` speaks. With `--batch` mappings and texts run as they do in a
//! pipeline, mappings over the whole batch at once, instead of message by message.

use std::io::{BufRead, Write};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bloblang::local::Local;
use bloblang::{Interpolated, Mapping, Outcome};
use formats::json;
use formats::value::{Object, Text, Value};
use plan::{Batch, Code, Expr, Fault, Form, Language, Meta, Record, Records};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let batched = std::env::args().any(|arg| arg == "--batch");
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let case = json::parse(line?.as_bytes())?;
        let Value::Object(case) = case else { return Err("a case is no object".into()) };
        let mut answer = run(&case, batched)?;
        answer.insert("id".into(), case.get(b"id").cloned().unwrap_or_default());
        let mut text = Vec::new();
        json::write_value(&mut text, &Value::object(answer))?;
        text.push(b'\n');
        out.write_all(&text)?;
    }
    Ok(())
}

fn text<'v>(object: &'v Object, key: &str) -> Option<&'v [u8]> {
    match object.get(key.as_bytes()) {
        Some(Value::String(text)) => Some(text.as_bytes()),
        _ => None,
    }
}

fn number(object: &Object, key: &str) -> Option<usize> {
    match object.get(key.as_bytes()) {
        Some(Value::Number(text)) => text.parse().ok(),
        _ => None,
    }
}

/// A message of a case.
fn record(case: &Object) -> Result<Record, Failure> {
    let payload = match text(case, "input_b64") {
        Some(encoded) => STANDARD.decode(encoded)?,
        None => text(case, "input").unwrap_or_default().to_vec(),
    };
    let mut record = Record::own(payload);
    if let Some(Value::Object(metadata)) = case.get(b"metadata") {
        let mut meta = Meta::new();
        for (key, value) in metadata.iter() {
            meta.set(key.to_str_lossy().into_owned(), typed(value));
        }
        record.meta = Some(Arc::new(meta));
    }
    if let Some(Value::Object(error)) = case.get(b"error_in") {
        let part = |key| String::from_utf8_lossy(text(error, key).unwrap_or_default()).into_owned();
        record.fault = Some(Arc::new(Fault {
            text: part("text"),
            name: part("name"),
            label: part("label"),
            path: path(error),
        }));
    }
    Ok(record)
}

/// A component's path as users see it.
fn path(error: &Object) -> String {
    let Some(Value::Array(segments)) = error.get(b"path") else { return String::new() };
    let segments = segments.iter().filter_map(|segment| match segment {
        Value::String(text) => Some(text.to_str_lossy().replace('~', "~0").replace('.', "~1")),
        _ => None,
    });
    segments.collect::<Vec<_>>().join(".")
}

/// Metadata as the original holds it: whole numbers are integers, others doubles.
fn typed(value: &Value) -> Value {
    match value {
        Value::Number(text) => match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(n), _) => Value::Int(n),
            (_, Ok(x)) => Value::Float(x),
            _ => value.clone(),
        },
        Value::Array(items) => Value::array(items.iter().map(typed).collect()),
        Value::Object(object) => {
            Value::object(object.iter().map(|(k, v)| (k.clone(), typed(v))).collect())
        }
        other => other.clone(),
    }
}

fn batch(case: &Object) -> Result<Records, Failure> {
    let mut records = Records::default();
    match case.get(b"batch") {
        Some(Value::Array(messages)) => {
            for message in messages.iter() {
                let Value::Object(message) = message else { continue };
                records.recs.push(record(message)?);
            }
        }
        _ => records.recs.push(record(case)?),
    }
    Ok(records)
}

fn failed(key: &str, error: &dyn std::fmt::Display) -> Object {
    [(Text::from(key), Value::text(error.to_string()))].into_iter().collect()
}

fn run(case: &Object, batched: bool) -> Result<Object, Failure> {
    let setup = Local::setup();
    let source = String::from_utf8_lossy(text(case, "mapping").unwrap_or_default());
    let runs = number(case, "runs").unwrap_or(1).max(1);
    let index = number(case, "index").unwrap_or(0);
    if text(case, "mode") == Some(b"interpolation") {
        let parsed = match Interpolated::parse(&source, &setup) {
            Ok(parsed) => parsed,
            Err(error) => return Ok(failed("parse_error", &error)),
        };
        if batched {
            return run_text(case, &source);
        }
        let mut answer = Object::new();
        for _ in 0..runs {
            let mut payload = Vec::new();
            let pushed = parsed.push(&mut payload, &batch(case)?, index);
            answer = match pushed {
                Ok(()) => output(&payload),
                Err(error) => failed("error", &error),
            };
        }
        return Ok(answer);
    }
    let mapping = match Mapping::parse(&source, &setup) {
        Ok(mapping) => mapping,
        Err(error) => return Ok(failed("parse_error", &error)),
    };
    let mutation = text(case, "mode") == Some(b"mutation");
    if batched {
        return run_batch(case, &source, mutation);
    }
    let mut answer = Object::new();
    for _ in 0..runs {
        let records = batch(case)?;
        let mapped = match mutation {
            true => mapping.mutate(&records, index),
            false => mapping.map(&records, index),
        };
        let meta = mapped.meta.or_else(|| records.recs[index].meta.as_deref().cloned());
        answer = match (mapped.error, mapped.outcome) {
            (Some(error), _) => failed("error", &error),
            (None, Outcome::Deleted) => Object::new(),
            (None, outcome) => {
                let mut payload = Vec::new();
                match outcome {
                    Outcome::Is(value) => bloblang::exec::write_payload(&mut payload, &value),
                    _ => payload.extend_from_slice(records.bytes(index, &mut Vec::new())),
                }
                with_meta(output(&payload), meta.as_ref())
            }
        };
    }
    Ok(answer)
}

fn output(payload: &[u8]) -> Object {
    let (key, value) = match std::str::from_utf8(payload) {
        Ok(text) => ("output", Value::text(text)),
        Err(_) => ("output_b64", Value::text(STANDARD.encode(payload))),
    };
    [(Text::from(key), value)].into_iter().collect()
}

/// Compiles a mapping or text as a pipeline does.
fn compile(source: &str, form: Form) -> Result<Box<dyn Expr>, Failure> {
    let session = bloblang::LANGUAGE.open(None, Local::setup().services);
    let session = session.map_err(|_| "the language does not open")?;
    let code = Code { lang: bloblang::NAME.into(), text: source.to_owned(), slot: None };
    Ok(session.compile(&code, form).map_err(|_| "the mapping does not compile")?)
}

/// Runs a text as a pipeline does.
fn run_text(case: &Object, source: &str) -> Result<Object, Failure> {
    let runs = number(case, "runs").unwrap_or(1).max(1);
    let index = number(case, "index").unwrap_or(0);
    let mut expr = compile(source, Form::Text)?;
    let mut answer = Object::new();
    for _ in 0..runs {
        let mut payload = Vec::new();
        let messages = Batch::records(batch(case)?);
        answer = match expr.text(&messages, index, &mut payload) {
            Ok(()) => output(&payload),
            Err(fault) => failed("error", &fault.text),
        };
        messages.ok();
    }
    Ok(answer)
}

/// Runs a mapping as a pipeline does.
fn run_batch(case: &Object, source: &str, mutation: bool) -> Result<Object, Failure> {
    let runs = number(case, "runs").unwrap_or(1).max(1);
    let index = number(case, "index").unwrap_or(0);
    let mut expr = compile(source, if mutation { Form::Mutation } else { Form::Mapping })?;
    let mut answer = Object::new();
    for _ in 0..runs {
        let mut records = batch(case)?;
        let known = records.recs.get(index).and_then(|r| r.fault.clone());
        for (tag, record) in (0..).zip(&mut records.recs) {
            record.origin.tag = tag;
        }
        let mut out = Vec::new();
        expr.map(Batch::records(records), &mut out)?;
        let records = out.first().and_then(Batch::as_records);
        let at = records
            .and_then(|r| r.recs.iter().position(|r| usize::try_from(r.origin.tag) == Ok(index)));
        answer = match (records, at) {
            (Some(records), Some(at)) => match &records.recs[at].fault {
                Some(fault) if known.as_ref() != Some(fault) => failed("error", &fault.text),
                _ => {
                    let payload = records.bytes(at, &mut Vec::new()).to_vec();
                    with_meta(output(&payload), records.recs[at].meta.as_deref())
                }
            },
            _ => Object::new(),
        };
        out.into_iter().for_each(Batch::ok);
    }
    Ok(answer)
}

fn with_meta(mut answer: Object, meta: Option<&Meta>) -> Object {
    let object = bloblang::exec::meta_object(meta);
    if let Some(Value::Object(object)) = object.value()
        && !object.is_empty()
    {
        answer.insert("output_metadata".into(), Value::Object(Arc::clone(object)));
    }
    answer
}
