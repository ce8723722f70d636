//! Cache `multilevel`: caches one behind the other, the near ones first
//! (spec/benthos-components.md §E).

use std::rc::Rc;

use plan::env::read_config;
use plan::fields::CacheLabel;
use plan::shared::{Cache, CacheError, CacheOp, CacheResult, CacheSpec};
use plan::{BuildError, Json, LocalBoxFuture, Log, Services, schema_of};
use schemars::JsonSchema;
use serde::Deserialize;

/// The caches, the near ones first. A value that is found in one of them is written into those in
/// front of it; what is written goes into all of them.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
struct Config(Vec<CacheLabel>);

/// One of the caches, or why it cannot be asked.
struct Level {
    label: String,
    cache: Result<Rc<dyn Cache>, String>,
}

impl Level {
    fn of(label: CacheLabel, services: &Rc<dyn Services>) -> Self {
        let component = label.0;
        let cache = match component.name.is_empty() {
            true => Err(format!("unable to locate resource: {}", component.label)),
            false => services.cache(&component).map_err(|error| error.text),
        };
        Level { label: component.label, cache }
    }

    async fn run(&self, ops: Vec<CacheOp>) -> Vec<CacheResult> {
        match &self.cache {
            Ok(cache) => cache.run(ops).await,
            Err(why) => {
                let text = format!("unable to access cache '{}': {why}", self.label);
                vec![Err(CacheError::Other(text)); ops.len()]
            }
        }
    }
}

/// What is asked of some keys at once, with what is known of each.
struct Asked {
    ops: Vec<CacheOp>,
    known: Vec<Option<CacheResult>>,
}

impl Asked {
    fn new(ops: Vec<CacheOp>) -> Self {
        let known = ops.iter().map(|_| None).collect();
        Asked { ops, known }
    }

    /// The places of those of which nothing is known yet.
    fn open(&self) -> Vec<usize> {
        let known = self.known.iter().enumerate();
        known.filter(|(_, known)| known.is_none()).map(|(at, _)| at).collect()
    }

    /// Asks a level for what is open, and gives the answers to whoever knows what they mean.
    async fn ask(
        &mut self,
        level: &Level,
        op: impl Fn(&CacheOp) -> CacheOp,
        mut answer: impl FnMut(usize, CacheResult) -> Option<CacheResult>,
    ) {
        let open = self.open();
        if open.is_empty() {
            return;
        }
        let ops = open.iter().filter_map(|at| self.ops.get(*at)).map(op).collect();
        for (at, result) in open.into_iter().zip(level.run(ops).await) {
            if let Some(known) = self.known.get_mut(at) {
                *known = answer(at, result);
            }
        }
    }

    /// The results; of what is still open it is this one.
    fn finish(self, open: &CacheResult) -> Vec<CacheResult> {
        self.known.into_iter().map(|known| known.unwrap_or_else(|| open.clone())).collect()
    }
}

fn get_of(op: &CacheOp) -> CacheOp {
    match op {
        CacheOp::Get { key } | CacheOp::Delete { key } => CacheOp::Get { key: key.clone() },
        CacheOp::Set { key, .. } | CacheOp::Add { key, .. } => CacheOp::Get { key: key.clone() },
    }
}

struct Multilevel {
    levels: Vec<Level>,
    services: Rc<dyn Services>,
}

impl Multilevel {
    fn build(config: &Json, services: Rc<dyn Services>) -> Result<Rc<dyn Cache>, BuildError> {
        let Config(labels) = read_config(config)?;
        if labels.len() < 2 {
            let text = format!("expected at least two cache levels, found {}", labels.len());
            return Err(BuildError::new(text));
        }
        let levels = labels.into_iter().map(|label| Level::of(label, &services)).collect();
        Ok(Rc::new(Multilevel { levels, services }))
    }

    /// Things of one kind.
    async fn some(&self, ops: Vec<CacheOp>) -> Vec<CacheResult> {
        match ops.first() {
            Some(CacheOp::Get { .. }) => self.get(ops).await,
            Some(CacheOp::Add { .. }) => self.add(ops).await,
            _ => self.write(ops).await,
        }
    }

    async fn get(&self, ops: Vec<CacheOp>) -> Vec<CacheResult> {
        let mut asked = Asked::new(ops);
        for (at, level) in self.levels.iter().enumerate() {
            let mut found = Vec::new();
            let answer = |at, result: CacheResult| match result {
                Err(CacheError::NotFound) => None,
                Ok(value) => {
                    found.push((at, value.clone().unwrap_or_default()));
                    Some(Ok(value))
                }
                Err(error) => Some(Err(error)),
            };
            asked.ask(level, get_of, answer).await;
            if found.is_empty() {
                continue;
            }
            let set = |(at, value): (usize, Vec<u8>)| match asked.ops.get(at).map(get_of) {
                Some(CacheOp::Get { key }) => Some(CacheOp::Set { key, value, ttl_ns: None }),
                _ => None,
            };
            let sets: Vec<CacheOp> = found.into_iter().filter_map(set).collect();
            for near in self.levels.iter().take(at) {
                self.bring_near(near, sets.clone()).await;
            }
        }
        asked.finish(&Err(CacheError::NotFound))
    }

    /// Writes what was found behind a level into it. That this fails is no fault of a message; one
    /// line of the log stands for all of a batch.
    async fn bring_near(&self, level: &Level, sets: Vec<CacheOp>) {
        let keys: Vec<CacheOp> = sets.iter().map(get_of).collect();
        let results = keys.into_iter().zip(level.run(sets).await);
        let failed = results.into_iter().find_map(|(key, result)| Some((key, result.err()?)));
        if let Some((CacheOp::Get { key }, error)) = failed {
            let (key, label) = (String::from_utf8_lossy(&key), &level.label);
            let text = format!("Unable to passively set key '{key}' for cache '{label}': {error}");
            self.services.log(Log::Error, &text, &[]);
        }
    }

    /// What is there already in any of them is not added. The last one decides; it is written
    /// first.
    async fn add(&self, ops: Vec<CacheOp>) -> Vec<CacheResult> {
        let mut asked = Asked::new(ops);
        let Some((last, near)) = self.levels.split_last() else { return Vec::new() };
        for level in near {
            let answer = |_, result: CacheResult| match result {
                Err(CacheError::NotFound) => None,
                Ok(_) => Some(Err(CacheError::Exists)),
                Err(error) => Some(Err(error)),
            };
            asked.ask(level, get_of, answer).await;
        }
        for level in std::iter::once(last).chain(near.iter().rev()) {
            asked.ask(level, CacheOp::clone, |_, result: CacheResult| result.err().map(Err)).await;
        }
        asked.finish(&Ok(None))
    }

    /// Sets or deletes in all of them, in order, until one fails.
    async fn write(&self, ops: Vec<CacheOp>) -> Vec<CacheResult> {
        let mut asked = Asked::new(ops);
        for level in &self.levels {
            let answer = |_, result: CacheResult| match result {
                Err(CacheError::NotFound) | Ok(_) => None,
                failed => Some(failed),
            };
            asked.ask(level, CacheOp::clone, answer).await;
        }
        asked.finish(&Ok(None))
    }
}

impl Cache for Multilevel {
    fn run(&self, ops: Vec<CacheOp>) -> LocalBoxFuture<'_, Vec<CacheResult>> {
        Box::pin(async move {
            let mut results = Vec::with_capacity(ops.len());
            let (mut ops, mut some) = (ops.into_iter().peekable(), Vec::new());
            while let Some(op) = ops.next() {
                let kind = std::mem::discriminant(&op);
                some.push(op);
                let more = ops.peek().is_some_and(|next| std::mem::discriminant(next) == kind);
                if !more {
                    results.extend(self.some(std::mem::take(&mut some)).await);
                }
            }
            results
        })
    }
}

/// The cache `multilevel`.
pub static SPEC: CacheSpec = CacheSpec {
    name: "multilevel",
    since: "0.1.0",
    category: "cache",
    summary: "Puts caches one behind the other: what the first does not have is read from the next.",
    schema: schema_of::<Config>,
    examples: &[],
    build: Multilevel::build,
};

#[cfg(test)]
mod tests {
    use plan::serde_json::{Value, json};

    use super::*;
    use crate::shared::testing::{add, delete, get, run, set};
    use crate::testing::Shard;

    /// Three levels, all of them in memory.
    struct Levels {
        caches: Vec<Rc<dyn Cache>>,
        whole: Rc<dyn Cache>,
    }

    fn level(label: &str, cap: usize) -> Value {
        json!({"name": "lru", "label": label, "config": {"cap": cap}})
    }

    impl Levels {
        fn new() -> Self {
            let shard = Rc::new(Shard::default());
            let config = json!([level("a", 1), level("b", 2), level("c", 10)]);
            let whole = Multilevel::build(&config, shard.clone()).expect("a cache");
            let one = |config: &Json| {
                let component = plan::serde_json::from_value(config.clone()).expect("a component");
                shard.cache(&component).expect("a cache")
            };
            let caches = config.as_array().expect("a list").iter().map(one).collect();
            Levels { caches, whole }
        }

        /// What is under a key in each of them; `-` for nothing.
        fn under(&self, key: &str) -> String {
            let value = |cache: &Rc<dyn Cache>| match run(cache, get(key)) {
                Ok(value) => String::from_utf8(value.expect("a value")).expect("text"),
                Err(_) => "-".to_owned(),
            };
            self.caches.iter().map(value).collect()
        }
    }

    #[test]
    fn what_is_found_behind_comes_near() {
        let levels = Levels::new();
        assert_eq!(run(&levels.whole, get("k")), Err(CacheError::NotFound));
        run(&levels.caches[2], set("k", "1", None)).expect("it is written");
        assert_eq!(levels.under("k"), "--1");
        let both = levels.whole.run(vec![get("x"), get("k"), get("k")]);
        let results = futures_util::FutureExt::now_or_never(both).expect("an answer");
        let found = || Ok(Some(b"1".to_vec()));
        assert_eq!(results, [Err(CacheError::NotFound), found(), found()]);
        assert_eq!(levels.under("k"), "111");
    }

    #[test]
    fn all_levels_are_written() {
        let levels = Levels::new();
        assert_eq!(run(&levels.whole, set("k", "1", None)), Ok(None));
        assert_eq!(levels.under("k"), "111");
        assert_eq!(run(&levels.whole, delete("k")), Ok(None));
        assert_eq!(levels.under("k"), "---");
        let ops = vec![add("k", "2"), add("l", "3"), add("k", "4"), delete("l"), get("l")];
        let all = levels.whole.run(ops);
        let results = futures_util::FutureExt::now_or_never(all).expect("an answer");
        let wanted =
            [Ok(None), Ok(None), Err(CacheError::Exists), Ok(None), Err(CacheError::NotFound)];
        assert_eq!(results, wanted);
        assert_eq!(levels.under("k"), "-22", "it had to give its place in the first one to l");
    }

    #[test]
    fn what_is_in_one_level_is_there() {
        for at in 0..3 {
            let levels = Levels::new();
            run(&levels.caches[at], set("k", "1", None)).expect("it is written");
            assert_eq!(run(&levels.whole, add("k", "2")), Err(CacheError::Exists), "{at}");
        }
    }

    #[test]
    fn a_level_that_is_not_there_is_an_error_of_whoever_asks() {
        let shard = Rc::new(Shard::default());
        let none = json!({"name": "", "label": "none"});
        for at in 0..2 {
            let mut config = [level("a", 1), level("b", 1)];
            config[at] = none.clone();
            let cache = Multilevel::build(&json!(config), shard.clone()).expect("a cache");
            let text = "unable to access cache 'none': unable to locate resource: none";
            for op in [get("k"), set("k", "1", None), add("l", "1"), delete("k")] {
                assert_eq!(run(&cache, op), Err(CacheError::Other(text.to_owned())), "{at}");
            }
        }
        assert!(shard.logged.borrow().is_empty());
    }

    #[test]
    fn that_nothing_comes_near_is_a_line_in_the_log() {
        let shard = Rc::new(Shard::default());
        let config = json!([{"name": "full", "label": "a"}, level("b", 9)]);
        let cache = Multilevel::build(&config, shard.clone()).expect("a cache");
        let behind = plan::serde_json::from_value(level("b", 9)).expect("a component");
        let behind = shard.cache(&behind).expect("a cache");
        for key in ["k", "l"] {
            run(&behind, set(key, "1", None)).expect("it is written");
        }
        let both = cache.run(vec![get("k"), get("l")]);
        let results = futures_util::FutureExt::now_or_never(both).expect("an answer");
        assert_eq!(results, [Ok(Some(b"1".to_vec())), Ok(Some(b"1".to_vec()))]);
        let text = "Error Unable to passively set key 'k' for cache 'a': no room []";
        assert_eq!(*shard.logged.borrow(), [text]);
    }

    #[test]
    fn there_are_two_levels_at_least() {
        let shard: Rc<dyn Services> = Rc::new(Shard::default());
        for (config, count) in [(json!([]), 0), (json!([level("a", 1)]), 1)] {
            let built = Multilevel::build(&config, Rc::clone(&shard));
            let text = format!("expected at least two cache levels, found {count}");
            assert_eq!(built.err().map(|error| error.text), Some(text));
        }
    }

    #[test]
    fn levels_of_levels_have_a_limit() {
        let registry = plan::Registry {
            operators: crate::all().collect(),
            caches: crate::shared::CACHES.to_vec(),
            ..plan::Registry::default()
        };
        let catalog = config::Catalog::new(&registry);
        let lower = |steps: usize| {
            let mut resources = config::Resources::new();
            for n in 0..steps {
                let next = format!("c{}", n + 1);
                let node = config::yaml::Node::from_json(&json!({"multilevel": [next, next]}));
                resources.set(config::Kind::Cache, &format!("c{n}"), node.into()).expect("room");
            }
            let node = json!({"cache": {"resource": "c0", "operator": "get", "key": "k"}});
            let node = config::yaml::Node::from_json(&node);
            let kind = config::Kind::Processor;
            let lowered = config::lower_component(&catalog, &resources, kind, &node, "root");
            lowered.map(drop).map_err(|error| error.text)
        };
        assert_eq!(lower(10), Ok(()));
        let more = lower(31).expect_err("it is refused");
        assert_eq!(more, "more than 10000 resources are named in resources");
        assert!(lower(40).is_err());
    }
}
