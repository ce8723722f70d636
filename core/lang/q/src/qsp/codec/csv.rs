//! CSV texts to tables, and tables to CSV texts.

use super::text_of;
use crate::convert::cast::parse;
use crate::error::{QError, Result, type_error};
use crate::eval::table_k;
use crate::qsp::build::Node;
use crate::qsp::kept::{self, Parts};
use crate::qsp::stage::{Output, Stage};
use crate::qsp::transform::schema::wanted;
use crate::session::Session;
use crate::verbs::fields;
use formats::k::{K, Sym, Table, Type};
use std::sync::Arc;

/// Bytes of an unfinished line that are kept for the next batch.
const LINE_MAX: usize = 64 << 20;

/// Decodes lines by a schema: a table of typed empty columns, a dictionary of names and types, or
/// letters of types.
#[derive(Clone, Default)]
pub(in crate::qsp) struct DecodeCsv {
    /// The names of the header, once it was seen.
    header: Option<Vec<Sym>>,
    begun: bool,
    /// The beginning of a line whose end has not come. Bytes are a stream that is cut anywhere;
    /// texts are whole.
    rest: Vec<u8>,
}

fn delimiter(node: &Node) -> u8 {
    let given = node.option("delimiter").and_then(K::as_text);
    given.and_then(|t| t.first()).copied().unwrap_or(b',')
}

/// When lines are headers: `first`, `always` or `none`.
fn header_mode(node: &Node) -> Result<&'static str> {
    match node.option("header") {
        Some(k) => {
            let given = k.as_sym().ok_or_else(type_error)?.as_str();
            let known = ["first", "always", "none"].into_iter().find(|mode| *mode == given);
            known.ok_or_else(|| QError::new(format!("header: {given}")))
        }
        None => Ok("first"),
    }
}

impl DecodeCsv {
    fn decode(&mut self, node: &Node, text: &[u8]) -> Result {
        let delimiter = delimiter(node);
        let mut lines = text
            .split(|b| *b == b'\n')
            .map(|l| l.strip_suffix(b"\r").unwrap_or(l))
            .filter(|l| !l.is_empty());
        let mode = header_mode(node)?;
        if mode == "always" || mode == "first" && !self.begun {
            let names = lines.next().map(|l| fields(l, delimiter)).unwrap_or_default();
            let names =
                names.iter().map(|n| Sym::intern(n.trim_ascii())).collect::<Option<Vec<_>>>();
            self.header = Some(names.ok_or_else(|| QError::limit("limit"))?);
        }
        self.begun = true;
        let rows: Vec<Vec<Vec<u8>>> = lines.map(|l| fields(l, delimiter)).collect();
        let cell = |row: &Vec<Vec<u8>>, at: usize| row.get(at).map_or_else(|| K::str(""), K::str);
        let column = |ty: Type, at: usize| -> Result {
            let texts = K::list(rows.iter().map(|r| cell(r, at)).collect());
            match ty {
                Type::List => Ok(texts),
                _ if rows.is_empty() => Ok(K::empty(ty)),
                _ => parse(ty, &texts),
            }
        };
        let mut names = Vec::new();
        let mut columns = Vec::new();
        let excluded = match node.option("exclude") {
            Some(given) => crate::qsp::transform::names(given)?,
            None => Vec::new(),
        };
        for (place, name, ty) in self.schema(node)? {
            if excluded.contains(&name) {
                continue;
            }
            let found = self.header.as_ref().and_then(|h| h.iter().position(|n| *n == name));
            columns.push(column(ty, found.unwrap_or(place))?);
            names.push(name);
        }
        Ok(table_k(Table { names: Arc::new(names), columns }))
    }

    /// The places, names and types of the columns. A blank among letters passes a column over.
    fn schema(&self, node: &Node) -> Result<Vec<(usize, Sym, Type)>> {
        let schema = node.option("schema").ok_or_else(type_error)?;
        if matches!(schema, K::Table(_) | K::Dict(_)) {
            let columns = wanted(schema)?.into_iter().enumerate();
            return Ok(columns.map(|(place, (name, ty))| (place, name, ty)).collect());
        }
        let letters = schema.as_text().ok_or_else(type_error)?;
        let mut out = Vec::with_capacity(letters.len());
        for (place, letter) in letters.iter().enumerate().filter(|(_, l)| **l != b' ') {
            let named = self.header.as_ref().and_then(|h| h.get(place)).copied();
            let name = named.unwrap_or_else(|| Sym::new(&format!("c{place}")));
            let ty = Type::from_letter(*letter).ok_or_else(type_error)?;
            out.push((place, name, ty));
        }
        Ok(out)
    }
}

impl Stage for DecodeCsv {
    fn batch(
        &mut self,
        _: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let mut text = text_of(&data)?;
        if text.len() + self.rest.len() > LINE_MAX {
            return Err(QError::limit("limit"));
        }
        text.splice(0..0, std::mem::take(&mut self.rest));
        if data.ty() == Some(Type::Byte) && header_mode(node)? != "always" {
            let end = text.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
            self.rest = text.split_off(end);
            if text.is_empty() {
                return Ok(());
            }
        }
        out.push((metadata, self.decode(node, &text)?));
        Ok(())
    }

    fn state(&self) -> Option<K> {
        let header = self.header.as_ref().map(|names| K::syms(names.clone()));
        let (begun, rest) = (K::bool(self.begun), K::vec(Type::Byte, self.rest.clone()));
        Some(K::list(vec![kept::held(header.as_ref()), begun, rest]))
    }

    fn resume(&mut self, state: K) -> Result<()> {
        let mut parts = Parts::of(&state);
        let names = parts.held()?;
        self.header =
            names.map(|k| k.as_syms().map(<[_]>::to_vec).ok_or_else(type_error)).transpose()?;
        self.begun = parts.long()? != 0;
        self.rest = parts.bytes()?;
        Ok(())
    }

    fn finish(&mut self, _: &mut Session, node: &Node, out: &mut Output) -> Result<()> {
        let rest = std::mem::take(&mut self.rest);
        if !rest.is_empty() {
            let metadata = K::dict(K::syms(Vec::new()), K::list(Vec::new()));
            out.push((metadata, self.decode(node, &rest)?));
        }
        Ok(())
    }
}

/// Encodes tables as lines; the header goes with the first batch, or with each, or never.
#[derive(Default)]
pub(in crate::qsp) struct EncodeCsv {
    begun: bool,
}

impl Stage for EncodeCsv {
    fn batch(
        &mut self,
        cx: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let K::Table(table) = &data else { return Err(type_error()) };
        let delimiter = char::from(delimiter(node)).to_string();
        let mut lines = Vec::with_capacity(table.rows() + 1);
        let mode = header_mode(node)?;
        if mode == "always" || mode == "first" && !self.begun {
            let names: Vec<&str> = table.names.iter().map(|n| n.as_str()).collect();
            lines.push(K::str(names.join(&delimiter)));
        }
        self.begun = true;
        for row in 0..table.rows() {
            let cell = |c: &K| {
                formats::budget::check();
                let item = c.at(row);
                let text = match item.as_text() {
                    Some(text) => String::from_utf8_lossy(text).into_owned(),
                    None => crate::display::plain(&item, cx.digits),
                };
                let special = text.contains(delimiter.as_str()) || text.contains(['"', '\n']);
                if special { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
            };
            let cells: Vec<String> = table.columns.iter().map(cell).collect();
            lines.push(K::str(cells.join(&delimiter)));
        }
        out.push((metadata, K::list(lines)));
        Ok(())
    }

    fn state(&self) -> Option<K> {
        Some(K::list(vec![K::bool(self.begun), K::list(Vec::new())]))
    }

    fn resume(&mut self, state: K) -> Result<()> {
        self.begun = Parts::of(&state).long()? != 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::qsp::testing::Line;
    use formats::k::{K, Type};
    use proptest::prelude::*;

    #[test]
    fn columns_can_be_left_out() {
        let mut line = Line::new(".qsp.decode.csv[\"jsf\"; .qsp.use ``exclude!(::;`b`c)]");
        assert_eq!(line.give("\"a,b,c\\n1,x,2\\n3,y,4\""), ["+(,`a)!,1 3"]);
    }

    #[test]
    fn a_dictionary_of_names_and_types_is_a_schema() {
        let mut line = Line::new(".qsp.decode.csv[`b`a!\"sj\"; .qsp.use ``exclude!``b]");
        assert_eq!(line.give("\"a,b\\n1,x\\n2,y\""), ["+(,`a)!,1 2"]);
        let mut line = Line::new(".qsp.decode.csv[`a`b!(`float;()); \",\"; `none]");
        assert_eq!(line.give("\"1,x\""), ["+`a`b!(,1f;,,\"x\")"]);
        assert!(Line::new(".qsp.decode.csv[`a`b!\"j?\"]").fails("\"a,b\\n1,x\""));
    }

    #[test]
    fn a_blank_among_letters_passes_a_column_over() {
        let mut line = Line::new(".qsp.decode.csv[\"J F\"]");
        assert_eq!(line.give("\"a,b,c\\n1,x,2\\n3,y,4\""), ["+`a`c!(1 3;2 4f)"]);
        let mut line = Line::new(".qsp.decode.csv[\" J\"; \",\"; `none]");
        assert_eq!(line.give("\"x,1\\ny,2\""), ["+(,`c1)!,1 2"]);
    }

    #[test]
    fn a_quote_within_a_field_is_one_of_its_characters() {
        let mut line = Line::new(".qsp.decode.csv[([]a:();b:`long$()); \",\"; `none]");
        let given = r#""5\" pipe,1\n\"a,\"\"b\",2""#;
        assert_eq!(line.give(given), [r#"+`a`b!(("5\" pipe";"a,\"b");1 2)"#]);
    }

    #[test]
    fn texts_are_whole_and_bytes_a_stream() {
        let csv = ".qsp.decode.csv[([]a:`long$()); \",\"; `none]";
        let mut line = Line::new(csv);
        assert_eq!(line.give("\"1\\n2\""), ["+(,`a)!,1 2"]);
        assert_eq!(line.give("\"3\""), ["+(,`a)!,,3"]);
        let mut line = Line::new(csv);
        assert_eq!(line.give("`byte$\"1\\n2\""), ["+(,`a)!,,1"]);
        assert_eq!(line.give("`byte$enlist\"3\"").len(), 0);
        assert_eq!(line.give("`byte$enlist\"\\n\""), ["+(,`a)!,,23"]);
        assert_eq!(line.give("`byte$enlist\"4\"").len(), 0);
        assert_eq!(line.end(), ["+(,`a)!,,4"]);
    }

    #[test]
    fn a_header_is_first_always_or_none() {
        let columns = |header: &str| {
            Line::new(&format!(".qsp.decode.csv[\"j\"; .qsp.use ``header!(::;`{header})]"))
        };
        let mut always = columns("always");
        for text in ["\"a\\n1\"", "\"b\\n2\""] {
            assert_eq!(always.give(text).len(), 1);
        }
        assert_eq!(always.give("\"c\\n3\""), ["+(,`c)!,,3"]);
        assert_eq!(columns("none").give("\"1\\n2\""), ["+(,`c0)!,1 2"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn rows_do_not_see_how_bytes_are_cut(
            rows in prop::collection::vec(0i64..1000, 1..12),
            cuts in prop::collection::vec(1usize..9, 1..9),
        ) {
            let lines = rows.iter().map(|n| format!("{n}\n")).collect::<String>();
            let text = format!("a\n{lines}").into_bytes();
            let mut line = Line::new(".qsp.decode.csv[([]a:`long$())] .qsp.map[{x`a}]");
            let (mut got, mut rest) = (Vec::<i64>::new(), text.as_slice());
            for cut in cuts.iter().cycle() {
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                for out in line.value(K::vec(Type::Byte, piece.to_vec())).unwrap() {
                    got.extend(out.as_longs().unwrap_or_default());
                }
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(got, rows);
        }
    }
}
