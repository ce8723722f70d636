//! What a process that serves many pipelines asks of the system once, when it starts.

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
}
