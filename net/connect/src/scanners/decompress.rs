//! Scanner `decompress`: another scanner of what a compressed stream unpacks to.

use plan::fields::{self, Part};
use plan::{BuildError, Data, schema_of};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::unpack::{Algorithm, Unpacker};
use super::{ScanError, Scanner, Stream};

/// Packed bytes that are unpacked at a time: bounds what one step can grow to, about a thousand
/// times as much.
const STEP_BYTES: usize = 16 << 10;

/// Options of `decompress`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// `gzip` (or `pgzip`), `zlib`, `bzip2`, `flate`, `snappy`, `lz4` or `zstd`.
    pub algorithm: String,
    /// Scanner of what it unpacks to.
    #[serde(default = "super::default_to_the_end")]
    pub into: fields::Scanner,
}

impl Config {
    /// The algorithm that is named.
    ///
    /// # Errors
    /// When there is none of that name.
    pub(super) fn algorithm(&self) -> Result<Algorithm, BuildError> {
        let name = &self.algorithm;
        let unknown = || BuildError::new(format!("decompression type not recognised: {name}"));
        Algorithm::named(name).ok_or_else(unknown)
    }
}

fn damaged(error: std::io::Error) -> ScanError {
    ScanError::new(format!("failed to decompress: {error}"))
}

/// What unpacks a stream, from its first bytes on.
fn unpacker_of(
    kept: &mut Option<Unpacker>,
    algorithm: Algorithm,
) -> Result<&mut Unpacker, ScanError> {
    match kept {
        Some(unpacker) => Ok(unpacker),
        none => Ok(none.insert(Unpacker::new(algorithm).map_err(damaged)?)),
    }
}

/// Unpacks a stream.
pub struct Decompress {
    algorithm: Algorithm,
    unpacker: Option<Unpacker>,
    into: Box<dyn Scanner>,
    block_bytes: usize,
    buffer: Vec<u8>,
}

impl Decompress {
    pub(super) fn new(algorithm: Algorithm, into: Box<dyn Scanner>, stream: Stream<'_>) -> Self {
        let (unpacker, block_bytes, buffer) = (None, stream.block_bytes, Vec::new());
        Decompress { algorithm, unpacker, into, block_bytes, buffer }
    }

    /// Unpacks bytes and hands on what comes out.
    fn unpack(&mut self, mut bytes: &[u8], out: &mut Vec<Data>) -> Result<(), ScanError> {
        while !bytes.is_empty() {
            let unpacker = unpacker_of(&mut self.unpacker, self.algorithm)?;
            let count = unpacker.feed(bytes).map_err(damaged)?;
            if count == 0 && unpacker.unpacked().is_empty() {
                return Err(damaged(std::io::ErrorKind::WriteZero.into()));
            }
            bytes = bytes.get(count..).unwrap_or_default();
            self.hand_on(out)?;
        }
        Ok(())
    }

    /// Hands what was unpacked on, in pieces that fit the inner scanner's buffers.
    fn hand_on(&mut self, out: &mut Vec<Data>) -> Result<(), ScanError> {
        let unpacker = unpacker_of(&mut self.unpacker, self.algorithm)?;
        let unpacked = std::mem::take(unpacker.unpacked());
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
        *unpacker.unpacked() = memory;
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
        for step in filled.chunks(STEP_BYTES) {
            self.unpack(step, out)?;
        }
        filled.clear();
        self.buffer = filled;
        if at_end {
            unpacker_of(&mut self.unpacker, self.algorithm)?.finish().map_err(damaged)?;
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
    use std::io::Write;

    use plan::Component;
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::testing::{scan, scan_all_ways};

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

    fn packed(name: &str, text: &[u8]) -> Vec<u8> {
        match name {
            "zstd" => zstd::bulk::compress(text, 3).unwrap(),
            "lz4" => {
                let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
            "snappy" => {
                let mut encoder = snap::write::FrameEncoder::new(Vec::new());
                encoder.write_all(text).unwrap();
                encoder.into_inner().unwrap()
            }
            "bzip2" => {
                let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), Default::default());
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
            _ => gzip(text),
        }
    }

    const STREAMS: [&str; 5] = ["bzip2", "lz4", "pgzip", "snappy", "zstd"];

    #[test]
    fn streams_of_every_algorithm_follow_each_other_and_end_whole() {
        for name in STREAMS {
            let mut two = packed(name, b"z1\nz2\nz");
            two.extend(packed(name, b"3\n"));
            let (texts, error) = scan_all_ways(&config(name), &two);
            assert_eq!(
                (texts, error),
                (vec!["z1".into(), "z2".into(), "z3".into()], None),
                "{name}"
            );
            let long: Vec<u8> = (0..60_000).flat_map(|n| format!("{n}\n").into_bytes()).collect();
            let whole = packed(name, &long);
            for piece in [1000, usize::MAX] {
                let (texts, error) = scan(&config(name), "", &whole, piece);
                assert_eq!((texts.len(), error), (60_000, None), "{name}");
                assert_eq!(texts.join("\n").as_bytes(), &long[..long.len() - 1], "{name}");
            }
            let cut = &whole[..whole.len() - 3];
            assert!(scan(&config(name), "", cut, 99).1.is_some(), "{name}: cut off");
            assert!(scan(&config(name), "", b"not packed at all", 99).1.is_some(), "{name}");
        }
    }

    #[test]
    fn frames_of_lz4_have_sums_sizes_and_what_is_skipped() {
        let info = lz4_flex::frame::FrameInfo::new()
            .block_checksums(true)
            .content_checksum(true)
            .content_size(Some(300_000))
            .block_mode(lz4_flex::frame::BlockMode::Linked);
        let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, Vec::new());
        encoder.write_all(&b"line\n".repeat(60_000)).unwrap();
        let frame = encoder.finish().unwrap();
        let mut stream = b"\x53\x2a\x4d\x18\x03\x00\x00\x00abc".to_vec();
        stream.extend(&frame);
        for piece in [1, 1000, usize::MAX] {
            let (texts, error) = scan(&config("lz4"), "", &stream, piece);
            assert_eq!((texts.len(), error), (60_000, None));
        }
        let mut wrong = frame;
        *wrong.last_mut().unwrap() ^= 1;
        assert!(scan(&config("lz4"), "", &wrong, 99).1.is_some());
        let long = b"\x04\x22\x4d\x18\x40\x40\xc0\xff\xff\xff\x7f";
        let (_, error) = scan(&config("lz4"), "", long, 99);
        assert!(error.unwrap().0.contains("is longer than"));
    }

    proptest! {
        #[test]
        fn garbage_does_not_panic(head in 0..=STREAMS.len(), bytes in any::<Vec<u8>>()) {
            let mut stream = STREAMS.get(head).map(|name| packed(name, b"text")).unwrap_or_default();
            stream.truncate(stream.len() / 2);
            stream.extend(bytes);
            for name in STREAMS {
                let _ = scan(&config(name), "", &stream, 7);
            }
        }
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
        // A line of 64 MB of zeros, from as little as a few bytes: it is refused long before it is
        // whole.
        let zeros = vec![b'0'; 64 << 20];
        for name in STREAMS {
            let (texts, error) = scan(&config(name), "", &packed(name, &zeros), usize::MAX);
            assert_eq!(texts, [""; 0]);
            assert_eq!(error.unwrap().0, super::super::lines::TOO_LONG, "{name}");
        }
    }

    #[test]
    fn unknown_algorithms_are_refused() {
        let component = Component::new("decompress", json!({"algorithm": "rar"}));
        let error = super::super::Config::of(&component).err().unwrap();
        assert_eq!(error.text, "decompression type not recognised: rar");
    }
}
