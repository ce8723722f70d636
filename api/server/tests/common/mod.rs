//! A server on a free port, a client without any library, and small components.

mod components;
pub(crate) mod load;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use config::{Catalog, Resources};
use engine::{Engine, EngineConfig, PortEvent};
use plan::Registry;
use server::dialects::benthos::{self, MetricsFormat, Options};
use server::dialects::kdb::{self, Lower};
use server::ports::by_stream;
use server::{Dialect, Listener, Ports, Server, Tls};

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn read(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").expect("a head");
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let header = |line: &str| {
            let (key, value) = line.split_once(": ").unwrap();
            (key.to_ascii_lowercase(), value.to_owned())
        };
        Answer { status, headers: lines.map(header).collect(), body: bytes[end + 4..].to_vec() }
    }
}

/// A directory that goes away with the test.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        let name = format!("benthos-{}-{:x}", std::process::id(), rt::rng::next_u64());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Which dialects answer, in their order.
pub(crate) enum Front {
    /// The kdb dialect alone.
    Kdb(Lower),
    /// Benthos, and the kdb dialect behind it.
    BenthosThenKdb(Lower),
}

/// An engine and its front end.
pub(crate) struct Running {
    engine: Engine,
    server: Server,
    address: SocketAddr,
}

impl Running {
    pub(crate) fn start() -> Self {
        Running::launch(None, None, |_| {})
    }

    pub(crate) fn with_state(directory: &Path) -> Self {
        Running::launch(Some(directory), None, |_| {})
    }

    pub(crate) fn with_options(change: impl FnOnce(&mut Options)) -> Self {
        Running::launch(None, None, change)
    }

    pub(crate) fn with_tls(tls: Option<Tls>) -> Self {
        Running::launch(None, tls, |_| {})
    }

    pub(crate) fn front(front: Front) -> Self {
        Running::launch_dialects(None, None, |_| {}, Some(front))
    }

    pub(crate) fn front_with_state(front: Front, directory: &Path) -> Self {
        Running::launch_dialects(Some(directory), None, |_| {}, Some(front))
    }

    /// Ends the engine and leaves the front end alone.
    pub(crate) fn end_engine(&self) {
        wait(self.engine.handle().shutdown(Duration::from_secs(1))).unwrap();
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    fn launch(state: Option<&Path>, tls: Option<Tls>, change: impl FnOnce(&mut Options)) -> Self {
        Running::launch_dialects(state, tls, change, None)
    }

    fn launch_dialects(
        state: Option<&Path>,
        tls: Option<Tls>,
        change: impl FnOnce(&mut Options),
        front: Option<Front>,
    ) -> Self {
        let registry = components::registry();
        let config = EngineConfig {
            shards: 1,
            pin: false,
            state_dir: state.map(Path::to_owned),
            ..EngineConfig::default()
        };
        let (ports, opened) = Ports::new(by_stream(true));
        let engine = start(&config, &registry, &opened);
        let mut options = Options { metrics: MetricsFormat::Json, ..Options::default() };
        change(&mut options);
        let catalog = Arc::new(Catalog::new(&registry));
        let streams = benthos::streams(engine.handle(), catalog, Resources::new());
        wait(streams.recover()).unwrap();
        let ports = Arc::new(ports);
        let benthos: Arc<dyn Dialect> =
            benthos::dialect(streams, Arc::clone(&ports), options).unwrap();
        let dialects: Vec<Arc<dyn Dialect>> = match front {
            None => vec![benthos],
            Some(Front::Kdb(lower)) => vec![kdb::dialect(engine.handle(), lower)],
            Some(Front::BenthosThenKdb(lower)) => {
                vec![benthos, kdb::dialect(engine.handle(), lower)]
            }
        };
        let socket = Server::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let listener = Listener { tls, ..Listener::plain(socket, dialects) };
        let server = Server::start(vec![listener], engine.handle(), ports).unwrap();
        Running { engine, server, address }
    }

    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        self.ask_with(method, path, body, &[])
    }

    pub(crate) fn ask_with(
        &self,
        method: &str,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let limit = Duration::from_secs(10);
        self.exchange(method, path, body, headers, limit).expect("an answer in time")
    }

    /// Asks and goes away when there is no answer in time.
    pub(crate) fn ask_for(
        &self,
        method: &str,
        path: &str,
        body: &str,
        limit: Duration,
    ) -> Option<Answer> {
        self.exchange(method, path, body, &[], limit)
    }

    fn exchange(
        &self,
        method: &str,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
        limit: Duration,
    ) -> Option<Answer> {
        let mut socket = TcpStream::connect(self.address).unwrap();
        socket.set_read_timeout(Some(limit)).unwrap();
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
        for (key, value) in headers {
            head += &format!("{key}: {value}\r\n");
        }
        head += &format!("content-length: {}\r\n\r\n", body.len());
        socket.write_all(head.as_bytes()).unwrap();
        socket.write_all(body.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        match socket.read_to_end(&mut bytes) {
            Ok(_) => Some(Answer::read(&bytes)),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => None,
            Err(e) => panic!("{method} {path}: {e}"),
        }
    }

    pub(crate) fn stop(self) {
        self.server.stop();
        let handle = self.engine.handle();
        wait(handle.shutdown(Duration::from_secs(1))).unwrap();
        self.engine.join().unwrap();
    }
}

/// Starts an engine. The one before may hold the state directory a moment longer than its threads
/// live, because the storage thread has work left then.
fn start(config: &EngineConfig, registry: &Registry, opened: &flume::Sender<PortEvent>) -> Engine {
    let limit = Instant::now() + Duration::from_secs(10);
    loop {
        match Engine::start(config, registry, std::slice::from_ref(opened)) {
            Ok(engine) => return engine,
            Err(error) => assert!(Instant::now() < limit, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits for a future on this thread.
fn wait<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::park();
    }
}
