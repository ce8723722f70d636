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

/// The system calls of io_uring: set up, enter, register. Their numbers are the same everywhere.
const IO_URING_CALLS: [u32; 3] = [425, 426, 427];

/// Refuses io_uring to the calling thread and all it starts, for ever, as container runtimes do:
/// by a seccomp filter that answers `EPERM`. Makes no allocation, so that it may be called between
/// fork and exec (`CommandExt::pre_exec`).
///
/// # Errors
/// What the kernel says, such as `EINVAL` when it has no seccomp.
pub fn refuse_io_uring() -> std::io::Result<()> {
    refuse(IO_URING_CALLS, libc::EPERM)
}

/// Answers `fsync` with this error, to the calling thread and all it starts, for ever: as a device
/// that does not keep the names in directories. Contents of files are kept by another call.
///
/// # Errors
/// As of [`refuse_io_uring`].
pub fn refuse_fsync(error: i32) -> std::io::Result<()> {
    let fsync = libc::SYS_fsync as u32;
    refuse([fsync; 3], error)
}

/// Answers three system calls with an error.
fn refuse([one, two, three]: [u32; 3], error: i32) -> std::io::Result<()> {
    let load_number = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    let jump_equal = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    let give_back = (libc::BPF_RET | libc::BPF_K) as u16;
    let step = |code, k, jt, jf| libc::sock_filter { code, jt, jf, k };
    let mut program = [
        step(load_number, 0, 0, 0), // the number is the first field of `seccomp_data`
        step(jump_equal, one, 3, 0),
        step(jump_equal, two, 2, 0),
        step(jump_equal, three, 1, 0),
        step(give_back, libc::SECCOMP_RET_ALLOW, 0, 0),
        step(give_back, libc::SECCOMP_RET_ERRNO | error as u32, 0, 0),
    ];
    let filter =
        libc::sock_fprog { len: program.len() as libc::c_ushort, filter: program.as_mut_ptr() };
    // SAFETY: the call takes integers only.
    if unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } != 0 {
        return Err(std::io::Error::last_os_error());
    }
    let mode = libc::SECCOMP_MODE_FILTER;
    // SAFETY: the program outlives the call, which copies it.
    match unsafe { libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const filter) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
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
