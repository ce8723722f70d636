//! The deflate family. Headers and checksums are read here, for Go's errors; small inputs are
//! stored as the original stores them.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::{DECOMPRESSED_BYTES_MAX, too_large};
use crate::error::Error;

/// Below this many bytes the original stores what it compresses at its default level.
const STORED_BELOW: usize = 128;
/// Deflate's smallest final block: no data, fixed codes.
const END: [u8; 2] = [3, 0];

/// The level in the words of the crate.
fn compression(level: i64, package: &str) -> Result<Compression, Error> {
    match level {
        -1 => Ok(Compression::default()),
        -3 | -2 => Ok(Compression::fast()),
        0..=9 => Ok(Compression::new(level as u32)),
        _ => {
            let why = "invalid compression level";
            Err(Error::new(match package {
                "flate" => format!("flate: {why} {level}: want value in range [-2, 9]"),
                package => format!("{package}: {why}: {level}"),
            }))
        }
    }
}

fn deflated(bytes: &[u8], level: i64, package: &str, out: &mut Vec<u8>) -> Result<(), Error> {
    let compression = compression(level, package)?;
    if level == -1 && bytes.len() < STORED_BELOW {
        if !bytes.is_empty() {
            let len = bytes.len() as u16;
            out.push(0);
            out.extend(len.to_le_bytes());
            out.extend((!len).to_le_bytes());
            out.extend_from_slice(bytes);
        }
        out.extend(END);
        return Ok(());
    }
    let mut compress = Compress::new(compression, false);
    loop {
        out.reserve(bytes.len() / 2 + 64);
        let rest = bytes.get(compress.total_in() as usize..).unwrap_or_default();
        match compress.compress_vec(rest, out, FlushCompress::Finish) {
            Ok(Status::StreamEnd) => return Ok(()),
            Ok(_) => {}
            Err(e) => return Err(Error::new(e.to_string())),
        }
    }
}

/// Compresses with the header of gzip.
pub(super) fn gzip(bytes: &[u8], level: i64) -> Result<Vec<u8>, Error> {
    // No name, no time (the original writes the low bits of the year 1), unknown system.
    let mut out = vec![0x1f, 0x8b, 8, 0, 0x00, 0x09, 0x6e, 0x88, 0, 0xff];
    match level {
        9 => out[8] = 2,
        1 => out[8] = 4,
        _ => {}
    }
    deflated(bytes, level, "gzip", &mut out)?;
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    out.extend(crc.sum().to_le_bytes());
    out.extend((bytes.len() as u32).to_le_bytes());
    Ok(out)
}

/// Compresses with the header of zlib.
pub(super) fn zlib(bytes: &[u8], level: i64) -> Result<Vec<u8>, Error> {
    let second = match level {
        -3..=1 if level != -1 => 0x01,
        2..=5 => 0x5e,
        7..=9 => 0xda,
        _ => 0x9c,
    };
    let mut out = vec![0x78, second];
    deflated(bytes, level, "zlib", &mut out)?;
    out.extend(adler32(bytes).to_be_bytes());
    Ok(out)
}

/// Compresses without a header.
pub(super) fn flate(bytes: &[u8], level: i64) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    deflated(bytes, level, "flate", &mut out)?;
    Ok(out)
}

fn adler32(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1u32, 0u32);
    // So many sums fit 32 bits before they must be reduced.
    for chunk in bytes.chunks(5_552) {
        for byte in chunk {
            a += u32::from(*byte);
            b += a;
        }
        (a, b) = (a % 65_521, b % 65_521);
    }
    b << 16 | a
}

fn eof() -> Error {
    Error::new("unexpected EOF")
}

/// Inflates the stream at the begin of `bytes` behind what `out` holds; gives its length.
fn inflated(bytes: &[u8], out: &mut Vec<u8>) -> Result<usize, Error> {
    let mut decompress = Decompress::new(false);
    loop {
        if out.len() > DECOMPRESSED_BYTES_MAX {
            return Err(too_large());
        }
        if out.len() == out.capacity() {
            out.reserve(out.len().clamp(1 << 12, 1 << 24));
        }
        let at = decompress.total_in();
        let rest = bytes.get(at as usize..).unwrap_or_default();
        let before = out.len();
        match decompress.decompress_vec(rest, out, FlushDecompress::None) {
            Ok(Status::StreamEnd) => return Ok(decompress.total_in() as usize),
            Err(_) => {
                let at = decompress.total_in();
                return Err(Error::new(format!("flate: corrupt input before offset {at}")));
            }
            Ok(_) => {
                let stuck = decompress.total_in() == at && out.len() == before;
                if stuck && out.len() < out.capacity() {
                    return Err(eof());
                }
            }
        }
    }
}

/// Decompresses data without a header.
pub(super) fn unflate(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    inflated(bytes, &mut out)?;
    limit(out)
}

fn limit(out: Vec<u8>) -> Result<Vec<u8>, Error> {
    if out.len() > DECOMPRESSED_BYTES_MAX { Err(too_large()) } else { Ok(out) }
}

/// Decompresses data with the header of zlib.
pub(super) fn unzlib(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let (header, rest) = match bytes.split_first_chunk::<2>() {
        Some(split) => split,
        None if bytes.is_empty() => return Err(eof()),
        None => return Err(eof()),
    };
    if header[0] & 15 != 8 || header[0] >> 4 > 7 || u16::from_be_bytes(*header) % 31 != 0 {
        return Err(Error::new("zlib: invalid header"));
    }
    if header[1] & 0x20 != 0 {
        return Err(Error::new("zlib: invalid dictionary"));
    }
    let mut out = Vec::new();
    let len = inflated(rest, &mut out)?;
    let sum = rest.get(len..).and_then(<[u8]>::first_chunk::<4>).ok_or_else(eof)?;
    if u32::from_be_bytes(*sum) != adler32(&out) {
        return Err(Error::new("zlib: invalid checksum"));
    }
    limit(out)
}

/// Decompresses gzip data: one member behind another.
pub(super) fn gunzip(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    let mut rest = bytes;
    if rest.is_empty() {
        return Err(Error::new("EOF"));
    }
    while !rest.is_empty() {
        rest = header(rest)?;
        let start = out.len();
        let len = inflated(rest, &mut out)?;
        let tail = rest.get(len..).and_then(<[u8]>::split_first_chunk::<8>);
        let ([c0, c1, c2, c3, s0, s1, s2, s3], behind) = tail.ok_or_else(eof)?;
        let member = out.get(start..).unwrap_or_default();
        let mut crc = flate2::Crc::new();
        crc.update(member);
        if crc.sum() != u32::from_le_bytes([*c0, *c1, *c2, *c3])
            || member.len() as u32 != u32::from_le_bytes([*s0, *s1, *s2, *s3])
        {
            return Err(Error::new("gzip: invalid checksum"));
        }
        rest = behind;
    }
    limit(out)
}

/// Reads the header of a gzip member and gives what follows.
fn header(bytes: &[u8]) -> Result<&[u8], Error> {
    let (head, mut rest) = bytes.split_first_chunk::<10>().ok_or_else(eof)?;
    if head[..3] != [0x1f, 0x8b, 8] {
        return Err(Error::new("gzip: invalid header"));
    }
    let flags = head[3];
    if flags & 4 != 0 {
        let (len, behind) = rest.split_first_chunk::<2>().ok_or_else(eof)?;
        rest = behind.get(usize::from(u16::from_le_bytes(*len))..).ok_or_else(eof)?;
    }
    // Name and comment end with a zero byte.
    for flag in [8, 16] {
        if flags & flag != 0 {
            let end = memchr::memchr(0, rest).ok_or_else(eof)?;
            rest = rest.get(end + 1..).ok_or_else(eof)?;
        }
    }
    if flags & 2 != 0 {
        let (sum, behind) = rest.split_first_chunk::<2>().ok_or_else(eof)?;
        let mut crc = flate2::Crc::new();
        crc.update(bytes.get(..bytes.len() - rest.len()).unwrap_or_default());
        if crc.sum() as u16 != u16::from_le_bytes(*sum) {
            return Err(Error::new("gzip: invalid header"));
        }
        rest = behind;
    }
    Ok(rest)
}
