//! `with`

use formats::value::{Object, Value};

use crate::args::Args;
use crate::error::Error;
use crate::node::{Seg, split_path};
use crate::spec::{Example, Method, Params, Prepared, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "with",
    category: "objects and arrays",
    summary: "An object with only those fields that are given by their paths.",
    params: Params::Variadic("Paths with dots of the fields to keep."),
    examples: &[Example {
        mapping: "root = this.with(\"inner.a\", \"d\")",
        cases: &[(r#"{"inner":{"a":1,"b":2},"d":3,"e":4}"#, r#"{"d":3,"inner":{"a":1}}"#)],
    }],
    run: Run::Prepared(prepare),
    ..Method::PLUGIN
};

fn prepare(args: &Args) -> Result<Prepared, Error> {
    let mut paths: Vec<Vec<Seg>> = Vec::new();
    for (i, val) in args.vals().enumerate() {
        let text = val.as_text().map_err(|e| e.prefix(format_args!("argument {i}")))?;
        // An empty path is the member with the empty name.
        paths.push(if text.is_empty() { vec![Seg::new(b"")] } else { split_path(text) });
    }
    Ok(Box::new(move |target| {
        let paths: Vec<&[Seg]> = paths.iter().map(Vec::as_slice).collect();
        Ok(Val::object(keep(target.as_object()?, &paths)))
    }))
}

/// The members that paths begin with; where some go on, what is kept of a member that is an object.
fn keep(object: &Object, paths: &[&[Seg]]) -> Object {
    let kept = object.iter().filter_map(|(key, value)| {
        let mut named = false;
        let mut inner: Vec<&[Seg]> = Vec::new();
        for path in paths {
            if let [first, rest @ ..] = path
                && first.key == *key
            {
                named = true;
                inner.extend((!rest.is_empty()).then_some(rest));
            }
        }
        let value = match value {
            Value::Object(object) if !inner.is_empty() => Value::object(keep(object, &inner)),
            other => other.clone(),
        };
        named.then_some((key.clone(), value))
    });
    kept.collect()
}
