//! A disk that takes no more. Alone in its process, because the limit holds for all of it.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test stops where it fails")]

use rt::block_on;
use rt::storage::{Storage, StorageError};
use rt::testing::{TempDir, modes};

/// No file may grow beyond this many bytes while the limit is on.
const FILE_MAX: u64 = 64 << 10;

fn limit_files(bytes: u64) {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the limit outlives the call; ignoring the signal turns it into an error.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
        assert_eq!(libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit), 0);
    }
}

#[test]
fn a_full_disk_refuses_one_record_and_keeps_the_others() {
    for mode in modes() {
        let dir = TempDir::new().expect("a directory");
        let storage = Storage::start(dir.path(), mode).expect("runs");
        let (journal, _) = block_on(storage.open_journal("log")).expect("opens");
        block_on(journal.append(b"before".to_vec())).expect("durable");
        limit_files(FILE_MAX);
        let refused = block_on(journal.append(vec![1; 2 * FILE_MAX as usize]));
        let Err(StorageError::Io { path, .. }) = &refused else { panic!("{refused:?}") };
        assert_eq!(path, &dir.join("log"));
        block_on(journal.append(b"a small one fits".to_vec())).expect("durable");
        limit_files(libc::RLIM_INFINITY);
        block_on(journal.append(b"after".to_vec())).expect("durable");
        drop(journal);
        let (_, replay) = block_on(storage.open_journal("log")).expect("opens again");
        let expected = [&b"before"[..], b"a small one fits", b"after"];
        assert_eq!(replay.records, expected, "{mode}");
    }
}
