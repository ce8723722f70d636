//! `string`

use formats::value::{Text, Value};

use crate::fast::item::Item;
use crate::spec::{Example, Hook, Method, Run};
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
    quick: Hook::Fixed(|target, _, tools| match *target {
        Item::Str(_) => Some(*target),
        Item::Bytes(text) | Item::Number(text) => Some(Item::Str(text)),
        Item::Bool(b) => Some(Item::Str(if b { b"true" } else { b"false" })),
        Item::Null => Some(Item::Str(b"null")),
        Item::Int(n) => Some(Item::Str(tools.build(20, |out| formats::number::write_int(out, n)))),
        _ => None,
    }),
    ..Method::CORE
};
