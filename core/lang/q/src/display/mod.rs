//! What the console shows (spec/kdb-q.md §2), to the character.
//!
//! Three forms of a value: *plain* text as `string` gives it, one line of *text* that could be
//! read again, and the *console* form with aligned rows, cut to the size of the console.

mod atom;
mod console;
mod float;
mod line;
#[cfg(test)]
mod tests;

pub(crate) use atom::plain;
pub(crate) use console::console;
pub(crate) use line::text;

use formats::k::K;

/// What the console shows of a value, with seven digits and 25 lines of 80 columns.
#[must_use]
pub fn display(value: &K) -> String {
    console(value, 7, (25, 80))
}
