//! Avro: documents by a schema, in its binary form and as JSON that names the branches of unions.
//!
//! The crate `apache-avro` reads schemas. Values are read and written here, straight from and into
//! documents, so that bytes of unknown origin can neither ask for memory nor nest without end.

mod binary;
mod decimal;
mod error;
mod numbers;
mod out;
mod schema;
mod textual;
mod write;

pub(crate) use binary::{read, read_single};
pub(crate) use error::Error;
pub(crate) use out::{Binary, Textual};
pub(crate) use schema::Schema;
pub(crate) use textual::read_textual;
pub(crate) use write::write;

/// Values that may be nested in one another, as many as containers in JSON.
const DEPTH_MAX: usize = formats::json::DEPTH_MAX;
/// Values that are looked at for one message. Where a union may be any of several branches, each
/// is tried, and so on within them.
const STEPS_MAX: usize = 20_000_000;

/// What may still be done for a message.
struct Budget {
    depth: usize,
    steps: usize,
}

impl Budget {
    fn new() -> Self {
        Budget { depth: DEPTH_MAX, steps: STEPS_MAX }
    }

    /// Counts a value that is about to be looked at; what is in it comes before [`Budget::leave`].
    fn enter(&mut self) -> Result<(), Error> {
        self.steps =
            self.steps.checked_sub(1).ok_or_else(|| Error::plain("avro: too many steps"))?;
        let deeper = self.depth.checked_sub(1);
        self.depth = deeper.ok_or_else(|| Error::plain("avro: exceeded max depth"))?;
        Ok(())
    }

    fn leave(&mut self) {
        self.depth += 1;
    }
}

/// Runs on as much stack as a level of nesting needs.
fn deeper<T>(run: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(64 << 10, 2 << 20, run)
}

#[cfg(test)]
mod tests;
