//! Mappings of single documents, as the command line runs them: a line in, a line out.

use std::ops::Range;

use bytes::Bytes;
use formats::json::{self, WriteOptions};
use formats::value::Value;
use plan::{Body, Class, Record, Records};

use crate::class;
use crate::exec::Setup;
use crate::fast::{Done, Mapper};
use crate::mapping::{Mapped, Mapping, Outcome};
use crate::parse::ParseError;
use crate::val::Val;

/// Bytes of results after which they are handed on, although the block has more lines.
const SHOWN_BYTES: usize = 1 << 20;
/// One step of indentation.
const INDENT: &str = "  ";

/// How documents are read and results are shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Layout {
    /// A document is not required to be JSON, and `this` is its bytes.
    pub raw: bool,
    /// Results stand over several lines, indented.
    pub pretty: bool,
}

/// What became of some lines.
#[derive(Debug, Default)]
pub struct Shown {
    /// Results, each with a line break.
    pub out: Vec<u8>,
    /// Why a line failed, and where its result would begin in `out`.
    pub failed: Vec<(usize, String)>,
}

/// A mapping that runs on one document after another, each a batch of its own.
pub struct Lines {
    mapper: Mapper,
    layout: Layout,
    bound: bool,
    /// The document.
    records: Records,
}

impl Lines {
    /// Parses a mapping.
    ///
    /// # Errors
    /// What is wrong with the text, and where.
    pub fn parse(text: &str, setup: &Setup, layout: Layout) -> Result<Self, ParseError> {
        let mapping = Mapping::parse(text, setup)?;
        let bound = class::of_program(&mapping.program) == Class::Bound;
        let records = Records { recs: vec![Record::default()], ..Records::default() };
        Ok(Lines { mapper: Mapper::new(mapping), layout, bound, records })
    }

    /// Whether results depend on the documents before, so that all must be mapped in order by one.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.bound
    }

    /// Maps every line of a block, and hands on what became of them, in one piece or several. Ends
    /// early when `show` does not want more, and tells whether it did.
    pub fn run(&mut self, block: Vec<u8>, show: &mut dyn FnMut(Shown) -> bool) -> bool {
        self.records.block = Bytes::from(block);
        let (mut start, mut shown) = (0, Shown::default());
        while let Some((line, next)) = line_at(&self.records.block, start) {
            start = next;
            let before = shown.out.len();
            match self.map(line, &mut shown.out) {
                Ok(()) => shown.out.push(b'\n'),
                Err(text) => {
                    shown.out.truncate(before);
                    shown.failed.push((before, text));
                }
            }
            if shown.out.len() >= SHOWN_BYTES && !show(std::mem::take(&mut shown)) {
                return false;
            }
        }
        show(shown)
    }

    /// Appends what the mapping makes of one line.
    fn map(&mut self, line: Range<usize>, out: &mut Vec<u8>) -> Result<(), String> {
        let Some(record) = self.records.recs.first_mut() else { return Ok(()) };
        record.body = match (u32::try_from(line.start), u32::try_from(line.len())) {
            (Ok(start), Ok(len)) => Body::Range { start, len },
            _ => Record::own(self.records.block.slice(line).to_vec()).body,
        };
        let Layout { raw, pretty } = self.layout;
        let mapped = if raw {
            let this = Val::Data(Value::Bytes(self.line().into()));
            self.mapper.mapping().map_as(&this, &self.records, 0)
        } else if pretty || self.bound {
            self.mapper.mapping().map(&self.records, 0)
        } else {
            let before = out.len();
            match self.mapper.map(&self.records, 0, out) {
                Done::Written(_) => {
                    let new = out.get(before..).unwrap_or_default();
                    if memchr::memchr3(b'<', b'>', b'&', new).is_none() {
                        return Ok(());
                    }
                    // In JSON these are escaped here, and only the general result tells whether
                    // it is JSON.
                    out.truncate(before);
                    self.mapper.mapping().map(&self.records, 0)
                }
                Done::Unchanged(_) => return self.unchanged(out),
                Done::Deleted => return Ok(()),
                Done::General(mapped) => mapped,
            }
        };
        self.show(mapped, out)
    }

    fn line(&self) -> Vec<u8> {
        self.records.bytes(0, &mut Vec::new()).to_vec()
    }

    fn show(&self, mapped: Mapped, out: &mut Vec<u8>) -> Result<(), String> {
        if let Some(error) = mapped.error {
            return Err(error.brief().map_or_else(|| error.to_string(), str::to_owned));
        }
        match mapped.outcome {
            Outcome::Deleted => {}
            Outcome::Unchanged => return self.unchanged(out),
            Outcome::Is(Value::String(text)) => out.extend_from_slice(text.as_bytes()),
            Outcome::Is(Value::Bytes(bytes)) => out.extend_from_slice(&bytes),
            Outcome::Is(value) => self.write(&value, out),
        }
        Ok(())
    }

    /// Appends the document itself, laid out like a result. What is no JSON stays as it is; a raw
    /// one is shown as the bytes that it is to the mapping.
    fn unchanged(&self, out: &mut Vec<u8>) -> Result<(), String> {
        let line = self.line();
        if self.layout.raw {
            self.write(&Value::Bytes(line.into()), out);
            return Ok(());
        }
        match json::parse(&line) {
            Ok(value) => self.write(&value, out),
            Err(_) => out.extend_from_slice(&line),
        }
        Ok(())
    }

    /// Appends a value as JSON; null where it has no such form.
    fn write(&self, value: &Value, out: &mut Vec<u8>) {
        let indent = self.layout.pretty.then_some(INDENT);
        let options = WriteOptions { escape_html: true, indent };
        if json::write_value_with(out, value, options).is_err() {
            out.extend_from_slice(b"null");
        }
    }
}

/// The line that begins at `start`, without its break, and where the next one begins.
fn line_at(block: &[u8], start: usize) -> Option<(Range<usize>, usize)> {
    let rest = block.get(start..).filter(|rest| !rest.is_empty())?;
    let (len, next) = match memchr::memchr(b'\n', rest) {
        Some(at) => (at, start + at + 1),
        None => (rest.len(), block.len()),
    };
    let line = rest.get(..len).unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Some((start..start + line.len(), next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::Local;

    fn shown(mapping: &str, layout: Layout, block: &str) -> (String, Vec<(usize, String)>) {
        let mut lines = Lines::parse(mapping, &Local::setup(), layout).unwrap();
        let (mut out, mut failed) = (String::new(), Vec::new());
        lines.run(block.as_bytes().to_vec(), &mut |shown| {
            out.push_str(&String::from_utf8_lossy(&shown.out));
            failed.extend(shown.failed);
            true
        });
        (out, failed)
    }

    fn plain(mapping: &str, block: &str) -> String {
        let (out, failed) = shown(mapping, Layout::default(), block);
        assert_eq!(failed, [], "{mapping}");
        out
    }

    #[test]
    fn every_document_has_a_line() {
        assert_eq!(plain("root.b = this.a", "{\"a\":1}\r\n{\"a\":2}"), "{\"b\":1}\n{\"b\":2}\n");
        assert_eq!(plain("root = deleted()", "{}\n\n"), "\n\n");
        assert_eq!(plain("root = content()", "\nx\n"), "\nx\n");
        assert_eq!(plain("root = batch_size()", "1\n2\n"), "1\n1\n");
        assert_eq!(plain("root = counter()", "{}\n{}\n"), "1\n2\n");
    }

    #[test]
    fn what_stays_as_it_is_is_printed_anew_where_it_is_json() {
        assert_eq!(plain("let x = 1", "{\"b\":1, \"a\":\"<\"}\n"), "{\"a\":\"\\u003c\",\"b\":1}\n");
        assert_eq!(plain("let x = 1", "1 2\n\n"), "1 2\n\n");
        let raw = Layout { raw: true, ..Layout::default() };
        assert_eq!(shown("let x = 1", raw, "foo").0, "\"Zm9v\"\n");
    }

    #[test]
    fn only_json_is_escaped() {
        assert_eq!(plain("root = \"<&>\"", "{}"), "<&>\n");
        assert_eq!(plain("root.a = this.b", "{\"b\":\"<\"}"), "{\"a\":\"\\u003c\"}\n");
        assert_eq!(plain("root = this.b", "{\"b\":\"<\"}"), "<\n");
        assert_eq!(plain("root.a = \"nan\".number()", "{}"), "null\n");
    }

    #[test]
    fn raw_documents_are_bytes_to_the_mapping_and_json_to_functions() {
        let raw = Layout { raw: true, ..Layout::default() };
        assert_eq!(shown("root = this.uppercase()", raw, "a\nb").0, "A\nB\n");
        assert_eq!(shown("root.t = this.type()", raw, "1").0, "{\"t\":\"bytes\"}\n");
        assert_eq!(shown("root = json(\"a\")", raw, "{\"a\":5}").0, "5\n");
        assert_eq!(shown("root = [1].map_each(x -> this)", raw, "a").0, "[\"YQ==\"]\n");
        assert_eq!(shown("root = x -> this", raw, "a").0, "a\n");
    }

    #[test]
    fn results_stand_over_several_lines_where_asked_for() {
        let pretty = Layout { pretty: true, ..Layout::default() };
        let (out, _) = shown("root = {\"a\": [], \"b\": this.c}", pretty, "{\"c\":[1]}");
        assert_eq!(out, "{\n  \"a\": [],\n  \"b\": [\n    1\n  ]\n}\n");
        assert_eq!(shown("root = \"a\"", pretty, "{}").0, "a\n");
    }

    #[test]
    fn a_failure_has_its_place() {
        let (out, failed) = shown("root = this.a.number()", Layout::default(), "{\"a\":1}\nx\n\n");
        assert_eq!(out, "1\n");
        let why = "unable to reference message as structured (with 'this.a'): ";
        let bad = "parse as json: invalid character 'x' looking for beginning of value";
        let expected = [bad, "message is empty"].map(|text| (2, format!("{why}{text}")));
        assert_eq!(failed, expected);
        let (_, failed) = shown("root = throw(\"no\")", Layout::default(), "{}");
        assert_eq!(failed, [(0, "failed assignment (line 1): no".to_owned())]);
        let nested = "map m { root = throw(\"no\") }\nroot = [1].map_each(x -> x.apply(\"m\"))";
        let (_, failed) = shown(nested, Layout::default(), "{}");
        assert_eq!(failed, [(0, "failed assignment (line 1): no".to_owned())]);
    }

    #[test]
    fn much_that_comes_of_little_is_handed_on_in_pieces() {
        let mapping = "root = content().repeat(1048576)";
        let mut lines = Lines::parse(mapping, &Local::setup(), Layout::default()).unwrap();
        let mut sizes = Vec::new();
        let ended = lines.run(b"a\nb\nc\n".to_vec(), &mut |shown| {
            sizes.push(shown.out.len());
            sizes.len() < 2
        });
        assert!(!ended);
        assert_eq!(sizes, [SHOWN_BYTES + 1; 2]);
    }

    #[test]
    fn what_counts_is_bound() {
        let bound =
            |text: &str| Lines::parse(text, &Local::setup(), Layout::default()).unwrap().is_bound();
        assert!(bound("root = count(\"a\")") && bound("root.a = [random_int()]"));
        assert!(!bound("root = uuid_v4()"));
    }
}
