//! Scanner `decompress`: another scanner of what a compressed stream unpacks to.

use std::io::Write;

use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use plan::fields::{self, Part};
use plan::{BuildError, Data, schema_of};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ScanError, Scanner, Stream};

/// Packed bytes that are unpacked at a time: bounds what one step can grow to, about a thousand
/// times as much.
const STEP_BYTES: usize = 16 << 10;

/// Options of `decompress`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// `gzip` (or `pgzip`), `zlib` or `flate`.
    pub algorithm: String,
    /// Scanner of what it unpacks to.
    #[serde(default = "super::default_to_the_end")]
    pub into: fields::Scanner,
}

/// How a stream is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Gzip, of one or several members.
    Gzip,
    /// Zlib.
    Zlib,
    /// Raw deflate.
    Flate,
}

impl Algorithm {
    /// The algorithm of that name.
    ///
    /// # Errors
    /// When there is none.
    pub fn of(name: &str) -> Result<Self, BuildError> {
        match name {
            "gzip" | "pgzip" => Ok(Algorithm::Gzip),
            "zlib" => Ok(Algorithm::Zlib),
            "flate" => Ok(Algorithm::Flate),
            "bzip2" | "lz4" | "snappy" | "zstd" => {
                let text =
                    format!("field 'algorithm': {name} is not supported by this scanner yet");
                Err(BuildError::new(text))
            }
            other => Err(BuildError::new(format!("decompression type not recognised: {other}"))),
        }
    }
}

enum Decoder {
    Gzip(MultiGzDecoder<Vec<u8>>),
    Zlib(ZlibDecoder<Vec<u8>>),
    Flate(DeflateDecoder<Vec<u8>>),
}

impl Decoder {
    /// Unpacks bytes; what came out so far is taken from `unpacked`.
    fn feed(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Decoder::Gzip(decoder) => decoder.write_all(bytes),
            Decoder::Zlib(decoder) => decoder.write_all(bytes),
            Decoder::Flate(decoder) => decoder.write_all(bytes),
        }
    }

    fn finish(&mut self) -> std::io::Result<()> {
        match self {
            Decoder::Gzip(decoder) => decoder.try_finish(),
            Decoder::Zlib(decoder) => decoder.try_finish(),
            Decoder::Flate(decoder) => decoder.try_finish(),
        }
    }

    fn unpacked(&mut self) -> &mut Vec<u8> {
        match self {
            Decoder::Gzip(decoder) => decoder.get_mut(),
            Decoder::Zlib(decoder) => decoder.get_mut(),
            Decoder::Flate(decoder) => decoder.get_mut(),
        }
    }
}

/// Unpacks a stream.
pub struct Decompress {
    decoder: Decoder,
    into: Box<dyn Scanner>,
    block_bytes: usize,
    buffer: Vec<u8>,
}

impl Decompress {
    pub(super) fn new(algorithm: Algorithm, into: Box<dyn Scanner>, stream: Stream<'_>) -> Self {
        let decoder = match algorithm {
            Algorithm::Gzip => Decoder::Gzip(MultiGzDecoder::new(Vec::new())),
            Algorithm::Zlib => Decoder::Zlib(ZlibDecoder::new(Vec::new())),
            Algorithm::Flate => Decoder::Flate(DeflateDecoder::new(Vec::new())),
        };
        Decompress { decoder, into, block_bytes: stream.block_bytes, buffer: Vec::new() }
    }

    /// Hands what was unpacked on, in pieces that fit the inner scanner's buffers.
    fn hand_on(&mut self, out: &mut Vec<Data>) -> Result<(), ScanError> {
        let unpacked = std::mem::take(self.decoder.unpacked());
        let mut rest = unpacked.as_slice();
        while !rest.is_empty() {
            let mut buffer = self.into.buffer();
            let room = (buffer.capacity() - buffer.len()).max(1).min(rest.len());
            let (now, later) = rest.split_at(room);
            buffer.extend_from_slice(now);
            rest = later;
            self.into.scan(buffer, false, out)?;
        }
        // Its memory serves the next step.
        let mut memory = unpacked;
        memory.clear();
        *self.decoder.unpacked() = memory;
        Ok(())
    }
}

impl Scanner for Decompress {
    fn buffer(&mut self) -> Vec<u8> {
        super::with_room(std::mem::take(&mut self.buffer), self.block_bytes)
    }

    fn scan(
        &mut self,
        mut filled: Vec<u8>,
        at_end: bool,
        out: &mut Vec<Data>,
    ) -> Result<(), ScanError> {
        let damaged = |e: std::io::Error| ScanError::new(format!("failed to decompress: {e}"));
        for step in filled.chunks(STEP_BYTES) {
            self.decoder.feed(step).map_err(damaged)?;
            self.hand_on(out)?;
        }
        filled.clear();
        self.buffer = filled;
        if at_end {
            self.decoder.finish().map_err(damaged)?;
            self.hand_on(out)?;
            let buffer = self.into.buffer();
            self.into.scan(buffer, true, out)?;
        }
        Ok(())
    }
}

/// Registration.
pub static PART: Part = Part {
    kind: "scanner",
    name: "decompress",
    summary: "Unpacks a stream for another scanner.",
    schema: schema_of::<Config>,
};

#[cfg(test)]
mod tests {
    use plan::Component;
    use serde_json::json;

    use super::super::testing::{scan, scan_all_ways};
    use super::*;

    fn config(algorithm: &str) -> super::super::Config {
        let json = json!({"algorithm": algorithm, "into": {"name": "lines"}});
        super::super::Config::of(&Component::new("decompress", json)).unwrap()
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn streams_are_unpacked() {
        let mut packed = gzip(b"z1\nz2\nz");
        packed.extend(gzip(b"3\n"));
        let (texts, error) = scan_all_ways(&config("gzip"), &packed);
        assert_eq!((texts, error), (vec!["z1".into(), "z2".into(), "z3".into()], None));
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Default::default());
        encoder.write_all(b"a\nb").unwrap();
        let packed = encoder.finish().unwrap();
        assert_eq!(scan_all_ways(&config("zlib"), &packed).0, ["a", "b"]);
    }

    #[test]
    fn damage_ends_the_stream() {
        assert!(scan(&config("gzip"), "", b"not packed at all", 99).1.is_some());
        let mut packed = gzip(&b"line\n".repeat(1000));
        let half = packed.len() / 2;
        packed.truncate(half);
        assert!(scan(&config("gzip"), "", &packed, 99).1.is_some());
    }

    #[test]
    fn what_expands_without_end_is_bounded() {
        // A line of 64 MB of zeros, from 64 KB: it is refused long before it is whole.
        let packed = gzip(&vec![b'0'; 64 << 20]);
        let (texts, error) = scan(&config("gzip"), "", &packed, usize::MAX);
        assert_eq!(texts, [""; 0]);
        assert_eq!(error.unwrap().0, super::super::lines::TOO_LONG);
    }

    #[test]
    fn unknown_algorithms_are_refused() {
        assert!(Algorithm::of("rar").unwrap_err().text.contains("not recognised: rar"));
        assert!(Algorithm::of("zstd").unwrap_err().text.contains("zstd"));
    }
}
