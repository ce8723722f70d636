//! What can go wrong in the harness: a sentence that names the thing.

use std::fmt::Display;
use std::path::Path;

/// A failure of the harness itself or of a measured process, as one sentence.
#[derive(Debug)]
pub(crate) struct Error(pub(crate) String);

/// The harness's result.
pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Adds the path to an input or output error.
pub(crate) trait At<T> {
    /// Names the path that the operation was on.
    fn at(self, path: &Path) -> Result<T>;
}

impl<T, E: Display> At<T> for std::result::Result<T, E> {
    fn at(self, path: &Path) -> Result<T> {
        self.map_err(|e| Error(format!("{}: {e}", path.display())))
    }
}
