//! NATS JetStream, by way of a client that lives on a thread of its own: edges between the parts of
//! a pipeline that run in different processes, and a board on which processes find each other.

pub mod board;
mod edge;
pub mod input;
mod island;
pub mod output;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An edge.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// Name of the edge: letters, digits, `_` and `-`. The stream that keeps it has the same name.
    pub edge: String,
    /// Address of the server, such as `nats://127.0.0.1:4222`.
    #[serde(default)]
    pub url: String,
    /// Bytes that may wait at the server; whoever writes more waits.
    #[serde(default = "edge_bytes")]
    pub max_bytes: i64,
}

fn edge_bytes() -> i64 {
    edge::BYTES_MAX
}

impl Config {
    fn checked(self) -> Result<Config, plan::BuildError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if self.edge.is_empty() || self.edge.len() > 255 || !self.edge.chars().all(fits) {
            let text = "field 'edge' must be a name of letters, digits, '_' and '-'";
            return Err(plan::BuildError::new(text));
        }
        if self.max_bytes <= 0 {
            return Err(plan::BuildError::new("field 'max_bytes' must be a number of bytes"));
        }
        Ok(self)
    }
}

/// The text of an error with what caused it.
fn text_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        source = inner.source();
    }
    text
}
