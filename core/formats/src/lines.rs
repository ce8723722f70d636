//! Splitting bytes into lines by SIMD search (spec/benthos-components.md, scanner `lines`).

use memchr::{memchr_iter, memmem, memrchr};

/// Longest line of the `lines` scanner when nothing else is configured, in bytes.
pub const LINE_BYTES_DEFAULT: usize = 65_536;

/// A line did not fit the configured buffer. Its text is the one that users of the scanner know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bufio.Scanner: token too long")]
pub struct LineTooLong {
    /// Where the line starts in the bytes given, for a message.
    pub at: usize,
}

/// How bytes are cut into lines.
#[derive(Clone, Debug)]
pub struct LineSplitter {
    delimiter: Option<memmem::Finder<'static>>,
    omit_empty: bool,
    bytes_max: usize,
}

impl Default for LineSplitter {
    fn default() -> Self {
        LineSplitter { delimiter: None, omit_empty: false, bytes_max: LINE_BYTES_DEFAULT }
    }
}

impl LineSplitter {
    /// Lines that end with `\n` or `\r\n` and, with the delimiter, fit [`LINE_BYTES_DEFAULT`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends lines by `delimiter` in place of `\n`; a `\r` before it is content then. An empty
    /// delimiter means the usual line ends.
    #[must_use]
    pub fn with_delimiter(mut self, delimiter: &[u8]) -> Self {
        let finder = (!delimiter.is_empty()).then(|| memmem::Finder::new(delimiter).into_owned());
        self.delimiter = finder;
        self
    }

    /// Leaves out lines without content.
    #[must_use]
    pub fn omit_empty(mut self, omit: bool) -> Self {
        self.omit_empty = omit;
        self
    }

    /// Refuses lines that do not fit a buffer of `bytes_max` bytes together with their delimiter.
    #[must_use]
    pub fn bytes_max(mut self, bytes_max: usize) -> Self {
        self.bytes_max = bytes_max;
        self
    }

    /// Appends `(start, length)` of each complete line of `bytes` to `out`, and of the
    /// unterminated rest when `at_end`. Returns how many bytes were consumed: what follows them
    /// is the start of a line whose end is yet to come.
    ///
    /// # Errors
    /// When a line is too long; the lines before it were appended.
    ///
    /// # Panics
    /// When `bytes` is longer than 4 GiB, which no block is.
    pub fn split(
        &self,
        bytes: &[u8],
        at_end: bool,
        out: &mut Vec<(u32, u32)>,
    ) -> Result<usize, LineTooLong> {
        assert!(u32::try_from(bytes.len()).is_ok(), "positions of lines fit 32 bits");
        let mut start = 0;
        match &self.delimiter {
            None => {
                for end in memchr_iter(b'\n', bytes) {
                    self.push(bytes, start, end, end + 1, out)?;
                    start = end + 1;
                }
            }
            Some(finder) => {
                for end in finder.find_iter(bytes) {
                    let next = end + finder.needle().len();
                    self.push(bytes, start, end, next, out)?;
                    start = next;
                }
            }
        }
        // A rest that fills the buffer is refused before its end is seen, as the original does.
        if bytes.len() - start >= self.bytes_max {
            return Err(LineTooLong { at: start });
        }
        if at_end && start < bytes.len() {
            self.push(bytes, start, bytes.len(), bytes.len(), out)?;
            start = bytes.len();
        }
        Ok(start)
    }

    #[inline]
    fn push(
        &self,
        bytes: &[u8],
        start: usize,
        mut end: usize,
        next: usize,
        out: &mut Vec<(u32, u32)>,
    ) -> Result<(), LineTooLong> {
        if next - start > self.bytes_max {
            return Err(LineTooLong { at: start });
        }
        if self.delimiter.is_none() && end > start && bytes.get(end - 1) == Some(&b'\r') {
            end -= 1;
        }
        if end > start || !self.omit_empty {
            out.push((start as u32, (end - start) as u32));
        }
        Ok(())
    }

    /// Where the last complete line of `bytes` ends, its delimiter included: the place to cut a
    /// block so that each part holds whole lines. `None` when no line ends here.
    #[must_use]
    pub fn last_border(&self, bytes: &[u8]) -> Option<usize> {
        match &self.delimiter {
            None => memrchr(b'\n', bytes).map(|at| at + 1),
            // Searching backwards could pair overlapping occurrences differently than `split`
            // does (`aaa` by `aa`), so a delimiter that can overlap itself is searched forwards.
            Some(finder) if overlaps_itself(finder.needle()) => {
                finder.find_iter(bytes).last().map(|at| at + finder.needle().len())
            }
            Some(finder) => {
                memmem::rfind(bytes, finder.needle()).map(|at| at + finder.needle().len())
            }
        }
    }
}

fn overlaps_itself(needle: &[u8]) -> bool {
    (1..needle.len()).any(|shift| needle.starts_with(&needle[shift..]))
}

/// How many lines some bytes hold; an unterminated rest is one, too.
#[must_use]
pub fn count(bytes: &[u8]) -> usize {
    let rest = bytes.last().is_some_and(|last| *last != b'\n');
    memchr_iter(b'\n', bytes).count() + usize::from(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(splitter: &LineSplitter, bytes: &[u8]) -> Result<Vec<String>, LineTooLong> {
        let mut ranges = Vec::new();
        let end = splitter.split(bytes, true, &mut ranges)?;
        assert_eq!(end, bytes.len());
        let text = |&(start, len): &(u32, u32)| {
            String::from_utf8_lossy(&bytes[start as usize..][..len as usize]).into_owned()
        };
        Ok(ranges.iter().map(text).collect())
    }

    #[test]
    fn line_ends() {
        let plain = LineSplitter::new();
        assert_eq!(lines(&plain, b"a\r\n\nb\rc\r\r\nd\r").unwrap(), ["a", "", "b\rc\r", "d"]);
        assert_eq!(lines(&plain, b"").unwrap(), [""; 0]);
        assert_eq!(lines(&plain, b"\n").unwrap(), [""]);
        let full = LineSplitter::new().omit_empty(true);
        assert_eq!(lines(&full, b"\n\r\na\n\n").unwrap(), ["a"]);
        let custom = LineSplitter::new().with_delimiter(b"XX");
        assert_eq!(lines(&custom, b"a\r\nXXbXXXcXX").unwrap(), ["a\r\n", "b", "Xc"]);
    }

    #[test]
    fn an_open_line_stays() {
        let mut ranges = Vec::new();
        assert_eq!(LineSplitter::new().split(b"ab\ncd", false, &mut ranges), Ok(3));
        assert_eq!(ranges, [(0, 2)]);
        assert_eq!(LineSplitter::new().last_border(b"ab\ncd"), Some(3));
        assert_eq!(LineSplitter::new().last_border(b"abcd"), None);
        assert_eq!(LineSplitter::new().with_delimiter(b"aa").last_border(b"aaab"), Some(2));
    }

    #[test]
    fn long_lines_are_refused_as_bufio_does() {
        let short = LineSplitter::new().bytes_max(4);
        assert_eq!(lines(&short, b"abc\nabc").unwrap(), ["abc", "abc"]);
        assert_eq!(lines(&short, b"a\nabcd\n"), Err(LineTooLong { at: 2 }));
        assert_eq!(lines(&short, b"a\nabcd"), Err(LineTooLong { at: 2 }));
    }

    proptest! {
        #[test]
        fn cutting_changes_nothing(bytes in "[ab\r\n]{0,60}", cut in 0usize..60) {
            let splitter = LineSplitter::new();
            let cut = cut.min(bytes.len());
            let border = splitter.last_border(&bytes.as_bytes()[..cut]).unwrap_or(0);
            let whole = lines(&splitter, bytes.as_bytes()).unwrap();
            let mut parts = lines(&splitter, &bytes.as_bytes()[..border]).unwrap();
            parts.extend(lines(&splitter, &bytes.as_bytes()[border..]).unwrap());
            prop_assert_eq!(whole, parts);
        }
    }

    #[test]
    fn lines_are_counted_as_they_are_split() {
        for text in ["", "\n", "a", "a\n", "a\r\n\nccc\nd", "\n\n"] {
            let split = lines(&LineSplitter::new(), text.as_bytes()).unwrap();
            assert_eq!(count(text.as_bytes()), split.len(), "{text:?}");
        }
    }
}
