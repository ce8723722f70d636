//! `bytes`

use crate::fast::item::Item;
use crate::spec::{Example, Hook, Method, Run};
use crate::text;
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "bytes",
    category: "coercion",
    summary: "The text of any value as raw bytes; bytes stay as they are.",
    examples: &[Example {
        mapping: "root.first = this.name.bytes().index(0)",
        cases: &[(r#"{"name":"foobar"}"#, r#"{"first":102}"#)],
    }],
    walks: true,
    run: Run::Simple(|target, _| Ok(Val::bytes(text::of(&target)))),
    quick: Hook::Fixed(|target, _, _| match *target {
        Item::Str(text) | Item::Bytes(text) | Item::Number(text) => Some(Item::Bytes(text)),
        _ => None,
    }),
    ..Method::CORE
};
