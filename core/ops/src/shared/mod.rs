//! Caches and rate limits that work in memory.

pub mod local;
pub mod lru;
pub mod memory;
pub mod multilevel;
pub mod noop;
pub mod ttlru;

use plan::{CacheSpec, RateLimitSpec};

/// The caches.
pub const CACHES: &[&CacheSpec] =
    &[&lru::SPEC, &memory::SPEC, &multilevel::SPEC, &noop::SPEC, &ttlru::SPEC];
/// The rate limits.
pub const RATE_LIMITS: &[&RateLimitSpec] = &[&local::SPEC];

/// What tests of caches do with them.
#[cfg(test)]
mod testing {
    use std::rc::Rc;

    use futures_util::FutureExt;
    use plan::Cache;
    use plan::shared::{CacheOp, CacheResult};

    pub(super) fn run(cache: &Rc<dyn Cache>, op: CacheOp) -> CacheResult {
        cache.run(vec![op]).now_or_never().expect("an answer").remove(0)
    }

    pub(super) fn get(key: &str) -> CacheOp {
        CacheOp::Get { key: key.into() }
    }

    pub(super) fn set(key: &str, value: &str, ttl_ns: Option<u64>) -> CacheOp {
        CacheOp::Set { key: key.into(), value: value.into(), ttl_ns }
    }

    pub(super) fn add(key: &str, value: &str) -> CacheOp {
        CacheOp::Add { key: key.into(), value: value.into(), ttl_ns: None }
    }

    pub(super) fn delete(key: &str) -> CacheOp {
        CacheOp::Delete { key: key.into() }
    }
}
