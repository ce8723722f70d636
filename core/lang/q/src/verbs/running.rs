//! Lists to lists of the same length: running totals, neighbours.

use super::{Class, Verb, arith};
use crate::convert::numeric::{Column, NULL, floats, from_floats, from_ints, ints};
use crate::error::{Result, rank_error, type_error};
use crate::func::Fun;
use crate::kernel::running::{Running, Total, running};
use crate::kernel::segments::Ids;
use crate::session::Session;
use formats::k::{Data, K, Type, Vector};

/// Applies a function of one list to the values of dictionaries and the columns of tables.
fn lists(cx: &mut Session, x: &K, f: &dyn Fn(&mut Session, &K) -> Result) -> Result {
    cx.charge(1 + x.len() / 8)?;
    match x {
        K::Dict(d) => Ok(K::dict(d.keys.clone(), lists(cx, &d.values, f)?)),
        K::Table(t) => {
            let columns = t.columns.iter().map(|c| lists(cx, c, f)).collect::<Result<Vec<_>>>()?;
            Ok(K::table(t.names.to_vec(), columns)?)
        }
        K::Vec(_) => f(cx, x),
        _ => Ok(x.clone()),
    }
}

/// The operator of a running total.
fn operator(total: Total) -> super::Dyad {
    match total {
        Total::Sum => arith::add,
        Total::Product => arith::multiply,
        Total::Least => arith::lesser,
        Total::Greatest => arith::greater,
    }
}

/// Totals of general lists, item by item.
fn totals_of_list(cx: &mut Session, x: &K, total: Total) -> Result {
    let mut state: Option<K> = None;
    let mut out = Vec::with_capacity(x.len());
    for item in x.items() {
        state = Some(match state {
            Some(state) => operator(total)(cx, state, item)?,
            None => item,
        });
        out.extend(state.clone());
    }
    Ok(K::collapse(out))
}

/// Totals up to each item of a vector, as the operators have it: a null makes all that follows
/// null.
fn scanned(x: &K, total: Total) -> Result {
    let ty = x.ty().ok_or_else(type_error)?;
    let to = total.result(ty).ok_or_else(type_error)?;
    if ty.is_floating() {
        let Some(Column::Vec(v)) = floats(x) else { return Err(type_error()) };
        let mut v = v.into_owned();
        // The first item is a total by itself.
        let mut state = v.first().copied().unwrap_or(f64::NAN);
        for x in v.iter_mut().skip(1) {
            state = total.float(state, *x);
            *x = state;
        }
        return Ok(from_floats(to, Column::Vec(v.into())));
    }
    let Some(Column::Vec(v)) = ints(x) else { return Err(type_error()) };
    let mut state: Option<i64> = None;
    let out = v.iter().map(|x| {
        let next = match state {
            None => *x,
            Some(s) if matches!(total, Total::Least | Total::Greatest) => total.int(s, *x),
            Some(s) if s == NULL || *x == NULL => NULL,
            Some(s) => total.int(s, *x),
        };
        state = Some(next);
        next
    });
    Ok(from_ints(to, Column::Vec(out.collect::<Vec<_>>().into())))
}

/// The kernel of a running function, or what to do where there is none.
fn by_kernel(
    cx: &mut Session,
    x: &K,
    op: Running,
    general: &dyn Fn(&mut Session, &K) -> Result,
) -> Result {
    lists(cx, x, &|cx, x| match running(op, x, Ids::One)? {
        Some(out) => Ok(out),
        None => general(cx, x),
    })
}

macro_rules! running {
    ($($name:ident $total:ident),*) => {$(
        pub(super) fn $name(cx: &mut Session, x: K) -> Result {
            by_kernel(cx, &x, Running::Total(Total::$total), &|cx, x| {
                totals_of_list(cx, x, Total::$total)
            })
        }
    )*};
}
running!(sums Sum, prds Product, mins Least, maxs Greatest);

/// The kernel of `f/` or `f\` over a vector of numbers, where there is one.
pub(crate) fn fold_kernel(cx: &mut Session, f: &K, x: &K, all: bool) -> Option<Result> {
    let total = match Fun::verb(f)?.name {
        "+" => Total::Sum,
        "*" => Total::Product,
        "&" => Total::Least,
        "|" => Total::Greatest,
        "," if !all => return Some(super::list::raze(cx, x.clone())),
        _ => return None,
    };
    let K::Vec(v) = x else { return None };
    if v.data.is_empty() || !v.ty.is_numeric() {
        return None;
    }
    let out = scanned(x, total);
    Some(if all { out } else { out.map(|k| k.at(k.len() - 1)) })
}

fn avgs(cx: &mut Session, x: K) -> Result {
    by_kernel(cx, &x, Running::Means, &|_, _| Err(type_error()))
}

/// A list moved by a number of places, nulls coming in.
pub(super) fn shifted(x: &K, by: i64) -> K {
    let index: Vec<i64> = (0..x.len() as i64).map(|i| i.saturating_sub(by)).collect();
    match x {
        // What comes in before strings and other lists is an empty one.
        K::Vec(Vector { data: Data::List(_), .. }) => x.gather(&index),
        _ => x.gather(&index),
    }
}

/// An atom has no neighbours.
fn is_list(x: &K) -> Result<()> {
    if let K::Atom(..) = x { Err(rank_error()) } else { Ok(()) }
}

fn prev(cx: &mut Session, x: K) -> Result {
    lists(cx, &x, &|_, x| Ok(shifted(x, 1)))
}

fn next(cx: &mut Session, x: K) -> Result {
    is_list(&x)?;
    lists(cx, &x, &|_, x| Ok(shifted(x, -1)))
}

fn xprev(cx: &mut Session, x: K, y: K) -> Result {
    is_list(&y)?;
    let by = x.as_long().ok_or_else(type_error)?;
    lists(cx, &y, &|_, y| Ok(shifted(y, by)))
}

fn prior_with(cx: &mut Session, x: &K, name: &str) -> Result {
    crate::iterators::prior(cx, &super::value(name), vec![x.clone()])
}

fn deltas(cx: &mut Session, x: K) -> Result {
    if let K::Vec(Vector { ty: Type::Long, data: Data::I64(v), .. }) = &x {
        let mut before = 0;
        let step = |x: &i64| {
            let delta = if *x == NULL || before == NULL { NULL } else { x.wrapping_sub(before) };
            before = *x;
            delta
        };
        return Ok(K::longs(v.iter().map(step).collect()));
    }
    by_kernel(cx, &x, Running::Deltas, &|cx, x| prior_with(cx, x, "-"))
}

fn ratios(cx: &mut Session, x: K) -> Result {
    by_kernel(cx, &x, Running::Ratios, &|cx, x| prior_with(cx, x, "%"))
}

fn differ(cx: &mut Session, x: K) -> Result {
    cx.charge(x.len())?;
    if x.is_atom() {
        return Err(type_error());
    }
    if let Some(flags) = running(Running::Differ, &x, Ids::One)? {
        return Ok(flags);
    }
    let flag = |i: usize| i == 0 || !crate::kernel::compare::matches(&x.at(i), &x.at(i - 1));
    Ok(K::bools((0..x.len()).map(|i| u8::from(flag(i))).collect()))
}

fn fills(cx: &mut Session, x: K) -> Result {
    by_kernel(cx, &x, Running::Fills, &|cx, x| {
        let nulls = super::compare::is_null(cx, x.clone())?;
        let mut last = -1;
        let index = nulls.items().zip(0..).map(|(null, i)| {
            if null.as_long() == Some(0) {
                last = i;
            }
            if last < 0 { i } else { last }
        });
        let index: Vec<i64> = index.collect();
        Ok(x.gather(&index))
    })
}

pub(super) const VERBS: &[Verb] = &[
    Verb::word("sums", Class::Other, sums, "Running sums.", "q)sums 1 2 3\n1 3 6"),
    Verb::word("prds", Class::Other, prds, "Running products.", "q)prds 1 2 3\n1 2 6"),
    Verb::word("mins", Class::Other, mins, "Running minimums.", "q)mins 3 1 2\n3 1 1"),
    Verb::word("maxs", Class::Other, maxs, "Running maximums.", "q)maxs 1 3 2\n1 3 3"),
    Verb::word("avgs", Class::Other, avgs, "Running means.", "q)avgs 1 2 3\n1 1.5 2"),
    Verb::word("prev", Class::Other, prev, "The items before.", "q)prev 1 2 3\n0N 1 2"),
    Verb::word(
        "next",
        Class::Other,
        next,
        "The items after.",
        "q)next 1 2 3\n2 3 0N\nq)next 5\n'rank",
    ),
    Verb::infix(
        "xprev",
        Class::Other,
        xprev,
        "The items some places before.",
        "q)2 xprev 1 2 3\n0N 0N 1\nq)2 xprev 5\n'rank",
    ),
    Verb::word(
        "deltas",
        Class::Other,
        deltas,
        "Differences of neighbours.",
        "q)deltas 1 3 6\n1 2 3",
    ),
    Verb::word("ratios", Class::Other, ratios, "Ratios of neighbours.", "q)ratios 2 4 6\n2 2 1.5"),
    Verb::word(
        "differ",
        Class::Other,
        differ,
        "Whether items differ from those before.",
        "q)differ 1 1 2\n101b",
    ),
    Verb::word(
        "fills",
        Class::Other,
        fills,
        "Replaces nulls by the value before.",
        "q)fills 0N 1 0N 2\n0N 1 1 2",
    ),
];
