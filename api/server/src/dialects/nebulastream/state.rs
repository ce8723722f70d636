//! What the coordinator knows, and how it survives: as documents of the engine.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::{EngineHandle, Key, PipelineSpec, PipelineView, PutError};
use nes::catalog::{
    Coordinator, DEFAULT_LOGICAL, Physical, Query, QueryCatalog, ROOT, SinkCatalog, SourceCatalog,
    Status, Topology,
};
use nes::merging::{Merger, Rule};
use nes::schema::Schema;
use plan::{Diagnostic, Json, Plan};
use serde_json::json;

use super::OWNER;
use super::coordinator::Remote;
use super::deployment::{Deployment, continued};
use super::types::error;
use crate::exchange::Reply;

/// Documents of queries begin with this.
const QUERY: &str = "query/";
/// The document of the logical sources.
const SOURCES: &str = "sources";
/// The document of what statements created.
const CREATED: &str = "created";
/// The key of a pipeline's document under which it stands how the query was spread.
pub(super) const DEPLOYMENT: &str = "deployment";
/// The document of the sessions of workers that are being maintained.
const MAINTAINED: &str = "maintained";
/// Documents of functions begin with this.
const UDF: &str = "udf/";

/// Everything that requests read and change.
pub(super) struct State {
    pub(super) sources: SourceCatalog,
    /// Sinks that statements created.
    pub(super) sinks: SinkCatalog,
    /// Names of the physical sources of the configuration, which is where they are kept.
    configured: HashSet<String>,
    pub(super) queries: QueryCatalog,
    pub(super) topology: Topology,
    /// How queries are spread that have not ended.
    pub(super) deployments: BTreeMap<u64, Deployment>,
    pub(super) remote: Remote,
    /// By which rule queries are merged.
    pub(super) rule: Option<Rule>,
    /// Whether queries are refused that can give nothing.
    validates: bool,
    /// What queries share.
    pub(super) merger: Merger,
    /// Sessions of workers that are being maintained, until they end.
    pub(super) maintained: BTreeSet<String>,
    /// Descriptors of functions as they were sent, by name.
    pub(super) udfs: BTreeMap<String, Vec<u8>>,
    /// Whether metrics are being collected.
    pub(super) monitoring: bool,
    loaded: bool,
}

/// The state and the way to the engine, which stores it.
pub(super) struct Store {
    pub(super) engine: EngineHandle,
    state: Mutex<State>,
}

/// Milliseconds since the epoch.
pub(super) fn now_ms() -> u64 {
    u64::try_from(rt::wall() / 1_000_000).unwrap_or(0)
}

impl Store {
    pub(super) fn new(engine: EngineHandle, coordinator: &Coordinator) -> Self {
        Store { engine, state: Mutex::new(State::new(coordinator)) }
    }

    /// The state; never held while something is awaited.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Reads what was stored before the first request looks at anything. Returns what runs, when
    /// that was just read.
    pub(super) async fn load(&self) -> Result<Vec<PipelineView>, Reply> {
        if self.lock().loaded {
            return Ok(Vec::new());
        }
        let documents = self.engine.documents(OWNER).await.map_err(|_| Reply::unavailable())?;
        let views = self.engine.list(Some(OWNER), false).await;
        let views = views.map_err(|_| Reply::unavailable())?;
        let known: HashSet<&str> = views.iter().map(|view| &*view.spec.key.id).collect();
        let settled = {
            let mut state = self.lock();
            if state.loaded {
                return Ok(Vec::new());
            }
            state.restore(documents);
            views.iter().for_each(|view| state.restore_deployment(&view.spec));
            views.iter().for_each(|view| state.restore_chain(&view.spec));
            state.settle(&known)
        };
        for id in settled {
            self.put_query(id).await?;
        }
        for view in &views {
            self.let_go(Arc::clone(&view.spec)).await?;
        }
        Ok(views)
    }

    /// Lets workers have their parts of a query, if the process was killed just before: what it
    /// runs itself has begun its file again, and goes on with it from here.
    async fn let_go(&self, spec: Arc<PipelineSpec>) -> Result<(), Reply> {
        let id = spec.key.id.parse().unwrap_or_default();
        if !self.lock().deployments.get(&id).is_some_and(|deployment| deployment.held) {
            return Ok(());
        }
        let mut again = PipelineSpec::clone(&spec);
        if let Some(plan) = continued(&mut spec.plan.as_ref().clone()) {
            again.plan = plan.into();
        }
        match self.engine.keep(again).await {
            Err(_) => return Err(Reply::unavailable()),
            Ok(Ok(()) | Err(PutError::Missing)) => {}
            Ok(Err(e)) => return Err(error(500, e.to_string())),
        }
        if let Some(deployment) = self.lock().deployments.get_mut(&id) {
            deployment.held = false;
        }
        Ok(())
    }

    /// Stores or removes a document.
    async fn put(&self, id: String, document: Option<Json>) -> Result<(), Reply> {
        let key = Key::new(OWNER, id);
        match self.engine.put_document(key, document).await {
            Err(_) => Err(Reply::unavailable()),
            Ok(Err(e)) => Err(error(500, e.to_string())),
            Ok(Ok(())) => Ok(()),
        }
    }

    /// Stores a query as it is now, or forgets it when it is gone.
    pub(super) async fn put_query(&self, id: u64) -> Result<(), Reply> {
        let query = self.lock().queries.get(id).cloned();
        self.put(format!("{QUERY}{id}"), query.and_then(|q| serde_json::to_value(q).ok())).await
    }

    /// Stores the logical sources.
    pub(super) async fn put_sources(&self) -> Result<(), Reply> {
        let all: Vec<Json> =
            self.lock().sources.logical().map(|(name, schema)| json!([name, schema])).collect();
        self.put(SOURCES.to_owned(), Some(Json::Array(all))).await
    }

    /// Stores the physical sources and sinks that statements created.
    pub(super) async fn put_created(&self) -> Result<(), Reply> {
        let document = {
            let state = self.lock();
            let created = |p: &&Physical| p.node == ROOT && !state.configured.contains(&p.name);
            let physical: Vec<&Physical> =
                state.sources.all_physical().iter().filter(created).collect();
            json!({"physical": physical, "sinks": state.sinks})
        };
        self.put(CREATED.to_owned(), Some(document)).await
    }

    /// Stores which workers are being maintained.
    pub(super) async fn put_maintained(&self) -> Result<(), Reply> {
        let document = json!(self.lock().maintained);
        self.put(MAINTAINED.to_owned(), Some(document)).await
    }

    /// Stores a function as it is now, or forgets it when it is gone.
    pub(super) async fn put_udf(&self, name: &str) -> Result<(), Reply> {
        let text = self.lock().udfs.get(name).map(|bytes| STANDARD.encode(bytes));
        self.put(format!("{UDF}{name}"), text.map(Json::String)).await
    }
}

impl State {
    pub(super) fn new(coordinator: &Coordinator) -> State {
        State {
            sources: coordinator.sources.clone(),
            sinks: SinkCatalog::default(),
            configured: coordinator.sources.all_physical().iter().map(|p| p.name.clone()).collect(),
            queries: QueryCatalog::default(),
            topology: Topology::new(&coordinator.worker_host, coordinator.slots),
            deployments: BTreeMap::new(),
            remote: Remote::new(coordinator.beat_ms),
            rule: coordinator.merging,
            validates: coordinator.validates,
            merger: Merger::default(),
            maintained: BTreeSet::new(),
            udfs: BTreeMap::new(),
            monitoring: false,
            loaded: false,
        }
    }

    pub(super) fn restore(&mut self, documents: Vec<(Key, Json)>) {
        let mut queries = Vec::new();
        for (key, document) in documents {
            if key.id.starts_with(QUERY) {
                queries.extend(serde_json::from_value::<Query>(document).ok());
            } else if let Some(name) = key.id.strip_prefix(UDF) {
                let bytes = document.as_str().and_then(|text| STANDARD.decode(text).ok());
                if let Some(bytes) = bytes {
                    self.udfs.insert(name.to_owned(), bytes);
                }
            } else if &*key.id == SOURCES {
                self.restore_sources(document);
            } else if &*key.id == CREATED {
                self.restore_created(&document);
            } else if &*key.id == MAINTAINED {
                self.maintained = serde_json::from_value(document).unwrap_or_default();
            }
        }
        self.queries = QueryCatalog::restore(queries);
        self.loaded = true;
        self.sources.all_physical().iter().for_each(|source| self.tell_unknown(source));
    }

    /// Says so when a physical source feeds a logical one that there is not.
    pub(super) fn tell_unknown(&self, source: &Physical) {
        let Physical { name, logical, node, .. } = source;
        if self.sources.schema(logical).is_none() {
            let text = format!("there is no logical source {logical} so far");
            tracing::warn!(node, "The physical source {name} feeds nothing: {text}");
        }
    }

    /// Refuses a query that can give nothing, where that is asked for.
    pub(super) fn validate(&self, text: &str, plan: &Plan) -> Result<(), Vec<Diagnostic>> {
        let found = if self.validates { nes::validation::unsatisfiable(plan) } else { None };
        match found {
            None => Ok(()),
            Some(error) if nes::sql::is_sql(text) => {
                let message = nes::sql::failure(&error.message);
                Err(vec![Diagnostic { message, ..error }])
            }
            Some(error) => Err(vec![error]),
        }
    }

    /// How a query was spread stands with its pipeline.
    pub(super) fn restore_deployment(&mut self, spec: &PipelineSpec) {
        let found = spec.document.get(DEPLOYMENT).cloned().map(serde_json::from_value);
        if let (Ok(id), Some(Ok(deployment))) = (spec.key.id.parse(), found) {
            let mut deployment: Deployment = deployment;
            // It was killed before it knew that it need not begin its file again.
            let begins = continued(&mut spec.plan.as_ref().clone()).is_some();
            deployment.held = begins && deployment.remote().next().is_some();
            let own: BTreeMap<u64, u64> = deployment
                .slots
                .iter()
                .filter(|(node, _)| **node == ROOT)
                .map(|(n, s)| (*n, *s))
                .collect();
            self.topology.use_slots(&own, true);
            self.deployments.insert(id, deployment);
        }
    }

    /// Ends the queries that the engine does not know, because the process was killed before they
    /// were started or after they were stopped; returns their ids.
    fn settle(&mut self, known: &HashSet<&str>) -> Vec<u64> {
        let open = self.queries.all().filter(|query| !query.status.is_final());
        let lost = open.filter(|query| !known.contains(query.id.to_string().as_str()));
        let lost: Vec<(u64, Status)> = lost.map(|query| (query.id, query.status)).collect();
        for (id, status) in &lost {
            let (status, info) = match status {
                Status::Running | Status::MarkedForStop => (Status::Stopped, ""),
                _ => (Status::Failed, "the process ended while the query was started or stopped"),
            };
            self.queries.set(*id, status, info, now_ms());
        }
        lost.into_iter().map(|(id, _)| id).collect()
    }

    fn restore_created(&mut self, document: &Json) {
        let read = |key: &str| document.get(key).cloned().unwrap_or_default();
        let physical: Vec<Physical> = serde_json::from_value(read("physical")).unwrap_or_default();
        for source in physical {
            let _ = self.sources.add_physical(source);
        }
        self.sinks = serde_json::from_value(read("sinks")).unwrap_or_default();
    }

    /// Sources of the configuration win over stored ones of the same name.
    fn restore_sources(&mut self, document: Json) {
        let stored: Vec<(String, Schema)> = serde_json::from_value(document).unwrap_or_default();
        if !stored.iter().any(|(name, _)| name == DEFAULT_LOGICAL) {
            let _ = self.sources.remove(DEFAULT_LOGICAL);
        }
        for (name, schema) in stored {
            let _ = self.sources.add(&name, schema);
        }
    }
}
