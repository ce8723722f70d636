//! Documents as YAML in the style users know from Go: two spaces, quotes only where they are
//! needed, blocks for texts of several lines.

use super::scalar::{Scalar, Tag};

/// A document to be written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Doc {
    Scalar(Scalar),
    List(Vec<Doc>),
    Map(Vec<Field>),
}

/// A key, its value, and what is said behind it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) key: String,
    pub(crate) value: Doc,
    pub(crate) comment: &'static str,
}

impl Doc {
    /// An object without anything in it.
    pub(crate) fn empty() -> Self {
        Doc::Map(Vec::new())
    }

    /// A text.
    pub(crate) fn text(text: &str) -> Self {
        Doc::Scalar(Scalar::quoted(text.to_owned(), false))
    }

    fn is_empty(&self) -> bool {
        match self {
            Doc::Scalar(_) => false,
            Doc::List(items) => items.is_empty(),
            Doc::Map(fields) => fields.is_empty(),
        }
    }
}

/// Writes a document.
pub(crate) fn write(doc: &Doc) -> String {
    let mut out = String::new();
    match doc {
        Doc::Map(fields) if !fields.is_empty() => map(&mut out, fields, 0),
        Doc::List(items) if !items.is_empty() => list(&mut out, items, 0),
        doc => {
            inline(&mut out, doc, 0);
            out.push('\n');
        }
    }
    out
}

fn indent(out: &mut String, depth: usize) {
    out.extend(std::iter::repeat_n("  ", depth));
}

/// Fields, each on lines of its own; the first stands where `out` ends.
fn map(out: &mut String, fields: &[Field], depth: usize) {
    for (at, field) in fields.iter().enumerate() {
        if at > 0 {
            indent(out, depth);
        }
        out.push_str(&single_line(&field.key));
        out.push(':');
        let said = |out: &mut String| {
            if !field.comment.is_empty() {
                out.push_str(" # ");
                out.push_str(field.comment);
            }
            out.push('\n');
        };
        match &field.value {
            Doc::Map(inner) if !inner.is_empty() => {
                said(out);
                indent(out, depth + 1);
                map(out, inner, depth + 1);
            }
            Doc::List(items) if !items.is_empty() => {
                said(out);
                indent(out, depth + 1);
                list(out, items, depth + 1);
            }
            value => {
                out.push(' ');
                inline(out, value, depth + 1);
                said(out);
            }
        }
    }
}

fn list(out: &mut String, items: &[Doc], depth: usize) {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            indent(out, depth);
        }
        out.push_str("- ");
        match item {
            Doc::Map(fields) if !item.is_empty() => map(out, fields, depth + 1),
            Doc::List(inner) if !item.is_empty() => list(out, inner, depth + 1),
            item => {
                inline(out, item, depth + 1);
                out.push('\n');
            }
        }
    }
}

/// What stands behind a key or a dash; the lines of a block are indented by `depth`.
fn inline(out: &mut String, doc: &Doc, depth: usize) {
    match doc {
        Doc::Map(_) => out.push_str("{}"),
        Doc::List(_) => out.push_str("[]"),
        Doc::Scalar(scalar) => match scalar.tag {
            Tag::Str if is_block(&scalar.text) => block(out, &scalar.text, depth),
            Tag::Str => out.push_str(&single_line(&scalar.text)),
            Tag::Null => out.push_str("null"),
            Tag::Binary | Tag::Timestamp | Tag::Merge => out.push_str(&double(&scalar.text)),
            Tag::Bool | Tag::Int | Tag::Float => out.push_str(&scalar.text),
        },
    }
}

/// Whether a text can stand as a block of lines: nothing in it is special to a reader.
fn is_block(text: &str) -> bool {
    let first = text.chars().next();
    let plain = |c: char| c == '\n' || c == '\t' || !(c.is_control() || is_break(c));
    text.contains('\n')
        && text.chars().all(plain)
        && first.is_some_and(|c| !c.is_whitespace())
        && !text.lines().any(|line| line.starts_with('\t'))
}

/// Characters that some readers take for the end of a line, or for no text.
fn is_break(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

fn block(out: &mut String, text: &str, depth: usize) {
    let body = text.trim_end_matches('\n');
    let breaks = text.len() - body.len();
    out.push_str(match breaks {
        0 => "|-",
        1 => "|",
        _ => "|+",
    });
    for line in body.split('\n').chain(std::iter::repeat_n("", breaks.saturating_sub(1))) {
        out.push('\n');
        if !line.is_empty() {
            indent(out, depth);
            out.push_str(line);
        }
    }
}

/// A text on one line: as it stands, in single quotes or in double quotes.
fn single_line(text: &str) -> String {
    let word = Scalar::plain(text.to_owned());
    let special = |c: char| c.is_control() || is_break(c);
    if text.chars().any(special) || word.tag != Tag::Str || formats::yaml::old_bool(text).is_some()
    {
        return double(text);
    }
    if is_plain(text) { text.to_owned() } else { format!("'{}'", text.replace('\'', "''")) }
}

/// Whether a reader takes a word without quotes for this very text.
fn is_plain(text: &str) -> bool {
    let ends = |c: char| c == ' ';
    let first = text.chars().next();
    let opens = |c: char| "-?:,[]{}#&*!|>'\"%@`=<~".contains(c);
    !text.is_empty()
        && !first.is_some_and(opens)
        && !text.starts_with(ends)
        && !text.ends_with(ends)
        && !text.ends_with(':')
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.starts_with("...")
}

fn double(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() || is_break(c) => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::normal;
    use crate::yaml::{Node, load};

    fn written(json: &plan::Json) -> String {
        write(&normal::verbatim(&Node::from_json(json)))
    }

    #[test]
    fn quotes_stand_only_where_they_are_needed() {
        let json = plan::serde_json::json!({
            "a": "root = this", "b": "5", "c": "yes", "d": "", "e": "*", "f": "x: y", "g": " a",
            "h": "it's", "i": "'", "j": "a\tb", "k": true, "l": null, "m": [], "n": {}, "@s": 1.5,
            "o": "a\nb\n", "p": "a\n\n  b", "q": "a\n\n", "r": ["x", ["y"], {"z": [{}]}],
        });
        let text = written(&json);
        let want = "a: root = this\nb: \"5\"\nc: \"yes\"\nd: \"\"\ne: '*'\nf: 'x: y'\ng: ' a'\n\
                    h: it's\ni: ''''\nj: \"a\\tb\"\nk: true\nl: null\nm: []\n\"n\": {}\n'@s': 1.5\n\
                    o: |\n  a\n  b\np: |-\n  a\n\n    b\nq: |+\n  a\n\nr:\n  - x\n  - - \"y\"\n  \
                    - z:\n      - {}\n";
        assert_eq!(text, want);
        assert_eq!(load(&text).unwrap().to_json(), Node::from_json(&json).to_json());
    }

    fn json() -> impl Strategy<Value = plan::Json> {
        let text = prop_oneof!["[a-z:#'\"\\n\\t -]{0,8}", "\\PC{0,6}", "(.|\\n|\\r){0,6}"];
        let leaf = prop_oneof![
            text.clone().prop_map(plan::Json::from),
            any::<i64>().prop_map(plan::Json::from),
            any::<bool>().prop_map(plan::Json::from),
            Just(plan::Json::Null),
        ];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            let fields = prop::collection::btree_map(text.clone(), inner.clone(), 0..4);
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(plan::Json::from),
                fields.prop_map(|m| plan::Json::Object(m.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_the_same(json in json()) {
            let text = written(&json);
            let read = load(&text).map_err(|e| TestCaseError::fail(format!("{e}:\n{text}")))?;
            prop_assert_eq!(read.to_json(), Node::from_json(&json).to_json(), "{}", text);
        }
    }
}
