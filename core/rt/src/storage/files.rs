//! Whole files: small and large ones that are replaced as a whole, and are durable when that is
//! done. After a crash the old or the new one is there. A thread of their own writes them, so that
//! large ones do not hold up journals.
//!
//! ```text
//! offset 0   magic     8 bytes  "mstmfil1"
//!        8   length    8 bytes  of the content, little endian
//!       16   check     4 bytes  CRC-32 (IEEE) of the content
//!       20   check     4 bytes  CRC-32 of bytes 0..20
//! 4,096      content, and zeros up to a whole block
//! ```
//! A file is written under another name first. It says itself how long it is: what a crash leaves
//! of one never gets its name.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{BLOCK, Disk, Kind, sync_dir};
use super::error::StorageError;
use super::frame::{u32_at, u64_at};
use super::log::padded;
use super::serve::Reply;
use super::{Lock, QUEUE_MAX, ask, start_thread};

/// Where they are, below the state directory.
pub const FOLDER: &str = "checkpoints";
/// Longest content of a file in bytes.
pub const FILE_MAX: usize = (1 << 30) + (1 << 20);

const MAGIC: &[u8; 8] = b"mstmfil1";
const HEAD_LEN: usize = 24;
/// The end of the name of a file that is not whole yet.
const UNFINISHED: &str = ".new";

/// What handles ask of the thread.
enum Command {
    Save { name: String, content: Vec<u8>, reply: Reply<()> },
    Load { prefix: String, reply: Reply<Vec<Loaded>> },
    Remove { prefix: String, reply: Reply<()> },
    KeepOnly { prefixes: BTreeSet<String>, reply: Reply<usize> },
}

/// A file: its name, and what is in it or why that is not to be had.
pub type Loaded = (String, Result<Vec<u8>, StorageError>);

/// The way to the thread; clones share it.
#[derive(Clone)]
pub struct Files {
    commands: flume::Sender<Command>,
}

impl Files {
    pub(super) fn start(dir: &Path, kind: Kind, lock: Arc<Lock>) -> Result<Files, StorageError> {
        let dir = dir.join(FOLDER);
        fs::create_dir_all(&dir).map_err(|error| StorageError::io("make", &dir, &error))?;
        let (commands, inbox) = flume::bounded(QUEUE_MAX);
        let work = move || serve(Folder { kind, dir }, inbox);
        start_thread("checkpoints", kind, Some(lock), work).map_err(StorageError::Start)?;
        Ok(Files { commands })
    }

    /// Makes a file durable in the place of the one of this name. What is asked for is done in
    /// order.
    ///
    /// # Errors
    /// A bad name, more than [`FILE_MAX`] bytes, or what the system says: then the old file is
    /// there.
    pub async fn save(&self, name: &str, content: Vec<u8>) -> Result<(), StorageError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if name.is_empty() || name.starts_with('.') || name.ends_with(UNFINISHED) {
            return Err(StorageError::Name(name.to_owned()));
        }
        if !name.bytes().all(plain) {
            return Err(StorageError::Name(name.to_owned()));
        }
        if content.len() > FILE_MAX {
            return Err(StorageError::FileTooLarge(content.len()));
        }
        let name = name.to_owned();
        ask(&self.commands, |reply| Command::Save { name, content, reply }).await
    }

    /// The files whose names begin so.
    ///
    /// # Errors
    /// What the system says of the directory.
    pub async fn load(&self, prefix: &str) -> Result<Vec<Loaded>, StorageError> {
        let prefix = prefix.to_owned();
        ask(&self.commands, |reply| Command::Load { prefix, reply }).await
    }

    /// Removes the files whose names begin so.
    ///
    /// # Errors
    /// What the system says.
    pub async fn remove(&self, prefix: &str) -> Result<(), StorageError> {
        let prefix = prefix.to_owned();
        ask(&self.commands, |reply| Command::Remove { prefix, reply }).await
    }

    /// Removes all files whose names begin with none of these; tells how many it were.
    ///
    /// # Errors
    /// What the system says.
    pub async fn keep_only(&self, prefixes: BTreeSet<String>) -> Result<usize, StorageError> {
        ask(&self.commands, |reply| Command::KeepOnly { prefixes, reply }).await
    }
}

struct Folder {
    kind: Kind,
    dir: PathBuf,
}

/// Serves until all handles are gone. Whoever asked may be gone when there is an answer.
async fn serve(folder: Folder, commands: flume::Receiver<Command>) {
    while let Ok(command) = commands.recv_async().await {
        match command {
            Command::Save { name, content, reply } => {
                let _ = reply.send(folder.save(&name, content).await);
            }
            Command::Load { prefix, reply } => {
                let _ = reply.send(folder.load(&prefix));
            }
            Command::Remove { prefix, reply } => {
                let removed = folder.remove(|name| name.starts_with(&prefix));
                let _ = reply.send(removed.map(drop));
            }
            Command::KeepOnly { prefixes, reply } => {
                let kept = |name: &str| prefixes.iter().any(|prefix| name.starts_with(prefix));
                let _ = reply.send(folder.remove(|name| !kept(name)));
            }
        }
    }
}

impl Folder {
    async fn save(&self, name: &str, content: Vec<u8>) -> Result<(), StorageError> {
        let path = self.dir.join(name);
        let unfinished = self.dir.join(format!("{name}{UNFINISHED}"));
        let head = padded(head(&content).to_vec());
        let content = padded(content);
        let written = async {
            let disk = Disk::open(self.kind, &unfinished, true).await?;
            let done = async {
                disk.write(&head, 0).await?;
                if !content.is_empty() {
                    disk.write(&content, BLOCK as u64).await?;
                }
                disk.sync().await
            };
            let done = done.await;
            disk.close().await;
            done?;
            fs::rename(&unfinished, &path)?;
            sync_dir(&self.dir)
        };
        written.await.map_err(|error: io::Error| {
            let _ = fs::remove_file(&unfinished); // it may never have been made
            StorageError::io("write", &path, &error)
        })
    }

    /// The names of all files, unfinished ones as well.
    fn names(&self) -> Result<Vec<String>, StorageError> {
        let failed = |error: io::Error| StorageError::io("list", &self.dir, &error);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(failed)? {
            names.extend(entry.map_err(failed)?.file_name().into_string());
        }
        names.sort_unstable();
        Ok(names)
    }

    fn load(&self, prefix: &str) -> Result<Vec<Loaded>, StorageError> {
        let whole = |name: &String| name.starts_with(prefix) && !name.ends_with(UNFINISHED);
        let names = self.names()?.into_iter().filter(whole);
        let load = |name: String| {
            let content = self.read(&name);
            (name, content)
        };
        Ok(names.map(load).collect())
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, StorageError> {
        let path = self.dir.join(name);
        let failed = |error: io::Error| StorageError::io("read", &path, &error);
        let len = fs::metadata(&path).map_err(failed)?.len();
        if len > (FILE_MAX + 2 * BLOCK) as u64 {
            return Err(StorageError::NotAFile(path));
        }
        let bytes = fs::read(&path).map_err(failed)?;
        content(bytes).ok_or(StorageError::NotAFile(path))
    }

    fn remove(&self, gone: impl Fn(&str) -> bool) -> Result<usize, StorageError> {
        let names = self.names()?;
        let gone: Vec<&String> = names.iter().filter(|name| gone(name)).collect();
        for name in &gone {
            let path = self.dir.join(name);
            fs::remove_file(&path).map_err(|error| StorageError::io("remove", &path, &error))?;
        }
        if !gone.is_empty() {
            sync_dir(&self.dir).map_err(|error| StorageError::io("flush", &self.dir, &error))?;
        }
        Ok(gone.len())
    }
}

fn head(content: &[u8]) -> [u8; HEAD_LEN] {
    let mut head = [0; HEAD_LEN];
    head[..8].copy_from_slice(MAGIC);
    head[8..16].copy_from_slice(&(content.len() as u64).to_le_bytes());
    head[16..20].copy_from_slice(&crc32fast::hash(content).to_le_bytes());
    let check = crc32fast::hash(&head[..20]);
    head[20..].copy_from_slice(&check.to_le_bytes());
    head
}

/// What is in a file, when it is whole and right.
fn content(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let head = bytes.get(..HEAD_LEN)?;
    let right = head.starts_with(MAGIC) && u32_at(head, 20)? == crc32fast::hash(head.get(..20)?);
    let (len, check) = (usize::try_from(u64_at(head, 8)?).ok()?, u32_at(head, 16)?);
    if !right || bytes.len() < BLOCK.checked_add(len)? {
        return None;
    }
    bytes.drain(..BLOCK);
    bytes.truncate(len);
    (crc32fast::hash(&bytes) == check).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn image(content: &[u8]) -> Vec<u8> {
        let mut bytes = padded(head(content).to_vec());
        bytes.extend(padded(content.to_vec()));
        bytes
    }

    proptest! {
        #[test]
        fn a_flipped_bit_or_a_cut_is_noticed(
            whole in prop::collection::vec(any::<u8>(), 1..9000),
            at in any::<prop::sample::Index>(),
            bit in 0..8_u32,
        ) {
            let bytes = image(&whole);
            prop_assert_eq!(content(bytes.clone()), Some(whole.clone()));
            let mut flipped = bytes.clone();
            // Neither what is between head and content nor what is behind it says anything.
            let at = at.index(HEAD_LEN + whole.len());
            let at = if at < HEAD_LEN { at } else { at - HEAD_LEN + BLOCK };
            flipped[at] ^= 1 << bit;
            prop_assert_eq!(content(flipped), None);
            prop_assert_eq!(content(bytes[..at].to_vec()), None);
        }
    }
}
