//! Inputs whose messages are there from the start.

use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::{Value, json};
use tests::program::Folder;

use super::Rig;
use crate::peers::Messages;

/// A configuration that needs nobody else.
struct Alone(Value);

impl Rig for Alone {
    fn config(&self) -> Value {
        self.0.clone()
    }
}

/// A file of all messages as lines.
pub(super) fn lines(folder: &Folder, messages: Messages) -> String {
    folder.write("lines", messages.lines(0..messages.count))
}

pub(super) fn file(folder: &Folder, messages: Messages) -> Box<dyn Rig> {
    Box::new(Alone(json!({"file": {"paths": [lines(folder, messages)]}})))
}

pub(super) fn csv(folder: &Folder, messages: Messages) -> Box<dyn Rig> {
    let path = folder.write("csv", format!("line\n{}", messages.lines(0..messages.count)));
    let processors = json!([{"mapping": "root = this.line"}]);
    Box::new(Alone(json!({"csv": {"paths": [path]}, "processors": processors})))
}

pub(super) fn generate(_: &Folder, Messages { count, pad }: Messages) -> Box<dyn Rig> {
    let pad = "x".repeat(pad);
    let mapping = format!("root = \"message-%v{pad}\".format(counter() - 1)");
    Box::new(Alone(json!({"generate": {"mapping": mapping, "count": count, "interval": ""}})))
}

pub(super) fn subprocess(folder: &Folder, messages: Messages) -> Box<dyn Rig> {
    let path = lines(folder, messages);
    Box::new(Alone(json!({"subprocess": {"name": "cat", "args": [path]}})))
}

struct Stdin(PathBuf);

impl Rig for Stdin {
    fn config(&self) -> Value {
        json!({"stdin": {}})
    }

    fn stdin(&self) -> Stdio {
        File::open(&self.0).expect("it was written").into()
    }
}

pub(super) fn stdin(folder: &Folder, messages: Messages) -> Box<dyn Rig> {
    Box::new(Stdin(lines(folder, messages).into()))
}
