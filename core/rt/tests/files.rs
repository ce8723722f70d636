//! Whole files of a state directory, on direct and plain files.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test stops where it fails")]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use rt::block_on;
use rt::storage::files::{FILE_MAX, FOLDER, Files};
use rt::storage::{Storage, StorageError, StorageHandle};
use rt::testing::{TempDir, modes};

fn start(dir: &Path, mode: rt::IoMode) -> (StorageHandle, Files) {
    let storage = Storage::start(dir, mode).expect("the directory is free");
    let files = storage.files().expect("the thread runs");
    (storage, files)
}

/// Lets go of a directory; it is free then.
fn end((storage, files): (StorageHandle, Files)) {
    let ended = storage.ended();
    drop((storage, files));
    let _ = ended.recv();
}

fn names(files: &Files, prefix: &str) -> Vec<String> {
    let all = block_on(files.load(prefix)).expect("listed");
    all.into_iter().map(|(name, _)| name).collect()
}

#[test]
fn what_was_saved_last_is_there_again() {
    for mode in modes() {
        let dir = TempDir::new().expect("a directory");
        let large = vec![7; 3 << 20];
        let (storage, files) = start(dir.path(), mode);
        for content in [b"first".to_vec(), large.clone(), Vec::new(), b"last".to_vec()] {
            block_on(files.save("a.1", content)).expect("durable");
        }
        block_on(files.save("a.2", large.clone())).expect("durable");
        block_on(files.save("b.1", Vec::new())).expect("durable");
        end((storage, files));
        // What a crash left.
        std::fs::write(dir.join(FOLDER).join("a.3.new"), b"half").expect("written");
        // Either backend reads what the other wrote.
        for mode in modes() {
            let (storage, files) = start(dir.path(), mode);
            assert!(storage.has_files());
            let found = block_on(files.load("a.")).expect("listed");
            let expected =
                [("a.1".to_owned(), Ok(b"last".to_vec())), ("a.2".to_owned(), Ok(large.clone()))];
            assert!(found == expected, "{:?}", names(&files, "a."));
            assert_eq!(block_on(files.load("b.")).expect("listed")[0].1, Ok(Vec::new()));
            end((storage, files));
        }
        let (storage, files) = start(dir.path(), mode);
        assert_eq!(block_on(files.keep_only(BTreeSet::from(["b.".to_owned()]))), Ok(3));
        assert_eq!(names(&files, ""), ["b.1"]);
        block_on(files.remove("b.")).expect("removed");
        assert_eq!(names(&files, ""), [""; 0]);
        end((storage, files));
    }
}

#[test]
fn damage_and_what_cannot_be_written_are_told() {
    let dir = TempDir::new().expect("a directory");
    let (storage, files) = start(dir.path(), rt::IoMode::Epoll);
    block_on(files.save("a", b"whole".to_vec())).expect("durable");
    let path = dir.join(FOLDER).join("a");
    std::fs::write(&path, b"something else").expect("written");
    let found = block_on(files.load("a")).expect("listed");
    assert_eq!(found, [("a".to_owned(), Err(StorageError::NotAFile(path.clone())))]);
    for name in ["", ".hidden", "a/b", "a.new"] {
        let refused = block_on(files.save(name, Vec::new()));
        assert_eq!(refused, Err(StorageError::Name(name.to_owned())));
    }
    // Zeros that nobody touches take no memory.
    let refused = block_on(files.save("a", vec![0; FILE_MAX + 1]));
    assert_eq!(refused, Err(StorageError::FileTooLarge(FILE_MAX + 1)));
    std::fs::remove_file(&path).expect("removed");
    std::fs::create_dir(&path).expect("made");
    let refused = block_on(files.save("a", b"x".to_vec())).expect_err("it is a directory");
    assert!(matches!(refused, StorageError::Io { action: "write", .. }), "{refused}");
    end((storage, files));
}

#[test]
fn the_directory_is_free_only_when_both_threads_have_ended() {
    let dir = TempDir::new().expect("a directory");
    let (storage, files) = start(dir.path(), rt::IoMode::Epoll);
    let ended = storage.ended();
    drop(storage);
    assert!(ended.recv_timeout(Duration::from_millis(50)).is_err());
    let again = Storage::start(dir.path(), rt::IoMode::Epoll);
    assert!(matches!(again, Err(StorageError::InUse(_))));
    block_on(files.save("a", b"x".to_vec())).expect("durable");
    drop(files);
    let begin = Instant::now();
    let _ = ended.recv();
    assert!(begin.elapsed() < Duration::from_secs(60));
    assert!(Storage::start(dir.path(), rt::IoMode::Epoll).is_ok());
}
