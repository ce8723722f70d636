//! Paths with dots into documents, for fields that are such a path and no code.

use std::sync::Arc;

use formats::value::{Object, Text, Value};

/// The keys of a path; `~1` in one stands for a dot and `~0` for `~`. An empty text is no path.
pub(crate) fn split(path: &str) -> Vec<Text> {
    if path.is_empty() {
        return Vec::new();
    }
    path.split('.').map(|key| Text::from(key.replace("~1", ".").replace("~0", "~"))).collect()
}

fn index(key: &Text) -> Option<usize> {
    key.to_str_lossy().parse().ok()
}

/// What stands at a path.
pub(crate) fn get<'v>(document: &'v Value, path: &[Text]) -> Option<&'v Value> {
    path.iter().try_fold(document, |value, key| match value {
        Value::Object(object) => object.member(key),
        Value::Array(items) => items.get(index(key)?),
        _ => None,
    })
}

/// Puts a value at a path; objects are made where there is nothing. Where something else stands in
/// the way the document stays as it is.
pub(crate) fn set(document: &mut Value, path: &[Text], value: Value) {
    let mut at = document;
    for key in path {
        if let Value::Null = at {
            *at = Value::object(Object::new());
        }
        at = match at {
            Value::Object(object) => Arc::make_mut(object).entry(key.as_bytes()),
            Value::Array(items) => {
                let item = index(key).and_then(|at| Arc::make_mut(items).get_mut(at));
                let Some(item) = item else { return };
                item
            }
            _ => return,
        };
    }
    *at = value;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(document: &str, path: &str) -> String {
        let mut document = formats::json::parse(document.as_bytes()).unwrap();
        set(&mut document, &split(path), Value::Int(1));
        let mut out = Vec::new();
        formats::json::write_value(&mut out, &document).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_are_put_where_there_is_a_place() {
        for (document, path, want) in [
            ("{}", "a.b", r#"{"a":{"b":1}}"#),
            (r#"{"a":null}"#, "a.b", r#"{"a":{"b":1}}"#),
            (r#"{"a":[0,{}]}"#, "a.1.b", r#"{"a":[0,{"b":1}]}"#),
            (r#"{"a":[0]}"#, "a.1.b", r#"{"a":[0]}"#),
            (r#"{"a":"text"}"#, "a.b", r#"{"a":"text"}"#),
            ("null", "a~1b.c~0", r#"{"a.b":{"c~":1}}"#),
            ("5", "a", "5"),
            ("5", "", "1"),
        ] {
            assert_eq!(placed(document, path), want, "{document} {path}");
        }
    }

    #[test]
    fn values_are_found() {
        let document = formats::json::parse(br#"{"a":[{"b.c":7}]}"#).unwrap();
        assert!(matches!(
            get(&document, &split("a.0.b~1c")),
            Some(Value::Int(7) | Value::Number(_))
        ));
        assert!(get(&document, &split("a.1")).is_none());
        assert!(get(&document, &split("a.b")).is_none());
    }
}
