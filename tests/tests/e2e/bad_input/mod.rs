//! Bad input, clause by clause: a clear error that names the thing, nothing created, the stream in
//! a failed or retrying state, everything else untouched, the process up.

mod clients;
mod disk;
mod files;
mod hostile;
mod lints;
mod messages;
mod ports;
mod queries;
mod texts;
mod yaml;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tests::program::{Answer, Folder, PATIENCE, Program, binary, http, until};

/// A process that serves all dialects, and where.
struct Served {
    program: Program,
    benthos: String,
    kdb: String,
    nes: String,
}

/// Serves everything, and a stream that must go on whatever else happens.
fn serve() -> Served {
    let listen = ["benthos=127.0.0.1:0", "kdb=127.0.0.1:0", "nes=127.0.0.1:0"];
    let mut args = vec!["serve"];
    listen.iter().for_each(|address| args.extend(["--listen", address]));
    let program = Program::start(&args);
    let address = |name: &str| program.address(&format!("HTTP requests: {name}"));
    let (benthos, kdb, nes) = (address("benthos"), address("kdb"), address("nes"));
    let served = Served { program, benthos, kdb, nes };
    served.create(
        "other",
        "input:\n  generate:\n    interval: 5ms\n    mapping: root = 1\noutput:\n  drop: {}\n",
    );
    served
}

impl Served {
    /// Creates a stream, which must be taken.
    fn create(&self, id: &str, config: &str) {
        let created = http(&self.benthos, "POST", &format!("/streams/{id}"), config);
        assert_eq!(created.status, 200, "{}", created.text());
    }

    /// Creates a pipeline of a q spec and returns its id.
    fn spec(&self, spec: &str) -> String {
        let created = http(&self.kdb, "POST", "/pipeline/create", &spec_body(spec));
        assert_eq!(created.status, 200, "{}", created.text());
        created.json()["id"].as_str().expect("an id").to_owned()
    }

    /// Every pipeline of the engine.
    fn pipelines(&self) -> Vec<Value> {
        let all = http(&self.benthos, "GET", "/v1/pipelines", "").json();
        all.as_array().expect("a list").clone()
    }

    /// What the engine runs, by owner and id.
    fn names(&self) -> Vec<(String, String)> {
        let text = |p: &Value, key: &str| p[key].as_str().unwrap_or_default().to_owned();
        self.pipelines().iter().map(|p| (text(p, "owner"), text(p, "id"))).collect()
    }

    /// One pipeline, as the engine shows it.
    fn pipeline(&self, id: &str) -> Value {
        let found = self.pipelines().into_iter().find(|p| p["id"] == id);
        found.unwrap_or_else(|| panic!("there is no pipeline {id}"))
    }

    /// A series of a stream, summed over its components.
    fn series(&self, id: &str, name: &str) -> u64 {
        let stats = http(&self.benthos, "GET", &format!("/streams/{id}/stats"), "").json();
        let all = stats.as_object().expect("an object");
        let named = all.iter().filter(|(key, _)| key.starts_with(&format!("{name}{{")));
        named.filter_map(|(_, value)| value.as_u64()).sum()
    }

    /// Waits until the log has a line with all these words.
    fn logs(&self, words: &[&str]) {
        logs(&self.program, words);
    }

    /// Waits until a stream has ended by itself.
    fn ended(&self, id: &str) {
        let ended = until(|| (self.pipeline(id)["state"] == "finished").then_some(()));
        assert!(ended.is_some(), "{id} does not end: {}", self.pipeline(id));
    }

    /// The other stream must go on: it gets more messages from here on.
    fn others_go_on(&self) {
        let before = self.series("other", "output_sent");
        let more = until(|| (self.series("other", "output_sent") > before).then_some(()));
        assert!(more.is_some(), "the other stream stands still");
        assert_eq!(self.pipeline("other")["state"], "running");
        assert_eq!(self.pipeline("other")["errors"], 0);
    }
}

/// Waits until the log has a line with all these words.
fn logs(program: &Program, words: &[&str]) {
    let line = |log: &str| log.lines().any(|line| words.iter().all(|word| line.contains(word)));
    let found = until(|| line(&program.log()).then_some(()));
    assert!(found.is_some(), "no line with {words:?} in:\n{}", program.log());
}

/// A file stream without processors.
fn copy(input: &Path, output: &Path) -> String {
    stream(&[input], "", output)
}

/// A file stream: files, lines below `pipeline.processors`, where to.
fn stream(inputs: &[&Path], processors: &str, output: &Path) -> String {
    let paths: Vec<String> = inputs.iter().map(|path| path.display().to_string()).collect();
    format!(
        "input:\n  file:\n    paths: [{}]\npipeline:\n  processors: [{processors}]\n\
         output:\n  file:\n    path: {}\n",
        paths.join(", "),
        output.display()
    )
}

fn spec_body(spec: &str) -> String {
    json!({"name": "bad", "type": "spec", "config": {"content": spec}}).to_string()
}

fn query_body(query: &str) -> String {
    json!({"userQuery": query, "placement": "BottomUp"}).to_string()
}

/// Runs the program to its end.
fn run(args: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.args(args).stdin(Stdio::null());
    if let (Ok(io), Some(&"run" | &"serve")) = (std::env::var("MAINSTEM_TEST_IO"), args.first()) {
        command.args(["--io", &io]);
    }
    command.output().expect("the program runs")
}

/// Runs the program, which must fail, and returns what it says.
fn refused(args: &[&str]) -> String {
    let output = run(args);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{args:?}: {text}");
    text
}

/// Sends bytes as they are and returns what comes back before the connection ends; with `close`
/// nothing more is sent, which the peer is told.
pub(crate) fn send(address: &str, bytes: &[u8], close: bool) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("connects");
    stream.set_read_timeout(Some(PATIENCE)).expect("is set");
    stream.set_write_timeout(Some(PATIENCE)).expect("is set");
    // Whoever is refused early may find the connection closed.
    let _ = stream.write_all(bytes);
    if close {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// Posts a body that need not be text.
pub(crate) fn post(address: &str, target: &str, body: &[u8]) -> Answer {
    let length = body.len();
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n"
    );
    let bytes = send(address, &[head.as_bytes(), body].concat(), false);
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").expect("an answer");
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status");
    Answer { status, head, body: bytes[end + 4..].to_vec() }
}

/// A folder with some files in it.
fn folder(files: &[(&str, &[u8])]) -> Folder {
    let folder = Folder::new("bad-input");
    for (name, bytes) in files {
        folder.write(name, bytes);
    }
    folder
}
