//! Files, FIFOs and pipes, in every mode the machine has.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test stops where it fails")]

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rt::file::{self, File, FileKind, OpenOptions};
use rt::testing::{TempDir, modes};
use rt::{IoMode, ReactorConfig};

fn run<T: 'static>(mode: IoMode, body: impl AsyncFnOnce() -> T + 'static) -> T {
    rt::run_reactor(ReactorConfig::new(mode, "test"), || async move { body().await })
        .expect("the reactor runs")
}

fn mkfifo(path: &Path) {
    let path = CString::new(path.as_os_str().as_bytes()).expect("no zero byte");
    // SAFETY: the path is a C string that outlives the call.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
}

#[test]
fn files_read_and_write() {
    for mode in modes() {
        run(mode, async || {
            let dir = TempDir::new().expect("a directory");
            let path = dir.join("a");
            let out = File::create(&path).await.expect("created");
            let text: Vec<u8> = (0..3_000_000_u32).map(|n| n as u8).collect();
            out.write_all(text.clone()).await.0.expect("written");
            out.write_all("tail").await.0.expect("written");
            out.write_all_at("HEAD", 0).await.0.expect("written");
            out.sync().await.expect("synced");

            let info = file::info(&path).await.expect("there");
            assert_eq!((info.len, info.kind), (3_000_004, FileKind::File));
            assert!((rt::wall() - info.modified).abs() < 60_000_000_000);

            let source = File::open(&path).await.expect("opened");
            let mut whole = Vec::new();
            loop {
                // What is there stays in front; only the spare capacity is filled.
                let mut part = Vec::with_capacity(65_536);
                part.push(b'!');
                let (count, part) = source.read(part).await;
                if count.expect("read") == 0 {
                    break;
                }
                assert_eq!(part[0], b'!');
                whole.extend_from_slice(&part[1..]);
            }
            assert_eq!(&whole[..4], b"HEAD");
            assert_eq!(&whole[4..3_000_000], &text[4..]);
            assert_eq!(&whole[3_000_000..], b"tail");

            let (count, part) = source.read_at(Vec::with_capacity(4), 3_000_000).await;
            assert_eq!((count.expect("read"), part.as_slice()), (4, b"tail".as_slice()));
            let (full, _) = source.read(Vec::new()).await;
            assert_eq!(full.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
        });
    }
}

#[test]
fn uncached_data_is_read_too() {
    for mode in modes() {
        run(mode, async || {
            let dir = TempDir::new().expect("a directory");
            let path = dir.join("cold");
            std::fs::write(&path, vec![7_u8; 1 << 20]).expect("written");
            let std_file = std::fs::File::open(&path).expect("opened");
            std_file.sync_all().expect("synced");
            let fd = std::os::fd::AsRawFd::as_raw_fd(&std_file);
            // SAFETY: no pointer is passed.
            unsafe { libc::posix_fadvise(fd, 0, 0, libc::POSIX_FADV_DONTNEED) };
            let cold = File::open(&path).await.expect("opened");
            let mut got = Vec::with_capacity(1 << 20);
            while got.len() < 1 << 20 {
                let count;
                (count, got) = cold.read(got).await;
                assert!(count.expect("read") > 0);
            }
            assert!(got.iter().all(|b| *b == 7));
        });
    }
}

#[test]
fn appending_ignores_positions() {
    for mode in modes() {
        run(mode, async || {
            let dir = TempDir::new().expect("a directory");
            let path = dir.join("log");
            for line in ["one\n", "two\n"] {
                let options = OpenOptions::new().append(true).create(true);
                let log = options.open(&path).await.expect("opened");
                log.write_all(line).await.0.expect("written");
            }
            assert_eq!(std::fs::read(&path).expect("there"), b"one\ntwo\n");
        });
    }
}

#[test]
fn errors_name_the_path() {
    for mode in modes() {
        run(mode, async || {
            let error = File::open("/nowhere/at/all").await.err().expect("missing");
            assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
            let full = OpenOptions::new().write(true).open("/dev/full").await.expect("opened");
            let error = full.write_all("x").await.0.expect_err("no space");
            assert_eq!(error.raw_os_error(), Some(libc::ENOSPC));
        });
    }
}

#[test]
fn devices_never_block() {
    for mode in modes() {
        run(mode, async || {
            let null = OpenOptions::new().read(true).write(true).open("/dev/null").await;
            let null = null.expect("opened");
            null.write_all(vec![0; 1 << 20]).await.0.expect("swallowed");
            assert_eq!(null.read(Vec::with_capacity(9)).await.0.expect("end"), 0);
            let zero = File::open("/dev/zero").await.expect("opened");
            assert_eq!(zero.read(Vec::with_capacity(9)).await.0.expect("zeros"), 9);
        });
    }
}

#[test]
fn a_fifo_waits_for_its_other_end() {
    for mode in modes() {
        run(mode, async || {
            let dir = TempDir::new().expect("a directory");
            let path = dir.join("fifo");
            mkfifo(&path);
            let source = File::open(&path).await.expect("opened without a writer");
            let nothing = source.read(Vec::with_capacity(16));
            let early = rt::timeout(Duration::from_millis(20), nothing).await;
            assert!(early.is_err(), "no writer yet is not the end");
            let theirs = path.clone();
            let writer = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(20));
                std::fs::write(theirs, "hello")
            });
            let (count, text) = source.read(Vec::with_capacity(16)).await;
            assert_eq!((count.expect("read"), text.as_slice()), (5, b"hello".as_slice()));
            let (count, _) = source.read(Vec::with_capacity(16)).await;
            assert_eq!(count.expect("the writer closed"), 0);
            writer.join().expect("joined").expect("written");
        });
    }
}

#[test]
fn a_fifo_without_reader_blocks_nothing() {
    for mode in modes() {
        run(mode, async || {
            let dir = TempDir::new().expect("a directory");
            let path = dir.join("fifo");
            mkfifo(&path);
            let theirs = path.clone();
            let opening = rt::spawn(async move { File::create(&theirs).await }).abort_on_drop();
            let start = Instant::now();
            for _ in 0..10 {
                rt::sleep(Duration::from_millis(2)).await;
            }
            assert!(start.elapsed() < Duration::from_secs(1), "the shard goes on");
            assert!(!opening.is_finished());

            let reader = std::thread::spawn({
                let path = path.clone();
                move || std::fs::read(path)
            });
            let sink = opening.await.expect("not aborted").expect("opened");
            sink.write_all("late").await.0.expect("written");
            drop(sink);
            rt::sleep(Duration::from_millis(1)).await;
            assert_eq!(reader.join().expect("joined").expect("read"), b"late");
        });
    }
}

#[test]
fn a_write_to_a_full_pipe_is_cancelled_by_dropping_it() {
    for mode in modes() {
        let start = Instant::now();
        run(mode, async || {
            let dir = TempDir::new().expect("a directory");
            let path = dir.join("fifo");
            mkfifo(&path);
            let _silent = File::open(&path).await.expect("a reader that never reads");
            let sink = File::create(&path).await.expect("opened");
            let write = rt::spawn(async move { sink.write_all(vec![1; 1 << 22]).await.0 });
            rt::sleep(Duration::from_millis(10)).await;
            assert!(!write.is_finished());
            write.abort();
            assert!(write.await.is_err(), "aborted");
            // A second one is left pending for the reactor's end.
            let sink = File::create(&path).await.expect("opened");
            drop(rt::spawn(async move { sink.write_all(vec![1; 1 << 22]).await.0 }));
            rt::sleep(Duration::from_millis(10)).await;
        });
        assert!(start.elapsed() < Duration::from_secs(2), "{mode}: {:?}", start.elapsed());
    }
}

#[test]
fn globs_expand_in_order() {
    for mode in modes() {
        run(mode, async || {
            let dir = TempDir::new().expect("a directory");
            for name in ["b.txt", "a.txt", "c.csv", "x/d.txt", "x/y/e.txt"] {
                let path = dir.join(name);
                file::create_dir_all(path.parent().expect("a parent")).await.expect("made");
                std::fs::write(path, "").expect("written");
            }
            let found = async |pattern: &str| -> Vec<String> {
                let base = dir.path().to_str().expect("a plain path");
                let all = file::glob(&format!("{base}/{pattern}")).await.expect("expanded");
                let cut = |p: &std::path::PathBuf| p.display().to_string()[base.len() + 1..].into();
                all.iter().map(cut).collect()
            };
            assert_eq!(found("*.txt").await, ["a.txt", "b.txt"]);
            assert_eq!(found("[bc].*").await, ["b.txt", "c.csv"]);
            assert_eq!(found("**/*.txt").await, ["a.txt", "b.txt", "x/d.txt", "x/y/e.txt"]);
            assert_eq!(found("x/**").await, ["x/d.txt", "x/y/e.txt"]);
            assert_eq!(found("a.txt").await, ["a.txt"]);
            assert_eq!(found("none*").await, Vec::<String>::new());
            file::rename(dir.join("a.txt"), dir.join("z.txt")).await.expect("renamed");
            file::remove(dir.join("b.txt")).await.expect("removed");
            assert_eq!(found("*.txt").await, ["z.txt"]);
        });
    }
}
