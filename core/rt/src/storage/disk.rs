//! One log file, behind direct I/O (glommio) or plain calls: whole blocks in, durable blocks out.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Files are written in whole blocks of this many bytes.
pub(super) const BLOCK: usize = 4096;

/// The most bytes of one direct write; larger ones are split.
const WRITE_MAX: usize = 1 << 20;

/// Which kind of file the storage thread uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Direct,
    Plain,
}

/// An open file.
pub(super) enum Disk {
    Direct(glommio::io::DmaFile),
    Plain(fs::File),
}

impl Disk {
    /// Opens a file for writing; `fresh` makes it anew.
    pub(super) async fn open(kind: Kind, path: &Path, fresh: bool) -> io::Result<Self> {
        match kind {
            Kind::Direct => {
                let mut options = glommio::io::OpenOptions::new();
                options.read(true).write(true).create(fresh).truncate(fresh);
                Ok(Self::Direct(options.dma_open(path).await?))
            }
            Kind::Plain => {
                let mut options = fs::OpenOptions::new();
                options.read(true).write(true).create(fresh).truncate(fresh);
                Ok(Self::Plain(options.open(path)?))
            }
        }
    }

    /// Writes whole blocks at a block's start.
    pub(super) async fn write(&self, blocks: &[u8], offset: u64) -> io::Result<()> {
        debug_assert!(blocks.len().is_multiple_of(BLOCK) && offset.is_multiple_of(BLOCK as u64));
        match self {
            Self::Plain(file) => file.write_all_at(blocks, offset),
            Self::Direct(file) => {
                let mut at = offset;
                for part in blocks.chunks(WRITE_MAX) {
                    let mut buffer = file.alloc_dma_buffer(part.len());
                    let space = buffer.as_bytes_mut();
                    match space.get_mut(..part.len()) {
                        Some(space) => space.copy_from_slice(part),
                        None => return Err(io::ErrorKind::OutOfMemory.into()),
                    }
                    let count = file.write_at(buffer, at).await?;
                    if count < part.len() {
                        return Err(short(count, part.len()));
                    }
                    at += part.len() as u64;
                }
                Ok(())
            }
        }
    }

    /// Returns once everything written is on the device.
    pub(super) async fn sync(&self) -> io::Result<()> {
        match self {
            Self::Direct(file) => Ok(file.fdatasync().await?),
            Self::Plain(file) => file.sync_data(),
        }
    }

    /// Cuts the file.
    pub(super) async fn truncate(&self, len: u64) -> io::Result<()> {
        match self {
            Self::Direct(file) => Ok(file.truncate(len).await?),
            Self::Plain(file) => file.set_len(len),
        }
    }

    /// Closes the file; what was not synced may be lost.
    pub(super) async fn close(self) {
        if let Self::Direct(file) = self
            && let Err(error) = file.close().await
        {
            tracing::warn!(%error, "closing a log failed");
        }
    }
}

/// The device took only a part: it is nearly always full.
fn short(count: usize, wanted: usize) -> io::Error {
    let text = format!("only {count} of {wanted} bytes were written: no space left?");
    io::Error::new(io::ErrorKind::WriteZero, text)
}

/// Makes the names in a directory durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    fs::File::open(dir)?.sync_all()
}
