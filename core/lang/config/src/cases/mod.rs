//! Tests of configurations: what a test feeds into which processors of a file, and what it expects.

mod labels;
mod path;
mod read;
mod target;

use std::sync::{Arc, LazyLock};

use plan::Json;
use plan::serde_json::json;

use crate::yaml::Node;

pub use read::{CaseError, read};
pub use target::{Target, TargetError, file_of};

/// Where a test looks for processors unless it says otherwise.
pub const TARGET: &str = "/pipeline/processors";

/// A test.
#[derive(Clone, Debug)]
pub struct Case {
    /// What users call it.
    pub name: String,
    /// Line on which it begins.
    pub line: u32,
    /// Variables that are set while it runs.
    pub environment: Vec<(String, String)>,
    /// The processors: a JSON pointer, a label, or one of these behind `FILE#`.
    pub target: String,
    /// The file of a mapping that is tested instead of processors; empty when there is none.
    pub mapping: String,
    /// What stands in for processors: a JSON pointer or label, and a processor.
    pub mocks: Vec<(String, Arc<Node>)>,
    /// The batches that go in.
    pub inputs: Vec<Vec<Input>>,
    /// What is expected of each message of each batch that comes out.
    pub outputs: Vec<Vec<Vec<Condition>>>,
}

/// A message that goes in.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Its content.
    pub content: Content,
    /// Its metadata.
    pub metadata: Vec<(String, Json)>,
}

/// The content of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A text.
    Text(String),
    /// What is in a file, by its path from the folder of the test.
    File(String),
}

/// What is expected of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// A query that must be true.
    Bloblang(String),
    /// The whole content.
    ContentEquals(String),
    /// A regular expression that the content has a match of.
    ContentMatches(String),
    /// The content of a file.
    FileEquals(String),
    /// A file with JSON that the content holds, and may hold more.
    FileJsonContains(String),
    /// A file with the same JSON.
    FileJsonEquals(String),
    /// JSON that the content holds, and may hold more.
    JsonContains(String),
    /// The same JSON.
    JsonEquals(String),
    /// Metadata and their values.
    MetadataEquals(Vec<(String, Json)>),
}

impl Condition {
    /// The word for it in tests and messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Condition::Bloblang(_) => "bloblang",
            Condition::ContentEquals(_) => "content_equals",
            Condition::ContentMatches(_) => "content_matches",
            Condition::FileEquals(_) => "file_equals",
            Condition::FileJsonContains(_) => "file_json_contains",
            Condition::FileJsonEquals(_) => "file_json_equals",
            Condition::JsonContains(_) => "json_contains",
            Condition::JsonEquals(_) => "json_equals",
            Condition::MetadataEquals(_) => "metadata_equals",
        }
    }
}

/// The form of the tests in a file.
pub(crate) static SCHEMA: LazyLock<Json> = LazyLock::new(|| {
    let text = || json!({"type": "string"});
    let map = |of: Json| json!({"type": "object", "additionalProperties": of});
    let list = |of: Json| json!({"type": "array", "items": of});
    let input = json!({"type": "object", "properties": {
        "content": text(), "json_content": {}, "file_content": text(), "metadata": map(json!(true)),
    }});
    let output = json!({"type": "object", "properties": {
        "bloblang": {"x-kind": "mapping"}, "content_equals": text(), "content_matches": text(),
        "metadata_equals": map(json!(true)), "file_equals": text(), "file_json_equals": text(),
        "file_json_contains": text(), "json_equals": {}, "json_contains": {},
    }});
    list(json!({"type": "object", "required": ["name"], "properties": {
        "name": text(),
        "environment": map(text()),
        "target_processors": text(),
        "target_mapping": text(),
        "mocks": map(json!(true)),
        "input_batch": list(input.clone()),
        "input_batches": list(list(input)),
        "output_batches": list(list(output)),
    }}))
});
