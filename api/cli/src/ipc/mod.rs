//! The kdb+ IPC port of the process: who is let in, and what may be asked there.

mod functions;
mod router;

use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use connect::ipc::{Listening, Options, Reactor, Users};
use engine::Engine;
use server::Ports;

use router::Pipelines;

/// Bytes that a file of users may have.
const USERS_BYTES_MAX: u64 = 1 << 20;

/// How clients of kdb+ IPC are treated.
#[derive(clap::Args, Clone, Default)]
pub(crate) struct IpcOptions {
    /// Let only these users call over kdb+ IPC: a file with a line `user:password` for each. By
    /// default everybody is let in.
    #[arg(long, value_name = "FILE")]
    pub(crate) ipc_users: Option<PathBuf>,
    /// Evaluate whatever clients of kdb+ IPC send, in the environment of the q pipeline that runs.
    /// By default they may call callbacks, read variables that pipelines publish, and call
    /// documented functions.
    #[arg(long)]
    pub(crate) ipc_eval: bool,
}

impl IpcOptions {
    /// Looks whether they are of any use.
    ///
    /// # Errors
    /// They say how calls are taken where none are.
    pub(crate) fn check(&self, listens: bool) -> Result<(), String> {
        let given = match self {
            _ if listens => return Ok(()),
            IpcOptions { ipc_users: Some(_), .. } => "--ipc-users",
            IpcOptions { ipc_eval: true, .. } => "--ipc-eval",
            _ => return Ok(()),
        };
        Err(format!("{given}: there is no address for calls over kdb+ IPC"))
    }
}

/// Starts to listen; clients are let in once nobody has the other end of `opens` any more.
///
/// # Errors
/// The address cannot be used, or the file of users cannot be read.
pub(crate) fn start(
    address: &str,
    given: &IpcOptions,
    engine: &Engine,
    ports: Arc<Ports>,
    opens: flume::Receiver<()>,
) -> Result<Listening, String> {
    let users = given.ipc_users.as_deref().map(users).transpose()?;
    let anybody = users.is_none();
    let options = Options { users, opens: Some(opens), ..Options::default() };
    let here = Arc::new(OnceLock::new());
    let pipelines = Pipelines::new(engine.handle(), ports, Arc::clone(&here), given.ipc_eval);
    let shards = engine.shards().iter().cloned();
    let reactors: Vec<Reactor> =
        shards.map(|shard| Box::new(move |job| shard.run(job)) as Reactor).collect();
    let listening = connect::ipc::start(address, &options, &reactors, move || pipelines.clone())?;
    let address = *here.get_or_init(|| listening.address());
    if given.ipc_eval && anybody && reached_from_elsewhere(address) {
        let text = "Whoever reaches this address may evaluate q here; --ipc-users keeps others out";
        tracing::warn!(address = address.to_string(), "{text}");
    }
    Ok(listening)
}

fn reached_from_elsewhere(address: SocketAddr) -> bool {
    !address.ip().is_loopback()
}

/// Reads a file of users.
fn users(path: &Path) -> Result<Users, String> {
    let failed = |text: String| format!("--ipc-users {}: {text}", path.display());
    let mut text = String::new();
    let file = File::open(path).map_err(|e| failed(e.to_string()))?;
    let read = file.take(USERS_BYTES_MAX + 1).read_to_string(&mut text);
    read.map_err(|e| failed(e.to_string()))?;
    if text.len() as u64 > USERS_BYTES_MAX {
        return Err(failed(format!("it is longer than {USERS_BYTES_MAX} bytes")));
    }
    Users::read(&text).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_are_of_no_use_are_named() {
        let users = IpcOptions { ipc_users: Some(PathBuf::from("f")), ipc_eval: false };
        let eval = IpcOptions { ipc_users: None, ipc_eval: true };
        let why = "there is no address for calls over kdb+ IPC";
        assert_eq!(users.check(false), Err(format!("--ipc-users: {why}")));
        assert_eq!(eval.check(false), Err(format!("--ipc-eval: {why}")));
        assert_eq!(IpcOptions::default().check(false), Ok(()));
        assert_eq!((users.check(true), eval.check(true)), (Ok(()), Ok(())));
    }

    #[test]
    fn a_file_of_users_is_read_or_named() {
        let path = std::env::temp_dir().join(format!("mainstem-users-{}", std::process::id()));
        let name = path.display();
        let error = users(&path).unwrap_err();
        assert!(error.starts_with(&format!("--ipc-users {name}: No such file")), "{error}");
        std::fs::write(&path, "bob:pw\n").unwrap();
        assert!(users(&path).is_ok());
        std::fs::write(&path, "bob:pw\nsecret\n").unwrap();
        let error = users(&path).unwrap_err();
        assert_eq!(error, format!("--ipc-users {name}: line 2: expected user:password"));
        let long = "a".repeat(USERS_BYTES_MAX as usize + 1);
        std::fs::write(&path, long).unwrap();
        let error = users(&path).unwrap_err();
        assert!(error.ends_with(&format!("it is longer than {USERS_BYTES_MAX} bytes")), "{error}");
        std::fs::remove_file(&path).unwrap();
    }
}
