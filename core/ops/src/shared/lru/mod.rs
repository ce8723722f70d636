//! Cache `lru`: so many values, of which the one that was not used for longest gives its place to
//! a new one (spec/benthos-components.md §E).

mod arc;
pub(super) mod list;
#[cfg(test)]
mod tests;
mod two_queues;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use plan::env::read_config;
use plan::shared::{Cache, CacheError, CacheOp, CacheResult, CacheSpec};
use plan::{BuildError, Json, LocalBoxFuture, Services, schema_of};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::memory::{CACHE_BYTES_MAX, too_large, weight};
use list::{Key, List};

/// Configuration of `lru`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// How many values there may be. All of them together may take 4 GiB; when they do, those that
    /// were not used for longest go.
    #[serde(default = "thousand")]
    cap: i64,
    /// Values that are there from the start.
    #[serde(default)]
    init_values: BTreeMap<String, String>,
    /// Which value has to go when there are too many.
    #[serde(default)]
    #[schemars(extend("advanced" = true))]
    algorithm: Algorithm,
    /// With `two_queues` the share of values that were used once only.
    #[serde(default = "quarter")]
    #[schemars(extend("advanced" = true))]
    two_queues_recent_ratio: f64,
    /// With `two_queues` the keys that are remembered after their values had to go, as a share of
    /// `cap`.
    #[serde(default = "half")]
    #[schemars(extend("advanced" = true))]
    two_queues_ghost_ratio: f64,
    /// Whether to go without locks. One shard owns a cache here, so it has no effect.
    #[serde(default)]
    #[schemars(extend("advanced" = true))]
    optimistic: bool,
}

/// Which value has to go.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Algorithm {
    /// The one that was not used for longest.
    #[default]
    Standard,
    /// One that was used once or one that was used again, whichever was missed less so far.
    Arc,
    /// One that was used once, as long as those have more than their share: a burst of new values
    /// does not drive out what is used often.
    TwoQueues,
}

fn thousand() -> i64 {
    1000
}

fn quarter() -> f64 {
    0.25
}

fn half() -> f64 {
    0.5
}

/// Values of which some have to go when there are too many.
trait Policy {
    /// A value, which counts as used.
    fn get(&mut self, key: &[u8]) -> Option<Vec<u8>>;
    /// Whether there is a value, which does not count as used.
    fn has(&self, key: &[u8]) -> bool;
    /// Puts a value in; another one may have to go.
    fn put(&mut self, key: Key, value: Vec<u8>);
    /// Takes a value out, and forgets the key.
    fn remove(&mut self, key: &[u8]);
    /// Bytes that everything takes, about.
    fn bytes(&self) -> usize;
    /// Takes out what is missed least; false when nothing is left.
    fn shrink(&mut self) -> bool;
}

struct Lru {
    policy: RefCell<Box<dyn Policy>>,
    bytes_max: usize,
}

impl Lru {
    fn build(config: &Json, _: Rc<dyn Services>) -> Result<Rc<dyn Cache>, BuildError> {
        let config: Config = read_config(config)?;
        let cap = usize::try_from(config.cap).ok().filter(|cap| *cap > 0).ok_or_else(|| {
            BuildError::new("invalid lru cache parameter capacity: must be bigger than 0")
        })?;
        let policy: Box<dyn Policy> = match config.algorithm {
            Algorithm::Standard => Box::new(List::new(cap)),
            Algorithm::Arc => Box::new(arc::Arc::new(cap)),
            Algorithm::TwoQueues => {
                let (recent, ghost) =
                    (config.two_queues_recent_ratio, config.two_queues_ghost_ratio);
                Box::new(two_queues::TwoQueues::new(cap, recent, ghost)?)
            }
        };
        let cache = Lru { policy: RefCell::new(policy), bytes_max: CACHE_BYTES_MAX };
        for (key, value) in config.init_values {
            let put = cache.put(key.as_bytes(), value.into_bytes());
            put.map_err(|error| BuildError::new(error.to_string()))?;
        }
        Ok(Rc::new(cache))
    }

    fn put(&self, key: &[u8], value: Vec<u8>) -> CacheResult {
        if weight(key, &value) > self.bytes_max {
            return Err(too_large(self.bytes_max));
        }
        let mut policy = self.policy.borrow_mut();
        policy.put(key.into(), value);
        while policy.bytes() > self.bytes_max && policy.shrink() {}
        Ok(None)
    }

    fn one(&self, op: CacheOp) -> CacheResult {
        match op {
            CacheOp::Get { key } => {
                let found = self.policy.borrow_mut().get(&key);
                found.map(Some).ok_or(CacheError::NotFound)
            }
            CacheOp::Set { key, value, .. } => self.put(&key, value),
            CacheOp::Add { key, .. } if self.policy.borrow().has(&key) => Err(CacheError::Exists),
            CacheOp::Add { key, value, .. } => self.put(&key, value),
            CacheOp::Delete { key } => {
                self.policy.borrow_mut().remove(&key);
                Ok(None)
            }
        }
    }
}

impl Cache for Lru {
    fn run(&self, ops: Vec<CacheOp>) -> LocalBoxFuture<'_, Vec<CacheResult>> {
        let results = ops.into_iter().map(|op| self.one(op)).collect();
        Box::pin(std::future::ready(results))
    }
}

/// The cache `lru`.
pub static SPEC: CacheSpec = CacheSpec {
    name: "lru",
    since: "0.1.0",
    category: "cache",
    summary: "Keeps so many values in memory: those that were used last.",
    schema: schema_of::<Config>,
    examples: &[],
    build: Lru::build,
};
