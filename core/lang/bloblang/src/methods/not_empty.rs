//! `not_empty`

use formats::value::Value;

use crate::error::Error;
use crate::spec::{Example, Method, Run};

pub(super) static SPEC: Method = Method {
    name: "not_empty",
    category: "coercion",
    summary: "The text, array or object as it is, unless there is nothing in it, which fails.",
    examples: &[Example {
        mapping: "root.a = this.a.not_empty()",
        cases: &[
            (r#"{"a":"foo"}"#, r#"{"a":"foo"}"#),
            (
                r#"{"a":[]}"#,
                "error: failed assignment (line 1): field `this.a`: array value is empty",
            ),
        ],
    }],
    run: Run::Simple(|target, _| {
        let empty = match target.value() {
            Some(Value::String(text)) => text.as_bytes().is_empty(),
            Some(Value::Array(items)) => items.is_empty(),
            Some(Value::Object(object)) => object.is_empty(),
            _ => return Err(target.unexpected(&["string", "array", "object"])),
        };
        if empty {
            return Err(Error::new(format!("{} value is empty", target.type_name())));
        }
        Ok(target)
    }),
    ..Method::CORE
};
