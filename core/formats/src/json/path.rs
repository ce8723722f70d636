//! Paths into documents, known before any document is.

/// Number of a path within its [`Paths`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PathId(pub u32);

/// The paths that a reader is asked for, each once. A segment is the name of a member, or on an
/// array an index in decimal digits; the empty path is the whole document.
#[derive(Clone, Debug, Default)]
pub struct Paths {
    paths: Vec<Vec<Vec<u8>>>,
}

impl Paths {
    /// No paths.
    #[must_use]
    pub fn new() -> Self {
        Paths::default()
    }

    /// Adds a path, or finds it when it was added before.
    pub fn intern<S: AsRef<[u8]>>(&mut self, segments: &[S]) -> PathId {
        let path: Vec<Vec<u8>> = segments.iter().map(|segment| segment.as_ref().to_vec()).collect();
        let at = self.paths.iter().position(|known| *known == path).unwrap_or_else(|| {
            self.paths.push(path);
            self.paths.len() - 1
        });
        PathId(at as u32)
    }

    /// Number of paths.
    #[must_use]
    pub fn len(&self) -> usize {
        self.paths.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[Vec<u8>]> {
        self.paths.iter().map(Vec::as_slice)
    }
}
