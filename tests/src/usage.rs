//! What a process uses, as the kernel counts it, and a connection for many requests.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use crate::program::{Answer, PATIENCE};

/// A number of `/proc/PID/status` in KiB, such as `VmRSS` or `VmHWM`.
///
/// # Panics
/// When the process or the number is not there.
#[must_use]
pub fn memory_kib(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    number.unwrap_or_else(|| panic!("no {name} of process {pid}"))
}

/// Clock ticks that a process has spent so far, its own and the system's for it.
///
/// # Panics
/// When the process is not there.
#[must_use]
pub fn cpu_ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name in parentheses may hold anything; 11 numbers later come the two.
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: Vec<u64> = rest.split(' ').skip(12).take(2).flat_map(str::parse).collect();
    assert_eq!(ticks.len(), 2, "no ticks of process {pid}");
    ticks.iter().sum()
}

/// A connection that takes one request after another.
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects.
    ///
    /// # Panics
    /// When nobody listens.
    #[must_use]
    pub fn new(address: &str) -> Self {
        let stream = TcpStream::connect(address);
        let stream = stream.unwrap_or_else(|e| panic!("connect {address}: {e}"));
        assert!(
            stream.set_read_timeout(Some(PATIENCE)).is_ok() && stream.set_nodelay(true).is_ok()
        );
        Connection { stream: BufReader::new(stream) }
    }

    /// Sends a request and reads its answer.
    ///
    /// # Panics
    /// When there is none.
    pub fn send(&mut self, verb: &str, target: &str, body: &str) -> Answer {
        self.try_send(verb, target, body).unwrap_or_else(|e| panic!("{verb} {target}: {e}"))
    }

    fn try_send(&mut self, verb: &str, target: &str, body: &str) -> std::io::Result<Answer> {
        let length = body.len();
        let request = format!(
            "{verb} {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.stream.read_line(&mut head)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
        let field = |line: &str| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        };
        let wrong = || std::io::Error::other(format!("not an answer: {head}"));
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or_else(wrong)?;
        let length: usize = head.lines().find_map(field).ok_or_else(wrong)?;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Answer { status, head, body })
    }
}
