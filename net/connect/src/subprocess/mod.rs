//! `subprocess`: a program whose output is read, or that is given input, or both.

pub mod command;
pub mod framing;
pub mod input;
pub mod output;
pub mod processor;

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration as Time;

use rt::file::File;

use crate::text::io_text;

/// First pause before a program is asked again whether it has ended; doubles up to the longest.
const EXIT_PAUSE_MIN: Time = Time::from_micros(100);
/// Longest such pause. Nearly all programs end with their output, or a moment later.
const EXIT_PAUSE_MAX: Time = Time::from_millis(50);

/// A running program. It is killed when this is dropped, unless it has ended.
pub(crate) struct Running {
    child: Option<Child>,
}

/// Which ends of a program are ours.
pub(crate) struct Pipes {
    /// Its standard input.
    pub(crate) stdin: Option<File>,
    /// Its standard output.
    pub(crate) stdout: Option<File>,
    /// Its standard error.
    pub(crate) stderr: File,
}

/// Whether a program gets input from us, and whether we look at its output.
#[derive(Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) stdin: bool,
    pub(crate) stdout: bool,
}

/// A pipe: the end for reading and the end for writing.
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = io::pipe()?;
    Ok((read.into(), write.into()))
}

/// Starts a program.
///
/// # Errors
/// A text that names the program.
pub(crate) async fn start(
    name: impl AsRef<OsStr>,
    args: Vec<OsString>,
    ends: Ends,
) -> Result<(Running, Pipes), String> {
    let name = name.as_ref().to_owned();
    let failed = |error: &io::Error| format!("exec: {name:?}: {}", io_text(error));
    let (stdin, their_stdin) = piped(ends.stdin, false).map_err(|e| failed(&e))?;
    let (stdout, their_stdout) = piped(ends.stdout, true).map_err(|e| failed(&e))?;
    let (stderr, their_stderr) = piped(true, true).map_err(|e| failed(&e))?;
    let Some(stderr) = stderr else { return Err("no standard error".to_owned()) };
    // Making a process may take a while.
    let program = name.clone();
    let child = rt::blocking(move || {
        let path = look_up(&program)?;
        let mut command = Command::new(&path);
        command.args(args).stdin(their_stdin).stdout(their_stdout).stderr(their_stderr);
        command.spawn().map_err(|error| {
            let text = match error.kind() {
                io::ErrorKind::InvalidInput => "invalid argument".to_owned(),
                _ => io_text(&error),
            };
            format!("fork/exec {}: {text}", path.display())
        })
    });
    let child = child.await.map_err(|e| e.to_string())??;
    Ok((Running { child: Some(child) }, Pipes { stdin, stdout, stderr }))
}

/// One end of a pipe for us and the other for a program, or nothing for both.
fn piped(wanted: bool, we_read: bool) -> io::Result<(Option<File>, Stdio)> {
    if !wanted {
        return Ok((None, Stdio::null()));
    }
    let (read, write) = pipe()?;
    let (ours, theirs) = if we_read { (read, write) } else { (write, read) };
    Ok((Some(File::from_pipe(ours)?), theirs.into()))
}

/// Finds a program: where its name has no slash, in the folders that the environment names.
///
/// # Errors
/// There is none.
pub(crate) fn look_up(name: &OsStr) -> Result<PathBuf, String> {
    if name.is_empty() {
        return Err("exec: no command".to_owned());
    }
    if name.as_bytes().contains(&b'/') {
        return Ok(name.into());
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let runs = |path: &PathBuf| {
        std::fs::metadata(path)
            .is_ok_and(|info| info.is_file() && info.permissions().mode() & 0o111 != 0)
    };
    let found = std::env::split_paths(&folders).map(|folder| folder.join(name)).find(runs);
    found.ok_or_else(|| format!("exec: {name:?}: executable file not found in $PATH"))
}

/// What is said of a program that has ended badly.
pub(crate) fn exit_text(status: ExitStatus) -> String {
    let Some(signal) = status.signal() else {
        return format!("exit status {}", status.code().unwrap_or(-1));
    };
    let name = match signal {
        1 => "hangup",
        2 => "interrupt",
        3 => "quit",
        4 => "illegal instruction",
        5 => "trace/breakpoint trap",
        6 => "aborted",
        7 => "bus error",
        8 => "floating point exception",
        9 => "killed",
        10 => "user defined signal 1",
        11 => "segmentation fault",
        12 => "user defined signal 2",
        13 => "broken pipe",
        14 => "alarm clock",
        15 => "terminated",
        other => return format!("signal {other}"),
    };
    let dumped = if status.core_dumped() { " (core dumped)" } else { "" };
    format!("signal: {name}{dumped}")
}

impl Running {
    /// How the program ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<io::Result<ExitStatus>> {
        let ended = self.child.as_mut()?.try_wait().transpose()?;
        self.child = None;
        Some(ended)
    }

    /// Waits for the end. Given up before it, the program is killed.
    pub(crate) async fn status(mut self) -> io::Result<ExitStatus> {
        let mut pause = EXIT_PAUSE_MIN;
        while self.child.is_some() {
            if let Some(ended) = self.ended() {
                return ended;
            }
            rt::sleep(pause).await;
            pause = (pause * 2).min(EXIT_PAUSE_MAX);
        }
        Err(io::Error::other("somebody else has seen it end"))
    }

    /// Waits for the end; a text when it is not a good one.
    pub(crate) async fn wait(self) -> Result<(), String> {
        match self.status().await {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(exit_text(status)),
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
pub(crate) async fn report(stderr: File, mut line: impl FnMut(&str)) {
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
