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

use super::build::{Def, Kind, Node, maker};
use super::checks;
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

/// What is wrong with the options of a transformation.
pub(super) fn check(node: &Node) -> Result<()> {
    let given = |name| node.option(name).unwrap_or(&K::Null);
    let of_names = |name| matches!(given(name), K::Dict(d) if names(&d.keys).is_ok());
    let columns = || names(given("columns")).is_ok();
    let (fine, wanted) = match node.op {
        "transform.fill" => {
            checks::choice(node, "mode", &["static", "down", "up"])?;
            (of_names("defaults"), "defaults must be a dictionary of columns")
        }
        "transform.renameColumns" => {
            (of_names("nameScheme"), "nameScheme must be a dictionary of names")
        }
        "transform.replaceInfinity" => (columns(), "columns must be names"),
        "transform.replaceNull" => {
            nulls::size(node)?;
            let wanted = "columns must be names or a dictionary of columns";
            (columns() || of_names("columns"), wanted)
        }
        "transform.schema" => {
            checks::choice(node, "parse", schema::PARSE)?;
            checks::choice(node, "inputType", schema::INPUT)?;
            let wanted = "schema must be a table, or a dictionary of names and types";
            (schema::wanted(given("schema")).is_ok(), wanted)
        }
        "transform.timeSplit" => {
            (columns() || node.option("columns").is_none(), "columns must be names")
        }
        _ => return Ok(()),
    };
    if fine { Ok(()) } else { Err(QError::new(wanted)) }
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
