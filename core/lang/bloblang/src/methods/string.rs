//! `string`

use formats::value::{Text, Value};

use crate::fast::scalar::Scalar;
use crate::spec::{Example, Method, Run};
use crate::text;
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "string",
    category: "coercion",
    summary: "The text of any value: numbers as they are written, objects and arrays as JSON.",
    examples: &[Example {
        mapping: "root.nested = this.string()",
        cases: &[(
            r#"{"foo":{"bar":[1.0,true]}}"#,
            r#"{"nested":"{\"foo\":{\"bar\":[1.0,true]}}"}"#,
        )],
    }],
    walks: true,
    run: Run::Simple(|target, _| match target {
        Val::Data(Value::String(_)) => Ok(target),
        other => Ok(Val::text(Text::from(text::of(&other)))),
    }),
    quick: Some(|target, _, tools| match target {
        Scalar::Str(_) => Some(target),
        Scalar::Bytes(text) | Scalar::Number(text) => Some(Scalar::Str(text)),
        Scalar::Bool(b) => Some(Scalar::Str(if b { b"true" } else { b"false" })),
        Scalar::Null => Some(Scalar::Str(b"null")),
        Scalar::Int(n) => {
            Some(Scalar::Str(tools.build(20, |out| formats::number::write_int(out, n))))
        }
        _ => None,
    }),
    ..Method::CORE
};
