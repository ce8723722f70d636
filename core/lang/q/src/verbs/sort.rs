//! Sorting and searching what is sorted.

use super::{Class, Verb};
use crate::error::{Result, domain_error, rank_error, type_error};
use crate::kernel::{attribute, bin, order};
use crate::session::Session;
use formats::k::{Attr, Data, K, Vector};
use std::sync::Arc;

/// Places in ascending or descending order; equal items stay in the order they have.
pub(super) fn places(cx: &mut Session, x: &K, descending: bool) -> Result<Vec<i64>> {
    cx.charge(1 + x.len())?;
    if !descending {
        return order::ascending(x);
    }
    order::descending(x)
}

fn sorted(cx: &mut Session, x: K, descending: bool) -> Result {
    match &x {
        K::Dict(d) => {
            let places = places(cx, &d.values, descending)?;
            let values = d.values.gather(&places);
            let values = match values {
                K::Table(t) if !descending => K::Table(Arc::new(attribute::sorted_table(&t))),
                values if descending => values,
                values => values.with_attr(Attr::Sorted),
            };
            Ok(K::dict(d.keys.gather(&places), values))
        }
        K::Table(t) => {
            let out = t.gather(&places(cx, &x, descending)?);
            let out = if descending { out } else { attribute::sorted_table(&out) };
            Ok(K::Table(Arc::new(out)))
        }
        K::Vec(v) => {
            cx.charge(1 + x.len())?;
            let out = match order::sorted(v, descending) {
                Some(out) => out,
                None => x.gather(&places(cx, &x, descending)?),
            };
            Ok(if descending { out } else { out.with_attr(Attr::Sorted) })
        }
        K::Atom(..) => Err(rank_error()),
        K::Func(_) | K::Null => Err(type_error()),
    }
}

fn asc(cx: &mut Session, x: K) -> Result {
    sorted(cx, x, false)
}

fn desc(cx: &mut Session, x: K) -> Result {
    sorted(cx, x, true)
}

fn graded(cx: &mut Session, x: K, descending: bool) -> Result {
    match &x {
        K::Dict(d) => Ok(d.keys.gather(&places(cx, &d.values, descending)?)),
        _ if x.is_atom() => Err(crate::error::rank_error()),
        _ => Ok(K::longs(places(cx, &x, descending)?)),
    }
}

fn iasc(cx: &mut Session, x: K) -> Result {
    graded(cx, x, false)
}

fn idesc(cx: &mut Session, x: K) -> Result {
    graded(cx, x, true)
}

fn rank(cx: &mut Session, x: K) -> Result {
    if let K::Dict(_) = x {
        let keys = graded(cx, x, false)?;
        return iasc(cx, keys);
    }
    if x.is_atom() {
        return Err(crate::error::rank_error());
    }
    Ok(K::longs(ranked(&places(cx, &x, false)?)))
}

/// The number of each place in a list of all of them.
fn ranked(places: &[i64]) -> Vec<i64> {
    let mut ranks = vec![0i64; places.len()];
    for (rank, place) in (0..).zip(places) {
        if let Some(slot) = usize::try_from(*place).ok().and_then(|p| ranks.get_mut(p)) {
            *slot = rank;
        }
    }
    ranks
}

fn xrank(cx: &mut Session, x: K, y: K) -> Result {
    let buckets = x.as_long().filter(|n| *n > 0).ok_or_else(domain_error)?;
    let len = y.len() as i64;
    let ranks = rank(cx, y)?;
    let bucket = |r: i64| r.saturating_mul(buckets) / len.max(1);
    match ranks {
        K::Vec(Vector { data: Data::I64(ranks), .. }) => {
            Ok(K::longs(ranks.iter().map(|r| bucket(*r)).collect()))
        }
        ranks => Ok(K::longs(ranks.items().map(|r| r.as_long().map_or(0, bucket)).collect())),
    }
}

fn bin(cx: &mut Session, x: K, y: K) -> Result {
    // Rows are sought among all rows.
    let rows = if matches!(x, K::Table(_)) || x.keyed().is_some() { 8 * x.len() } else { 0 };
    cx.charge(1 + y.len() + rows)?;
    bin::bin(&x, &y, false)
}

fn binr(cx: &mut Session, x: K, y: K) -> Result {
    cx.charge(1 + y.len())?;
    bin::bin(&x, &y, true)
}

pub(super) const VERBS: &[Verb] = &[
    Verb::word("asc", Class::Other, asc, "Sorts upwards.", "q)asc 3 1 2\n`s#1 2 3\nq)asc 5\n'rank"),
    Verb::word(
        "desc",
        Class::Other,
        desc,
        "Sorts downwards.",
        "q)desc 3 1 2\n3 2 1\nq)desc 5\n'rank",
    ),
    Verb::word("<:", Class::Other, iasc, "As `iasc`.", "q)(<:)3 1 2\n1 2 0\nq)(<:;>:)\n<:\n>:"),
    Verb::word(">:", Class::Other, idesc, "As `idesc`.", "q)(>:)3 1 2\n0 2 1"),
    Verb::word(
        "iasc",
        Class::Other,
        iasc,
        "The places of the items in ascending order.",
        "q)iasc 30 10 20\n1 2 0",
    ),
    Verb::word(
        "idesc",
        Class::Other,
        idesc,
        "The places of the items in descending order.",
        "q)idesc 30 10 20\n0 2 1",
    ),
    Verb::word(
        "rank",
        Class::Other,
        rank,
        "The place of each item in ascending order.",
        "q)rank 30 10 20\n2 0 1",
    ),
    Verb::infix(
        "xrank",
        Class::Other,
        xrank,
        "Divides items by rank into buckets.",
        "q)2 xrank 1 37 5 4\n0 1 1 0",
    ),
    Verb::infix(
        "bin",
        Class::Other,
        bin,
        "The last place that is not greater.",
        "q)1 3 5 bin 0 3 6\n-1 1 2",
    ),
    Verb::infix(
        "binr",
        Class::Other,
        binr,
        "The first place that is not less.",
        "q)1 3 5 binr 3 4\n1 2",
    ),
];
