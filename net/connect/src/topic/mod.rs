//! `topic`: pipelines of one process hand batches to all that listen under a name.
//!
//! ```text
//! pipelines -> topic sink --+--> topic source -> a pipeline that listens
//!                           +--> topic source -> another one
//! ```
//!
//! A batch is acknowledged when all who got it have delivered it. Who goes away is not waited for,
//! but a batch that nobody has delivered is handed on again. A listener that is slow holds up those
//! who send: a limited number of batches waits for it.

pub mod input;
pub mod output;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use flume::{Receiver, Sender};
use plan::Data;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most names of a process.
pub const NAMES_MAX: usize = 65_536;
/// Most listeners of one name.
pub const LISTENERS_MAX: usize = 1024;
/// Batches that wait for one listener before those who send wait.
pub const WAITING_MAX: usize = 16;

/// A name of the process: all who listen under it get what is sent from then on. While nobody does,
/// those who send wait.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The name.
    pub name: String,
}

/// A batch on its way to one listener, which says that it is delivered or drops the duty to.
pub(crate) struct Item {
    pub(crate) data: Data,
    pub(crate) delivered: Sender<()>,
}

/// Listeners by name.
pub(crate) type Names = HashMap<String, Vec<Sender<Item>>>;

/// Looked up once for each batch and written when a listener comes, so that one lock for the
/// process is enough.
static NAMES: RwLock<Option<Names>> = RwLock::new(None);

/// Who listens under a name at the moment.
pub(crate) fn listeners(name: &str) -> Vec<Sender<Item>> {
    let names = NAMES.read().unwrap_or_else(PoisonError::into_inner);
    let all = names.as_ref().and_then(|names| names.get(name));
    all.into_iter().flatten().filter(|one| !one.is_disconnected()).cloned().collect()
}

/// Listens under a name until the receiver is dropped.
///
/// # Errors
/// There are too many names, or listeners of this one.
pub(crate) fn listen(name: &str) -> Result<Receiver<Item>, String> {
    let mut names = NAMES.write().unwrap_or_else(PoisonError::into_inner);
    listen_among(names.get_or_insert_default(), name)
}

/// The same among some names.
pub(crate) fn listen_among(names: &mut Names, name: &str) -> Result<Receiver<Item>, String> {
    if names.len() >= NAMES_MAX {
        names.retain(|_, all| all.iter().any(|one| !one.is_disconnected()));
    }
    if names.len() >= NAMES_MAX && !names.contains_key(name) {
        return Err(format!("there may be {NAMES_MAX} names of topics at most"));
    }
    let all = names.entry(name.to_owned()).or_default();
    all.retain(|one| !one.is_disconnected());
    if all.len() >= LISTENERS_MAX {
        return Err(format!("{LISTENERS_MAX} pipelines listen to topic {name} already"));
    }
    let (sender, receiver) = flume::bounded(WAITING_MAX);
    all.push(sender);
    Ok(receiver)
}
