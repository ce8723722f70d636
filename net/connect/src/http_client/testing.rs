//! A server for tests of clients: it remembers what it was asked and answers as told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) line: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
    /// How many requests were under way, with this one.
    pub(super) beside: usize,
}

impl Asked {
    pub(super) fn header(&self, wanted: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn path(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }
}

pub(super) struct Server {
    pub(super) url: String,
    asked: flume::Receiver<Asked>,
}

/// An answer with a body.
pub(super) fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

fn read(stream: &mut BufReader<std::net::TcpStream>) -> Option<Asked> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let line = lines.remove(0);
    let pair = |line: &String| {
        let (name, value) = line.split_once(": ").unwrap_or((line, ""));
        (name.to_owned(), value.to_owned())
    };
    let headers: Vec<_> = lines.iter().map(pair).collect();
    let mut asked = Asked { line, headers, body: String::new(), beside: 0 };
    let length = asked.header("content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    asked.body = String::from_utf8_lossy(&body).into_owned();
    Some(asked)
}

impl Server {
    /// Starts a server that answers by `respond`; it ends with the process.
    pub(super) fn start(respond: impl Fn(&Asked) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, asked) = flume::unbounded();
        let (respond, busy) = (Arc::new(respond), Arc::new(AtomicUsize::new(0)));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (sender, respond) = (sender.clone(), Arc::clone(&respond));
                let busy = Arc::clone(&busy);
                std::thread::spawn(move || {
                    let mut stream = BufReader::new(stream);
                    while let Some(mut asked) = read(&mut stream) {
                        asked.beside = busy.fetch_add(1, Ordering::SeqCst) + 1;
                        let _ = sender.send(asked.clone());
                        let answer = respond(&asked);
                        busy.fetch_sub(1, Ordering::SeqCst);
                        if stream.get_mut().write_all(answer.as_bytes()).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Server { url, asked }
    }

    /// What was asked since the last call.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.drain().collect()
    }
}
