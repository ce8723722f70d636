//! The journal under `kill -9` at random moments: this program starts itself as a child.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test stops where it fails")]

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rt::storage::{Journal, Replay, Storage};
use rt::testing::{TempDir, modes};
use rt::{IoMode, block_on};

const MODE: &str = "RT_TEST_MODE";
const DIR: &str = "RT_TEST_DIR";
const KILLS: u64 = 25;
/// The longest life of a child in microseconds.
const LIFE_MAX: u64 = 40_000;

/// Opens the journal. The thread of a handle that was dropped, and the system after a kill, let go
/// of the directory a moment later.
fn open(dir: &Path, mode: IoMode) -> (Journal, Replay) {
    let start = || Storage::start(dir, mode).ok();
    let mut storage = start();
    for _ in 0..10_000 {
        if storage.is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
        storage = start();
    }
    let storage = storage.expect("the storage thread runs");
    block_on(storage.open_journal("log")).expect("the journal opens")
}

fn number(record: &[u8]) -> u64 {
    u64::from_le_bytes(record[..8].try_into().expect("eight bytes"))
}

/// Appends numbers for ever and says each one that is durable; nothing when run as a test.
#[test]
fn child() {
    let Ok(mode) = std::env::var(MODE) else { return };
    let dir = PathBuf::from(std::env::var(DIR).expect("a directory"));
    let (journal, replay) = open(&dir, mode.parse().expect("a mode"));
    let mut next = replay.records.last().map_or(0, |last| number(last) + 1);
    let mut stderr = std::io::stderr();
    loop {
        let mut record = next.to_le_bytes().to_vec();
        record.resize(8 + (next * 131 % 3_000) as usize, 0xee);
        block_on(journal.append(record)).expect("durable");
        stderr.write_all(&next.to_le_bytes()).expect("said");
        next += 1;
        if next.is_multiple_of(50) {
            let first = next - 1;
            block_on(journal.rewrite(vec![first.to_le_bytes().to_vec()])).expect("rewritten");
        }
    }
}

#[test]
fn what_was_acknowledged_survives_kills_at_random_moments() {
    for mode in modes() {
        let dir = TempDir::new().expect("a directory");
        let mut random = rt::rng::Rng::new(rt::rng::machine_seed());
        let mut known = None;
        for _ in 0..KILLS {
            let mut command = Command::new(std::env::current_exe().expect("known"));
            command.args(["--exact", "child", "--nocapture"]);
            command.env(MODE, mode.to_string()).env(DIR, dir.path());
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
            let mut child = command.spawn().expect("started");
            std::thread::sleep(Duration::from_micros(5_000 + random.below(LIFE_MAX)));
            child.kill().expect("killed");
            child.wait().expect("ended");
            let mut said = Vec::new();
            child.stderr.take().unwrap().read_to_end(&mut said).expect("read");
            if let Some(last) = said.chunks_exact(8).last() {
                known = Some(number(last));
            }
            let (_, replay) = open(dir.path(), mode);
            let numbers: Vec<u64> = replay.records.iter().map(|record| number(record)).collect();
            assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
            assert!(numbers.last().copied() >= known, "{mode}: {numbers:?} lost {known:?}");
            known = numbers.last().copied();
        }
        assert!(known.is_some_and(|last| last > 0), "the children got to work");
    }
}
