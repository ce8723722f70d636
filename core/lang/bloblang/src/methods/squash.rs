//! `squash`

use formats::value::{Object, Value};

use crate::error::Error;
use crate::fast::merge::squashed;
use crate::merge::{gather, merge};
use crate::spec::{Example, Hook, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "squash",
    category: "objects and arrays",
    summary: "One object that the objects in an array are merged to, by the rules of `merge`.",
    examples: &[Example {
        mapping: "root.all = this.places.map_each(p -> {p.state: [p.name]}).squash()",
        cases: &[(
            r#"{"places":[{"name":"Seattle","state":"WA"},{"name":"Olympia","state":"WA"}]}"#,
            r#"{"all":{"WA":["Seattle","Olympia"]}}"#,
        )],
    }],
    walks: true,
    run: Run::Simple(|target, _| squash(&target)),
    quick: Hook::Fixed(|target, _, tools| squashed(tools.list(target)?, tools)),
    ..Method::PLUGIN
};

fn squash(target: &Val) -> Result<Val, Error> {
    let mut object = Object::new();
    for item in target.as_array()? {
        if let Value::Object(next) = item {
            merge(&mut object, next, gather);
        }
    }
    Ok(Val::object(object))
}
