//! Scanner `json_documents`: a message for each of the JSON documents that follow one another.

use std::sync::Arc;

use formats::value::Value;
use plan::fields::Part;
use plan::{Body, Data, Origin, Record, Records, schema_of};

use super::{MESSAGE_BYTES_MAX, ScanError, Scanner, Stream, with_room};

/// Finds where a JSON value ends, over as many pieces as it takes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extent {
    /// Bytes looked at.
    at: usize,
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Extent {
    /// The length of the value at the start of `bytes`, which begins with no white space; `None`
    /// when its end is yet to come. A value that is not valid JSON has some end, too: whoever
    /// parses it finds the mistake.
    pub(super) fn end(&mut self, bytes: &[u8], at_end: bool) -> Option<usize> {
        while let Some(&byte) = bytes.get(self.at) {
            self.at += 1;
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => {
                        self.in_string = false;
                        if self.depth == 0 {
                            return Some(self.at);
                        }
                    }
                    _ => {}
                }
                continue;
            }
            let first = self.at == 1;
            match byte {
                b'{' | b'[' | b'"' if self.depth == 0 && !first => return Some(self.at - 1),
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth > 0 => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Some(self.at);
                    }
                }
                b'}' | b']' | b',' | b':' if self.depth == 0 => {
                    return Some(if first { 1 } else { self.at - 1 });
                }
                b' ' | b'\t' | b'\r' | b'\n' if self.depth == 0 => return Some(self.at - 1),
                _ => {}
            }
        }
        at_end.then_some(bytes.len())
    }
}

/// Whether a JSON value may begin with this byte.
fn begins(byte: u8) -> bool {
    matches!(byte, b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n')
}

/// How many bytes of white space stand at the start.
pub(super) fn blank(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n')).count()
}

/// A message of the JSON text of a value.
pub(super) fn message(text: &[u8], tag: usize) -> Result<Record, ScanError> {
    let value = formats::json::parse(text).map_err(|e| ScanError::new(e.to_string()))?;
    let origin = Origin { ack: 0, tag: tag as u32 };
    let body = match value {
        // As a document a text would be printed without its quotes.
        Value::String(_) => Body::Own(Arc::new(text.to_vec())),
        value => Body::Doc(Arc::new(value)),
    };
    Ok(Record { body, origin, ..Record::default() })
}

/// Splits documents.
pub struct JsonDocuments {
    block_bytes: usize,
    message_max: usize,
    rest: Vec<u8>,
    extent: Extent,
}

impl JsonDocuments {
    pub(super) fn new(stream: Stream<'_>) -> Self {
        let block_bytes = stream.block_bytes;
        let (message_max, rest) = (MESSAGE_BYTES_MAX, Vec::new());
        JsonDocuments { block_bytes, message_max, rest, extent: Extent::default() }
    }
}

impl Scanner for JsonDocuments {
    fn buffer(&mut self) -> Vec<u8> {
        with_room(std::mem::take(&mut self.rest), self.block_bytes)
    }

    fn scan(
        &mut self,
        mut filled: Vec<u8>,
        at_end: bool,
        out: &mut Vec<Data>,
    ) -> Result<(), ScanError> {
        let mut recs: Vec<Record> = Vec::new();
        let mut start = 0;
        let mut result = Ok(());
        loop {
            if self.extent.at == 0 {
                start += blank(&filled[start..]);
            }
            let Some(&first) = filled.get(start) else { break };
            if self.extent.at == 0 && !begins(first) {
                // Nothing that follows makes a document of it.
                result = message(&[first], 0).map(|_| ());
                break;
            }
            let Some(length) = self.extent.end(&filled[start..], at_end) else { break };
            self.extent = Extent::default();
            match message(&filled[start..start + length], recs.len()) {
                Ok(record) => recs.push(record),
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
            start += length;
        }
        if !recs.is_empty() {
            out.push(Data::Records(Records { recs, ..Records::default() }));
        }
        filled.drain(..start);
        if filled.len() > self.message_max {
            return Err(ScanError::too_large(self.message_max));
        }
        self.rest = filled;
        result
    }
}

/// Registration.
pub static PART: Part = Part {
    kind: "scanner",
    name: "json_documents",
    summary: "Makes a message of each JSON document of a stream.",
    schema: schema_of::<super::Empty>,
};

#[cfg(test)]
mod tests {
    use super::super::testing::{refuses_beyond, scan_all_ways};
    use super::super::{Config, Stream};
    use super::JsonDocuments;

    fn scan(bytes: &[u8]) -> (Vec<String>, Option<String>) {
        let (texts, error) = scan_all_ways(&Config::JsonDocuments, bytes);
        (texts, error.map(|e| e.0))
    }

    #[test]
    fn documents() {
        let (texts, error) = scan(b"{\"a\":1}\n{\"b\":\n 2}[3] \"s\\\"x\" 5 4.50 null{}");
        let wanted = ["{\"a\":1}", "{\"b\":2}", "[3]", "\"s\\\"x\"", "5", "4.50", "null", "{}"];
        assert_eq!(texts, wanted);
        assert_eq!(error, None);
        assert_eq!(scan(b" \n").0, [""; 0]);
    }

    #[test]
    fn garbage_ends_the_stream() {
        for bytes in
            [&b"{\"a\":1} {bad {\"b\":2}"[..], b"{\"a\":1} ]", b"{\"a\":1}{\"b\"", b"{\"a\":1}x"]
        {
            let (texts, error) = scan(bytes);
            assert_eq!(texts, ["{\"a\":1}"]);
            assert!(error.is_some());
        }
    }

    #[test]
    fn what_begins_no_document_is_not_read_to_its_end() {
        let mut scanner = Config::JsonDocuments.open(Stream { name: "", block_bytes: 16 }).unwrap();
        let mut out = Vec::new();
        assert!(scanner.scan(b" xxx".to_vec(), false, &mut out).is_err());
        assert!(out.is_empty());
    }

    #[test]
    fn a_document_has_a_limit() {
        let mut scanner = JsonDocuments::new(Stream { name: "", block_bytes: 64 });
        scanner.message_max = 100;
        let text = format!("1 \"{}", "x".repeat(100));
        refuses_beyond(&mut scanner, 100, text.as_bytes());
    }
}
