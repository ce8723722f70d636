//! The process that runs a function, as who has started it sees it.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use rt::region::Region;

use super::control::{Answer, Order};
use super::{AREA_BYTES, COMMAND, INPUT_AT, OUTPUT_AT, REGION_BYTES};
use crate::subprocess::exit_text;

/// After this time without an answer it is looked whether anybody still waits for it.
const TURN: Duration = Duration::from_millis(50);
/// How long a process may take to end that has closed its socket, and what it has said may take.
const END_MAX: Duration = Duration::from_secs(2);
/// Bytes of what a process said last that are told when it fails.
const LAST_BYTES_MAX: usize = 2048;
/// Bytes of one line; longer ones are cut into several.
const LINE_BYTES_MAX: u64 = 8192;
/// Lines that are logged within a second; more are counted.
const LINES_MAX: u32 = 100;

/// How such a process is started.
#[derive(Clone, Debug)]
pub(super) struct Launch {
    pub(super) program: OsString,
    pub(super) args: Vec<OsString>,
    /// How long a function may take for one row, and to get ready.
    pub(super) timeout: Duration,
    /// The name of the function.
    pub(super) name: String,
}

impl Launch {
    /// This program itself, as it was when it started.
    pub(super) fn of_us(name: &str, timeout: Duration) -> Self {
        let (program, args) = ("/proc/self/exe".into(), vec![COMMAND.into()]);
        Launch { program, args, timeout, name: name.to_owned() }
    }
}

/// A process that runs a function. It is killed when this is dropped.
pub(super) struct Process {
    child: Child,
    control: UnixStream,
    region: Region,
    held: Vec<u8>,
    last: flume::Receiver<String>,
    timeout: Duration,
}

impl Process {
    /// Starts it and gets the function ready.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn start(
        launch: &Launch,
        setup: Vec<u8>,
        wanted: &dyn Fn() -> bool,
    ) -> Result<Process, String> {
        let failed = |error: io::Error| format!("its process cannot be started: {error}");
        let (control, theirs) = UnixStream::pair().map_err(failed)?;
        let region = Region::new(REGION_BYTES as u64).map_err(failed)?;
        let mut child = Command::new(&launch.program)
            .args(&launch.args)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::from(region.descriptor().map_err(failed)?))
            .stderr(Stdio::piped())
            // Signals of a terminal are for us, who end it when it has done its work.
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let (said, last) = flume::bounded(1);
        let stderr = child.stderr.take();
        let (held, timeout) = (Vec::new(), launch.timeout);
        let mut process = Process { child, control, region, held, last, timeout };
        let name = launch.name.clone();
        let reader = std::thread::Builder::new().name("java log".to_owned());
        let read = move || said.send(stderr.map(|end| report(end, &name)).unwrap_or_default());
        reader.spawn(read).map_err(failed)?;
        let set = process.control.set_read_timeout(Some(TURN));
        set.and_then(|()| process.control.set_write_timeout(Some(timeout))).map_err(failed)?;
        match process.ask(&Order::Start(setup), wanted)? {
            Answer::Ready => Ok(process),
            _ => Err("its process answered what was not asked".to_owned()),
        }
    }

    /// Has it work on rows; their results are handed over piece by piece.
    ///
    /// # Errors
    /// What went wrong. The process is then of no more use.
    pub(super) fn work(
        &mut self,
        rows: &[u8],
        count: u32,
        wanted: &dyn Fn() -> bool,
        take: &mut dyn FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<(), String> {
        let io = |error: io::Error| error.to_string();
        self.region.write(INPUT_AT as u64, rows).map_err(io)?;
        let mut order = Order::Work(count);
        loop {
            let (bytes, more) = match self.ask(&order, wanted)? {
                Answer::Done(bytes) => (bytes as usize, false),
                Answer::Part(bytes) => (bytes as usize, true),
                _ => return Err("its process answered what was not asked".to_owned()),
            };
            if bytes > AREA_BYTES {
                return Err("its process says that it wrote more than there is room".to_owned());
            }
            let mut results = vec![0; bytes];
            self.region.read(OUTPUT_AT as u64, &mut results).map_err(io)?;
            take(&results)?;
            if !more {
                return Ok(());
            }
            order = Order::More;
        }
    }

    /// Sends an order and waits for the answer. What went wrong in the function is an error.
    fn ask(&mut self, order: &Order, wanted: &dyn Fn() -> bool) -> Result<Answer, String> {
        if order.send(&mut self.control).is_err() {
            return Err(self.ended());
        }
        let mut steps = self.steps();
        let mut since = Instant::now();
        let mut chunk = [0; 4096];
        loop {
            match Answer::first(&mut self.held)? {
                Some(Answer::Failed(why)) => return Err(why),
                Some(answer) => return Ok(answer),
                None => {}
            }
            match self.control.read(&mut chunk) {
                Ok(0) => return Err(self.ended()),
                Ok(count) => self.held.extend_from_slice(chunk.get(..count).unwrap_or_default()),
                Err(error) if is_late(&error) => {
                    if !wanted() {
                        return Err("nobody waits for it any more".to_owned());
                    }
                    let now = self.steps();
                    if now != steps {
                        (steps, since) = (now, Instant::now());
                    } else if since.elapsed() > self.timeout {
                        let seconds = self.timeout.as_secs_f64();
                        let text = "it took longer for one row, or to get ready, than the";
                        return Err(format!("{text} {seconds} s that it may take"));
                    }
                }
                Err(_) => return Err(self.ended()),
            }
        }
    }

    /// How often the function got on.
    fn steps(&self) -> u64 {
        let mut bytes = [0; 8];
        // Where nothing can be read, nothing gets on.
        let _ = self.region.read(0, &mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// What is told of a process that has gone away.
    fn ended(&mut self) -> String {
        let since = Instant::now();
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break exit_text(status),
                Ok(None) if since.elapsed() < END_MAX => std::thread::sleep(TURN / 10),
                _ => break "it is still there and answers no more".to_owned(),
            }
        };
        let _ = self.child.kill();
        let last = self.last.recv_timeout(END_MAX).unwrap_or_default();
        let last = last.trim();
        let gap = if last.is_empty() { "" } else { ". It said at last:\n" };
        format!("its process has ended: {status}{gap}{last}")
    }
}

/// Whether only the time was over.
fn is_late(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | Interrupted)
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended just now
        let _ = self.child.wait();
    }
}

/// Logs what a process says, within bounds, and returns the end of it.
fn report(stderr: ChildStderr, udf: &str) -> String {
    let mut lines = BufReader::new(stderr);
    let (mut last, mut line) = (Vec::new(), Vec::new());
    let (mut since, mut logged, mut left_out) = (Instant::now(), 0, 0_u64);
    loop {
        line.clear();
        match lines.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
            Ok(count) if count > 0 => {}
            _ => break,
        }
        last.extend_from_slice(&line);
        let over = last.len().saturating_sub(LAST_BYTES_MAX);
        last.drain(..over);
        if since.elapsed() > Duration::from_secs(1) {
            (since, logged) = (Instant::now(), 0);
            tell(udf, &mut left_out);
        }
        if logged < LINES_MAX {
            logged += 1;
            let line = String::from_utf8_lossy(&line);
            tracing::info!(udf, "{}", line.trim_end());
        } else {
            left_out += 1;
        }
    }
    tell(udf, &mut left_out);
    String::from_utf8_lossy(&last).into_owned()
}

/// Says how many lines were left out.
fn tell(udf: &str, left_out: &mut u64) {
    let lines = std::mem::take(left_out);
    if lines > 0 {
        tracing::warn!(udf, lines, "More lines of a UDF were not logged");
    }
}
