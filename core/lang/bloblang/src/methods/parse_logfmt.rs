//! `parse_logfmt`

use formats::value::{Object, Text, Value};

use crate::args::Args;
use crate::error::Error;
use crate::spec::{Example, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "parse_logfmt",
    category: "parsing",
    summary: "An object of the pairs `key=value` of a line. Values with spaces are quoted; a key \
              alone is true.",
    examples: &[Example {
        mapping: "root = this.msg.parse_logfmt()",
        cases: &[
            (
                r#"{"msg":"level=info msg=\"hello world\" dur=1.5s"}"#,
                r#"{"dur":"1.5s","level":"info","msg":"hello world"}"#,
            ),
            (
                r#"{"msg":"a=\"no end"}"#,
                "error: failed assignment (line 1): field `this.msg`: logfmt: unterminated quoted \
             value for key \"a\"",
            ),
        ],
    }],
    run: Run::Simple(run),
    ..Method::CORE
};

fn is_space(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// What stands before the first such byte, and the rest from it on.
fn until(text: &[u8], end: impl Fn(&u8) -> bool) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(end).unwrap_or(text.len()))
}

fn run(target: Val, _: &Args) -> Result<Val, Error> {
    let mut rest = target.as_text()?;
    let mut members: Vec<(Text, Value)> = Vec::new();
    loop {
        (_, rest) = until(rest, |b| !is_space(b));
        if rest.is_empty() {
            return Ok(Val::object(members.into_iter().collect::<Object>()));
        }
        let (key, behind) = until(rest, |b| *b == b'=' || is_space(b));
        let Some(value) = behind.strip_prefix(b"=") else {
            members.push((Text::from(key), Value::Bool(true)));
            rest = behind;
            continue;
        };
        // A value without a key is taken for a key.
        if key.is_empty() {
            rest = value;
            continue;
        }
        let (value, behind) = match value.strip_prefix(b"\"") {
            Some(inside) => quoted(inside).ok_or_else(|| {
                let key = crate::go_format::quote(key);
                Error::new(format!("logfmt: unterminated quoted value for key {key}"))
            })?,
            None => {
                let (value, behind) = until(value, is_space);
                (value.to_vec(), behind)
            }
        };
        members.push((Text::from(key), Value::text(value)));
        rest = behind;
    }
}

/// The text up to the closing quote, and what follows it.
fn quoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut out = Vec::new();
    let mut rest = text;
    loop {
        let (&byte, behind) = rest.split_first()?;
        rest = behind;
        match (byte, behind.split_first()) {
            (b'"', _) => return Some((out, rest)),
            (b'\\', Some((escaped, behind))) => {
                match escaped {
                    b'n' => out.push(b'\n'),
                    b't' => out.push(b'\t'),
                    b'r' => out.push(b'\r'),
                    b'b' => out.push(8),
                    b'f' => out.push(12),
                    b'"' | b'\\' | b'/' => out.push(*escaped),
                    other => out.extend([b'\\', *other]),
                }
                rest = behind;
            }
            _ => out.push(byte),
        }
    }
}
