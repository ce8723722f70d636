//! Scanner `switch`: another scanner, chosen by the name of the file.

use plan::fields::{self, Part};
use plan::{BuildError, schema_of};
use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Scanner, Stream};

/// One case of `switch`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Case {
    /// Pattern (RE2 syntax) that the name of the file must match; without one the case always
    /// fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub re_match_name: Option<String>,
    /// Scanner of files that fit.
    pub scanner: fields::Scanner,
}

/// A case that was read.
#[derive(Clone, Debug)]
pub struct Choice {
    pattern: Option<Regex>,
    scanner: super::Config,
}

impl Choice {
    pub(super) fn new(pattern: Option<String>, scanner: super::Config) -> Result<Self, BuildError> {
        let compile = |text: String| {
            Regex::new(&text).map_err(|e| BuildError::new(format!("field 're_match_name': {e}")))
        };
        Ok(Choice { pattern: pattern.map(compile).transpose()?, scanner })
    }
}

/// Opens the scanner of the first case that fits.
pub(super) fn open(cases: &[Choice], stream: Stream<'_>) -> Result<Box<dyn Scanner>, BuildError> {
    for case in cases {
        if case.pattern.as_ref().is_none_or(|pattern| pattern.is_match(stream.name)) {
            return case.scanner.open(stream);
        }
    }
    Err(BuildError::new(format!("no scanner matched the file name '{}'", stream.name)))
}

/// Registration.
pub static PART: Part = Part {
    kind: "scanner",
    name: "switch",
    summary: "Chooses a scanner by the name of the file.",
    schema: schema_of::<Vec<Case>>,
};

#[cfg(test)]
mod tests {
    use plan::Component;

    use super::super::Config;
    use super::super::Stream;
    use super::super::testing::scan;

    #[test]
    fn the_first_case_that_fits_scans() {
        let json = serde_json::json!([
            {"re_match_name": r"\.txt$", "scanner": {"name": "lines"}},
            {"re_match_name": r"\.bin$", "scanner": {"name": "to_the_end"}},
        ]);
        let config = Config::of(&Component::new("switch", json)).unwrap();
        assert_eq!(scan(&config, "a.txt", b"a\nb", 9).0, ["a", "b"]);
        assert_eq!(scan(&config, "a.bin", b"a\nb", 9).0, ["a\nb"]);
        let stream = Stream { name: "a.csv", block_bytes: 64 };
        let error = config.open(stream).err().map(|e| e.text);
        assert_eq!(error.as_deref(), Some("no scanner matched the file name 'a.csv'"));
    }
}
