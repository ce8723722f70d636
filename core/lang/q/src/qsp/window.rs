//! `.qsp.window`: batches cut anew, by count or by time (spec/kdb-qsp.md §8).

mod count;
#[cfg(test)]
mod tests;
mod time;
mod timer;

pub(super) use count::Count;
pub(super) use time::Time;
pub(super) use timer::Timer;

use super::build::{Def, Kind, maker};
use crate::error::{QError, Result, type_error};
use crate::session::Session;
use crate::verbs::{Verb, join};
use formats::k::{K, Sym, Type};

/// Records that a window holds back at most.
const HELD_MAX: usize = 1 << 26;

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
static TIMER: Def =
    Def { name: "window.timer", kind: Kind::Operator, params: &["period"], required: 1 };

/// Records of a batch; a dictionary or an atom is one.
fn records(data: K) -> K {
    match data {
        K::Dict(_) | K::Atom(..) => data.enlist(),
        data => data,
    }
}

/// Whether records can be put after those that are held.
fn fits(held: Option<&K>, records: &K) -> Result<()> {
    let Some(held) = held.filter(|held| !held.is_empty()) else { return Ok(()) };
    if held.len() + records.len() > HELD_MAX {
        return Err(QError::limit("limit"));
    }
    join::joinable(held, records)
}

/// Puts records after those that are held. On an error the latter are as they were.
fn hold(cx: &mut Session, held: &mut Option<K>, records: K) -> Result<()> {
    fits(held.as_ref(), &records)?;
    // What holds nothing has no columns that others must have, too.
    let before = held.take().filter(|before| !before.is_empty());
    *held = Some(match before {
        Some(before) => join::join(cx, before, records)?,
        None => records,
    });
    Ok(())
}

/// Metadata with the start or number of a window.
fn metadata(window: K) -> K {
    K::dict(K::syms(vec![Sym::new("window")]), K::list(vec![window]))
}

/// A length of time in nanoseconds.
fn nanos(k: &K) -> Result<i64> {
    match k.ty() {
        Some(ty) if ty.is_temporal() => {
            crate::convert::cast::cast(Type::Timespan, k)?.as_long().ok_or_else(type_error)
        }
        _ => k.as_long().ok_or_else(type_error),
    }
}

macro_rules! makers {
    ($($name:ident $def:ident),*) => {$(
        fn $name(cx: &mut Session, args: Vec<K>) -> Result {
            cx.operator(&$def, args)
        }
    )*};
}
makers!(count COUNT, tumbling TUMBLING, sliding SLIDING, timer TIMER);

fn global(_: &mut Session, _: Vec<K>) -> Result {
    Err(QError::nyi(".qsp.window.global"))
}

pub(super) const VERBS: &[Verb] = &[
    maker(".qsp.window.count", 3, count),
    maker(".qsp.window.tumbling", 3, tumbling),
    maker(".qsp.window.sliding", 4, sliding),
    maker(".qsp.window.timer", 2, timer),
    maker(".qsp.window.global", 2, global),
];
