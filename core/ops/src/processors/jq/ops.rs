//! Arithmetic of values.

use std::collections::BTreeSet;
use std::ops::{Add, Div, Mul, Neg, Rem, Sub};
use std::rc::Rc;

use formats::value::{Digits, Value};

use super::budget;
use super::text::{no_operation, preview, typed};
use super::val::{Arr, Error, Obj, Val, ValR};

/// Bytes that a repeated text may have.
const REPEATED_MAX: f64 = 2_147_483_647.0;

/// Computes with whole numbers as long as the result is one.
fn numbers(
    left: &Val,
    right: &Val,
    whole: impl Fn(i128, i128) -> Option<i128>,
    any: impl Fn(f64, f64) -> f64,
) -> Option<Val> {
    let (a, b) = (left.float()?, right.float()?);
    let exact = left.int().zip(right.int()).and_then(|(a, b)| whole(a.into(), b.into()));
    Some(match exact.map(|whole| i64::try_from(whole).map_err(|_| whole)) {
        None => Val::from(any(a, b)),
        Some(Ok(whole)) => Val::from(whole),
        Some(Err(large)) => Val::Num(Value::Number(Digits::from(large.to_string()))),
    })
}

impl Add for Val {
    type Output = ValR;

    fn add(self, other: Val) -> ValR {
        Ok(match (self, other) {
            (Val::Null, other) | (other, Val::Null) => other,
            (Val::Str(mut left), Val::Str(right)) => {
                let copied = if Rc::strong_count(&left) > 1 { left.len() } else { 0 };
                budget::take_bytes(copied + right.len());
                Rc::make_mut(&mut left).push_str(&right);
                Val::Str(left)
            }
            (Val::Arr(mut left), Val::Arr(right)) => {
                let copied = if Rc::strong_count(&left) > 1 { left.items.len() } else { 0 };
                budget::take(copied / 4);
                let Arr { items, depth } = Rc::make_mut(&mut left);
                *depth = right.depth.max(*depth);
                items.extend(right.items.iter().cloned());
                Val::Arr(left)
            }
            (Val::Obj(mut left), Val::Obj(right)) => {
                let object = Rc::make_mut(&mut left);
                let members = right.members.iter();
                members.for_each(|(key, value)| object.insert(key.clone(), value.clone()));
                Val::Obj(left)
            }
            (left, right) => numbers(&left, &right, i128::checked_add, |a, b| a + b)
                .ok_or_else(|| no_operation("add", &left, &right))?,
        })
    }
}

impl Sub for Val {
    type Output = ValR;

    fn sub(self, other: Val) -> ValR {
        match (&self, &other) {
            (Val::Arr(left), Val::Arr(right)) => {
                let right: BTreeSet<&Val> = right.items.iter().collect();
                let items = left.items.iter().filter(|item| !right.contains(item));
                Ok(Val::arr(items.cloned().collect()))
            }
            (left, right) => numbers(left, right, i128::checked_sub, |a, b| a - b)
                .ok_or_else(|| no_operation("subtract", left, right)),
        }
    }
}

impl Mul for Val {
    type Output = ValR;

    fn mul(self, other: Val) -> ValR {
        match (self, other) {
            (Val::Obj(mut left), Val::Obj(right)) => {
                merge(Rc::make_mut(&mut left), &right);
                Ok(Val::Obj(left))
            }
            (Val::Str(text), times @ Val::Num(_)) | (times @ Val::Num(_), Val::Str(text)) => {
                repeated(&text, &times)
            }
            (left, right) => numbers(&left, &right, i128::checked_mul, |a, b| a * b)
                .ok_or_else(|| no_operation("multiply", &left, &right)),
        }
    }
}

fn repeated(text: &str, times: &Val) -> ValR {
    let times = times.float().unwrap_or_default();
    if times < 0.0 || times.is_nan() {
        return Ok(Val::Null);
    }
    let count = times.min(REPEATED_MAX).trunc();
    if text.len() as f64 * count >= REPEATED_MAX {
        let (text, times) = (preview(&Val::str(text)), preview(&Val::from(times)));
        let error = format!("repeat string result too large: {text} * {times}");
        return Err(Error::str(error));
    }
    budget::take_bytes(text.len() * count as usize);
    Ok(Val::Str(Rc::new(text.repeat(count as usize))))
}

/// Puts the members of one object into another, and so on within them.
fn merge(left: &mut Obj, right: &Obj) {
    for (key, value) in &right.members {
        let merged = match (left.members.remove(key), value) {
            (Some(Val::Obj(mut old)), Val::Obj(new)) => {
                merge(Rc::make_mut(&mut old), new);
                Val::Obj(old)
            }
            _ => value.clone(),
        };
        left.insert(key.clone(), merged);
    }
}

impl Div for Val {
    type Output = ValR;

    fn div(self, other: Val) -> ValR {
        match (&self, &other) {
            (Val::Str(left), Val::Str(right)) => Ok(split(left, right)),
            (left, right) if right.float() == Some(0.0) && left.float().is_some() => {
                let (left, right) = (typed(left), typed(right));
                Err(Error::str(format_args!("cannot divide {left} by: {right}")))
            }
            (left, right) => {
                let whole = |a: i128, b: i128| a.checked_div(b).filter(|q| q.wrapping_mul(b) == a);
                numbers(left, right, whole, |a, b| a / b)
                    .ok_or_else(|| no_operation("divide", left, right))
            }
        }
    }
}

/// A text cut at each separator; without one, into its characters.
pub(super) fn split(text: &str, separator: &str) -> Val {
    match (text.is_empty(), separator.is_empty()) {
        (true, _) => Val::arr(Vec::new()),
        (_, true) => Val::arr(text.chars().map(Val::str).collect()),
        _ => Val::arr(text.split(separator).map(Val::str).collect()),
    }
}

impl Rem for Val {
    type Output = ValR;

    fn rem(self, other: Val) -> ValR {
        let (Some(left), Some(right)) = (self.float(), other.float()) else {
            return Err(no_operation("modulo", &self, &other));
        };
        if left.is_nan() || right.is_nan() {
            return Ok(Val::from(f64::NAN));
        }
        let whole = |val: &Val, float: f64| val.int().unwrap_or(float as i64);
        let (a, b) = (whole(&self, left), whole(&other, right));
        match b {
            0 => {
                let (left, right) = (typed(&self), typed(&other));
                Err(Error::str(format_args!("cannot modulo {left} by: {right}")))
            }
            _ => Ok(Val::from(a.wrapping_rem(b))),
        }
    }
}

impl Neg for Val {
    type Output = ValR;

    fn neg(self) -> ValR {
        match &self {
            Val::Num(Value::Number(digits)) => {
                let text = String::from_utf8_lossy(digits.as_bytes()).into_owned();
                let text = match text.strip_prefix('-') {
                    Some(positive) => positive.to_owned(),
                    None => format!("-{text}"),
                };
                Ok(Val::Num(Value::Number(Digits::from(text))))
            }
            Val::Num(_) => match self.int().and_then(i64::checked_neg) {
                Some(number) => Ok(Val::from(number)),
                None => Ok(Val::from(-self.float().unwrap_or_default())),
            },
            _ => Err(Error::str(format_args!("cannot negate: {}", typed(&self)))),
        }
    }
}
