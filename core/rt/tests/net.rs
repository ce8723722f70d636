//! Sockets, in every mode the machine has.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test stops where it fails")]

use std::io::{Read, Write};
use std::time::Duration;

use rt::net::{
    ListenOptions, Peer, Stream, TcpListener, UdpSocket, UnixDatagram, UnixListener, resolve,
};
use rt::testing::{TempDir, modes};
use rt::{IoMode, ReactorConfig};

fn run<T: 'static>(mode: IoMode, body: impl AsyncFnOnce() -> T + 'static) -> T {
    rt::run_reactor(ReactorConfig::new(mode, "test"), || async move { body().await })
        .expect("the reactor runs")
}

fn local() -> std::net::SocketAddr {
    "127.0.0.1:0".parse().expect("an address")
}

async fn echo(stream: Stream) {
    let (mut read, mut write) = stream.into_split();
    loop {
        let (count, bytes) = read.read(Vec::with_capacity(65_536)).await;
        if count.is_err() || bytes.is_empty() || write.write_all(bytes).await.0.is_err() {
            break;
        }
    }
}

#[test]
fn tcp_streams_carry_both_ways() {
    for mode in modes() {
        run(mode, async move || {
            let listener = TcpListener::bind(local(), ListenOptions::default()).expect("bound");
            let address = listener.local_addr();
            drop(rt::spawn(async move {
                while let Ok(stream) = listener.accept().await {
                    drop(rt::spawn(echo(stream)));
                }
            }));
            let stream = Stream::connect(address).await.expect("connected");
            stream.set_nodelay(true).expect("set");
            assert_eq!(stream.peer(), &Peer::Ip(address));
            let (mut read, mut write) = stream.into_split();
            let sent: Vec<u8> = (0..2_000_000_u32).map(|n| (n % 251) as u8).collect();
            let copy = sent.clone();
            let writer = rt::spawn(async move {
                write.write_all(copy).await.0.expect("sent");
                write.shutdown().await.expect("shut");
                write
            });
            let mut got = Vec::with_capacity(sent.len() + 1);
            loop {
                let count;
                (count, got) = read.read(got).await;
                if count.expect("received") == 0 {
                    break;
                }
            }
            assert!(got == sent, "{mode}");
            drop(writer.await);
        });
    }
}

#[test]
fn a_dropped_accept_loses_no_connection() {
    for mode in modes() {
        run(mode, async move || {
            let listener = TcpListener::bind(local(), ListenOptions::default()).expect("bound");
            let address = listener.local_addr();
            for _ in 0..5 {
                let none = rt::timeout(Duration::from_millis(2), listener.accept()).await;
                assert!(none.is_err());
            }
            let theirs = std::thread::spawn(move || {
                let mut stream = std::net::TcpStream::connect(address)?;
                stream.write_all(b"hi")?;
                let mut answer = String::new();
                stream.read_to_string(&mut answer)?;
                std::io::Result::Ok(answer)
            });
            let mut stream = listener.accept().await.expect("taken");
            stream.readable().await.expect("readable");
            let (count, text) = stream.read(Vec::with_capacity(10)).await;
            assert_eq!((count.expect("read"), text.as_slice()), (2, b"hi".as_slice()));
            stream.write_all("ho").await.0.expect("written");
            drop(stream); // the ring closes it at the reactor's next turn
            let answer = rt::blocking(move || theirs.join()).await.expect("ran");
            assert_eq!(answer.expect("joined").expect("answered"), "ho");
        });
    }
}

#[test]
fn a_peer_that_does_not_read_blocks_only_its_writer() {
    for mode in modes() {
        run(mode, async move || {
            let listener = TcpListener::bind(local(), ListenOptions::default()).expect("bound");
            let silent = std::net::TcpStream::connect(listener.local_addr()).expect("connected");
            let mut stream = listener.accept().await.expect("taken");
            let stuck = rt::spawn(async move { stream.write_all(vec![0; 64 << 20]).await.0 });
            rt::sleep(Duration::from_millis(20)).await;
            assert!(!stuck.is_finished());
            stuck.abort();
            assert!(stuck.await.is_err());
            drop(silent);
        });
    }
}

#[test]
fn reads_pending_at_the_end_are_given_back_first() {
    for mode in modes() {
        let theirs = run(mode, async move || {
            let listener = TcpListener::bind(local(), ListenOptions::default()).expect("bound");
            let theirs = std::net::TcpStream::connect(listener.local_addr()).expect("connected");
            let mut stream = listener.accept().await.expect("taken");
            drop(rt::spawn(async move { stream.read(Vec::with_capacity(1 << 20)).await.0 }));
            rt::sleep(Duration::from_millis(5)).await;
            theirs
        });
        let mut theirs = theirs;
        let mut rest = Vec::new();
        let _ = theirs.read_to_end(&mut rest); // the connection is closed
        assert!(rest.is_empty());
    }
}

#[test]
fn two_reactors_share_a_port() {
    for mode in modes() {
        let options = ListenOptions { reuse_port: true, ..ListenOptions::default() };
        run(mode, async move || {
            let first = TcpListener::bind(local(), options).expect("bound");
            let second = TcpListener::bind(first.local_addr(), options).expect("shared");
            assert_eq!(first.local_addr(), second.local_addr());
            let alone = TcpListener::bind(first.local_addr(), ListenOptions::default());
            let error = alone.err().expect("in use").to_string();
            assert!(error.contains(&first.local_addr().to_string()), "{error}");
        });
    }
}

#[test]
fn unix_sockets_replace_stale_files() {
    for mode in modes() {
        run(mode, async move || {
            let dir = TempDir::new().expect("a directory");
            let path = dir.join("socket");
            drop(std::os::unix::net::UnixListener::bind(&path).expect("left behind"));
            let listener = UnixListener::bind(&path).expect("replaced");
            assert!(UnixListener::bind(&path).is_err(), "in use");
            drop(listener.accept().await.expect("the question whether somebody listens"));
            let client = rt::spawn({
                let path = path.clone();
                async move {
                    let mut stream = Stream::connect_unix(&path).await.expect("connected");
                    stream.write_all("x").await.0.expect("sent");
                    stream.read(Vec::with_capacity(8)).await.1
                }
            });
            echo(listener.accept().await.expect("taken")).await_for(client).await;
            drop(listener);
            assert!(!path.exists());
        });
    }
}

/// Runs an echo beside its client until the client is done.
trait AwaitFor: Future<Output = ()> + Sized + 'static {
    async fn await_for(self, client: rt::JoinHandle<Vec<u8>>) {
        let _echo = rt::spawn(self).abort_on_drop();
        assert_eq!(client.await.expect("done"), b"x");
    }
}

impl<F: Future<Output = ()> + 'static> AwaitFor for F {}

#[test]
fn datagrams_arrive() {
    for mode in modes() {
        run(mode, async move || {
            let a = UdpSocket::bind(local(), false).expect("bound");
            let b = UdpSocket::bind(local(), false).expect("bound");
            let receive = rt::spawn({
                let to = b.local_addr();
                async move {
                    rt::sleep(Duration::from_millis(2)).await;
                    a.send_to("ping", to).await.0.expect("sent");
                    a.local_addr()
                }
            });
            let (got, bytes) = b.recv_from(Vec::with_capacity(64)).await;
            let from = receive.await.expect("done");
            assert_eq!((got.expect("received"), bytes.as_slice()), ((4, from), b"ping".as_slice()));
        });
    }
}

#[test]
fn datagrams_of_a_path_arrive_and_a_stale_file_is_replaced() {
    for mode in modes() {
        run(mode, async move || {
            let dir = rt::testing::TempDir::new().expect("a folder");
            let path = dir.join("d.sock");
            drop(std::os::unix::net::UnixDatagram::bind(&path).expect("a file that stays"));
            let socket = UnixDatagram::bind(&path).expect("bound");
            assert!(UnixDatagram::bind(&path).is_err(), "it is in use");
            let sender = std::os::unix::net::UnixDatagram::unbound().expect("a socket");
            sender.send_to(b"ping", &path).expect("sent");
            let (got, bytes) = socket.recv(Vec::with_capacity(64)).await;
            assert_eq!((got.expect("received"), bytes.as_slice()), (4, b"ping".as_slice()));
            drop(socket);
            assert!(!path.exists());
        });
    }
}

#[test]
fn names_are_resolved() {
    for mode in modes() {
        run(mode, async move || {
            assert_eq!(resolve("127.0.0.1:80").await.expect("parsed").len(), 1);
            assert!(resolve(":80").await.expect("all")[0].ip().is_unspecified());
            let found = resolve("localhost:80").await.expect("known");
            assert!(found.iter().all(|address| address.ip().is_loopback()));
            let error = resolve("no port").await.expect_err("refused");
            assert!(error.to_string().contains("no port"));
        });
    }
}

#[test]
fn a_stream_goes_on_in_another_reactor() {
    for mode in modes() {
        let listener = std::net::TcpListener::bind(local()).expect("bound");
        let address = listener.local_addr().expect("an address");
        let taken = run(mode, async move || {
            let stream = Stream::connect(address).await.expect("connected");
            let (mut read, mut write) = stream.into_split();
            write.write_all(b"one".to_vec()).await.0.expect("sent");
            let mut peer = listener.accept().expect("accepted").0;
            peer.write_all(b"two").expect("sent");
            let (count, _) = read.read(Vec::with_capacity(3)).await;
            assert_eq!(count.expect("received"), 3);
            (Stream::into_fd(read, write).expect("taken out"), peer)
        });
        let (socket, mut peer) = taken;
        let sent = std::thread::spawn(move || {
            run(mode, async move || {
                let mut stream = Stream::from_fd(socket).expect("taken in");
                stream.write_all(b"three".to_vec()).await.0.expect("sent");
            });
        });
        sent.join().expect("it runs");
        let mut all = Vec::new();
        peer.read_to_end(&mut all).expect("received");
        assert_eq!(all, b"onethree", "{mode}");
    }
}

#[test]
fn halves_of_two_streams_are_no_stream() {
    for mode in modes() {
        run(mode, async move || {
            let (a, b) = Stream::pair().expect("a pair");
            let ((read, _write), (_read, write)) = (a.into_split(), b.into_split());
            assert!(Stream::into_fd(read, write).is_err());
        });
    }
}
