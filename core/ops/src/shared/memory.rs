//! Cache `memory`: a map that forgets what is too old (spec/benthos-components.md §E).

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::rc::Rc;

use plan::env::read_config;
use plan::fields::Duration;
use plan::shared::{Cache, CacheError, CacheOp, CacheResult, CacheSpec};
use plan::{BuildError, Json, LocalBoxFuture, Services, schema_of};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Bytes of keys and values that one cache holds; what would go beyond is refused.
pub const CACHE_BYTES_MAX: usize = 4 << 30;
/// Bytes that an entry takes besides its key and value, about.
const ENTRY_BYTES: usize = 64;

/// Configuration of `memory`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// How long a value is kept that is written without a time of its own.
    #[serde(default = "five_minutes")]
    default_ttl: Duration,
    /// How often values that are too old are cleared away; empty to keep them for ever.
    #[serde(default = "one_minute")]
    compaction_interval: String,
    /// Values that are there from the start, and are kept for ever.
    #[serde(default)]
    init_values: HashMap<String, String>,
    /// Parts of a cache that others can use at the same time. One shard owns a cache here, so it
    /// has no effect.
    #[serde(default = "one")]
    #[schemars(extend("advanced" = true))]
    shards: u32,
}

fn five_minutes() -> Duration {
    Duration::from_secs(300)
}

fn one_minute() -> String {
    "60s".to_owned()
}

fn one() -> u32 {
    1
}

struct Kept {
    value: Vec<u8>,
    /// When it is too old; `None` for never.
    ends_ns: Option<u64>,
}

impl Kept {
    fn is_old(&self, now_ns: u64) -> bool {
        self.ends_ns.is_some_and(|ends| ends <= now_ns)
    }
}

struct Memory {
    /// By keys that come from messages: the hash is seeded at random, so that nobody can choose
    /// keys that collide.
    values: RefCell<HashMap<Vec<u8>, Kept, ahash::RandomState>>,
    bytes: Cell<usize>,
    bytes_max: usize,
    ttl_ns: u64,
    /// Nanoseconds between clearings; `None` when nothing ever gets too old.
    interval_ns: Option<u64>,
    cleared_ns: Cell<u64>,
    services: Rc<dyn Services>,
}

/// Bytes that an entry takes, about.
pub(super) fn weight(key: &[u8], value: &[u8]) -> usize {
    key.len() + value.len() + ENTRY_BYTES
}

/// What is said of a value for which there is no room.
pub(super) fn too_large(bytes_max: usize) -> CacheError {
    CacheError::Other(format!("the cache may hold {bytes_max} bytes at most"))
}

impl Memory {
    fn build(config: &Json, services: Rc<dyn Services>) -> Result<Rc<dyn Cache>, BuildError> {
        let config: Config = read_config(config)?;
        let interval_ns = match config.compaction_interval.as_str() {
            "" => None,
            text => {
                let parsed = Duration::parse(text);
                let interval = parsed.map_err(|e| {
                    BuildError::new(format!("failed to parse compaction interval: {e}"))
                })?;
                Some(interval.wait_ns())
            }
        };
        let cache = Memory {
            values: RefCell::default(),
            bytes: Cell::new(0),
            bytes_max: CACHE_BYTES_MAX,
            ttl_ns: config.default_ttl.wait_ns(),
            interval_ns,
            cleared_ns: Cell::new(services.now_ns()),
            services,
        };
        for (key, value) in config.init_values {
            let put = cache.put(key.into_bytes(), value.into_bytes(), None);
            put.map_err(|error| BuildError::new(error.to_string()))?;
        }
        Ok(Rc::new(cache))
    }

    fn one(&self, op: CacheOp, now_ns: u64) -> CacheResult {
        match op {
            CacheOp::Get { key } => match self.values.borrow().get(&key) {
                Some(kept) if !kept.is_old(now_ns) => Ok(Some(kept.value.clone())),
                _ => Err(CacheError::NotFound),
            },
            CacheOp::Set { key, value, ttl_ns } => {
                self.clear(now_ns);
                self.put(key, value, self.ends(ttl_ns, now_ns))
            }
            CacheOp::Add { key, value, ttl_ns } => {
                self.clear(now_ns);
                if self.values.borrow().get(&key).is_some_and(|kept| !kept.is_old(now_ns)) {
                    return Err(CacheError::Exists);
                }
                self.put(key, value, self.ends(ttl_ns, now_ns))
            }
            CacheOp::Delete { key } => {
                if let Some(kept) = self.values.borrow_mut().remove(&key) {
                    self.bytes.set(self.bytes.get() - weight(&key, &kept.value));
                }
                Ok(None)
            }
        }
    }

    fn ends(&self, ttl_ns: Option<u64>, now_ns: u64) -> Option<u64> {
        self.interval_ns.map(|_| now_ns.saturating_add(ttl_ns.unwrap_or(self.ttl_ns)))
    }

    fn put(&self, key: Vec<u8>, value: Vec<u8>, ends_ns: Option<u64>) -> CacheResult {
        let new = weight(&key, &value);
        let mut values = self.values.borrow_mut();
        let entry = values.entry(key);
        let old = match &entry {
            Entry::Occupied(old) => weight(old.key(), &old.get().value),
            Entry::Vacant(_) => 0,
        };
        let bytes = self.bytes.get() - old + new;
        if bytes > self.bytes_max {
            return Err(too_large(self.bytes_max));
        }
        self.bytes.set(bytes);
        entry.insert_entry(Kept { value, ends_ns });
        Ok(None)
    }

    /// Clears away what is too old, if it is time to.
    fn clear(&self, now_ns: u64) {
        let due = |interval| now_ns.saturating_sub(self.cleared_ns.get()) >= interval;
        if !self.interval_ns.is_some_and(due) {
            return;
        }
        self.cleared_ns.set(now_ns);
        let mut bytes = 0;
        self.values.borrow_mut().retain(|key, kept| {
            let stays = !kept.is_old(now_ns);
            bytes += if stays { weight(key, &kept.value) } else { 0 };
            stays
        });
        self.bytes.set(bytes);
    }
}

impl Cache for Memory {
    fn run(&self, ops: Vec<CacheOp>) -> LocalBoxFuture<'_, Vec<CacheResult>> {
        let now_ns = self.services.now_ns();
        let results = ops.into_iter().map(|op| self.one(op, now_ns)).collect();
        Box::pin(std::future::ready(results))
    }
}

/// The cache `memory`.
pub static SPEC: CacheSpec = CacheSpec {
    name: "memory",
    since: "0.1.0",
    category: "cache",
    summary: "Keeps values in memory for a time.",
    schema: schema_of::<Config>,
    examples: &[],
    build: Memory::build,
};

#[cfg(test)]
mod tests {
    use plan::serde_json::json;

    use super::*;
    use crate::shared::testing::{add, delete, get, run, set};
    use crate::testing::Shard;

    fn cache(config: &Json) -> (Rc<Shard>, Rc<dyn Cache>) {
        let shard = Rc::new(Shard::default());
        let cache = Memory::build(config, shard.clone()).ok().unwrap();
        (shard, cache)
    }

    #[test]
    fn values_are_kept_for_their_time() {
        let (shard, cache) = cache(&json!({"default_ttl": "10ns", "init_values": {"i": "1"}}));
        assert_eq!(run(&cache, set("a", "1", None)), Ok(None));
        assert_eq!(run(&cache, set("b", "2", Some(20))), Ok(None));
        assert_eq!(run(&cache, add("a", "3")), Err(CacheError::Exists));
        shard.now_ns.set(10);
        assert_eq!(run(&cache, get("a")), Err(CacheError::NotFound));
        assert_eq!(run(&cache, get("b")), Ok(Some(b"2".to_vec())));
        assert_eq!(run(&cache, add("a", "3")), Ok(None));
        assert_eq!(run(&cache, get("a")), Ok(Some(b"3".to_vec())));
        shard.now_ns.set(u64::MAX);
        assert_eq!(run(&cache, get("i")), Ok(Some(b"1".to_vec())));
        assert_eq!(run(&cache, delete("i")), Ok(None));
        assert_eq!(run(&cache, get("i")), Err(CacheError::NotFound));
    }

    #[test]
    fn without_clearing_nothing_gets_too_old() {
        let (shard, cache) = cache(&json!({"default_ttl": "1ns", "compaction_interval": ""}));
        assert_eq!(run(&cache, set("a", "1", None)), Ok(None));
        shard.now_ns.set(u64::MAX);
        assert_eq!(run(&cache, get("a")), Ok(Some(b"1".to_vec())));
    }

    #[test]
    fn a_full_cache_refuses_until_something_is_cleared_away() {
        let shard = Rc::new(Shard::default());
        let memory = Memory {
            values: RefCell::default(),
            bytes: Cell::new(0),
            bytes_max: 2 * ENTRY_BYTES + 8,
            ttl_ns: 10,
            interval_ns: Some(5),
            cleared_ns: Cell::new(0),
            services: shard.clone(),
        };
        assert_eq!(memory.one(set("a", "1", None), 0), Ok(None));
        assert_eq!(memory.one(set("b", "2", None), 1), Ok(None));
        assert!(matches!(memory.one(set("c", "3", None), 2), Err(CacheError::Other(_))));
        assert_eq!(memory.one(set("a", "9", None), 3), Ok(None));
        assert_eq!(memory.one(set("c", "3", None), 12), Ok(None), "b is gone");
        assert_eq!(memory.one(get("a"), 12), Ok(Some(b"9".to_vec())));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        let shard: Rc<dyn Services> = Rc::new(Shard::default());
        for config in [json!({"default_ttl": "x"}), json!({"compaction_interval": "x"})] {
            assert!(Memory::build(&config, Rc::clone(&shard)).is_err(), "{config}");
        }
    }
}
