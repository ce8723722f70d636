//! Membership and combinations of lists.

use super::{Class, Verb};
use crate::error::{QError, Result, length_error, type_error};
use crate::kernel::compare::{Compare, compare};
use crate::kernel::find::is_in;
use crate::session::Session;
use formats::k::{Data, K, Sym, Type, Vector};
use std::collections::{HashMap, HashSet};

fn member(cx: &mut Session, x: K, y: K) -> Result {
    cx.charge(1 + (x.len() + y.len()) / 4)?;
    if let (K::Vec(v), K::Vec(w)) = (&x, &y)
        && v.ty.is_floating()
        && matches!(w.ty as u8, 4..=7)
        && y.len() != 1
    {
        // Floats are not sought among whole numbers.
        return Err(type_error());
    }
    is_in(&x, &y)
}

fn within(cx: &mut Session, x: K, y: K) -> Result {
    if y.len() != 2 {
        return Err(length_error());
    }
    let (low, high) = (y.at(0), y.at(1));
    let above = crate::kernel::atomic::dyad(cx, &x, &low, &|x, y| compare(Compare::AtLeast, x, y))?;
    let below = crate::kernel::atomic::dyad(cx, &x, &high, &|x, y| compare(Compare::UpTo, x, y))?;
    super::arith::lesser(cx, above, below)
}

/// The items of `x` that are, or are not, in `y`.
fn kept(cx: &mut Session, x: &K, y: &K, present: bool) -> Result {
    cx.charge(1 + (x.len() + y.len()) / 4)?;
    let flags = match (x, y) {
        (K::Dict(d), _) => return kept(cx, &d.values, y, present),
        _ if !x.is_atom() => is_in(x, y)?,
        _ => return kept(cx, &x.clone().enlist(), y, present),
    };
    // Rows of tables and items of general lists are sought whole.
    let flags = if flags.len() == x.len() && !flags.is_atom() {
        flags
    } else {
        let one = |i: K| is_in(&i, y).map(|k| K::bool(k.as_long() == Some(1)));
        K::collapse(x.items().map(one).collect::<Result<Vec<_>>>()?)
    };
    let want = u8::from(present);
    let flags = match &flags {
        K::Vec(Vector { data: Data::U8(flags), .. }) => flags.as_slice(),
        _ => &[],
    };
    let index = flags.iter().zip(0i64..).filter(|(flag, _)| **flag == want);
    Ok(x.gather(&index.map(|(_, i)| i).collect::<Vec<_>>()))
}

/// The items of `x` that are not in `y`.
pub(super) fn without(cx: &mut Session, x: &K, y: &K) -> Result {
    kept(cx, x, y, false)
}

fn except(cx: &mut Session, x: K, y: K) -> Result {
    kept(cx, &x, &y, false)
}

fn inter(cx: &mut Session, x: K, y: K) -> Result {
    if let (K::Dict(d), K::Dict(e)) = (&x, &y) {
        return kept(cx, &d.values, &e.values, true);
    }
    kept(cx, &x, &y, true)
}

fn union(cx: &mut Session, x: K, y: K) -> Result {
    let both = super::join::join(cx, x, y)?;
    super::list::distinct(cx, both)
}

fn cross(cx: &mut Session, x: K, y: K) -> Result {
    cx.room(x.len().saturating_mul(y.len()))?;
    if let (K::Dict(d), K::Dict(e)) = (&x, &y) {
        return cx.deeper(|cx| {
            let keys = cross(cx, d.keys.clone(), e.keys.clone())?;
            Ok(K::dict(keys, cross(cx, d.values.clone(), e.values.clone())?))
        });
    }
    if let (K::Table(t), K::Table(u)) = (&x, &y) {
        let (n, m) = (t.rows() as i64, u.rows() as i64);
        let left: Vec<i64> = (0..n).flat_map(|i| (0..m).map(move |_| i)).collect();
        let right: Vec<i64> = (0..n).flat_map(|_| 0..m).collect();
        let mut names = t.names.to_vec();
        names.extend(u.names.iter());
        let mut columns = t.gather(&left).columns;
        columns.extend(u.gather(&right).columns);
        return Ok(K::table(names, columns)?);
    }
    let count = x.len().saturating_mul(y.len());
    cx.bytes(count.saturating_mul(size_of::<K>()))?;
    let mut out = Vec::with_capacity(count);
    for a in x.items() {
        for b in y.items() {
            out.push(super::join::join(cx, a.clone(), b)?);
        }
    }
    Ok(K::collapse(out))
}

/// Names of which each that is there already gets a number, the least that makes it another.
fn apart(cx: &mut Session, x: K) -> Result {
    if x.is_empty() {
        return Ok(K::empty(Type::Symbol));
    }
    let names = x.as_syms().ok_or_else(type_error)?;
    let mut out = Vec::with_capacity(names.len());
    let mut seen: HashSet<Sym> = HashSet::with_capacity(names.len());
    // The number to try next behind a name: those below are taken, and stay so.
    let mut next: HashMap<Sym, u64> = HashMap::new();
    for name in names {
        cx.charge(1)?;
        let mut other = *name;
        while !seen.insert(other) {
            cx.charge(1)?;
            let number = next.entry(*name).or_insert(0);
            *number += 1;
            let text = [name.as_bytes(), number.to_string().as_bytes()].concat();
            other = Sym::intern(&text).ok_or_else(|| QError::limit("limit"))?;
        }
        out.push(other);
    }
    Ok(K::syms(out))
}

pub(super) const VERBS: &[Verb] = &[
    Verb::infix(
        "in",
        Class::Other,
        member,
        "Whether items are in a list.",
        "q)1 5 in 1 2 3\n10b\nq)1 2. in 2\n01b\nq)1 2. in 2 3\n'type",
    ),
    Verb::infix(
        "within",
        Class::Other,
        within,
        "Whether items lie between two.",
        "q)1 5 9 within 2 9\n011b",
    ),
    Verb::infix(
        "except",
        Class::Other,
        except,
        "Items that are not in a list.",
        "q)1 2 3 4 except 2 3\n1 4",
    ),
    Verb::infix(
        "inter",
        Class::Other,
        inter,
        "Items that are in both lists.",
        "q)1 2 3 inter 2 3 4\n2 3",
    ),
    Verb::infix(
        "union",
        Class::Other,
        union,
        "The different items of both lists.",
        "q)1 2 union 2 3\n1 2 3",
    ),
    Verb::infix(
        "cross",
        Class::Other,
        cross,
        "All pairs of items.",
        "q)1 2 cross 3 4\n1 3\n1 4\n2 3\n2 4\n\
         q)(`a`b!1 2) cross `c`d!3 4\na c| 1 3\na d| 1 4\nb c| 2 3\nb d| 2 4\n\
         q)([k:`a`b]v:1 2) cross ([j:`c`d]w:3 4)\nk j| v w\n---| ---\na c| 1 3\n\
         a d| 1 4\nb c| 2 3\nb d| 2 4\nq)count (`a`b!1 2) cross (0#`)!0#0\n0",
    ),
    Verb::word(
        ".Q.id3",
        Class::Other,
        apart,
        "Names that differ, with numbers behind those that do not.",
        "q).Q.id3 `a`a`b`a\n`a`a1`b`a2\nq).Q.id3 `a`a1`a\n`a`a1`a2",
    ),
];
