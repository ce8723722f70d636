//! Lists to atoms.

use super::{Class, Verb, arith};
use crate::convert::numeric::{Column, NULL, floats};
use crate::error::{Result, length_error, type_error};
use crate::kernel::aggregate::{Aggregate, whole};
use crate::kernel::segments::{Ids, Segments};
use crate::kernel::statistics::{Pairs, Statistic, of_one, of_pairs};
use crate::session::Session;
use formats::k::{K, Type};

/// A fold of the items of a general list, where the aggregate of a vector has no meaning.
fn folded(cx: &mut Session, x: &K, f: super::Dyad) -> Result {
    let mut items = x.items();
    let Some(mut state) = items.next() else { return Ok(K::long(0)) };
    for item in items {
        state = f(cx, state, item)?;
    }
    Ok(state)
}

/// The vector that a list of numbers of several types stands for.
fn numbers(x: &K) -> Option<K> {
    let plain = |k: &K| matches!(k, K::Atom(ty, _) if matches!(*ty as u8, 1 | 4..=9));
    let items = x.as_list()?;
    if !items.iter().all(plain) {
        return None;
    }
    let widest = items.iter().filter_map(K::ty).max()?;
    let items = items.iter().map(|k| crate::convert::cast::cast(widest, k));
    items.collect::<Result<Vec<_>>>().ok().map(K::collapse)
}

/// An aggregate of vectors, of the values of dictionaries, of each column of a table.
fn aggregate(cx: &mut Session, x: &K, op: Aggregate, fold: super::Dyad) -> Result {
    match x {
        K::Dict(d) => aggregate(cx, &d.values, op, fold),
        K::Table(t) => {
            let columns = t.columns.iter().map(|c| aggregate(cx, c, op, fold));
            let values = K::collapse(columns.collect::<Result<Vec<_>>>()?);
            Ok(K::dict(K::syms(t.names.to_vec()), values))
        }
        K::Vec(v) if v.ty == Type::List && !x.is_empty() => {
            cx.charge(x.len())?;
            match numbers(x) {
                // Numbers of several types are one vector of the widest.
                Some(vector) => whole(op, &vector),
                None => folded(cx, x, fold),
            }
        }
        K::Vec(v) if v.ty == Type::List => match op {
            Aggregate::All | Aggregate::Any => Ok(K::bool(op == Aggregate::All)),
            Aggregate::Avg => Ok(K::float(f64::NAN)),
            Aggregate::Prd => Ok(K::long(1)),
            _ => Ok(K::long(0)),
        },
        K::Vec(_) => {
            cx.charge(1 + x.len() / 8)?;
            whole(op, x)
        }
        K::Atom(..) => whole(op, &x.clone().enlist()),
        _ => Err(type_error()),
    }
}

fn sum(cx: &mut Session, x: K) -> Result {
    aggregate(cx, &x, Aggregate::Sum, arith::add)
}

fn prd(cx: &mut Session, x: K) -> Result {
    aggregate(cx, &x, Aggregate::Prd, arith::multiply)
}

fn min(cx: &mut Session, x: K) -> Result {
    aggregate(cx, &x, Aggregate::Min, arith::lesser)
}

fn max(cx: &mut Session, x: K) -> Result {
    aggregate(cx, &x, Aggregate::Max, arith::greater)
}

pub(super) fn avg(cx: &mut Session, x: K) -> Result {
    if let K::Vec(v) = &x
        && v.ty == Type::List
        && !x.is_empty()
    {
        // Nulls are items like any other here.
        let count = K::long(x.len() as i64);
        let sum = sum(cx, x)?;
        return arith::divide(cx, sum, count);
    }
    if let K::Dict(d) = &x {
        return avg(cx, d.values.clone());
    }
    if let K::Table(t) = &x {
        return by_column(cx, t, avg);
    }
    aggregate(cx, &x, Aggregate::Avg, arith::add)
}

fn by_column(cx: &mut Session, t: &formats::k::Table, f: super::Monad) -> Result {
    let values = t.columns.iter().map(|c| f(cx, c.clone())).collect::<Result<Vec<_>>>()?;
    Ok(K::dict(K::syms(t.names.to_vec()), K::collapse(values)))
}

fn all(cx: &mut Session, x: K) -> Result {
    aggregate(cx, &x, Aggregate::All, arith::lesser)
}

fn any(cx: &mut Session, x: K) -> Result {
    aggregate(cx, &x, Aggregate::Any, arith::greater)
}

fn count(_: &mut Session, x: K) -> Result {
    Ok(K::long(x.len() as i64))
}

pub(super) fn first(_: &mut Session, x: K) -> Result {
    Ok(x.at(0))
}

fn last(_: &mut Session, x: K) -> Result {
    Ok(x.at(x.len().checked_sub(1).unwrap_or(usize::MAX)))
}

/// The items as floats.
fn as_floats(x: &K) -> Result<Vec<f64>> {
    if matches!(x.ty(), Some(Type::Symbol | Type::Char | Type::Guid)) {
        return Err(type_error());
    }
    if x.ty() == Some(Type::List) {
        let items = x.items().map(|i| as_floats(&i)).collect::<Result<Vec<_>>>()?;
        return Ok(items.into_iter().flatten().collect());
    }
    Ok(match floats(x).ok_or_else(type_error)? {
        Column::Atom(x) => vec![x],
        Column::Vec(v) => v.into_owned(),
    })
}

/// Statistics of one list, by column for tables.
fn statistic(cx: &mut Session, x: &K, op: Statistic) -> Result {
    cx.charge(1 + x.len() / 4)?;
    let of = |items: &[f64]| {
        let all = Segments::default();
        K::floats(of_one(op, items, Ids::One, || &all)).at(0)
    };
    match x {
        K::Dict(d) => statistic(cx, &d.values, op),
        K::Table(t) => {
            let columns = t.columns.iter().map(|c| statistic(cx, c, op));
            let values = K::collapse(columns.collect::<Result<Vec<_>>>()?);
            Ok(K::dict(K::syms(t.names.to_vec()), values))
        }
        K::Vec(v) if v.ty == Type::List && x.items().any(|i| !i.is_atom()) => {
            let columns = cx.call1(&super::value("flip"), x.clone())?;
            let items = columns.items().map(|c| statistic(cx, &c, op));
            Ok(K::collapse(items.collect::<Result<Vec<_>>>()?))
        }
        K::Vec(v) if v.ty.is_numeric() => match floats(x).ok_or_else(type_error)? {
            Column::Atom(x) => Ok(of(&[x])),
            Column::Vec(v) => Ok(of(&v)),
        },
        _ => Ok(of(&as_floats(x)?)),
    }
}

macro_rules! statistics {
    ($($name:ident $op:ident),*) => {$(
        fn $name(cx: &mut Session, x: K) -> Result {
            statistic(cx, &x, Statistic::$op)
        }
    )*};
}
statistics!(
    med Median, var Variance, dev Deviation, svar SampleVariance, sdev SampleDeviation
);

/// A statistic of the pairs of two lists in which neither is null; an atom goes with every item.
fn paired(op: Pairs, x: &K, y: &K) -> Result {
    let bad = |k: &K| matches!(k.ty(), Some(Type::Symbol | Type::Char | Type::Guid));
    if bad(x) || bad(y) {
        return Err(type_error());
    }
    let (x, y) = (floats(x).ok_or_else(type_error)?, floats(y).ok_or_else(type_error)?);
    let rows = match (x.rows(), y.rows()) {
        (Some(n), Some(m)) if n != m => return Err(length_error()),
        (Some(n), _) | (None, Some(n)) => n,
        (None, None) => 1,
    };
    let items = |c| match c {
        Column::Atom(x) => vec![x; rows].into(),
        Column::Vec(v) => v,
    };
    Ok(K::floats(of_pairs(op, &items(x), &items(y), Ids::One)).at(0))
}

fn wavg(cx: &mut Session, x: K, y: K) -> Result {
    if let K::Dict(d) = &y
        && y.keyed().is_none()
    {
        return wavg(cx, x, d.values.clone());
    }
    if y.ty() == Some(Type::List) {
        let products = arith::multiply(cx, x.clone(), y)?;
        let (top, bottom) = (sum(cx, products)?, sum(cx, x)?);
        return arith::divide(cx, top, bottom);
    }
    paired(Pairs::WeightedMean, &x, &y)
}

fn wsum(cx: &mut Session, x: K, y: K) -> Result {
    // Two lists of whole numbers give a float.
    let whole = |k: &K| matches!(k, K::Vec(v) if v.ty != Type::List);
    let floats = whole(&x) && whole(&y);
    let products = arith::multiply(cx, x, y)?;
    let total = sum(cx, products)?;
    if floats { crate::convert::cast::cast(Type::Float, &total) } else { Ok(total) }
}

fn cov(_: &mut Session, x: K, y: K) -> Result {
    paired(Pairs::Covariance, &x, &y)
}

fn scov(_: &mut Session, x: K, y: K) -> Result {
    paired(Pairs::SampleCovariance, &x, &y)
}

fn cor(_: &mut Session, x: K, y: K) -> Result {
    paired(Pairs::Correlation, &x, &y)
}

/// Whether a value is the null long, which some functions take for "none".
pub(super) fn is_null_long(k: &K) -> bool {
    matches!(k, K::Atom(_, formats::k::Scalar::I64(NULL)))
}

const fn kernel(op: Aggregate) -> Class {
    Class::Aggregate(op)
}

pub(super) const VERBS: &[Verb] = &[
    Verb::word(
        "sum",
        kernel(Aggregate::Sum),
        sum,
        "Adds all.",
        "q)sum 1 0N 3\n4\nq)sum (1 2;3 4)\n4 6",
    ),
    Verb::word("prd", kernel(Aggregate::Prd), prd, "Multiplies all.", "q)prd 2 3 4\n24"),
    Verb::word("min", kernel(Aggregate::Min), min, "The least.", "q)min 3 1 2\n1"),
    Verb::word("max", kernel(Aggregate::Max), max, "The greatest.", "q)max 3 1 2\n3"),
    Verb::word("avg", kernel(Aggregate::Avg), avg, "The mean.", "q)avg 1 2 0N\n1.5"),
    Verb::word("all", kernel(Aggregate::All), all, "Whether all are true.", "q)all 110b\n0b"),
    Verb::word("any", kernel(Aggregate::Any), any, "Whether any is true.", "q)any 110b\n1b"),
    Verb::word(
        "count",
        kernel(Aggregate::Count),
        count,
        "The number of items.",
        "q)count 1 2 3\n3",
    ),
    Verb::word("first", kernel(Aggregate::First), first, "The first item.", "q)first 3 1 2\n3"),
    Verb::word("last", kernel(Aggregate::Last), last, "The last item.", "q)last 3 1 2\n2"),
    Verb::word("med", Class::Other, med, "The median.", "q)med 1 3 2\n2f\nq)med 0N 1 3 5\n2f"),
    Verb::word("var", Class::Other, var, "The variance.", "q)var 1 2 3 4\n1.25"),
    Verb::word("dev", Class::Other, dev, "The standard deviation.", "q)dev 1 2 3 4\n1.118034"),
    Verb::word("svar", Class::Other, svar, "The variance of a sample.", "q)svar 1 2 3\n1f"),
    Verb::word("sdev", Class::Other, sdev, "The deviation of a sample.", "q)sdev 1 2 3\n1f"),
    Verb::infix("wavg", Class::Other, wavg, "The mean by weights.", "q)2 1 wavg 10 40\n20f"),
    Verb::infix("wsum", Class::Other, wsum, "The sum by weights.", "q)2 1 wsum 10 40\n60f"),
    Verb::infix("cov", Class::Other, cov, "The covariance.", "q)1 2 3 cov 2 4 6\n1.333333"),
    Verb::infix(
        "scov",
        Class::Other,
        scov,
        "The covariance of a sample.",
        "q)1 2 3 scov 2 4 6\n2f",
    ),
    Verb::infix("cor", Class::Other, cor, "The correlation.", "q)1 2 3 cor 2 4 6\n1f"),
];
