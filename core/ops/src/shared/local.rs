//! Rate limit `local`: so many times in each interval (spec/benthos-components.md §E).

use std::cell::Cell;
use std::rc::Rc;

use plan::env::read_config;
use plan::fields::Duration;
use plan::shared::{RateLimit, RateLimitSpec};
use plan::{BuildError, Json, LocalBoxFuture, Services, schema_of};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Configuration of `local`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Times in each interval.
    #[serde(default = "thousand")]
    count: i64,
    /// Length of an interval; the first one begins with the first time that is asked for.
    #[serde(default = "one_second")]
    interval: Duration,
}

fn thousand() -> i64 {
    1000
}

fn one_second() -> Duration {
    Duration::from_secs(1)
}

struct Local {
    count: i64,
    interval_ns: u64,
    left: Cell<i64>,
    /// When the interval ends; `None` before the first time.
    ends_ns: Cell<Option<u64>>,
    services: Rc<dyn Services>,
}

impl Local {
    fn build(config: &Json, services: Rc<dyn Services>) -> Result<Rc<dyn RateLimit>, BuildError> {
        let Config { count, interval } = read_config(config)?;
        if count <= 0 {
            return Err(BuildError::new("count must be larger than zero"));
        }
        let (interval_ns, left, ends_ns) = (interval.wait_ns(), Cell::new(0), Cell::new(None));
        Ok(Rc::new(Local { count, interval_ns, left, ends_ns, services }))
    }

    fn ask(&self, now_ns: u64) -> u64 {
        match self.ends_ns.get().filter(|ends| *ends > now_ns) {
            Some(ends) if self.left.get() == 0 => return ends - now_ns,
            Some(_) => self.left.set(self.left.get() - 1),
            None => {
                self.ends_ns.set(Some(now_ns.saturating_add(self.interval_ns)));
                self.left.set(self.count - 1);
            }
        }
        0
    }
}

impl RateLimit for Local {
    fn access(&self) -> LocalBoxFuture<'_, Result<u64, String>> {
        Box::pin(std::future::ready(Ok(self.ask(self.services.now_ns()))))
    }
}

/// The rate limit `local`.
pub static SPEC: RateLimitSpec = RateLimitSpec {
    name: "local",
    since: "0.1.0",
    category: "rate limit",
    summary: "Grants so many times in each interval, to all that share it in this process.",
    schema: schema_of::<Config>,
    examples: &[],
    build: Local::build,
};

#[cfg(test)]
mod tests {
    use plan::serde_json::json;

    use super::*;
    use crate::testing::Shard;

    #[test]
    fn times_are_counted_by_interval() {
        let shard = Rc::new(Shard::default());
        shard.now_ns.set(7);
        let limit = Local {
            count: 2,
            interval_ns: 10,
            left: Cell::new(0),
            ends_ns: Cell::new(None),
            services: shard,
        };
        let asked = [(7, 0), (8, 0), (9, 8), (16, 1), (17, 0), (18, 0), (19, 8), (27, 0)];
        for (now_ns, wait) in asked {
            assert_eq!(limit.ask(now_ns), wait, "at {now_ns}");
        }
    }

    #[test]
    fn a_limit_of_nothing_is_refused() {
        let shard: Rc<dyn Services> = Rc::new(Shard::default());
        for count in [0, -1] {
            let built = Local::build(&json!({"count": count}), Rc::clone(&shard));
            assert_eq!(built.err().unwrap().text, "count must be larger than zero");
        }
    }
}
