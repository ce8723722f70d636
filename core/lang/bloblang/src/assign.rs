//! Writing into a document by a path (spec/bloblang.md §5).

use std::sync::Arc;

use formats::value::Value;

use crate::error::Error;
use crate::node::{Seg, dotted};
use crate::program::empty_object;
use crate::val::{Val, type_name};

/// Sets or, with deleted, removes what stands at a path that is not empty.
pub(crate) fn set(root: &mut Val, path: &[Seg], val: Val) -> Result<(), Error> {
    if let Val::Nothing | Val::Data(Value::Null) = root {
        *root = Val::Data(empty_object());
    }
    let target = match root {
        Val::Data(value) => value,
        other => return Err(blocked(path, 0, other.type_name())),
    };
    if matches!(val, Val::Deleted) {
        return remove(target, path);
    }
    let value = val.into_value().unwrap_or_default();
    *place(target, path)? = value;
    Ok(())
}

/// The error of a parent, `depth` segments deep, that takes no fields.
fn blocked(path: &[Seg], depth: usize, got: &str) -> Error {
    let of = match depth {
        0 => "the root".to_owned(),
        _ => dotted(path.get(..depth).unwrap_or(path)),
    };
    let path = dotted(path);
    Error::new(format!(
        "unable to set target path {path} as the value of {of} was a non-object type ({got})"
    ))
}

fn unresolved(path: &[Seg], depth: usize, why: String) -> Error {
    let path = dotted(path);
    Error::new(format!(
        "unable to set target path {path}: failed to resolve path segment '{depth}': {why}"
    ))
}

/// The place at a path; missing and null parents become objects, `-` appends to an array.
fn place<'v>(root: &'v mut Value, path: &[Seg]) -> Result<&'v mut Value, Error> {
    let mut at = root;
    for (depth, seg) in path.iter().enumerate() {
        if let Value::Null = at {
            *at = empty_object();
        }
        at = match at {
            Value::Object(object) => Arc::make_mut(object).entry(seg.key.as_bytes()),
            Value::Array(items) => {
                let items = Arc::make_mut(items);
                let index = position(items, path, depth, seg)?;
                &mut items[index]
            }
            other => return Err(blocked(path, depth, type_name(other))),
        };
    }
    Ok(at)
}

/// Position of a segment in an array.
fn position(items: &mut Vec<Value>, path: &[Seg], depth: usize, seg: &Seg) -> Result<usize, Error> {
    let last = depth + 1 == path.len();
    if seg.key.as_bytes() == b"-" {
        items.push(Value::Null);
        return Ok(items.len() - 1);
    }
    let key = seg.key.to_str_lossy();
    let Some(index) = seg.index else {
        return Err(unresolved(
            path,
            depth,
            format!(
                "found array but segment value '{key}' could not be parsed into array index: \
                 strconv.Atoi: parsing \"{key}\": invalid syntax"
            ),
        ));
    };
    let size = items.len();
    match items.get(index) {
        None => Err(unresolved(
            path,
            depth,
            format!("found array but index '{key}' exceeded target array size of '{size}'"),
        )),
        Some(Value::Null) if !last => {
            let why = format!("field '{key}' was not found");
            Err(unresolved(path, depth + 1, why))
        }
        Some(_) => Ok(index),
    }
}

/// Removes what stands at a path; what is missing is no error.
fn remove(root: &mut Value, path: &[Seg]) -> Result<(), Error> {
    let Some((last, parents)) = path.split_last() else { return Ok(()) };
    let mut at = root;
    for seg in parents {
        let next = match at {
            Value::Object(object) if object.get(seg.key.as_bytes()).is_some() => {
                Arc::make_mut(object).get_mut(seg.key.as_bytes())
            }
            Value::Array(items) => match seg.index {
                Some(index) if index < items.len() => Arc::make_mut(items).get_mut(index),
                _ => None,
            },
            _ => None,
        };
        let Some(next) = next else { return Ok(()) };
        at = next;
    }
    match at {
        Value::Object(object) if object.get(last.key.as_bytes()).is_some() => {
            Arc::make_mut(object).remove(last.key.as_bytes());
        }
        // An element of an array that is the whole document stays.
        Value::Array(items) if !parents.is_empty() => {
            if let Some(index) = last.index.filter(|i| *i < items.len()) {
                Arc::make_mut(items).remove(index);
            }
        }
        _ => {}
    }
    Ok(())
}
