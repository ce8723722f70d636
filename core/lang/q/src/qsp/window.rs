//! `.qsp.window`: batches cut anew, by count or by time (spec/kdb-qsp.md §8).

mod concat;
mod count;
#[cfg(test)]
mod far_tests;
#[cfg(test)]
mod flush_tests;
mod global;
#[cfg(test)]
mod more_tests;
mod panes;
mod shape;
#[cfg(test)]
mod tests;
mod time;
mod timer;
#[cfg(test)]
mod together_tests;

pub(super) use concat::concat;
pub(super) use count::Count;
pub(super) use global::Global;
pub(super) use time::Time;
pub(super) use timer::Timer;

use super::build::{Def, Kind, Node, maker};
use super::checks;
use crate::error::{QError, Result, type_error};
use crate::session::Session;
use crate::verbs::{Verb, join};
use formats::k::{K, Sym, Type};

/// Records that a window holds back at most.
pub(crate) const HELD_MAX: usize = if cfg!(test) { 1 << 16 } else { 1 << 26 };

static COUNT: Def =
    Def { name: "window.count", kind: Kind::Operator, params: &["size", "frequency"], required: 1 };
static TUMBLING: Def = Def {
    name: "window.tumbling",
    kind: Kind::Operator,
    params: &["period", "timeColumn"],
    required: 1,
};
static SLIDING: Def = Def {
    name: "window.sliding",
    kind: Kind::Operator,
    params: &["period", "duration", "timeColumn"],
    required: 2,
};
static GLOBAL: Def =
    Def { name: "window.global", kind: Kind::Operator, params: &["trigger"], required: 1 };
static TIMER: Def =
    Def { name: "window.timer", kind: Kind::Operator, params: &["period"], required: 1 };

/// Records of a batch; a dictionary or an atom is one. Dictionaries are taken unless the option
/// says that there are none.
fn records(data: K, dictionaries: bool) -> Result {
    match data {
        K::Dict(_) if !dictionaries => Err(type_error()),
        K::Dict(_) | K::Atom(..) => Ok(data.enlist()),
        data => Ok(data),
    }
}

/// Whether records can be put to `count` ones, of which some are given. Tables with other columns
/// can, where schemas may be mixed.
fn fits(held: Option<&K>, count: usize, records: &K, mixed: bool) -> Result<()> {
    let Some(held) = held.filter(|held| !held.is_empty()) else { return Ok(()) };
    if count + records.len() > HELD_MAX {
        return Err(QError::limit("limit"));
    }
    match (held, records) {
        (K::Table(_), K::Table(_)) if mixed => Ok(()),
        _ => join::joinable(held, records),
    }
}

/// Records after others that they fit.
fn join_records(cx: &mut Session, held: K, records: K, mixed: bool) -> Result {
    match (&held, &records) {
        (K::Table(t), K::Table(u)) if mixed && t.names != u.names => {
            cx.call2(&crate::verbs::value("uj"), held, records)
        }
        _ => join::join(cx, held, records),
    }
}

/// Puts records after those that are held. On an error the latter are as they were.
fn hold(cx: &mut Session, held: &mut Option<K>, records: K, mixed: bool) -> Result<()> {
    fits(held.as_ref(), held.as_ref().map_or(0, K::len), &records, mixed)?;
    // What holds nothing has no columns that others must have, too.
    let before = held.take().filter(|before| !before.is_empty());
    *held = Some(match before {
        Some(before) => join_records(cx, before, records, mixed)?,
        None => records,
    });
    Ok(())
}

/// Metadata with the start or number of a window.
fn metadata(window: K) -> K {
    K::dict(K::syms(vec![Sym::new("window")]), K::list(vec![window]))
}

/// A length of time in nanoseconds.
pub(super) fn nanos(k: &K) -> Result<i64> {
    match k.ty() {
        Some(ty) if ty.is_temporal() => {
            crate::convert::cast::cast(Type::Timespan, k)?.as_long().ok_or_else(type_error)
        }
        _ => k.as_long().ok_or_else(type_error),
    }
}

/// An option that is a length of time, in nanoseconds; a number counts so many of a unit.
fn length(node: &Node, name: &str, unit: i64) -> Result<Option<i64>> {
    let Some(given) = node.option(name) else { return Ok(None) };
    let length = match given.ty() {
        Some(ty) if ty.is_temporal() => nanos(given).ok(),
        _ => given.as_long().map(|number| number.saturating_mul(unit)),
    };
    let (least, of) = if name == "lateness" { (0, "not below 0") } else { (1, "above 0") };
    let wrong = || QError::new(format!("{name} must be a length of time or a whole number, {of}"));
    length.filter(|length| *length >= least).map(Some).ok_or_else(wrong)
}

/// What is wrong with the options of a window.
pub(super) fn check(node: &Node) -> Result<()> {
    match node.op {
        "window.count" => {
            checks::positive(node, "size")?;
            checks::positive(node, "frequency")
        }
        "window.global" => {
            checks::function(node, "trigger")?;
            checks::params(node, &["operator", "metadata", "data"])
        }
        "window.timer" => {
            checks::positive(node, "batchSize")?;
            length(node, "period", 1).map(|_| ())
        }
        _ => shape::check(node),
    }
}

macro_rules! makers {
    ($($name:ident $def:ident),*) => {$(
        fn $name(cx: &mut Session, args: Vec<K>) -> Result {
            cx.operator(&$def, args)
        }
    )*};
}
makers!(count COUNT, tumbling TUMBLING, sliding SLIDING, timer TIMER, global GLOBAL);

pub(super) const VERBS: &[Verb] = &[
    maker(".qsp.window.count", 3, count),
    maker(".qsp.window.tumbling", 3, tumbling),
    maker(".qsp.window.sliding", 4, sliding),
    maker(".qsp.window.timer", 2, timer),
    maker(".qsp.window.global", 2, global),
];
