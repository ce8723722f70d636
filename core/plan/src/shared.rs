//! What several pipelines of a process share: caches and rate limits.
//!
//! Each has one owner, a shard, and is asked by messages; so there is no lock. Who uses one holds a
//! line to it, which has the same trait. Questions about the messages of one batch travel together.

use std::rc::Rc;

use futures_util::future::LocalBoxFuture;

use crate::Json;
use crate::batch::Batch;
use crate::component::Spec;
use crate::env::{BuildError, Services};
use crate::expr::Expr;
use crate::fields::Duration;

/// Something to do with one key of a cache. Keys and values are bytes; a `ttl_ns` of `None` is the
/// cache's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CacheOp {
    /// Reads a value.
    Get {
        /// Its key.
        key: Vec<u8>,
    },
    /// Writes a value over what is there.
    Set {
        /// Its key.
        key: Vec<u8>,
        /// The value.
        value: Vec<u8>,
        /// Nanoseconds it is kept.
        ttl_ns: Option<u64>,
    },
    /// Writes a value if there is none.
    Add {
        /// Its key.
        key: Vec<u8>,
        /// The value.
        value: Vec<u8>,
        /// Nanoseconds it is kept.
        ttl_ns: Option<u64>,
    },
    /// Removes a value; what is not there is no error.
    Delete {
        /// Its key.
        key: Vec<u8>,
    },
}

/// Why a cache did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CacheError {
    /// There is no such key.
    #[error("key does not exist")]
    NotFound,
    /// The key is there already.
    #[error("key already exists")]
    Exists,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// What a cache gives: the value that was read, nothing for what was written.
pub type CacheResult = Result<Option<Vec<u8>>, CacheError>;

/// A store of values by key.
pub trait Cache {
    /// Does what is asked, in order; a result for each.
    fn run(&self, ops: Vec<CacheOp>) -> LocalBoxFuture<'_, Vec<CacheResult>>;
}

/// A text of a message for one of a component's fields, such as a key.
///
/// # Errors
/// What is said of the message instead.
pub fn text_of(
    expr: &mut dyn Expr,
    field: &str,
    batch: &Batch,
    index: usize,
) -> Result<Vec<u8>, String> {
    let mut text = Vec::new();
    let made = expr.text(batch, index, &mut text);
    made.map(|()| text).map_err(|fault| format!("{field} interpolation error: {}", fault.text))
}

/// The nanoseconds that a field says a value is kept; nothing without the field.
///
/// # Errors
/// What is said of the message instead.
pub fn ttl_of(
    expr: &mut Option<Box<dyn Expr>>,
    batch: &Batch,
    index: usize,
) -> Result<Option<u64>, String> {
    let Some(expr) = expr else { return Ok(None) };
    let text = text_of(&mut **expr, "ttl", batch, index)?;
    let ttl = Duration::parse(&String::from_utf8_lossy(&text));
    ttl.map(|ttl| Some(ttl.wait_ns())).map_err(|e| format!("ttl must be a duration: {e}"))
}

/// A limit of how often something may happen.
pub trait RateLimit {
    /// Asks for one time: 0 when it is granted, else the nanoseconds after which to ask again; or
    /// why it cannot be said.
    fn access(&self) -> LocalBoxFuture<'_, Result<u64, String>>;
}

/// Builds something that is shared, on the shard that will own it.
pub type BuildShared<T> = fn(&Json, Rc<dyn Services>) -> Result<Rc<T>, BuildError>;
/// The table entry of a cache.
pub type CacheSpec = Spec<BuildShared<dyn Cache>>;
/// The table entry of a rate limit.
pub type RateLimitSpec = Spec<BuildShared<dyn RateLimit>>;
