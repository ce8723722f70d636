//! A machine that refuses io_uring, as container runtimes do: everything runs on what is left.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test stops where it fails")]

use std::io::Write;
use std::time::Duration;

use rt::file::File;
use rt::net::{ListenOptions, TcpListener};
use rt::storage::Storage;
use rt::testing::{TempDir, refuse_io_uring};
use rt::{Driver, Error, IoMode, ReactorConfig, block_on, probe};

#[test]
fn the_probe_says_why_and_what_runs_instead() {
    refuse_io_uring().expect("filtered");
    let answer = probe(IoMode::Auto).expect("falls back");
    assert_eq!((answer.driver, answer.direct_storage), (Driver::Epoll, false));
    let warning = answer.warning.expect("one warning");
    assert!(warning.contains("io_uring") && warning.contains("epoll"), "{warning}");
    assert!(warning.contains("not permitted"), "{warning}");

    let error = probe(IoMode::Uring).expect_err("insisted");
    assert!(matches!(error, Error::UringRefused(_)), "{error}");
    let config = ReactorConfig::new(IoMode::Uring, "shard-0");
    let error = rt::start_thread(config, || async {}).err().expect("insisted");
    assert!(error.to_string().contains("refuses"), "{error}");
}

#[test]
fn a_reactor_reads_files_and_sockets() {
    refuse_io_uring().expect("filtered");
    let config = ReactorConfig::new(IoMode::Auto, "shard-0");
    let thread = rt::start_thread(config, || async {
        let dir = TempDir::new().expect("a directory");
        let out = File::create(dir.join("a")).await.expect("created");
        out.write_all(vec![b'x'; 1 << 20]).await.0.expect("written");
        out.sync().await.expect("synced");
        let source = File::open(dir.join("a")).await.expect("opened");
        let (count, _) = source.read(Vec::with_capacity(1 << 20)).await;

        let local = "127.0.0.1:0".parse().expect("an address");
        let listener = TcpListener::bind(local, ListenOptions::default()).expect("bound");
        let mut theirs = std::net::TcpStream::connect(listener.local_addr()).expect("connected");
        theirs.write_all(b"ping").expect("sent");
        let mut stream = listener.accept().await.expect("taken");
        let (_, bytes) = stream.read(Vec::with_capacity(64)).await;
        rt::sleep(Duration::from_millis(1)).await;
        (count.expect("read"), bytes)
    });
    let thread = thread.expect("runs");
    assert_eq!(thread.driver(), Driver::Epoll);
    let (count, bytes) = thread.join().expect("ends");
    assert!(count > 0);
    assert_eq!(bytes, b"ping");
}

#[test]
fn the_journal_runs_on_plain_files() {
    refuse_io_uring().expect("filtered");
    let dir = TempDir::new().expect("a directory");
    let storage = Storage::start(dir.path(), IoMode::Auto).expect("falls back");
    assert!(!storage.is_direct());
    assert!(storage.warning().is_some_and(|text| text.contains("plain files")));
    let (journal, _) = block_on(storage.open_journal("log")).expect("opens");
    block_on(journal.append(b"kept".to_vec())).expect("durable");
    drop(journal);
    let (_, replay) = block_on(storage.open_journal("log")).expect("opens again");
    assert_eq!(replay.records, [b"kept".to_vec()]);

    let error = Storage::start(dir.join("other"), IoMode::Uring).err().expect("insisted");
    assert!(error.to_string().contains("io_uring"), "{error}");
}
