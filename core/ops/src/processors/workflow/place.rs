//! Where in the documents a workflow keeps its record: read and written in their text, without a
//! document in memory, where that can be done.

use std::sync::Arc;

use formats::json::{Edits, PathId, Paths, RawKind, Reader, Splicer, parse};
use formats::value::{Text, Value};
use plan::{Body, Record, Records};

use crate::batches::{bytes_of, document_of};
use crate::paths;

/// The record of one workflow in the documents it sees.
pub(super) struct Place {
    path: Vec<Text>,
    id: PathId,
    reader: Reader,
    /// None for a path that is too deep to be edited in a text.
    splicer: Option<Splicer>,
    edits: Edits,
}

impl Place {
    /// The place of a path with dots; none for an empty one.
    pub(super) fn new(path: &str) -> Option<Self> {
        let path = paths::split(path);
        let keys: Vec<&[u8]> = path.iter().map(|key| key.as_bytes()).collect();
        let mut known = Paths::new();
        let id = known.intern(&keys);
        let splicer = Splicer::new(&[&keys]).ok();
        let reader = Reader::new(known);
        (!path.is_empty()).then(|| Place { path, id, reader, splicer, edits: Edits::default() })
    }

    /// What the document of a message has there; nothing where it is no document.
    pub(super) fn get(&mut self, records: &Records, rec: &Record) -> Option<Value> {
        if let Body::Doc(document) = &rec.body {
            return paths::get(document, &self.path).cloned();
        }
        let mut scratch = Vec::new();
        let doc = self.reader.read(bytes_of(records, rec, &mut scratch)).ok()?;
        doc.get(self.id).map(|value| doc.to_value(&value))
    }

    /// The message's content with a record there. `write` appends the record's text, given the
    /// text of what an earlier run left.
    ///
    /// # Errors
    /// What is wrong with the text of the message.
    pub(super) fn write(
        &mut self,
        records: &Records,
        rec: &Record,
        write: impl Fn(Option<&[u8]>, &mut Vec<u8>),
    ) -> Result<Body, String> {
        if let Some(text) = self.spliced(records, rec, &write) {
            return Ok(Body::Own(Arc::new(text)));
        }
        let mut document = Arc::unwrap_or_clone(document_of(records, rec)?);
        let previous = paths::get(&document, &self.path).filter(|v| !matches!(v, Value::Null));
        let previous = previous.cloned();
        let mut text = Vec::new();
        write(None, &mut text);
        let mut record = parse(&text).map_err(|error| error.to_string())?;
        if let (Value::Object(record), Some(previous)) = (&mut record, previous) {
            Arc::make_mut(record).insert(Text::from(PREVIOUS), previous);
        }
        paths::set(&mut document, &self.path, record);
        Ok(Body::Doc(Arc::new(document)))
    }

    fn spliced(
        &mut self,
        records: &Records,
        rec: &Record,
        write: impl Fn(Option<&[u8]>, &mut Vec<u8>),
    ) -> Option<Vec<u8>> {
        if let Body::Doc(_) = &rec.body {
            return None;
        }
        let mut scratch = Vec::new();
        let text = bytes_of(records, rec, &mut scratch);
        let doc = self.reader.read(text).ok()?;
        let previous = doc.get(self.id).filter(|value| value.kind != RawKind::Null).map(|value| {
            let mut text = Vec::new();
            doc.write_value(&value, &mut text);
            text
        });
        self.edits.clear();
        self.edits.replace_with(0, |out| write(previous.as_deref(), out));
        let mut out = Vec::with_capacity(text.len() + RECORD_BYTES);
        self.splicer.as_mut()?.splice(&doc, &self.edits, &mut out).ok()?;
        Some(out)
    }
}

/// The member of a record that holds the one before it.
pub(super) const PREVIOUS: &str = "previous";

/// Bytes that a record usually adds to a document.
const RECORD_BYTES: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a document becomes, by its text and as a document in memory.
    fn both(path: &str, document: &str) -> [Option<String>; 2] {
        let value = parse(document.as_bytes()).unwrap();
        [Body::Own(Arc::new(document.into())), Body::Doc(Arc::new(value))].map(|body| {
            let mut place = Place::new(path)?;
            let rec = Record { body, ..Record::default() };
            let records = Records::default().with(vec![rec]);
            let written = place.write(&records, &records.recs[0], |previous, out| {
                out.extend_from_slice(b"{\"a\":1");
                if let Some(text) = previous {
                    out.extend_from_slice(b",\"previous\":");
                    out.extend_from_slice(text);
                }
                out.push(b'}');
            });
            let rec = Record { body: written.unwrap(), ..Record::default() };
            let text = bytes_of(&Records::default(), &rec, &mut Vec::new()).to_vec();
            String::from_utf8(text).ok()
        })
    }

    proptest! {
        /// A record in the text is what a record in the document is.
        #[test]
        fn text_and_document_agree(
            path in "[ab0](\\.[ab0]){0,2}",
            document in r#"\{("a": ?(1|null|\[2,\{\}\]|\{"b":[45]\}),)?"[b-d]": ?(\{"a":7,"0":\[\]\}|3)\}"#,
        ) {
            let [text, document] = both(&path, &document);
            prop_assert_eq!(text, document);
        }
    }

    #[test]
    fn a_record_stands_where_its_path_leads() {
        for (path, document, want) in [
            ("m.w", "{}", r#"{"m":{"w":{"a":1}}}"#),
            ("m.w", r#"{"z":1,"m":{"w":[ 1 ]}}"#, r#"{"m":{"w":{"a":1,"previous":[1]}},"z":1}"#),
            ("m.w", r#"{"m":"in the way"}"#, r#"{"m":"in the way"}"#),
            ("m.1", r#"{"m":[0,null]}"#, r#"{"m":[0,{"a":1}]}"#),
            ("m", "null", r#"{"m":{"a":1}}"#),
            ("m", "[]", "[]"),
        ] {
            assert_eq!(both(path, document), [Some(want.into()), Some(want.into())], "{path}");
        }
        assert_eq!(both("", "{}"), [None, None]);
    }
}
