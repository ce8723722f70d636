//! `collapse`

use formats::value::{Object, Text, Value};

use crate::args::Args;
use crate::error::Error;
use crate::spec::{Absent, Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "collapse",
    category: "objects and arrays",
    summary: "An object of one level: its keys are the paths of what the target holds, with dots. \
              Empty objects and arrays are left out unless they are asked for.",
    params: Params::Fixed(&[Param::new(
        "include_empty",
        Kind::Bool,
        "Keep empty objects and arrays.",
    )
    .or(Absent::Bool(false))]),
    examples: &[
        Example {
            mapping: "root.result = this.collapse()",
            cases: &[(
                r#"{"foo":[{"bar":"1"},{"bar":{}},{"bar":"2"}]}"#,
                r#"{"result":{"foo.0.bar":"1","foo.2.bar":"2"}}"#,
            )],
        },
        Example {
            mapping: "root.result = this.collapse(include_empty: true)",
            cases: &[(
                r#"{"foo":[{"bar":"1"},{"bar":{}}]}"#,
                r#"{"result":{"foo.0.bar":"1","foo.1.bar":{}}}"#,
            )],
        },
    ],
    walks: true,
    run: Run::Simple(run),
    ..Method::CORE
};

/// Bytes that all keys of one result may have: they repeat the keys around them.
const KEYS_MAX_BYTES: usize = 64 << 20;

fn run(target: Val, args: &Args) -> Result<Val, Error> {
    let Some(value @ (Value::Object(_) | Value::Array(_))) = target.value() else {
        return Err(Error::new("not an object or array"));
    };
    let mut flat: Vec<(Text, Value)> = Vec::new();
    let mut bytes = 0usize;
    // What is still to be looked at, each with its path.
    let mut left = vec![(Vec::new(), value)];
    while let Some((path, value)) = left.pop() {
        bytes = bytes.saturating_add(path.len());
        if bytes > KEYS_MAX_BYTES {
            return Err(Error::new(format!("the keys are longer than {KEYS_MAX_BYTES} bytes")));
        }
        let before = left.len();
        match value {
            Value::Object(object) => {
                left.extend(object.iter().map(|(key, v)| (joined(&path, key.as_bytes()), v)));
            }
            Value::Array(items) => left.extend(
                items.iter().enumerate().map(|(i, v)| (joined(&path, i.to_string().as_bytes()), v)),
            ),
            single => {
                flat.push((Text::from(path), single.clone()));
                continue;
            }
        }
        if left.len() == before && args.bool(0) {
            flat.push((Text::from(path), value.clone()));
        }
    }
    Ok(Val::object(flat.into_iter().collect::<Object>()))
}

/// A path and a key behind it; a path without a byte is none.
fn joined(path: &[u8], key: &[u8]) -> Vec<u8> {
    if path.is_empty() { key.to_vec() } else { [path, b".", key].concat() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_all_keys_is_limited() {
        let collapse = |items: usize| {
            let key = Text::from(vec![b'k'; 1 << 20]);
            let inner = Value::array(vec![Value::Int(1); items]);
            run(Val::object([(key, inner)].into_iter().collect()), &Args::default())
        };
        assert!(collapse(30).is_ok());
        let error = collapse(70).unwrap_err().to_string();
        assert_eq!(error, "the keys are longer than 67108864 bytes");
    }
}
