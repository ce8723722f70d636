//! Queries that are merged: the chains that they share are started, ended and looked after.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use engine::{Key, PipelineSpec, PipelineView, PutError, PutMode};
use nes::Lowered;
use nes::catalog::ROOT;
use nes::merging::{Chain, Change, FAN_OUT, chain_name};
use serde_json::json;

use super::OWNER;
use super::deployment::Deployment;
use super::placing::placed;
use super::query::STOP_MAX;
use super::routes::NebulaStream;
use super::state::State;
use crate::exchange::Reply;

/// How often the coordinator looks at chains and those who share them.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Pause before it is looked again whether a query gets rows.
const JOIN_PAUSE: Duration = Duration::from_millis(2);
/// How long that is waited for before the query is answered for.
const JOIN_MAX: Duration = Duration::from_secs(2);
/// The key of a pipeline's document under which its chain stands.
const CHAIN: &str = "chain";

/// The pipeline of a chain.
fn key(id: u64) -> Key {
    Key::new(OWNER, chain_name(id))
}

/// Whether a pipeline will not go on.
pub(super) fn has_ended(state: &engine::State) -> bool {
    use engine::State::{Failed, Finished, Stopped};
    matches!(state, Failed(_) | Finished | Stopped)
}

impl NebulaStream {
    /// Reads what was stored, and sees to the chains that are there.
    pub(super) async fn load(&self) -> Result<(), Reply> {
        let views = self.store.load().await?;
        if views.is_empty() || self.store.lock().merger.is_empty() {
            return Ok(());
        }
        let unused = self.store.lock().merger.sweep();
        self.carry_out(unused).await;
        for view in views {
            // The process was killed when the chain had ended, and those who share it had not.
            let ended = matches!(view.state, engine::State::Finished | engine::State::Stopped);
            if ended && self.store.lock().chain_of(&view.spec).is_some() {
                let again = PipelineSpec::clone(&view.spec);
                let _ = self.store.engine.put(again, PutMode::Upsert, Some(STOP_MAX)).await;
            }
        }
        self.watch();
        Ok(())
    }

    /// Nobody joins chains that have ended.
    pub(super) fn close_ended_chains(&self) {
        let mut state = self.store.lock();
        if state.merger.is_empty() {
            return;
        }
        let runs: Vec<u64> = self.store.engine.states(OWNER, |all| {
            let running = all.filter(|pipeline| *pipeline.state == engine::State::Running);
            running.filter_map(|p| p.id.strip_prefix("shared-")?.parse().ok()).collect()
        });
        let ids: Vec<u64> = state.merger.chains().map(|chain| chain.id).collect();
        for id in ids.into_iter().filter(|id| !runs.contains(id)) {
            state.merger.close(id);
        }
    }

    /// What a chain runs with those who share it now.
    fn spec_of(&self, id: u64) -> Option<PipelineSpec> {
        let state = self.store.lock();
        let (plan, chain) = (state.merger.plan(id)?, state.merger.chain(id)?);
        let (plan, document) = (Arc::new(plan), json!({CHAIN: chain}));
        Some(PipelineSpec { key: key(id), name: chain_name(id), plan, document })
    }

    /// Has the chains there that a query takes its rows from. They expect it from now on, and hand
    /// on nothing before it is there.
    pub(super) async fn start_chains(&self, id: u64) -> Result<(), (u16, String)> {
        let (ways, begins) = {
            let state = self.store.lock();
            let begins = state.deployments.get(&id).and_then(|deployment| deployment.begins);
            (state.merger.ways(&id.to_string()), begins)
        };
        let engine = &self.store.engine;
        for way in ways.iter().filter(|way| Some(**way) != begins) {
            let Some(spec) = self.spec_of(*way) else { continue };
            match engine.keep(spec).await {
                Ok(Err(PutError::Missing)) => {
                    let text = "what the query was to share with others has just ended; submit \
                                it again";
                    return Err((503, text.to_owned()));
                }
                kept => placed(kept)?,
            }
        }
        if let Some(spec) = begins.and_then(|id| self.spec_of(id)) {
            placed(engine.put(spec, PutMode::Create, Some(STOP_MAX)).await)?;
            self.watch();
        }
        Ok(())
    }

    /// Waits until a query gets the rows of its chains, so that whoever hears of it may rely on
    /// that.
    pub(super) async fn joined(&self, id: u64) {
        let keys = {
            let state = self.store.lock();
            let Some(deployment) = state.deployments.get(&id) else { return };
            let begins = deployment.begins.map(key);
            let own = (!deployment.uses.is_empty()).then(|| Key::new(OWNER, id.to_string()));
            own.into_iter().chain(begins)
        };
        let waits = |view: &PipelineView| {
            let mut connections = view.connections.iter();
            !has_ended(&view.state) && connections.any(|c| c.path == FAN_OUT && !c.connected)
        };
        let all = async {
            for key in keys {
                while let Ok(Some(view)) = self.store.engine.get(key.clone(), false).await
                    && waits(&view)
                {
                    rt::sleep(JOIN_PAUSE).await;
                }
            }
        };
        // A sink that holds all of them up may hold it up, too.
        let _ = rt::timeout(JOIN_MAX, all).await;
    }

    /// A query needs no rows of chains any more.
    pub(super) async fn leave(&self, id: u64) {
        let who = id.to_string();
        if self.store.lock().merger.taps(&who).is_none() {
            return;
        }
        let _held = self.merging.lock().await;
        let changes = self.store.lock().merger.leave(&who);
        self.carry_out(changes).await;
    }

    /// Does what is to be done about chains.
    pub(super) async fn carry_out(&self, changes: Vec<Change>) {
        let engine = &self.store.engine;
        for change in changes {
            match change {
                Change::Ends(id) => drop(engine.remove(key(id), Some(STOP_MAX), false).await),
                Change::Members(id) => {
                    if let Some(spec) = self.spec_of(id) {
                        // One that has ended needs to know nobody.
                        drop(engine.keep(spec).await);
                    }
                }
            }
        }
    }

    /// Looks after chains from now on: their ends and failures are those of queries.
    fn watch(&self) {
        if self.watching.swap(true, Ordering::Relaxed) {
            return;
        }
        let this = self.this.clone();
        let body = move || {
            loop {
                rt::block_on(rt::sleep(LOOK_EVERY));
                let Some(dialect) = this.upgrade() else { return };
                if dialect.closing.load(Ordering::Relaxed) {
                    return;
                }
                if !dialect.store.lock().merger.is_empty() {
                    // An engine that is busy is asked again.
                    drop(rt::block_on(dialect.refresh()));
                }
            }
        };
        if let Err(error) = thread::Builder::new().name("merging".to_owned()).spawn(body) {
            // Every request looks, too.
            tracing::error!("the thread merging did not start: {error}");
        }
    }
}

impl State {
    /// Splits a query that runs here as a whole into what others may share and the rest.
    pub(super) fn merge(
        &mut self,
        id: u64,
        lowered: &Lowered,
        mut deployment: Deployment,
    ) -> Deployment {
        let (Some(rule), [only]) = (self.rule, deployment.parts.as_mut_slice()) else {
            return deployment;
        };
        if only.node != ROOT {
            return deployment;
        }
        let who = id.to_string();
        let Some(split) = self.merger.split(rule, self.queries.next(), &who, lowered) else {
            return deployment;
        };
        only.plan = split.rest;
        deployment.uses.clone_from(&split.uses);
        deployment.begins = split.chain.as_ref().map(|chain| chain.id);
        if let Some(chain) = split.chain {
            self.queries.taken(chain.id);
            self.merger.add(chain);
        }
        self.merger.join(&who, split.uses);
        deployment
    }

    /// The chain that a pipeline is, when it is one and somebody needs it.
    fn chain_of(&self, spec: &PipelineSpec) -> Option<&Chain> {
        let id = spec.key.id.strip_prefix("shared-")?.parse().ok()?;
        self.merger.chain(id)
    }

    /// A chain stands with its pipeline, and with those of queries which taps they use.
    pub(super) fn restore_chain(&mut self, spec: &PipelineSpec) {
        let found = spec.document.get(CHAIN).cloned().map(serde_json::from_value);
        if let Some(Ok(chain)) = found {
            let chain: Chain = chain;
            self.queries.taken(chain.id);
            self.merger.add(chain);
        }
        let id: u64 = spec.key.id.parse().unwrap_or_default();
        let is_open = self.queries.get(id).is_some_and(|query| !query.status.is_final());
        let uses = self.deployments.get(&id).map(|deployment| deployment.uses.clone());
        if let Some(uses) = uses.filter(|uses| is_open && !uses.is_empty()) {
            self.merger.join(&id.to_string(), uses);
        }
    }

    /// The number of what a query shares with others.
    pub(super) fn shared_id(&self, id: u64) -> Option<u64> {
        self.merger.taps(&id.to_string())?.first().map(|tap| tap.chain)
    }

    /// The pipelines that read for a query: those of chains, or its own.
    pub(super) fn readers(&self, id: u64) -> Vec<String> {
        let who = id.to_string();
        let ways = self.merger.ways(&who);
        let chains = ways.iter().filter_map(|way| self.merger.chain(*way));
        let reads =
            |node: &plan::Node| node.role == plan::Role::Source && node.component.name != FAN_OUT;
        let readers: Vec<String> = chains
            .filter(|chain| chain.plan.nodes.iter().any(reads))
            .map(|chain| chain_name(chain.id))
            .collect();
        if readers.is_empty() { vec![who] } else { readers }
    }

    /// What the pipeline of a query is doing, where it depends on chains.
    pub(super) fn with_others(
        &self,
        id: u64,
        own: &PipelineView,
        all: &HashMap<&str, &PipelineView>,
    ) -> engine::State {
        use engine::State::{Failed, Finished, Running};
        let ways = self.merger.ways(&id.to_string());
        if ways.is_empty() || matches!(own.state, Failed(_)) {
            return own.state.clone();
        }
        let found = ways.iter().filter_map(|way| all.get(chain_name(*way).as_str()).copied());
        let mut states = found.clone().map(|view| &view.state);
        if let Some(failed) = states.clone().find(|state| matches!(state, Failed(_))) {
            return failed.clone();
        }
        // It holds up the others, and gets nothing any more.
        let refused = |c: &&engine::ConnectionView| {
            c.source && c.path == FAN_OUT && !c.connected && !c.error.is_empty()
        };
        let mut connections = found.chain([own]).flat_map(|view| &view.connections);
        if let Some(connection) = connections.find(refused) {
            return Failed(connection.error.clone());
        }
        // Why it has got everything is known when they have ended, too.
        if own.state == Finished && !states.all(has_ended) {
            return Running;
        }
        own.state.clone()
    }
}
