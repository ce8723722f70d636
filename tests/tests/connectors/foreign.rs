//! Clients and servers of another make: Python's HTTP server at the end of our HTTP clients, and
//! curl in front of our HTTP servers.

use std::fs;
use std::process::{Child, Command, Stdio};

use serde_json::json;
use tests::program::{Folder, until};

use crate::service::{STREAM, Service};

/// A server that hands out numbers, answers in chunks, wants a password, and keeps what it gets.
const SERVER: &str = r#"
import http.server, sys, threading
folder, lock, given = sys.argv[1], threading.Lock(), iter(range(200))
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    failures = {}
    def log_message(self, *_): pass
    def reply(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers: self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        if self.path == "/moved": return self.reply(302, b"", [("Location", "/next")])
        with lock: number = next(given, None)
        self.reply(200, b"" if number is None else str(number).encode())
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Authorization"] != "Basic YWRhOnNlY3JldA==":
            return self.reply(401, b"who are you")
        if self.path == "/twice":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in (body, body):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            return self.wfile.write(b"0\r\n\r\n")
        with lock:
            # Every tenth number is refused once.
            if int(body) % 10 == 0 and self.failures.setdefault(body, 0) == 0:
                self.failures[body] = 1
                return self.reply(500, b"not now")
            with open(folder + "/kept", "a") as kept: kept.write(body.decode() + "\n")
        self.reply(204, b"")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(folder + "/port.new", "w") as file: file.write(str(server.server_port))
import os; os.rename(folder + "/port.new", folder + "/port")
server.serve_forever()
"#;

/// A process that ends with the test.
pub(crate) struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a server and returns its port, which it writes into a file of this name; nothing where
/// there is no Python, which is said.
#[allow(clippy::print_stderr)] // whoever reads the log should know
pub(crate) fn python(
    folder: &Folder,
    script: &str,
    name: &str,
    args: &[&str],
) -> Option<(Ends, String)> {
    let script = folder.write(&format!("{name}.py"), script);
    let mut command = Command::new("python3");
    command.arg(script).arg(folder.path("")).arg(name).args(args);
    let started = command.stdout(Stdio::null()).spawn();
    match started {
        Ok(child) => {
            let server = Ends(child);
            let port = until(|| fs::read_to_string(folder.path(name)).ok()).expect("it starts");
            Some((server, port))
        }
        Err(error) => {
            eprintln!("skipped: python3: {error}");
            None
        }
    }
}

/// Numbers are asked for, sent there and back, and delivered, with a redirection, a password,
/// answers in chunks and attempts after a refusal.
#[test]
fn an_http_server_of_another_make() {
    let folder = Folder::new("foreign-server");
    let Some((_server, port)) = python(&folder, SERVER, "port", &[]) else { return };
    let url = format!("http://127.0.0.1:{port}");
    let service = Service::start(&folder, Stdio::null());
    let auth = json!({"enabled": true, "username": "ada", "password": "secret"});
    let input = json!({
        "http_client": {"url": format!("{url}/moved"), "retry_period": "5ms"},
        "processors": [
            {"http": {"url": format!("{url}/twice"), "verb": "POST", "basic_auth": auth}},
            // What came back is the number twice over.
            {"mapping": "root = content().string().slice(0, content().length() / 2)"},
        ],
    });
    let output = json!({"http_client": {
        "url": format!("{url}/keep"), "basic_auth": auth, "retry_period": "5ms",
    }});
    service.create(&input, &output);
    let kept = || {
        let text = fs::read_to_string(folder.path("kept")).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect::<Vec<u64>>()
    };
    let all = until(|| (kept().len() >= 200).then_some(()));
    let mut kept = kept();
    kept.sort_unstable();
    assert!(all.is_some(), "{} arrived:\n{}", kept.len(), service.log());
    assert_eq!(kept, (0..200).collect::<Vec<_>>());
}

/// curl posts to an `http_server` input, by one body and by several parts, and asks an
/// `http_server` output.
#[test]
#[allow(clippy::print_stderr)] // whoever reads the log should know
fn an_http_client_of_another_make() {
    let folder = Folder::new("foreign-client");
    let service = Service::start(&folder, Stdio::null());
    let input = json!({"http_server": {"path": "/post", "timeout": "30s"}});
    service.create(&input, &json!({"http_server": {"path": "/get", "timeout": "30s"}}));
    let (post, get) = (format!("/{STREAM}/post"), format!("/{STREAM}/get"));
    let curl = |args: &[&str]| {
        let mut command = Command::new("curl");
        command.args(["-sS", "--max-time", "30"]).args(args);
        command.stdout(Stdio::piped()).spawn()
    };
    let url = |path: &str| format!("http://{}{path}", service.address);
    let sent = match curl(&["--data-binary", "one", &url(&post)]) {
        Ok(child) => child,
        Err(error) => return eprintln!("skipped: curl: {error}"),
    };
    let text = |child: Child| {
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!(text(curl(&[&url(&get)]).expect("it runs")), "one");
    assert_eq!(text(sent), "");
    // Two parts are one batch, which one answer carries.
    let parts = ["-F", "a=two", "-F", "b=three"];
    let sent = curl(&[&parts[..], &[&url(&post)]].concat()).expect("it runs");
    let both = text(curl(&[&url(&get)]).expect("it runs"));
    assert!(both.contains("two") && both.contains("three"), "{both}");
    assert_eq!(text(sent), "");
}
