//! The documented numbers and names of errors (spec/nes-query-language.md §11).

use plan::Diagnostic;

/// Number and name of an error by the code of its diagnostic.
const NUMBERS: &[(&str, u16, &str)] = &[
    ("syntax", 2000, "invalid query syntax"),
    ("too-long", 2000, "invalid query syntax"),
    ("too-deep", 2000, "invalid query syntax"),
    ("no-sink", 2000, "invalid query syntax"),
    ("schema-mismatch", 2003, "cannot infer schema"),
    ("ambiguous-field", 2003, "cannot infer schema"),
    ("unknown-field", 2004, "field not found"),
    ("field-exists", 2005, "field already exists"),
    ("type", 2006, "different field type expected"),
    ("timestamp-type", 2006, "different field type expected"),
    ("unsupported", 2008, "unsupported query"),
    ("sink", 2008, "unsupported query"),
    ("unknown-type", 2023, "unknown data type"),
    ("unknown-source", 2030, "unknown source name"),
    ("no-physical-source", 2030, "unknown source name"),
    ("source-exists", 2031, "source already exists"),
    ("unknown-sink", 2033, "unknown sink name"),
    ("malformed", 3002, "malformed string value"),
    ("division", 3013, "arithmetical error"),
    ("source", 4002, "cannot open source"),
    ("unknown-query", 5000, "query not found"),
];

/// What has no number of its own.
const UNKNOWN: (u16, &str) = (9999, "unknown");

/// The diagnostic with its number and name in front of its text.
pub(crate) fn numbered(diagnostic: Diagnostic) -> Diagnostic {
    let known = NUMBERS.iter().find(|(code, ..)| *code == diagnostic.code);
    let (number, name) = known.map_or(UNKNOWN, |(_, number, name)| (*number, *name));
    let message = format!("ERROR {number}: {name}: {}", diagnostic.message);
    Diagnostic { message, ..diagnostic }
}

/// The text of what failed while a query ran, with its number and name.
#[must_use]
pub fn failure(why: &str) -> String {
    let known: &[(&str, u16, &str)] = &[
        ("division by zero", 3013, "arithmetical error"),
        ("is no time", 3002, "malformed string value"),
        ("CSVParser", 4000, "cannot format source data"),
        ("cannot read", 4000, "cannot format source data"),
        ("is missing", 4000, "cannot format source data"),
    ];
    let found = known.iter().find(|(part, ..)| why.contains(part));
    let (number, name) = found.map_or(UNKNOWN, |(_, number, name)| (*number, *name));
    format!("ERROR {number}: {name}: {why}")
}

/// The text for a query that there is not.
#[must_use]
pub fn unknown_query(id: u64) -> String {
    format!("ERROR 5000: query not found: there is no query {id}")
}

#[cfg(test)]
mod tests {
    use plan::Span;

    use super::*;

    #[test]
    fn errors_carry_numbers_and_names() {
        let text = |code| numbered(Diagnostic::error(code, "why", Span::default())).message;
        assert_eq!(text("unknown-field"), "ERROR 2004: field not found: why");
        assert_eq!(text("plan"), "ERROR 9999: unknown: why");
        assert!(failure("a: division by zero").starts_with("ERROR 3013: arithmetical error: "));
        assert!(failure("out of memory").starts_with("ERROR 9999: unknown: "));
    }
}
