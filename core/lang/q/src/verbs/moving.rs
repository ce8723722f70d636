//! Moving windows of a number of items.

use super::{Class, Verb};
use crate::convert::numeric::{Column, floats, from_floats};
use crate::error::{Result, length_error, type_error};
use crate::session::Session;
use formats::k::{K, Type};

/// Runs a moving function on the columns of tables and, item by item, on lists of lists.
fn columns(cx: &mut Session, x: &K, y: &K, f: super::Dyad) -> Option<Result> {
    let lists = |cx: &mut Session, y: &K| -> Result {
        let flip = super::value("flip");
        let turned = cx.call1(&flip, y.clone())?;
        let moved = turned.items().map(|c| f(cx, x.clone(), c)).collect::<Result<Vec<_>>>()?;
        cx.call1(&flip, K::list(moved))
    };
    match y {
        K::Table(t) => {
            let moved = t.columns.iter().map(|c| f(cx, x.clone(), c.clone()));
            let moved = moved.collect::<Result<Vec<_>>>();
            Some(moved.and_then(|c| Ok(K::table(t.names.to_vec(), c)?)))
        }
        K::Dict(d) => {
            let moved = f(cx, x.clone(), d.values.clone());
            Some(moved.map(|values| K::dict(d.keys.clone(), values)))
        }
        K::Vec(v) if v.ty == Type::List && y.items().any(|i| !i.is_atom()) => Some(lists(cx, y)),
        _ => None,
    }
}

/// The items as floats, and the width of the window.
fn window(cx: &mut Session, x: &K, y: &K) -> Result<(usize, Vec<f64>)> {
    let width = x.as_long().ok_or_else(type_error)?.max(0);
    cx.charge(1 + y.len())?;
    if matches!(y.ty(), Some(Type::Symbol | Type::Guid | Type::Char) | None) {
        return Err(type_error());
    }
    match floats(y).ok_or_else(type_error)? {
        Column::Vec(v) => Ok((usize::try_from(width).unwrap_or(usize::MAX), v.into_owned())),
        Column::Atom(_) => Err(type_error()),
    }
}

/// Sum and count of the present items in the window that ends at each item.
fn sums(width: usize, v: &[f64]) -> Vec<(f64, f64)> {
    let (mut sum, mut n) = (0.0, 0.0);
    let mut out = Vec::with_capacity(v.len());
    for (i, x) in v.iter().enumerate() {
        if !x.is_nan() {
            sum += x;
            n += 1.0;
        }
        if let Some(gone) = i.checked_sub(width).and_then(|i| v.get(i)).filter(|x| !x.is_nan()) {
            sum -= gone;
            n -= 1.0;
        }
        out.push((sum, n));
    }
    out
}

/// The same type as the items for whole numbers, else floats.
fn typed(y: &K, out: Vec<f64>) -> K {
    let to = match y.ty() {
        Some(Type::Bool | Type::Byte | Type::Short) => Type::Int,
        Some(ty) => ty,
        None => Type::Float,
    };
    from_floats(to, Column::Vec(out.into()))
}

fn msum(cx: &mut Session, x: K, y: K) -> Result {
    if let Some(out) = columns(cx, &x, &y, msum) {
        return out;
    }
    let (width, v) = window(cx, &x, &y)?;
    Ok(typed(&y, sums(width, &v).into_iter().map(|(s, _)| s).collect()))
}

fn mavg(cx: &mut Session, x: K, y: K) -> Result {
    if let Some(out) = columns(cx, &x, &y, mavg) {
        return out;
    }
    let (width, v) = window(cx, &x, &y)?;
    Ok(K::floats(sums(width, &v).into_iter().map(|(s, n)| s / n).collect()))
}

fn mcount(cx: &mut Session, x: K, y: K) -> Result {
    if let Some(out) = columns(cx, &x, &y, mcount) {
        return out;
    }
    let (width, v) = window(cx, &x, &y)?;
    let counts = sums(width, &v).into_iter().map(|(_, n)| n);
    let counts = counts.collect::<Vec<_>>();
    Ok(from_floats(Type::Long, Column::Vec(counts.into())))
}

/// The best item of each window, kept in a queue of candidates.
fn extreme(cx: &mut Session, x: &K, y: &K, better: fn(f64, f64) -> bool) -> Result {
    let (width, v) = window(cx, x, y)?;
    if width == 0 {
        return Ok(y.clone());
    }
    let mut queue: std::collections::VecDeque<(usize, f64)> = std::collections::VecDeque::new();
    let mut out = Vec::with_capacity(v.len());
    for (i, x) in v.iter().enumerate() {
        while queue.back().is_some_and(|(_, last)| !better(*last, *x)) {
            queue.pop_back();
        }
        queue.push_back((i, *x));
        while queue.front().is_some_and(|(at, _)| at.saturating_add(width) <= i) {
            queue.pop_front();
        }
        out.push(queue.front().map_or(f64::NAN, |(_, x)| *x));
    }
    Ok(typed(y, out))
}

/// The negative infinity of a type; its null where there is none.
fn lowest(y: &K) -> K {
    let ty = y.ty().unwrap_or(Type::Float);
    from_floats(ty, Column::Atom(f64::NEG_INFINITY))
}

fn mmax(cx: &mut Session, x: K, y: K) -> Result {
    if let Some(out) = columns(cx, &x, &y, mmax) {
        return out;
    }
    // Of nulls only, the maximum is less than anything.
    let over = |a: f64, b: f64| b.is_nan() || a > b;
    let filled = cx.call2(&super::value("^"), lowest(&y), y)?;
    extreme(cx, &x, &filled, over)
}

fn mmin(cx: &mut Session, x: K, y: K) -> Result {
    if let Some(out) = columns(cx, &x, &y, mmin) {
        return out;
    }
    // A null is less than anything.
    extreme(cx, &x, &y, |a, b| a.is_nan() && !b.is_nan() || a < b)
}

fn mdev(cx: &mut Session, x: K, y: K) -> Result {
    if let Some(out) = columns(cx, &x, &y, mdev) {
        return out;
    }
    let (width, v) = window(cx, &x, &y)?;
    let squares: Vec<f64> = v.iter().map(|x| x * x).collect();
    let both = sums(width, &v).into_iter().zip(sums(width, &squares));
    let dev = |((s, n), (q, _)): ((f64, f64), (f64, f64))| {
        let mean = s / n;
        let square = q / n - mean * mean;
        // Of nothing there is no deviation.
        if square.is_nan() { square } else { square.max(0.0).sqrt() }
    };
    Ok(K::floats(both.map(dev).collect()))
}

fn ema(cx: &mut Session, x: K, y: K) -> Result {
    let weights = floats(&x).ok_or_else(type_error)?;
    let (_, v) = window(cx, &K::long(1), &y)?;
    if weights.rows().is_some_and(|rows| rows != v.len()) {
        return Err(length_error());
    }
    let weight = |at: usize| match &weights {
        Column::Atom(weight) => *weight,
        Column::Vec(weights) => weights.get(at).copied().unwrap_or(f64::NAN),
    };
    // After a null all is null.
    let mut state = v.first().copied().unwrap_or(f64::NAN);
    let step = |(at, x): (usize, &f64)| {
        state = if at == 0 { state } else { (1.0 - weight(at)) * state + weight(at) * x };
        state
    };
    Ok(K::floats(v.iter().enumerate().map(step).collect()))
}

pub(super) const VERBS: &[Verb] = &[
    Verb::infix("msum", Class::Other, msum, "Moving sums.", "q)2 msum 1 2 3 4\n1 3 5 7"),
    Verb::infix("mavg", Class::Other, mavg, "Moving means.", "q)2 mavg 1 2 3 5\n1 1.5 2.5 4"),
    Verb::infix(
        "mcount",
        Class::Other,
        mcount,
        "Moving counts of what is not null.",
        "q)2 mcount 1 0N 3\n1 1 1",
    ),
    Verb::infix("mmax", Class::Other, mmax, "Moving maximums.", "q)2 mmax 3 1 2\n3 3 2"),
    Verb::infix("mmin", Class::Other, mmin, "Moving minimums.", "q)2 mmin 3 1 2\n3 1 1"),
    Verb::infix(
        "mdev",
        Class::Other,
        mdev,
        "Moving standard deviations.",
        "q)2 mdev 1 3 5\n0 1 1f\nq)2 mdev 0N 1 3\n0n 0 1",
    ),
    Verb::infix(
        "ema",
        Class::Other,
        ema,
        "The exponential moving average.",
        "q)0.5 ema 2 4 4\n2 3 3.5\nq)ema[0.1;1 2 3 0n 4]\n1 1.1 1.29 0n 0n\n\
         q)0 0.5 1 ema 2 4 4\n2 3 4f\nq)0 0.5 ema 2 4 4\n'length",
    ),
];
