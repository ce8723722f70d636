//! A program in streams mode, and what it uses while it runs.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::client::Client;
use crate::error::{At, Error, Result};

/// Between two looks at a program that has to do something first.
const PAUSE: Duration = Duration::from_millis(100);
/// CPU time during a pause below which a program is at rest.
const AT_REST_S: f64 = 0.002;

/// A running program; killed when it goes out of scope.
pub(super) struct Server {
    child: Child,
    address: SocketAddr,
    timeout: Duration,
}

impl Server {
    /// Starts a program in streams mode and waits until it answers.
    ///
    /// # Errors
    /// It does not start or does not answer.
    pub(super) fn start(
        program: &Path,
        args: &[String],
        scratch: &Path,
        timeout: Duration,
    ) -> Result<Self> {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|l| l.local_addr());
        let address = free.map_err(|e| Error(format!("a free port: {e}")))?;
        let (settings, log) = (scratch.join("settings.yaml"), scratch.join("stderr"));
        fs::write(&settings, format!("http:\n  address: {address}\n")).at(&settings)?;
        let child = Command::new(program)
            .arg("streams")
            .args(args)
            .arg("-o")
            .arg(&settings)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).at(&log)?)
            .spawn()
            .at(program)?;
        let mut server = Server { child, address, timeout };
        server.until("it does not answer", |server| {
            if let Ok(Some(status)) = server.child.try_wait() {
                return Err(Error(format!("{}: ended with {status}", program.display())));
            }
            let answer = server.client().and_then(|mut c| c.ask("GET", "/ping", ""));
            Ok(answer.is_ok_and(|text| text == b"pong"))
        })?;
        Ok(server)
    }

    /// A connection to it.
    ///
    /// # Errors
    /// It does not listen.
    pub(super) fn client(&self) -> Result<Client> {
        Client::connect(self.address, self.timeout)
    }

    /// Seconds of CPU time of all its threads so far.
    ///
    /// # Errors
    /// It is gone, or the kernel does not tell.
    pub(super) fn cpu_s(&self) -> Result<f64> {
        let tasks = format!("/proc/{}/task", self.child.id());
        let mut ns = 0.0;
        for task in fs::read_dir(&tasks).at(Path::new(&tasks))?.flatten() {
            // A thread may end in this moment.
            let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            ns += text.split(' ').next().and_then(|t| t.parse::<f64>().ok()).unwrap_or(0.0);
        }
        Ok(ns / 1e9)
    }

    /// Resident memory in KiB.
    ///
    /// # Errors
    /// It is gone.
    pub(super) fn resident_kib(&self) -> Result<f64> {
        let path = format!("/proc/{}/status", self.child.id());
        let text = fs::read_to_string(&path).at(Path::new(&path))?;
        let field = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = field.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        number.ok_or_else(|| Error(format!("{path}: no resident memory")))
    }

    /// Waits until it has nothing to do any more.
    ///
    /// # Errors
    /// It never has.
    pub(super) fn rest(&mut self) -> Result<()> {
        let mut before = self.cpu_s()?;
        self.until("it never rests", |server| {
            let now = server.cpu_s()?;
            let spent = now - before;
            before = now;
            Ok(spent < AT_REST_S)
        })
    }

    fn until(
        &mut self,
        otherwise: &str,
        mut done: impl FnMut(&mut Self) -> Result<bool>,
    ) -> Result<()> {
        let end = Instant::now() + self.timeout;
        while Instant::now() < end {
            sleep(PAUSE);
            if done(self)? {
                return Ok(());
            }
        }
        Err(Error(otherwise.to_owned()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
