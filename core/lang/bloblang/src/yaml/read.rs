//! From the events of the YAML parser to a value.

use std::collections::HashMap;

use formats::value::{Object, Text, Value};
use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::scalar::{self, Type};

/// Deepest nesting of lists and mappings.
const DEPTH_MAX: usize = 500;
/// Most nodes of a document, each alias counted as all it stands for: a small text whose aliases
/// multiply is refused here.
const NODES_MAX: usize = 1_000_000;

/// Reads the first document of a text; what follows it is ignored. An empty text is null.
///
/// # Errors
/// What is wrong with the text.
pub(crate) fn read(bytes: &[u8]) -> Result<Value, String> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err("yaml: invalid UTF-8 octet".into());
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.chars().any(is_control) {
        return Err("yaml: control characters are not allowed".into());
    }
    let mut reader = Reader::default();
    for event in Parser::new_from_str(text) {
        match event {
            Ok((Event::DocumentEnd, _)) => break,
            Ok((event, span)) => {
                reader.take(event, span).map_err(|e| format!("yaml: {e}"))?;
            }
            // Whatever stands behind the first document is not read at all.
            Err(_) if reader.root.is_some() => break,
            Err(e) => return Err(format!("yaml: line {}: {}", e.marker().line(), e.info())),
        }
    }
    Ok(reader.root.unwrap_or_default())
}

fn is_control(c: char) -> bool {
    !matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fefe}'
        | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..)
}

/// A mapping's key.
#[derive(Clone)]
enum Key {
    Text(Text),
    /// `<<`, whose value is merged in.
    Merge,
    /// Something else than a text.
    Other,
}

enum Items {
    List(Vec<Value>),
    Mapping {
        members: Object,
        /// The lines of keys, to report those that come twice.
        lines: HashMap<Text, usize>,
        merged: Vec<Value>,
        key: Option<Key>,
        /// Whether a key was no text.
        odd: bool,
    },
}

/// A list or mapping whose end has not come yet.
struct Open {
    items: Items,
    anchor: usize,
    /// Where it begins.
    line: usize,
    /// Nodes within, aliases expanded.
    size: usize,
}

/// A complete node.
struct Done {
    value: Value,
    /// What it is as a key.
    key: Option<Key>,
    size: usize,
}

#[derive(Default)]
struct Reader {
    open: Vec<Open>,
    root: Option<Value>,
    /// Anchored nodes that are complete, with their expanded size.
    anchors: HashMap<usize, (Value, usize)>,
    /// Keys that came twice; the document is refused at its end.
    twice: Vec<String>,
}

impl Reader {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), String> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let written = !text.is_empty() || anchor > 0 || tag.is_some();
                if !written && style == ScalarStyle::Plain {
                    self.no_key(span)?;
                }
                let (value, key) = scalar(&text, style, tag.as_deref())?;
                self.finish(Done { value, key: Some(key), size: 1 }, anchor, span)
            }
            Event::SequenceStart(anchor, _) => self.start(Items::List(Vec::new()), anchor, span),
            Event::MappingStart(anchor, _) => {
                let items = Items::Mapping {
                    members: Object::new(),
                    lines: HashMap::new(),
                    merged: Vec::new(),
                    key: None,
                    odd: false,
                };
                self.start(items, anchor, span)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { items, anchor, size, .. }) = self.open.pop() else { return Ok(()) };
                let done = Done { value: complete(items)?, key: None, size };
                self.finish(done, anchor, span)
            }
            Event::Alias(id) => match self.anchors.get(&id) {
                Some((value, size)) => {
                    let key = match value {
                        Value::String(text) => Some(Key::Text(text.clone())),
                        Value::Array(_) | Value::Object(_) => None,
                        _ => Some(Key::Other),
                    };
                    self.place(Done { value: value.clone(), key, size: *size }, span)
                }
                None => Err("an anchor's value contains itself".into()),
            },
            _ => Ok(()),
        }
    }

    /// Refuses a node of which nothing is written, where it is a key.
    fn no_key(&self, span: Span) -> Result<(), String> {
        let Some(Open { items: Items::Mapping { key: None, .. }, line, .. }) = self.open.last()
        else {
            return Ok(());
        };
        // Lines count from 0 in this message, and the first is not told.
        let line = if *line > 1 { *line } else { span.start.line() };
        let place = if line > 1 { format!("line {}: ", line - 1) } else { String::new() };
        Err(format!("{place}did not find expected key"))
    }

    fn start(&mut self, items: Items, anchor: usize, span: Span) -> Result<(), String> {
        if self.open.len() >= DEPTH_MAX {
            return Err(format!("the document is nested deeper than {DEPTH_MAX} levels"));
        }
        self.open.push(Open { items, anchor, line: span.start.line(), size: 1 });
        Ok(())
    }

    fn finish(&mut self, done: Done, anchor: usize, span: Span) -> Result<(), String> {
        if anchor > 0 {
            self.anchors.insert(anchor, (done.value.clone(), done.size));
        }
        self.place(done, span)
    }

    /// Puts a complete node into the list or mapping that is open.
    fn place(&mut self, done: Done, span: Span) -> Result<(), String> {
        let Some(open) = self.open.last_mut() else {
            if !self.twice.is_empty() {
                return Err(format!("unmarshal errors:\n  {}", self.twice.join("\n  ")));
            }
            self.root = Some(done.value);
            return Ok(());
        };
        open.size += done.size;
        if open.size > NODES_MAX {
            return Err(format!("the document has more than {NODES_MAX} nodes, aliases expanded"));
        }
        match &mut open.items {
            Items::List(items) => items.push(done.value),
            Items::Mapping { members, lines, merged, key, odd } => match key.take() {
                None => {
                    let Some(named) = done.key else {
                        let shown = crate::text::go_plain(&done.value);
                        return Err(format!("invalid map key: {shown}"));
                    };
                    if let Key::Text(name) = &named {
                        let line = span.start.line();
                        if let Some(first) = lines.insert(name.clone(), line) {
                            self.twice.push(format!(
                                "line {line}: mapping key \"{}\" already defined at line {first}",
                                name.to_str_lossy()
                            ));
                        }
                    }
                    *key = Some(named);
                }
                Some(Key::Text(name)) => {
                    members.insert(name, done.value);
                }
                Some(Key::Merge) => merged.push(done.value),
                Some(Key::Other) => *odd = true,
            },
        }
        Ok(())
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<(Value, Key), String> {
    let value = match tag {
        Some(tag) if tag.is_yaml_core_schema() => match Type::of_tag(&tag.suffix) {
            Some(wanted) => scalar::tagged(text, wanted)?,
            None => Value::text(text),
        },
        Some(_) => Value::text(text),
        None if style == ScalarStyle::Plain => {
            if text == "<<" {
                return Ok((Value::text(text), Key::Merge));
            }
            scalar::plain(text).1
        }
        None => Value::text(text),
    };
    let key = match &value {
        Value::String(name) => Key::Text(name.clone()),
        _ => Key::Other,
    };
    Ok((value, key))
}

/// The value of a list or mapping that has ended.
fn complete(items: Items) -> Result<Value, String> {
    let (mut members, merged) = match items {
        Items::List(items) => return Ok(Value::array(items)),
        // A mapping with other keys than texts is no value of a document: like the numbers that
        // are none, it cannot be printed.
        Items::Mapping { odd: true, .. } => return Ok(Value::Float(f64::NAN)),
        Items::Mapping { members, merged, .. } => (members, merged),
    };
    for source in &merged {
        let single = std::slice::from_ref(source);
        let sources = if let Value::Array(sources) = source { sources.as_slice() } else { single };
        for source in sources {
            let Value::Object(source) = source else {
                return Err("map merge requires map or sequence of maps as the value".into());
            };
            for (name, value) in source.iter() {
                if members.get(name.as_bytes()).is_none() {
                    members.insert(name.clone(), value.clone());
                }
            }
        }
    }
    Ok(Value::object(members))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> String {
        match read(text.as_bytes()) {
            Ok(value) => crate::text::of(&value.into()).iter().map(|b| char::from(*b)).collect(),
            Err(e) => e,
        }
    }

    #[test]
    fn documents() {
        for (text, expected) in [
            ("", "null"),
            ("# nothing", "null"),
            ("a: 1\nb: [x, true]", r#"{"a":1,"b":["x",true]}"#),
            ("---\na: 1\n---\n]", r#"{"a":1}"#),
            ("a: &x {b: 1}\nc:\n  <<: *x\n  d: 2", r#"{"a":{"b":1},"c":{"b":1,"d":2}}"#),
            ("a: !!int x", "yaml: cannot decode !!str `x` as a !!int"),
            (
                "a: 1\na: 2",
                "yaml: unmarshal errors:\n  line 2: mapping key \"a\" already defined at line 1",
            ),
            ("<<: 5", "yaml: map merge requires map or sequence of maps as the value"),
            (": a", "yaml: did not find expected key"),
            ("a: 1\nb: 2\n: c", "yaml: line 2: did not find expected key"),
            ("x:\n  a: 1\n  : b", "yaml: line 1: did not find expected key"),
            ("!!str : a", r#"{"":"a"}"#),
            ("a: \u{1}", "yaml: control characters are not allowed"),
        ] {
            assert_eq!(json(text), expected, "{text}");
        }
        assert!(matches!(read(b"1: one"), Ok(Value::Float(x)) if x.is_nan()));
    }

    #[test]
    fn growth_by_aliases_and_depth_are_limited() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..12 {
            let before = format!("*a{}, ", i - 1).repeat(10);
            text.push_str(&format!("a{i}: &a{i} [{before}]\n"));
        }
        assert!(json(&text).contains("more than 1000000 nodes"), "{}", json(&text));
        let deep = "- ".repeat(DEPTH_MAX + 1);
        assert!(json(&deep).contains("nested deeper than 500"), "{}", json(&deep));
        let deep = "[".repeat(DEPTH_MAX * 10);
        assert!(json(&deep).starts_with("yaml: "), "{}", json(&deep));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[a-c:\\-\\[\\]{}&*!<>|#'\" \n\t]{0,60}", raw: Vec<u8>) {
            let _ = read(text.as_bytes());
            let _ = read(&raw);
        }
    }
}
