//! What a process asks of the system once, when it starts: one that serves many pipelines, and one
//! that works for another.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// Prepares the process; call it first of all. What the system refuses stays as it was.
///
/// - Open files: the limit is raised as far as the system lets it go without privileges. The usual
///   first limit of 1,024 is there for programs that use `select`, and a pipeline that only waits
///   takes up to two descriptors.
/// - Huge pages: a buffer of which one byte was used would hold two megabytes of memory, and most
///   buffers of waiting sources are like that. Where data flows, buffers are used again and again,
///   so that huge pages gain nothing. Processes started by this one inherit it.
pub fn prepare() {
    let mut files = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a value of the type that the call fills.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut files) } == 0 {
        files.rlim_cur = files.rlim_max;
        // SAFETY: the pointer is to an initialised value that the call only reads.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const files) };
    }
    let (on, none): (libc::c_ulong, libc::c_ulong) = (1, 0);
    // SAFETY: the call takes numbers only and changes nothing but how memory is mapped.
    unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, on, none, none, none) };
}

/// Has the process killed when the thread that has started it ends.
///
/// # Errors
/// The system refuses.
pub fn end_with_parent() -> io::Result<()> {
    let (signal, none): (libc::c_ulong, libc::c_ulong) = (libc::SIGKILL as libc::c_ulong, 0);
    // SAFETY: the call takes numbers only.
    checked(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, signal, none, none, none) })
}

/// Takes standard input and output away and returns them. Whoever reads there from now on finds
/// nothing, and what is written there goes to standard error.
///
/// # Errors
/// There are too many open files.
pub fn take_ends() -> io::Result<(OwnedFd, OwnedFd)> {
    let input = io::stdin().as_fd().try_clone_to_owned()?;
    let output = io::stdout().as_fd().try_clone_to_owned()?;
    let nothing = File::open("/dev/null")?;
    // SAFETY: both descriptors are open, and what stood at 0 is kept by its copy.
    checked(unsafe { libc::dup2(nothing.as_raw_fd(), 0) })?;
    // SAFETY: as above, for 1; standard error stays where it is.
    checked(unsafe { libc::dup2(2, 1) })?;
    Ok((input, output))
}

/// Has signals handled on the stack of the calling thread. The standard library gives each thread a
/// small stack for them, which is enough for its own handler and not for those of others.
///
/// # Errors
/// The system refuses.
pub fn signals_on_own_stack() -> io::Result<()> {
    let none = libc::stack_t {
        ss_sp: std::ptr::null_mut(),
        ss_flags: libc::SS_DISABLE,
        ss_size: libc::SIGSTKSZ,
    };
    // SAFETY: the pointer is to an initialised value that the call only reads; the memory that was
    // used before stays with the standard library.
    checked(unsafe { libc::sigaltstack(&raw const none, std::ptr::null_mut()) })
}

/// Lets the process take so many bytes more of memory than it has now, and no more. Addresses that
/// are only reserved do not count.
///
/// # Errors
/// The system does not say what it has.
pub fn limit_memory(more: u64) -> io::Result<()> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let held = status.lines().find_map(|line| line.strip_prefix("VmData:"));
    let held = held.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    let held = held.ok_or_else(|| io::Error::other("the system does not tell VmData"))?;
    let most = held.saturating_mul(1024).saturating_add(more);
    let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
    // SAFETY: the pointer is to an initialised value that the call only reads.
    checked(unsafe { libc::setrlimit(libc::RLIMIT_DATA, &raw const limit) })
}

fn checked(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_open_files_is_raised_to_what_is_allowed() {
        prepare();
        let mut files = libc::rlimit { rlim_cur: 0, rlim_max: 1 };
        // SAFETY: the pointer is to a value of the type that the call fills.
        assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut files) }, 0);
        assert_eq!(files.rlim_cur, files.rlim_max);
        let none: libc::c_ulong = 0;
        // SAFETY: the call takes numbers only.
        let huge = unsafe { libc::prctl(libc::PR_GET_THP_DISABLE, none, none, none, none) };
        assert_eq!(huge, 1);
    }

    #[test]
    fn a_thread_handles_signals_on_its_own_stack() {
        let own = || {
            signals_on_own_stack().unwrap();
            let mut stack = libc::stack_t { ss_sp: std::ptr::null_mut(), ss_flags: 0, ss_size: 0 };
            // SAFETY: the pointer is to a value of the type that the call fills.
            let told = unsafe { libc::sigaltstack(std::ptr::null(), &raw mut stack) };
            (told, stack.ss_flags)
        };
        assert_eq!(std::thread::spawn(own).join().unwrap(), (0, libc::SS_DISABLE));
    }
}
