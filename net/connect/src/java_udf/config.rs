//! The configuration of the operator.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use plan::fields::Duration;
use plan::{BuildError, DataType, Json};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::HEAP_BYTES;

/// Calls a function that is written in Java for each row.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// The name under which users know the function.
    pub(super) name: String,
    /// Its class.
    pub(super) class: String,
    /// Its method, which has one argument.
    pub(super) method: String,
    /// Whether it gives a collection of rows and not one row.
    #[serde(default)]
    pub(super) flat: bool,
    /// The serialized instance to call, in base64; empty for a new one.
    #[serde(default)]
    pub(super) instance: String,
    /// Its class and those that this one needs.
    pub(super) classes: Vec<Class>,
    /// What it takes.
    pub(super) input: Input,
    /// The columns that it makes.
    pub(super) output: Vec<Made>,
    /// Columns that are handed on as they are.
    #[serde(default)]
    pub(super) carry: Vec<String>,
    /// How long the function may take for one row, and to get ready.
    #[serde(default = "timeout")]
    #[schemars(extend("advanced" = true))]
    pub(super) timeout: Duration,
    /// Bytes of objects that it may have at a time.
    #[serde(default = "heap_bytes")]
    #[schemars(extend("advanced" = true))]
    pub(super) heap_bytes: u64,
}

/// A class.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Class {
    /// Its name, with dots.
    pub(super) name: String,
    /// Its class file, in base64.
    pub(super) code: String,
}

/// What a function takes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    /// The class of its argument.
    pub(super) class: String,
    /// Fields of that; a single one without a name where it is one value.
    pub(super) fields: Vec<Taken>,
}

/// A column that becomes a field.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Taken {
    /// The column.
    pub(super) column: String,
    /// The field.
    pub(super) name: String,
    /// Its type in Java.
    pub(super) java: JavaType,
}

/// A field that becomes a column.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Made {
    /// The column.
    pub(super) column: String,
    /// The field.
    pub(super) name: String,
    /// Its type in Java.
    pub(super) java: JavaType,
    /// The type of the column, as `plan::DataType` has it.
    #[serde(rename = "type")]
    #[schemars(with = "String")]
    pub(super) ty: DataType,
}

/// Types of fields, in the order of the numbers by which the other process knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum JavaType {
    /// `boolean` or `Boolean`.
    Boolean,
    /// `byte` or `Byte`.
    Byte,
    /// `short` or `Short`.
    Short,
    /// `int` or `Integer`.
    Int,
    /// `long` or `Long`.
    Long,
    /// `float` or `Float`.
    Float,
    /// `double` or `Double`.
    Double,
    /// `String`.
    Text,
}

fn timeout() -> Duration {
    Duration::from_secs(10)
}

fn heap_bytes() -> u64 {
    HEAP_BYTES
}

/// Bytes that are written in base64.
pub(super) fn decoded(text: &str, what: &str) -> Result<Vec<u8>, BuildError> {
    let wrong = |error| BuildError::new(format!("{what} is not in base64: {error}"));
    STANDARD.decode(text).map_err(wrong)
}

impl Config {
    /// Reads and checks it.
    pub(super) fn read(config: &Json) -> Result<Config, BuildError> {
        let config: Config = plan::env::read_config(config)?;
        if config.timeout.ns <= 0 {
            return Err(BuildError::new("timeout must be more than 0s"));
        }
        if config.input.fields.is_empty() || config.output.is_empty() {
            return Err(BuildError::new("a function needs fields that it takes and gives"));
        }
        Ok(config)
    }
}
