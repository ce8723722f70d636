//! `inproc`: pipelines of one process hand messages to each other under a name.

pub mod input;
pub mod output;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use flume::{Receiver, Sender};
use plan::{Data, Fault};

/// Most names of a process.
pub const NAMES_MAX: usize = 65_536;

/// What became of the messages that were handed over, by position; `None` stands for all.
pub(crate) type Refused = Vec<(Option<u32>, Arc<Fault>)>;

/// Messages on their way from one pipeline to another.
pub(crate) struct Handover {
    pub(crate) data: Data,
    pub(crate) reply: Sender<Refused>,
}

/// Receivers by name. Looked up once for each handover and written when a receiver comes, so that
/// one lock for the process is enough.
static NAMES: RwLock<Option<Names>> = RwLock::new(None);

/// Receivers by name.
pub(crate) type Names = HashMap<String, Sender<Handover>>;

/// Who receives under a name at the moment.
pub(crate) fn receiver(name: &str) -> Option<Sender<Handover>> {
    let names = NAMES.read().unwrap_or_else(PoisonError::into_inner);
    names.as_ref()?.get(name).filter(|sender| !sender.is_disconnected()).cloned()
}

/// Receives under a name from now on; an earlier receiver of the name gets no more.
///
/// # Errors
/// When there are too many names.
pub(crate) fn receive(name: &str) -> Result<Receiver<Handover>, String> {
    let mut names = NAMES.write().unwrap_or_else(PoisonError::into_inner);
    receive_among(names.get_or_insert_default(), name)
}

/// The same among some names.
pub(crate) fn receive_among(names: &mut Names, name: &str) -> Result<Receiver<Handover>, String> {
    let (sender, receiver) = flume::bounded(1);
    if names.len() >= NAMES_MAX {
        names.retain(|_, sender| !sender.is_disconnected());
    }
    if names.len() >= NAMES_MAX && !names.contains_key(name) {
        return Err(format!("there may be {NAMES_MAX} inproc names at most"));
    }
    names.insert(name.to_owned(), sender);
    Ok(receiver)
}
