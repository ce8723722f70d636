//! A message while a program works on it.

use std::sync::Arc;

use bytes::Bytes;
use formats::json;
use formats::value::Value;
use plan::batch::print_payload;
use plan::{Body, Log, Meta, Record, Records};

/// Lines that a program may write to the console for one message.
pub(super) const LINES_MAX: usize = 100;
/// Bytes of such a line.
pub(super) const LINE_BYTES_MAX: usize = 64 << 10;

/// The content of a message.
#[derive(Clone)]
pub(super) enum Content {
    Bytes(Bytes),
    Owned(Arc<Vec<u8>>),
    Doc(Arc<Value>),
}

impl Default for Content {
    fn default() -> Self {
        Content::Bytes(Bytes::new())
    }
}

/// A message, and what was done to it.
#[derive(Default)]
pub(super) struct Message {
    pub(super) content: Content,
    pub(super) meta: Option<Arc<Meta>>,
    /// Whether the content is another than it was.
    pub(super) changed: bool,
    /// What was written to the console.
    pub(super) lines: Vec<(Log, String)>,
    /// Lines beyond those that it may write.
    pub(super) unsaid: u64,
    /// What is wrong, if something is.
    pub(super) wrong: Option<String>,
    /// Bytes of memory that its metadata takes beyond what it came with.
    pub(super) meta_bytes: usize,
    pub(super) content_bytes: usize,
}

impl Message {
    pub(super) fn of(records: &Records, rec: &Record) -> Self {
        let content = match &rec.body {
            Body::Range { start, len } => {
                let (start, len) = (*start as usize, *len as usize);
                let fits = start + len <= records.block.len();
                Content::Bytes(if fits {
                    records.block.slice(start..start + len)
                } else {
                    Bytes::new()
                })
            }
            Body::Own(bytes) => Content::Owned(Arc::clone(bytes)),
            Body::Doc(value) => Content::Doc(Arc::clone(value)),
        };
        Message { content, meta: rec.meta.clone(), ..Message::default() }
    }

    /// The message that a record becomes. One that failed stays as it was.
    pub(super) fn put(self, rec: &mut Record) {
        rec.meta = self.meta;
        if self.changed {
            rec.body = match self.content {
                Content::Bytes(bytes) => Body::Own(Arc::new(bytes.to_vec())),
                Content::Owned(bytes) => Body::Own(bytes),
                Content::Doc(value) => Body::Doc(value),
            };
        }
    }

    pub(super) fn text(&self) -> String {
        let mut printed = Vec::new();
        let bytes = match &self.content {
            Content::Bytes(bytes) => bytes,
            Content::Owned(bytes) => bytes.as_slice(),
            Content::Doc(value) => {
                print_payload(value, &mut printed);
                &printed
            }
        };
        String::from_utf8_lossy(bytes).into_owned()
    }

    /// The document.
    ///
    /// # Errors
    /// What is wrong with its text.
    pub(super) fn document(&self) -> Result<Arc<Value>, String> {
        let bytes = match &self.content {
            Content::Bytes(bytes) => bytes,
            Content::Owned(bytes) => bytes.as_slice(),
            Content::Doc(value) => return Ok(Arc::clone(value)),
        };
        json::parse(bytes).map(Arc::new).map_err(|error| error.to_string())
    }

    pub(super) fn set_content(&mut self, content: Content, bytes: usize) {
        self.content = content;
        self.content_bytes = bytes;
        self.changed = true;
    }

    pub(super) fn set_meta(&mut self, name: String, value: Value, bytes: usize) {
        self.meta_bytes += bytes + name.len();
        Arc::make_mut(self.meta.get_or_insert_default()).set(name, value);
    }

    /// Bytes that a program has put into the message.
    pub(super) fn bytes(&self) -> usize {
        self.content_bytes + self.meta_bytes
    }

    pub(super) fn say(&mut self, level: Log, mut line: String) {
        if self.lines.len() >= LINES_MAX {
            self.unsaid += 1;
            return;
        }
        let mut end = line.len().min(LINE_BYTES_MAX);
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        line.truncate(end);
        self.lines.push((level, line));
    }
}
