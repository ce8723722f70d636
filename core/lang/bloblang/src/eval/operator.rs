//! Arithmetic and comparison (spec/bloblang.md §3).

use std::borrow::Cow;
use std::cmp::Ordering;

use formats::value::{Text, Value};

use crate::compare::{Comparison, compare};
use crate::error::Error;
use crate::node::{ArithOp, CompareOp, Node};
use crate::number::Num;
use crate::val::Val;

/// The error of operands that do not go together. Where numbers are `computed` with, points in time
/// are texts.
fn mismatch(
    verb: &str,
    (left, l): (&Val, &Node),
    (right, r): (&Val, &Node),
    computed: bool,
) -> Error {
    let name = |val: &Val| match val.value() {
        Some(Value::Timestamp(_)) if computed => "string",
        _ => val.type_name(),
    };
    let (left, right, l, r) = (name(left), name(right), l.annotation(), r.annotation());
    Error::mismatch(format!("cannot {verb} types {left} (from {l}) and {right} (from {r})"))
}

/// The number that a value is.
fn number(val: &Val) -> Option<Num> {
    val.value().and_then(Num::of)
}

/// Shorter number text without an exponent is always within the doubles.
const DIGITS_WITHIN_DOUBLES: usize = 300;

/// Whether number text may lie beyond the doubles, found without reading the number.
fn may_exceed(text: &str) -> bool {
    text.len() > DIGITS_WITHIN_DOUBLES || text.bytes().any(|b| matches!(b, b'e' | b'E'))
}

/// What an operator sees of a value: number text beyond the doubles is a text to it.
fn operand(val: &Val) -> Cow<'_, Val> {
    match val {
        Val::Data(Value::Number(text))
            if may_exceed(text) && Num::of_text(text.as_bytes()).is_none() =>
        {
            Cow::Owned(Val::text(&**text))
        }
        _ => Cow::Borrowed(val),
    }
}

/// Computes `left op right`; the expressions are for error texts.
pub(crate) fn arith(
    op: ArithOp,
    left: &Val,
    right: &Val,
    l: &Node,
    r: &Node,
) -> Result<Val, Error> {
    let (left, right) = (&*operand(left), &*operand(right));
    let numbers = match (left, op) {
        // What a narrow cast made is no number on the left of `+`.
        (Val::Narrow(_), ArithOp::Add) => None,
        _ => number(left).zip(number(right)),
    };
    let Some((a, b)) = numbers else {
        if op == ArithOp::Add
            && let Some(joined) = join(left, right)
        {
            return Ok(joined);
        }
        let sums = !matches!(left, Val::Narrow(_)) && number(left).is_some();
        let (verb, computed) = match op {
            ArithOp::Add => ("add", sums),
            ArithOp::Sub => ("subtract", true),
            ArithOp::Mul => ("multiply", true),
            ArithOp::Div => ("divide", false),
            ArithOp::Mod => ("modulo", false),
        };
        return Err(mismatch(verb, (left, l), (right, r), computed));
    };
    let zero = || Error::new("attempted to divide by zero").annotate(|| r.annotation());
    let result = match op {
        ArithOp::Add => a.combine(b, |a, b| a + b, i64::wrapping_add, u64::wrapping_add),
        ArithOp::Sub => a.combine(b, |a, b| a - b, i64::wrapping_sub, u64::wrapping_sub),
        ArithOp::Mul => a.combine(b, |a, b| a * b, i64::wrapping_mul, u64::wrapping_mul),
        ArithOp::Div if b.float() == 0.0 => return Err(zero()),
        ArithOp::Div => Num::Float(a.float() / b.float()),
        ArithOp::Mod if b.int() == 0 => return Err(zero()),
        ArithOp::Mod => Num::Int(a.int().wrapping_rem(b.int())),
    };
    Ok(Val::Data(result.into()))
}

/// Joins texts. The left side must be a text or bytes.
fn join(left: &Val, right: &Val) -> Option<Val> {
    let left = left.as_text().ok()?;
    let right = right.text_like()?;
    Some(Val::text(Text::from([left, &right].concat())))
}

/// Compares by `op`; the expressions are for error texts.
pub(crate) fn compare_op(
    op: CompareOp,
    left: &Val,
    right: &Val,
    l: &Node,
    r: &Node,
) -> Result<Val, Error> {
    let (left, right) = (&*operand(left), &*operand(right));
    let holds = match (compare(left, right), op) {
        (Comparison::Ordered(order), op) => match op {
            CompareOp::Eq => order == Ordering::Equal,
            CompareOp::Ne => order != Ordering::Equal,
            CompareOp::Lt => order == Ordering::Less,
            CompareOp::Le => order != Ordering::Greater,
            CompareOp::Gt => order == Ordering::Greater,
            CompareOp::Ge => order != Ordering::Less,
        },
        (Comparison::Unordered, op) => op == CompareOp::Ne,
        (Comparison::Equality(equal), CompareOp::Eq) => equal,
        (Comparison::Equality(equal), CompareOp::Ne) => !equal,
        (Comparison::Equality(_), _) => {
            let computed = number(left).is_some();
            return Err(mismatch("compare", (left, l), (right, r), computed));
        }
    };
    Ok(Val::Data(Value::Bool(holds)))
}

#[cfg(test)]
mod tests {
    use plan::Records;

    use crate::Mapping;
    use crate::local::Local;

    #[test]
    fn points_in_time_are_texts_where_numbers_are_computed_with() {
        let records = Records::from_bodies([b"{}".to_vec()]);
        for (query, types) in [
            ("$t + 1", "add types timestamp (from variable t) and number (from number literal)"),
            ("1 + $t", "add types number (from number literal) and string (from variable t)"),
            ("null + $t", "add types null (from null literal) and timestamp (from variable t)"),
            ("1.int32() + $t", "add types number (from method int32) and timestamp"),
            ("$t - 1", "subtract types string (from variable t) and number"),
            ("null * $t", "multiply types null (from null literal) and string"),
            ("5 / $t", "divide types number (from number literal) and timestamp"),
            ("$t % 5", "modulo types timestamp (from variable t) and number"),
            ("5 < $t", "compare types number (from number literal) and string"),
            ("null < $t", "compare types null (from null literal) and timestamp"),
        ] {
            let text = format!("let t = 0.ts_round(1)\nroot = {query}");
            let mapping = Mapping::parse(&text, &Local::setup()).unwrap();
            let error = mapping.map(&records, 0).error.unwrap().to_string();
            let expected = format!("failed assignment (line 2): cannot {types}");
            assert!(error.starts_with(&expected), "{query}: {error}");
        }
    }
}
