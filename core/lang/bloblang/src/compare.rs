//! Equality and order (spec/bloblang.md §3).

use std::cmp::Ordering;

use formats::value::Value;

use crate::number::Num;
use crate::val::{Val, to_f64};

/// How two results compare by an operator.
pub(crate) enum Comparison {
    /// They have an order.
    Ordered(Ordering),
    /// NaN is involved: nothing holds but `!=`.
    Unordered,
    /// They are equal or not, but have no order.
    Equality(bool),
}

/// Compares by the type of the left side.
pub(crate) fn compare(left: &Val, right: &Val) -> Comparison {
    let (Some(a), Some(b)) = (left.value(), right.value()) else {
        return Comparison::Equality(false);
    };
    match a {
        Value::String(_) | Value::Bytes(_) | Value::Timestamp(_) => {
            match (left.text_like(), right.text_like()) {
                (Some(a), Some(b)) => Comparison::Ordered(a.cmp(&b)),
                _ => Comparison::Equality(false),
            }
        }
        Value::Bool(a) => match right.as_truth() {
            Ok(b) => Comparison::Equality(*a == b),
            Err(_) => Comparison::Equality(false),
        },
        Value::Null | Value::Array(_) | Value::Object(_) => Comparison::Equality(equal(a, b)),
        _ => match (Num::of(a), Num::of(b)) {
            (Some(a), Some(b)) => match a.compare(b) {
                Some(order) => Comparison::Ordered(order),
                None => Comparison::Unordered,
            },
            _ => Comparison::Equality(false),
        },
    }
}

/// Deep equality as `match` literals, `contains`, `find` and containers have it: numbers as
/// doubles, a truth value on the left takes a number, a member that the right object lacks counts
/// as null.
#[must_use]
pub fn equal(a: &Value, b: &Value) -> bool {
    match a {
        Value::Null => matches!(b, Value::Null),
        Value::Bool(a) => match b {
            Value::Bool(b) => a == b,
            _ => to_f64(b).is_some_and(|b| *a == (b != 0.0)),
        },
        Value::String(_) | Value::Bytes(_) => match (bytes_of(a), bytes_of(b)) {
            (Some(a), Some(b)) => a == b,
            _ => false,
        },
        Value::Timestamp(a) => matches!(b, Value::Timestamp(b) if a.unix_ns == b.unix_ns),
        Value::Array(a) => match b {
            Value::Array(b) => {
                a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| equal(a, b))
            }
            _ => false,
        },
        Value::Object(a) => match b {
            Value::Object(b) => {
                a.len() == b.len()
                    && a.iter()
                        .all(|(key, a)| equal(a, b.get(key.as_bytes()).unwrap_or(&Value::Null)))
            }
            _ => false,
        },
        _ => match (to_f64(a), to_f64(b)) {
            (Some(a), Some(b)) => a == b,
            _ => false,
        },
    }
}

/// Deep equality of results. Deleted and nothing equal nothing, not even themselves.
#[must_use]
pub fn equal_vals(a: &Val, b: &Val) -> bool {
    match (a.value(), b.value()) {
        (Some(a), Some(b)) => equal(a, b),
        _ => false,
    }
}

fn bytes_of(value: &Value) -> Option<&[u8]> {
    match value {
        Value::String(text) => Some(text.as_bytes()),
        Value::Bytes(bytes) => Some(bytes),
        _ => None,
    }
}
