//! Lists to lists of the same length: running totals, neighbours.

use super::{Class, Verb, arith};
use crate::convert::numeric::{Column, NULL, floats, from_floats, from_ints, ints};
use crate::error::{Result, type_error};
use crate::func::Fun;
use crate::session::Session;
use formats::k::{Data, K, Scalar, Type, Vector};

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

/// What a running total does with items that are numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Total {
    Sum,
    Product,
    Least,
    Greatest,
}

impl Total {
    fn int(self, s: i64, x: i64) -> i64 {
        match self {
            Self::Sum => s.wrapping_add(x),
            Self::Product => s.wrapping_mul(x),
            Self::Least => s.min(x),
            Self::Greatest => s.max(x),
        }
    }

    fn float(self, s: f64, x: f64) -> f64 {
        match self {
            Self::Sum => s + x,
            Self::Product => s * x,
            Self::Least => s.min(x),
            Self::Greatest => s.max(x),
        }
    }

    fn verb(self) -> super::Dyad {
        match self {
            Self::Sum => arith::add,
            Self::Product => arith::multiply,
            Self::Least => arith::lesser,
            Self::Greatest => arith::greater,
        }
    }

    /// What stands for nothing: no least or greatest item yet.
    fn nothing(self, ty: Type) -> i64 {
        let most = match ty.null() {
            Scalar::I16(_) => i64::from(i16::MAX),
            Scalar::I32(_) => i64::from(i32::MAX),
            _ => i64::MAX,
        };
        match self {
            Self::Sum | Self::Product => NULL,
            Self::Least => most,
            Self::Greatest => -most,
        }
    }

    /// The type of the totals.
    fn result(self, ty: Type) -> Option<Type> {
        let sums = matches!(self, Self::Sum | Self::Product);
        match ty {
            Type::List | Type::Guid | Type::Symbol => None,
            Type::Char if sums => None,
            Type::Bool | Type::Byte | Type::Short if sums => Some(Type::Int),
            _ => Some(ty),
        }
    }
}

/// Totals up to each item. Nulls add nothing, as the words have it, or make all that follows
/// null, as the operators have it.
fn totals(cx: &mut Session, x: &K, total: Total, nulls_add: bool) -> Result {
    let ty = x.ty().ok_or_else(type_error)?;
    if ty == Type::List {
        let mut state: Option<K> = None;
        let mut out = Vec::with_capacity(x.len());
        for item in x.items() {
            state = Some(match state {
                Some(state) => total.verb()(cx, state, item)?,
                None => item,
            });
            out.extend(state.clone());
        }
        return Ok(K::collapse(out));
    }
    let to = total.result(ty).ok_or_else(type_error)?;
    if ty.is_floating() {
        let Some(Column::Vec(v)) = floats(x) else { return Err(type_error()) };
        let mut state = f64::NAN;
        let step = |x: &f64| {
            state = match (state.is_nan(), x.is_nan()) {
                (true, _) if nulls_add => *x,
                (_, true) if nulls_add => state,
                _ => total.float(state, *x),
            };
            state
        };
        let mut v = v.into_owned();
        let mut step = step;
        if !nulls_add && let Some(first) = v.first().copied() {
            // The first item is a total by itself.
            let mut state = first;
            for x in v.iter_mut().skip(1) {
                state = total.float(state, *x);
                *x = state;
            }
        } else {
            v.iter_mut().for_each(|x| *x = step(x));
        }
        return Ok(from_floats(to, Column::Vec(v.into())));
    }
    let Some(Column::Vec(v)) = ints(x) else { return Err(type_error()) };
    let mut state: Option<i64> = None;
    let out = v.iter().map(|x| {
        let next = match state {
            None if *x == NULL && nulls_add => total.nothing(to),
            None => *x,
            Some(NULL) if nulls_add => *x,
            Some(s) if *x == NULL && nulls_add => s,
            Some(s) if matches!(total, Total::Least | Total::Greatest) => total.int(s, *x),
            Some(s) if s == NULL || *x == NULL => NULL,
            Some(s) => total.int(s, *x),
        };
        state = Some(next);
        next
    });
    Ok(from_ints(to, Column::Vec(out.collect::<Vec<_>>().into())))
}

macro_rules! running {
    ($($name:ident $total:ident),*) => {$(
        pub(super) fn $name(cx: &mut Session, x: K) -> Result {
            lists(cx, &x, &|cx, x| totals(cx, x, Total::$total, true))
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
    let out = totals(cx, x, total, false);
    Some(if all { out } else { out.map(|k| k.at(k.len() - 1)) })
}

fn avgs(cx: &mut Session, x: K) -> Result {
    lists(cx, &x, &|_, x| {
        let Some(Column::Vec(v)) = floats(x) else { return Err(type_error()) };
        let (mut sum, mut n) = (0.0, 0.0);
        let step = |x: &f64| {
            if !x.is_nan() {
                sum += x;
                n += 1.0;
            }
            sum / n
        };
        Ok(K::floats(v.iter().map(step).collect()))
    })
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

fn prev(cx: &mut Session, x: K) -> Result {
    lists(cx, &x, &|_, x| Ok(shifted(x, 1)))
}

fn next(cx: &mut Session, x: K) -> Result {
    lists(cx, &x, &|_, x| Ok(shifted(x, -1)))
}

fn xprev(cx: &mut Session, x: K, y: K) -> Result {
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
    lists(cx, &x, &|cx, x| prior_with(cx, x, "-"))
}

fn ratios(cx: &mut Session, x: K) -> Result {
    lists(cx, &x, &|cx, x| prior_with(cx, x, "%"))
}

fn differ(cx: &mut Session, x: K) -> Result {
    cx.charge(x.len())?;
    if x.is_atom() {
        return Err(type_error());
    }
    let flag = |i: usize| i == 0 || !crate::kernel::compare::matches(&x.at(i), &x.at(i - 1));
    Ok(K::bools((0..x.len()).map(|i| u8::from(flag(i))).collect()))
}

fn fills(cx: &mut Session, x: K) -> Result {
    lists(cx, &x, &|cx, x| {
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
    Verb::word("next", Class::Other, next, "The items after.", "q)next 1 2 3\n2 3 0N"),
    Verb::infix(
        "xprev",
        Class::Other,
        xprev,
        "The items some places before.",
        "q)2 xprev 1 2 3\n0N 0N 1",
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
