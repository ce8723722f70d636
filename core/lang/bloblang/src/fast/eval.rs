//! Evaluation of queries on the text of a record.

use std::cmp::Ordering;
use std::rc::Rc;

use formats::json::PathId;
use formats::short;
use formats::value::{Text, Value};

use super::body::Statements;
use super::bridge::Bridge;
use super::call::{EachCall, Record};
use super::item::{Fast, Item, Tools, find, in_order};
use crate::args::Args;
use crate::cases;
use crate::node::{ArithOp, CompareOp, Seg};
use crate::number::Num;
use crate::spec::{EachFn, ItemsFn, QuickFn, ReadyFn};
use crate::val::Val;

type Items<'b> = bumpalo::collections::Vec<'b, Item<'b>>;

/// A query prepared for the fast path.
#[derive(Clone)]
pub(crate) enum Quick {
    Constant(Val),
    /// A constant that is copied for each record.
    Container(Val),
    True,
    Deleted,
    Nothing,
    /// The payload.
    Content,
    /// A field of the record.
    Field(PathId, Rc<[Seg]>),
    /// A field of a value.
    Get(Box<Quick>, Rc<[Seg]>),
    /// An array of the results that are data.
    List(Box<[Quick]>),
    /// An object of the members whose values are data.
    Map(Box<[(Name, Quick)]>),
    /// A query about a value that was computed, in a slot.
    Within(usize, Box<(Quick, Quick)>),
    /// A named map about a value that was computed, in a slot.
    Apply(usize, Box<Quick>, Rc<Statements>),
    /// A text in upper (true) or lower case.
    Case(bool, Box<Quick>),
    /// One of the parts of a text between delimiters.
    Part {
        delimiter: Text,
        index: usize,
        target: Box<Quick>,
    },
    /// A variable, or a value bound by `match`.
    Local(usize),
    Method {
        quick: QuickFn,
        args: Args,
        target: Box<Quick>,
        /// The method for what the hook leaves to it.
        bridge: Option<Rc<Bridge>>,
    },
    /// A method that is ready for its arguments.
    Ready {
        quick: Rc<ReadyFn>,
        target: Box<Quick>,
        bridge: Option<Rc<Bridge>>,
    },
    /// A method with arguments that are evaluated.
    Items {
        quick: ItemsFn,
        args: Box<[Quick]>,
        target: Box<Quick>,
        bridge: Option<Rc<Bridge>>,
    },
    /// A method with a query.
    Each {
        quick: EachFn,
        call: Rc<EachCall>,
        target: Box<Quick>,
    },
    /// A method that has no form here.
    Bridge(Rc<Bridge>, Box<Quick>),
    Arith(ArithOp, Box<(Quick, Quick)>),
    /// An operator on a value and a number that is known.
    ArithBy(ArithOp, Box<Quick>, Num),
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

/// The name of a member.
#[derive(Clone)]
pub(super) enum Name {
    Known(Text),
    Query(Quick),
}

impl Quick {
    /// A constant of the mapping; `None` where it has no form here.
    pub(super) fn constant(val: &Val) -> Option<Quick> {
        match (Item::of(val), val) {
            (Some(_), _) => Some(Quick::Constant(val.clone())),
            (None, Val::Data(Value::Array(_) | Value::Object(_))) => {
                Some(Quick::Container(val.clone()))
            }
            _ => None,
        }
    }

    pub(super) fn eval<'b>(&'b self, record: &mut Record<'b>) -> Fast<'b> {
        match self {
            Quick::Constant(val) => Item::of(val),
            Quick::Container(val) => record.tools.item_of(val),
            Quick::True => Some(Item::Bool(true)),
            Quick::Deleted => Some(Item::Deleted),
            Quick::Nothing => Some(Item::Nothing),
            Quick::Content => Some(Item::Bytes(record.content)),
            Quick::Field(path, segs) => {
                let tools = &record.tools;
                if let Some(doc) = &tools.doc {
                    return match doc.get(*path) {
                        Some(raw) => tools.raw(doc, raw),
                        None => Some(Item::Null),
                    };
                }
                walk(tools, record.root.as_ref()?, segs)
            }
            Quick::Get(target, segs) => {
                if let Quick::Local(slot) = **target {
                    return walk(&record.tools, local(record, slot)?, segs);
                }
                let target = target.eval(record);
                walk(&record.tools, target.as_ref()?, segs)
            }
            Quick::Local(slot) => local(record, *slot).copied(),
            Quick::Case(upper, target) => {
                let target = target.eval(record);
                change_case(*upper, target.as_ref()?, &record.tools)
            }
            Quick::Part { delimiter, index, target } => {
                let Item::Str(text) = target.eval(record)? else { return None };
                part(text, delimiter.as_bytes(), *index).map(Item::Str)
            }
            Quick::Arith(op, parts) => {
                let left = parts.0.eval(record);
                let right = parts.1.eval(record);
                arith(*op, left.as_ref()?, right.as_ref()?, &record.tools)
            }
            Quick::ArithBy(op, target, by) => {
                let number = target.eval(record).as_ref()?.num()?;
                compute(*op, number, *by)
            }
            Quick::Compare(op, parts) => {
                let left = parts.0.eval(record);
                let right = parts.1.eval(record);
                compare(*op, left.as_ref()?, right.as_ref()?).map(Item::Bool)
            }
            Quick::Logic(op, parts) => {
                if truth(parts.0.eval(record).as_ref()?)? != *op {
                    return Some(Item::Bool(!op));
                }
                truth(parts.1.eval(record).as_ref()?).map(Item::Bool)
            }
            Quick::Coalesce(parts) => match parts.0.eval(record)? {
                Item::Null | Item::Deleted | Item::Nothing => parts.1.eval(record),
                scalar => Some(scalar),
            },
            Quick::Not(inner) => match inner.eval(record)? {
                Item::Bool(b) => Some(Item::Bool(!b)),
                _ => None,
            },
            Quick::If(..) | Quick::Match { .. } | Quick::Equals(_) | Quick::Holds(_) => {
                self.branch(record)
            }
            Quick::Method { .. }
            | Quick::Ready { .. }
            | Quick::Items { .. }
            | Quick::Each { .. }
            | Quick::Bridge(..) => self.method(record),
            Quick::List(_) | Quick::Map(_) | Quick::Within(..) | Quick::Apply(..) => {
                self.compound(record)
            }
        }
    }

    /// What methods do, other than those that have a form of their own.
    fn method<'b>(&'b self, record: &mut Record<'b>) -> Fast<'b> {
        match self {
            Quick::Method { quick, args, target, bridge } => {
                let target = target.eval(record);
                hooked(target.as_ref()?, record, bridge, |target, tools| quick(target, args, tools))
            }
            Quick::Ready { quick, target, bridge } => {
                let target = target.eval(record);
                hooked(target.as_ref()?, record, bridge, |target, tools| quick(target, tools))
            }
            Quick::Items { quick, args, target, bridge } => {
                let target = target.eval(record);
                let target = target.as_ref()?;
                let mut given = Items::with_capacity_in(args.len(), record.tools.bump);
                for arg in args {
                    given.push(arg.eval(record)?);
                }
                let args = given.into_bump_slice();
                hooked(target, record, bridge, |target, tools| quick(target, args, tools))
            }
            Quick::Each { quick, call, target } => {
                quick(target.eval(record).as_ref()?, call, record)
            }
            Quick::Bridge(bridge, target) => bridge.run(target.eval(record).as_ref()?, record),
            _ => None,
        }
    }

    /// What makes containers, or evaluates a query about a value.
    fn compound<'b>(&'b self, record: &mut Record<'b>) -> Fast<'b> {
        match self {
            Quick::List(items) => list(items, record),
            Quick::Map(members) => map(members, record),
            Quick::Within(slot, parts) => {
                let target = parts.0.eval(record)?;
                *record.locals.get_mut(*slot)? = Some(target);
                parts.1.eval(record)
            }
            Quick::Apply(slot, target, body) => {
                let target = target.eval(record)?;
                *record.locals.get_mut(*slot)? = Some(target);
                body.run(record)
            }
            _ => None,
        }
    }

    /// What chooses between queries.
    fn branch<'b>(&'b self, record: &mut Record<'b>) -> Fast<'b> {
        match self {
            Quick::If(cases, otherwise) => {
                for (condition, result) in cases {
                    match condition.eval(record)? {
                        Item::Bool(true) => return result.eval(record),
                        Item::Bool(false) | Item::Null => {}
                        _ => return None,
                    }
                }
                otherwise.eval(record)
            }
            Quick::Match { bind, cases } => {
                if let Some((slot, subject)) = bind {
                    let subject = subject.eval(record)?;
                    *record.locals.get_mut(*slot)? = Some(subject);
                }
                for (test, result) in cases {
                    if let Item::Bool(true) = test.eval(record)? {
                        return result.eval(record);
                    }
                }
                Some(Item::Nothing)
            }
            Quick::Equals(parts) => {
                let left = parts.0.eval(record);
                let right = parts.1.eval(record);
                equals(left.as_ref()?, right.as_ref()?).map(Item::Bool)
            }
            Quick::Holds(inner) => {
                Some(Item::Bool(matches!(inner.eval(record)?, Item::Bool(true))))
            }
            _ => None,
        }
    }
}

/// What a hook gives for a target; what it leaves to the method, if that is there, by a bridge. The
/// result stays where it was written.
#[inline]
fn hooked<'b>(
    target: &Item<'b>,
    record: &mut Record<'b>,
    bridge: &'b Option<Rc<Bridge>>,
    hook: impl FnOnce(&Item<'b>, &Tools<'b>) -> Fast<'b>,
) -> Fast<'b> {
    let mut result = hook(target, &record.tools);
    if result.is_none() {
        result = bridged(bridge, target, record);
    }
    result
}

#[cold]
fn bridged<'b>(
    bridge: &'b Option<Rc<Bridge>>,
    target: &Item<'b>,
    record: &mut Record<'b>,
) -> Fast<'b> {
    bridge.as_ref()?.run(target, record)
}

#[inline]
fn local<'r, 'b>(record: &'r Record<'b>, slot: usize) -> Option<&'r Item<'b>> {
    record.locals.get(slot)?.as_ref()
}

/// The value at a path; null where it is missing.
#[inline]
pub(super) fn walk<'b>(tools: &Tools<'b>, item: &Item<'b>, segs: &[Seg]) -> Fast<'b> {
    if let ([seg], Item::Map(members)) = (segs, *item) {
        return Some(find(members, seg.key.as_bytes()).unwrap_or(Item::Null));
    }
    walk_any(tools, item, segs)
}

fn walk_any<'b>(tools: &Tools<'b>, item: &Item<'b>, segs: &[Seg]) -> Fast<'b> {
    let mut item = *item;
    for seg in segs {
        let inner = match tools.open(&item)? {
            Item::Map(members) => find(members, seg.key.as_bytes()),
            Item::List(items) => seg.index.and_then(|at| items.get(at)).copied(),
            _ => None,
        };
        match inner {
            Some(inner) => item = inner,
            None => return Some(Item::Null),
        }
    }
    Some(item)
}

fn list<'b>(items: &'b [Quick], record: &mut Record<'b>) -> Fast<'b> {
    let mut out = Items::with_capacity_in(items.len(), record.tools.bump);
    for item in items {
        match item.eval(record)? {
            Item::Deleted | Item::Nothing => {}
            item => out.push(item),
        }
    }
    // An empty literal has a text of its own.
    if out.is_empty() { None } else { Some(Item::List(out.into_bump_slice())) }
}

/// An object of the members whose values are data.
pub(super) fn map<'b>(members: &'b [(Name, Quick)], record: &mut Record<'b>) -> Fast<'b> {
    let mut out = bumpalo::collections::Vec::with_capacity_in(members.len(), record.tools.bump);
    for (name, value) in members {
        let name = match name {
            Name::Known(name) => name.as_bytes(),
            Name::Query(query) => match query.eval(record)? {
                Item::Str(name) => name,
                _ => return None,
            },
        };
        match value.eval(record)? {
            Item::Deleted | Item::Nothing => {}
            item => out.push((name, item)),
        }
    }
    Some(Item::Map(in_order(out.into_bump_slice_mut())))
}

fn change_case<'b>(upper: bool, target: &Item<'b>, tools: &Tools<'b>) -> Fast<'b> {
    let text = target.text()?;
    if let Some(changed) = short::words(text).and_then(|words| short::to_case(words, upper)) {
        let changed = tools.bump.alloc(changed.map(u64::to_le_bytes)).as_flattened();
        return changed.get(..text.len()).map(|text| target.like(text));
    }
    if !text.is_ascii() {
        let changed = if upper { cases::uppercase(text) } else { cases::lowercase(text) };
        return Some(target.like(tools.keep(&changed)));
    }
    let copy = tools.bump.alloc_slice_copy(text);
    if upper {
        copy.make_ascii_uppercase()
    } else {
        copy.make_ascii_lowercase()
    }
    Some(target.like(copy))
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

fn truth(scalar: &Item<'_>) -> Option<bool> {
    match *scalar {
        Item::Bool(b) => Some(b),
        _ => scalar.num().map(|n| n.float() != 0.0),
    }
}

/// The comparison of a `match` literal: numbers as doubles.
fn equals(subject: &Item<'_>, constant: &Item<'_>) -> Option<bool> {
    Some(match (*subject, *constant) {
        (Item::Str(a), Item::Str(b)) => a == b,
        (Item::Str(_), _) => false,
        (Item::Null, b) => matches!(b, Item::Null),
        (Item::Bool(a), Item::Bool(b)) => a == b,
        (Item::Bool(a), b) => b.num().is_some_and(|n| a == (n.float() != 0.0)),
        (Item::Int(_) | Item::Float(_) | Item::Number(_), b) => match (subject.num(), b.num()) {
            (Some(a), Some(b)) => a.float() == b.float(),
            (Some(_), None) => false,
            (None, _) => return None,
        },
        _ => return None,
    })
}

/// Whether two scalars that have no order are equal; `None` where they have one, or are for the
/// general evaluator.
fn unordered(left: &Item<'_>, right: &Item<'_>) -> Option<bool> {
    let plain =
        |s: &Item<'_>| matches!(s, Item::Null | Item::Bool(_) | Item::Str(_)) || s.num().is_some();
    if !plain(left) || !plain(right) {
        return None;
    }
    match (*left, *right) {
        (Item::Null, right) => Some(matches!(right, Item::Null)),
        (Item::Bool(a), Item::Bool(b)) => Some(a == b),
        (Item::Bool(a), right) => Some(right.num().is_some_and(|n| a == (n.float() != 0.0))),
        (Item::Str(_), Item::Str(_)) => None,
        (Item::Str(_), _) => Some(false),
        (_, right) => right.num().is_none().then_some(false),
    }
}

fn compare(op: CompareOp, left: &Item<'_>, right: &Item<'_>) -> Option<bool> {
    if let Some(equal) = unordered(left, right) {
        return match op {
            CompareOp::Eq => Some(equal),
            CompareOp::Ne => Some(!equal),
            _ => None,
        };
    }
    let order = left.order(right)?;
    Some(match op {
        CompareOp::Eq => order == Ordering::Equal,
        CompareOp::Ne => order != Ordering::Equal,
        CompareOp::Lt => order == Ordering::Less,
        CompareOp::Le => order != Ordering::Greater,
        CompareOp::Gt => order == Ordering::Greater,
        CompareOp::Ge => order != Ordering::Less,
    })
}

fn arith<'b>(op: ArithOp, left: &Item<'b>, right: &Item<'b>, tools: &Tools<'b>) -> Fast<'b> {
    if let (ArithOp::Add, Some(a), Some(b)) = (op, left.text(), right.text()) {
        if !tools.fits() {
            return None;
        }
        let mut joined = bumpalo::collections::Vec::with_capacity_in(a.len() + b.len(), tools.bump);
        joined.extend_from_slice_copy(a);
        joined.extend_from_slice_copy(b);
        return Some(Item::Str(joined.into_bump_slice()));
    }
    let (a, b) = left.num().zip(right.num())?;
    compute(op, a, b)
}

#[inline]
fn compute<'b>(op: ArithOp, a: Num, b: Num) -> Fast<'b> {
    let number = match op {
        ArithOp::Add => a.combine(b, |a, b| a + b, i64::wrapping_add, u64::wrapping_add),
        ArithOp::Sub => a.combine(b, |a, b| a - b, i64::wrapping_sub, u64::wrapping_sub),
        ArithOp::Mul => a.combine(b, |a, b| a * b, i64::wrapping_mul, u64::wrapping_mul),
        ArithOp::Div if b.float() != 0.0 => Num::Float(a.float() / b.float()),
        ArithOp::Mod if b.int() != 0 => Num::Int(a.int().wrapping_rem(b.int())),
        ArithOp::Div | ArithOp::Mod => return None,
    };
    match Value::from(number) {
        Value::Int(n) => Some(Item::Int(n)),
        Value::Float(x) => Some(Item::Float(x)),
        _ => None,
    }
}
