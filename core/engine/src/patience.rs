//! How long those who ask for a stop are ready to wait for it.

use std::sync::Weak;
use std::time::Duration;

/// How long an old instance may take to stop gracefully before it is forced.
#[derive(Clone, Debug, Default)]
pub enum Patience {
    /// For as long as somebody waits for the answer.
    #[default]
    Answered,
    /// Three quarters of this; the rest is for the forced stop.
    Within(Duration),
    /// For as long as somebody holds the other end: whoever waits may do so for somebody else.
    Held(Weak<()>),
}

impl From<Option<Duration>> for Patience {
    fn from(timeout: Option<Duration>) -> Self {
        timeout.map_or(Patience::Answered, Patience::Within)
    }
}

impl Patience {
    /// The time after which it ends.
    pub(crate) fn limit(&self) -> Option<Duration> {
        match self {
            Patience::Within(limit) => Some(*limit),
            Patience::Answered | Patience::Held(_) => None,
        }
    }

    /// Whether it has ended before any time has.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self, Patience::Held(end) if end.strong_count() == 0)
    }
}
