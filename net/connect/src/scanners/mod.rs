//! Scanners: how the bytes of one stream (a file, a connection, a process) become messages.
//!
//! A scanner owns the buffer that the next read appends to, with what the last read left unfinished
//! in front of it, so that only the bytes of a message that crosses a border are copied.

pub mod chunker;
pub mod csv;
mod cut;
pub mod decompress;
pub mod json_array;
pub mod json_documents;
pub mod lines;
pub mod re_match;
pub mod skip_bom;
pub mod switch;
pub mod tar;
pub mod to_the_end;
mod units;
mod unpack;

use bytes::Bytes;
use plan::env::read_config;
use plan::fields::Part;
use plan::{BuildError, Component, Data, Json, Record, Records};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::cut::Cut;
use crate::text::Bytesize;

/// Bytes that one read asks for when nothing else is known.
pub const BLOCK_BYTES: usize = 1 << 20;
/// Most bytes that a scanner holds for one unfinished message unless its configuration says less.
pub const MESSAGE_BYTES_MAX: usize = 512 << 20;
/// Deepest nesting of scanners within scanners.
pub const NESTING_MAX: usize = 16;

/// The stream cannot be read further. What was scanned before stays valid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ScanError(pub String);

impl ScanError {
    fn new(text: impl Into<String>) -> Self {
        ScanError(text.into())
    }

    fn too_large(limit: usize) -> Self {
        ScanError(format!("a message is larger than the limit of {limit} bytes"))
    }
}

/// Cuts the bytes of one stream into messages.
pub trait Scanner {
    /// The buffer to append the next bytes to. It has spare capacity.
    fn buffer(&mut self) -> Vec<u8>;

    /// Takes the buffer back and appends what is complete to `out`. With `at_end` nothing more
    /// comes and everything is due.
    ///
    /// # Errors
    /// When the stream cannot be read further; `out` has what came before.
    fn scan(&mut self, filled: Vec<u8>, at_end: bool, out: &mut Vec<Data>)
    -> Result<(), ScanError>;

    /// The stream broke off: appends to `out` what is complete and was held back.
    fn broken_off(&mut self, _: &mut Vec<Data>) {}
}

/// Which scanner and its options.
#[derive(Clone, Debug)]
pub enum Config {
    /// Chunks of a fixed size.
    Chunker(chunker::Config),
    /// Rows of comma-separated values.
    Csv(csv::Config),
    /// Another scanner of what a compressed stream unpacks to.
    Decompress(unpack::Algorithm, Box<Config>),
    /// The elements of a JSON array.
    JsonArray,
    /// JSON documents one after another.
    JsonDocuments,
    /// Lines.
    Lines(lines::Config),
    /// Parts that start where a pattern matches.
    ReMatch(re_match::Config),
    /// Another scanner after a byte order mark, if there is one.
    SkipBom(Box<Config>),
    /// A scanner chosen by the name of the file.
    Switch(Vec<switch::Choice>),
    /// The files of an archive.
    Tar,
    /// The whole stream as one message.
    ToTheEnd,
}

/// No options.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct Empty {}

/// All scanners, for lint and documentation, by name.
pub const ALL: &[&Part] = &[
    &chunker::PART,
    &csv::PART,
    &decompress::PART,
    &json_array::PART,
    &json_documents::PART,
    &lines::PART,
    &re_match::PART,
    &skip_bom::PART,
    &switch::PART,
    &tar::PART,
    &to_the_end::PART,
];

impl Default for Config {
    fn default() -> Self {
        Config::Lines(lines::Config::default())
    }
}

/// The scanner field of a source that scans lines when nothing is said.
#[must_use]
pub fn default_lines() -> plan::fields::Scanner {
    plan::fields::Scanner(Component::new("lines", Json::Object(Default::default())))
}

/// The scanner field of a scanner that hands everything on when nothing is said.
#[must_use]
pub fn default_to_the_end() -> plan::fields::Scanner {
    plan::fields::Scanner(Component::new("to_the_end", Json::Object(Default::default())))
}

/// What is known of a stream before it is read.
#[derive(Clone, Copy, Debug)]
pub struct Stream<'a> {
    /// Name of the file; empty elsewhere.
    pub name: &'a str,
    /// Bytes that one read should ask for.
    pub block_bytes: usize,
}

/// Bytes of the longest message of an old-style `codec` when nothing is said.
#[must_use]
pub fn default_max_buffer() -> Bytesize {
    Bytesize(1_000_000)
}

impl Config {
    /// Reads and checks the scanner that a component names.
    ///
    /// # Errors
    /// When there is no such scanner, or what is wrong with its options.
    pub fn of(component: &Component) -> Result<Config, BuildError> {
        Config::of_nested(component, 0)
    }

    fn of_nested(component: &Component, depth: usize) -> Result<Config, BuildError> {
        if depth > NESTING_MAX {
            return Err(BuildError::new(format!("scanners are nested deeper than {NESTING_MAX}")));
        }
        let config = &component.config;
        let read = match component.name.as_str() {
            "chunker" => Config::Chunker(read_config(config)?),
            "csv" => Config::Csv(read_config(config)?),
            "decompress" => {
                let config: decompress::Config = read_config(config)?;
                let algorithm = config.algorithm()?;
                let into = Config::of_nested(&config.into, depth + 1)?;
                Config::Decompress(algorithm, Box::new(into))
            }
            "json_array" => Config::JsonArray,
            "json_documents" => Config::JsonDocuments,
            "lines" => Config::Lines(read_config(config)?),
            "re_match" => Config::ReMatch(read_config(config)?),
            "skip_bom" => {
                let config: skip_bom::Config = read_config(config)?;
                Config::SkipBom(Box::new(Config::of_nested(&config.into, depth + 1)?))
            }
            "switch" => {
                let cases: Vec<switch::Case> = read_config(config)?;
                let choice = |case: &switch::Case| {
                    let pattern = case.re_match_name.clone();
                    let scanner = Config::of_nested(&case.scanner, depth + 1)?;
                    switch::Choice::new(pattern, scanner)
                };
                Config::Switch(cases.iter().map(choice).collect::<Result<_, _>>()?)
            }
            "tar" => Config::Tar,
            "to_the_end" => Config::ToTheEnd,
            other => return Err(BuildError::new(format!("there is no scanner '{other}'"))),
        };
        read.check()?;
        Ok(read)
    }

    fn check(&self) -> Result<(), BuildError> {
        match self {
            Config::Chunker(config) => config.check(),
            Config::Csv(config) => config.check(),
            Config::ReMatch(config) => config.check(),
            _ => Ok(()),
        }
    }

    /// A scanner for one stream.
    ///
    /// # Errors
    /// When an option is not usable, or no case of a `switch` fits the stream.
    pub fn open(&self, stream: Stream<'_>) -> Result<Box<dyn Scanner>, BuildError> {
        Ok(match self {
            Config::Chunker(config) => Box::new(chunker::Chunker::new(config, stream)?),
            Config::Csv(config) => Box::new(csv::Csv::new(config, stream)?),
            Config::Decompress(algorithm, into) => {
                let into = into.open(stream)?;
                Box::new(decompress::Decompress::new(*algorithm, into, stream))
            }
            Config::JsonArray => Box::new(json_array::JsonArray::new(stream)),
            Config::JsonDocuments => Box::new(json_documents::JsonDocuments::new(stream)),
            Config::Lines(config) => lines::open(config, stream),
            Config::ReMatch(config) => Box::new(re_match::ReMatch::new(config, stream)?),
            Config::SkipBom(into) => Box::new(skip_bom::SkipBom::new(into.open(stream)?)),
            Config::Switch(cases) => return switch::open(cases, stream),
            Config::Tar => Box::new(tar::Tar::new(stream)),
            Config::ToTheEnd => Box::new(to_the_end::ToTheEnd::new(stream)),
        })
    }

    /// The scanner that an old-style `codec` text such as `lines` or `delim:x` stands for. Where it
    /// looks for the end of a message, the longest one has `max_buffer` bytes; 0 stands for the
    /// usual number.
    ///
    /// # Errors
    /// When there is no such codec.
    pub fn of_codec(codec: &str, max_buffer: Bytesize) -> Result<Config, BuildError> {
        let max_buffer_size = if max_buffer.0 == 0 { default_max_buffer() } else { max_buffer };
        let unknown = || BuildError::new(format!("codec was not recognised: {codec}"));
        let (name, argument) = codec.split_once(':').unwrap_or((codec, ""));
        let config = match (name, argument) {
            ("lines", "") => {
                Config::Lines(lines::Config { max_buffer_size, ..lines::Config::default() })
            }
            ("all-bytes", "") => Config::ToTheEnd,
            ("csv", "") => Config::Csv(csv::Config::default()),
            ("delim", delimiter) if !delimiter.is_empty() => Config::Lines(lines::Config {
                custom_delimiter: Some(delimiter.to_owned()),
                max_buffer_size,
                ..lines::Config::default()
            }),
            ("chunker", size) => {
                let size = size.parse::<u64>().map_err(|_| unknown())?;
                Config::Chunker(chunker::Config { size: Bytesize(size) })
            }
            ("regex", pattern) if !pattern.is_empty() => {
                Config::ReMatch(re_match::Config { pattern: pattern.to_owned(), max_buffer_size })
            }
            _ => return Err(unknown()),
        };
        config.check()?;
        Ok(config)
    }
}

/// Collects the messages that one call of a scanner finds: ranges of one block.
#[derive(Default)]
struct Parts {
    ranges: Vec<(usize, usize)>,
}

impl Parts {
    fn push(&mut self, start: usize, end: usize) {
        self.ranges.push((start, end));
    }

    /// Ends the call: messages up to `consumed` go to `out` as one batch over a shared block, the
    /// rest of `filled` comes back as the start of the next buffer.
    fn finish(
        self,
        mut filled: Vec<u8>,
        consumed: usize,
        block_bytes: usize,
        out: &mut Vec<Data>,
    ) -> Vec<u8> {
        if self.ranges.is_empty() {
            filled.drain(..consumed);
            return filled;
        }
        let (block, rest) = split_off(filled, consumed, block_bytes);
        let recs = self.ranges.iter().zip(0..).map(|(&(start, end), tag)| Record {
            body: plan::Body::Range { start: start as u32, len: (end - start) as u32 },
            origin: plan::Origin { ack: 0, tag },
            ..Record::default()
        });
        out.push(Data::Records(Records { recs: recs.collect(), block, ..Records::default() }));
        rest
    }
}

/// Cuts `filled` at `border` into a block to hand out and the buffer to go on with. A buffer that
/// is mostly unused is copied out of and kept, so that a trickle of small reads does not pin a
/// whole buffer for each.
fn split_off(mut filled: Vec<u8>, border: usize, block_bytes: usize) -> (Bytes, Vec<u8>) {
    if border * 2 < filled.capacity() {
        let block = Bytes::copy_from_slice(&filled[..border]);
        filled.drain(..border);
        return (block, filled);
    }
    let mut next = Vec::with_capacity(block_bytes.max(2 * (filled.len() - border)));
    next.extend_from_slice(&filled[border..]);
    filled.truncate(border);
    (Bytes::from(filled), next)
}

/// Makes room for a read of a useful size behind what is there already.
fn with_room(mut buffer: Vec<u8>, block_bytes: usize) -> Vec<u8> {
    if buffer.capacity() == 0 {
        buffer.reserve_exact(block_bytes);
    } else if buffer.capacity() - buffer.len() < block_bytes.min(buffer.capacity()) / 4 {
        // Doubles at least, so that a message of any size is copied a few times only.
        buffer.reserve(buffer.capacity().max(block_bytes));
    }
    buffer
}

#[cfg(test)]
pub(crate) mod testing;
