//! `schema`: columns in the order and types of an empty table.

use super::table;
use crate::error::{QError, Result, length_error, type_error};
use crate::eval::{table_k, table_of};
use crate::qsp::build::Node;
use crate::qsp::stage::{Output, Stage};
use crate::session::Session;
use formats::k::{K, Sym, Table, Type};
use std::sync::Arc;

/// Converts tables, and lists of columns in order, to the schema; texts are read. Columns that the
/// schema has not are left out, and those that only it has are null.
pub(in crate::qsp) struct Schema;

/// Whether texts become values.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::qsp) enum Parse {
    Auto,
    On,
    Off,
}

/// The names and types of a schema: a table, or a dictionary of names and types, each an empty
/// list, a letter or the name of a type.
pub(in crate::qsp) fn wanted(schema: &K) -> Result<Vec<(Sym, Type)>> {
    if let K::Table(t) = schema {
        return Ok(t.iter().map(|(n, c)| (n, c.ty().unwrap_or(Type::List))).collect());
    }
    let K::Dict(d) = schema else { return Err(type_error()) };
    if let Some((keys, values)) = schema.keyed() {
        let columns = keys.iter().chain(values.iter());
        return Ok(columns.map(|(n, c)| (n, c.ty().unwrap_or(Type::List))).collect());
    }
    let names = d.keys.as_syms().ok_or_else(type_error)?;
    let of = |k: K| -> Result<Type> {
        match (&k, k.as_text(), k.as_sym()) {
            (K::Atom(Type::Char, _), Some([letter]), _) => {
                Type::from_letter(*letter).ok_or_else(type_error)
            }
            (K::Atom(..), _, Some(name)) => {
                Type::from_name(name.as_str()).ok_or_else(|| QError::new(name.as_str()))
            }
            (K::Atom(ty, _), ..) => Ok(*ty),
            (K::Vec(v), ..) => Ok(v.ty),
            _ => Err(type_error()),
        }
    };
    names.iter().zip(d.values.items()).map(|(n, k)| Ok((*n, of(k)?))).collect()
}

/// A column as another type.
pub(in crate::qsp) fn converted(own: &K, to: Type, parse: Parse) -> Result {
    let text = own.ty() == Some(Type::List)
        && !own.is_empty()
        && own.items().all(|i| i.as_text().is_some());
    match to {
        Type::List => Ok(own.clone()),
        _ if own.is_empty() => Ok(K::empty(to)),
        _ if text && parse == Parse::Off => Err(type_error()),
        _ if text => crate::convert::cast::parse(to, own),
        Type::Symbol | Type::Char if own.ty() == Some(to) => Ok(own.clone()),
        _ => crate::convert::cast::cast(to, own),
    }
}

/// As many nulls of a type.
fn nulls(ty: Type, rows: usize) -> K {
    match ty {
        Type::List => K::list(vec![K::list(Vec::new()); rows]),
        ty => K::repeat(ty, ty.null(), rows),
    }
}

/// Whether texts are read, as the option has it.
pub(in crate::qsp) const PARSE: &[&str] = &["auto", "on", "off"];
/// What comes in.
pub(in crate::qsp) const INPUT: &[&str] = &["auto", "table", "arrays"];

fn choice(node: &Node, name: &str, of: &[&str]) -> Result<usize> {
    let given = node.option(name).and_then(K::as_sym).map_or("auto", |s| s.as_str());
    let place = of.iter().position(|o| *o == given);
    place.ok_or_else(|| QError::new(format!("{name}: {given}")))
}

impl Stage for Schema {
    fn batch(
        &mut self,
        _: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let schema = wanted(node.option("schema").unwrap_or(&K::Null))?;
        let parse = match choice(node, "parse", PARSE)? {
            0 => Parse::Auto,
            1 => Parse::On,
            _ => Parse::Off,
        };
        let input = choice(node, "inputType", INPUT)?;
        let plain: Table = match &data {
            K::Table(_) if input == 2 => return Err(type_error()),
            K::Table(t) => Table::clone(t),
            K::Dict(d) if input != 2 && d.keys.as_syms().is_some() => {
                table(&data.clone().enlist())?.clone()
            }
            _ if input == 1 => return Err(type_error()),
            other => {
                if other.len() != schema.len() {
                    return Err(length_error());
                }
                let named = schema.iter().map(|(n, _)| *n).zip(other.items());
                match table_of(named.collect(), 0)? {
                    K::Table(t) => Table::clone(&t),
                    _ => return Err(type_error()),
                }
            }
        };
        let mut columns = Vec::with_capacity(schema.len());
        for (name, to) in &schema {
            columns.push(match plain.column(*name) {
                Some(own) => converted(own, *to, parse)?,
                None => nulls(*to, plain.rows()),
            });
        }
        let names = Arc::new(schema.iter().map(|(n, _)| *n).collect());
        out.push((metadata, table_k(Table { names, columns })));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::qsp::testing::Line;

    const SCHEMA: &str = ".qsp.transform.schema[([]a:`long$();s:`$();t:())";

    #[test]
    fn columns_are_ordered_converted_left_out_and_made() {
        let mut line = Line::new(&format!("{SCHEMA}]"));
        let got = line.give("([]s:(\"x\";\"yy\");b:1 2;a:(enlist\"1\";enlist\"2\"))");
        assert_eq!(got, ["+`a`s`t!(1 2;`x`yy;(();()))"]);
        assert_eq!(line.give("(1 2f;`x`y;(\"u\";\"v\"))"), ["+`a`s`t!(1 2;`x`y;\"uv\")"]);
        assert_eq!(line.give("`a`s`t!(3;`q;1)"), ["+`a`s`t!(,3;,`q;,1)"]);
        assert!(line.fails("(1 2;`x`y)"));
    }

    #[test]
    fn a_dictionary_is_a_schema() {
        let mut line = Line::new(".qsp.transform.schema[`a`b`c!(`float;\"j\";`symbol$())]");
        assert_eq!(line.give("([]c:`x`y;a:1 2)"), ["+`a`b`c!(1 2f;0N 0N;`x`y)"]);
    }

    #[test]
    fn what_comes_in_and_whether_texts_are_read_can_be_said() {
        let mut line = Line::new(&format!("{SCHEMA}; .qsp.use ``inputType!(::;`arrays)]"));
        assert!(line.fails("([]a:1 2;s:`x`y)"));
        let mut line = Line::new(&format!("{SCHEMA}; .qsp.use ``inputType!(::;`table)]"));
        assert!(line.fails("(1 2;`x`y;(\"u\";\"v\"))"));
        let mut line = Line::new(&format!("{SCHEMA}; .qsp.use ``parse!(::;`off)]"));
        assert!(line.fails("([]a:(enlist\"1\";enlist\"2\");s:`x`y)"));
        assert_eq!(line.give("([]a:1 2;s:`x`y)").len(), 1);
    }
}
