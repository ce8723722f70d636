//! Starting and ending the process: engine, REST front end, signals.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use engine::{Engine, EngineConfig, EngineHandle};
use server::ports::Naming;
use server::{Listener, Ports, Server};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::ipc::{self, IpcOptions};
use crate::metrics::Reporting;

/// How long pipelines may take to stop when the process ends, unless configured otherwise
/// (spec/benthos-components.md §A.9).
pub(crate) const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(20);

/// How long threads may take to end at least, whatever is left of the deadline.
const JOIN_MIN: Duration = Duration::from_millis(500);

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits on this thread, which runs no reactor, until a future is done.
pub(crate) fn wait<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        thread::park();
    }
}

/// A running process: the engine and what it is asked through.
pub(crate) struct Process {
    engine: Engine,
    server: Option<Server>,
    ipc: Option<connect::ipc::Listening>,
    /// Closed while it is there: what clients call is not there yet.
    door: Option<flume::Sender<()>>,
    /// Ports that pipelines opened.
    pub(crate) ports: Arc<Ports>,
    signals: flume::Receiver<&'static str>,
}

impl Process {
    /// Starts the engine and says on what it runs.
    ///
    /// # Errors
    /// What does not work here.
    pub(crate) fn start(config: &EngineConfig, naming: Naming) -> Result<Self, String> {
        let signals = signals()?;
        let (ports, port_events) = Ports::new(naming);
        let registry = crate::registry::registry();
        let probe = rt::probe(config.io).map_err(|e| e.to_string())?;
        if let Some(warning) = &probe.warning {
            tracing::warn!("{warning}");
        }
        tracing::info!(io = probe.driver.name(), shards = config.shards, "The engine is starting");
        let engine = Engine::start(config, &registry, &[port_events]).map_err(|e| e.to_string())?;
        let ports = Arc::new(ports);
        Ok(Process { engine, server: None, ipc: None, door: None, ports, signals })
    }

    /// The way to the engine.
    pub(crate) fn handle(&self) -> EngineHandle {
        self.engine.handle()
    }

    /// Starts to answer on these listeners.
    ///
    /// # Errors
    /// The thread does not start.
    pub(crate) fn listen(&mut self, listeners: Vec<Listener>) -> Result<(), String> {
        let ports = Arc::clone(&self.ports);
        let server = Server::start(listeners, self.handle(), ports).map_err(|e| e.to_string())?;
        self.server = Some(server);
        Ok(())
    }

    /// Starts to listen for calls over kdb+ IPC, and says where. They wait until
    /// [`Process::let_in`].
    ///
    /// # Errors
    /// The address cannot be used, or the file of users.
    pub(crate) fn listen_ipc(
        &mut self,
        address: &str,
        options: &IpcOptions,
    ) -> Result<String, String> {
        let ports = Arc::clone(&self.ports);
        let (door, opens) = flume::bounded(0);
        let listening = ipc::start(address, options, &self.engine, ports, opens)?;
        let address = listening.address().to_string();
        tracing::info!(address, "Listening for calls over kdb+ IPC");
        self.ipc = Some(listening);
        self.door = Some(door);
        Ok(address)
    }

    /// Takes calls over kdb+ IPC from now on: all pipelines are there.
    pub(crate) fn let_in(&mut self) {
        self.door = None;
    }

    /// Where the names of signals arrive that ask the process to end.
    pub(crate) fn signals(&self) -> flume::Receiver<&'static str> {
        self.signals.clone()
    }

    /// Waits for a signal to end, then ends.
    ///
    /// # Errors
    /// A thread of the engine panicked.
    pub(crate) fn until_signal(self, timeout: Duration) -> Result<(), String> {
        let name = self.signals.recv().map_err(|_| "signals cannot be received".to_owned())?;
        tracing::info!("Received {name}, the service is closing");
        self.end(timeout, None)
    }

    /// Stops all pipelines within the deadline and ends every thread. The front end answers until
    /// the pipelines have stopped, because senders may be waiting for acks; then what they counted
    /// is reported. Says in the log whether anything had to be forced.
    ///
    /// # Errors
    /// A thread of the engine panicked.
    pub(crate) fn end(self, timeout: Duration, last: Option<Reporting>) -> Result<(), String> {
        let deadline = rt::now() + timeout;
        let handle = self.engine.handle();
        let forced = wait(handle.stop_all(timeout)).map_err(|e| e.to_string())?;
        if let Some(reporting) = last {
            reporting.finish();
        }
        // Whoever asked for the end over IPC is answered on a shard.
        drop(self.ipc);
        wait(handle.shutdown(Duration::ZERO)).map_err(|e| e.to_string())?;
        if let Some(server) = self.server {
            server.stop();
        }
        let left = deadline.since(rt::now()).max(JOIN_MIN);
        let busy = self.engine.join_within(left).map_err(|e| e.to_string())?;
        if forced == 0 && busy.is_empty() {
            tracing::info!("The service has closed gracefully");
        } else {
            let (seconds, busy) = (timeout.as_secs_f64(), busy.join(" "));
            let text = "The service was closed by force: not everything stopped in time";
            tracing::warn!(pipelines = forced, busy, timeout_s = seconds, "{text}");
        }
        Ok(())
    }
}

fn signals() -> Result<flume::Receiver<&'static str>, String> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(|e| format!("signals: {e}"))?;
    let (sender, receiver) = flume::bounded(1);
    let body = move || {
        let mut sent = false;
        for signal in &mut signals {
            if sent {
                // Asked twice: whoever asks does not want to wait.
                std::process::exit(130);
            }
            sent = true;
            let _ = sender.send(if signal == SIGTERM { "SIGTERM" } else { "SIGINT" });
        }
    };
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(body)
        .map_err(|e| format!("the signal thread did not start: {e}"))?;
    Ok(receiver)
}
