//! The storage thread and its journals, on direct and plain files.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test stops where it fails")]

use std::path::Path;
use std::time::{Duration, Instant};

use rt::block_on;
use rt::storage::{
    Journal, LOG_MAX, LOGS_MAX, RECORD_MAX, REWRITE_MIN, Replay, Storage, StorageError,
};
use rt::testing::{TempDir, modes};
use rt::{IoMode, ReactorConfig};

fn open(dir: &Path, mode: IoMode) -> (Journal, Replay) {
    // The thread of the handle before may still be letting go of the lock.
    let start = Instant::now();
    let storage = loop {
        match Storage::start(dir, mode) {
            Err(StorageError::InUse(_)) if start.elapsed() < Duration::from_secs(5) => {
                std::thread::sleep(Duration::from_millis(1));
            }
            started => break started.expect("the storage thread runs"),
        }
    };
    block_on(storage.open_journal("pipelines")).expect("the journal opens")
}

fn records(range: std::ops::Range<usize>) -> Vec<Vec<u8>> {
    range.map(|n| format!("record {n} {}", "x".repeat(n * 37 % 900)).into_bytes()).collect()
}

#[test]
fn acknowledged_records_come_back() {
    for mode in modes() {
        let dir = TempDir::new().expect("a directory");
        let all = records(0..300);
        for part in all.chunks(100) {
            let (journal, replay) = open(dir.path(), mode);
            let (storage, answer) = (journal.storage(), rt::probe(mode).expect("probed"));
            assert!(storage.is_direct() == answer.direct_storage || storage.warning().is_some());
            assert!(all.starts_with(&replay.records) && replay.torn == 0);
            for record in part {
                block_on(journal.append(record.clone())).expect("durable");
            }
        }
        // Either backend reads what the other wrote.
        for mode in modes() {
            assert_eq!(open(dir.path(), mode).1.records, all);
        }
    }
}

#[test]
fn many_callers_share_commits() {
    for mode in modes() {
        let dir = TempDir::new().expect("a directory");
        let (journal, _) = open(dir.path(), mode);
        let callers: Vec<_> = (0..3)
            .map(|caller| {
                let journal = journal.clone();
                let config = ReactorConfig::new(mode, "caller");
                rt::start_thread(config, move || async move {
                    let appends =
                        (0..200_u32).map(|n| journal.append(format!("{caller}:{n}").into_bytes()));
                    futures_util::future::join_all(appends).await
                })
                .expect("runs")
            })
            .collect();
        for caller in callers {
            assert!(caller.join().expect("ends").iter().all(Result::is_ok));
        }
        drop(journal);
        let (_, replay) = open(dir.path(), mode);
        assert_eq!(replay.records.len(), 600);
        for caller in 0..3 {
            let prefix = format!("{caller}:");
            let texts = replay.records.iter().map(|r| String::from_utf8_lossy(r).into_owned());
            let mine: Vec<String> = texts.filter(|t| t.starts_with(&prefix)).collect();
            let expected: Vec<String> = (0..200).map(|n| format!("{prefix}{n}")).collect();
            assert_eq!(mine, expected, "each caller's order is kept");
        }
    }
}

#[test]
fn a_torn_write_at_every_byte_loses_only_the_last_record() {
    for mode in modes() {
        let dir = TempDir::new().expect("a directory");
        let path = dir.join("pipelines");
        let (journal, _) = open(dir.path(), mode);
        // The last record crosses the border of a block.
        let kept = [vec![b'a'; 4_000], b"second".to_vec()];
        for record in &kept {
            block_on(journal.append(record.clone())).expect("durable");
        }
        let before = journal.len() as usize;
        block_on(journal.append(b"the last, torn record".repeat(2))).expect("durable");
        let after = journal.len() as usize;
        drop(journal);
        let whole = std::fs::read(&path).expect("read");
        assert!(before / 4096 < after / 4096, "{before} {after}");
        for cut in before..after {
            std::fs::write(&path, &whole[..cut]).expect("written");
            let (journal, replay) = open(dir.path(), mode);
            assert_eq!(replay.records, kept, "cut at {cut}");
            if cut % 16 == 0 {
                // The journal goes on where the valid records end.
                block_on(journal.append(b"after the crash".to_vec())).expect("durable");
                drop(journal);
                let (_, replay) = open(dir.path(), mode);
                assert_eq!(replay.records.len(), 3);
                assert_eq!(
                    (replay.records[2].as_slice(), replay.torn),
                    (&b"after the crash"[..], 0)
                );
            }
        }
        std::fs::write(&path, &whole).expect("written");
        assert_eq!(open(dir.path(), mode).1.records.len(), 3);
    }
}

#[test]
fn garbage_is_rewritten_atomically() {
    for mode in modes() {
        let dir = TempDir::new().expect("a directory");
        let (journal, _) = open(dir.path(), mode);
        assert!(journal.is_empty() && !journal.wants_rewrite(0));
        for _ in 0..2 {
            block_on(journal.append(vec![7; REWRITE_MIN as usize])).expect("durable");
        }
        assert!(journal.wants_rewrite(100) && !journal.wants_rewrite(REWRITE_MIN));
        let live = records(5..9);
        block_on(journal.rewrite(live.clone())).expect("rewritten");
        assert!(journal.len() < 4_096 && !journal.wants_rewrite(100));
        block_on(journal.append(b"more".to_vec())).expect("durable");
        drop(journal);
        let (_, replay) = open(dir.path(), mode);
        assert_eq!((&replay.records[..4], replay.records.len()), (live.as_slice(), 5));
        assert!(!dir.join("pipelines.new").exists());
        let file = std::fs::metadata(dir.join("pipelines")).expect("there");
        assert_eq!(file.len() % 4_096, 0);
    }
}

#[test]
fn a_rewrite_that_was_cut_short_leaves_the_old_log() {
    for mode in modes() {
        let dir = TempDir::new().expect("a directory");
        let (journal, _) = open(dir.path(), mode);
        block_on(journal.append(b"kept".to_vec())).expect("durable");
        drop(journal);
        std::fs::write(dir.join("pipelines.new"), "half a log").expect("written");
        let (journal, replay) = open(dir.path(), mode);
        assert_eq!(replay.records, [b"kept".to_vec()]);
        block_on(journal.rewrite(Vec::new())).expect("rewritten");
        drop(journal);
        assert!(open(dir.path(), mode).1.records.is_empty());
    }
}

#[test]
fn limits_and_bad_places_are_clear_errors() {
    for mode in modes() {
        let dir = TempDir::new().expect("a directory");
        let (journal, _) = open(dir.path(), mode);
        let long = block_on(journal.append(vec![0; RECORD_MAX + 1]));
        assert_eq!(long, Err(StorageError::RecordTooLarge(RECORD_MAX + 1)));
        block_on(journal.append(vec![0; RECORD_MAX])).expect("durable");

        let second = Storage::start(dir.path(), mode).err().expect("locked").to_string();
        assert!(second.contains(&*dir.path().to_string_lossy()), "{second}");
        for name in ["", "..", "a/b", "lock", "x.new"] {
            let error = block_on(journal.storage().open_journal(name)).err();
            assert_eq!(error, Some(StorageError::Name(name.to_owned())));
        }

        std::fs::write(dir.join("foreign"), "not a log").expect("written");
        let error = block_on(journal.storage().open_journal("foreign")).err().expect("refused");
        assert!(error.to_string().contains("foreign"), "{error}");
        assert_eq!(std::fs::read(dir.join("foreign")).expect("there"), b"not a log");

        let below = dir.join("foreign").join("state");
        let error = Storage::start(&below, mode).err().expect("no directory").to_string();
        assert!(error.contains(&*below.to_string_lossy()), "{error}");
    }
}

#[test]
fn the_number_and_size_of_logs_are_limited() {
    for mode in modes() {
        let dir = TempDir::new().expect("a directory");
        let storage = Storage::start(dir.path(), mode).expect("runs");
        let huge = std::fs::File::create(dir.join("huge")).expect("made");
        huge.set_len(LOG_MAX + 1).expect("sparse");
        let error = block_on(storage.open_journal("huge")).err().expect("refused");
        assert!(matches!(error, StorageError::TooLarge { len, .. } if len == LOG_MAX + 1));
        for n in 0..LOGS_MAX {
            block_on(storage.open_journal(&format!("log-{n}"))).expect("opens");
        }
        let error = block_on(storage.open_journal("one-more")).err();
        assert_eq!(error, Some(StorageError::TooMany(LOGS_MAX)));
    }
}
