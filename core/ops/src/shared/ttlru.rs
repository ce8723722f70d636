//! Cache `ttlru`: so many values, each for a time (spec/benthos-components.md §E).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use hashlink::LinkedHashMap;
use plan::env::read_config;
use plan::fields::Duration;
use plan::shared::{Cache, CacheError, CacheOp, CacheResult, CacheSpec};
use plan::{BuildError, Json, LocalBoxFuture, Log, Services, schema_of};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lru::list::{Key, List};
use super::memory::{CACHE_BYTES_MAX, too_large, weight};

/// Configuration of `ttlru`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// How many values there may be. All of them together may take 4 GiB; when they do, those that
    /// were not used for longest go.
    #[serde(default = "thousand")]
    cap: i64,
    /// How long a value is kept after it was written.
    #[serde(default = "five_minutes")]
    default_ttl: Duration,
    /// The old name of `default_ttl`.
    #[serde(default)]
    #[schemars(extend("advanced" = true, "deprecated" = true))]
    ttl: Option<Duration>,
    /// Values that are there from the start.
    #[serde(default)]
    init_values: BTreeMap<String, String>,
    /// Whether to go without locks. One shard owns a cache here, so it has no effect.
    #[serde(default)]
    #[schemars(extend("advanced" = true))]
    optimistic: bool,
}

fn thousand() -> i64 {
    1024
}

fn five_minutes() -> Duration {
    Duration::from_secs(300)
}

/// The values, and when each is too old.
struct Values {
    list: List,
    /// In the order in which they were written, which is that in which they get too old.
    ends_ns: LinkedHashMap<Key, u64>,
    bytes_max: usize,
}

impl Values {
    fn new(cap: usize, bytes_max: usize) -> Self {
        Values { list: List::new(cap), ends_ns: LinkedHashMap::new(), bytes_max }
    }

    /// Takes out what is too old.
    fn expire(&mut self, now_ns: u64) {
        while self.ends_ns.front().is_some_and(|(_, ends_ns)| *ends_ns <= now_ns) {
            if let Some((key, _)) = self.ends_ns.pop_front() {
                self.list.take(&key);
            }
        }
    }

    fn put(&mut self, key: Key, value: Vec<u8>, ends_ns: u64) -> CacheResult {
        if weight(&key, &value) > self.bytes_max {
            return Err(too_large(self.bytes_max));
        }
        self.ends_ns.insert(Rc::clone(&key), ends_ns);
        if let Some(gone) = self.list.put(key, value) {
            self.ends_ns.remove(&gone);
        }
        while self.list.bytes() > self.bytes_max {
            let Some((gone, _)) = self.list.take_oldest() else { break };
            self.ends_ns.remove(&gone);
        }
        Ok(None)
    }
}

struct Ttlru {
    values: RefCell<Values>,
    ttl_ns: u64,
    services: Rc<dyn Services>,
}

impl Ttlru {
    fn build(config: &Json, services: Rc<dyn Services>) -> Result<Rc<dyn Cache>, BuildError> {
        let config: Config = read_config(config)?;
        let cap = usize::try_from(config.cap).ok().filter(|cap| *cap > 0).ok_or_else(|| {
            BuildError::new("invalid ttlru cache parameter capacity: must be bigger than 0")
        })?;
        if config.ttl.is_some() {
            let text = r#"field "ttl" is deprecated, please use "default_ttl""#;
            services.log(Log::Warn, text, &[]);
        }
        let ttl_ns = config.ttl.unwrap_or(config.default_ttl).wait_ns();
        if ttl_ns == 0 {
            let text = "invalid ttlru cache parameter default_ttl: must be bigger than 0s";
            return Err(BuildError::new(text));
        }
        let mut values = Values::new(cap, CACHE_BYTES_MAX);
        let ends_ns = services.now_ns().saturating_add(ttl_ns);
        for (key, value) in config.init_values {
            let put = values.put(key.as_bytes().into(), value.into_bytes(), ends_ns);
            put.map_err(|error| BuildError::new(error.to_string()))?;
        }
        Ok(Rc::new(Ttlru { values: RefCell::new(values), ttl_ns, services }))
    }

    fn one(&self, op: CacheOp, now_ns: u64) -> CacheResult {
        let mut values = self.values.borrow_mut();
        values.expire(now_ns);
        let ends_ns = now_ns.saturating_add(self.ttl_ns);
        match op {
            CacheOp::Get { key } => {
                values.list.touch(&key).cloned().map(Some).ok_or(CacheError::NotFound)
            }
            CacheOp::Set { key, value, .. } => values.put(key.into(), value, ends_ns),
            CacheOp::Add { key, .. } if values.list.has(&key) => Err(CacheError::Exists),
            CacheOp::Add { key, value, .. } => values.put(key.into(), value, ends_ns),
            CacheOp::Delete { key } => {
                values.list.take(&key);
                values.ends_ns.remove(&*key);
                Ok(None)
            }
        }
    }
}

impl Cache for Ttlru {
    fn run(&self, ops: Vec<CacheOp>) -> LocalBoxFuture<'_, Vec<CacheResult>> {
        let now_ns = self.services.now_ns();
        let results = ops.into_iter().map(|op| self.one(op, now_ns)).collect();
        Box::pin(std::future::ready(results))
    }
}

/// The cache `ttlru`.
pub static SPEC: CacheSpec = CacheSpec {
    name: "ttlru",
    since: "0.1.0",
    category: "cache",
    summary: "Keeps so many values in memory, each for a time.",
    schema: schema_of::<Config>,
    examples: &[],
    build: Ttlru::build,
};

#[cfg(test)]
mod tests {
    use plan::serde_json::json;

    use super::*;
    use crate::shared::testing::{add, delete, get, run, set};
    use crate::testing::Shard;

    fn build(config: &Json) -> Result<(Rc<Shard>, Rc<dyn Cache>), String> {
        let shard = Rc::new(Shard::default());
        let cache = Ttlru::build(config, shard.clone()).map_err(|error| error.text)?;
        Ok((shard, cache))
    }

    #[test]
    fn values_are_kept_for_their_time_from_when_they_were_written() {
        let config = json!({"default_ttl": "10ns", "init_values": {"i": "1"}});
        let (shard, cache) = build(&config).expect("a cache");
        shard.now_ns.set(5);
        assert_eq!(run(&cache, set("a", "1", Some(1))), Ok(None));
        assert_eq!(run(&cache, add("i", "2")), Err(CacheError::Exists));
        shard.now_ns.set(9);
        assert_eq!(run(&cache, get("a")), Ok(Some(b"1".to_vec())), "the time is the cache's own");
        shard.now_ns.set(10);
        assert_eq!(run(&cache, get("i")), Err(CacheError::NotFound));
        assert_eq!(run(&cache, set("i", "3", None)), Ok(None));
        shard.now_ns.set(15);
        assert_eq!(run(&cache, get("a")), Err(CacheError::NotFound), "reading does not prolong");
        assert_eq!(run(&cache, add("a", "4")), Ok(None));
        assert_eq!(run(&cache, delete("a")), Ok(None));
        assert_eq!(run(&cache, get("a")), Err(CacheError::NotFound));
        assert_eq!(run(&cache, get("i")), Ok(Some(b"3".to_vec())));
    }

    #[test]
    fn the_value_that_was_not_used_for_longest_goes() {
        let (_, cache) = build(&json!({"cap": 2})).expect("a cache");
        for op in [set("a", "1", None), set("b", "2", None), get("a"), set("c", "3", None)] {
            assert!(run(&cache, op).is_ok());
        }
        assert_eq!(run(&cache, get("b")), Err(CacheError::NotFound));
        assert!(run(&cache, get("a")).is_ok() && run(&cache, get("c")).is_ok());
    }

    #[test]
    fn bytes_have_a_limit_at_which_values_go() {
        let one = weight(b"00", b"");
        let mut values = Values::new(1000, 10 * one);
        for n in 0..100u64 {
            assert_eq!(values.put(format!("{n:02}").as_bytes().into(), Vec::new(), n), Ok(None));
            let most = 10.min(n as usize + 1);
            assert_eq!((values.list.len(), values.ends_ns.len()), (most, most));
        }
        let large = values.put(b"k"[..].into(), vec![0; 10 * one], 100);
        assert!(matches!(large, Err(CacheError::Other(_))), "{large:?}");
        values.expire(99);
        assert_eq!((values.list.len(), values.list.bytes(), values.ends_ns.len()), (0, 0, 0));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (config, text) in [
            (json!({"cap": 0}), "capacity: must be bigger than 0"),
            (json!({"default_ttl": "0s"}), "default_ttl: must be bigger than 0s"),
            (json!({"ttl": "-1s"}), "default_ttl: must be bigger than 0s"),
        ] {
            let text = format!("invalid ttlru cache parameter {text}");
            assert_eq!(build(&config).err(), Some(text), "{config}");
        }
        let (shard, _) = build(&json!({"default_ttl": "0s", "ttl": "1s"})).expect("a cache");
        assert!(shard.logged.borrow()[0].contains("is deprecated"), "{:?}", shard.logged);
    }
}
