//! `subprocess`: a program whose output is read, or that is given input.

pub mod input;
pub mod output;

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use rt::net::Stream;

use crate::text::io_text;

/// A running program. It is killed when this is dropped, unless it has ended.
pub(crate) struct Running {
    child: Option<Child>,
}

/// Which ends of a program are ours.
pub(crate) struct Pipes {
    /// Its standard input.
    pub(crate) stdin: Option<Stream>,
    /// Its standard output.
    pub(crate) stdout: Option<Stream>,
    /// Its standard error.
    pub(crate) stderr: Stream,
}

/// Starts a program. Its ends are sockets, because those can be waited for without a thread.
///
/// # Errors
/// A text that names the program.
pub(crate) async fn start(
    name: &str,
    args: &[String],
    writes: bool,
) -> Result<(Running, Pipes), String> {
    let failed = |e: std::io::Error| format!("exec: {name:?}: {}", io_text(&e));
    let pair = || -> std::io::Result<(Stream, OwnedFd)> {
        let (ours, theirs) = UnixStream::pair()?;
        Ok((Stream::from_fd(ours.into())?, theirs.into()))
    };
    let (stderr, their_stderr) = pair().map_err(failed)?;
    let (ours, theirs) = pair().map_err(failed)?;
    let (program, args) = (name.to_owned(), args.to_vec());
    // Making a process may take a while.
    let child = rt::blocking(move || {
        let mut command = Command::new(program);
        command.args(args).stderr(Stdio::from(their_stderr));
        if writes {
            command.stdin(Stdio::from(theirs)).stdout(Stdio::null());
        } else {
            command.stdin(Stdio::null()).stdout(Stdio::from(theirs));
        }
        command.spawn()
    });
    let child = child.await.map_err(|e| e.to_string())?.map_err(failed)?;
    let (stdin, stdout) = if writes { (Some(ours), None) } else { (None, Some(ours)) };
    Ok((Running { child: Some(child) }, Pipes { stdin, stdout, stderr }))
}

impl Running {
    /// Waits for the end; a text when it is not a good one.
    pub(crate) async fn wait(mut self) -> Result<(), String> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let waited = rt::blocking(move || child.wait()).await.map_err(|e| e.to_string())?;
        match waited {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(status
                .code()
                .map_or_else(|| status.to_string(), |code| format!("exit status {code}"))),
            Err(error) => Err(io_text(&error)),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let _ = child.kill(); // it may have ended just now
        // Somebody has to take note of its death.
        std::thread::spawn(move || child.wait());
    }
}

/// Reads what a program says on standard error and hands on each line.
pub(crate) async fn report(mut stderr: Stream, mut line: impl FnMut(&str)) {
    const LINE_BYTES_MAX: usize = 64 << 10;
    let mut held = Vec::with_capacity(4096);
    loop {
        if held.len() >= LINE_BYTES_MAX {
            line(&String::from_utf8_lossy(&held));
            held.clear();
        }
        held.reserve(4096);
        let (read, filled) = stderr.read(held).await;
        held = filled;
        if !matches!(read, Ok(count) if count > 0) {
            break;
        }
        while let Some(end) = memchr::memchr(b'\n', &held) {
            line(String::from_utf8_lossy(held.get(..end).unwrap_or_default()).trim_end());
            held.drain(..=end);
        }
    }
    if !held.is_empty() {
        line(&String::from_utf8_lossy(&held));
    }
}
