//! The NATS server over which a coordinator and its workers meet: the one that the configuration
//! names, or one that is started here as a child and ends with the coordinator.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use connect::nats::board::Place;
use nes::catalog::Coordinator;
use rustix::process::{Pid, Signal};

/// Name of the bucket that coordinators and workers share.
pub(crate) const BUCKET: &str = "mainstem_nes";
/// The program.
const PROGRAM: &str = "nats-server";
/// First pause before a server that has ended is started again; doubles up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(200);
/// Longest such pause.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// How long a server that works must have worked for the pauses to begin anew.
const WORKS_AFTER: Duration = Duration::from_secs(30);
/// How long it may take to end.
const END_MAX: Duration = Duration::from_secs(3);
/// How often it is looked whether it is still there.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What the process becomes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Its configuration.
    config: PathBuf,
    /// The process with which it ends.
    parent: i32,
}

/// Becomes the NATS server: it gets a signal when the coordinator ends, however that comes about.
///
/// # Errors
/// There is no such program.
pub(crate) fn become_server(args: &Args) -> Result<ExitCode, String> {
    let set = rustix::process::set_parent_process_death_signal(Some(Signal::TERM));
    set.map_err(|error| error.to_string())?;
    let parent = rustix::process::getppid().map(Pid::as_raw_nonzero);
    if parent.is_none_or(|parent| parent.get() != args.parent) {
        return Ok(ExitCode::FAILURE);
    }
    let error = Command::new(PROGRAM).arg("-c").arg(&args.config).exec();
    Err(format!("{PROGRAM}: {error}"))
}

/// The server of a coordinator.
pub(crate) struct Broker {
    place: Place,
    _child: Option<Supervised>,
}

/// A child that is started again when it ends.
struct Supervised {
    stop: flume::Sender<()>,
    thread: Option<JoinHandle<()>>,
    /// Removed at the end.
    folder: Option<PathBuf>,
}

impl Broker {
    /// Uses the server that is configured, or starts one. Nothing when there is no such program.
    ///
    /// # Errors
    /// Its folder cannot be written.
    pub(crate) fn start(
        config: &Coordinator,
        state_dir: Option<&Path>,
    ) -> Result<Option<Broker>, String> {
        let bucket = BUCKET.to_owned();
        if !config.nats_url.is_empty() {
            let place = Place { url: config.nats_url.clone(), bucket, server: None };
            return Ok(Some(Broker { place, _child: None }));
        }
        match Command::new(PROGRAM).arg("--version").stdout(Stdio::null()).status() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                tracing::info!("There is no {PROGRAM} here and no natsUrl: workers cannot join");
                return Ok(None);
            }
            Err(error) => return Err(format!("{PROGRAM}: {error}")),
            Ok(_) => {}
        }
        let (folder, temporary) = match state_dir {
            Some(dir) => (dir.join("nats"), None),
            None => {
                let name = format!("mainstem-nats-{}", std::process::id());
                let folder = std::env::temp_dir().join(name);
                (folder.clone(), Some(folder))
            }
        };
        let host = &config.coordinator_host;
        let port = match config.rpc_port {
            0 => free_port(host)?,
            port => port,
        };
        let name = format!("mainstem-{:016x}", rt::rng::machine_seed());
        let file = configure(&folder, &name, host, port)?;
        tracing::info!(address = format!("{host}:{port}"), "Listening for workers, by {PROGRAM}");
        let (stop, stopped) = flume::bounded(1);
        let body = move || supervise(&file, &stopped);
        let thread = thread::Builder::new().name("nats-server".to_owned()).spawn(body);
        let thread = thread.map_err(|error| format!("{PROGRAM}: {error}"))?;
        let child = Supervised { stop, thread: Some(thread), folder: temporary };
        let place = Place { url: format!("nats://{host}:{port}"), bucket, server: Some(name) };
        Ok(Some(Broker { place, _child: Some(child) }))
    }

    /// Where the board is.
    pub(crate) fn place(&self) -> Place {
        self.place.clone()
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        let _ = self.stop.send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

fn free_port(host: &str) -> Result<u16, String> {
    let listener =
        TcpListener::bind((host, 0)).map_err(|e| format!("coordinatorHost {host}: {e}"))?;
    Ok(listener.local_addr().map_err(|e| e.to_string())?.port())
}

/// Writes the configuration of a server into its folder; returns the file.
fn configure(folder: &Path, name: &str, host: &str, port: u16) -> Result<PathBuf, String> {
    let wrong = |error: std::io::Error| format!("{}: {error}", folder.display());
    std::fs::create_dir_all(folder).map_err(wrong)?;
    let folder = folder.canonicalize().map_err(wrong)?;
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let text = format!(
        "server_name: {name}\nhost: {}\nport: {port}\njetstream {{ store_dir: {} }}\n",
        quoted(host),
        quoted(&folder.display().to_string())
    );
    let file = folder.join("nats.conf");
    std::fs::write(&file, text).map_err(wrong)?;
    Ok(file)
}

fn start(file: &Path) -> std::io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["nes", "server"]).arg(file).arg(std::process::id().to_string());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}

/// Keeps a server running until told to stop.
fn supervise(file: &Path, stopped: &flume::Receiver<()>) {
    let mut pause = PAUSE_MIN;
    loop {
        let began = Instant::now();
        match start(file) {
            Err(error) => tracing::warn!("{PROGRAM} cannot be started: {error}"),
            Ok(mut child) => match watch(&mut child, stopped) {
                None => return,
                Some(how) => tracing::warn!("{PROGRAM} has ended and is started again: {how}"),
            },
        }
        if began.elapsed() > WORKS_AFTER {
            pause = PAUSE_MIN;
        }
        if stopped.recv_timeout(pause).is_ok() {
            return;
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Waits for the end of a server, and how it ended; nothing when it was stopped.
fn watch(child: &mut Child, stopped: &flume::Receiver<()>) -> Option<String> {
    loop {
        if let Err(flume::RecvTimeoutError::Timeout) = stopped.recv_timeout(LOOK_EVERY) {
            match child.try_wait() {
                Ok(None) => continue,
                Ok(Some(status)) => return Some(status.to_string()),
                Err(error) => return Some(error.to_string()),
            }
        }
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process(pid, Signal::TERM);
        }
        let end = Instant::now() + END_MAX;
        while Instant::now() < end && matches!(child.try_wait(), Ok(None)) {
            thread::sleep(LOOK_EVERY / 10);
        }
        let _ = child.kill();
        let _ = child.wait();
        return None;
    }
}
