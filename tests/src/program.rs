//! The program as its users meet it: a process, its ports, its output.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::tree::root;

/// How long anything may take before a test gives up on it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The binary under test, built when it is not there or older than its sources.
///
/// # Panics
/// When it does not build.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let mut build = Command::new(cargo);
        // What cargo tells a test about its package would tell build scripts that theirs has
        // changed: shared crates would be built again here, and once more for the next test.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
                build.env_remove(&*name);
            }
        }
        let built = build
            // The whole workspace, so that shared crates are built once for it and for the tests.
            .args(["build", "--release", "--quiet", "--offline"])
            .args(["--workspace", "--bin", "mainstem"])
            .current_dir(root())
            .status();
        assert!(built.is_ok_and(|status| status.success()), "the binary builds");
        let exe = std::env::current_exe().unwrap_or_default();
        let release = exe.ancestors().find(|dir| dir.ends_with("release"));
        release.unwrap_or(Path::new("target/release")).join("mainstem")
    })
}

/// The arguments that say on which driver the program runs. The suite runs once for each:
/// `MAINSTEM_TEST_IO=epoll cargo test ...`.
#[must_use]
pub fn io_args() -> Vec<String> {
    std::env::var("MAINSTEM_TEST_IO").map_or_else(|_| Vec::new(), |io| vec!["--io".to_owned(), io])
}

/// A folder that is removed when it goes out of scope.
pub struct Folder(PathBuf);

impl Folder {
    /// A fresh folder.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn new(name: &str) -> Self {
        static NEXT: Mutex<u32> = Mutex::new(0);
        let mut next = NEXT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *next += 1;
        let name = format!("mainstem-{name}-{}-{next}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&path);
        assert!(fs::create_dir_all(&path).is_ok(), "{} can be made", path.display());
        Folder(path)
    }

    /// A path in it.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file in it and returns its path as text.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        assert!(fs::write(&path, text).is_ok(), "{} can be written", path.display());
        path.display().to_string()
    }

    /// Reads a file in it; empty while it is not there.
    #[must_use]
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A running program; killed when it goes out of scope.
pub struct Program {
    child: Child,
    log: Arc<Mutex<String>>,
    /// Reads the log to its end.
    reader: Option<JoinHandle<()>>,
}

impl Program {
    /// Starts it.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(args: &[&str]) -> Self {
        let mut command = Command::new(binary());
        command.args(args).args(io_args());
        Program::with(&mut command)
    }

    /// Starts a prepared command; its standard error is collected.
    ///
    /// # Panics
    /// When it does not start.
    pub fn with(command: &mut Command) -> Self {
        Program::fed(command, Stdio::null())
    }

    /// The same with a standard input.
    ///
    /// # Panics
    /// When it does not start.
    pub fn fed(command: &mut Command, stdin: Stdio) -> Self {
        let started = command.stderr(Stdio::piped()).stdin(stdin).spawn();
        let Ok(mut child) = started else { panic!("the program starts: {started:?}") };
        let log = Arc::new(Mutex::new(String::new()));
        let reader = child.stderr.take().map(|stderr| {
            let log = Arc::clone(&log);
            std::thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    let mut log = log.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    log.push_str(&line);
                    log.push('\n');
                }
            })
        });
        Program { child, log, reader }
    }

    /// What it has written to standard error.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The address that a log line tells after `what`, once it does.
    ///
    /// # Panics
    /// When it never does.
    #[must_use]
    pub fn address(&self, what: &str) -> String {
        let found = until(|| {
            let log = self.log();
            let line = log.lines().find(|l| l.contains(what))?.to_owned();
            let at = line.find("address=")?;
            let rest = &line[at + "address=".len()..];
            Some(rest.split([' ', '"']).find(|w| !w.is_empty())?.to_owned())
        });
        found.unwrap_or_else(|| panic!("no address of '{what}' in:\n{}", self.log()))
    }

    /// Sends a signal, by its number.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let _ = Command::new("kill").args([&format!("-{name}"), &id]).status();
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> Option<ExitStatus> {
        let status = until(|| self.child.try_wait().ok().flatten())?;
        // What it wrote last may not have been read yet.
        until(|| self.reader.as_ref().is_none_or(JoinHandle::is_finished).then_some(()));
        Some(status)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A seed that is another each time, unless `MAINSTEM_TEST_SEED` gives one that is to be repeated.
#[must_use]
pub fn seed() -> u64 {
    let given = std::env::var("MAINSTEM_TEST_SEED").ok().and_then(|text| text.parse().ok());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    given.unwrap_or(now.as_nanos() as u64)
}

/// Asks again and again until there is an answer, or patience ends.
pub fn until<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() > end {
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// An answer over HTTP.
#[derive(Debug)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Head as it was sent.
    pub head: String,
    /// Body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        let parsed = serde_json::from_slice(&self.body);
        parsed.unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }
}

/// Sends a request as `curl` would, on a connection of its own.
///
/// # Panics
/// When there is no answer.
#[must_use]
pub fn http(address: &str, verb: &str, target: &str, body: &str) -> Answer {
    let answer = try_http(address, verb, target, body);
    answer.unwrap_or_else(|e| panic!("{verb} {target}: {e}"))
}

/// The same, for when there may be no answer.
///
/// # Errors
/// The connection failed or the answer was none.
pub fn try_http(address: &str, verb: &str, target: &str, body: &str) -> std::io::Result<Answer> {
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    try_http_with(address, verb, target, &form, body)
}

/// The same with these headers.
///
/// # Errors
/// The connection failed or the answer was none.
pub fn try_http_with(
    address: &str,
    verb: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let length = body.len();
    let more: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!(
        "{verb} {target} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n\
         {more}Connection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())?;
    let mut all = Vec::new();
    stream.read_to_end(&mut all)?;
    let wrong = || std::io::Error::other(format!("not HTTP: {}", String::from_utf8_lossy(&all)));
    let end = all.windows(4).position(|w| w == b"\r\n\r\n").ok_or_else(wrong)?;
    let head = String::from_utf8_lossy(&all[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or_else(wrong)?;
    let mut body = all[end + 4..].to_vec();
    if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        body = unchunk(&body).ok_or_else(wrong)?;
    }
    Ok(Answer { status, head, body })
}

fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|w| w == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?, 16).ok()?;
        rest = rest.get(end + 2..)?;
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..length)?);
        rest = rest.get(length + 2..)?;
    }
}
