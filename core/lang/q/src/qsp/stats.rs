//! `.qsp.stats`: descriptions and moving averages of columns.

mod average;
mod describe;

pub(super) use average::{Ema, Sma, Twa};
pub(super) use describe::Describe;

use super::build::{Def, Kind, Node, maker};
use super::transform::names;
use crate::error::{Result, length_error, type_error};
use crate::session::Session;
use crate::verbs::Verb;
use formats::k::{K, Sym};

static DESCRIBE: Def =
    Def { name: "stats.describe", kind: Kind::Operator, params: &["fields", "stats"], required: 2 };
static SMA: Def = Def {
    name: "stats.sma",
    kind: Kind::Operator,
    params: &["getter", "n", "setter"],
    required: 2,
};
static EMA: Def = Def {
    name: "stats.ema",
    kind: Kind::Operator,
    params: &["getter", "alpha", "setter"],
    required: 2,
};
static TWA: Def = Def {
    name: "stats.twa",
    kind: Kind::Operator,
    params: &["getter", "n", "times", "setter"],
    required: 3,
};

/// The columns that are read, each with the one that is written.
fn columns(node: &Node) -> Result<Vec<(Sym, Sym)>> {
    let from = names(node.option("getter").ok_or_else(type_error)?)?;
    let to = match node.option("setter") {
        Some(given) => names(given)?,
        None => from.clone(),
    };
    if from.len() != to.len() {
        return Err(length_error());
    }
    Ok(from.into_iter().zip(to).collect())
}

macro_rules! makers {
    ($($name:ident $def:ident),*) => {$(
        fn $name(cx: &mut Session, args: Vec<K>) -> Result {
            cx.operator(&$def, args)
        }
    )*};
}
makers!(describe DESCRIBE, sma SMA, ema EMA, twa TWA);

pub(super) const VERBS: &[Verb] = &[
    maker(".qsp.stats.describe", 3, describe),
    maker(".qsp.stats.ema", 4, ema),
    maker(".qsp.stats.sma", 4, sma),
    maker(".qsp.stats.twa", 5, twa),
];
