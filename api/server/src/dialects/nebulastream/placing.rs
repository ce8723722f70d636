//! Queries on their way to the nodes that run them.

use engine::api::Unavailable;
use engine::{PipelineSpec, PutError, PutMode};
use nes::Lowered;
use nes::catalog::Status;
use nes::placement::{Placement, cut, place, slots_of};
use plan::board::VALUE_BYTES_MAX;
use plan::{Diagnostic, Plan, Span};
use serde_json::json;

use super::deployment::{Deployment, Order, Part, Spread, Tolerance, lasting, wired};
use super::query::{STOP_MAX, Submission, key, message, read, status_of};
use super::routes::NebulaStream;
use super::state::{DEPLOYMENT, State, now_ms};
use super::types::error;
use super::worker::value;
use crate::exchange::{Reply, Request};

impl NebulaStream {
    pub(super) async fn execute(&self, request: &Request) -> Result<Reply, Reply> {
        let submission = read(request)?;
        if nes::sql::is_statement(&submission.text) {
            return self.statement(&submission.text).await;
        }
        self.catch_up().await?;
        let held = match self.config.merging {
            Some(_) => Some(self.merging.lock().await),
            None => None,
        };
        self.close_ended_chains();
        let id = self.submit(&submission).await?;
        drop(held);
        self.unless_stopped(id).await;
        Ok(Reply::json(202, &json!({"queryId": id})))
    }

    /// Plans a query and starts it.
    async fn submit(&self, submission: &Submission) -> Result<u64, Reply> {
        let Submission { text, placement, tolerance } = submission;
        let (id, forgotten, spread) = {
            let mut state = self.store.lock();
            let (id, forgotten) = state.queries.add(text, placement, now_ms());
            let spread = match state.spread(id, text, placement, *tolerance) {
                Ok(deployment) => {
                    state.queries.set(id, Status::Scheduling, "", now_ms());
                    state.deployments.insert(id, Deployment { held: true, ..deployment });
                    Ok(())
                }
                Err(diagnostics) => {
                    let why = message(&diagnostics);
                    state.queries.set(id, Status::Failed, &why, now_ms());
                    Err(error(400, why))
                }
            };
            (id, forgotten, spread)
        };
        if let Err(reply) = self.keep_query(id, forgotten).await {
            self.give_up(id, "the query could not be stored").await;
            return Err(reply);
        }
        spread?;
        if let Err((status, why)) = self.start(id, PutMode::Create, true).await {
            self.give_up(id, &why).await;
            self.store.put_query(id).await?;
            return Err(error(status, why));
        }
        self.joined(id).await;
        Ok(id)
    }

    /// A query that does not start has failed, and gives back what it took.
    async fn give_up(&self, id: u64, why: &str) {
        let changes = {
            let mut state = self.store.lock();
            state.queries.set(id, Status::Failed, why, now_ms());
            state.retire();
            state.merger.leave(&id.to_string())
        };
        self.carry_out(changes).await;
    }

    /// What the coordinator itself runs of a query: now, and when it is started again after it was
    /// killed.
    fn root_of(&self, id: u64) -> Result<(PipelineSpec, Option<PipelineSpec>), (u16, String)> {
        let state = self.store.lock();
        let found = state.queries.get(id).zip(state.deployments.get(&id));
        let (query, deployment) = found.ok_or_else(|| (404, format!("there is no query {id}")))?;
        let root = deployment.root();
        let root = root.ok_or_else(|| (500, "nothing of the query is at the root".to_owned()))?;
        let alone = deployment.remote().next().is_none();
        let (plan, again) = lasting(root, deployment.tolerance, alone);
        let (text, placement) = (&query.text, &query.placement);
        let spec = |plan: &Plan| PipelineSpec {
            key: key(id),
            name: format!("query-{id}"),
            plan: wired(plan, self.url()),
            document: json!({"userQuery": text, "placement": placement, DEPLOYMENT: deployment}),
        };
        Ok((spec(&plan), again.as_ref().map(spec)))
    }

    /// Runs what the coordinator itself has of a query, and then lets others have theirs. `anew`:
    /// what it wrote before does not count.
    async fn start(&self, id: u64, mode: PutMode, anew: bool) -> Result<(), (u16, String)> {
        self.start_chains(id).await?;
        let (first, again) = self.root_of(id)?;
        let engine = &self.store.engine;
        match (again, anew) {
            (Some(again), false) => placed(engine.put(again, mode, Some(STOP_MAX)).await)?,
            (again, _) => {
                placed(engine.put(first, mode, Some(STOP_MAX)).await)?;
                if let Some(again) = again {
                    match engine.keep(again).await {
                        // It has ended, and nothing will be started again.
                        Ok(Err(PutError::Missing)) => {}
                        kept => placed(kept)?,
                    }
                }
            }
        }
        if let Some(deployment) = self.store.lock().deployments.get_mut(&id) {
            deployment.held = false;
        }
        Ok(())
    }

    /// Finds places for what is lost of a query, if there are any.
    pub(super) async fn place_again(&self, id: u64) {
        let found = self.store.lock().spread_again(id);
        let Some(deployment) = found else { return };
        let root = |d: &Deployment| Some((d.generation, d.root()?.stamp));
        let (stays, empties) = {
            let mut state = self.store.lock();
            let before = state.deployments.get(&id).and_then(root);
            let stays = before.is_some() && root(&deployment) == before;
            let anew = before.is_none_or(|(generation, _)| generation != deployment.generation);
            let empties = anew && !deployment.keeps_rows;
            state.deployments.insert(id, Deployment { held: anew, ..deployment });
            (stays, empties)
        };
        tracing::info!(query = id, "A query has places for what was lost");
        let started = match stays {
            // What runs here goes on.
            true => self.keep_placing(id).await,
            false => self.start(id, PutMode::Upsert, empties).await,
        };
        match started {
            Ok(()) => self.unless_stopped(id).await,
            Err((_, why)) => self.store.lock().fail(id, why),
        }
    }

    /// Stores how a query is spread whose part here goes on.
    async fn keep_placing(&self, id: u64) -> Result<(), (u16, String)> {
        let (first, again) = self.root_of(id)?;
        match self.store.engine.keep(again.unwrap_or(first)).await {
            Ok(Err(PutError::Missing)) => Ok(()),
            kept => placed(kept),
        }
    }

    fn url(&self) -> &str {
        self.url.as_deref().unwrap_or_default()
    }
}

/// What the engine says of a pipeline, as an answer.
pub(super) fn placed(put: Result<Result<(), PutError>, Unavailable>) -> Result<(), (u16, String)> {
    match put {
        Ok(Ok(())) => Ok(()),
        Err(_) => Err((503, "the engine is busy".to_owned())),
        Ok(Err(e @ (PutError::Full | PutError::Closing))) => Err((503, e.to_string())),
        Ok(Err(e @ PutError::Journal(_))) => Err((500, e.to_string())),
        Ok(Err(e)) => Err((400, e.to_string())),
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
        let lowered = nes::lower_with(text, &self.sources, &self.sinks, &|name| self.udf(name))?;
        self.queries.planned(id, lowered.view.clone(), lowered.tree.clone());
        self.validate(text, &lowered.plan)?;
        let whole = self.rule.map(|_| lowered.clone());
        let begins = Spread::Begins { generation: 1, keeps_rows: false };
        let deployment = self.place(id, lowered, placement, tolerance, begins)?;
        Ok(match whole {
            Some(whole) => self.merge(id, &whole, deployment),
            None => deployment,
        })
    }

    fn place(
        &mut self,
        id: u64,
        lowered: Lowered,
        placement: &str,
        tolerance: Tolerance,
        spread: Spread<'_>,
    ) -> Result<Deployment, Vec<Diagnostic>> {
        let Lowered { plan: whole, steps, .. } = lowered;
        let places = place(&self.topology, &steps, Placement::named(placement));
        let places = places.map_err(|error| refused(error.to_string()))?;
        let (generation, keeps_rows) = match spread {
            // What stays belongs to the same generation.
            Spread::GoesOn(before) => (before.generation, false),
            Spread::Begins { generation, keeps_rows } => (generation, keeps_rows),
        };
        let prefix = format!("nes_{id}_{generation}");
        let cut = cut(&self.topology, &whole, &steps, &places, &prefix);
        let cut = cut.map_err(|error| refused(error.to_string()))?;
        self.remote.stamps += 1;
        let session = |node: u64| self.remote.fleet.session(node).map(str::to_owned);
        let parts = Deployment::parts_of(cut, session, spread, self.remote.stamps);
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
        let rest = Deployment::default();
        Ok(Deployment { generation, keeps_rows, tolerance, whole, slots, parts, ..rest })
    }

    /// The same for a query of which a part is lost: once there is a place for all of it, with the
    /// same sources.
    pub(super) fn spread_again(&mut self, id: u64) -> Option<Deployment> {
        let before = self.deployments.get(&id)?.clone();
        let query = self.queries.get(id).filter(|query| !query.status.is_final())?.clone();
        let lower = |state: &State| {
            let udfs = |name: &str| state.udf(name);
            nes::lower_with(&query.text, &state.sources, &state.sinks, &udfs).ok()
        };
        let lowered = lower(self).filter(|lowered| lowered.plan == before.whole)?;
        let leaving = before.leaving;
        let gone = |part: &&Part| {
            leaving.is_some_and(|leaving| leaving.node == part.node)
                || part.session.as_ref().is_some_and(|s| self.remote.fleet.id(s).is_none())
        };
        let forgets = before.parts.iter().filter(gone).any(|part| part.keeps_state);
        let (placement, tolerance) = (query.placement.as_str(), before.tolerance);
        let whole = leaving.is_some_and(|leaving| leaving.anew);
        let (mut anew, mut made) = (tolerance == Tolerance::ExactlyOnce || forgets || whole, None);
        if !anew {
            let goes_on = Spread::GoesOn(&before);
            let kept = self.place(id, lowered, placement, tolerance, goes_on).ok()?;
            // What lies in an edge that is not there any more would be lost. Where a part was taken
            // away by order, nobody else takes anything out of its edges.
            anew = match leaving {
                Some(_) => kept.edge_names() != before.edge_names(),
                None => kept.edges() != before.edges(),
            };
            match anew {
                true => self.topology.use_slots(&kept.slots, false),
                false => made = Some(kept),
            }
        }
        if made.is_none() {
            let lowered = lower(self)?;
            let begins = Spread::Begins {
                generation: before.generation + 1,
                keeps_rows: before.would_keep_rows(),
            };
            made = self.place(id, lowered, placement, tolerance, begins).ok();
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
        // What has ended here may still be written elsewhere.
        let waits = status == Status::Stopped
            && *found == engine::State::Finished
            && deployment.ends_elsewhere()
            && deployment.remote().any(|(part, session)| {
                let report = self.remote.report(id, session, part.stamp);
                report != Some(&engine::State::Finished)
            });
        if status.is_final() && !waits {
            return (status, info);
        }
        let mut all = if waits { Status::Running } else { status };
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
        let moves = matches!(before, Status::Restarting | Status::Migrating);
        let again = deployment.lost || moves && all != Status::Running;
        match (again, moves) {
            (true, true) => (before, info),
            (true, false) => (Status::Restarting, info),
            (false, _) => (all, info),
        }
    }
}
