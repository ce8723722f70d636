//! What is done to paths: on helper threads, because a file system may not answer.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

use super::open::named;
use crate::blocking;

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A FIFO.
    Fifo,
    /// A socket, device or anything else.
    Other,
}

/// The metadata that connectors ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileInfo {
    /// Length in bytes.
    pub len: u64,
    /// Last change of the content, nanoseconds since the Unix epoch.
    pub modified: i64,
    /// What it is.
    pub kind: FileKind,
    /// Device and inode: the same for two names of one file.
    pub id: (u64, u64),
}

impl FileInfo {
    pub(super) fn of(info: &fs::Metadata) -> Self {
        let kind = info.file_type();
        let kind = match () {
            () if kind.is_file() => FileKind::File,
            () if kind.is_dir() => FileKind::Dir,
            () if kind.is_fifo() => FileKind::Fifo,
            () => FileKind::Other,
        };
        let modified = info.mtime().saturating_mul(1_000_000_000).saturating_add(info.mtime_nsec());
        Self { len: info.len(), modified, kind, id: (info.dev(), info.ino()) }
    }
}

async fn on_path<T: Send + 'static>(
    path: impl AsRef<Path>,
    job: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let path = path.as_ref().to_owned();
    blocking(move || job(&path).map_err(|error| named(&path, &error))).await?
}

/// The metadata of what `path` leads to, links followed.
///
/// # Errors
/// What the system says; the message names the path.
pub async fn info(path: impl AsRef<Path>) -> io::Result<FileInfo> {
    on_path(path, |path| Ok(FileInfo::of(&fs::metadata(path)?))).await
}

/// Removes a file.
///
/// # Errors
/// What the system says; the message names the path.
pub async fn remove(path: impl AsRef<Path>) -> io::Result<()> {
    on_path(path, |path| fs::remove_file(path)).await
}

/// Makes a directory and those above it that are missing.
///
/// # Errors
/// What the system says; the message names the path.
pub async fn create_dir_all(path: impl AsRef<Path>) -> io::Result<()> {
    on_path(path, |path| fs::create_dir_all(path)).await
}

/// Gives a file another name, replacing what had it.
///
/// # Errors
/// What the system says; the message names the old path.
pub async fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    let to = to.as_ref().to_owned();
    on_path(from, move |from| fs::rename(from, &to)).await
}

/// Returns once the names in a directory are on the device.
///
/// # Errors
/// What the system says; the message names the path.
pub async fn sync_dir(path: impl AsRef<Path>) -> io::Result<()> {
    on_path(path, crate::storage::sync_dir).await
}

/// The place below a directory that a path within it leads to; `None` when it leads elsewhere: by
/// `..`, from the root, or over a link. The directory is made when it is missing.
///
/// # Errors
/// What the system says; the message names the directory.
pub async fn within(
    directory: impl AsRef<Path>,
    path: impl AsRef<Path>,
) -> io::Result<Option<PathBuf>> {
    let path = path.as_ref().to_owned();
    on_path(directory, move |directory| {
        let plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        let named = path.components().any(|part| matches!(part, Component::Normal(_)));
        if !named || !path.components().all(plain) {
            return Ok(None);
        }
        fs::create_dir_all(directory)?;
        let directory = directory.canonicalize()?;
        let place = directory.join(&path);
        // The deepest part of it that is there; what is not yet there leads nowhere else.
        for part in place.ancestors() {
            match part.canonicalize() {
                Ok(real) => return Ok(real.starts_with(&directory).then(|| place.clone())),
                // A link that leads to nothing would be followed when that is made.
                Err(_) if part.is_symlink() => return Ok(None),
                Err(error) => match error.kind() {
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {}
                    _ => return Err(error),
                },
            }
        }
        Ok(None)
    })
    .await
}
