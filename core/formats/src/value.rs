//! A structured document in memory: what a JSON text becomes when it must be changed.
//!
//! It is:
//! - cheap to clone: containers and texts are shared until written ([`Arc::make_mut`]);
//! - lossless: a number of a message keeps its text until something computes with it;
//! - free to cross shards.
//!
//! It is not the hot path: a record that is only read or lightly changed stays text.

use std::sync::Arc;

/// One value of a document. The order of keys in an object is the order of their bytes, which is
/// also how they are printed (spec/bloblang.md §8).
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A signed integer that was computed or written as a literal.
    Int(i64),
    /// An unsigned integer, only made by explicit conversion.
    Uint(u64),
    /// A double that was computed or written as a literal.
    Float(f64),
    /// A single-precision float, only made by explicit conversion; prints with 32-bit digits.
    Float32(f32),
    /// A number of the input, by its JSON text, such as `1.0`, `1e5` or thirty digits.
    Number(Arc<str>),
    /// A text. Its bytes are usually UTF-8, but a payload may hold anything.
    String(Text),
    /// Raw bytes; printed as base64 inside a document.
    Bytes(Arc<[u8]>),
    /// A point in time, nanoseconds since the Unix epoch, with its zone.
    Timestamp(Arc<Timestamp>),
    /// A list.
    Array(Arc<Vec<Value>>),
    /// Named members.
    Object(Arc<Object>),
}

/// Text that is not promised to be UTF-8, as Go's strings are not.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Text(Arc<[u8]>);

impl Text {
    /// The bytes of the text.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether others hold the same bytes.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// The text with invalid UTF-8 replaced by U+FFFD.
    #[must_use]
    pub fn to_str_lossy(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.to_str_lossy())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Text(Arc::from(text.as_bytes()))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Text(Arc::from(text.into_bytes()))
    }
}

impl From<&[u8]> for Text {
    fn from(bytes: &[u8]) -> Self {
        Text(Arc::from(bytes))
    }
}

impl From<Vec<u8>> for Text {
    fn from(bytes: Vec<u8>) -> Self {
        Text(Arc::from(bytes))
    }
}

/// A point in time with the zone it is printed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timestamp {
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub unix_ns: i128,
    /// Offset from UTC in seconds, for printing.
    pub offset_s: i32,
    /// Name of the zone where one is known (`UTC`, `Europe/Berlin`), otherwise empty.
    pub zone: Arc<str>,
}

/// The members of an object, kept sorted by the bytes of their keys.
#[derive(Clone, Debug, Default)]
pub struct Object {
    members: Vec<(Text, Value)>,
}

impl Object {
    /// An object without members.
    #[must_use]
    pub fn new() -> Self {
        Object::default()
    }

    /// Members in the order of their keys' bytes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Text, &Value)> {
        self.members.iter().map(|(k, v)| (k, v))
    }

    /// Members in the order of their keys' bytes, as a slice.
    #[must_use]
    pub fn members(&self) -> &[(Text, Value)] {
        &self.members
    }

    /// Number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    fn position(&self, key: &[u8]) -> Result<usize, usize> {
        self.members.binary_search_by(|(k, _)| k.as_bytes().cmp(key))
    }

    /// The member named `key`.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&Value> {
        self.position(key).ok().map(|i| &self.members[i].1)
    }

    /// The member named `key`, to change it.
    pub fn get_mut(&mut self, key: &[u8]) -> Option<&mut Value> {
        self.position(key).ok().map(|i| &mut self.members[i].1)
    }

    /// The member named `key`, made with `null` when it is missing.
    pub fn entry(&mut self, key: &[u8]) -> &mut Value {
        let at = match self.position(key) {
            Ok(at) => at,
            Err(at) => {
                self.members.insert(at, (Text::from(key), Value::Null));
                at
            }
        };
        &mut self.members[at].1
    }

    /// Sets a member and returns what it was.
    pub fn insert(&mut self, key: Text, value: Value) -> Option<Value> {
        match self.position(key.as_bytes()) {
            Ok(at) => Some(std::mem::replace(&mut self.members[at].1, value)),
            Err(at) => {
                self.members.insert(at, (key, value));
                None
            }
        }
    }

    /// Removes a member and returns what it was.
    pub fn remove(&mut self, key: &[u8]) -> Option<Value> {
        self.position(key).ok().map(|i| self.members.remove(i).1)
    }
}

impl FromIterator<(Text, Value)> for Object {
    /// Builds an object in one sort; of equal keys the last one wins.
    fn from_iter<I: IntoIterator<Item = (Text, Value)>>(members: I) -> Self {
        let mut members: Vec<(Text, Value)> = members.into_iter().collect();
        members.sort_by(|a, b| a.0.cmp(&b.0));
        members.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                std::mem::swap(later, kept);
            }
            same
        });
        Object { members }
    }
}

impl Value {
    /// A text value.
    pub fn text(text: impl Into<Text>) -> Self {
        Value::String(text.into())
    }

    /// An array value.
    #[must_use]
    pub fn array(items: Vec<Value>) -> Self {
        Value::Array(Arc::new(items))
    }

    /// An object value.
    #[must_use]
    pub fn object(object: Object) -> Self {
        Value::Object(Arc::new(object))
    }
}
