//! What `decompress` unpacks by: every algorithm takes bytes as they come and keeps what came out.

use std::io::{Error, ErrorKind, Result, Write};

use bzip2::{Decompress, Status};
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use zstd::stream::raw;
use zstd::stream::zio::Writer;

use super::units::{Lz4Frames, SnappyChunks, Units};

/// How a stream is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Bzip2, of one or several streams.
    Bzip2,
    /// Raw deflate.
    Flate,
    /// Gzip, of one or several members.
    Gzip,
    /// LZ4 frames.
    Lz4,
    /// Chunks of Snappy.
    Snappy,
    /// Zlib.
    Zlib,
    /// Zstandard frames.
    Zstd,
}

impl Algorithm {
    /// The algorithm of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "bzip2" => Algorithm::Bzip2,
            "flate" => Algorithm::Flate,
            "gzip" | "pgzip" => Algorithm::Gzip,
            "lz4" => Algorithm::Lz4,
            "snappy" => Algorithm::Snappy,
            "zlib" => Algorithm::Zlib,
            "zstd" => Algorithm::Zstd,
            _ => return None,
        })
    }
}

/// A stream that is being unpacked.
pub(super) enum Unpacker {
    Bzip2(Box<Bzip2>),
    Flate(DeflateDecoder<Vec<u8>>),
    Gzip(MultiGzDecoder<Vec<u8>>),
    Lz4(Box<Units<Lz4Frames>>),
    Snappy(Box<Units<SnappyChunks>>),
    Zlib(ZlibDecoder<Vec<u8>>),
    Zstd(Writer<Vec<u8>, raw::Decoder<'static>>),
}

impl Unpacker {
    pub(super) fn new(algorithm: Algorithm) -> Result<Self> {
        Ok(match algorithm {
            Algorithm::Bzip2 => Unpacker::Bzip2(Box::default()),
            Algorithm::Flate => Unpacker::Flate(DeflateDecoder::new(Vec::new())),
            Algorithm::Gzip => Unpacker::Gzip(MultiGzDecoder::new(Vec::new())),
            Algorithm::Lz4 => Unpacker::Lz4(Box::default()),
            Algorithm::Snappy => Unpacker::Snappy(Box::default()),
            Algorithm::Zlib => Unpacker::Zlib(ZlibDecoder::new(Vec::new())),
            Algorithm::Zstd => Unpacker::Zstd(Writer::new(Vec::new(), raw::Decoder::new()?)),
        })
    }

    /// Unpacks some of the bytes, and says how many: what comes out at a time is bounded. What came
    /// out so far is taken from [`Unpacker::unpacked`].
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<usize> {
        match self {
            Unpacker::Bzip2(stream) => stream.feed(bytes),
            Unpacker::Flate(decoder) => decoder.write(bytes),
            Unpacker::Gzip(decoder) => decoder.write(bytes),
            Unpacker::Lz4(units) => units.feed(bytes),
            Unpacker::Snappy(units) => units.feed(bytes),
            Unpacker::Zlib(decoder) => decoder.write(bytes),
            Unpacker::Zstd(decoder) => decoder.write(bytes),
        }
    }

    /// There are no more bytes.
    pub(super) fn finish(&mut self) -> Result<()> {
        match self {
            Unpacker::Bzip2(stream) => stream.finish(),
            Unpacker::Flate(decoder) => decoder.try_finish(),
            Unpacker::Gzip(decoder) => decoder.try_finish(),
            Unpacker::Lz4(units) => units.finish(),
            Unpacker::Snappy(units) => units.finish(),
            Unpacker::Zlib(decoder) => decoder.try_finish(),
            Unpacker::Zstd(decoder) => decoder.finish(),
        }
    }

    pub(super) fn unpacked(&mut self) -> &mut Vec<u8> {
        match self {
            Unpacker::Bzip2(stream) => &mut stream.unpacked,
            Unpacker::Flate(decoder) => decoder.get_mut(),
            Unpacker::Gzip(decoder) => decoder.get_mut(),
            Unpacker::Lz4(units) => &mut units.unpacked,
            Unpacker::Snappy(units) => &mut units.unpacked,
            Unpacker::Zlib(decoder) => decoder.get_mut(),
            Unpacker::Zstd(decoder) => decoder.writer_mut(),
        }
    }
}

/// Streams of Bzip2, one after another.
pub(super) struct Bzip2 {
    stream: Decompress,
    is_open: bool,
    unpacked: Vec<u8>,
}

impl Default for Bzip2 {
    fn default() -> Self {
        Bzip2 { stream: Decompress::new(false), is_open: true, unpacked: Vec::new() }
    }
}

impl Bzip2 {
    /// Room that is made for what comes out at a time.
    const ROOM_BYTES: usize = 64 << 10;
    /// What may come out at a time, about.
    const STEP_BYTES: usize = 1 << 20;

    fn feed(&mut self, bytes: &[u8]) -> Result<usize> {
        let mut at = 0;
        while at < bytes.len() && self.unpacked.len() < Self::STEP_BYTES {
            if !self.is_open {
                (self.stream, self.is_open) = (Decompress::new(false), true);
            }
            at += self.step(bytes.get(at..).unwrap_or_default())?.0;
        }
        Ok(at)
    }

    /// Unpacks what there is room for; returns how many bytes were read and how many came out.
    fn step(&mut self, bytes: &[u8]) -> Result<(usize, usize)> {
        self.unpacked.reserve(Self::ROOM_BYTES);
        let (read, made) = (self.stream.total_in(), self.unpacked.len());
        let status = self.stream.decompress_vec(bytes, &mut self.unpacked);
        let status = status.map_err(|error| Error::new(ErrorKind::InvalidData, error))?;
        self.is_open = status != Status::StreamEnd;
        let read = usize::try_from(self.stream.total_in() - read).unwrap_or(bytes.len());
        Ok((read, self.unpacked.len() - made))
    }

    fn finish(&mut self) -> Result<()> {
        while self.is_open {
            if self.step(&[])?.1 == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }
}
