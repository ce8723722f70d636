//! Arithmetic and comparison (spec/bloblang.md §3).

use std::borrow::Cow;
use std::cmp::Ordering;

use formats::value::{Text, Value};

use crate::compare::{Comparison, compare};
use crate::error::Error;
use crate::node::{ArithOp, CompareOp, Node};
use crate::number::Num;
use crate::val::Val;

fn mismatch(verb: &str, left: &Val, right: &Val, l: &Node, r: &Node) -> Error {
    Error::mismatch(format!(
        "cannot {verb} types {} (from {}) and {} (from {})",
        left.type_name(),
        l.annotation(),
        right.type_name(),
        r.annotation()
    ))
}

/// What an operator sees of a value: number text beyond the doubles is a text to it.
fn operand(val: &Val) -> Cow<'_, Val> {
    match val {
        Val::Data(Value::Number(text)) if Num::of_text(text.as_bytes()).is_none() => {
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
        _ => left.value().and_then(Num::of).zip(right.value().and_then(Num::of)),
    };
    let Some((a, b)) = numbers else {
        if op == ArithOp::Add
            && let Some(joined) = join(left, right)
        {
            return Ok(joined);
        }
        let verb = match op {
            ArithOp::Add => "add",
            ArithOp::Sub => "subtract",
            ArithOp::Mul => "multiply",
            ArithOp::Div => "divide",
            ArithOp::Mod => "modulo",
        };
        return Err(mismatch(verb, left, right, l, r));
    };
    let zero = || Error::new("attempted to divide by zero").annotate(|| r.annotation());
    let number = match op {
        ArithOp::Add => a.combine(b, |a, b| a + b, i64::wrapping_add, u64::wrapping_add),
        ArithOp::Sub => a.combine(b, |a, b| a - b, i64::wrapping_sub, u64::wrapping_sub),
        ArithOp::Mul => a.combine(b, |a, b| a * b, i64::wrapping_mul, u64::wrapping_mul),
        ArithOp::Div if b.float() == 0.0 => return Err(zero()),
        ArithOp::Div => Num::Float(a.float() / b.float()),
        ArithOp::Mod if b.int() == 0 => return Err(zero()),
        ArithOp::Mod => Num::Int(a.int().wrapping_rem(b.int())),
    };
    Ok(Val::Data(number.into()))
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
        (Comparison::Equality(_), _) => return Err(mismatch("compare", left, right, l, r)),
    };
    Ok(Val::Data(Value::Bool(holds)))
}
