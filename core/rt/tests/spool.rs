//! Spools on direct and plain files: what was taken and not delivered is there again.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test stops where it fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;
use rt::storage::StorageError;
use rt::storage::spool::{
    COMMANDS_MAX, Options, PAYLOAD_MAX, SEGMENT_BYTES, Spool, Stored, check, repair,
};
use rt::testing::{TempDir, modes};
use rt::{IoMode, ReactorConfig, block_on};

const OPTIONS: Options =
    Options { limit: 1 << 20, segment_bytes: 8 << 10, sync_period: Duration::ZERO };

fn open(dir: &Path, mode: IoMode) -> (Spool, Stored) {
    open_with(dir, OPTIONS, mode).expect("the spool opens")
}

fn open_with(dir: &Path, options: Options, mode: IoMode) -> Result<(Spool, Stored), StorageError> {
    block_on(Spool::open(dir, options, mode))
}

fn append(spool: &Spool, payload: &[u8]) -> u64 {
    let answer = spool.append(payload.to_vec()).expect("room for a command");
    answer.recv().expect("an answer").expect("durable").sequence
}

/// All that is not acknowledged, in order.
fn pending(spool: &Spool, stored: &Stored) -> Vec<(u64, Vec<u8>)> {
    let (mut place, mut sequence, mut out) = (stored.place, stored.first, Vec::new());
    while sequence < stored.next {
        let chunk = block_on(spool.read(place, sequence, 5_000)).expect("read");
        for (number, payload) in &chunk.records {
            if *number >= stored.standing.low && !stored.acked.contains(number) {
                out.push((*number, payload.to_vec()));
            }
        }
        assert!(chunk.next > sequence, "it goes on");
        (place, sequence) = (chunk.place, chunk.next);
    }
    out
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("a directory").map(|e| e.expect("an entry").path());
    let mut found: Vec<_> =
        entries.filter(|p| p.extension().is_some_and(|e| e == "segment")).collect();
    found.sort();
    found
}

fn payload(n: u64) -> Vec<u8> {
    format!("record {n} {}", "x".repeat((n * 131 % 2_000) as usize)).into_bytes()
}

#[test]
fn records_come_back_in_order_until_they_are_acknowledged() {
    for mode in modes() {
        let dir = TempDir::new().expect("a directory");
        let (spool, stored) = open(dir.path(), mode);
        assert_eq!((stored.first, stored.next), (1, 1));
        let answers: Vec<_> =
            (1..=100).map(|n| spool.append(payload(n)).expect("room for a command")).collect();
        for (n, answer) in (1..).zip(answers) {
            assert_eq!(answer.recv().expect("an answer").expect("durable").sequence, n);
        }
        assert!(segments(dir.path()).len() > 5, "there are several segments");
        let standing = block_on(spool.acked((1..=50).chain([60, 70]).collect())).expect("noted");
        assert_eq!((standing.low, standing.next), (51, 101));
        drop(spool);
        // Either backend reads what the other wrote.
        for mode in modes() {
            let (spool, stored) = open(dir.path(), mode);
            assert_eq!((stored.acked.clone(), stored.torn), (vec![60, 70], 0));
            let expected = (51..=100).filter(|n| *n != 60 && *n != 70).map(|n| (n, payload(n)));
            assert_eq!(pending(&spool, &stored), expected.collect::<Vec<_>>(), "{mode}");
            block_on(spool.close()).expect("closed");
        }
        let (spool, _) = open(dir.path(), mode);
        let standing = block_on(spool.acked((51..=100).collect())).expect("noted");
        assert_eq!(standing.low, 101);
        assert!(segments(dir.path()).len() <= 1, "space returns");
        assert_eq!(append(&spool, b"more"), 101);
        block_on(spool.close()).expect("closed");
        let report = check(dir.path()).expect("checked");
        assert_eq!((report.pending, report.faults.len()), (1, 0));
    }
}

#[test]
fn a_directory_has_one_owner() {
    for mode in modes() {
        let dir = TempDir::new().expect("a directory");
        let (spool, _) = open(dir.path(), mode);
        let error = open_with(dir.path(), OPTIONS, mode).err().expect("refused").to_string();
        let path = dir.path().display();
        assert_eq!(error, format!("{path} is in use by another pipeline or process"));
        assert!(matches!(check(dir.path()), Err(StorageError::Busy(_))));
        block_on(spool.close()).expect("closed");
        assert!(check(dir.path()).is_ok());
    }
}

#[test]
fn what_is_too_much_is_refused() {
    let dir = TempDir::new().expect("a directory");
    let (spool, _) = open(dir.path(), IoMode::Epoll);
    let long = spool.append(vec![0; PAYLOAD_MAX + 1]).err();
    assert_eq!(long, Some(StorageError::RecordTooLarge(PAYLOAD_MAX + 1)));
    let mut waiting = Vec::new();
    // The thread takes some meanwhile, each time with a flush of the device.
    while let Ok(answer) = spool.append(vec![1; 100]) {
        waiting.push(answer);
        assert!(waiting.len() < 1_000_000, "there is a limit of {COMMANDS_MAX}");
    }
    assert!(waiting.iter().all(|answer| answer.recv().expect("an answer").is_ok()));
}

#[test]
fn a_spool_that_is_full_makes_room_when_everything_is_acknowledged() {
    for mode in modes() {
        let dir = TempDir::new().expect("a directory");
        let options = Options { limit: 10_000, segment_bytes: 65_536, ..OPTIONS };
        let (spool, _) = open_with(dir.path(), options, mode).expect("opens");
        for n in 1..=20 {
            assert_eq!(append(&spool, &[7; 9_000]), n);
            let standing = block_on(spool.acked(vec![n])).expect("noted");
            assert!(standing.used <= options.limit, "{standing:?}");
        }
    }
}

#[test]
fn records_that_may_wait_survive_the_process_and_are_flushed_soon() {
    for mode in modes() {
        let dir = TempDir::new().expect("a directory");
        let options = Options { sync_period: Duration::from_millis(20), ..OPTIONS };
        let (spool, _) = open_with(dir.path(), options, mode).expect("opens");
        for n in 1..=30 {
            assert_eq!(append(&spool, &payload(n)), n);
        }
        std::thread::sleep(Duration::from_millis(60));
        drop(spool);
        let (spool, stored) = open(dir.path(), mode);
        assert_eq!(pending(&spool, &stored).len(), 30);
    }
}

#[test]
fn damage_is_told_with_its_place_and_cut_out_by_a_repair() {
    for mode in modes() {
        let dir = TempDir::new().expect("a directory");
        let (spool, _) = open(dir.path(), mode);
        for n in 1..=40 {
            append(&spool, &payload(n));
        }
        block_on(spool.acked(vec![1, 3])).expect("noted");
        block_on(spool.close()).expect("closed");
        let files = segments(dir.path());
        assert!(files.len() >= 4, "{files:?}");
        let flip = |path: &Path, at: usize| {
            let mut bytes = fs::read(path).expect("read");
            bytes[at] ^= 4;
            fs::write(path, bytes).expect("written");
        };
        // In a record, in a head, and a segment that is gone.
        flip(&files[0], 3_000);
        flip(&files[1], 20);
        fs::remove_file(&files[2]).expect("removed");
        let error = open_with(dir.path(), OPTIONS, mode).err().expect("refused").to_string();
        let place = format!("{} is damaged at byte ", files[0].display());
        assert!(error.starts_with(&place), "{error}");
        assert!(error.contains(&format!("`mainstem buffer check {}`", dir.path().display())));
        let report = check(dir.path()).expect("checked");
        assert_eq!(report.faults.len(), 3, "{:?}", report.faults);
        let done = repair(dir.path()).expect("repaired");
        assert_eq!((done.faults, done.removed.len()), (report.faults, 2));
        assert!(done.removed.iter().all(|removed| removed.path.exists()));
        let (spool, stored) = open(dir.path(), mode);
        let left = pending(&spool, &stored);
        assert_eq!(left.len() as u64 + done.lost, 38, "every record is there or counted as lost");
        assert!(done.lost >= 2 && left.iter().all(|(n, bytes)| *bytes == payload(*n)));
        // It goes on, and everything can be acknowledged in spite of the gaps.
        let more = append(&spool, b"more");
        let standing = block_on(spool.acked(left.iter().map(|(n, _)| *n).collect()));
        assert_eq!(standing.expect("noted").low, more);
        block_on(spool.close()).expect("closed");
        assert_eq!(check(dir.path()).expect("checked").faults, []);
        assert_eq!(repair(dir.path()).expect("nothing to do"), Default::default());
    }
}

#[test]
fn the_end_that_is_missing_is_damage_after_a_good_close() {
    let dir = TempDir::new().expect("a directory");
    let (spool, _) = open(dir.path(), IoMode::Epoll);
    for n in 1..=5 {
        append(&spool, &payload(n));
    }
    block_on(spool.close()).expect("closed");
    let file = segments(dir.path()).pop().expect("a segment");
    let bytes = fs::read(&file).expect("read");
    let end = bytes.iter().rposition(|byte| *byte != 0).expect("not empty");
    fs::write(&file, &bytes[..end - 10]).expect("written");
    assert!(matches!(
        open_with(dir.path(), OPTIONS, IoMode::Epoll),
        Err(StorageError::Damaged { .. })
    ));
    assert_eq!(repair(dir.path()).expect("repaired").lost, 1);
    let (spool, stored) = open(dir.path(), IoMode::Epoll);
    assert_eq!(pending(&spool, &stored).len(), 4);
    assert_eq!(append(&spool, b"its number is given anew"), 5);
    fs::remove_file(dir.join("cursor")).expect("removed");
    drop(spool);
}

#[test]
fn a_lost_cursor_costs_only_repetition() {
    let dir = TempDir::new().expect("a directory");
    let (spool, _) = open(dir.path(), IoMode::Epoll);
    for n in 1..=5 {
        append(&spool, &payload(n));
    }
    block_on(spool.acked(vec![1, 2, 4])).expect("noted");
    block_on(spool.close()).expect("closed");
    fs::write(dir.join("cursor"), "nonsense").expect("written");
    let error = open_with(dir.path(), OPTIONS, IoMode::Epoll).err().expect("refused").to_string();
    assert!(error.contains("there is no word on which records are acknowledged"), "{error}");
    let done = repair(dir.path()).expect("repaired");
    assert_eq!((done.lost, done.removed.len()), (0, 1));
    let (spool, stored) = open(dir.path(), IoMode::Epoll);
    assert_eq!(pending(&spool, &stored).len(), 5);
}

#[derive(Clone, Debug)]
enum Step {
    Append(usize),
    /// Acknowledges some of what is pending.
    Ack(Vec<prop::sample::Index>),
    /// The process is killed: nothing more is written.
    Kill,
    /// It is killed in the middle of a write.
    Tear(Vec<u8>),
    Close,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..3_000_usize).prop_map(Step::Append),
        4 => prop::collection::vec(any::<prop::sample::Index>(), 1..5).prop_map(Step::Ack),
        1 => Just(Step::Kill),
        1 => prop::collection::vec(any::<u8>(), 1..200).prop_map(Step::Tear),
        1 => Just(Step::Close),
    ];
    prop::collection::vec(step, 1..60)
}

/// A copy of the files as they are now is what a kill leaves.
fn copy(from: &Path) -> TempDir {
    let to = TempDir::new().expect("a directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), to.join(&entry.file_name().to_string_lossy())).expect("copied");
    }
    to
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever happens in whatever order: what was taken and not acknowledged is there, once, in
    /// order and unchanged, and files of what is acknowledged go.
    #[test]
    fn nothing_taken_is_lost_and_order_is_kept(steps in steps()) {
        for mode in modes() {
            let mut dir = TempDir::new().expect("a directory");
            let (mut spool, _) = open(dir.path(), mode);
            let mut model: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
            let mut number = 0;
            for step in &steps {
                match step {
                    Step::Append(len) => {
                        let mut payload = vec![(number % 251) as u8; *len];
                        payload.push(1); // shows where the record ends
                        prop_assert_eq!(append(&spool, &payload), number + 1);
                        number += 1;
                        model.insert(number, payload);
                    }
                    Step::Ack(which) => {
                        let keys: Vec<u64> = model.keys().copied().collect();
                        if keys.is_empty() { continue }
                        let acked: Vec<u64> = which.iter().map(|i| *i.get(&keys)).collect();
                        let standing = block_on(spool.acked(acked.clone())).expect("noted");
                        acked.iter().for_each(|n| drop(model.remove(n)));
                        let low = model.keys().next().copied().unwrap_or(number + 1);
                        prop_assert_eq!((standing.low, standing.next), (low, number + 1));
                        // The pending ones and what their segments hold besides.
                        let bound = (number + 1 - low + 8) * 3_100 + 2 * OPTIONS.segment_bytes;
                        prop_assert!(standing.used <= bound);
                        continue;
                    }
                    Step::Close => block_on(spool.clone().close()).expect("closed"),
                    Step::Kill => dir = copy(dir.path()),
                    Step::Tear(bytes) => {
                        dir = copy(dir.path());
                        if let Some(last) = segments(dir.path()).last() {
                            let mut file = fs::read(last).expect("read");
                            let end = file.iter().rposition(|b| *b != 0).expect("a head") + 1;
                            file.truncate(end.max(SEGMENT_BYTES));
                            file.extend_from_slice(bytes);
                            fs::write(last, file).expect("written");
                        }
                    }
                }
                if matches!(step, Step::Append(_)) { continue }
                let (again, stored) = open(dir.path(), mode);
                spool = again;
                prop_assert_eq!(stored.next, number + 1);
                let expected: Vec<_> = model.clone().into_iter().collect();
                prop_assert_eq!(pending(&spool, &stored), expected);
            }
        }
    }

    /// Any bit of any file flips while nobody looks: nothing is lost without a word.
    #[test]
    fn a_flipped_bit_loses_nothing_without_a_word(
        file in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u32,
    ) {
        let dir = TempDir::new().expect("a directory");
        let (spool, _) = open(dir.path(), IoMode::Epoll);
        for n in 1..=15 {
            append(&spool, &payload(n));
        }
        block_on(spool.acked(vec![1, 2, 5])).expect("noted");
        block_on(spool.close()).expect("closed");
        let mut files = segments(dir.path());
        files.push(dir.join("cursor"));
        let path = file.get(&files);
        let mut bytes = fs::read(path).expect("read");
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        fs::write(path, bytes).expect("written");
        let report = check(dir.path()).expect("checked");
        let is_segment = path != files.last().unwrap();
        prop_assert!(!is_segment || !report.faults.is_empty() || report.torn > 0, "it is seen");
        let done = repair(dir.path()).expect("repaired");
        let (spool, stored) = open(dir.path(), IoMode::Epoll);
        let left = pending(&spool, &stored);
        prop_assert!(left.iter().all(|(n, bytes)| *bytes == payload(*n)), "nothing is changed");
        prop_assert!(left.len() as u64 + done.lost >= 12, "nothing is lost without a word");
        prop_assert!(done.lost <= 1);
    }
}

#[test]
fn spools_of_many_shards_share_a_thread() {
    for mode in modes() {
        let dir = TempDir::new().expect("a directory");
        let shards: Vec<_> = (0..4)
            .map(|shard| {
                let path = dir.join(&format!("spool-{shard}"));
                let config = ReactorConfig::new(mode, "shard");
                rt::start_thread(config, move || async move {
                    let (spool, _) = Spool::open(&path, OPTIONS, mode).await.expect("opens");
                    for n in 0..100_u64 {
                        let answer = spool.append(n.to_le_bytes().to_vec()).expect("room");
                        answer.recv_async().await.expect("an answer").expect("durable");
                    }
                    spool.close().await
                })
                .expect("runs")
            })
            .collect();
        for shard in shards {
            assert_eq!(shard.join().expect("ends"), Ok(()));
        }
        for shard in 0..4 {
            let report = check(&dir.join(&format!("spool-{shard}"))).expect("checked");
            assert_eq!((report.records, report.pending), (100, 100));
        }
    }
}
