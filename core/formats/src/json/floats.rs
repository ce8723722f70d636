//! JSON text into a [`Value`] whose numbers are all doubles, as the method `parse_json` reads it
//! (spec/bloblang.md, method notes). Here no text has to survive, so simd-json does the work; what
//! it refuses, or may read otherwise than the original, is left to the reader of documents.

use std::cell::RefCell;

use simd_json::{Buffers, Node, StaticNode};

use super::error::JsonError;
use super::parse::parse_prefix_floats;
use super::reader::DEPTH_MAX;
use crate::value::{Object, Text, Value};

/// Why [`parse_floats`] refused a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FloatsError {
    /// The text is no JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A number is beyond the range of doubles.
    #[error("json: cannot unmarshal number {0} into Go value of type float64")]
    TooLarge(String),
}

/// Longer texts do not leave their buffers behind.
const RETAINED_BYTES_MAX: usize = 1 << 20;

thread_local! {
    /// The copy that simd-json writes into, and its buffers.
    static SCRATCH: RefCell<(Vec<u8>, Buffers)> = RefCell::default();
}

/// Parses the first document of `text` with every number as a double: big integers lose digits,
/// what follows the document is ignored.
///
/// # Errors
/// As [`super::parse_prefix`]. A number beyond the doubles is an error that names it.
pub fn parse_floats(text: &[u8]) -> Result<Value, FloatsError> {
    match parse_simd(text) {
        Some(value) => Ok(value),
        None => parse_prefix_floats(text),
    }
}

fn parse_simd(text: &[u8]) -> Option<Value> {
    // simd-json reads `-0` as an integer, which has no negative zero.
    if memchr::memmem::find(text, b"-0").is_some() {
        return None;
    }
    SCRATCH.with(|scratch| {
        let mut scratch = scratch.try_borrow_mut().ok()?;
        let (copy, buffers) = &mut *scratch;
        copy.clear();
        copy.extend_from_slice(text);
        let tape = simd_json::to_tape_with_buffers(copy, buffers).ok();
        let value = tape.and_then(|tape| build(tape.0));
        if text.len() > RETAINED_BYTES_MAX {
            *scratch = Default::default();
        }
        value
    })
}

/// A container whose values are still to come.
struct Open {
    is_object: bool,
    /// Values that are missing.
    left: usize,
    /// Where its values and keys begin.
    values: usize,
    keys: usize,
}

#[derive(Default)]
struct Builder {
    values: Vec<Value>,
    keys: Vec<Text>,
    open: Vec<Open>,
}

/// Builds the document of a tape without recursion; `None` when it is nested too deeply.
fn build(tape: Vec<Node<'_>>) -> Option<Value> {
    let mut builder = Builder::default();
    for node in tape {
        let in_object = builder.open.last().is_some_and(|top| {
            // In an object a key is due when there are as many keys as values.
            top.is_object && builder.keys.len() - top.keys == builder.values.len() - top.values
        });
        match node {
            Node::String(key) if in_object => {
                builder.keys.push(Text::from(key));
                continue;
            }
            Node::String(text) => builder.values.push(Value::text(text)),
            Node::Static(StaticNode::Null) => builder.values.push(Value::Null),
            Node::Static(StaticNode::Bool(value)) => builder.values.push(Value::Bool(value)),
            Node::Static(StaticNode::I64(n)) => builder.values.push(Value::Float(n as f64)),
            Node::Static(StaticNode::U64(n)) => builder.values.push(Value::Float(n as f64)),
            Node::Static(StaticNode::F64(x)) => builder.values.push(Value::Float(x)),
            Node::Array { len, .. } => builder.begin(false, len)?,
            Node::Object { len, .. } => builder.begin(true, len)?,
        }
        builder.close();
    }
    builder.values.pop()
}

impl Builder {
    fn begin(&mut self, is_object: bool, len: usize) -> Option<()> {
        if self.open.len() >= DEPTH_MAX {
            return None;
        }
        let (values, keys) = (self.values.len(), self.keys.len());
        // One more is counted off by the `close` that follows the opening itself.
        self.open.push(Open { is_object, left: len + 1, values, keys });
        Some(())
    }

    /// Counts a value, and ends the containers that are complete by it.
    fn close(&mut self) {
        while let Some(top) = self.open.last_mut() {
            top.left -= 1;
            if top.left > 0 {
                return;
            }
            let items = self.values.drain(top.values..);
            let value = if top.is_object {
                Value::object(self.keys.drain(top.keys..).zip(items).collect::<Object>())
            } else {
                Value::array(items.collect())
            };
            self.values.push(value);
            self.open.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::texts;
    use super::super::write_value;
    use super::*;
    use proptest::prelude::*;

    fn written(value: Result<Value, FloatsError>) -> Result<String, FloatsError> {
        let mut out = Vec::new();
        write_value(&mut out, &value?).unwrap();
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn numbers_are_doubles() {
        for (text, expected) in [
            ("[1.0, 12345678901234567890, -0, 1e-400]", "[1,12345678901234567000,-0,0]"),
            ("123456789012345678901234567890", "1.2345678901234568e+29"),
            ("{\"a\":[],\"b\":{},\"a\":{\"c\":[[]]}} x", "{\"a\":{\"c\":[[]]},\"b\":{}}"),
            ("01", "0"),
        ] {
            assert_eq!(written(parse_floats(text.as_bytes())).unwrap(), expected, "{text}");
        }
        let error = parse_floats(b"[1e400]").unwrap_err().to_string();
        assert_eq!(error, "json: cannot unmarshal number 1e400 into Go value of type float64");
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert!(parse_floats(&nested(DEPTH_MAX)).is_ok());
        let error = parse_floats(&nested(DEPTH_MAX + 1)).unwrap_err();
        assert_eq!(error, FloatsError::Json(JsonError::TooDeep));
    }

    proptest! {
        #[test]
        fn simd_is_the_reader(
            valid in texts(),
            bytes: Vec<u8>,
            text in "[{}\\[\\]\",:0-9eE.tfn\\\\ u\n\x0c-]{0,20}",
            number in "-?(0|[1-9][0-9]{0,22})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?",
            at in 0usize..200,
            byte: u8,
        ) {
            let mut damaged = valid.clone().into_bytes();
            if let Some(place) = damaged.get_mut(at) {
                *place = byte;
            }
            for text in [valid.as_bytes(), &bytes, text.as_bytes(), number.as_bytes(), &damaged] {
                let expected = written(parse_prefix_floats(text));
                prop_assert_eq!(written(parse_floats(text)), expected);
            }
        }
    }
}
