//! `fby`: an aggregate of each group, for each row.

use super::{Class, Verb};
use crate::error::{Result, rank_error};
use crate::func::Fun;
use crate::kernel::aggregate::grouped;
use crate::kernel::group::groups;
use crate::kernel::segments::Segments;
use crate::session::Session;
use formats::k::{K, Type};

fn fby(cx: &mut Session, x: K, y: K) -> Result {
    if x.len() != 2 {
        return Err(rank_error());
    }
    let (f, data) = (x.at(0), x.at(1));
    cx.charge(1 + data.len())?;
    let keys = if let K::Dict(_) = &y { cx.call1(&super::value("flip"), y)? } else { y };
    let found = groups(&keys)?;
    let flat = data.ty().is_some_and(|ty| ty != Type::List);
    let results = match Fun::verb(&f).map(|verb| verb.class) {
        Some(Class::Aggregate(op)) if flat && !data.is_empty() => grouped(op, &data, &found)?,
        _ => {
            let lists = Segments::new(&found.ids, found.firsts.len()).lists(&data);
            let results = lists.into_iter().map(|list| cx.call1(&f, list));
            K::collapse(results.collect::<Result<Vec<_>>>()?)
        }
    };
    let ids: Vec<i64> = found.ids.iter().map(|id| i64::from(*id)).collect();
    Ok(results.gather(&ids))
}

pub(super) const VERBS: &[Verb] = &[Verb::infix(
    "fby",
    Class::Other,
    fby,
    "The aggregate of the group that each row is in.",
    "q)(sum;1 2 4) fby `a`b`a\n5 2 5",
)];
