//! `.qsp.keyBy`: records apart by what keys them.

use super::build::{Def, Kind, Node, maker};
use super::stage::{Output, Stage};
use crate::error::{Result, length_error, type_error};
use crate::eval::table_k;
use crate::kernel::group;
use crate::kernel::segments::Segments;
use crate::session::Session;
use crate::verbs::{Verb, join};
use formats::k::{K, Sym, Table};
use std::sync::Arc;

static KEY_BY: Def = Def { name: "keyBy", kind: Kind::Operator, params: &["field"], required: 1 };

/// Hands on a batch for each key, in the order in which keys come first, with the key in the
/// metadata: what keeps a state behind it keeps one for each key.
pub(super) struct KeyBy;

/// The keys of the records: a column, several columns as a table, or what a function gives.
fn keys(cx: &mut Session, node: &Node, data: &K) -> Result {
    let field = node.option("field").ok_or_else(type_error)?;
    if let Some(names) = field.as_syms() {
        let K::Table(table) = data else { return Err(type_error()) };
        let mut columns = Vec::with_capacity(names.len());
        for name in names {
            columns.push(super::transform::column(table, *name)?);
        }
        return Ok(table_k(Table { names: Arc::new(names.to_vec()), columns }));
    }
    match field {
        K::Func(_) => cx.apply(field, std::slice::from_ref(data)),
        name => crate::eval::at(data, name),
    }
}

/// Metadata with a key.
fn keyed(cx: &mut Session, metadata: &K, key: K) -> Result {
    let key = K::dict(K::syms(vec![Sym::new("key")]), K::list(vec![key]));
    match metadata {
        K::Dict(d) if !d.keys.is_empty() => join::join(cx, metadata.clone(), key),
        _ => Ok(key),
    }
}

impl Stage for KeyBy {
    fn batch(
        &mut self,
        cx: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let keys = keys(cx, node, &data)?;
        if keys.is_atom() || matches!(&keys, K::Dict(_)) && matches!(&data, K::Dict(_)) {
            // All records have the key.
            out.push((keyed(cx, &metadata, keys)?, data));
            return Ok(());
        }
        if keys.len() != data.len() {
            return Err(length_error());
        }
        let groups = group::groups(&keys)?;
        let mut pieces = Output::new();
        let segments = Segments::new(&groups.ids, groups.firsts.len());
        let mut begin = 0;
        for (first, end) in groups.firsts.iter().zip(&segments.ends) {
            let places = segments.places.get(begin..*end).unwrap_or_default();
            begin = *end;
            let first = usize::try_from(*first).unwrap_or(usize::MAX);
            pieces.push((keyed(cx, &metadata, keys.at(first))?, data.gather(places)));
        }
        out.append(&mut pieces);
        Ok(())
    }
}

fn key_by(cx: &mut Session, args: Vec<K>) -> Result {
    cx.operator(&KEY_BY, args)
}

pub(super) const VERBS: &[Verb] = &[maker(".qsp.keyBy", 2, key_by)];

#[cfg(test)]
mod tests {
    use crate::qsp::testing::Line;

    #[test]
    fn records_are_apart_by_key_and_the_key_is_in_the_metadata() {
        let mut line = Line::new(
            ".qsp.keyBy[`s] .qsp.map[{[md;x] (md`key;x`v)}; \
             .qsp.use ``params!(::;`metadata`data)]",
        );
        assert_eq!(line.give("([]s:`b`a`b;v:1 2 3)"), ["(`b;1 3)", "(`a;,2)"]);
        assert!(line.fails("([]v:1 2)"));
        assert_eq!(line.give("([]s:`$();v:`long$())").len(), 0);
    }

    #[test]
    fn several_columns_functions_and_dictionaries_give_keys() {
        let show = ".qsp.map[{[md;x] md`key}; .qsp.use ``params!(::;`metadata`data)]";
        let mut line = Line::new(&format!(".qsp.keyBy[`s`t] {show}"));
        assert_eq!(line.give("([]s:`a`a;t:1 2)"), ["`s`t!(`a;1)", "`s`t!(`a;2)"]);
        let mut line = Line::new(&format!(".qsp.keyBy[{{x mod 2}}] {show}"));
        assert_eq!(line.give("1 2 3"), ["1", "0"]);
        let mut line = Line::new(&format!(".qsp.keyBy[`s] {show}"));
        assert_eq!(line.give("`s`v!(`a;1)"), ["`a"]);
    }

    #[test]
    fn a_state_behind_it_is_kept_for_each_key() {
        let mut line = Line::new(
            ".qsp.keyBy[`s] .qsp.map[{[op;md;x] \
             .qsp.set[op;md;.qsp.get[op;md]+sum x`v]}; .qsp.use ``state!(::;0)]",
        );
        assert_eq!(line.give("([]s:`a`b`a;v:1 2 3)"), ["4", "2"]);
        assert_eq!(line.give("([]s:`b`a;v:10 20)"), ["12", "24"]);
    }
}
