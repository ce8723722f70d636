//! A structured document in memory: what a JSON text becomes when it must be changed.
//!
//! It is:
//! - cheap to clone: containers and texts are shared until written ([`Arc::make_mut`]);
//! - lossless: a number of a message keeps its text until something computes with it;
//! - free to cross shards.
//!
//! It is not the hot path: a record that is only read or lightly changed stays text.

use std::sync::Arc;

mod digits;
mod text;

pub use digits::Digits;
pub use text::Text;

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
    Number(Digits),
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

/// An object of no more members is searched from its first to its last.
const SCANNED_MEMBERS: usize = 12;

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

    /// The member named `key`. As [`Object::get`], but faster for a name that is at hand.
    #[inline]
    #[must_use]
    pub fn member(&self, key: &Text) -> Option<&Value> {
        if self.members.len() > SCANNED_MEMBERS {
            return self.get(key.as_bytes());
        }
        self.members.iter().find(|(k, _)| k == key).map(|(_, value)| value)
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

impl From<Vec<(Text, Value)>> for Object {
    /// Builds an object in one sort, or none if the members are in order; of equal keys the last
    /// one wins.
    fn from(mut members: Vec<(Text, Value)>) -> Self {
        if members.is_sorted_by(|a, b| a.0 < b.0) {
            return Object { members };
        }
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

impl FromIterator<(Text, Value)> for Object {
    /// As from a list of members.
    fn from_iter<I: IntoIterator<Item = (Text, Value)>>(members: I) -> Self {
        Object::from(members.into_iter().collect::<Vec<_>>())
    }
}

impl Value {
    /// Name of the type that Benthos holds such a value in, as some of its error texts show it.
    #[must_use]
    pub fn go_type(&self) -> &'static str {
        match self {
            Value::Null => "<nil>",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int64",
            Value::Uint(_) => "uint64",
            Value::Float(_) => "float64",
            Value::Float32(_) => "float32",
            Value::Number(_) => "json.Number",
            Value::String(_) => "string",
            Value::Bytes(_) => "[]uint8",
            Value::Timestamp(_) => "time.Time",
            Value::Array(_) => "[]interface {}",
            Value::Object(_) => "map[string]interface {}",
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_three_words() {
        assert_eq!(size_of::<Text>(), 24);
        assert_eq!(size_of::<Value>(), 24);
    }

    #[test]
    fn members_are_found_by_name() {
        for count in [3, 40] {
            let members = (0..count).rev().map(|n| (Text::from(format!("k{n}")), Value::Int(n)));
            let object: Object = members.collect();
            for n in 0..count {
                let key = Text::from(format!("k{n}"));
                assert!(matches!(object.member(&key), Some(Value::Int(m)) if *m == n));
            }
            assert!(object.member(&Text::from("k")).is_none());
        }
    }

    #[test]
    fn of_equal_keys_the_last_counts() {
        let keys = ["b", "a", "b", "a"];
        let object: Object =
            keys.iter().zip(0..).map(|(key, n)| (Text::from(*key), Value::Int(n))).collect();
        let shown: Vec<_> = object.iter().map(|(k, v)| format!("{k:?}{v:?}")).collect();
        assert_eq!(shown, ["\"a\"Int(3)", "\"b\"Int(2)"]);
    }
}
