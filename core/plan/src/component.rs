//! Components: a name, a configuration, and the table entry that builds an instance.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Json;
use crate::env::{BuildError, Env};
use crate::operator::Operator;
use crate::sink::Sink;
use crate::source::Source;

/// A component as a plan or another component's configuration names it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Component {
    /// Name under which it is registered, such as `file`.
    pub name: String,
    /// The user's label; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// Where it stands in the user's configuration, such as `root.pipeline.processors.0`; may be
    /// empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Its configuration.
    #[serde(default)]
    pub config: Json,
}

impl Component {
    /// A component without label and path.
    pub fn new(name: impl Into<String>, config: Json) -> Self {
        Component { name: name.into(), config, ..Component::default() }
    }
}

impl JsonSchema for Component {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Component".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "object", "x-component": true})
    }
}

/// An example that documentation shows and tests run.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// What it shows.
    pub title: &'static str,
    /// Configuration, as JSON.
    pub config: &'static str,
    /// Contents of the messages that go in.
    pub input: &'static [&'static str],
    /// Contents of the messages that come out.
    pub output: &'static [&'static str],
}

/// Category of sources that hold another one and keep what it reads: what they emit was counted
/// before.
pub const BUFFER: &str = "buffer";

/// The table entry of a component; `B` is the function that builds an instance.
pub struct Spec<B> {
    /// Name in configurations.
    pub name: &'static str,
    /// Version that first had it.
    pub since: &'static str,
    /// Chapter of the reference it belongs to.
    pub category: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// Schema of its configuration, with the documentation of every field.
    pub schema: fn() -> Json,
    /// Examples; each runs as a test.
    pub examples: &'static [Example],
    /// Builds an instance from its configuration.
    pub build: B,
}

impl<T> Spec<Build<T>> {
    /// The entry of a component that no user sees, such as one of a test: it says nothing of its
    /// configuration and takes any.
    #[must_use]
    pub const fn undocumented(name: &'static str, build: Build<T>) -> Self {
        let schema = || Json::Null;
        Self { name, since: "0", category: "", summary: "", schema, examples: &[], build }
    }
}

/// Builds an instance of `T`.
pub type Build<T> = fn(&Json, &dyn Env) -> Result<T, BuildError>;
/// The table entry of an operator.
pub type OperatorSpec = Spec<Build<Box<dyn Operator>>>;
/// The table entry of a source.
pub type SourceSpec = Spec<Build<Box<dyn Source>>>;
/// The table entry of a sink.
pub type SinkSpec = Spec<Build<Box<dyn Sink>>>;

/// The JSON schema of a configuration type; its doc comments are the users' documentation.
#[must_use]
pub fn schema_of<T: JsonSchema>() -> Json {
    schemars::schema_for!(T).to_value()
}
