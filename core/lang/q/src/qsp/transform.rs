//! `.qsp.transform`: common changes of tables.

mod fill;
mod infinity;
mod nulls;
mod rename;
pub(super) mod schema;
mod time_split;

pub(super) use fill::Fill;
pub(super) use infinity::ReplaceInfinity;
pub(super) use nulls::ReplaceNull;
pub(super) use rename::RenameColumns;
pub(super) use schema::Schema;
pub(super) use time_split::TimeSplit;

use super::build::{Def, Kind, maker};
use crate::error::{QError, Result, type_error};
use crate::session::Session;
use crate::verbs::Verb;
use formats::k::{K, Sym, Table};

static FILL: Def = Def {
    name: "transform.fill",
    kind: Kind::Operator,
    params: &["defaults", "mode"],
    required: 1,
};
static RENAME: Def = Def {
    name: "transform.renameColumns",
    kind: Kind::Operator,
    params: &["nameScheme"],
    required: 1,
};
static INFINITY: Def = Def {
    name: "transform.replaceInfinity",
    kind: Kind::Operator,
    params: &["columns"],
    required: 1,
};
static NULLS: Def =
    Def { name: "transform.replaceNull", kind: Kind::Operator, params: &["columns"], required: 1 };
static SCHEMA: Def =
    Def { name: "transform.schema", kind: Kind::Operator, params: &["schema"], required: 1 };

static TIME_SPLIT: Def =
    Def { name: "transform.timeSplit", kind: Kind::Operator, params: &["columns"], required: 0 };

/// The table in a batch.
pub(super) fn table(data: &K) -> Result<&Table> {
    match data {
        K::Table(t) => Ok(t),
        _ => Err(type_error()),
    }
}

pub(super) fn column(table: &Table, name: Sym) -> Result {
    table.column(name).cloned().ok_or_else(|| QError::new(name.as_str()))
}

/// One or several symbols.
pub(super) fn names(k: &K) -> Result<Vec<Sym>> {
    match (k.as_sym(), k.as_syms()) {
        (Some(one), _) => Ok(vec![one]),
        (_, Some(several)) => Ok(several.to_vec()),
        _ => Err(type_error()),
    }
}

macro_rules! makers {
    ($($name:ident $def:ident),*) => {$(
        fn $name(cx: &mut Session, args: Vec<K>) -> Result {
            cx.operator(&$def, args)
        }
    )*};
}
makers!(
    fill FILL, rename_columns RENAME, replace_infinity INFINITY,
    replace_null NULLS, schema SCHEMA, time_split TIME_SPLIT
);

pub(super) const VERBS: &[Verb] = &[
    maker(".qsp.transform.fill", 3, fill),
    maker(".qsp.transform.renameColumns", 2, rename_columns),
    maker(".qsp.transform.replaceInfinity", 2, replace_infinity),
    maker(".qsp.transform.replaceNull", 2, replace_null),
    maker(".qsp.transform.schema", 2, schema),
    maker(".qsp.transform.timeSplit", 2, time_split),
];
