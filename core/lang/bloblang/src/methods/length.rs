//! `length`

use formats::value::Value;

use crate::fast::scalar::Scalar;
use crate::spec::{Example, Method, Run};
use crate::val::Val;
use formats::json::RawKind;

pub(super) static SPEC: Method = Method {
    name: "length",
    category: "objects and arrays",
    summary: "Number of elements of an array, members of an object, or bytes of a text.",
    examples: &[Example {
        mapping: "root.len = this.foo.length()",
        cases: &[(r#"{"foo":["a","b"]}"#, r#"{"len":2}"#), (r#"{"foo":"hey"}"#, r#"{"len":3}"#)],
    }],
    run: Run::Simple(|target, _| {
        Ok(Val::count(match target.value() {
            Some(Value::String(text)) => text.as_bytes().len(),
            Some(Value::Bytes(bytes)) => bytes.len(),
            Some(Value::Array(items)) => items.len(),
            Some(Value::Object(object)) => object.len(),
            _ => return Err(target.unexpected(&["string", "array", "object"])),
        }))
    }),
    quick: Some(|target, _, tools| {
        let count = match target {
            Scalar::Str(text) | Scalar::Bytes(text) => text.len(),
            Scalar::Parts(parts) => parts.len(),
            Scalar::Raw(raw) if raw.kind == RawKind::Array => tools.elements(raw)?,
            _ => return None,
        };
        i64::try_from(count).ok().map(Scalar::Int)
    }),
    ..Method::CORE
};
