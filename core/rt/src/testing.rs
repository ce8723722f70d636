//! Helpers for tests of this crate and of those above: places to write, modes to try.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::probe::{Driver, IoMode, probe};

/// Both io modes, the one with io_uring only where the machine allows it.
#[must_use]
pub fn modes() -> Vec<IoMode> {
    match probe(IoMode::Auto) {
        Ok(answer) if answer.driver == Driver::Uring => vec![IoMode::Uring, IoMode::Epoll],
        _ => vec![IoMode::Epoll],
    }
}

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A directory that is removed with everything in it when this value is dropped.
#[derive(Debug)]
pub struct TempDir(PathBuf);

impl TempDir {
    /// A new, empty directory below the system's temporary one.
    ///
    /// # Errors
    /// What the system says.
    pub fn new() -> std::io::Result<Self> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("mainstem-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A path inside it.
    #[must_use]
    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0); // nothing depends on its being gone
    }
}
