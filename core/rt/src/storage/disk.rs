//! One log file, behind direct I/O (glommio) or plain calls: whole blocks in, durable blocks out.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::log::padded;

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

    /// Makes `tail`, padded to whole blocks, what the file has from a block's start to its end, and
    /// returns once that is on the device. What is before the end of `tail` is there all the time:
    /// whoever is killed meanwhile has lost nothing.
    pub(super) async fn end_with(&self, tail: &[u8], offset: u64) -> io::Result<()> {
        let tail = padded(tail.to_vec());
        if !tail.is_empty() {
            self.write(&tail, offset).await?;
        }
        self.truncate(offset + tail.len() as u64).await?;
        self.sync().await
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
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    fs::File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

    use std::pin::pin;

    use super::*;
    use crate::testing::TempDir;

    /// Polls to the end; before each poll, which is where a kill may come, the file is looked at.
    async fn watched<T>(future: impl Future<Output = T>, mut look: impl FnMut()) -> T {
        let mut future = pin!(future);
        std::future::poll_fn(|cx| {
            look();
            future.as_mut().poll(cx)
        })
        .await
    }

    #[test]
    fn a_new_end_never_takes_what_is_before_it() {
        let Ok(executor) = glommio::LocalExecutorBuilder::default().make() else {
            println!("skipped: direct files want io_uring");
            return;
        };
        executor.run(async {
            let dir = TempDir::new().unwrap();
            let path = dir.path().join("log");
            let records: Vec<u8> = (0..BLOCK + 100).map(|n| (n % 251) as u8).collect();
            let torn = vec![b'x'; 3 * BLOCK - records.len()];
            fs::write(&path, [records.clone(), torn].concat()).unwrap();
            let disk = Disk::open(Kind::Direct, &path, false).await.unwrap();
            let mut looks = 0;
            let tail = records.get(BLOCK..).unwrap();
            let cut = disk.end_with(tail, BLOCK as u64);
            let look = || {
                looks += 1;
                assert!(fs::read(&path).unwrap().starts_with(&records), "after step {looks}");
            };
            watched(cut, look).await.unwrap();
            assert!(looks > 2, "each step is seen");
            assert_eq!(fs::read(&path).unwrap(), padded(records));
            disk.close().await;
        });
    }
}
