//! What a test expects of a message.

use bloblang::go_format;
use bloblang::val::Val;
use config::cases::Condition;
use config::diff::{self, Match};
use formats::value::Value;
use plan::{Batch, Code, Form, Json, Records, Session};

use crate::paths::{beside, read};

/// What conditions are checked with.
pub(crate) struct Around<'a> {
    /// Where queries are compiled.
    pub(crate) session: &'a dyn Session,
    /// The file of the test.
    pub(crate) path: &'a str,
}

/// The content of the first message.
pub(crate) fn text(records: &Records) -> String {
    String::from_utf8_lossy(records.bytes(0, &mut Vec::new())).into_owned()
}

/// Checks a condition for the one message of `records`.
///
/// # Errors
/// What is not as expected.
pub(crate) fn check(
    around: &Around<'_>,
    condition: &Condition,
    records: &Records,
) -> Result<(), String> {
    let mut scratch = Vec::new();
    let content = records.bytes(0, &mut scratch);
    let file = |path: &str, what: &str| {
        let bytes = read(&beside(around.path, path));
        bytes.map_err(|e| format!("failed to read comparison {what}: {e}"))
    };
    match condition {
        Condition::Bloblang(query) => holds(around, query, records),
        Condition::ContentEquals(expected) => same(expected.as_bytes(), content),
        Condition::ContentMatches(pattern) => matches(pattern, content),
        Condition::FileEquals(path) => same(&file(path, "file")?, content),
        Condition::FileJsonContains(path) => contains(&file(path, "JSON file")?, content),
        Condition::FileJsonEquals(path) => equals(&file(path, "JSON file")?, content),
        Condition::JsonContains(expected) => contains(expected.as_bytes(), content),
        Condition::JsonEquals(expected) => equals(expected.as_bytes(), content),
        Condition::MetadataEquals(expected) => metadata(expected, records),
    }
}

fn holds(around: &Around<'_>, query: &str, records: &Records) -> Result<(), String> {
    let code = Code { lang: bloblang::NAME.to_owned(), text: query.to_owned(), slot: None };
    let compiled = around.session.compile(&code, Form::Query);
    let mut expr = compiled
        .map_err(|errors| errors.into_iter().next().map_or_else(String::new, |e| e.message))?;
    let mut mask = Vec::new();
    let batch = Batch::records(records.clone());
    expr.test(&batch, &mut mask).map_err(|e| e.to_string())?;
    match mask.into_iter().next() {
        Some(Ok(true)) => Ok(()),
        Some(Err(fault)) => Err(fault.text),
        _ => Err("bloblang expression was false".to_owned()),
    }
}

fn same(expected: &[u8], content: &[u8]) -> Result<(), String> {
    if expected == content {
        return Ok(());
    }
    let (expected, received) =
        (String::from_utf8_lossy(expected), String::from_utf8_lossy(content));
    Err(format!("content mismatch\n  expected: {expected}\n  received: {received}"))
}

fn matches(pattern: &str, content: &[u8]) -> Result<(), String> {
    let compiled = bloblang::re::compile(pattern).map_err(|e| e.to_string())?;
    if compiled.is_match(content) {
        return Ok(());
    }
    let received = String::from_utf8_lossy(content);
    Err(format!("pattern mismatch\n   pattern: {pattern}\n  received: {received}"))
}

fn equals(expected: &[u8], content: &[u8]) -> Result<(), String> {
    match diff::compare_texts(content, expected) {
        (Match::Full, _) => Ok(()),
        (_, shown) => Err(format!("JSON content mismatch\n{shown}")),
    }
}

fn contains(expected: &[u8], content: &[u8]) -> Result<(), String> {
    match diff::compare_texts(content, expected) {
        (Match::Full | Match::Superset, _) => Ok(()),
        (Match::None, shown) => Err(format!("JSON superset mismatch\n{shown}")),
    }
}

fn metadata(expected: &[(String, Json)], records: &Records) -> Result<(), String> {
    let meta = records.recs.first().and_then(|record| record.meta.as_ref());
    for (key, expected) in expected {
        let Some(received) = meta.and_then(|meta| meta.get(key)) else {
            return Err(format!("metadata key '{key}' expected but not found"));
        };
        let expected = value_of(expected)?;
        if !bloblang::compare::equal(&expected, received) {
            let (expected, received) = (shown(expected), shown(received.clone()));
            return Err(format!(
                "metadata key '{key}' mismatch\n  expected: {expected}\n  received: {received}"
            ));
        }
    }
    Ok(())
}

/// A value as Go prints it.
fn shown(value: Value) -> String {
    let printed = go_format::format(b"%v", &[Val::Data(value)]);
    printed.map_or_else(|e| e.to_string(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// A value of a document as messages have it.
///
/// # Errors
/// A document that cannot be printed.
pub(crate) fn value_of(json: &Json) -> Result<Value, String> {
    let bytes = serde_json::to_vec(json).map_err(|e| e.to_string())?;
    formats::json::parse(&bytes).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use bloblang::local::Local;
    use plan::{Meta, Record};
    use serde_json::json;

    use super::*;

    fn checked(condition: Condition) -> Result<(), String> {
        let session = bloblang::session(Local::setup_in(Path::new(""), Vec::new()));
        let mut meta = Meta::new();
        meta.set("n", value_of(&json!(5)).unwrap());
        meta.set("l", value_of(&json!(["a", {"b": null}])).unwrap());
        let content = br#"{"a":[1,2],"b":"x"}"#.to_vec();
        let record = Record { meta: Some(Arc::new(meta)), ..Record::own(content) };
        let records = Records { recs: vec![record], ..Records::default() };
        check(&Around { session: &*session, path: "dir/x.yaml" }, &condition, &records)
    }

    fn meta(json: Json) -> Condition {
        let entries = json.as_object().unwrap().clone();
        Condition::MetadataEquals(entries.into_iter().collect())
    }

    #[test]
    fn what_is_as_expected_passes() {
        for condition in [
            Condition::Bloblang("this.a.length() == 2 && @n == 5".into()),
            Condition::ContentEquals(r#"{"a":[1,2],"b":"x"}"#.into()),
            Condition::ContentMatches("^.*\"x\"".into()),
            Condition::JsonEquals(r#"{ "b": "x", "a": [1, 2] }"#.into()),
            Condition::JsonContains(r#"{"a": [1]}"#.into()),
            meta(json!({"n": 5.0, "l": ["a", {"b": null}]})),
        ] {
            assert_eq!(checked(condition.clone()), Ok(()), "{condition:?}");
        }
    }

    #[test]
    fn what_is_not_is_said() {
        for (condition, want) in [
            (Condition::Bloblang("this.a == 5".into()), "bloblang expression was false"),
            (Condition::Bloblang("this.b".into()), "expected bool value, got string"),
            (Condition::Bloblang("this.b.".into()), "required: "),
            (
                Condition::ContentEquals("a".into()),
                "content mismatch\n  expected: a\n  received: {\"a\":[1,2],\"b\":\"x\"}",
            ),
            (Condition::ContentMatches("^q".into()), "pattern mismatch\n   pattern: ^q\n"),
            (Condition::ContentMatches("(".into()), "error parsing regexp: "),
            (
                Condition::FileEquals("f".into()),
                "failed to read comparison file: open dir/f: no such",
            ),
            (
                Condition::FileJsonEquals("../f".into()),
                "failed to read comparison JSON file: open f: no such file or directory",
            ),
            (Condition::FileJsonContains("f".into()), "failed to read comparison JSON file: "),
            (Condition::JsonEquals("{}".into()), "JSON content mismatch\n{\n"),
            (
                Condition::JsonEquals("{".into()),
                "JSON content mismatch\nsecond argument is invalid",
            ),
            (Condition::JsonContains("{\"c\":1}".into()), "JSON superset mismatch\n{\n"),
            (meta(json!({"x": 1})), "metadata key 'x' expected but not found"),
            (meta(json!({"n": "5"})), "metadata key 'n' mismatch\n  expected: 5\n  received: 5"),
            (
                meta(json!({"l": {"a": [1]}})),
                "metadata key 'l' mismatch\n  expected: map[a:[1]]\n  received: [a map[b:<nil>]]",
            ),
        ] {
            let got = checked(condition.clone()).unwrap_err();
            assert!(got.contains(want), "{condition:?}: {got}");
        }
    }
}
