//! `not`

use crate::fast::item::Item;
use crate::spec::{Example, Hook, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "not",
    category: "general",
    summary: "The opposite truth value; the same as `!` in front.",
    examples: &[Example {
        mapping: "root.result = this.foo.not()",
        cases: &[(r#"{"foo":true}"#, r#"{"result":false}"#)],
    }],
    run: Run::Simple(|target, _| Ok(Val::bool(!target.as_bool()?))),
    quick: Hook::Fixed(|target, _, _| match *target {
        Item::Bool(b) => Some(Item::Bool(!b)),
        _ => None,
    }),
    ..Method::CORE
};
