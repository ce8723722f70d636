//! Queries on their way to the nodes that run them.

use engine::{PipelineSpec, PutError, PutMode};
use nes::Lowered;
use nes::catalog::Status;
use nes::placement::{Placement, cut, place, slots_of};
use plan::board::VALUE_BYTES_MAX;
use plan::{Diagnostic, Span};
use serde_json::json;

use super::deployment::{Beginning, Deployment, Order, Part, Tolerance, wired};
use super::query::{STOP_MAX, Submission, key, message, read, status_of};
use super::routes::NebulaStream;
use super::state::{DEPLOYMENT, State, now_ms};
use super::types::error;
use super::worker::value;
use crate::exchange::{Reply, Request};

impl NebulaStream {
    pub(super) async fn execute(&self, request: &Request) -> Result<Reply, Reply> {
        let submission = read(request)?;
        let Submission { text, placement, tolerance } = &submission;
        if nes::sql::is_statement(text) {
            return self.statement(text).await;
        }
        let (id, forgotten, spread) = {
            let mut state = self.store.lock();
            let (id, forgotten) = state.queries.add(text, placement, now_ms());
            let spread = state.spread(id, text, placement, *tolerance);
            match &spread {
                Ok(_) => drop(state.queries.set(id, Status::Scheduling, "", now_ms())),
                Err(diagnostics) => {
                    let why = message(diagnostics);
                    state.queries.set(id, Status::Failed, &why, now_ms());
                }
            }
            (id, forgotten, spread)
        };
        if let Err(reply) = self.keep_query(id, forgotten).await {
            let why = "the query could not be stored";
            self.store.lock().queries.set(id, Status::Failed, why, now_ms());
            return Err(reply);
        }
        let deployment = spread.map_err(|diagnostics| error(400, message(&diagnostics)))?;
        let refused = match self.start(id, deployment, PutMode::Create, true).await {
            Ok(()) => {
                self.unless_stopped(id).await;
                return Ok(Reply::json(202, &json!({"queryId": id})));
            }
            Err(refused) => refused,
        };
        {
            let mut state = self.store.lock();
            state.queries.set(id, Status::Failed, &refused.1, now_ms());
            state.retire();
        }
        self.store.put_query(id).await?;
        Err(error(refused.0, refused.1))
    }

    /// Runs what the coordinator itself has of a query, and writes down what others have. `anew`:
    /// what it wrote before does not count.
    async fn start(
        &self,
        id: u64,
        deployment: Deployment,
        mode: PutMode,
        anew: bool,
    ) -> Result<(), (u16, String)> {
        let (text, placement) = {
            let state = self.store.lock();
            let query = state.queries.get(id).map(|q| (q.text.clone(), q.placement.clone()));
            query.ok_or_else(|| (404, format!("there is no query {id}")))?
        };
        let Some(root) = deployment.root() else {
            return Err((500, "nothing of the query is at the root".to_owned()));
        };
        let mut plan = root.plan.clone();
        let alone = deployment.remote().next().is_none();
        let beginning = if alone { None } else { Beginning::of(&mut plan) };
        if let Some(beginning) = beginning.filter(|_| anew)
            && let Err(error) = beginning.write()
        {
            return Err((400, format!("the file of the sink cannot be written: {error}")));
        }
        let spec = PipelineSpec {
            key: key(id),
            name: format!("query-{id}"),
            plan: wired(&plan, self.url()),
            document: json!({"userQuery": text, "placement": placement, DEPLOYMENT: deployment}),
        };
        self.store.lock().deployments.insert(id, deployment);
        match self.store.engine.put(spec, mode, Some(STOP_MAX)).await {
            Ok(Ok(())) => Ok(()),
            Err(_) => Err((503, "the engine is busy".to_owned())),
            Ok(Err(e @ (PutError::Full | PutError::Closing))) => Err((503, e.to_string())),
            Ok(Err(e @ PutError::Journal(_))) => Err((500, e.to_string())),
            Ok(Err(e)) => Err((400, e.to_string())),
        }
    }

    /// Finds places for what is lost of a query, if there are any.
    pub(super) async fn place_again(&self, id: u64) {
        let found = self.store.lock().spread_again(id);
        let Some(deployment) = found else { return };
        let root = |d: &Deployment| Some((d.generation, d.root()?.stamp));
        let before = self.store.lock().deployments.get(&id).and_then(root);
        let anew = before.is_none_or(|(generation, _)| generation != deployment.generation);
        tracing::info!(query = id, "A query has places for what was lost");
        if before.is_some() && root(&deployment) == before {
            // What runs here goes on; how the rest is spread is stored with the next change.
            self.store.lock().deployments.insert(id, deployment);
            return;
        }
        if anew {
            // It must not write any more when the file begins anew.
            let _ = self.store.engine.remove(key(id), Some(STOP_MAX), false).await;
        }
        match self.start(id, deployment, PutMode::Upsert, anew).await {
            Ok(()) => self.unless_stopped(id).await,
            Err((_, why)) => self.store.lock().fail(id, why),
        }
    }

    fn url(&self) -> &str {
        self.url.as_deref().unwrap_or_default()
    }
}

fn refused(text: impl Into<String>) -> Vec<Diagnostic> {
    vec![Diagnostic::error("placement", text, Span::default())]
}

impl State {
    /// Plans a query and chooses who runs what of it; takes the slots for it.
    pub(super) fn spread(
        &mut self,
        id: u64,
        text: &str,
        placement: &str,
        tolerance: Tolerance,
    ) -> Result<Deployment, Vec<Diagnostic>> {
        let lowered = nes::lower(text, &self.sources, &self.sinks)?;
        self.queries.planned(id, lowered.view.clone(), lowered.tree.clone());
        self.place(id, lowered, placement, tolerance, 1, &[])
    }

    fn place(
        &mut self,
        id: u64,
        lowered: Lowered,
        placement: &str,
        tolerance: Tolerance,
        generation: u64,
        before: &[Part],
    ) -> Result<Deployment, Vec<Diagnostic>> {
        let Lowered { plan: whole, steps, .. } = lowered;
        let places = place(&self.topology, &steps, Placement::named(placement));
        let places = places.map_err(|error| refused(error.to_string()))?;
        let prefix = format!("nes_{id}_{generation}");
        let cut = cut(&self.topology, &whole, &steps, &places, &prefix);
        let cut = cut.map_err(|error| refused(error.to_string()))?;
        self.remote.stamps += 1;
        let session = |node: u64| self.remote.fleet.session(node).map(str::to_owned);
        let parts = Deployment::parts_of(cut, session, before, self.remote.stamps);
        let large = |part: &Part| value(&Order::of(part)).is_none_or(|v| v.len() > VALUE_BYTES_MAX);
        if let Some(part) = parts.iter().find(|part| part.session.is_some() && large(part)) {
            let text = format!(
                "what node {} is to run takes more than {VALUE_BYTES_MAX} bytes",
                part.node
            );
            return Err(refused(text));
        }
        let slots = slots_of(&places);
        self.topology.use_slots(&slots, true);
        let (lost, failure) = (false, None);
        Ok(Deployment { generation, tolerance, whole, slots, parts, lost, failure })
    }

    /// The same for a query of which a part is lost: once there is a place for all of it, with the
    /// same sources.
    pub(super) fn spread_again(&mut self, id: u64) -> Option<Deployment> {
        let before = self.deployments.get(&id)?.clone();
        let query = self.queries.get(id).filter(|query| !query.status.is_final())?.clone();
        let lower = |state: &State| nes::lower(&query.text, &state.sources, &state.sinks).ok();
        let lowered = lower(self).filter(|lowered| lowered.plan == before.whole)?;
        let gone = |part: &&Part| {
            part.session.as_ref().is_some_and(|session| self.remote.fleet.id(session).is_none())
        };
        let forgets = before.parts.iter().filter(gone).any(|part| part.keeps_state);
        let (placement, tolerance) = (query.placement.as_str(), before.tolerance);
        let (mut anew, mut made) = (tolerance == Tolerance::ExactlyOnce || forgets, None);
        if !anew {
            let kept =
                self.place(id, lowered, placement, tolerance, before.generation, &before.parts);
            let kept = kept.ok()?;
            // What lies in an edge that is not there any more would be lost.
            anew = kept.edges() != before.edges();
            match anew {
                true => self.topology.use_slots(&kept.slots, false),
                false => made = Some(kept),
            }
        }
        if made.is_none() {
            let lowered = lower(self)?;
            let generation = before.generation + 1;
            made = self.place(id, lowered, placement, tolerance, generation, &[]).ok();
        }
        if anew && made.is_some() {
            let edges = before.parts.iter().flat_map(|part| &part.outputs);
            let idle = edges.map(|edge| (id, edge.clone(), now_ms()));
            self.remote.idle_edges.extend(idle);
        }
        made
    }

    /// What a query is doing, by its pipeline here and its parts elsewhere.
    pub(super) fn standing(
        &self,
        id: u64,
        before: Status,
        found: &engine::State,
    ) -> (Status, String) {
        let (status, info) = status_of(found);
        let Some(deployment) = self.deployments.get(&id) else { return (status, info) };
        if let Some(why) = &deployment.failure {
            return (Status::Failed, why.clone());
        }
        if status.is_final() {
            return (status, info);
        }
        let mut all = status;
        for (part, session) in deployment.remote() {
            match self.remote.report(id, session, part.stamp) {
                Some(engine::State::Failed(why)) => {
                    return (Status::Failed, format!("node {}: {why}", part.node));
                }
                Some(engine::State::Running | engine::State::Finished) => {}
                _ if all == Status::Running => all = Status::Scheduling,
                _ => {}
            }
        }
        let again = deployment.lost || before == Status::Restarting && all != Status::Running;
        (if again { Status::Restarting } else { all }, info)
    }
}
