//! Growing pauses between attempts.

use std::time::Duration as Time;

use plan::fields::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How pauses between attempts grow.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// The first pause.
    pub initial_interval: Duration,
    /// The longest pause.
    pub max_interval: Duration,
    /// Time after which nothing is tried any more; 0: never.
    pub max_elapsed_time: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            initial_interval: Duration::from_ms(500),
            max_interval: Duration::from_secs(3),
            max_elapsed_time: Duration::default(),
        }
    }
}

/// The pauses of one sequence of attempts.
#[derive(Debug)]
pub struct Backoff {
    next: Time,
    max: Time,
    end: Option<rt::Nanos>,
}

impl Backoff {
    /// A sequence that begins now.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let elapsed = config.max_elapsed_time.wait_ns();
        Backoff {
            next: Time::from_nanos(config.initial_interval.wait_ns()),
            max: Time::from_nanos(config.max_interval.wait_ns()),
            end: (elapsed > 0).then(|| rt::now() + Time::from_nanos(elapsed)),
        }
    }

    /// Waits before the next attempt; false when the time is over.
    pub async fn pause(&mut self) -> bool {
        let pause = self.next.min(self.max);
        if self.end.is_some_and(|end| rt::now() + pause > end) {
            return false;
        }
        self.next = pause.saturating_mul(2);
        // Even without a pause others get a turn.
        if pause.is_zero() {
            rt::yield_now().await
        } else {
            rt::sleep(pause).await
        }
        true
    }
}
