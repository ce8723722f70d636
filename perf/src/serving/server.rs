//! A running program, and what it uses while it runs.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::client::Client;
use crate::error::{At, Error, Result};
use crate::measure;

/// Between two looks at a program that has to do something first.
const PAUSE: Duration = Duration::from_millis(100);
/// CPU time during a pause below which a program is at rest.
const AT_REST_S: f64 = 0.002;

/// An address of this machine at which nobody listens.
///
/// # Errors
/// There is no free port.
pub(crate) fn free_address() -> Result<SocketAddr> {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|l| l.local_addr());
    free.map_err(|e| Error(format!("a free port: {e}")))
}

/// How a program is started.
pub(crate) struct Launch<'a> {
    pub(crate) program: &'a Path,
    pub(crate) args: &'a [String],
    /// Where it will listen.
    pub(crate) address: SocketAddr,
    /// Folder for what it says on standard error.
    pub(crate) scratch: &'a Path,
    pub(crate) timeout: Duration,
}

/// A running program; killed when it goes out of scope.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    timeout: Duration,
}

impl Server {
    /// Starts a program and waits until it is ready.
    ///
    /// # Errors
    /// It does not start, ends, or is never ready.
    pub(crate) fn start(launch: &Launch, ready: impl Fn(&Self) -> bool) -> Result<Self> {
        let Launch { program, args, address, timeout, .. } = *launch;
        let log = launch.scratch.join("stderr");
        let child = Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).at(&log)?)
            .spawn()
            .at(program)?;
        let mut server = Server { child, address, timeout };
        let started = server.until("it does not answer", |server| {
            if let Ok(Some(status)) = server.child.try_wait() {
                return Err(Error(format!("{}: ended with {status}", program.display())));
            }
            Ok(ready(server))
        });
        match started {
            Ok(()) => Ok(server),
            Err(Error(reason)) => Err(Error(format!("{reason}{}", measure::tail(&log)))),
        }
    }

    /// Whether it answers a request with success.
    pub(crate) fn answers(&self, path: &str) -> bool {
        self.client().is_ok_and(|mut client| client.ask("GET", path, "").is_ok())
    }

    /// A connection to it.
    ///
    /// # Errors
    /// It does not listen.
    pub(crate) fn client(&self) -> Result<Client> {
        Client::connect(self.address, self.timeout)
    }

    /// Seconds of CPU time of all its threads so far.
    ///
    /// # Errors
    /// It is gone, or the kernel does not tell.
    pub(crate) fn cpu_s(&self) -> Result<f64> {
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
    pub(crate) fn resident_kib(&self) -> Result<f64> {
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
    pub(crate) fn rest(&mut self) -> Result<()> {
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
