//! What a client of the IPC port does wrong, in the log: enough to see it, however often.

use std::time::Duration;

/// How long a client is not complained about after a line in the log; what it does wrong in the
/// meantime is counted.
const PERIOD: Duration = Duration::from_secs(1);
/// Characters of an error, which may repeat what a client sent, that are logged.
const ERROR_CHARACTERS_MAX: usize = 200;

/// The complaints about one client.
pub(super) struct Complaints {
    pub(super) remote: String,
    /// When the last line was logged.
    said: Option<rt::Nanos>,
    left_out: u64,
}

impl Complaints {
    pub(super) fn of(remote: &str) -> Self {
        Complaints { remote: remote.to_owned(), said: None, left_out: 0 }
    }

    /// Logs a complaint, unless there was one a moment ago.
    pub(super) fn say(&mut self, text: &str, error: Option<&str>) {
        if let Some(left_out) = self.admit(rt::now()) {
            tracing::warn!(remote = self.remote, left_out, error = error.map(cut), "{text}");
        }
    }

    /// Whether a complaint may be logged now, and how many were left out before it.
    fn admit(&mut self, now: rt::Nanos) -> Option<u64> {
        if self.said.is_some_and(|said| now.since(said) < PERIOD) {
            self.left_out += 1;
            return None;
        }
        self.said = Some(now);
        Some(std::mem::take(&mut self.left_out))
    }
}

/// The beginning of a text.
fn cut(text: &str) -> &str {
    let end = text.char_indices().nth(ERROR_CHARACTERS_MAX).map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or_default()
}

impl Drop for Complaints {
    fn drop(&mut self) {
        let (remote, left_out) = (&self.remote, self.left_out);
        if left_out > 0 {
            tracing::warn!(remote, left_out, "complaints about a client were left out");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_complaints_are_counted_and_not_said() {
        let mut complaints = Complaints::of("a");
        let began = rt::now();
        assert_eq!(complaints.admit(began), Some(0));
        for _ in 0..1000 {
            assert_eq!(complaints.admit(began), None);
        }
        assert_eq!(complaints.admit(began + PERIOD), Some(1000));
        assert_eq!(complaints.admit(began + PERIOD), None);
        assert_eq!(complaints.admit(began + PERIOD * 2), Some(1));
    }

    #[test]
    fn a_long_error_is_cut() {
        let long = "é".repeat(ERROR_CHARACTERS_MAX + 1);
        assert_eq!(cut(&long), "é".repeat(ERROR_CHARACTERS_MAX));
        assert_eq!(cut("type"), "type");
    }
}
