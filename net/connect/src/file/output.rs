//! Sink `file`: messages appended to files, whose paths may depend on the message.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use plan::env::read_config;
use plan::fields::Interpolated;
use plan::{
    Batch, BuildError, Component, Env, Example, Expr, Fault, Form, Json, LocalBoxFuture, Sink,
    SinkError, SinkSpec, schema_of,
};
use rt::file::{File, FileKind, OpenOptions};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::codec::{Codec, CodecName, Encoded};
use crate::text::path_text;

/// Files that one sink keeps open; the one that was not written for longest is closed first.
pub const HANDLES_MAX: usize = 64;
/// Memory of the buffer that is kept for the next batch, in bytes.
const SCRATCH_BYTES_MAX: usize = 4 << 20;

/// What becomes of a file that is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It is written on behind its end.
    #[default]
    Append,
    /// It is emptied when the sink opens it for the first time.
    Overwrite,
}

/// Writes messages to files. Directories are made as needed.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// Where to write; may depend on the message.
    pub path: Interpolated,
    /// How messages are written: `all-bytes` (each message is a file), `append`, `lines`,
    /// `delim:x`.
    #[serde(default)]
    pub codec: CodecName,
    /// What becomes of a file that is there already.
    #[serde(default)]
    #[schemars(extend("advanced" = true))]
    pub mode: Mode,
    /// Text that a file begins with that is empty. For plans of languages in which a sink has a
    /// header; streams have none.
    #[serde(default)]
    #[schemars(skip)]
    pub head: String,
    /// A directory that no path leads out of: paths are within it, and a message whose path has
    /// `..`, begins with `/` or goes over a link that leads elsewhere is not written.
    #[serde(default)]
    #[schemars(extend("advanced" = true))]
    pub root: String,
    /// Opens the one file before the first message, fails when that is a directory, and holds a
    /// batch that cannot be written until it can. For plans of languages whose sinks are like that;
    /// streams have none.
    #[serde(default)]
    #[schemars(skip)]
    pub strict: bool,
}

struct Handle {
    path: String,
    file: Rc<File>,
}

/// A running `file` sink.
pub struct FileSink {
    component: Component,
    path: RefCell<Box<dyn Expr>>,
    constant: Option<String>,
    codec: Codec,
    mode: Mode,
    /// What a file that is empty begins with.
    head: String,
    /// The directory that all files lie in; empty: they may lie anywhere.
    root: String,
    /// Open files, the one written last at the end.
    handles: RefCell<Vec<Handle>>,
    /// Paths that were emptied already, in mode `overwrite`.
    emptied: RefCell<Vec<String>>,
    scratch: Cell<Vec<u8>>,
    strict: bool,
    /// Whether what it was to open is no file and will never be one.
    hopeless: Cell<bool>,
}

impl FileSink {
    /// Why something could not be written.
    fn failed(&self, text: String) -> SinkError {
        let fault = self.fault(text);
        if self.strict { SinkError::NotConnected(fault) } else { SinkError::All(fault) }
    }

    fn fault(&self, text: String) -> Arc<Fault> {
        plan::env::fault_of(&self.component, text)
    }

    /// The open file of `path`.
    async fn handle(&self, path: &str) -> Result<Rc<File>, String> {
        let known = {
            let mut handles = self.handles.borrow_mut();
            handles.iter().position(|h| h.path == path).map(|at| {
                let handle = handles.remove(at);
                let file = Rc::clone(&handle.file);
                handles.push(handle);
                file
            })
        };
        if let Some(file) = known {
            return Ok(file);
        }
        let first = !self.emptied.borrow().iter().any(|p| p == path);
        let empty = self.codec == Codec::AllBytes || (self.mode == Mode::Overwrite && first);
        let file = match self.root.as_str() {
            "" => open(path, empty).await?,
            root => open(&placed(root, path).await?, empty).await?,
        };
        if !self.head.is_empty() {
            self.begin(&file, path).await?;
        }
        let file = Rc::new(file);
        if empty && self.mode == Mode::Overwrite {
            self.emptied.borrow_mut().push(path.to_owned());
        }
        if self.codec != Codec::AllBytes {
            let mut handles = self.handles.borrow_mut();
            if handles.len() >= HANDLES_MAX {
                handles.remove(0);
            }
            handles.push(Handle { path: path.to_owned(), file: Rc::clone(&file) });
        }
        Ok(file)
    }

    /// Writes the head of a file that has none.
    async fn begin(&self, file: &File, path: &str) -> Result<(), String> {
        let info = file.info().await.map_err(|error| path_text("open", path, &error))?;
        if info.len > 0 {
            return Ok(());
        }
        match file.write_all(self.head.clone().into_bytes()).await.0 {
            Ok(()) => Ok(()),
            Err(error) => Err(taken_back(file, path, Some(0), &error).await),
        }
    }

    async fn write_to(&self, path: &str, bytes: Encoded) -> Result<(), String> {
        let file = self.handle(path).await?;
        let before = file.position();
        let written = match bytes {
            Encoded::Shared(bytes) => file.write_all(bytes).await.0,
            Encoded::Gathered(bytes) => {
                let (written, bytes) = file.write_all(bytes).await;
                self.keep(bytes);
                written
            }
        };
        let Err(error) = written else { return Ok(()) };
        // Opened again next time: the trouble may have been with this handle.
        self.handles.borrow_mut().retain(|h| h.path != path);
        Err(taken_back(&file, path, before, &error).await)
    }

    fn keep(&self, bytes: Vec<u8>) {
        if bytes.capacity() <= SCRATCH_BYTES_MAX {
            self.scratch.set(bytes);
        }
    }

    async fn write_batch(&self, batch: &Batch) -> Result<(), SinkError> {
        if batch.is_empty() {
            return Ok(());
        }
        if let (Some(path), false) = (&self.constant, self.codec == Codec::AllBytes) {
            let encoded = self.codec.encode(batch, self.scratch.take());
            let encoded = encoded.map_err(|text| SinkError::All(self.fault(text)))?;
            let written = self.write_to(path, encoded).await;
            return written.map_err(|text| self.failed(text));
        }
        self.write_apart(batch).await
    }

    /// Writes messages that go to files of their own, or to a file each.
    async fn write_apart(&self, batch: &Batch) -> Result<(), SinkError> {
        let Some(records) = batch.as_records() else {
            let text = "the path depends on the message, but the batch has no messages";
            return Err(SinkError::All(self.fault(text.to_owned())));
        };
        let mut failed = Vec::new();
        let mut groups: Vec<Group> = Vec::new();
        let mut scratch = Vec::new();
        for index in 0..records.recs.len() {
            let mut path = Vec::new();
            let result = match &self.constant {
                Some(constant) => {
                    path.extend_from_slice(constant.as_bytes());
                    Ok(())
                }
                None => self.path.borrow_mut().text(batch, index, &mut path),
            };
            if let Err(fault) = result {
                let text = format!("path interpolation error: {}", fault.text);
                failed.push((index, self.fault(text)));
                continue;
            }
            let path = String::from_utf8_lossy(&path).into_owned();
            let message = records.bytes(index, &mut scratch);
            let joined = match groups.iter_mut().find(|g| g.path == path) {
                Some(group) if self.codec != Codec::AllBytes => group,
                _ => {
                    groups.push(Group { path, bytes: Vec::new(), members: Vec::new() });
                    let Some(group) = groups.last_mut() else { continue };
                    group
                }
            };
            joined.members.push(index);
            self.codec.push(message, &mut joined.bytes);
        }
        for group in groups {
            if let Err(text) = self.write_to(&group.path, Encoded::Gathered(group.bytes)).await {
                let fault = self.fault(text);
                failed.extend(group.members.iter().map(|index| (*index, Arc::clone(&fault))));
            }
        }
        if failed.is_empty() { Ok(()) } else { Err(SinkError::Some(failed)) }
    }
}

/// What goes to one file.
struct Group {
    path: String,
    bytes: Vec<u8>,
    members: Vec<usize>,
}

/// Takes back the part of a batch that a full disk still had room for: the batch is sent again as
/// a whole, and must not begin in the middle of a line.
async fn cut(file: &File, bytes: u64) -> std::io::Result<()> {
    if bytes == 0 {
        return Ok(());
    }
    let len = file.info().await?.len;
    file.set_len(len.saturating_sub(bytes)).await
}

/// Where a path within a directory leads.
async fn placed(root: &str, path: &str) -> Result<String, String> {
    let place = rt::file::within(root, path).await.map_err(|e| path_text("open", root, &e))?;
    let place = place.and_then(|place| place.into_os_string().into_string().ok());
    place.ok_or_else(|| format!("the path {path:?} leads out of the directory {root}"))
}

async fn open(path: &str, empty: bool) -> Result<File, String> {
    let options = OpenOptions::new().create(true);
    let options = if empty { options.write(true).truncate(true) } else { options.append(true) };
    let error = match options.open(path).await {
        Ok(file) => return Ok(file),
        Err(error) => error,
    };
    let dir = Path::new(path).parent().filter(|dir| !dir.as_os_str().is_empty());
    let no_dir = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory);
    let Some(dir) = dir.filter(|_| no_dir) else {
        return Err(path_text("open", path, &error));
    };
    rt::file::create_dir_all(dir).await.map_err(|error| match error.kind() {
        // Something is there, and it is not a directory.
        ErrorKind::AlreadyExists => path_text("mkdir", dir, &ErrorKind::NotADirectory.into()),
        _ => path_text("mkdir", dir, &error),
    })?;
    options.open(path).await.map_err(|e| path_text("open", path, &e))
}

/// Takes back what was written of something behind a position, and says why it was not all.
async fn taken_back(file: &File, path: &str, before: Option<u64>, error: &io::Error) -> String {
    let text = path_text("write", path, error);
    let (Some(before), Some(after)) = (before, file.position()) else { return text };
    match cut(file, after.saturating_sub(before)).await {
        Ok(()) => text,
        Err(error) => format!("{text}; {}", path_text("truncate", path, &error)),
    }
}

impl Sink for FileSink {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async move {
            // A file that is to be overwritten, or that has a head, begins so even when no message
            // comes.
            let begins = self.mode == Mode::Overwrite || !self.head.is_empty() || self.strict;
            let Some(path) = self.constant.as_ref().filter(|_| begins) else { return Ok(()) };
            let Err(text) = self.handle(path).await else { return Ok(()) };
            if self.strict {
                let info = rt::file::info(path).await;
                self.hopeless.set(info.is_ok_and(|info| info.kind == FileKind::Dir));
            }
            Err(self.fault(text))
        })
    }

    fn gives_up(&self) -> bool {
        self.hopeless.get()
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(self.write_batch(batch))
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async move {
            self.handles.borrow_mut().clear();
            Ok(())
        })
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Sink>, BuildError> {
    let config: Config = read_config(config)?;
    let codec = config.codec.codec()?;
    let path = env.expr(&config.path.0, Form::Text)?;
    let constant = path.constant().map(str::to_owned);
    Ok(Box::new(FileSink {
        component: env.component().clone(),
        path: RefCell::new(path),
        constant,
        codec,
        mode: config.mode,
        head: config.head,
        root: config.root,
        handles: RefCell::default(),
        emptied: RefCell::default(),
        scratch: Cell::default(),
        strict: config.strict,
        hopeless: Cell::default(),
    }))
}

/// Registration.
pub static SPEC: SinkSpec = SinkSpec {
    name: "file",
    since: "0.1.0",
    category: "local",
    summary: "Writes messages to files.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "a file of lines for each kind of message",
        config: r#"{"path":"./out/${! this.kind }.jsonl","codec":"lines"}"#,
        input: &[],
        output: &[],
    }],
    build,
};

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
