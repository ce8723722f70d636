//! CSV texts to tables, and tables to CSV texts.

use super::text_of;
use crate::convert::cast::parse;
use crate::error::{QError, Result, type_error};
use crate::eval::table_k;
use crate::qsp::build::Node;
use crate::qsp::kept::{self, Parts};
use crate::qsp::stage::{Output, Stage};
use crate::session::Session;
use formats::k::{K, Sym, Table, Type};
use std::sync::Arc;

/// Bytes of an unfinished line that are kept for the next batch.
const LINE_MAX: usize = 64 << 20;

/// Decodes lines by a schema: a table of typed empty columns, or letters of types.
#[derive(Clone, Default)]
pub(in crate::qsp) struct DecodeCsv {
    /// The names of the header, once it was seen.
    header: Option<Vec<Sym>>,
    begun: bool,
}

fn delimiter(node: &Node) -> u8 {
    let given = node.option("delimiter").and_then(K::as_text);
    given.and_then(|t| t.first()).copied().unwrap_or(b',')
}

/// When lines are headers: `first`, `always` or `none`.
fn header_mode(node: &Node) -> &'static str {
    match node.option("header") {
        Some(k) => k.as_sym().map_or("first", |s| s.as_str()),
        None => "first",
    }
}

/// The fields of a line; quotes may hold delimiters and doubled quotes.
fn fields(line: &[u8], delimiter: u8) -> Vec<Vec<u8>> {
    let mut out = vec![Vec::new()];
    let mut quoted = false;
    let mut rest = line.iter().peekable();
    while let Some(byte) = rest.next() {
        let Some(field) = out.last_mut() else { break };
        match *byte {
            b'"' if quoted && rest.peek() == Some(&&b'"') => {
                rest.next();
                field.push(b'"');
            }
            b'"' => quoted = !quoted,
            b if b == delimiter && !quoted => out.push(Vec::new()),
            b => field.push(b),
        }
    }
    out
}

impl DecodeCsv {
    fn decode(&mut self, node: &Node, text: &[u8]) -> Result {
        let delimiter = delimiter(node);
        let mut lines = text
            .split(|b| *b == b'\n')
            .map(|l| l.strip_suffix(b"\r").unwrap_or(l))
            .filter(|l| !l.is_empty());
        let mode = header_mode(node);
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
        for (place, (name, ty)) in self.schema(node)?.into_iter().enumerate() {
            let found = self.header.as_ref().and_then(|h| h.iter().position(|n| *n == name));
            columns.push(column(ty, found.unwrap_or(place))?);
            names.push(name);
        }
        Ok(table_k(Table { names: Arc::new(names), columns }))
    }

    /// The names and types of the columns.
    fn schema(&self, node: &Node) -> Result<Vec<(Sym, Type)>> {
        let schema = node.option("schema").ok_or_else(type_error)?;
        if let K::Table(t) = schema {
            return Ok(t.iter().map(|(n, c)| (n, c.ty().unwrap_or(Type::List))).collect());
        }
        let letters = schema.as_text().ok_or_else(type_error)?;
        let mut out = Vec::with_capacity(letters.len());
        for (place, letter) in letters.iter().enumerate() {
            let named = self.header.as_ref().and_then(|h| h.get(place)).copied();
            let name = named.unwrap_or_else(|| Sym::new(&format!("c{place}")));
            let ty = Type::from_letter(*letter).ok_or_else(type_error)?;
            out.push((name, ty));
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
        let text = text_of(&data)?;
        if text.len() > LINE_MAX {
            return Err(QError::limit("limit"));
        }
        out.push((metadata, self.decode(node, &text)?));
        Ok(())
    }

    fn state(&self) -> Option<K> {
        let header = self.header.as_ref().map(|names| K::syms(names.clone()));
        Some(K::list(vec![kept::held(header.as_ref()), K::bool(self.begun)]))
    }

    fn resume(&mut self, state: K) -> Result<()> {
        let mut parts = Parts::of(&state);
        let names = parts.held()?;
        self.header =
            names.map(|k| k.as_syms().map(<[_]>::to_vec).ok_or_else(type_error)).transpose()?;
        self.begun = parts.long()? != 0;
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
        let mode = header_mode(node);
        if mode == "always" || mode == "first" && !self.begun {
            let names: Vec<&str> = table.names.iter().map(|n| n.as_str()).collect();
            lines.push(K::str(names.join(&delimiter)));
        }
        self.begun = true;
        for row in 0..table.rows() {
            let cell = |c: &K| {
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
