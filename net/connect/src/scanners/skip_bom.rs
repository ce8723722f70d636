//! Scanner `skip_bom`: another scanner after a UTF-8 byte order mark, if there is one.

use plan::fields::{self, Part};
use plan::{Data, schema_of};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ScanError, Scanner};

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Options of `skip_bom`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// Scanner of what follows.
    #[serde(default = "super::default_to_the_end")]
    pub into: fields::Scanner,
}

/// Skips a mark at the start.
pub struct SkipBom {
    into: Box<dyn Scanner>,
    at_start: bool,
    /// The first bytes, while they may still become a mark.
    held: Vec<u8>,
}

impl SkipBom {
    pub(super) fn new(into: Box<dyn Scanner>) -> Self {
        SkipBom { into, at_start: true, held: Vec::new() }
    }
}

impl Scanner for SkipBom {
    fn buffer(&mut self) -> Vec<u8> {
        let mut buffer = self.into.buffer();
        buffer.append(&mut self.held);
        buffer
    }

    fn scan(
        &mut self,
        mut filled: Vec<u8>,
        at_end: bool,
        out: &mut Vec<Data>,
    ) -> Result<(), ScanError> {
        if self.at_start {
            if filled.len() < BOM.len() && BOM.starts_with(&filled) && !at_end {
                self.held = filled;
                return Ok(());
            }
            self.at_start = false;
            if filled.starts_with(BOM) {
                filled.drain(..BOM.len());
            }
        }
        self.into.scan(filled, at_end, out)
    }
}

/// Registration.
pub static PART: Part = Part {
    kind: "scanner",
    name: "skip_bom",
    summary: "Skips a byte order mark in front of another scanner.",
    schema: schema_of::<Config>,
};

#[cfg(test)]
mod tests {
    use super::super::testing::scan_all_ways;

    #[test]
    fn a_mark_is_skipped_once() {
        let into = Box::new(super::super::Config::default());
        let config = super::super::Config::SkipBom(into);
        assert_eq!(scan_all_ways(&config, b"\xef\xbb\xbfone\ntwo\n").0, ["one", "two"]);
        assert_eq!(scan_all_ways(&config, b"none\n").0, ["none"]);
        assert_eq!(scan_all_ways(&config, b"\xef\xbb").0, ["\u{fffd}"]);
        assert_eq!(scan_all_ways(&config, b"\xef\xbb\xbf").0, [""; 0]);
        let twice = b"\xef\xbb\xbf\xef\xbb\xbfx";
        assert_eq!(scan_all_ways(&config, twice).0, ["\u{feff}x"]);
    }
}
