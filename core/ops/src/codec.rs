//! Compression algorithms of `compress` and `decompress`.

use std::io::{Read, Write};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::archives::{UNPACKED_MAX, read_bounded};

/// A compression algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Algorithm {
    /// Deflate without a head.
    Flate,
    /// Deflate in the form of gzip files.
    Gzip,
    /// The same as `gzip`.
    Pgzip,
    /// LZ4 frames.
    Lz4,
    /// Snappy blocks.
    Snappy,
    /// Deflate with the head of zlib.
    Zlib,
    /// Zstandard frames.
    Zstd,
}

/// What can be decompressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Packed {
    /// Streams of bzip2.
    Bzip2,
    /// Deflate without a head.
    Flate,
    /// Deflate in the form of gzip files.
    Gzip,
    /// LZ4 frames.
    Lz4,
    /// The same as `gzip`.
    Pgzip,
    /// Snappy blocks.
    Snappy,
    /// Deflate with the head of zlib.
    Zlib,
    /// Zstandard frames.
    Zstd,
}

/// Compresses; a level below 0 is the algorithm's own default.
///
/// # Errors
/// What the algorithm says.
pub(crate) fn compress(algorithm: Algorithm, level: i32, bytes: &[u8]) -> Result<Vec<u8>, String> {
    const DEFLATE_MAX: u32 = 9;
    const ZSTD_MAX: i32 = 19;
    let deflate = match u32::try_from(level) {
        Ok(level) => flate2::Compression::new(level.min(DEFLATE_MAX)),
        Err(_) => flate2::Compression::default(),
    };
    let text = |e: std::io::Error| e.to_string();
    match algorithm {
        Algorithm::Flate => read_all(flate2::read::DeflateEncoder::new(bytes, deflate)),
        Algorithm::Gzip | Algorithm::Pgzip => {
            read_all(flate2::read::GzEncoder::new(bytes, deflate))
        }
        Algorithm::Zlib => read_all(flate2::read::ZlibEncoder::new(bytes, deflate)),
        Algorithm::Lz4 => {
            let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
            encoder.write_all(bytes).map_err(text)?;
            encoder.finish().map_err(|e| e.to_string())
        }
        Algorithm::Snappy => {
            snap::raw::Encoder::new().compress_vec(bytes).map_err(|e| e.to_string())
        }
        Algorithm::Zstd => zstd::bulk::compress(bytes, level.clamp(0, ZSTD_MAX)).map_err(text),
    }
}

fn read_all(mut reader: impl Read) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    reader.read_to_end(&mut out).map_err(|e| e.to_string())?;
    Ok(out)
}

/// Decompresses.
///
/// # Errors
/// What is wrong with the bytes, or that they unpack to more than [`UNPACKED_MAX`].
pub(crate) fn decompress(algorithm: Packed, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let text = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::UnexpectedEof => "unexpected EOF".to_owned(),
        _ => e.to_string(),
    };
    match algorithm {
        Packed::Bzip2 => read_bounded(bzip2::read::MultiBzDecoder::new(bytes)).map_err(text),
        Packed::Flate => read_bounded(flate2::read::DeflateDecoder::new(bytes)).map_err(text),
        Packed::Gzip | Packed::Pgzip => {
            gzip_head(bytes)?;
            read_bounded(flate2::read::MultiGzDecoder::new(bytes)).map_err(text)
        }
        Packed::Zlib => read_bounded(flate2::read::ZlibDecoder::new(bytes)).map_err(text),
        Packed::Lz4 => read_bounded(lz4_flex::frame::FrameDecoder::new(bytes)).map_err(text),
        Packed::Snappy => {
            let len = snap::raw::decompress_len(bytes).map_err(|e| e.to_string())?;
            if len > UNPACKED_MAX {
                return Err(format!("the content unpacks to more than {UNPACKED_MAX} bytes"));
            }
            snap::raw::Decoder::new().decompress_vec(bytes).map_err(|e| e.to_string())
        }
        Packed::Zstd => {
            read_bounded(zstd::stream::read::Decoder::new(bytes).map_err(text)?).map_err(text)
        }
    }
}

/// The complaints about a head of gzip that users know.
fn gzip_head(bytes: &[u8]) -> Result<(), String> {
    const HEAD_BYTES: usize = 10;
    const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
    match bytes.len() {
        0 => Err("EOF".to_owned()),
        len if len < HEAD_BYTES => Err("unexpected EOF".to_owned()),
        _ if bytes.starts_with(&MAGIC) => Ok(()),
        _ => Err("gzip: invalid header".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [(Algorithm, Packed); 7] = [
        (Algorithm::Flate, Packed::Flate),
        (Algorithm::Gzip, Packed::Gzip),
        (Algorithm::Pgzip, Packed::Pgzip),
        (Algorithm::Lz4, Packed::Lz4),
        (Algorithm::Snappy, Packed::Snappy),
        (Algorithm::Zlib, Packed::Zlib),
        (Algorithm::Zstd, Packed::Zstd),
    ];

    fn bzip2(bytes: &[u8]) -> Vec<u8> {
        read_all(bzip2::read::BzEncoder::new(bytes, Default::default())).unwrap()
    }

    #[test]
    fn what_grows_without_end_is_refused() {
        let zeros = vec![0; UNPACKED_MAX + 1];
        let packed = compress(Algorithm::Zstd, 1, &zeros).unwrap();
        assert!(packed.len() < UNPACKED_MAX / 100);
        assert!(decompress(Packed::Zstd, &packed).unwrap_err().contains("more than"));
        let packed = bzip2(&zeros);
        assert!(decompress(Packed::Bzip2, &packed).unwrap_err().contains("more than"));
    }

    #[test]
    fn heads_of_gzip() {
        for (bytes, error) in [
            ("", "EOF"),
            ("not gzip", "unexpected EOF"),
            ("not gzip at all", "gzip: invalid header"),
        ] {
            assert_eq!(decompress(Packed::Gzip, bytes.as_bytes()).unwrap_err(), error);
        }
    }

    proptest! {
        #[test]
        fn what_is_packed_unpacks(bytes in any::<Vec<u8>>(), level in -1i32..12) {
            for (algorithm, back) in ALL {
                let packed = compress(algorithm, level, &bytes).unwrap();
                let unpacked = decompress(back, &packed).unwrap();
                prop_assert_eq!(&unpacked, &bytes, "{:?}", algorithm);
            }
            let twice = [bzip2(&bytes), bzip2(&bytes)].concat();
            prop_assert_eq!(decompress(Packed::Bzip2, &twice).unwrap(), bytes.repeat(2));
        }

        #[test]
        fn garbage_does_not_panic(bytes in any::<Vec<u8>>()) {
            for back in ALL.map(|(_, back)| back).into_iter().chain([Packed::Bzip2]) {
                let _ = decompress(back, &bytes);
            }
        }
    }
}
