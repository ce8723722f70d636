//! `fby`: an aggregate of each group, for each row.

use super::{Class, Verb};
use crate::error::{Result, rank_error};
use crate::kernel::group::groups;
use crate::session::Session;
use formats::k::K;

fn fby(cx: &mut Session, x: K, y: K) -> Result {
    if x.len() != 2 {
        return Err(rank_error());
    }
    let (f, data) = (x.at(0), x.at(1));
    cx.charge(1 + data.len())?;
    let keys = if let K::Dict(_) = &y { cx.call1(&super::value("flip"), y)? } else { y };
    let found = groups(&keys)?;
    let mut results = Vec::with_capacity(found.firsts.len());
    for rows in found.rows() {
        results.push(cx.call1(&f, data.gather(&rows))?);
    }
    let results = K::collapse(results);
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
