//! Regular expressions in Go's syntax.

mod find;
mod groups;
mod straight;
mod syntax;

use regex::bytes::{Regex, RegexBuilder};

pub use find::{Template, each_captures, each_match, group_keys, object_of, replace_all};
pub use groups::Groups;

use straight::Straight;

use crate::error::Error;

/// Bytes that a compiled expression may take.
pub const REGEX_BYTES_MAX: usize = 16 << 20;

/// Compiles an expression.
///
/// # Errors
/// In the words of Go's `regexp`.
pub fn compile(pattern: &str) -> Result<Regex, Error> {
    let failed = |why: String| Error::new(format!("error parsing regexp: {why}"));
    let ours = syntax::translate(pattern).map_err(failed)?;
    RegexBuilder::new(&ours).size_limit(REGEX_BYTES_MAX).build().map_err(|error| {
        let text = error.to_string();
        let last = text.lines().last().unwrap_or(&text);
        failed(last.trim_start_matches("error: ").to_owned())
    })
}

/// The same expression for texts of ASCII alone; `None` where it speaks of more. With it comes a
/// form that is quicker, where it has one.
fn compile_ascii(pattern: &str) -> Option<(Regex, Option<Straight>)> {
    let ours = syntax::translate(pattern).ok()?;
    let engine =
        RegexBuilder::new(&ours).unicode(false).size_limit(REGEX_BYTES_MAX).build().ok()?;
    Some((engine, Straight::new(&ours)))
}
