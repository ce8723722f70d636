//! Scanner `chunker`: messages of a fixed number of bytes.

use plan::fields::Part;
use plan::{BuildError, Data, schema_of};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MESSAGE_BYTES_MAX, Parts, ScanError, Scanner, Stream, with_room};
use crate::text::Bytesize;

/// Options of `chunker`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// Size of a message in bytes; the last one may be shorter.
    pub size: Bytesize,
}

impl Config {
    pub(super) fn check(&self) -> Result<(), BuildError> {
        let size = self.size.as_usize();
        if size == 0 || size > MESSAGE_BYTES_MAX {
            let text = format!("field 'size': must be between 1 and {MESSAGE_BYTES_MAX}");
            return Err(BuildError::new(text));
        }
        Ok(())
    }
}

/// Cuts by size.
pub struct Chunker {
    size: usize,
    block_bytes: usize,
    rest: Vec<u8>,
}

impl Chunker {
    pub(super) fn new(config: &Config, stream: Stream<'_>) -> Result<Self, BuildError> {
        config.check()?;
        let size = config.size.as_usize();
        Ok(Chunker { size, block_bytes: stream.block_bytes, rest: Vec::new() })
    }
}

impl Scanner for Chunker {
    fn buffer(&mut self) -> Vec<u8> {
        with_room(std::mem::take(&mut self.rest), self.block_bytes)
    }

    fn scan(
        &mut self,
        filled: Vec<u8>,
        at_end: bool,
        out: &mut Vec<Data>,
    ) -> Result<(), ScanError> {
        let mut parts = Parts::default();
        let mut start = 0;
        while filled.len() - start >= self.size {
            parts.push(start, start + self.size);
            start += self.size;
        }
        if at_end && start < filled.len() {
            parts.push(start, filled.len());
            start = filled.len();
        }
        self.rest = parts.finish(filled, start, self.block_bytes, out);
        Ok(())
    }
}

/// Registration.
pub static PART: Part = Part {
    kind: "scanner",
    name: "chunker",
    summary: "Cuts a stream into messages of a fixed size.",
    schema: schema_of::<Config>,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scanners::testing::scan_all_ways;

    #[test]
    fn chunks() {
        let config = crate::scanners::Config::Chunker(Config { size: Bytesize(4) });
        assert_eq!(scan_all_ways(&config, b"abcdefghij").0, ["abcd", "efgh", "ij"]);
        assert_eq!(scan_all_ways(&config, b"").0, [""; 0]);
        assert!(Config { size: Bytesize(0) }.check().is_err());
    }
}
