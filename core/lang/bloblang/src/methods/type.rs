//! `type`

use crate::fast::item::Item;
use crate::spec::{Example, Hook, Method, Run};
use crate::val::Val;
use formats::json::RawKind;

pub(super) static SPEC: Method = Method {
    name: "type",
    category: "coercion",
    summary: "Name of the value's type: string, bytes, number, bool, timestamp, array, object, null.",
    examples: &[Example {
        mapping: "root.t = this.v.type()",
        cases: &[(r#"{"v":[]}"#, r#"{"t":"array"}"#), ("{}", r#"{"t":"null"}"#)],
    }],
    run: Run::Simple(|target, _| Ok(Val::text(target.type_name()))),
    quick: Hook::Fixed(|target, _, _| {
        Some(Item::Str(match *target {
            Item::Null => b"null",
            Item::Bool(_) => b"bool",
            Item::Int(_) | Item::Float(_) | Item::Number(_) => b"number",
            Item::Str(_) => b"string",
            Item::Bytes(_) => b"bytes",
            Item::Time(..) => b"timestamp",
            Item::List(_) => b"array",
            Item::Map(_) => b"object",
            Item::Raw(raw) if raw.kind == RawKind::Array => b"array",
            Item::Raw(_) => b"object",
            Item::Deleted => b"delete",
            Item::Nothing => b"nothing",
        }))
    }),
    ..Method::CORE
};
