//! How a source of one stream is told to cut it: by a scanner, or by a codec, the older way.

use plan::BuildError;
use plan::fields::Scanner;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Config, default_lines, default_max_buffer};
use crate::text::Bytesize;

/// The fields of a source that reads a stream.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Cut {
    /// How the stream is cut into messages.
    #[serde(default = "default_lines")]
    pub scanner: Scanner,
    /// Old way to name a scanner: `lines`, `all-bytes`, `delim:x`, `chunker:n`, `regex:x`, `csv`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("deprecated" = true))]
    pub codec: Option<String>,
    /// Longest message of a `codec`, in bytes; a scanner has a limit of its own.
    #[serde(default = "default_max_buffer")]
    #[schemars(extend("deprecated" = true))]
    pub max_buffer: Bytesize,
}

impl Default for Cut {
    fn default() -> Self {
        Cut { scanner: default_lines(), codec: None, max_buffer: default_max_buffer() }
    }
}

impl Cut {
    /// The scanner that is meant: a codec, where there is one, counts for more.
    ///
    /// # Errors
    /// When there is no such scanner or codec, or its options are not usable.
    pub fn config(&self) -> Result<Config, BuildError> {
        match self.codec.as_deref().filter(|codec| !codec.is_empty()) {
            Some(codec) => Config::of_codec(codec, self.max_buffer),
            None => Config::of(&self.scanner),
        }
    }
}
