//! Caches and rate limits of a process: each is owned by one shard, which is found by its label.
//! Pipelines on that shard ask it directly, those on others by a message for each batch.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use plan::env::Registry;
use plan::shared::{CacheError, CacheOp, CacheResult};
use plan::{BuildError, Cache, Component, RateLimit, Services, Spec};

use crate::metrics::Series;
use crate::shared_meter::{MeteredCache, MeteredLimit};

mod owner;
#[cfg(test)]
mod tests;

use owner::Owner;

/// Questions from other shards that wait at an owner; who asks one more waits.
pub(crate) const QUESTIONS_MAX: usize = 1024;
/// Most caches, and most rate limits, that one shard owns.
const OWNED_MAX: usize = 100_000;

/// What a shard asks another about something that one owns.
pub(crate) enum Question {
    /// To do something with keys of a cache.
    Cache { cache: Arc<Component>, ops: Vec<CacheOp>, reply: flume::Sender<Vec<CacheResult>> },
    /// For one time of a rate limit.
    Limit { limit: Arc<Component>, reply: flume::Sender<Result<u64, String>> },
}

/// Something that is owned, by its definition.
struct Owned<T: ?Sized> {
    definition: Arc<Component>,
    part: Rc<T>,
}

type Table<T> = RefCell<HashMap<String, Owned<T>>>;

/// What a shard owns, and the way to what others own.
pub(crate) struct SharedParts {
    shard: usize,
    owners: Vec<flume::Sender<Question>>,
    registry: Rc<Registry>,
    services: Rc<dyn Services>,
    caches: Table<dyn Cache>,
    limits: Table<dyn RateLimit>,
    /// Counts of what this shard owns.
    pub(crate) series: Series,
}

impl SharedParts {
    pub(crate) fn new(
        shard: usize,
        owners: Vec<flume::Sender<Question>>,
        registry: Rc<Registry>,
        services: Rc<dyn Services>,
    ) -> Rc<Self> {
        Rc::new_cyclic(|parts| SharedParts {
            shard,
            owners,
            registry,
            services: Rc::new(Owner { services, parts: Weak::clone(parts) }),
            caches: RefCell::default(),
            limits: RefCell::default(),
            series: Series::default(),
        })
    }

    /// Answers the questions of other shards until there are none left to ask.
    pub(crate) async fn serve(self: Rc<Self>, questions: flume::Receiver<Question>) {
        while let Ok(question) = questions.recv_async().await {
            let parts = Rc::clone(&self);
            rt::spawn(async move {
                match question {
                    Question::Cache { cache, ops, reply } => {
                        let _ = reply.send(parts.ask_cache(&cache, ops).await);
                    }
                    Question::Limit { limit, reply } => {
                        let _ = reply.send(parts.ask_limit(&limit).await);
                    }
                }
            });
        }
    }

    /// A line to a cache, whose definition is tried here.
    ///
    /// # Errors
    /// There is none, or its definition is wrong.
    pub(crate) fn cache(self: &Rc<Self>, cache: &Component) -> Result<Rc<dyn Cache>, BuildError> {
        let table = &self.registry.caches;
        self.built(table, cache, |spec| (spec.build)(&cache.config, Rc::clone(&self.services)))
            .ok_or_else(|| missing("cache", cache))??;
        Ok(Rc::new(Line { parts: Rc::clone(self), to: Arc::new(cache.clone()) }))
    }

    /// A line to a rate limit, whose definition is tried here.
    ///
    /// # Errors
    /// There is none, or its definition is wrong.
    pub(crate) fn limit(
        self: &Rc<Self>,
        limit: &Component,
    ) -> Result<Rc<dyn RateLimit>, BuildError> {
        let table = &self.registry.rate_limits;
        self.built(table, limit, |spec| (spec.build)(&limit.config, Rc::clone(&self.services)))
            .ok_or_else(|| missing("rate limit", limit))??;
        Ok(Rc::new(Line { parts: Rc::clone(self), to: Arc::new(limit.clone()) }))
    }

    /// Builds something from its definition; `None` when nothing is registered under its name.
    fn built<B, T: ?Sized>(
        &self,
        table: &[&'static Spec<B>],
        definition: &Component,
        build: impl FnOnce(&Spec<B>) -> Result<Rc<T>, BuildError>,
    ) -> Option<Result<Rc<T>, BuildError>> {
        let spec = table.iter().find(|spec| spec.name == definition.name)?;
        Some(build(spec).map_err(|error| BuildError {
            path: definition.path.clone(),
            label: definition.label.clone(),
            ..error
        }))
    }

    fn owner(&self, definition: &Component) -> usize {
        let mut hasher = DefaultHasher::new();
        definition.label.hash(&mut hasher);
        (hasher.finish() % self.owners.len().max(1) as u64) as usize
    }

    /// What is owned under a label, made when it is asked for first or has another definition.
    fn own<B, T: ?Sized>(
        &self,
        owned: &Table<T>,
        table: &[&'static Spec<B>],
        definition: &Arc<Component>,
        build: impl FnOnce(&Spec<B>) -> Result<Rc<T>, BuildError>,
    ) -> Result<Rc<T>, String> {
        let mut owned = owned.borrow_mut();
        if let Some(known) = owned.get(&definition.label)
            && known.definition.name == definition.name
            && known.definition.config == definition.config
        {
            return Ok(Rc::clone(&known.part));
        }
        if owned.len() >= OWNED_MAX {
            return Err(format!("a shard may own {OWNED_MAX} caches and rate limits at most"));
        }
        let built = self.built(table, definition, build);
        let built = built.ok_or_else(|| format!("there is no '{}'", definition.name))?;
        let part = built.map_err(|error| error.text)?;
        let definition = Arc::clone(definition);
        let entry = Owned { definition: Arc::clone(&definition), part: Rc::clone(&part) };
        owned.insert(definition.label.clone(), entry);
        Ok(part)
    }

    async fn ask_cache(&self, to: &Arc<Component>, ops: Vec<CacheOp>) -> Vec<CacheResult> {
        let build = |spec: &plan::CacheSpec| {
            let cache = (spec.build)(&to.config, Rc::clone(&self.services))?;
            Ok(MeteredCache::wrap(cache, &self.series, to))
        };
        match self.own(&self.caches, &self.registry.caches, to, build) {
            Ok(cache) => cache.run(ops).await,
            Err(text) => vec![Err(CacheError::Other(text)); ops.len()],
        }
    }

    async fn ask_limit(&self, to: &Arc<Component>) -> Result<u64, String> {
        let build = |spec: &plan::RateLimitSpec| {
            let limit = (spec.build)(&to.config, Rc::clone(&self.services))?;
            Ok(MeteredLimit::wrap(limit, &self.series, to))
        };
        let limit = self.own(&self.limits, &self.registry.rate_limits, to, build)?;
        limit.access().await
    }
}

fn missing(kind: &str, definition: &Component) -> BuildError {
    BuildError::new(format!("{kind} resource '{}' was not found", definition.label))
}

/// The way from one shard to something that it or another owns.
struct Line {
    parts: Rc<SharedParts>,
    to: Arc<Component>,
}

impl Line {
    /// Where questions go; `None` when the owner is this shard.
    fn owner(&self) -> Option<&flume::Sender<Question>> {
        let owner = self.parts.owner(&self.to);
        self.parts.owners.get(owner).filter(|_| owner != self.parts.shard)
    }
}

/// What is said when an owner ended before it answered.
const GONE: &str = "the owner of the resource has ended";

/// A line of something that is owned itself, which must not keep its owner.
struct InnerLine {
    parts: Weak<SharedParts>,
    to: Arc<Component>,
}

impl Cache for InnerLine {
    fn run(&self, ops: Vec<CacheOp>) -> LocalBoxFuture<'_, Vec<CacheResult>> {
        Box::pin(async move {
            let Some(parts) = self.parts.upgrade() else {
                return vec![Err(CacheError::Other(GONE.to_owned())); ops.len()];
            };
            Line { parts, to: Arc::clone(&self.to) }.run(ops).await
        })
    }
}

impl Cache for Line {
    fn run(&self, ops: Vec<CacheOp>) -> LocalBoxFuture<'_, Vec<CacheResult>> {
        Box::pin(async move {
            let Some(owner) = self.owner() else {
                return self.parts.ask_cache(&self.to, ops).await;
            };
            let (count, (reply, answer)) = (ops.len(), flume::bounded(1));
            let question = Question::Cache { cache: Arc::clone(&self.to), ops, reply };
            let _ = owner.send_async(question).await;
            let gone = || vec![Err(CacheError::Other(GONE.to_owned())); count];
            answer.recv_async().await.unwrap_or_else(|_| gone())
        })
    }
}

impl RateLimit for Line {
    fn access(&self) -> LocalBoxFuture<'_, Result<u64, String>> {
        Box::pin(async move {
            let Some(owner) = self.owner() else { return self.parts.ask_limit(&self.to).await };
            let (reply, answer) = flume::bounded(1);
            let _ = owner.send_async(Question::Limit { limit: Arc::clone(&self.to), reply }).await;
            answer.recv_async().await.unwrap_or_else(|_| Err(GONE.to_owned()))
        })
    }
}
