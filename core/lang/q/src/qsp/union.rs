//! `.qsp.union`: two streams as one, both unchanged.

use super::build::{Def, Kind, maker};
use crate::error::{Result, rank_error};
use crate::session::Session;
use crate::verbs::Verb;
use formats::k::K;

static UNION: Def = Def { name: "union", kind: Kind::Operator, params: &["stream"], required: 1 };

fn union(cx: &mut Session, args: Vec<K>) -> Result {
    let stream = args.first().ok_or_else(rank_error)?;
    let other = Session::pipe(stream)?;
    let made = cx.operator(&UNION, args)?;
    let node = Session::pipe(&made)?.first;
    cx.connect(other.last, node)?;
    Ok(made)
}

pub(super) const VERBS: &[Verb] = &[maker(".qsp.union", 2, union)];
