//! An element while it is being read.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::words::cast;
use crate::value::{Object, Text, Value};

/// The member that is the text of an element with other members.
pub(super) const TEXT: &str = "#text";

/// An element of which not everything was read.
pub(super) struct Element {
    /// Its name without a prefix.
    pub(super) name: String,
    members: BTreeMap<Text, Value>,
    /// Its text, while it has no members.
    text: Option<Value>,
}

impl Element {
    pub(super) fn new(name: &str) -> Self {
        Element { name: name.to_owned(), members: BTreeMap::new(), text: None }
    }

    pub(super) fn set_attribute(&mut self, name: &str, value: &str, casts: bool) {
        self.members.insert(Text::from(format!("-{name}")), cast(value, casts));
    }

    /// Takes a piece of text; of several pieces the last one counts.
    pub(super) fn set_text(&mut self, text: &str, casts: bool) {
        let text = text.trim_matches(['\t', '\r', '\u{8}', '\n', ' ']);
        if text.is_empty() {
            return;
        }
        let value = cast(text, casts);
        if self.members.is_empty() {
            self.text = Some(value);
        } else {
            self.members.insert(Text::from(TEXT), value);
        }
    }

    /// Takes an element within this one; several of one name are a list.
    pub(super) fn add(&mut self, element: Element) {
        let name = Text::from(element.name.as_str());
        let value = element.into_value();
        match self.members.get_mut(&name) {
            None => {
                self.members.insert(name, value);
            }
            Some(Value::Array(items)) => Arc::make_mut(items).push(value),
            Some(first) => {
                let list = vec![std::mem::take(first), value];
                *first = Value::array(list);
            }
        }
    }

    pub(super) fn into_value(mut self) -> Value {
        if self.members.is_empty() {
            return self.text.unwrap_or_else(|| Value::text(""));
        }
        if let Some(text) = self.text {
            self.members.insert(Text::from(TEXT), text);
        }
        Value::object(self.members.into_iter().collect())
    }

    /// The document of which this element is the whole.
    pub(super) fn into_document(self) -> Value {
        let name = Text::from(self.name.as_str());
        Value::object(Object::from(vec![(name, self.into_value())]))
    }
}
