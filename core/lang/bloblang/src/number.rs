//! The number model: 64-bit integers, doubles, and number text of the message
//! (spec/bloblang.md §3).

use std::cmp::Ordering;

use formats::number::{json_number_f64, json_number_i64};
use formats::value::Value;

/// A double without its fraction as an integer. One that fits none is the lowest of all, as the
/// original's processor has it.
pub(crate) fn truncated(x: f64) -> i64 {
    // The bounds are exact in doubles; the upper one is the first that does not fit.
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&x);
    if fits { x as i64 } else { i64::MIN }
}

/// A number ready to compute with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Num {
    /// A signed integer.
    Int(i64),
    /// An unsigned integer, only made by explicit conversion.
    Uint(u64),
    /// A double.
    Float(f64),
}

impl Num {
    /// The number in a value. Number text is an integer if it parses as one, else a double; text
    /// beyond the doubles is no number.
    pub(crate) fn of(value: &Value) -> Option<Num> {
        match value {
            Value::Int(n) => Some(Num::Int(*n)),
            Value::Uint(n) => Some(Num::Uint(*n)),
            Value::Float(x) => Some(Num::Float(*x)),
            Value::Float32(x) => Some(Num::Float(f64::from(*x))),
            Value::Number(text) => Num::of_text(text.as_bytes()),
            _ => None,
        }
    }

    /// The number in a text that is a number by the grammar of JSON.
    pub(crate) fn of_text(text: &[u8]) -> Option<Num> {
        match json_number_i64(text) {
            Some(n) => Some(Num::Int(n)),
            None => json_number_f64(text).map(Num::Float),
        }
    }

    pub(crate) fn float(self) -> f64 {
        match self {
            Num::Int(n) => n as f64,
            Num::Uint(n) => n as f64,
            Num::Float(x) => x,
        }
    }

    /// The bits of an integer as a signed one; a double truncated.
    pub(crate) fn int(self) -> i64 {
        match self {
            Num::Int(n) => n,
            Num::Uint(n) => n as i64,
            Num::Float(x) => truncated(x),
        }
    }

    /// Compares exactly where both are integers; `None` where NaN is involved.
    pub(crate) fn compare(self, other: Num) -> Option<Ordering> {
        match (self, other) {
            (Num::Float(_), _) | (_, Num::Float(_)) => self.float().partial_cmp(&other.float()),
            (Num::Uint(a), Num::Uint(b)) => Some(a.cmp(&b)),
            _ => Some(self.int().cmp(&other.int())),
        }
    }

    /// Adds, subtracts or multiplies: in doubles when either side is one, else wrapping in signed
    /// integers when either side is one, else in unsigned ones.
    pub(crate) fn combine(
        self,
        other: Num,
        float: fn(f64, f64) -> f64,
        int: fn(i64, i64) -> i64,
        uint: fn(u64, u64) -> u64,
    ) -> Num {
        match (self, other) {
            (Num::Float(_), _) | (_, Num::Float(_)) => {
                Num::Float(float(self.float(), other.float()))
            }
            (Num::Uint(a), Num::Uint(b)) => Num::Uint(uint(a, b)),
            _ => Num::Int(int(self.int(), other.int())),
        }
    }
}

impl From<Num> for Value {
    fn from(number: Num) -> Value {
        match number {
            Num::Int(n) => Value::Int(n),
            Num::Uint(n) => Value::Uint(n),
            Num::Float(x) => Value::Float(x),
        }
    }
}
