//! What becomes of a request by the status of its answer, and how long to wait before the next.

use std::cell::Cell;
use std::time::Duration;

use super::config::Common;

/// What a status means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It went well.
    Success,
    /// It failed for good.
    Final,
    /// It failed; again after a pause.
    Again,
    /// It failed; again after a pause that grows.
    Slower,
}

/// What statuses mean to a client.
#[derive(Clone, Debug)]
pub(super) struct Judge {
    backoff_on: Vec<u16>,
    drop_on: Vec<u16>,
    successful_on: Vec<u16>,
    follow_redirects: bool,
}

impl Judge {
    pub(super) fn new(config: &Common) -> Self {
        Judge {
            backoff_on: config.backoff_on.clone(),
            drop_on: config.drop_on.clone(),
            successful_on: config.successful_on.clone(),
            follow_redirects: config.follow_redirects,
        }
    }

    pub(super) fn of(&self, status: u16) -> Verdict {
        match status {
            _ if self.drop_on.contains(&status) => Verdict::Final,
            _ if self.backoff_on.contains(&status) => Verdict::Slower,
            _ if self.successful_on.contains(&status) => Verdict::Success,
            300..=399 if !self.follow_redirects => Verdict::Success,
            200..=299 => Verdict::Success,
            _ => Verdict::Again,
        }
    }
}

/// The pauses of a client. All of its requests share them: who is told to slow down speaks for the
/// others.
pub(super) struct Pauses {
    base: Duration,
    max: Duration,
    period: Cell<Duration>,
    retried: Cell<bool>,
}

impl Pauses {
    pub(super) fn new(config: &Common) -> Self {
        let base = Duration::from_nanos(config.retry_period.wait_ns());
        let max = Duration::from_nanos(config.max_retry_backoff.wait_ns());
        Pauses { base, max, period: Cell::new(base), retried: Cell::new(false) }
    }

    /// The next pause.
    pub(super) fn next(&self, slower: bool) -> Duration {
        let period = self.period.get();
        if slower && self.retried.get() && period < self.max {
            self.period.set(period.saturating_mul(2).min(self.max));
        }
        self.retried.set(true);
        self.period.get()
    }

    /// Something went well.
    pub(super) fn reset(&self) {
        self.period.set(self.base);
        self.retried.set(false);
    }
}

#[cfg(test)]
mod tests {
    use plan::fields::Duration as Field;

    use super::*;

    #[test]
    fn statuses_have_their_order_of_precedence() {
        let config = Common {
            drop_on: vec![404, 429, 200],
            successful_on: vec![303, 409, 429],
            backoff_on: vec![429, 503, 201],
            ..Common::default()
        };
        let judge = Judge::new(&config);
        let of = |status| judge.of(status);
        assert_eq!([of(404), of(429), of(200)], [Verdict::Final; 3]);
        assert_eq!([of(503), of(201)], [Verdict::Slower; 2]);
        assert_eq!([of(303), of(409), of(202)], [Verdict::Success; 3]);
        assert_eq!([of(302), of(500), of(100)], [Verdict::Again; 3]);
        let stays = Judge::new(&Common { follow_redirects: false, ..Common::default() });
        assert_eq!(stays.of(302), Verdict::Success);
    }

    #[test]
    fn pauses_grow_where_they_should_and_shrink_after_success() {
        let config = Common {
            retry_period: Field::from_secs(1),
            max_retry_backoff: Field::from_secs(3),
            ..Common::default()
        };
        let pauses = Pauses::new(&config);
        let secs = |slower| pauses.next(slower).as_secs();
        assert_eq!([secs(true), secs(true), secs(true), secs(true)], [1, 2, 3, 3]);
        assert_eq!(secs(false), 3);
        pauses.reset();
        assert_eq!([secs(false), secs(false)], [1, 1]);
    }
}
