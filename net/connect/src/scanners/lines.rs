//! Scanner `lines`: a message for each line (spec/benthos-components.md §E).
//!
//! Lines that end as usual leave as raw blocks of whole lines, which whoever comes next splits on
//! whichever shard it runs; with another delimiter, or when empty lines are left out, the lines
//! are split here.

use bytes::Bytes;
use formats::lines::LineSplitter;
use memchr::memrchr;
use plan::fields::Part;
use plan::{Body, Data, Origin, RawBlock, Record, Records, schema_of};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ScanError, Scanner, Stream, split_off, with_room};
use crate::text::Bytesize;

/// What a line that does not fit its buffer is called, as users of the scanner know it.
pub const TOO_LONG: &str = "bufio.Scanner: token too long";

/// Options of `lines`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// Ends messages by this text instead of a line break.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_delimiter: Option<String>,
    /// Longest line with its delimiter, in bytes. A longer one ends the stream.
    pub max_buffer_size: Bytesize,
    /// Leaves out lines without content.
    pub omit_empty: bool,
    /// Puts a last line that has no end into the block before it. This is for plans of languages
    /// to whom blocks are values; others do not see where blocks are cut.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(skip)]
    pub whole_end: bool,
}

impl Default for Config {
    fn default() -> Self {
        let max_buffer_size = Bytesize(formats::lines::LINE_BYTES_DEFAULT as u64);
        Config { custom_delimiter: None, max_buffer_size, omit_empty: false, whole_end: false }
    }
}

impl Config {
    fn delimiter(&self) -> Option<&str> {
        self.custom_delimiter.as_deref().filter(|d| !d.is_empty())
    }
}

/// The scanner for these options.
pub fn open(config: &Config, stream: Stream<'_>) -> Box<dyn Scanner> {
    let line_max = config.max_buffer_size.as_usize().max(1);
    let block_bytes = stream.block_bytes;
    if config.delimiter().is_none() && !config.omit_empty {
        let holds = config.whole_end;
        return Box::new(Blocks { line_max, block_bytes, holds, ..Blocks::default() });
    }
    let splitter = LineSplitter::new()
        .with_delimiter(config.delimiter().unwrap_or_default().as_bytes())
        .omit_empty(config.omit_empty)
        .bytes_max(line_max);
    Box::new(Lines { splitter, block_bytes, rest: Vec::new(), ranges: Vec::new() })
}

/// Cuts raw blocks at line borders. No line is looked at: it is enough to find one line break in
/// every stretch of `line_max` bytes.
#[derive(Default)]
struct Blocks {
    line_max: usize,
    block_bytes: usize,
    /// Whether a block is held until it is known that a last line does not belong to it.
    holds: bool,
    held: Option<Bytes>,
    rest: Vec<u8>,
    /// Bytes at the start of `rest` that are known to have no line break.
    checked: usize,
    offset: u64,
}

impl Blocks {
    /// The end of the last line that fits, and whether the line behind it is too long.
    fn border(&self, bytes: &[u8], at_end: bool) -> (usize, bool) {
        let mut start = 0;
        loop {
            let rest = &bytes[start..];
            let window = &rest[..rest.len().min(self.line_max)];
            let known = if start == 0 { self.checked.min(window.len()) } else { 0 };
            match memrchr(b'\n', &window[known..]) {
                Some(at) => start += known + at + 1,
                None if rest.len() >= self.line_max => return (start, true),
                None if at_end => return (bytes.len(), false),
                None => return (start, false),
            }
        }
    }

    /// At the end of the stream: hands on what is held, with a last line without an end if that is
    /// all there is.
    fn release(&mut self, filled: &mut Vec<u8>, out: &mut Vec<Data>) {
        let is_last_line = filled.len() < self.line_max && memrchr(b'\n', filled).is_none();
        if let Some(held) = self.held.take_if(|_| is_last_line && !filled.is_empty()) {
            let line = std::mem::take(filled);
            self.push([&*held, &*line, b"\n"].concat().into(), out);
        }
        self.broken_off(out);
    }

    fn push(&mut self, bytes: Bytes, out: &mut Vec<Data>) {
        let offset = self.offset;
        self.offset += bytes.len() as u64;
        out.push(Data::Raw(RawBlock { bytes, meta: None, offset, only: None }));
    }
}

impl Scanner for Blocks {
    fn buffer(&mut self) -> Vec<u8> {
        with_room(std::mem::take(&mut self.rest), self.block_bytes)
    }

    fn scan(
        &mut self,
        mut filled: Vec<u8>,
        at_end: bool,
        out: &mut Vec<Data>,
    ) -> Result<(), ScanError> {
        if at_end {
            self.release(&mut filled, out);
        }
        let (mut border, too_long) = self.border(&filled, at_end);
        if border > 0 || too_long {
            self.broken_off(out);
        }
        if at_end && border > 0 && border == filled.len() && !filled.ends_with(b"\n") {
            // Every block ends with a line break, so that nobody after this needs to care.
            filled.push(b'\n');
            border += 1;
        }
        self.checked = 0;
        if border > 0 {
            let (block, rest) = split_off(filled, border, self.block_bytes);
            self.rest = rest;
            if self.holds && !at_end && !too_long {
                self.held = Some(block);
            } else {
                self.push(block, out);
            }
        } else {
            self.rest = filled;
        }
        self.checked = self.rest.len();
        if too_long { Err(ScanError::new(TOO_LONG)) } else { Ok(()) }
    }

    fn broken_off(&mut self, out: &mut Vec<Data>) {
        if let Some(held) = self.held.take() {
            self.push(held, out);
        }
    }
}

/// Splits lines where they are read.
struct Lines {
    splitter: LineSplitter,
    block_bytes: usize,
    rest: Vec<u8>,
    ranges: Vec<(u32, u32)>,
}

impl Scanner for Lines {
    fn buffer(&mut self) -> Vec<u8> {
        with_room(std::mem::take(&mut self.rest), self.block_bytes)
    }

    fn scan(
        &mut self,
        filled: Vec<u8>,
        at_end: bool,
        out: &mut Vec<Data>,
    ) -> Result<(), ScanError> {
        self.ranges.clear();
        let (consumed, error) = match self.splitter.split(&filled, at_end, &mut self.ranges) {
            Ok(consumed) => (consumed, None),
            Err(error) => (error.at, Some(ScanError::new(TOO_LONG))),
        };
        let (block, rest) = split_off(filled, consumed, self.block_bytes);
        self.rest = rest;
        if !self.ranges.is_empty() {
            let recs = self.ranges.iter().zip(0..).map(|(&(start, len), tag)| Record {
                body: Body::Range { start, len },
                origin: Origin { ack: 0, tag },
                ..Record::default()
            });
            out.push(Data::Records(Records { recs: recs.collect(), block, ..Records::default() }));
        }
        error.map_or(Ok(()), Err)
    }
}

/// Registration.
pub static PART: Part = Part {
    kind: "scanner",
    name: "lines",
    summary: "Makes a message of each line.",
    schema: schema_of::<Config>,
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::scanners::testing::{scan, scan_all_ways};

    fn lines(config: Config) -> super::super::Config {
        super::super::Config::Lines(config)
    }

    #[test]
    fn lines_are_messages() {
        let config = lines(Config::default());
        let (texts, error) = scan_all_ways(&config, b"x\n\n  y \r\nlast");
        assert_eq!(texts, ["x", "", "  y ", "last"]);
        assert_eq!(error, None);
        assert_eq!(scan_all_ways(&config, b"").0, [""; 0]);
    }

    #[test]
    fn a_long_line_ends_the_stream() {
        let config = lines(Config { max_buffer_size: Bytesize(10), ..Config::default() });
        let bytes = format!("short\n{}\nafter\n", "L".repeat(50));
        let (texts, error) = scan_all_ways(&config, bytes.as_bytes());
        assert_eq!(texts, ["short"]);
        assert_eq!(error, Some(ScanError::new(TOO_LONG)));
        // A line of nine bytes and its break just fit.
        assert_eq!(scan_all_ways(&config, b"123456789\nx\n").0, ["123456789", "x"]);
        assert_eq!(scan_all_ways(&config, b"1234567890").1, Some(ScanError::new(TOO_LONG)));
    }

    #[test]
    fn a_last_line_without_an_end_belongs_to_the_block_before_it() {
        let blocks = |whole_end: bool, pieces: &[&str]| -> Vec<String> {
            let max_buffer_size = Bytesize(8);
            let config = lines(Config { whole_end, max_buffer_size, ..Config::default() });
            let mut scanner = config.open(Stream { name: "", block_bytes: 64 }).unwrap();
            let mut out = Vec::new();
            for piece in pieces.iter().chain([&""]) {
                let mut buffer = scanner.buffer();
                buffer.extend_from_slice(piece.as_bytes());
                if scanner.scan(buffer, piece.is_empty(), &mut out).is_err() {
                    out.push(Data::Raw(RawBlock { bytes: "too long".into(), ..empty() }));
                }
            }
            out.iter().map(text).collect()
        };
        assert_eq!(blocks(false, &["a,b\n1,x\n2,y"]), ["a,b\n1,x\n", "2,y\n"]);
        assert_eq!(blocks(true, &["a,b\n1,x\n2,y"]), ["a,b\n1,x\n2,y\n"]);
        assert_eq!(blocks(true, &["a\nb\n"]), ["a\nb\n"]);
        assert_eq!(blocks(true, &["a\nb", "c\nd", "e"]), ["a\n", "bc\nde\n"]);
        assert_eq!(blocks(true, &["a"]), ["a\n"]);
        assert_eq!(blocks(true, &["a\n12345678"]), ["a\n", "too long", "too long"]);
        assert_eq!(blocks(true, &["a\n1234567"]), ["a\n1234567\n"]);
        assert_eq!(blocks(true, &[]), [""; 0]);
    }

    #[test]
    fn what_is_held_is_handed_on_when_the_stream_breaks_off() {
        let config = lines(Config { whole_end: true, ..Config::default() });
        let mut scanner = config.open(Stream { name: "", block_bytes: 64 }).unwrap();
        let mut out = Vec::new();
        let mut buffer = scanner.buffer();
        buffer.extend_from_slice(b"a\nb");
        scanner.scan(buffer, false, &mut out).unwrap();
        assert!(out.is_empty(), "it is held");
        scanner.broken_off(&mut out);
        assert_eq!(out.iter().map(text).collect::<Vec<_>>(), ["a\n"]);
    }

    fn empty() -> RawBlock {
        RawBlock { bytes: Bytes::new(), meta: None, offset: 0, only: None }
    }

    fn text(data: &Data) -> String {
        let Data::Raw(raw) = data else { panic!("raw blocks") };
        String::from_utf8_lossy(&raw.bytes).into_owned()
    }

    #[test]
    fn a_stream_without_line_breaks_is_bounded() {
        let config = lines(Config::default());
        let mut scanner = config.open(Stream { name: "", block_bytes: 4096 }).unwrap();
        let mut out = Vec::new();
        let mut fed = 0;
        loop {
            let mut buffer = scanner.buffer();
            let room = buffer.capacity() - buffer.len();
            assert!(buffer.capacity() < 1 << 20, "the buffer grows beyond the limit");
            buffer.resize(buffer.len() + room, b'x');
            fed += room;
            if scanner.scan(buffer, false, &mut out).is_err() {
                break;
            }
        }
        assert!(fed < 1 << 20);
    }

    #[test]
    fn other_delimiters() {
        let config = lines(Config { custom_delimiter: Some(";".into()), ..Config::default() });
        assert_eq!(scan_all_ways(&config, b"a;b;c\nd").0, ["a", "b", "c\nd"]);
        let config = lines(Config { omit_empty: true, ..Config::default() });
        assert_eq!(scan_all_ways(&config, b"a\n\n\r\nb\n").0, ["a", "b"]);
    }

    proptest! {
        #[test]
        fn pieces_change_nothing(
            text in "[ab\r\n]{0,200}",
            piece in 1usize..70,
            max in 4u64..40,
            whole_end: bool,
        ) {
            let max_buffer_size = Bytesize(max);
            let config = lines(Config { max_buffer_size, whole_end, ..Config::default() });
            let whole = scan(&config, "", text.as_bytes(), usize::MAX);
            prop_assert_eq!(scan(&config, "", text.as_bytes(), piece), whole);
        }
    }
}
