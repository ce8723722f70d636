//! Cache `redis`: values are kept by a Redis.

use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::join_all;
use plan::env::read_config;
use plan::fields::Duration;
use plan::shared::{CacheError, CacheOp, CacheResult};
use plan::{BuildError, Cache, CacheSpec, Json, LocalBoxFuture, Services, schema_of};
use redis::{Cmd, RedisError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::client::{self, Client, text_of};
use super::island;
use crate::compose::backoff::{self, Backoff};

/// Configuration of `redis`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
struct Config {
    #[serde(flatten)]
    client: client::Config,
    /// What goes before each key.
    #[serde(default)]
    prefix: Option<String>,
    /// How long a value is kept that is written without a time of its own; for ever when it is
    /// left out.
    #[serde(default)]
    #[schemars(extend("advanced" = true))]
    default_ttl: Option<Duration>,
    /// How often something is tried again that does not work.
    #[serde(default = "retries")]
    #[schemars(extend("advanced" = true))]
    retries: backoff::Config,
}

fn retries() -> backoff::Config {
    backoff::Config {
        initial_interval: Duration::from_ms(500),
        max_interval: Duration::from_secs(1),
        max_elapsed_time: Duration::from_secs(5),
    }
}

/// A cache, as its client knows it.
pub(super) struct Settings {
    client: Client,
    prefix: String,
    ttl_ns: u64,
    retries: backoff::Config,
}

impl Settings {
    pub(super) fn new(config: &Json, services: &dyn Services) -> Result<Self, BuildError> {
        let config: Config = read_config(config)?;
        Ok(Settings {
            client: Client::new(&config.client, services)?,
            prefix: config.prefix.unwrap_or_default(),
            ttl_ns: config.default_ttl.unwrap_or_default().wait_ns(),
            retries: config.retries,
        })
    }

    /// Does what is asked; together where that keeps the order.
    pub(super) async fn run(&self, ops: Vec<CacheOp>) -> Vec<CacheResult> {
        if self.client.keeps_order() {
            return join_all(ops.iter().map(|op| self.one(op))).await;
        }
        let mut results = Vec::with_capacity(ops.len());
        for op in &ops {
            results.push(self.one(op).await);
        }
        results
    }

    async fn one(&self, op: &CacheOp) -> CacheResult {
        let command = self.command(op);
        let mut backoff = Backoff::new(self.retries);
        loop {
            match self.once(op, &command).await {
                Ok(result) => return result,
                Err(error) => {
                    if !backoff.pause().await {
                        return Err(CacheError::Other(text_of(&error)));
                    }
                }
            }
        }
    }

    async fn once(&self, op: &CacheOp, command: &Cmd) -> Result<CacheResult, RedisError> {
        Ok(match op {
            CacheOp::Get { .. } => {
                let value: Option<Vec<u8>> = self.client.run(command).await?;
                value.map(Some).ok_or(CacheError::NotFound)
            }
            CacheOp::Add { .. } => {
                let done: Option<String> = self.client.run(command).await?;
                done.map(|_| None).ok_or(CacheError::Exists)
            }
            CacheOp::Set { .. } => self.client.run(command).await.map(|()| Ok(None))?,
            CacheOp::Delete { .. } => self.client.run(command).await.map(|_: i64| Ok(None))?,
        })
    }

    fn command(&self, op: &CacheOp) -> Cmd {
        let named = |name: &str, key: &[u8]| {
            let mut command = redis::cmd(name);
            command.arg([self.prefix.as_bytes(), key].concat());
            command
        };
        let write = |key: &[u8], value: &[u8], ttl_ns: Option<u64>| {
            let mut command = named("SET", key);
            command.arg(value);
            let ttl_ns = ttl_ns.unwrap_or(self.ttl_ns);
            if ttl_ns > 0 {
                command.arg("PX").arg((ttl_ns / 1_000_000).max(1));
            }
            command
        };
        match op {
            CacheOp::Get { key } => named("GET", key),
            CacheOp::Delete { key } => named("DEL", key),
            CacheOp::Set { key, value, ttl_ns } => write(key, value, *ttl_ns),
            CacheOp::Add { key, value, ttl_ns } => {
                let mut command = write(key, value, *ttl_ns);
                command.arg("NX");
                command
            }
        }
    }
}

struct RedisCache(Arc<Settings>);

impl Cache for RedisCache {
    fn run(&self, ops: Vec<CacheOp>) -> LocalBoxFuture<'_, Vec<CacheResult>> {
        Box::pin(island::ask(island::queue(), Arc::clone(&self.0), ops))
    }
}

/// The cache `redis`.
pub static SPEC: CacheSpec = CacheSpec {
    name: "redis",
    since: "0.1.0",
    category: "cache",
    summary: "Keeps values in a Redis.",
    schema: schema_of::<Config>,
    examples: &[],
    build: |config, services| Ok(Rc::new(RedisCache(Arc::new(Settings::new(config, &*services)?)))),
};
