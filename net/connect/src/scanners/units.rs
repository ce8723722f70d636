//! Packed streams whose decoders want to read: they get whole units, so that they never find half
//! of one.

use std::io::{Error, ErrorKind, Read, Result};

/// Most bytes of a unit; what says that it is longer is damaged.
pub(super) const UNIT_BYTES_MAX: usize = 8 << 20;

/// Bytes that a decoder reads from: what there is, and no more.
#[derive(Default)]
pub(super) struct Feed {
    bytes: Vec<u8>,
    at: usize,
}

impl Read for Feed {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        let mut rest = self.bytes.get(self.at..).unwrap_or_default();
        let count = rest.read(out)?;
        self.at += count;
        Ok(count)
    }
}

/// What a stream goes on with.
pub(super) enum Cut {
    /// It cannot be told yet.
    More,
    /// So many bytes that mean nothing.
    Skip(usize),
    /// A unit of so many bytes.
    Unit(usize),
}

/// How a stream is cut into units, and who unpacks them.
pub(super) trait Format: Default {
    /// Tells what `bytes` begin with; a unit that is all there is then taken.
    fn cut(&mut self, bytes: &[u8]) -> Result<Cut>;

    /// Whether a stream may end behind the last unit.
    fn may_end(&self) -> bool;

    /// Where the decoder reads from, and the decoder.
    fn feed(&mut self) -> &mut Feed;

    /// Appends what comes out of what the decoder was fed.
    fn unpack(&mut self, out: &mut Vec<u8>) -> Result<usize>;
}

/// A stream that is unpacked unit by unit.
#[derive(Default)]
pub(super) struct Units<F> {
    format: F,
    pending: Vec<u8>,
    pub(super) unpacked: Vec<u8>,
}

impl<F: Format> Units<F> {
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<usize> {
        self.pending.extend_from_slice(bytes);
        let mut at = 0;
        loop {
            let rest = self.pending.get(at..).unwrap_or_default();
            match self.format.cut(rest)? {
                Cut::More => break,
                Cut::Skip(count) => at += count.min(rest.len()),
                Cut::Unit(length) => {
                    let unit = rest.get(..length).unwrap_or_default();
                    let feed = self.format.feed();
                    feed.bytes.clear();
                    feed.bytes.extend_from_slice(unit);
                    feed.at = 0;
                    self.format.unpack(&mut self.unpacked)?;
                    at += length;
                }
            }
        }
        self.pending.drain(..at);
        Ok(bytes.len())
    }

    pub(super) fn finish(&self) -> Result<()> {
        let is_whole = self.pending.is_empty() && self.format.may_end();
        if is_whole { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
    }
}

/// A unit of so many bytes, when all of them are there.
fn unit(bytes: &[u8], length: usize) -> Result<Cut> {
    if length > UNIT_BYTES_MAX {
        let text = format!("a block of {length} bytes is longer than {UNIT_BYTES_MAX}");
        return Err(Error::new(ErrorKind::InvalidData, text));
    }
    Ok(if bytes.len() < length { Cut::More } else { Cut::Unit(length) })
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes))
}

/// Chunks of Snappy: a byte that says what it is, its length in three, and its content.
pub(super) struct SnappyChunks(snap::read::FrameDecoder<Feed>);

impl Default for SnappyChunks {
    fn default() -> Self {
        SnappyChunks(snap::read::FrameDecoder::new(Feed::default()))
    }
}

impl Format for SnappyChunks {
    fn cut(&mut self, bytes: &[u8]) -> Result<Cut> {
        let Some(head) = number(bytes, 0) else { return Ok(Cut::More) };
        unit(bytes, 4 + (head >> 8) as usize)
    }

    fn may_end(&self) -> bool {
        true
    }

    fn feed(&mut self) -> &mut Feed {
        self.0.get_mut()
    }

    fn unpack(&mut self, out: &mut Vec<u8>) -> Result<usize> {
        self.0.read_to_end(out)
    }
}

/// The blocks of an LZ4 frame have sums of their own.
const BLOCK_SUMS: u8 = 0x10;
/// The head of an LZ4 frame has the length of the content.
const CONTENT_SIZE: u8 = 0x08;
/// There is a sum behind an LZ4 frame.
const CONTENT_SUM: u8 = 0x04;
/// The head of an LZ4 frame names a dictionary.
const DICTIONARY: u8 = 0x01;

/// Frames of LZ4: a head, blocks, and an end.
pub(super) struct Lz4Frames {
    decoder: lz4_flex::frame::FrameDecoder<Feed>,
    /// The flags of the frame whose blocks follow.
    frame: Option<u8>,
    /// Bytes that mean nothing.
    idle: usize,
}

impl Default for Lz4Frames {
    fn default() -> Self {
        let decoder = lz4_flex::frame::FrameDecoder::new(Feed::default());
        Lz4Frames { decoder, frame: None, idle: 0 }
    }
}

impl Lz4Frames {
    fn head(&mut self, bytes: &[u8]) -> Result<Cut> {
        const MAGIC: u32 = 0x184d_2204;
        const SKIPPED: std::ops::RangeInclusive<u32> = 0x184d_2a50..=0x184d_2a5f;
        let Some(magic) = number(bytes, 0) else { return Ok(Cut::More) };
        if SKIPPED.contains(&magic) {
            let Some(length) = number(bytes, 4) else { return Ok(Cut::More) };
            self.idle = length as usize;
            return Ok(Cut::Skip(8));
        }
        if magic != MAGIC {
            return Err(Error::new(ErrorKind::InvalidData, "lz4: bad magic number"));
        }
        let Some(&flags) = bytes.get(4) else { return Ok(Cut::More) };
        let size = if flags & CONTENT_SIZE == 0 { 0 } else { 8 };
        let dictionary = if flags & DICTIONARY == 0 { 0 } else { 4 };
        let cut = unit(bytes, 7 + size + dictionary)?;
        if let Cut::Unit(_) = cut {
            self.frame = Some(flags);
        }
        Ok(cut)
    }

    fn block(&mut self, flags: u8, bytes: &[u8]) -> Result<Cut> {
        const STORED: u32 = 1 << 31;
        let sum = |flag: u8| if flags & flag == 0 { 0 } else { 4 };
        match number(bytes, 0) {
            None => Ok(Cut::More),
            Some(0) => {
                let cut = unit(bytes, 4 + sum(CONTENT_SUM))?;
                if let Cut::Unit(_) = cut {
                    self.frame = None;
                }
                Ok(cut)
            }
            Some(length) => unit(bytes, 4 + (length & !STORED) as usize + sum(BLOCK_SUMS)),
        }
    }
}

impl Format for Lz4Frames {
    fn cut(&mut self, bytes: &[u8]) -> Result<Cut> {
        if self.idle > 0 {
            let now = self.idle.min(bytes.len());
            self.idle -= now;
            return Ok(if now == 0 { Cut::More } else { Cut::Skip(now) });
        }
        match self.frame {
            None => self.head(bytes),
            Some(flags) => self.block(flags, bytes),
        }
    }

    fn may_end(&self) -> bool {
        self.frame.is_none() && self.idle == 0
    }

    fn feed(&mut self) -> &mut Feed {
        self.decoder.get_mut()
    }

    fn unpack(&mut self, out: &mut Vec<u8>) -> Result<usize> {
        self.decoder.read_to_end(out)
    }
}
