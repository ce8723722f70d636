//! `without`

use std::sync::Arc;

use formats::value::{Object, Value};

use crate::args::Args;
use crate::fast::merge::without_names;
use crate::fast::quick_without;
use crate::node::{Seg, split_path};
use crate::spec::{Example, Hook, Method, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "without",
    category: "objects and arrays",
    summary: "An object without some fields, given by their paths.",
    params: Params::Variadic("Paths with dots of the fields to leave out."),
    examples: &[Example {
        mapping: "root = this.without(\"inner.a\", \"d\")",
        cases: &[(r#"{"inner":{"a":1,"b":2},"d":3,"e":4}"#, r#"{"e":4,"inner":{"b":2}}"#)],
    }],
    run: Run::Prepared(|args: &Args| {
        let mut paths: Vec<Vec<Seg>> = Vec::new();
        for (i, val) in args.vals().enumerate() {
            let text = val.as_text().map_err(|e| e.prefix(format_args!("argument {i}")))?;
            // An empty path is the member with the empty name.
            let path = if text.is_empty() { vec![Seg::new(b"")] } else { split_path(text) };
            paths.push(path);
        }
        Ok(Box::new(move |target| {
            let paths: Vec<&[Seg]> = paths.iter().map(Vec::as_slice).collect();
            Ok(Val::object(strip(target.into_object()?, &paths)))
        }))
    }),
    quick: Hook::Prepared(|args| {
        let (mut names, mut paths): (Vec<Box<[u8]>>, Vec<_>) = Default::default();
        for val in args.vals() {
            match val.as_text().ok()? {
                path if path.contains(&b'.') || path.contains(&b'~') => {
                    paths.push(split_path(path));
                }
                name => names.push(name.into()),
            }
        }
        Some(Box::new(move |target, tools| {
            let mut rest = without_names(tools.map(target)?, &names, tools)?;
            for path in &paths {
                rest = quick_without(tools, &rest, path)?;
            }
            Some(rest)
        }))
    }),
    ..Method::CORE
};

/// Removes what the paths lead to; a path that leads through an array is applied to each element.
fn strip(object: Object, paths: &[&[Seg]]) -> Object {
    let mut object = object;
    for path in paths {
        if let [seg] = path {
            object.remove(seg.key.as_bytes());
        }
    }
    for path in paths {
        if let [seg, rest @ ..] = path
            && !rest.is_empty()
            && let Some(value) = object.get_mut(seg.key.as_bytes())
        {
            let inner = std::mem::take(value);
            *value = strip_value(inner, rest);
        }
    }
    object
}

fn strip_value(value: Value, path: &[Seg]) -> Value {
    match value {
        Value::Object(object) => Value::object(strip(Arc::unwrap_or_clone(object), &[path])),
        Value::Array(items) => {
            let items = Arc::unwrap_or_clone(items);
            Value::array(items.into_iter().map(|item| strip_value(item, path)).collect())
        }
        other => other,
    }
}
