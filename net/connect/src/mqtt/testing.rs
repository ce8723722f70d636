//! A broker that the tests start themselves.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration as Time;

use rt::testing::TempDir;

/// A broker on a port of its own, killed when this is dropped. Its sessions are kept on disk.
pub(super) struct Broker {
    child: Option<Child>,
    pub(super) port: u16,
    pub(super) web_port: u16,
    dir: TempDir,
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

impl Broker {
    /// Nothing where there is no such program here.
    pub(super) fn start() -> Option<Broker> {
        let mut broker = Broker::later();
        broker.again().then_some(broker)
    }

    /// A broker that is not there yet.
    pub(super) fn later() -> Broker {
        let dir = TempDir::new().expect("a folder");
        let (port, web_port) = (free_port(), free_port());
        let mut file = std::fs::File::create(dir.path().join("conf")).expect("a file");
        let folder = dir.path().display();
        write!(
            file,
            "listener {port} 127.0.0.1\nlistener {web_port} 127.0.0.1\nprotocol websockets\n\
             allow_anonymous true\nuser root\npersistence true\npersistence_location {folder}/\n\
             autosave_interval 0\nmax_queued_messages 0\n\
             log_dest file {folder}/log\nlog_type notice\n"
        )
        .expect("it is written");
        Broker { child: None, port, web_port, dir }
    }

    /// Starts it; false where there is no such program.
    pub(super) fn again(&mut self) -> bool {
        let mut command = Command::new("mosquitto");
        command.arg("-c").arg(self.dir.path().join("conf"));
        match command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
            Ok(child) => self.child = Some(child),
            Err(error) => {
                eprintln!("skipped: mosquitto: {error}");
                return false;
            }
        }
        let up = (0..500).any(|_| {
            std::thread::sleep(Time::from_millis(10));
            TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        });
        assert!(up, "the broker answers");
        true
    }

    /// Has it write its sessions to disk.
    pub(super) fn save(&self) {
        let saved = self.saved();
        let before = std::fs::metadata(&saved).and_then(|meta| meta.modified()).ok();
        self.signal("USR1");
        let written = (0..500).any(|_| {
            std::thread::sleep(Time::from_millis(10));
            let now = std::fs::metadata(&saved).and_then(|meta| meta.modified()).ok();
            now.is_some() && now != before
        });
        assert!(written, "the broker saves");
    }

    /// Whether a client has said that it goes: what it said before that was heard.
    pub(super) fn was_left_by(&self, client: &str) -> bool {
        let log = std::fs::read_to_string(self.dir.path().join("log"));
        log.is_ok_and(|log| log.contains(&format!("Client {client} disconnected")))
    }

    fn saved(&self) -> PathBuf {
        self.dir.path().join("mosquitto.db")
    }

    fn signal(&self, name: &str) {
        let pid = self.child.as_ref().map(|child| child.id().to_string()).unwrap_or_default();
        let sent = Command::new("kill").args([&format!("-{name}"), &pid]).status();
        assert!(sent.is_ok_and(|status| status.success()), "a signal is sent");
    }

    /// Ends it without a word.
    pub(super) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub(super) fn url(&self) -> String {
        format!("tcp://127.0.0.1:{}", self.port)
    }

    pub(super) fn name(&self) -> String {
        format!("mqtt 127.0.0.1:{}", self.port)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}
