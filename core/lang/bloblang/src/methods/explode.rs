//! `explode`

use std::sync::Arc;

use formats::value::{Object, Value};

use crate::args::Args;
use crate::error::Error;
use crate::eval::walk;
use crate::growth::parts_fit;
use crate::node::{Seg, split_path};
use crate::spec::{Example, Kind, Method, Param, Params, Prepared, Run};
use crate::val::{Val, type_name};

pub(super) static SPEC: Method = Method {
    name: "explode",
    category: "objects and arrays",
    summary: "For each element of an array within an object the whole object, with the element in \
              the place of the array. An object within gives an object of such objects.",
    params: Params::Fixed(&[Param::new("path", Kind::String, "Path with dots of the field.")]),
    examples: &[
        Example {
            mapping: "root = this.explode(\"value\")",
            cases: &[(
                r#"{"id":1,"value":["foo","bar"]}"#,
                r#"[{"id":1,"value":"foo"},{"id":1,"value":"bar"}]"#,
            )],
        },
        Example {
            mapping: "root = this.explode(\"value\")",
            cases: &[(
                r#"{"id":1,"value":{"foo":2,"bar":[3,4]}}"#,
                r#"{"bar":{"id":1,"value":[3,4]},"foo":{"id":1,"value":2}}"#,
            )],
        },
    ],
    run: Run::Prepared(prepare),
    ..Method::CORE
};

fn prepare(args: &Args) -> Result<Prepared, Error> {
    let shown = args.str(0).into_owned();
    let mut path = split_path(args.text(0));
    if path.is_empty() {
        path.push(Seg::new(b""));
    }
    Ok(Box::new(move |target| {
        let object = target.as_object()?;
        let found = target.value().map(|value| walk(value, &path)).unwrap_or_default();
        let copies = match &found {
            Value::Array(items) => items.len(),
            Value::Object(members) => members.len(),
            _ => 0,
        };
        parts_fit(copies.saturating_mul(object.len()))?;
        let with = |element: &Value| {
            let mut copy = Value::object(object.clone());
            put(&mut copy, &path, element);
            copy
        };
        match &found {
            Value::Array(items) => Ok(Val::array(items.iter().map(with).collect())),
            Value::Object(members) => {
                let members = members.iter().map(|(key, value)| (key.clone(), with(value)));
                Ok(Val::object(members.collect::<Object>()))
            }
            other => Err(Error::new(format!(
                "expected array or object value at path '{shown}', found: {}",
                type_name(other)
            ))),
        }
    }))
}

/// Puts a value in the place that a path leads to. Where it leads to several, nothing changes.
fn put(mut at: &mut Value, path: &[Seg], element: &Value) {
    for seg in path {
        at = match at {
            Value::Object(object) => Arc::make_mut(object).entry(seg.key.as_bytes()),
            Value::Array(items) => {
                let place = seg.index.and_then(|i| Arc::make_mut(items).get_mut(i));
                let Some(place) = place else { return };
                place
            }
            _ => return,
        };
    }
    *at = element.clone();
}
