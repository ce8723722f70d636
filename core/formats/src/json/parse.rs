//! JSON text into a [`Value`].

use super::canonical::decoded;
use super::error::JsonError;
use super::floats::FloatsError;
use super::reader::{Visit, document_len, read};
use super::tree;
use crate::number::json_number_f64;
use crate::value::{Digits, Object, Text, Value};

/// Collects values on one stack; a container takes those above its mark when it ends.
#[derive(Default)]
pub(super) struct Builder {
    values: Vec<Value>,
    keys: Vec<Text>,
    marks: Vec<(usize, usize)>,
    floats: bool,
    /// A number that no double can hold, when doubles are wanted.
    too_large: bool,
}

impl Builder {
    /// Takes the value that was built, and nothing else of a value that was not.
    pub(super) fn take(&mut self) -> Option<Value> {
        self.marks.clear();
        self.keys.clear();
        let value = self.values.pop();
        self.values.clear();
        value
    }
}

#[inline]
fn text(inside: &[u8], plain: bool) -> Text {
    match plain {
        true => Text::from(inside),
        false => Text::from(&*decoded(inside)),
    }
}

impl<'t> Visit<'t> for Builder {
    fn null(&mut self) {
        self.values.push(Value::Null);
    }

    fn boolean(&mut self, value: bool) {
        self.values.push(Value::Bool(value));
    }

    fn number(&mut self, text: &'t [u8]) {
        let value = if self.floats {
            let x = json_number_f64(text);
            self.too_large |= x.is_none();
            Value::Float(x.unwrap_or(f64::NAN))
        } else {
            Value::Number(Digits::of_number(text))
        };
        self.values.push(value);
    }

    fn string(&mut self, inside: &'t [u8], plain: bool) {
        self.values.push(Value::String(text(inside, plain)));
    }

    fn key(&mut self, inside: &'t [u8], plain: bool) {
        self.keys.push(text(inside, plain));
    }

    fn begin(&mut self) {
        self.marks.push((self.values.len(), self.keys.len()));
    }

    fn end_array(&mut self) {
        if let Some((values, _)) = self.marks.pop() {
            let items = self.values.drain(values..).collect();
            self.values.push(Value::array(items));
        }
    }

    fn end_object(&mut self) {
        if let Some((values, keys)) = self.marks.pop() {
            let members = self.keys.drain(keys..).zip(self.values.drain(values..));
            let object = Object::from(members.collect::<Vec<_>>());
            self.values.push(Value::object(object));
        }
    }
}

/// Parses a message that must hold exactly one document. Numbers keep their text, of equal keys
/// the last one wins.
///
/// # Errors
/// With the texts of Go's decoder; [`JsonError::MultipleDocuments`] when a second document
/// follows, and the error of what follows when that is none.
pub fn parse(text: &[u8]) -> Result<Value, JsonError> {
    if let Some(value) = tree::document(text) {
        return Ok(value);
    }
    // Word by word, to say what is wrong.
    parse_words(text)
}

/// The same without an index of tokens.
pub(super) fn parse_words(text: &[u8]) -> Result<Value, JsonError> {
    let (value, len) = parse_prefix(text)?;
    match text.get(len..) {
        None | Some([]) => Ok(value),
        Some(rest) => trailing(rest).map_or(Ok(value), Err),
    }
}

/// The error that what follows the first document is, if any. The original decodes twice more
/// before it says that there are many documents.
pub(super) fn trailing(rest: &[u8]) -> Option<JsonError> {
    let second = match document_len(rest) {
        Ok(len) => len,
        Err(JsonError::Eof) => return None,
        Err(error) => return Some(error),
    };
    match document_len(rest.get(second..).unwrap_or(&[])) {
        Ok(_) | Err(JsonError::Eof) => Some(JsonError::MultipleDocuments),
        Err(error) => Some(error),
    }
}

/// Parses the first document of `text` and returns it with its length, white space before it
/// included.
///
/// # Errors
/// With the texts of Go's decoder; [`JsonError::Eof`] when there is only white space.
pub fn parse_prefix(text: &[u8]) -> Result<(Value, usize), JsonError> {
    let mut builder = Builder::default();
    let len = read(text, &mut builder)?;
    Ok((builder.values.pop().unwrap_or_default(), len))
}

/// As [`super::parse_floats`], for any text.
pub(super) fn parse_prefix_floats(text: &[u8]) -> Result<Value, FloatsError> {
    let mut builder = Builder { floats: true, ..Builder::default() };
    read(text, &mut builder)?;
    if builder.too_large {
        return Err(FloatsError::TooLarge(first_too_large(text)));
    }
    Ok(builder.values.pop().unwrap_or_default())
}

fn first_too_large(text: &[u8]) -> String {
    struct Find(Option<String>);
    impl Visit<'_> for Find {
        fn null(&mut self) {}
        fn boolean(&mut self, _: bool) {}
        fn number(&mut self, text: &[u8]) {
            if self.0.is_none() && json_number_f64(text).is_none() {
                self.0 = Some(String::from_utf8_lossy(text).into_owned());
            }
        }
        fn string(&mut self, _: &[u8], _: bool) {}
        fn key(&mut self, _: &[u8], _: bool) {}
        fn begin(&mut self) {}
        fn end_array(&mut self) {}
        fn end_object(&mut self) {}
    }
    let mut find = Find(None);
    let _ = read(text, &mut find);
    find.0.unwrap_or_default()
}
