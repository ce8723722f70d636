//! One measured process: wall, CPU and peak memory from the kernel's accounting.
//!
//! Each process is started by a fresh, small helper (`perf measure`) that starts nothing else, so
//! that the kernel's figures for "children" are those of this one process tree. It also keeps the
//! peak honest: a forked child counts its parent's memory until it executes its own program.

use std::fs::File;
use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, killpg};
use nix::sys::time::TimeVal;
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::error::{At, Error, Result};

/// Bytes of a failed process's standard error that a report shows.
const TAIL_MAX: usize = 300;

/// A program with its arguments; standard output goes to a file or nowhere.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<String>,
    pub(crate) stdout: Option<PathBuf>,
}

impl Task {
    /// A task whose standard output is of no interest.
    pub(crate) fn new(program: impl Into<PathBuf>, args: &[&str]) -> Self {
        let args = args.iter().map(|a| (*a).to_owned()).collect();
        Self { program: program.into(), args, stdout: None }
    }

    /// The same with standard output in a file.
    pub(crate) fn to(mut self, path: &Path) -> Self {
        self.stdout = Some(path.to_owned());
        self
    }
}

/// What the kernel counted for one process tree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// Seconds from start to end.
    pub(crate) wall_s: f64,
    /// Seconds of CPU, user and system, of the process and the descendants it waited for.
    pub(crate) cpu_s: f64,
    /// Peak resident memory of the largest process of the tree, in KiB.
    pub(crate) peak_kib: u64,
}

/// Runs a task to its end through the helper.
///
/// # Errors
/// A program that cannot be started, fails or exceeds the timeout, with the end of its standard
/// error.
pub(crate) fn run(task: &Task, timeout: Duration, scratch: &Path) -> Result<Usage> {
    let own = std::env::current_exe().map_err(|e| Error(format!("own program: {e}")))?;
    let stderr = scratch.join("stderr");
    let stdout = task.stdout.clone().unwrap_or_else(|| PathBuf::from("/dev/null"));
    let output = Command::new(&own)
        .arg("measure")
        .args(["--timeout", &timeout.as_secs().to_string()])
        .args([Path::new("--stdout"), &stdout, Path::new("--stderr"), &stderr])
        .arg("--")
        .arg(&task.program)
        .args(&task.args)
        .stdin(Stdio::null())
        .output()
        .at(&own)?;
    if !output.status.success() {
        return Err(Error(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let answer: Value = serde_json::from_slice(&output.stdout).at(&own)?;
    if let Some(failure) = answer["failure"].as_str() {
        return Err(Error(format!("{failure}{}", tail(&stderr))));
    }
    let seconds = |key: &str| answer[key].as_f64().unwrap_or(f64::NAN);
    let peak_kib = answer["peak_kib"].as_u64().unwrap_or(0);
    Ok(Usage { wall_s: seconds("wall_s"), cpu_s: seconds("cpu_s"), peak_kib })
}

/// The end of a file of text, for a message.
pub(crate) fn tail(path: &Path) -> String {
    let text = std::fs::read(path).unwrap_or_default();
    let text =
        String::from_utf8_lossy(text.get(text.len().saturating_sub(TAIL_MAX)..).unwrap_or(&[]))
            .trim()
            .to_owned();
    if text.is_empty() { text } else { format!(": {text}") }
}

/// The helper: runs one program in its own process group and prints the accounting as JSON.
///
/// # Errors
/// A program that cannot be started; a failure of the program itself is part of the answer.
pub(crate) fn helper(task: &Task, stderr: &Path, timeout: Duration) -> Result<()> {
    let mut command = Command::new(&task.program);
    command.args(&task.args).stdin(Stdio::null()).process_group(0);
    if let Some(path) = &task.stdout {
        command.stdout(File::create(path).at(path)?);
    }
    command.stderr(File::create(stderr).at(stderr)?);
    let start = Instant::now();
    let mut child = command.spawn().at(&task.program)?;
    let group = Pid::from_raw(child.id() as i32);
    let (ended, watched) = mpsc::channel::<()>();
    let watchdog = std::thread::spawn(move || {
        let late = watched.recv_timeout(timeout) == Err(mpsc::RecvTimeoutError::Timeout);
        if late {
            // The group may have ended in this very moment, which is no error.
            let _ = killpg(group, Signal::SIGKILL);
        }
        late
    });
    let status = child.wait().at(&task.program)?;
    let wall_s = start.elapsed().as_secs_f64();
    drop(ended);
    let late = watchdog.join().unwrap_or(false);
    let used = getrusage(UsageWho::RUSAGE_CHILDREN).map_err(|e| Error(format!("rusage: {e}")))?;
    let failure = match (late, status.code(), status.signal()) {
        (true, ..) => Some(format!("no end after {} s", timeout.as_secs())),
        (_, Some(0), _) => None,
        (_, Some(code), _) => Some(format!("exit code {code}")),
        (_, _, signal) => Some(format!("ended by signal {}", signal.unwrap_or(0))),
    };
    let cpu_s = seconds(used.user_time()) + seconds(used.system_time());
    let answer = json!({"wall_s": wall_s, "cpu_s": cpu_s, "peak_kib": used.max_rss(),
                        "failure": failure});
    writeln!(std::io::stdout(), "{answer}").map_err(|e| Error(format!("standard output: {e}")))
}

fn seconds(time: TimeVal) -> f64 {
    time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6
}
