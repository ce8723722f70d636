//! The table of streams and resources: what the API and the command line change.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use config::stream::StreamDoc;
use config::{Catalog, InitError, Kind, Resources};
use engine::{
    EngineHandle, Key, Patience, PipelineSpec, PipelineView, PutError, PutMode, RemoveError, State,
};
use plan::{BuildError, Json, Plan, Role};

use super::OWNER;
use super::answers;
use super::metrics::History;
use super::seen::Seen;
use crate::exchange::Reply;

/// Ids whose paths would hide those of the native API from whoever asks for them.
const RESERVED: &[&str] = &["v1"];

/// Why a stream was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// There is one of that id.
    #[error("stream already exists")]
    Exists,
    /// There is none of that id.
    #[error("stream does not exist")]
    Missing,
    /// It is not any more what it was when it was looked at.
    #[error("the stream was changed meanwhile")]
    Changed,
    /// No stream may have this id.
    #[error("the stream id '{0}' is reserved")]
    Reserved(String),
    /// A component could not be constructed.
    #[error("{0}")]
    Init(InitError),
    /// The change was not made for a reason of the engine.
    #[error("{0}")]
    Engine(String),
    /// The engine did not answer.
    #[error("the engine did not answer")]
    Unavailable,
}

impl Failure {
    /// The answer to a request for one stream.
    pub(super) fn reply(&self) -> Reply {
        match self {
            Failure::Exists => answers::plain(400, "Stream already exists\n"),
            Failure::Missing => answers::not_found(),
            Failure::Reserved(_) => answers::error(400, &self.to_string()),
            Failure::Init(_) => answers::error(502, &self.to_string()),
            Failure::Engine(text) => answers::error(500, text),
            Failure::Changed | Failure::Unavailable => Reply::unavailable(),
        }
    }
}

impl From<PutError> for Failure {
    fn from(error: PutError) -> Self {
        match error {
            PutError::Exists => Failure::Exists,
            PutError::Missing => Failure::Missing,
            PutError::Changed => Failure::Changed,
            PutError::Build { text, path, label, role } => Failure::Init(match path.as_str() {
                // Only components of ours have no path, and these are built from the stream's own.
                "" => {
                    let kind = match role {
                        Role::Source => Kind::Input,
                        Role::Operator => Kind::Processor,
                        Role::Sink => Kind::Output,
                    };
                    InitError { kind, label, path: format!("root.{}", kind.name()), text }
                }
                _ => InitError::of_build(&BuildError { text, path, label }),
            }),
            PutError::Closing => Failure::Unavailable,
            other => Failure::Engine(other.to_string()),
        }
    }
}

/// Whether a stream in this state runs.
pub(super) fn is_active(state: &State) -> bool {
    matches!(state, State::Starting | State::Running | State::Stopping)
}

/// The streams of an engine and the resources they may use.
pub struct Streams {
    pub(super) engine: EngineHandle,
    pub(super) catalog: Arc<Catalog>,
    pub(super) resources: Mutex<Arc<Resources>>,
    pub(super) seen: Seen,
    pub(super) history: History,
    strict: AtomicBool,
    reserved: Mutex<Vec<&'static str>>,
}

impl Streams {
    /// A table on an engine.
    pub(super) fn new(engine: EngineHandle, catalog: Arc<Catalog>, resources: Resources) -> Self {
        Streams {
            engine,
            catalog,
            resources: Mutex::new(Arc::new(resources)),
            seen: Seen::default(),
            history: History::default(),
            strict: AtomicBool::new(false),
            reserved: Mutex::new(RESERVED.to_vec()),
        }
    }

    /// From now on, streams that are made refuse messages on which a processor failed instead of
    /// delivering them (`error_handling.strict`).
    pub fn refuse_faults(&self) {
        self.strict.store(true, Ordering::Relaxed);
    }

    /// From now on no stream may have one of these ids: others answer below these paths.
    pub fn reserve(&self, ids: &[&'static str]) {
        self.reserved.lock().unwrap_or_else(PoisonError::into_inner).extend(ids);
    }

    /// The components that streams may name.
    #[must_use]
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// The resources that streams may use now.
    #[must_use]
    pub fn resources(&self) -> Arc<Resources> {
        Arc::clone(&self.resources.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set_resources(&self, resources: Resources) {
        *self.resources.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(resources);
    }

    /// Takes over what the engine brought back from an earlier process: streams, and the resources
    /// that were made over REST. Call it once, before anything else.
    ///
    /// # Errors
    /// The engine did not answer.
    pub async fn recover(&self) -> Result<(), Failure> {
        self.recover_resources().await?;
        for view in self.list().await? {
            self.seen.put(&view.spec.key.id, &view.spec.plan);
        }
        Ok(())
    }

    /// All streams, ordered by the time of their creation.
    pub(super) async fn list(&self) -> Result<Vec<PipelineView>, Failure> {
        self.engine.list(Some(OWNER), false).await.map_err(|_| Failure::Unavailable)
    }

    /// One stream.
    pub(super) async fn get(&self, id: &str) -> Result<PipelineView, Failure> {
        let view = self.engine.get(Key::new(OWNER, id), false).await;
        view.map_err(|_| Failure::Unavailable)?.ok_or(Failure::Missing)
    }

    /// Makes or replaces a stream from a document that was read.
    ///
    /// # Errors
    /// What keeps the stream from being made; an old one of that id goes on.
    pub async fn put(
        &self,
        id: &str,
        stream: &StreamDoc,
        mode: PutMode,
        patience: Patience,
    ) -> Result<(), Failure> {
        let resources = self.resources();
        let plan = stream.lower(&self.catalog, &resources).map_err(Failure::Init)?;
        self.put_plan(id, stream.config.clone(), plan, mode, patience).await?;
        // Whoever replaced a resource meanwhile did not see this stream.
        match Arc::ptr_eq(&resources, &self.resources()) {
            true => Ok(()),
            false => self.renew_stream(id, false).await,
        }
    }

    /// Makes or replaces a stream from its plan. `document` is what is shown of it.
    ///
    /// # Errors
    /// What keeps the stream from being made; an old one of that id goes on.
    pub async fn put_plan(
        &self,
        id: &str,
        document: Json,
        mut plan: Plan,
        mode: PutMode,
        patience: Patience,
    ) -> Result<(), Failure> {
        let reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner).contains(&id);
        if reserved {
            return Err(Failure::Reserved(id.to_owned()));
        }
        let before = match mode {
            PutMode::Create => None,
            PutMode::Replace | PutMode::ReplaceOf(_) | PutMode::Upsert => self.series(id).await,
        };
        plan.strict |= self.strict.load(Ordering::Relaxed);
        let shown = self.seen.shown(&plan);
        let (key, plan) = (Key::new(OWNER, id), Arc::new(plan));
        let spec = PipelineSpec { key, name: id.to_owned(), document, plan };
        let put = self.engine.put(spec, mode, patience).await;
        put.map_err(|_| Failure::Unavailable)??;
        self.history.add(before.unwrap_or_default());
        self.seen.put_shown(id, shown);
        Ok(())
    }

    /// Stops a stream, gracefully while patience lasts and then by force, and removes it.
    ///
    /// # Errors
    /// There is none, or the engine did not answer.
    pub async fn remove(&self, id: &str, patience: Patience) -> Result<(), Failure> {
        let before = self.series(id).await;
        let removed = self.engine.remove(Key::new(OWNER, id), patience, false).await;
        match removed.map_err(|_| Failure::Unavailable)? {
            Ok(()) => {}
            Err(RemoveError::Missing) => return Err(Failure::Missing),
            Err(RemoveError::Closing) => return Err(Failure::Unavailable),
            Err(error @ RemoveError::Journal(_)) => {
                return Err(Failure::Engine(error.to_string()));
            }
        }
        self.history.add(before.unwrap_or_default());
        self.seen.gone(id);
        Ok(())
    }

    /// The series of a stream, where the process shows those of streams that are gone.
    async fn series(&self, id: &str) -> Option<Vec<engine::Metric>> {
        if !self.history.is_kept() {
            return None;
        }
        self.engine.metrics(Key::new(OWNER, id)).await.ok().flatten()
    }
}
