//! The program in streams mode, with one stream that is looked at.

use std::fs::File;
use std::process::{Command, Stdio};

use serde_json::Value;
use tests::program::{Answer, Folder, Program, binary, http, io_args, until};

/// The stream that is looked at.
pub(crate) const STREAM: &str = "s";

/// A running program.
pub(crate) struct Service {
    program: Program,
    pub(crate) address: String,
}

impl Service {
    /// Starts it; its standard output goes to `out` in the folder.
    pub(crate) fn start(folder: &Folder, stdin: Stdio) -> Self {
        let out = File::create(folder.path("out")).expect("a file");
        let mut command = Command::new(binary());
        command.args(["serve", "--listen", "benthos=127.0.0.1:0", "--shards", "2"]);
        let program = Program::fed(command.args(io_args()).stdout(out), stdin);
        let address = program.address("requests: benthos");
        Service { program, address }
    }

    /// What it wrote to standard error.
    pub(crate) fn log(&self) -> String {
        self.program.log()
    }

    /// A request that must succeed.
    pub(crate) fn post(&self, target: &str, body: &Value) {
        let answer = http(&self.address, "POST", target, &body.to_string());
        assert_eq!(answer.status, 200, "{target} {body}: {}", answer.text());
    }

    /// Makes the stream.
    pub(crate) fn create(&self, input: &Value, output: &Value) {
        let stream = serde_json::json!({"input": input, "output": output});
        self.post(&format!("/streams/{STREAM}"), &stream);
    }

    /// Deletes the stream, however it can in this time.
    pub(crate) fn delete(&self, timeout: &str) -> Answer {
        let target = format!("/streams/{STREAM}?timeout={timeout}");
        http(&self.address, "DELETE", &target, "")
    }

    /// The sum of a counter of the stream over all its components.
    pub(crate) fn counter(&self, name: &str) -> u64 {
        let stats = http(&self.address, "GET", &format!("/streams/{STREAM}/stats"), "").json();
        let lead = format!("{name}{{");
        let own = stats.as_object().expect("an object").iter();
        own.filter(|(key, _)| key.starts_with(&lead)).filter_map(|(_, n)| n.as_u64()).sum()
    }

    /// Waits until a counter has this value or more; returns it.
    pub(crate) fn reaches(&self, name: &str, value: u64) -> u64 {
        until(|| (self.counter(name) >= value).then_some(()));
        self.counter(name)
    }

    /// Waits until a counter has moved and moves no more; returns it.
    pub(crate) fn rests(&self, name: &str) -> u64 {
        let rest = until(|| {
            let before = self.counter(name);
            std::thread::sleep(std::time::Duration::from_millis(300));
            (before > 0 && self.counter(name) == before).then_some(before)
        });
        let last = || self.counter(name);
        rest.unwrap_or_else(|| panic!("{name} never rests, it is {}:\n{}", last(), self.log()))
    }
}
