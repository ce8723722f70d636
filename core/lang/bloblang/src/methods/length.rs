//! `length`

use formats::value::Value;

use crate::fast::item::Item;
use crate::spec::{Example, Hook, Method, Run};
use crate::val::Val;

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
    quick: Hook::Fixed(|target, _, tools| {
        let count = match *target {
            Item::Str(text) | Item::Bytes(text) => text.len(),
            Item::Map(members) => members.len(),
            _ => tools.elements(target)?,
        };
        i64::try_from(count).ok().map(Item::Int)
    }),
    ..Method::CORE
};
