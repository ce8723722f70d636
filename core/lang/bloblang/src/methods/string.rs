//! `string`

use formats::value::{Text, Value};

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
    run: Run::Simple(|target, _| match target {
        Val::Data(Value::String(_)) => Ok(target),
        other => Ok(Val::text(Text::from(text::of(&other)))),
    }),
    ..Method::CORE
};
