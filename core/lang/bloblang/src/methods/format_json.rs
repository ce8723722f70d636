//! `format_json`

use formats::json::{WriteOptions, write_value_with};
use formats::value::Value;

use crate::args::Args;
use crate::error::Error;
use crate::growth::{TEXT_BYTES_MAX, text_fits};
use crate::spec::{Absent, Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "format_json",
    category: "parsing",
    summary: "The value as JSON text, with members sorted by name and indented.",
    params: Params::Fixed(&[
        Param::new("indent", Kind::String, "One step of indentation.").or(Absent::Str("    ")),
        Param::new("no_indent", Kind::Bool, "Leave out indentation and line breaks.")
            .or(Absent::Bool(false)),
        Param::new("escape_html", Kind::Bool, "Escape `<`, `>` and `&`.").or(Absent::Bool(true)),
    ]),
    examples: &[
        Example {
            mapping: "root = this.doc.format_json()",
            cases: &[(
                r#"{"doc":{"foo":"bar"}}"#,
                r#"{
    "foo": "bar"
}"#,
            )],
        },
        Example {
            mapping: "root = this.doc.format_json(no_indent: true)",
            cases: &[(r#"{"doc":{"foo":"<"}}"#, r#"{"foo":"\u003c"}"#)],
        },
    ],
    walks: true,
    run: Run::Simple(run),
    ..Method::CORE
};

fn run(target: Val, args: &Args) -> Result<Val, Error> {
    let null = Value::Null;
    let value = match &target {
        // A literal `[]` is null here, as it is in texts (spec/bloblang.md §8).
        Val::NilArray => &null,
        other => other.value().unwrap_or(&null),
    };
    let indent = args.str(0);
    let indent = (!args.bool(1) && !indent.is_empty()).then_some(&*indent);
    // Each element stands behind as many steps of indentation as there are levels at most.
    text_fits(indent.map_or(0, |indent| indentation(value, indent.len())))?;
    let mut out = Vec::new();
    match write_value_with(&mut out, value, WriteOptions { escape_html: args.bool(2), indent }) {
        Ok(()) => Ok(Val::bytes(out)),
        Err(_) => Err(Error::new("json: unsupported value: the number is not finite")),
    }
}

/// Bytes of indentation that a value takes, or any number above what a text may have.
fn indentation(value: &Value, step: usize) -> usize {
    let mut bytes = 0usize;
    let mut left = vec![(value, step)];
    while let Some((value, depth)) = left.pop() {
        let parts = match value {
            Value::Array(items) => items.len(),
            Value::Object(object) => object.len(),
            _ => continue,
        };
        bytes = bytes.saturating_add(parts.saturating_mul(depth));
        if bytes > TEXT_BYTES_MAX {
            break;
        }
        let deeper = depth.saturating_add(step);
        match value {
            Value::Array(items) => left.extend(items.iter().map(|item| (item, deeper))),
            Value::Object(object) => left.extend(object.iter().map(|(_, item)| (item, deeper))),
            _ => {}
        }
    }
    bytes
}
