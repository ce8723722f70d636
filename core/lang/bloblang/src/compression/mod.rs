//! Compression of texts by the name of the algorithm. What decompression may grow to is limited.

mod deflate;
mod lz4;

use std::io::Read;

use crate::error::Error;

/// Bytes that decompression may give.
pub const DECOMPRESSED_BYTES_MAX: usize = 256 << 20;
/// Bytes of a window that zstd data may ask for.
pub const ZSTD_WINDOW_BYTES_MAX: u64 = 64 << 20;

/// An algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Deflate with the header of gzip.
    Gzip,
    /// Deflate with the header of zlib.
    Zlib,
    /// Deflate without a header.
    Flate,
    /// One block of Snappy.
    Snappy,
    /// A frame of LZ4.
    Lz4,
    /// Zstandard.
    Zstd,
    /// Bzip2, which can only be decompressed.
    Bzip2,
}

impl Algorithm {
    /// The algorithm of a name, to compress or to decompress with.
    ///
    /// # Errors
    /// There is none.
    pub fn find(name: &str, compress: bool) -> Result<Algorithm, Error> {
        match name {
            "gzip" | "pgzip" => Ok(Algorithm::Gzip),
            "zlib" => Ok(Algorithm::Zlib),
            "flate" => Ok(Algorithm::Flate),
            "snappy" => Ok(Algorithm::Snappy),
            "lz4" => Ok(Algorithm::Lz4),
            "zstd" => Ok(Algorithm::Zstd),
            "bzip2" if !compress => Ok(Algorithm::Bzip2),
            _ => Err(Error::new(format!("compression type not recognised: {name}"))),
        }
    }

    /// Compresses; `level` counts for the deflate family only, -1 is its default.
    ///
    /// # Errors
    /// There is no such level.
    pub fn compress(self, bytes: &[u8], level: i64) -> Result<Vec<u8>, Error> {
        let broken = |e: &dyn std::fmt::Display| Error::new(e.to_string());
        match self {
            Algorithm::Gzip => deflate::gzip(bytes, level),
            Algorithm::Zlib => deflate::zlib(bytes, level),
            Algorithm::Flate => deflate::flate(bytes, level),
            Algorithm::Snappy => {
                snap::raw::Encoder::new().compress_vec(bytes).map_err(|e| broken(&e))
            }
            Algorithm::Lz4 => Ok(lz4::frame(bytes)),
            Algorithm::Zstd => {
                let level = ruzstd::encoding::CompressionLevel::Fastest;
                Ok(ruzstd::encoding::compress_to_vec(bytes, level))
            }
            Algorithm::Bzip2 => Err(Error::new("bzip2 data can only be decompressed")),
        }
    }

    /// Decompresses.
    ///
    /// # Errors
    /// It is no data of the algorithm, or it is larger than [`DECOMPRESSED_BYTES_MAX`].
    pub fn decompress(self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        match self {
            Algorithm::Gzip => deflate::gunzip(bytes),
            Algorithm::Zlib => deflate::unzlib(bytes),
            Algorithm::Flate => deflate::unflate(bytes),
            Algorithm::Snappy => unsnappy(bytes),
            Algorithm::Lz4 if bytes.is_empty() => Ok(Vec::new()),
            Algorithm::Lz4 => limited(lz4_flex::frame::FrameDecoder::new(bytes), |e| {
                let bad_magic = bytes.first_chunk() != Some(&0x184d_2204u32.to_le_bytes());
                match e.kind() {
                    _ if bytes.len() < 4 => "EOF".into(),
                    _ if bad_magic => "lz4: bad magic number".into(),
                    std::io::ErrorKind::UnexpectedEof => "unexpected EOF".into(),
                    _ => format!("lz4: {e}"),
                }
            }),
            Algorithm::Zstd => unzstd(bytes),
            Algorithm::Bzip2 => unbzip2(bytes),
        }
    }
}

/// The error of data that grows too large.
fn too_large() -> Error {
    Error::new(format!("the decompressed data exceeds {DECOMPRESSED_BYTES_MAX} bytes"))
}

/// Reads all of a decompressor up to the limit.
fn limited(source: impl Read, error: impl Fn(&std::io::Error) -> String) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    let mut source = source.take(DECOMPRESSED_BYTES_MAX as u64 + 1);
    source.read_to_end(&mut out).map_err(|e| Error::new(error(&e)))?;
    if out.len() > DECOMPRESSED_BYTES_MAX {
        return Err(too_large());
    }
    Ok(out)
}

fn unsnappy(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let corrupt = |_| Error::new("s2: corrupt input");
    if snap::raw::decompress_len(bytes).map_err(corrupt)? > DECOMPRESSED_BYTES_MAX {
        return Err(too_large());
    }
    snap::raw::Decoder::new().decompress_vec(bytes).map_err(corrupt)
}

/// All frames of zstd data, one behind another.
fn unzstd(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    const MAGIC: [u8; 4] = 0xfd2f_b528u32.to_le_bytes();
    let mut out = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let Some((magic, behind)) = rest.split_first_chunk::<4>() else {
            return Err(Error::new("unexpected EOF"));
        };
        // Frames that are to be skipped carry their length.
        if (0x50..=0x5f).contains(&magic[0]) && magic[1..] == [0x2a, 0x4d, 0x18] {
            let size = behind.split_first_chunk::<4>();
            let skipped =
                size.and_then(|(size, behind)| behind.get(u32::from_le_bytes(*size) as usize..));
            rest = skipped.ok_or_else(|| Error::new("unexpected EOF"))?;
            continue;
        }
        if *magic != MAGIC {
            return Err(Error::new("invalid input: magic number mismatch"));
        }
        let decoder = ruzstd::decoding::StreamingDecoder::new_with_max_window_size(
            &mut rest,
            ZSTD_WINDOW_BYTES_MAX,
        );
        let mut decoder = decoder.map_err(|_| Error::new("unexpected EOF"))?;
        let left = (DECOMPRESSED_BYTES_MAX - out.len()) as u64;
        let mut limited = Read::take(&mut decoder, left + 1);
        limited.read_to_end(&mut out).map_err(|e| {
            let text = e.to_string().to_lowercase();
            let ended = text.contains("fill whole buffer") || text.contains("eof");
            Error::new(if ended { "unexpected EOF" } else { "corruption detected" })
        })?;
        if out.len() > DECOMPRESSED_BYTES_MAX {
            return Err(too_large());
        }
    }
    Ok(out)
}

fn unbzip2(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let fail = |why: &str| Err(Error::new(format!("bzip2 data invalid: {why}")));
    match bytes {
        [] => return Err(Error::new("EOF")),
        [_] => return Err(Error::new("unexpected EOF")),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] | [b'B', b'Z'] | [b'B', b'Z', b'h'] => {}
        [b'B', b'Z', b'h', ..] => return fail("invalid compression level"),
        [b'B', b'Z', ..] => return fail("non-Huffman entropy encoding"),
        _ => return fail("bad magic value"),
    }
    limited(bzip2::read::MultiBzDecoder::new(bytes), |e| match e.kind() {
        std::io::ErrorKind::UnexpectedEof => "unexpected EOF".into(),
        _ => "bzip2 data invalid: corrupt data".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAMES: [&str; 7] = ["gzip", "pgzip", "zlib", "flate", "snappy", "lz4", "zstd"];

    fn round_trip(bytes: &[u8], level: i64) {
        for name in NAMES {
            let algorithm = Algorithm::find(name, true).unwrap();
            let packed = algorithm.compress(bytes, level).unwrap();
            assert_eq!(algorithm.decompress(&packed).unwrap(), bytes, "{name}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn decompressing_undoes_compressing(
            bytes: Vec<u8>, repeat in 1usize..20, level in -2i64..=9,
        ) {
            round_trip(&bytes.repeat(repeat), level);
        }

        #[test]
        fn any_bytes_decompress_or_fail(bytes: Vec<u8>, text in "[a-z ]{0,300}", at: usize, byte: u8) {
            for name in NAMES.into_iter().chain(["bzip2"]) {
                let _ = Algorithm::find(name, false).unwrap().decompress(&bytes);
            }
            for name in NAMES {
                let algorithm = Algorithm::find(name, true).unwrap();
                let mut packed = algorithm.compress(text.as_bytes(), -1).unwrap();
                let at = at % packed.len().max(1);
                if let Some(place) = packed.get_mut(at) {
                    *place = byte;
                }
                let _ = algorithm.decompress(&packed);
            }
        }
    }

    #[test]
    fn growth_has_a_limit() {
        let zeros = vec![0; DECOMPRESSED_BYTES_MAX + 1];
        let packed = Algorithm::Gzip.compress(&zeros, 1).unwrap();
        drop(zeros);
        let error = Algorithm::Gzip.decompress(&packed).unwrap_err().to_string();
        assert_eq!(error, format!("the decompressed data exceeds {DECOMPRESSED_BYTES_MAX} bytes"));
    }

    #[test]
    fn errors_are_those_of_go() {
        for (name, text, error) in [
            ("gzip", "", "EOF"),
            ("gzip", "not gzip", "unexpected EOF"),
            ("gzip", "raw, payload", "gzip: invalid header"),
            ("zlib", "xx", "zlib: invalid header"),
            ("flate", "xx", "unexpected EOF"),
            ("snappy", "xx", "s2: corrupt input"),
            ("zstd", "xx", "unexpected EOF"),
            ("bzip2", "xx", "bzip2 data invalid: bad magic value"),
        ] {
            let result = Algorithm::find(name, false).unwrap().decompress(text.as_bytes());
            assert_eq!(result.unwrap_err().to_string(), error, "{name} {text}");
        }
    }
}
