//! Scanner `re_match`: a message starts where a pattern matches and lasts until the next match.

use plan::fields::Part;
use plan::{BuildError, Data, schema_of};
use regex::bytes::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Parts, ScanError, Scanner, Stream, lines, with_room};
use crate::text::Bytesize;

/// Options of `re_match`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// Pattern (RE2 syntax) of the start of a message.
    pub pattern: String,
    /// Longest message in bytes. A longer one ends the stream.
    #[serde(default = "Config::default_size")]
    pub max_buffer_size: Bytesize,
}

impl Config {
    pub(super) fn default_size() -> Bytesize {
        Bytesize(65_536)
    }

    pub(super) fn check(&self) -> Result<(), BuildError> {
        self.regex().map(drop)
    }

    fn regex(&self) -> Result<Regex, BuildError> {
        Regex::new(&self.pattern)
            .map_err(|e| BuildError::new(format!("field 'pattern': failed to compile: {e}")))
    }
}

/// Cuts before matches.
pub struct ReMatch {
    pattern: Regex,
    message_max: usize,
    block_bytes: usize,
    rest: Vec<u8>,
}

impl ReMatch {
    pub(super) fn new(config: &Config, stream: Stream<'_>) -> Result<Self, BuildError> {
        Ok(ReMatch {
            pattern: config.regex()?,
            message_max: config.max_buffer_size.as_usize(),
            block_bytes: stream.block_bytes,
            rest: Vec::new(),
        })
    }

    /// Where the message at `start` ends. Only a match that does not reach the end of the bytes is
    /// sure when more may come: a longer one, or a better one, might begin there.
    fn end(&self, bytes: &[u8], start: usize, at_end: bool) -> Option<usize> {
        // The match that begins the message itself is passed over.
        let mut from = start;
        while let Some(found) = self.pattern.find_at(bytes, from) {
            if found.start() > start {
                return (at_end || found.end() < bytes.len()).then_some(found.start());
            }
            from = found.end().max(start + 1);
            if from > bytes.len() {
                break;
            }
        }
        None
    }
}

impl Scanner for ReMatch {
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
        let mut error = None;
        while start < filled.len() {
            let end = self.end(&filled, start, at_end);
            let length = end.unwrap_or(filled.len()) - start;
            if length > self.message_max {
                error = Some(ScanError::new(lines::TOO_LONG));
                break;
            }
            match end {
                Some(end) => {
                    parts.push(start, end);
                    start = end;
                }
                None if at_end => {
                    parts.push(start, filled.len());
                    start = filled.len();
                }
                None => break,
            }
        }
        self.rest = parts.finish(filled, start, self.block_bytes, out);
        error.map_or(Ok(()), Err)
    }
}

/// Registration.
pub static PART: Part = Part {
    kind: "scanner",
    name: "re_match",
    summary: "Starts a message wherever a pattern matches.",
    schema: schema_of::<Config>,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scanners::testing::scan_all_ways;

    fn config(pattern: &str, max: u64) -> crate::scanners::Config {
        let max_buffer_size = Bytesize(max);
        crate::scanners::Config::ReMatch(Config { pattern: pattern.into(), max_buffer_size })
    }

    #[test]
    fn splits_before_matches() {
        let bytes = b"00:first\nmore\n01:second\n02:third\nend";
        let (texts, error) = scan_all_ways(&config(r"(?m)^\d\d:", 65_536), bytes);
        assert_eq!(texts, ["00:first\nmore\n", "01:second\n", "02:third\nend"]);
        assert_eq!(error, None);
    }

    #[test]
    fn a_long_message_ends_the_stream() {
        let (texts, error) = scan_all_ways(&config("X", 5), b"Xab\nXabcdefgh\nX");
        assert_eq!(texts, ["Xab\n"]);
        assert!(error.is_some());
    }

    #[test]
    fn bad_patterns_are_refused() {
        assert!(config("(", 1).check().is_err());
    }
}
