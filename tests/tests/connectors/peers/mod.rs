//! What stands on the other side of a component, under the control of the test.

pub(crate) mod http;
pub(crate) mod lines;
pub(crate) mod listener;

use std::net::TcpListener;

/// An address that was free a moment ago.
pub(crate) fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").to_string()
}

/// The messages of a test: numbered texts of one length, more or less.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Messages {
    /// How many.
    pub(crate) count: usize,
    /// Bytes that each has beside its number.
    pub(crate) pad: usize,
}

impl Messages {
    /// Message `number`.
    pub(crate) fn text(self, number: usize) -> String {
        format!("message-{number}{}", "x".repeat(self.pad))
    }

    /// Messages of a range.
    pub(crate) fn range(self, range: std::ops::Range<usize>) -> Vec<String> {
        range.map(|number| self.text(number)).collect()
    }

    /// All of them.
    pub(crate) fn all(self) -> Vec<String> {
        self.range(0..self.count)
    }

    /// A range of them as lines of a file.
    pub(crate) fn lines(self, range: std::ops::Range<usize>) -> String {
        range.map(|number| self.text(number) + "\n").collect()
    }
}
