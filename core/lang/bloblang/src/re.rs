//! Regular expressions in Go's syntax.

use regex::bytes::{Regex, RegexBuilder};

use crate::error::Error;

/// Bytes that a compiled expression may take.
pub const REGEX_BYTES_MAX: usize = 16 << 20;

/// Compiles an expression. `\d`, `\w`, `\s` and `\b` know ASCII only, as in Go.
///
/// # Errors
/// In the words of Go's `regexp`.
pub fn compile(pattern: &str) -> Result<Regex, Error> {
    RegexBuilder::new(&ascii_classes(pattern))
        .size_limit(REGEX_BYTES_MAX)
        .build()
        .map_err(|error| Error::new(format!("error parsing regexp: {}", go_error(pattern, &error))))
}

/// The expression with Perl's classes limited to ASCII.
fn ascii_classes(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut chars = pattern.chars();
    let mut in_class = false;
    while let Some(c) = chars.next() {
        if c != '\\' {
            match c {
                '[' if !in_class => in_class = true,
                ']' if in_class => in_class = false,
                _ => {}
            }
            out.push(c);
            continue;
        }
        match (chars.next(), in_class) {
            (Some('d'), false) => out.push_str("[0-9]"),
            (Some('d'), true) => out.push_str("0-9"),
            (Some('D'), _) => out.push_str("[^0-9]"),
            (Some('w'), false) => out.push_str("[0-9A-Za-z_]"),
            (Some('w'), true) => out.push_str("0-9A-Za-z_"),
            (Some('W'), _) => out.push_str("[^0-9A-Za-z_]"),
            (Some('s'), false) => out.push_str("[\\t\\n\\f\\r ]"),
            (Some('s'), true) => out.push_str("\\t\\n\\f\\r "),
            (Some('S'), _) => out.push_str("[^\\t\\n\\f\\r ]"),
            (Some('b'), false) => out.push_str("(?-u:\\b)"),
            (Some('B'), false) => out.push_str("(?-u:\\B)"),
            (Some(other), _) => {
                out.push('\\');
                out.push(other);
            }
            (None, _) => out.push('\\'),
        }
    }
    out
}

/// What Go says is wrong with an expression, for the common mistakes.
fn go_error(pattern: &str, error: &regex::Error) -> String {
    let text = error.to_string();
    let has = |part: &str| text.contains(part);
    if has("unclosed group") {
        return format!("missing closing ): `{pattern}`");
    }
    if has("unopened group") {
        return format!("unexpected ): `{pattern}`");
    }
    if has("unclosed character class") {
        let at = pattern.rfind('[').unwrap_or(0);
        return format!("missing closing ]: `{}`", &pattern[at..]);
    }
    if has("repetition operator missing expression") {
        let at = pattern.find(['*', '+', '?']).unwrap_or(0);
        let op = pattern[at..].chars().next().unwrap_or('*');
        return format!("missing argument to repetition operator: `{op}`");
    }
    if has("look-around") {
        let at = ["(?=", "(?!", "(?<"].iter().filter_map(|p| pattern.find(p)).min().unwrap_or(0);
        let shown: String = pattern[at..].chars().take(3).collect();
        return format!("invalid or unsupported Perl syntax: `{shown}`");
    }
    let last = text.lines().last().unwrap_or(&text);
    last.trim_start_matches("error: ").to_owned()
}
