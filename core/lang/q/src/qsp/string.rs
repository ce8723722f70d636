//! `.qsp.string`: changes of texts in columns.

use super::build::{Def, Kind, Node, maker};
use super::stage::{Output, Stage};
use super::transform::names;
use crate::error::{QError, Result, type_error};
use crate::eval::table_k;
use crate::session::Session;
use crate::verbs::{self, Verb};
use formats::k::{K, Table, Type};

static LOWER: Def =
    Def { name: "string.toLowercase", kind: Kind::Operator, params: &["field"], required: 1 };
static UPPER: Def =
    Def { name: "string.toUppercase", kind: Kind::Operator, params: &["field"], required: 1 };

/// Applies a word of q to columns of texts or symbols, which are told by name or by place.
pub(super) struct Cased(pub(super) &'static str);

/// The places of the columns that are meant.
fn places(node: &Node, table: Option<&Table>, count: usize) -> Result<Vec<usize>> {
    let field = node.option("field").ok_or_else(type_error)?;
    let missing = |name: &dyn std::fmt::Display| QError::new(format!("field: {name}"));
    if let (Ok(names), Some(table)) = (names(field), table) {
        return names.iter().map(|n| table.position(*n).ok_or_else(|| missing(n))).collect();
    }
    let place = |k: K| {
        let place = k.as_long().and_then(|p| usize::try_from(p).ok()).ok_or_else(type_error)?;
        if place < count { Ok(place) } else { Err(missing(&place)) }
    };
    field.items().map(place).collect()
}

/// Symbols, a text, or a list of such.
fn textual(k: &K) -> bool {
    match k.ty() {
        Some(Type::Char | Type::Symbol) => true,
        Some(Type::List) => k.items().all(|i| i.as_text().is_some() || i.as_sym().is_some()),
        _ => false,
    }
}

impl Stage for Cased {
    fn batch(
        &mut self,
        cx: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let (table, mut columns) = match &data {
            K::Table(t) => (Some(Table::clone(t)), t.columns.clone()),
            other => (None, other.items().collect()),
        };
        for place in places(node, table.as_ref(), columns.len())? {
            let Some(column) = columns.get_mut(place) else { continue };
            if !textual(column) {
                return Err(type_error());
            }
            *column = cx.call1(&verbs::value(self.0), column.clone())?;
        }
        let data = match table {
            Some(table) => table_k(Table { columns, ..table }),
            None => K::collapse(columns),
        };
        out.push((metadata, data));
        Ok(())
    }
}

fn lower(cx: &mut Session, args: Vec<K>) -> Result {
    cx.operator(&LOWER, args)
}

fn upper(cx: &mut Session, args: Vec<K>) -> Result {
    cx.operator(&UPPER, args)
}

pub(super) const VERBS: &[Verb] =
    &[maker(".qsp.string.toLowercase", 2, lower), maker(".qsp.string.toUppercase", 2, upper)];

#[cfg(test)]
mod tests {
    use crate::qsp::testing::Line;

    #[test]
    fn columns_of_texts_and_symbols_change_their_case() {
        let mut line = Line::new(".qsp.string.toLowercase[`y`z]");
        let got = line.give("([]x:1 2;y:(\"Records\";\"AGE\");z:`Ab`C)");
        assert_eq!(got, ["+`x`y`z!(1 2;(\"records\";\"age\");`ab`c)"]);
        assert!(line.fails("([]y:1 2;z:`a`b)"));
        assert!(line.fails("([]y:`a`b)"));
    }

    #[test]
    fn columns_are_told_by_place_too() {
        let mut line = Line::new(".qsp.string.toUppercase[1]");
        assert_eq!(line.give("([]x:1 2;y:`a`b)"), ["+`x`y!(1 2;`A`B)"]);
        assert_eq!(line.give("(1 2;(\"a\";\"bc\"))"), ["(1 2;(\"A\";\"BC\"))"]);
        assert!(line.fails("([]x:1 2)"));
    }
}
