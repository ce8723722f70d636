//! Where the instances of a pipeline go: built on their shards before anything is opened.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use plan::{Documents, Plan, Services};

use crate::api::{ConnectionView, Key, PipelineSpec, PutError};
use crate::checkpoint::Durable;
use crate::crew::{self, Other, Place};
use crate::instance::RoleError;
use crate::parts::{Order, Part, Parts};
use crate::services::InstanceServices;
use crate::shard::Control;
use crate::table::{Row, Table};

/// A pipeline that is built and not yet opened.
#[derive(Default)]
pub(crate) struct Placed {
    pub(crate) home: usize,
    pub(crate) token: u64,
    /// Lines to its parts; without them the parts are gone.
    pub(crate) lines: Vec<flume::Sender<Order>>,
    /// Whether the parts have sinks, too.
    pub(crate) whole: bool,
    /// Its place among the instances of the pipeline, and those beside it.
    pub(crate) place: Place,
    pub(crate) others: Vec<Other>,
}

/// A source or sink of a pipeline, on however many shards and in however many instances of the
/// pipeline it has instances.
pub(crate) struct Connected {
    pub(crate) view: ConnectionView,
    /// By the number of the instance of the pipeline, and which of its parts it is.
    up: BTreeMap<(u64, usize), bool>,
}

impl Connected {
    /// Of an instance of a pipeline with so many parts.
    pub(crate) fn new(view: ConnectionView, token: u64, parts: usize) -> Self {
        Connected { view, up: (0..parts).map(|part| ((token, part), false)).collect() }
    }

    /// Notes what an instance tells. Connected is what all instances are: while one is not, some
    /// partitions are not read, or not written.
    pub(crate) fn set(&mut self, token: u64, part: usize, up: bool, error: String) {
        // One that has ended may tell more while it goes.
        let Some(slot) = self.up.get_mut(&(token, part)) else { return };
        *slot = up;
        self.sum();
        if self.view.connected || !up {
            self.view.error = error;
        }
    }

    /// Another instance of the pipeline begins.
    pub(crate) fn join(&mut self, token: u64) {
        self.up.insert((token, 0), false);
        self.sum();
    }

    /// An instance has ended.
    pub(crate) fn leave(&mut self, token: u64) {
        self.up.retain(|(of, _), _| *of != token);
        self.sum();
        if self.view.connected {
            self.view.error.clear();
        }
    }

    fn sum(&mut self) {
        self.view.connected = self.up.values().all(|up| *up);
    }
}

impl Row {
    /// Looks why the first of its sources and sinks is not connected of which that is known; tells
    /// whether it is something else now.
    pub(crate) fn notice_trouble(&mut self) -> bool {
        let mut all = self.connections.values().map(|connected| &connected.view);
        let found = all.find(|view| !view.connected && !view.error.is_empty());
        let trouble = found.map_or("", |view| &view.error);
        let changed = self.standing.trouble != trouble;
        if changed {
            trouble.clone_into(&mut self.standing.trouble);
        }
        changed
    }
}

/// Documents that the components of one pipeline may want.
pub(crate) const DOCUMENTS_MAX: usize = 64;
/// Bytes of them together.
pub(crate) const DOCUMENTS_BYTES_MAX: usize = 64 << 20;

/// What fetches a document of another server by its address. It does not wait, and it gives up by
/// itself.
pub type Fetch = fn(&str, &dyn Services) -> flume::Receiver<Result<Bytes, String>>;

/// Why a pipeline was not placed.
enum Unplaced {
    Refused(RoleError),
    Closing,
}

impl From<Unplaced> for PutError {
    fn from(why: Unplaced) -> Self {
        match why {
            Unplaced::Closing => PutError::Closing,
            Unplaced::Refused(RoleError { role, error, .. }) => {
                PutError::Build { text: error.text, path: error.path, label: error.label, role }
            }
        }
    }
}

impl Table {
    /// Builds an instance on the next shard, its parts on those behind it, and as many others
    /// beside it as the pipeline wants. `goes_on`: from what is kept of it.
    pub(crate) async fn build(
        &self,
        spec: &Arc<PipelineSpec>,
        goes_on: bool,
    ) -> Result<Placed, PutError> {
        spec.plan.check().map_err(|e| PutError::Plan(e.to_string()))?;
        let durable = self.durable(spec, goes_on).await?;
        let place = crew::first(spec);
        let mut placed = self.placed(&spec.key, Arc::clone(&spec.plan), durable, &place).await?;
        match self.others(spec, &place).await {
            Ok(others) => placed.others = others,
            Err(error) => {
                self.discard(&placed);
                return Err(error);
            }
        }
        Ok(placed)
    }

    /// Builds an instance of a plan. What it wants of other servers is fetched meanwhile.
    pub(crate) async fn placed(
        &self,
        key: &Key,
        mut plan: Arc<Plan>,
        durable: Option<Durable>,
        place: &Place,
    ) -> Result<Placed, PutError> {
        loop {
            match self.place(key, &plan, durable.clone(), place).await {
                Ok(placed) => return Ok(placed),
                Err(Unplaced::Refused(RoleError { wants: Some(address), .. }))
                    if !plan.documents.contains_key(&address) =>
                {
                    let document = self.fetched(&address, &plan.documents).await;
                    let documents = &mut Arc::make_mut(&mut plan).documents;
                    Arc::make_mut(documents).insert(address, document);
                }
                Err(why) => return Err(why.into()),
            }
        }
    }

    /// A document of another server, beside those that are there already.
    async fn fetched(&self, address: &str, there: &Documents) -> Result<Bytes, String> {
        let Some(fetch) = self.fetch else {
            return Err(format!("Get \"{address}\": documents are not fetched here"));
        };
        if there.len() >= DOCUMENTS_MAX {
            return Err(format!(
                "Get \"{address}\": a pipeline has {DOCUMENTS_MAX} documents at most"
            ));
        }
        let services = InstanceServices::new(Key::new("documents", ""), Rc::default());
        let answer = fetch(address, &*services);
        let lost = |_| Err(format!("Get \"{address}\": the request was lost"));
        let document = answer.into_recv_async().await.unwrap_or_else(lost)?;
        let bytes: usize = there.values().flatten().map(Bytes::len).sum();
        if bytes + document.len() > DOCUMENTS_BYTES_MAX {
            let most =
                format!("the documents of a pipeline have {DOCUMENTS_BYTES_MAX} bytes at most");
            return Err(format!("Get \"{address}\": {most}"));
        }
        Ok(document)
    }

    async fn place(
        &self,
        key: &Key,
        plan: &Arc<Plan>,
        durable: Option<Durable>,
        place: &Place,
    ) -> Result<Placed, Unplaced> {
        let home = self.next_home.get();
        self.next_home.set((home + 1) % self.shards.len());
        let token = self.next_token.get();
        self.next_token.set(token + 1);
        let (reply, answer) = flume::bounded(1);
        let (own, plan_here, place) = (key.clone(), Arc::clone(plan), place.clone());
        let build = Control::Build {
            token,
            key: own,
            plan: plan_here,
            durable,
            place: place.clone(),
            reply,
        };
        let _ = self.shards[home].send(build);
        let parts = answer.recv_async().await.map_err(|_| Unplaced::Closing)?;
        let mut placed = Placed { home, token, place, ..Placed::default() };
        if let Some(parts) = parts.map_err(Unplaced::Refused)? {
            placed.whole = parts.whole;
            if let Err(error) = self.build_parts(key, plan, &parts, &mut placed).await {
                self.discard(&placed);
                return Err(error);
            }
        }
        Ok(placed)
    }

    async fn build_parts(
        &self,
        key: &Key,
        plan: &Arc<Plan>,
        parts: &Parts,
        placed: &mut Placed,
    ) -> Result<(), Unplaced> {
        let mut answers = Vec::new();
        for index in 1..parts.instances {
            let ((line_in, line), (reply, answer)) = (flume::unbounded(), flume::bounded(1));
            let part = Part { index, parts: parts.clone(), line };
            let (token, key, plan) = (placed.token, key.clone(), Arc::clone(plan));
            let shard = &self.shards[(placed.home + index) % self.shards.len()];
            let _ = shard.send(Control::BuildPart { token, key, plan, part, reply });
            placed.lines.push(line_in);
            answers.push(answer);
        }
        for answer in answers {
            let built = answer.recv_async().await.map_err(|_| Unplaced::Closing)?;
            built.map_err(Unplaced::Refused)?;
        }
        Ok(())
    }

    /// Lets go of what was built and is not wanted; its parts go with their lines.
    pub(crate) fn discard(&self, placed: &Placed) {
        let _ = self.shards[placed.home].send(Control::Discard(placed.token));
        self.discard_others(&placed.others);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(parts: usize) -> Connected {
        let view = ConnectionView {
            label: String::new(),
            path: String::new(),
            source: true,
            connected: false,
            error: String::new(),
        };
        Connected::new(view, 7, parts)
    }

    #[test]
    fn connected_is_what_all_instances_are() {
        let mut source = source(2);
        source.set(7, 1, true, String::new());
        assert!(!source.view.connected);
        source.set(7, 0, false, "in use".to_owned());
        source.set(7, 1, true, String::new());
        assert_eq!((source.view.connected, &*source.view.error), (false, "in use"));
        source.set(7, 0, true, String::new());
        assert_eq!((source.view.connected, &*source.view.error), (true, ""));
    }

    #[test]
    fn instances_beside_the_first_count_from_when_they_join_until_they_leave() {
        let mut source = source(1);
        source.set(7, 0, true, String::new());
        source.set(8, 0, false, "unknown".to_owned());
        let shown = (source.view.connected, &*source.view.error);
        assert_eq!(shown, (true, ""), "it has nothing to say");
        source.join(8);
        assert!(!source.view.connected, "it has just begun");
        source.set(8, 0, true, String::new());
        assert!(source.view.connected);
        source.set(8, 0, false, "away".to_owned());
        assert_eq!((source.view.connected, &*source.view.error), (false, "away"));
        source.leave(8);
        assert_eq!((source.view.connected, &*source.view.error), (true, ""));
    }
}
