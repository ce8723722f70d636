//! Scanner `json_array`: a message for each element of one JSON array.

use plan::fields::Part;
use plan::{Data, Record, Records, schema_of};

use super::json_documents::{Extent, blank, message};
use super::{MESSAGE_BYTES_MAX, ScanError, Scanner, Stream, with_room};

/// What comes next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    Open,
    First,
    Element,
    Comma,
    Nothing,
}

/// Splits an array.
pub struct JsonArray {
    block_bytes: usize,
    message_max: usize,
    rest: Vec<u8>,
    extent: Extent,
    expect: Expect,
}

impl JsonArray {
    pub(super) fn new(stream: Stream<'_>) -> Self {
        JsonArray {
            block_bytes: stream.block_bytes,
            message_max: MESSAGE_BYTES_MAX,
            rest: Vec::new(),
            extent: Extent::default(),
            expect: Expect::Open,
        }
    }

    /// Takes what stands at the start of `bytes`; returns how much was used, 0 when more is
    /// needed.
    fn step(
        &mut self,
        bytes: &[u8],
        at_end: bool,
        recs: &mut Vec<Record>,
    ) -> Result<usize, ScanError> {
        let Some(&byte) = bytes.first() else { return Ok(0) };
        let wrong =
            |what: &str| ScanError::new(format!("invalid character {:?} {what}", char::from(byte)));
        self.expect = match (self.expect, byte) {
            (Expect::Open, b'[') => Expect::First,
            (Expect::Open, _) => return Err(ScanError::new("expected a JSON array")),
            (Expect::First | Expect::Comma, b']') => Expect::Nothing,
            (Expect::Comma, b',') => Expect::Element,
            (Expect::Comma, _) => return Err(wrong("after array element")),
            (Expect::First | Expect::Element, _) => {
                let Some(length) = self.extent.end(bytes, at_end) else { return Ok(0) };
                self.extent = Extent::default();
                recs.push(message(&bytes[..length], recs.len())?);
                self.expect = Expect::Comma;
                return Ok(length);
            }
            // What follows the array is not looked at.
            (Expect::Nothing, _) => return Ok(bytes.len()),
        };
        Ok(1)
    }
}

impl Scanner for JsonArray {
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
            start += blank(&filled[start..]);
            match self.step(&filled[start..], at_end, &mut recs) {
                Ok(0) => break,
                Ok(used) => start += used,
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        if !recs.is_empty() {
            out.push(Data::Records(Records { recs, ..Records::default() }));
        }
        filled.drain(..start);
        if filled.len() > self.message_max {
            return Err(ScanError::too_large(self.message_max));
        }
        self.rest = filled;
        if result.is_ok() && at_end && self.expect != Expect::Nothing {
            return Err(ScanError::new("unexpected EOF"));
        }
        result
    }
}

/// Registration.
pub static PART: Part = Part {
    kind: "scanner",
    name: "json_array",
    summary: "Makes a message of each element of a JSON array.",
    schema: schema_of::<super::Empty>,
};

#[cfg(test)]
mod tests {
    use super::super::testing::{refuses_beyond, scan_all_ways};
    use super::super::{Config, Stream};
    use super::JsonArray;

    fn scan(bytes: &[u8]) -> (Vec<String>, Option<String>) {
        let (texts, error) = scan_all_ways(&Config::JsonArray, bytes);
        (texts, error.map(|e| e.0))
    }

    #[test]
    fn elements() {
        let (texts, error) = scan(b" [{\"a\": 1}, [2,3], \"x\" , 4.50]\nrest");
        assert_eq!(texts, ["{\"a\":1}", "[2,3]", "\"x\"", "4.50"]);
        assert_eq!(error, None);
        assert_eq!(scan(b"[]"), (Vec::new(), None));
    }

    #[test]
    fn bad_arrays() {
        for (bytes, texts) in [
            (&b"{}"[..], 0),
            (b"", 0),
            (b"[1,", 1),
            (b"[1 2]", 1),
            (b"[1,]", 1),
            (b"[1", 1),
            (b"[,]", 0),
        ] {
            let (got, error) = scan(bytes);
            assert!(error.is_some(), "{bytes:?}");
            assert_eq!(got.len(), texts, "{bytes:?}");
        }
    }

    #[test]
    fn an_element_has_a_limit() {
        let mut scanner = JsonArray::new(Stream { name: "", block_bytes: 64 });
        scanner.message_max = 100;
        let text = format!("[1,\"{}", "x".repeat(100));
        refuses_beyond(&mut scanner, 100, text.as_bytes());
    }
}
