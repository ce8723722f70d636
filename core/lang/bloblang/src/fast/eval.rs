//! Evaluation of queries on the text of a record.

use std::cmp::Ordering;

use formats::json::PathId;
use formats::value::{Text, Value};

use super::run::BYTES_MAX;
use super::scalar::{Bail, Fast, Scalar, Tools};
use crate::args::Args;
use crate::cases;
use crate::node::{ArithOp, CompareOp};
use crate::number::Num;
use crate::spec::QuickFn;
use crate::time::Layout;
use crate::val::Val;

/// A query prepared for the fast path.
#[derive(Clone)]
pub(super) enum Quick {
    Constant(Val),
    True,
    Deleted,
    Nothing,
    /// The payload.
    Content,
    /// A field of the record.
    Field(PathId),
    /// A text in upper (true) or lower case.
    Case(bool, Box<Quick>),
    /// One of the parts of a text between delimiters.
    Part {
        delimiter: Text,
        index: usize,
        target: Box<Quick>,
    },
    /// A timestamp by a layout.
    Layout(Box<(Layout, Quick)>),
    /// A variable, or a value bound by `match`.
    Local(usize),
    Method {
        quick: QuickFn,
        args: Args,
        target: Box<Quick>,
    },
    Arith(ArithOp, Box<(Quick, Quick)>),
    Compare(CompareOp, Box<(Quick, Quick)>),
    Logic(bool, Box<(Quick, Quick)>),
    Coalesce(Box<(Quick, Quick)>),
    Not(Box<Quick>),
    If(Vec<(Quick, Quick)>, Box<Quick>),
    /// Cases whose first part is a truth value.
    Match {
        bind: Option<(usize, Box<Quick>)>,
        cases: Vec<(Quick, Quick)>,
    },
    /// Whether a value equals a constant, as `match` has it.
    Equals(Box<(Quick, Quick)>),
    /// Whether a value is true, as `match` has it.
    Holds(Box<Quick>),
}

/// A record while its queries are evaluated.
pub(super) struct Record<'b> {
    pub(super) tools: Tools<'b>,
    pub(super) content: &'b [u8],
    pub(super) locals: bumpalo::collections::Vec<'b, Option<Scalar<'b>>>,
}

impl Quick {
    pub(super) fn constant(val: &Val) -> Option<Quick> {
        Scalar::of(val).map(|_| Quick::Constant(val.clone()))
    }

    pub(super) fn eval<'b>(&'b self, record: &mut Record<'b>) -> Fast<'b> {
        match self {
            Quick::Constant(val) => Scalar::of(val).ok_or(Bail),
            Quick::True => Ok(Scalar::Bool(true)),
            Quick::Deleted => Ok(Scalar::Deleted),
            Quick::Nothing => Ok(Scalar::Nothing),
            Quick::Content => Ok(Scalar::Bytes(record.content)),
            Quick::Field(path) => {
                let tools = &record.tools;
                let raw = tools.doc.as_ref().ok_or(Bail)?.get(*path);
                Ok(raw.map_or(Scalar::Null, |raw| tools.raw(raw)))
            }
            Quick::Local(slot) => record.locals.get(*slot).copied().flatten().ok_or(Bail),
            Quick::Case(upper, target) => change_case(*upper, target.eval(record)?, &record.tools),
            Quick::Part { delimiter, index, target } => {
                let Scalar::Str(text) = target.eval(record)? else { return Err(Bail) };
                part(text, delimiter.as_bytes(), *index).map(Scalar::Str).ok_or(Bail)
            }
            Quick::Layout(parts) => {
                let time = parts.1.eval(record)?.time().ok_or(Bail)?;
                let mut text = String::with_capacity(32);
                parts.0.push(&mut text, &time);
                Ok(Scalar::Str(record.tools.keep(text.as_bytes())))
            }
            Quick::Method { quick, args, target } => {
                let target = target.eval(record)?;
                quick(target, args, &record.tools).ok_or(Bail)
            }
            Quick::Arith(op, parts) => {
                arith(*op, parts.0.eval(record)?, parts.1.eval(record)?, &record.tools)
            }
            Quick::Compare(op, parts) => {
                compare(*op, parts.0.eval(record)?, parts.1.eval(record)?).map(Scalar::Bool)
            }
            Quick::Logic(op, parts) => {
                if truth(parts.0.eval(record)?)? != *op {
                    return Ok(Scalar::Bool(!op));
                }
                truth(parts.1.eval(record)?).map(Scalar::Bool)
            }
            Quick::Coalesce(parts) => match parts.0.eval(record)? {
                Scalar::Null | Scalar::Deleted | Scalar::Nothing => parts.1.eval(record),
                scalar => Ok(scalar),
            },
            Quick::Not(inner) => match inner.eval(record)? {
                Scalar::Bool(b) => Ok(Scalar::Bool(!b)),
                _ => Err(Bail),
            },
            Quick::If(..) | Quick::Match { .. } | Quick::Equals(_) | Quick::Holds(_) => {
                self.branch(record)
            }
        }
    }

    /// What chooses between queries.
    fn branch<'b>(&'b self, record: &mut Record<'b>) -> Fast<'b> {
        match self {
            Quick::If(cases, otherwise) => {
                for (condition, result) in cases {
                    match condition.eval(record)? {
                        Scalar::Bool(true) => return result.eval(record),
                        Scalar::Bool(false) | Scalar::Null => {}
                        _ => return Err(Bail),
                    }
                }
                otherwise.eval(record)
            }
            Quick::Match { bind, cases } => {
                if let Some((slot, subject)) = bind {
                    let subject = subject.eval(record)?;
                    *record.locals.get_mut(*slot).ok_or(Bail)? = Some(subject);
                }
                for (test, result) in cases {
                    if let Scalar::Bool(true) = test.eval(record)? {
                        return result.eval(record);
                    }
                }
                Ok(Scalar::Nothing)
            }
            Quick::Equals(parts) => {
                equals(parts.0.eval(record)?, parts.1.eval(record)?).map(Scalar::Bool)
            }
            Quick::Holds(inner) => {
                Ok(Scalar::Bool(matches!(inner.eval(record)?, Scalar::Bool(true))))
            }
            _ => Err(Bail),
        }
    }
}

fn change_case<'b>(upper: bool, target: Scalar<'b>, tools: &Tools<'b>) -> Fast<'b> {
    let text = target.text().ok_or(Bail)?;
    if !text.is_ascii() {
        let changed = if upper { cases::uppercase(text) } else { cases::lowercase(text) };
        return Ok(target.like(tools.keep(&changed)));
    }
    let copy = tools.bump.alloc_slice_copy(text);
    if upper {
        copy.make_ascii_uppercase()
    } else {
        copy.make_ascii_lowercase()
    }
    Ok(target.like(copy))
}

/// The part number `index` between delimiters.
fn part<'b>(text: &'b [u8], delimiter: &[u8], index: usize) -> Option<&'b [u8]> {
    if let [byte] = delimiter {
        let mut cuts = memchr::memchr_iter(*byte, text);
        let start = match index {
            0 => 0,
            n => cuts.nth(n - 1)? + 1,
        };
        return text.get(start..cuts.next().unwrap_or(text.len()));
    }
    let mut cuts = memchr::memmem::find_iter(text, delimiter);
    let start = match index {
        0 => 0,
        n => cuts.nth(n - 1)? + delimiter.len(),
    };
    text.get(start..cuts.next().unwrap_or(text.len()))
}

fn truth(scalar: Scalar<'_>) -> Result<bool, Bail> {
    match scalar {
        Scalar::Bool(b) => Ok(b),
        _ => scalar.num().map(|n| n.float() != 0.0).ok_or(Bail),
    }
}

/// The comparison of a `match` literal: numbers as doubles.
fn equals(subject: Scalar<'_>, constant: Scalar<'_>) -> Result<bool, Bail> {
    Ok(match (subject, constant) {
        (Scalar::Str(a), Scalar::Str(b)) => a == b,
        (Scalar::Str(_), _) => false,
        (Scalar::Null, b) => matches!(b, Scalar::Null),
        (Scalar::Bool(a), Scalar::Bool(b)) => a == b,
        (Scalar::Bool(a), b) => b.num().is_some_and(|n| a == (n.float() != 0.0)),
        (Scalar::Int(_) | Scalar::Float(_) | Scalar::Number(_), b) => {
            match (subject.num(), b.num()) {
                (Some(a), Some(b)) => a.float() == b.float(),
                (Some(_), None) => false,
                (None, _) => return Err(Bail),
            }
        }
        _ => return Err(Bail),
    })
}

/// Whether two scalars that have no order are equal; `None` where they have one, or are for the
/// general evaluator.
fn unordered(left: Scalar<'_>, right: Scalar<'_>) -> Option<bool> {
    let plain = |s: Scalar<'_>| {
        matches!(s, Scalar::Null | Scalar::Bool(_) | Scalar::Str(_)) || s.num().is_some()
    };
    if !plain(left) || !plain(right) {
        return None;
    }
    match (left, right) {
        (Scalar::Null, right) => Some(matches!(right, Scalar::Null)),
        (Scalar::Bool(a), Scalar::Bool(b)) => Some(a == b),
        (Scalar::Bool(a), right) => Some(right.num().is_some_and(|n| a == (n.float() != 0.0))),
        (Scalar::Str(_), Scalar::Str(_)) => None,
        (Scalar::Str(_), _) => Some(false),
        (_, right) => right.num().is_none().then_some(false),
    }
}

fn compare(op: CompareOp, left: Scalar<'_>, right: Scalar<'_>) -> Result<bool, Bail> {
    if let Some(equal) = unordered(left, right) {
        return match op {
            CompareOp::Eq => Ok(equal),
            CompareOp::Ne => Ok(!equal),
            _ => Err(Bail),
        };
    }
    let order = left.order(right).ok_or(Bail)?;
    Ok(match op {
        CompareOp::Eq => order == Ordering::Equal,
        CompareOp::Ne => order != Ordering::Equal,
        CompareOp::Lt => order == Ordering::Less,
        CompareOp::Le => order != Ordering::Greater,
        CompareOp::Gt => order == Ordering::Greater,
        CompareOp::Ge => order != Ordering::Less,
    })
}

fn arith<'b>(op: ArithOp, left: Scalar<'b>, right: Scalar<'b>, tools: &Tools<'b>) -> Fast<'b> {
    if let (ArithOp::Add, Some(a), Some(b)) = (op, left.text(), right.text()) {
        if tools.bump.allocated_bytes() > BYTES_MAX {
            return Err(Bail);
        }
        let joined = tools.bump.alloc_slice_fill_copy(a.len() + b.len(), 0);
        let (head, tail) = joined.split_at_mut(a.len());
        head.copy_from_slice(a);
        tail.copy_from_slice(b);
        return Ok(Scalar::Str(joined));
    }
    let (a, b) = left.num().zip(right.num()).ok_or(Bail)?;
    let number = match op {
        ArithOp::Add => a.combine(b, |a, b| a + b, i64::wrapping_add, u64::wrapping_add),
        ArithOp::Sub => a.combine(b, |a, b| a - b, i64::wrapping_sub, u64::wrapping_sub),
        ArithOp::Mul => a.combine(b, |a, b| a * b, i64::wrapping_mul, u64::wrapping_mul),
        ArithOp::Div if b.float() != 0.0 => Num::Float(a.float() / b.float()),
        ArithOp::Mod if b.int() != 0 => Num::Int(a.int().wrapping_rem(b.int())),
        ArithOp::Div | ArithOp::Mod => return Err(Bail),
    };
    match Value::from(number) {
        Value::Int(n) => Ok(Scalar::Int(n)),
        Value::Float(x) => Ok(Scalar::Float(x)),
        _ => Err(Bail),
    }
}
