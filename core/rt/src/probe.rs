//! Which reactor can run here: asked once at start, decided explicitly, said in one line.
//!
//! Libraries that decide by themselves decide wrongly: with a small RLIMIT_MEMLOCK or under a
//! seccomp filter they fail late, panic in a thread nobody watches, or never run at all.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::OnceLock;

use crate::Error;

/// Entries of the submission ring of a shard: small, so that an idle shard costs little memory.
pub const RING_ENTRIES: u32 = 256;

/// Lockable memory that one ring of [`RING_ENTRIES`] is reckoned with, in bytes. It takes half of
/// that; the rest is for rings that were closed and are not yet given back by the kernel.
pub const RING_MEMLOCK: u64 = 128 << 10;

/// Locked memory that the storage reactor needs, in bytes, when the process is not privileged.
pub const STORAGE_MEMLOCK_MIN: u64 = 4 << 20;

/// What `--io` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum IoMode {
    /// io_uring where the machine allows it, otherwise epoll with one warning.
    #[default]
    Auto,
    /// io_uring or a clear error.
    Uring,
    /// epoll, with helper threads for files.
    Epoll,
}

impl FromStr for IoMode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "auto" => Ok(Self::Auto),
            "uring" => Ok(Self::Uring),
            "epoll" => Ok(Self::Epoll),
            other => Err(Error::UnknownMode(other.to_owned())),
        }
    }
}

impl fmt::Display for IoMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Uring => "uring",
            Self::Epoll => "epoll",
        })
    }
}

/// The kernel interface that a reactor really uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Driver {
    /// Completion rings.
    Uring,
    /// Readiness, with helper threads for files.
    Epoll,
}

impl Driver {
    /// The name used in logs and errors.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Uring => "io_uring",
            Self::Epoll => "epoll",
        }
    }

    /// The mode that asks for exactly this driver.
    #[must_use]
    pub fn mode(self) -> IoMode {
        match self {
            Self::Uring => IoMode::Uring,
            Self::Epoll => IoMode::Epoll,
        }
    }
}

/// The answer of [`probe`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// What shards run on.
    pub driver: Driver,
    /// Whether the storage reactor may use direct I/O on its own rings.
    pub direct_storage: bool,
    /// Set when `auto` fell back: the one line to log as a warning.
    pub warning: Option<String>,
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let storage = if self.direct_storage { "direct I/O" } else { "plain files" };
        write!(f, "reactor {}, storage {storage}", self.driver.name())
    }
}

/// Decides which reactor runs.
///
/// # Errors
/// [`Error::UringRefused`] with the kernel's reason when `mode` insists on io_uring.
pub fn probe(mode: IoMode) -> Result<Probe, Error> {
    if mode == IoMode::Epoll {
        return Ok(Probe { driver: Driver::Epoll, direct_storage: false, warning: None });
    }
    // One ring may fit where those of all shards do not.
    let needed = RING_MEMLOCK * (cores().len() as u64 + 2);
    match (try_ring(RING_ENTRIES), mode) {
        (Ok(()), IoMode::Auto) if !memlock_suffices(needed) => {
            let error = io::Error::from_raw_os_error(libc::ENOMEM);
            Ok(fallen_back(&error))
        }
        (Ok(()), _) => {
            let direct_storage = memlock_suffices(STORAGE_MEMLOCK_MIN);
            Ok(Probe { driver: Driver::Uring, direct_storage, warning: None })
        }
        (Err(error), IoMode::Uring) => Err(Error::UringRefused(reason(&error))),
        (Err(error), _) => Ok(fallen_back(&error)),
    }
}

fn fallen_back(error: &io::Error) -> Probe {
    let reason = reason(error);
    let text =
        format!("io_uring is refused ({reason}); running on epoll, which is slower for files");
    Probe { driver: Driver::Epoll, direct_storage: false, warning: Some(text) }
}

/// Sets a ring up and closes it again: the only test that sees seccomp, sysctl, limits and age of
/// the kernel alike.
fn try_ring(entries: u32) -> io::Result<()> {
    // `struct io_uring_params` is 120 bytes; all zero asks for a plain ring.
    let mut params = [0_u64; 15];
    // SAFETY: the pointer is to 120 writable bytes, which is what the call fills; it keeps none.
    let fd = unsafe { libc::syscall(libc::SYS_io_uring_setup, entries, params.as_mut_ptr()) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was made above and is owned by nobody else.
    unsafe { libc::close(fd as libc::c_int) };
    Ok(())
}

fn reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => {
            "not permitted: a seccomp filter or kernel.io_uring_disabled forbids it".to_owned()
        }
        Some(libc::ENOSYS) => "the kernel has no io_uring".to_owned(),
        Some(libc::ENOMEM) => format!(
            "not enough lockable memory: RLIMIT_MEMLOCK is {}",
            memlock().map_or_else(|| "unknown".to_owned(), |limit| format!("{limit} bytes"))
        ),
        _ => error.to_string(),
    }
}

/// The soft limit of lockable memory in bytes; `u64::MAX` means no limit.
fn memlock() -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` outlives the call, which only fills it.
    let status = unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit) };
    (status == 0).then_some(limit.rlim_cur)
}

fn memlock_suffices(bytes: u64) -> bool {
    // SAFETY: no arguments, no failure.
    let privileged = unsafe { libc::geteuid() } == 0;
    privileged || memlock().is_some_and(|limit| limit >= bytes)
}

/// The cores that the calling thread may use.
fn allowed() -> io::Result<libc::cpu_set_t> {
    // SAFETY: an all-zero set is a valid, empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set outlives the call, and the size is its own.
    match unsafe { libc::sched_getaffinity(0, size_of_val(&set), &raw mut set) } {
        0 => Ok(set),
        _ => Err(io::Error::last_os_error()),
    }
}

fn allow(set: &libc::cpu_set_t) -> io::Result<()> {
    // SAFETY: the set outlives the call, and the size is its own.
    match unsafe { libc::sched_setaffinity(0, size_of_val(set), &raw const *set) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The cores this process may use, in ascending order, at most as many as its CPU quota gives.
/// This is the default number and placement of shards.
#[must_use]
pub fn cores() -> Vec<usize> {
    let quota = std::thread::available_parallelism().map_or(1, usize::from);
    let Ok(set) = allowed() else { return (0..quota).collect() };
    let all = 0..libc::CPU_SETSIZE as usize;
    // SAFETY: every index is below CPU_SETSIZE.
    let mut given: Vec<usize> = all.filter(|&i| unsafe { libc::CPU_ISSET(i, &set) }).collect();
    given.truncate(quota.max(1));
    given
}

/// Bytes of memory that the process may use: of the machine, or of its control group where that
/// gives less.
#[must_use]
pub fn memory() -> usize {
    // SAFETY: no pointers; what is not known is negative.
    let (pages, page) =
        unsafe { (libc::sysconf(libc::_SC_PHYS_PAGES), libc::sysconf(libc::_SC_PAGESIZE)) };
    let machine = usize::try_from(pages).ok().zip(usize::try_from(page).ok());
    let machine = machine.map_or(usize::MAX, |(pages, page)| pages.saturating_mul(page));
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = own.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/");
    // A limit of any group around it holds too.
    let groups = std::path::Path::new(own.trim_start_matches('/')).ancestors();
    let limit = |group: &std::path::Path| {
        let path = std::path::Path::new("/sys/fs/cgroup").join(group).join("memory.max");
        std::fs::read_to_string(path).ok()?.trim().parse::<usize>().ok()
    };
    groups.filter_map(limit).fold(machine, usize::min)
}

/// What the process might use before its first thread was bound to a core.
static GIVEN: OnceLock<Option<libc::cpu_set_t>> = OnceLock::new();

/// Binds the calling thread to one core.
///
/// # Errors
/// What the kernel says, such as `EINVAL` for a core outside the process's set.
pub(crate) fn pin(core: usize) -> io::Result<()> {
    if core >= libc::CPU_SETSIZE as usize {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    GIVEN.get_or_init(|| allowed().ok());
    // SAFETY: an all-zero set is a valid, empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the index was checked against CPU_SETSIZE.
    unsafe { libc::CPU_SET(core, &mut set) };
    allow(&set)
}

/// Lets the calling thread run wherever the process may. Helpers begin with it: a thread inherits
/// the core of the shard that starts it, whose work it would then hold up, as would each program
/// that it starts.
pub fn unpin() {
    if let Some(Some(given)) = GIVEN.get() {
        let _ = allow(given); // where it is refused, helpers are slower, and no worse
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_print_as_they_parse() {
        for text in ["auto", "uring", "epoll"] {
            assert_eq!(text.parse::<IoMode>().unwrap().to_string(), text);
        }
        let error = "aio".parse::<IoMode>().unwrap_err().to_string();
        assert!(error.contains("`aio`") && error.contains("auto, uring or epoll"), "{error}");
    }

    #[test]
    fn there_is_some_memory_and_not_more_than_the_machine_has() {
        let text = std::fs::read_to_string("/proc/meminfo").unwrap();
        let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap();
        let total: usize = total.trim().trim_end_matches(" kB").trim().parse().unwrap();
        assert!((1 << 20..=total << 10).contains(&memory()), "{} of {total} kB", memory());
    }

    #[test]
    fn epoll_never_warns() {
        let answer = probe(IoMode::Epoll).unwrap();
        assert_eq!((answer.driver, answer.warning), (Driver::Epoll, None));
    }

    #[test]
    fn auto_always_finds_a_reactor() {
        let answer = probe(IoMode::Auto).unwrap();
        assert_eq!(answer.warning.is_none(), answer.driver == Driver::Uring);
    }

    #[test]
    fn at_least_one_core_is_given() {
        assert!(!cores().is_empty());
    }
}
