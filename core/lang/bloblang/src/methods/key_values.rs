//! `key_values`

use super::filter::member;
use crate::error::Error;
use crate::fast::item::Item;
use crate::spec::{Example, Hook, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "key_values",
    category: "objects and arrays",
    summary: "The members of an object as an array of objects of their `key` and `value`, in the \
              order of the keys.",
    examples: &[Example {
        mapping: "root.pairs = this.foo.key_values()",
        cases: &[(
            r#"{"foo":{"bar":1,"baz":2}}"#,
            r#"{"pairs":[{"key":"bar","value":1},{"key":"baz","value":2}]}"#,
        )],
    }],
    run: Run::Simple(|target, _| key_values(&target)),
    quick: Hook::Fixed(|target, _, tools| {
        let members = tools.map(target)?;
        let mut out = bumpalo::collections::Vec::with_capacity_in(members.len(), tools.bump);
        for (name, item) in members {
            out.push(tools.member(name, *item)?);
        }
        Some(Item::List(out.into_bump_slice()))
    }),
    ..Method::CORE
};

fn key_values(target: &Val) -> Result<Val, Error> {
    let members = target.as_object()?.iter();
    Ok(Val::array(members.filter_map(|(key, value)| member(key, value).into_value()).collect()))
}
