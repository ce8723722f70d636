//! Inputs around other inputs.

use serde_json::{Value, json};
use tests::program::Folder;

use super::Rig;
use super::files::lines;
use crate::peers::Messages;
use crate::service::Service;

/// Inputs whose children read files.
struct Around {
    config: Value,
    is_ordered: bool,
    /// A resource: its path below `/resources`, and its configuration.
    resource: Option<(&'static str, Value)>,
}

impl Rig for Around {
    fn config(&self) -> Value {
        self.config.clone()
    }

    fn prepare(&mut self, service: &Service) {
        if let Some((path, config)) = &self.resource {
            service.post(&format!("/resources/{path}"), config);
        }
    }

    fn is_ordered(&self) -> bool {
        self.is_ordered
    }
}

fn around(config: Value) -> Box<dyn Rig> {
    Box::new(Around { config, is_ordered: true, resource: None })
}

fn whole(folder: &Folder, messages: Messages) -> Value {
    json!({"file": {"paths": [lines(folder, messages)]}})
}

/// Two inputs with one half each.
fn halves(folder: &Folder, messages: Messages) -> [Value; 2] {
    let half = messages.count / 2;
    let part =
        |name, range| json!({"file": {"paths": [folder.write(name, messages.lines(range))]}});
    [part("first", 0..half), part("second", half..messages.count)]
}

pub(super) fn batched(folder: &Folder, messages: Messages) -> Box<dyn Rig> {
    let child = whole(folder, messages);
    around(json!({"batched": {"child": child, "policy": {"count": 4, "period": "10ms"}}}))
}

pub(super) fn broker(folder: &Folder, messages: Messages) -> Box<dyn Rig> {
    let config = json!({"broker": {"inputs": halves(folder, messages)}});
    Box::new(Around { config, is_ordered: false, resource: None })
}

pub(super) fn dynamic(folder: &Folder, messages: Messages) -> Box<dyn Rig> {
    around(json!({"dynamic": {"inputs": {"one": whole(folder, messages)}}}))
}

pub(super) fn read_until(folder: &Folder, messages: Messages) -> Box<dyn Rig> {
    let last = messages.count - 1;
    let check = format!("content().string().has_prefix(\"message-{last}\")");
    around(json!({"read_until": {"input": whole(folder, messages), "check": check}}))
}

pub(super) fn sequence(folder: &Folder, messages: Messages) -> Box<dyn Rig> {
    around(json!({"sequence": {"inputs": halves(folder, messages)}}))
}

pub(super) fn resource(folder: &Folder, messages: Messages) -> Box<dyn Rig> {
    let resource = Some(("input/words", whole(folder, messages)));
    Box::new(Around { config: json!({"resource": "words"}), is_ordered: true, resource })
}

/// Another stream that reads a file into the process.
struct Inproc(Value);

impl Rig for Inproc {
    fn config(&self) -> Value {
        json!({"inproc": "way"})
    }

    fn send(&mut self, service: &Service, _: usize) {
        service.post("/streams/feeder", &json!({"input": self.0, "output": {"inproc": "way"}}));
    }
}

pub(super) fn inproc(folder: &Folder, messages: Messages) -> Box<dyn Rig> {
    Box::new(Inproc(whole(folder, messages)))
}
