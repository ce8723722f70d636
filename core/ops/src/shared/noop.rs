//! Cache `noop`: keeps nothing (spec/benthos-components.md §E).

use std::rc::Rc;

use plan::shared::{Cache, CacheError, CacheOp, CacheResult, CacheSpec};
use plan::{LocalBoxFuture, schema_of};
use schemars::JsonSchema;
use serde::Deserialize;

/// Configuration of `noop`: none.
#[derive(Deserialize, JsonSchema)]
struct Config {}

struct Noop;

impl Cache for Noop {
    fn run(&self, ops: Vec<CacheOp>) -> LocalBoxFuture<'_, Vec<CacheResult>> {
        let one = |op| match op {
            CacheOp::Get { .. } => Err(CacheError::NotFound),
            _ => Ok(None),
        };
        Box::pin(std::future::ready(ops.into_iter().map(one).collect()))
    }
}

/// The cache `noop`.
pub static SPEC: CacheSpec = CacheSpec {
    name: "noop",
    since: "0.1.0",
    category: "cache",
    summary: "Keeps nothing: whatever is written, nothing is found.",
    schema: schema_of::<Config>,
    examples: &[],
    build: |_, _| Ok(Rc::new(Noop)),
};

#[cfg(test)]
mod tests {
    use plan::Json;

    use super::*;
    use crate::shared::testing::{add, delete, get, run, set};
    use crate::testing::Shard;

    #[test]
    fn everything_is_taken_and_nothing_found() {
        let cache = (SPEC.build)(&Json::Null, Rc::new(Shard::default())).unwrap();
        for op in [set("a", "1", None), add("a", "2"), add("a", "3"), delete("a")] {
            assert_eq!(run(&cache, op), Ok(None));
        }
        assert_eq!(run(&cache, get("a")), Err(CacheError::NotFound));
    }
}
