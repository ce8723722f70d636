//! Complaints about the outermost level of a document.

use std::collections::HashMap;

use plan::Json;
use plan::serde_json::json;

use crate::cases::SCHEMA as TESTS;
use crate::catalog::{Kind, RESOURCE_KINDS};
use crate::lint::Linter;
use crate::schema::View;
use crate::service;
use crate::yaml::{Entry, Item, Node, Tag};

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// A stream of the streams mode: input, buffer, pipeline, output.
    Stream,
    /// A stream together with the service's own settings and resources.
    Config,
    /// The service's settings without a stream.
    Service,
    /// Resources only.
    Resources,
}

impl Root {
    fn has_stream(self) -> bool {
        matches!(self, Root::Stream | Root::Config)
    }

    fn has_service(self) -> bool {
        matches!(self, Root::Config | Root::Service)
    }

    fn has_resources(self) -> bool {
        self != Root::Stream
    }
}

/// The kind of the resources under a key such as `cache_resources`.
pub(crate) fn resource_kind(key: &str) -> Option<Kind> {
    let word = key.strip_suffix("_resources")?;
    RESOURCE_KINDS.into_iter().find(|kind| kind.name() == word)
}

/// The schema of the section of processors.
pub(crate) fn pipeline_schema() -> Json {
    json!({"type": "object", "additionalProperties": false, "properties": {
        "threads": {"type": "integer", "default": -1,
                    "description": "How many threads process; -1 for as many as there are cores."},
        "processors": {"type": "array", "items": {"x-kind": "processor"}, "default": [],
                       "description": "Processors in their order."}}})
}

impl Linter<'_> {
    /// Lints a whole document.
    pub(crate) fn root(&mut self, root: Root, node: &Node) {
        let Some(entries) = node.entries() else {
            let text = format!("expected object value, got {}", node.tag());
            return self.complain(node.line, text);
        };
        // Of equal keys only the last one counts.
        let last: HashMap<&str, usize> =
            entries.iter().enumerate().map(|(at, entry)| (&*entry.key, at)).collect();
        for (at, entry) in entries.iter().enumerate() {
            if last.get(&*entry.key) == Some(&at) {
                self.root_entry(root, entry);
            }
        }
    }

    fn root_entry(&mut self, root: Root, entry: &Entry) {
        let key = &*entry.key;
        match key {
            "input" if root.has_stream() => self.component(Kind::Input, &entry.value),
            "buffer" if root.has_stream() => self.component(Kind::Buffer, &entry.value),
            "output" if root.has_stream() => self.component(Kind::Output, &entry.value),
            "pipeline" if root.has_stream() => {
                self.field(View::of(&pipeline_schema()), &entry.value);
            }
            "tests" if root == Root::Config => self.field(View::of(&TESTS), &entry.value),
            // Says how tests run, and has no meaning any more.
            "parallel" if root == Root::Config => {
                self.field(View::of(&json!({"type": "boolean"})), &entry.value);
            }
            _ => match (resource_kind(key), service::schema_of_section(key)) {
                (Some(kind), _) if root.has_resources() => {
                    self.resource_labels(&entry.value);
                    self.components(kind, &entry.value);
                }
                (None, Some(schema)) if root.has_service() => {
                    self.field(View::of(&schema), &entry.value);
                }
                _ => self.complain(entry.line, format!("field {key} not recognised")),
            },
        }
    }
    /// Every resource needs a text by which it is named.
    fn resource_labels(&mut self, list: &Item) {
        for item in list.node.items().unwrap_or_default() {
            let label = item.node.get("label").and_then(|label| label.scalar());
            let named = label.is_some_and(|l| l.tag == Tag::Str && !l.text.is_empty());
            if item.node.entries().is_some_and(|entries| !entries.is_empty()) && !named {
                let text = "the label field for resources must be unique and not empty";
                self.complain(item.node.line, text);
            }
        }
    }
}
