//! What each pipeline is doing, for whoever lists them. The control thread writes it with every
//! change of its table; front ends read it where they are, so that a list costs no change of
//! threads and what only changes pipelines never waits behind one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::api::{Key, State};

/// What a pipeline is doing, and no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PipelineState<'a> {
    /// Its id at the front end that owns it.
    pub id: &'a str,
    /// What it is doing.
    pub state: &'a State,
    /// Nanoseconds it has run, or had run when it ended.
    pub uptime_ns: u64,
    /// Why one of its sources or sinks is not connected while it runs; empty when all are, or when
    /// that is not known.
    pub trouble: &'a str,
}

/// An entry: state, and when the pipeline started and ended.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) state: State,
    pub(crate) started_ns: u64,
    pub(crate) ended_ns: Option<u64>,
    /// Why one of its sources or sinks is not connected.
    pub(crate) trouble: String,
}

impl Standing {
    /// It has just started.
    pub(crate) fn begun() -> Self {
        let (state, started_ns) = (State::Running, rt::now().0);
        Standing { state, started_ns, ended_ns: None, trouble: String::new() }
    }

    /// Nanoseconds it has run by `now_ns`, or had run when it ended.
    pub(crate) fn uptime_ns(&self, now_ns: u64) -> u64 {
        self.ended_ns.unwrap_or(now_ns).saturating_sub(self.started_ns)
    }

    /// It ended now, unless it had before.
    pub(crate) fn end(&mut self, state: State) {
        self.ended_ns.get_or_insert(rt::now().0);
        self.state = state;
        self.trouble.clear();
    }
}

/// Entries by their ids.
type Entries = BTreeMap<Arc<str>, Standing>;

/// The entries of all front ends. It has as many as the table, which is bounded.
#[derive(Debug, Default)]
pub(crate) struct Roll(Mutex<BTreeMap<Arc<str>, Entries>>);

impl Roll {
    fn owners(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Entries>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, key: &Key, standing: &Standing) {
        let mut owners = self.owners();
        let own = owners.entry(Arc::clone(&key.owner)).or_default();
        own.insert(Arc::clone(&key.id), standing.clone());
    }

    pub(crate) fn remove(&self, key: &Key) {
        if let Some(own) = self.owners().get_mut(&key.owner) {
            own.remove(&key.id);
        }
    }

    /// What `read` makes of the states of a front end's pipelines, ordered by id. Changes of
    /// pipelines wait for it: it must be brief.
    pub(crate) fn read<T>(
        &self,
        owner: &str,
        read: impl FnOnce(&mut dyn Iterator<Item = PipelineState<'_>>) -> T,
    ) -> T {
        let (owners, now_ns) = (self.owners(), rt::now().0);
        let own = owners.get(owner).into_iter().flatten();
        read(&mut own.map(|(id, standing)| PipelineState {
            id,
            state: &standing.state,
            uptime_ns: standing.uptime_ns(now_ns),
            trouble: &standing.trouble,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipelines_of_one_front_end_are_read_in_the_order_of_their_ids() {
        let roll = Roll::default();
        let running = Standing {
            state: State::Running,
            started_ns: 5,
            ended_ns: None,
            trouble: "no file".to_owned(),
        };
        let mut ended = running.clone();
        ended.end(State::Stopped);
        let ended = Standing { ended_ns: Some(25), ..ended };
        let running = Standing { started_ns: u64::MAX, ..running };
        for (owner, id, standing) in [
            ("mine", "b", &running),
            ("other", "a", &running),
            ("mine", "a", &running),
            ("mine", "a", &ended),
            ("mine", "c", &ended),
        ] {
            roll.set(&Key::new(owner, id), standing);
        }
        roll.remove(&Key::new("mine", "c"));
        roll.remove(&Key::new("none", "c"));
        roll.read("mine", |states| {
            let (a, b) = (&State::Stopped, &State::Running);
            let expected = [
                PipelineState { id: "a", state: a, uptime_ns: 20, trouble: "" },
                PipelineState { id: "b", state: b, uptime_ns: 0, trouble: "no file" },
            ];
            assert!(states.eq(expected));
        });
        assert_eq!(roll.read("none", |states| states.count()), 0);
    }
}
