//! Values as queries see them.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use formats::number::{json_number_f64, json_number_i64};
use formats::value::{Object, Text, Value};

use super::budget;

/// Containers within each other that a query may build.
pub(super) const DEPTH_MAX: u32 = 500;

/// A value. Copies are counted, see [`budget`].
#[derive(Debug, Default)]
pub(super) enum Val {
    #[default]
    Null,
    Bool(bool),
    /// Int, float or digits.
    Num(Value),
    Str(Rc<String>),
    Arr(Rc<Arr>),
    Obj(Rc<Obj>),
}

/// An array, and how many containers at most are within each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Arr {
    pub(super) items: Vec<Val>,
    pub(super) depth: u32,
}

/// An object, likewise.
#[derive(Clone, Debug, Default)]
pub(super) struct Obj {
    pub(super) members: BTreeMap<Text, Val>,
    pub(super) depth: u32,
}

/// An error of a query.
pub(super) type Error = jaq_core::Error<Val>;
/// A value or an error.
pub(super) type ValR = jaq_core::ValR<Val>;

impl Clone for Val {
    fn clone(&self) -> Self {
        budget::take(1);
        match self {
            Val::Null => Val::Null,
            Val::Bool(value) => Val::Bool(*value),
            Val::Num(number) => Val::Num(number.clone()),
            Val::Str(text) => Val::Str(Rc::clone(text)),
            Val::Arr(array) => Val::Arr(Rc::clone(array)),
            Val::Obj(object) => Val::Obj(Rc::clone(object)),
        }
    }
}

impl Arr {
    pub(super) fn new(items: Vec<Val>) -> Self {
        budget::take(items.len());
        let depth = 1 + items.iter().map(Val::depth).max().unwrap_or_default();
        Arr { items, depth: checked(depth) }
    }

    /// Puts an item where another one was.
    pub(super) fn set(&mut self, at: usize, item: Val) {
        self.depth = checked(self.depth.max(1 + item.depth()));
        if let Some(place) = self.items.get_mut(at) {
            *place = item;
        }
    }
}

impl Obj {
    pub(super) fn insert(&mut self, key: Text, value: Val) {
        budget::take(1);
        self.depth = checked(self.depth.max(1 + value.depth()));
        self.members.insert(key, value);
    }
}

/// A depth that a value may have; a query that builds a deeper one is ended.
fn checked(depth: u32) -> u32 {
    if depth > DEPTH_MAX {
        budget::too_deep();
    }
    depth
}

impl Val {
    pub(super) fn str(text: impl Into<String>) -> Self {
        let text = text.into();
        budget::take_bytes(text.len());
        Val::Str(Rc::new(text))
    }

    pub(super) fn arr(items: Vec<Val>) -> Self {
        Val::Arr(Rc::new(Arr::new(items)))
    }

    pub(super) fn obj(members: impl IntoIterator<Item = (Text, Val)>) -> Self {
        let mut object = Obj { depth: 1, ..Obj::default() };
        members.into_iter().for_each(|(key, value)| object.insert(key, value));
        Val::Obj(Rc::new(object))
    }

    fn depth(&self) -> u32 {
        match self {
            Val::Arr(array) => array.depth,
            Val::Obj(object) => object.depth,
            _ => 0,
        }
    }

    /// The value of a document.
    pub(super) fn of(value: &Value) -> Val {
        match value {
            Value::Null => Val::Null,
            Value::Bool(value) => Val::Bool(*value),
            Value::String(text) => Val::str(text.to_str_lossy()),
            Value::Bytes(bytes) => Val::str(String::from_utf8_lossy(bytes)),
            Value::Array(items) => Val::arr(items.iter().map(Val::of).collect()),
            Value::Object(object) => {
                Val::obj(object.iter().map(|(key, value)| (key.clone(), Val::of(value))))
            }
            Value::Timestamp(_) => {
                let mut text = Vec::new();
                plan::batch::print_payload(value, &mut text);
                Val::str(String::from_utf8_lossy(&text).trim_matches('"'))
            }
            Value::Float32(number) => Val::Num(Value::Float(f64::from(*number))),
            Value::Int(_) | Value::Uint(_) | Value::Float(_) | Value::Number(_) => {
                Val::Num(value.clone())
            }
        }
    }

    /// The document of a value.
    pub(super) fn to_value(&self) -> Value {
        match self {
            Val::Null => Value::Null,
            Val::Bool(value) => Value::Bool(*value),
            Val::Num(number) => number.clone(),
            Val::Str(text) => Value::text(text.as_str()),
            Val::Arr(array) => Value::array(array.items.iter().map(Val::to_value).collect()),
            Val::Obj(object) => {
                let members = object.members.iter();
                let members = members.map(|(key, value)| (key.clone(), value.to_value()));
                Value::object(members.collect::<Object>())
            }
        }
    }

    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Val::Null => "null",
            Val::Bool(_) => "boolean",
            Val::Num(_) => "number",
            Val::Str(_) => "string",
            Val::Arr(_) => "array",
            Val::Obj(_) => "object",
        }
    }

    /// The number as a whole one, where it is written as one.
    pub(super) fn int(&self) -> Option<i64> {
        match self {
            Val::Num(Value::Int(number)) => Some(*number),
            Val::Num(Value::Uint(number)) => i64::try_from(*number).ok(),
            Val::Num(Value::Number(digits)) => {
                let digits = digits.as_bytes();
                let whole = digits.iter().all(|b| b.is_ascii_digit() || *b == b'-');
                json_number_i64(digits).filter(|_| whole)
            }
            _ => None,
        }
    }

    pub(super) fn float(&self) -> Option<f64> {
        match self {
            Val::Num(Value::Int(number)) => Some(*number as f64),
            Val::Num(Value::Uint(number)) => Some(*number as f64),
            Val::Num(Value::Float(number)) => Some(*number),
            Val::Num(Value::Number(digits)) => {
                let text = std::str::from_utf8(digits.as_bytes()).unwrap_or_default();
                json_number_f64(digits.as_bytes()).or_else(|| text.parse().ok())
            }
            _ => None,
        }
    }

    /// A position: a number without its fraction.
    pub(super) fn position(&self) -> Option<i64> {
        self.int().or_else(|| self.float().map(|number| number.floor() as i64))
    }

    pub(super) fn rank(&self) -> u8 {
        match self {
            Val::Null => 0,
            Val::Bool(false) => 1,
            Val::Bool(true) => 2,
            Val::Num(_) => 3,
            Val::Str(_) => 4,
            Val::Arr(_) => 5,
            Val::Obj(_) => 6,
        }
    }
}

/// How numbers compare: what is no number is less than all others.
fn compare_numbers(left: &Val, right: &Val) -> Ordering {
    if let (Some(left), Some(right)) = (left.int(), right.int()) {
        return left.cmp(&right);
    }
    let (left, right) = (left.float().unwrap_or(f64::NAN), right.float().unwrap_or(f64::NAN));
    left.partial_cmp(&right).unwrap_or_else(|| right.is_nan().cmp(&left.is_nan()))
}

impl Ord for Val {
    fn cmp(&self, other: &Self) -> Ordering {
        budget::take(1);
        match (self, other) {
            (Val::Num(_), Val::Num(_)) => compare_numbers(self, other),
            (Val::Str(left), Val::Str(right)) => left.cmp(right),
            (Val::Arr(left), Val::Arr(right)) => left.items.cmp(&right.items),
            (Val::Obj(left), Val::Obj(right)) => {
                let keys = left.members.keys().cmp(right.members.keys());
                keys.then_with(|| left.members.values().cmp(right.members.values()))
            }
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

#[allow(
    clippy::non_canonical_partial_ord_impl,
    reason = "sorting needs a place for what is no number, comparing has none"
)]
impl PartialOrd for Val {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let nan = |val: &Val| val.float().is_some_and(f64::is_nan);
        match nan(self) && nan(other) {
            true => Some(Ordering::Less),
            false => Some(self.cmp(other)),
        }
    }
}

impl PartialEq for Val {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl Eq for Val {}

impl fmt::Display for Val {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Val::Str(text) => f.write_str(text),
            _ => f.write_str(&super::text::json(self)),
        }
    }
}

impl From<bool> for Val {
    fn from(value: bool) -> Self {
        Val::Bool(value)
    }
}

impl From<i64> for Val {
    fn from(number: i64) -> Self {
        Val::Num(Value::Int(number))
    }
}

impl From<isize> for Val {
    fn from(number: isize) -> Self {
        Val::from(number as i64)
    }
}

impl From<usize> for Val {
    fn from(number: usize) -> Self {
        Val::from(number as i64)
    }
}

impl From<f64> for Val {
    fn from(number: f64) -> Self {
        Val::Num(Value::Float(number))
    }
}

impl From<String> for Val {
    fn from(text: String) -> Self {
        Val::str(text)
    }
}

impl From<jaq_core::val::Range<Val>> for Val {
    fn from(range: jaq_core::val::Range<Val>) -> Self {
        let ends = [("start", range.start), ("end", range.end)];
        Val::obj(ends.map(|(key, end)| (Text::from(key), end.unwrap_or_default())))
    }
}

impl FromIterator<Val> for Val {
    fn from_iter<I: IntoIterator<Item = Val>>(items: I) -> Self {
        let counted = items.into_iter().inspect(|_| budget::take(1));
        Val::arr(counted.collect())
    }
}
