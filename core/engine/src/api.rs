//! What may be asked of the engine, and the answers. Everything here is plain data that crosses
//! threads; nothing waits for a shard on the asker's thread.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use plan::env::Request;
use plan::{Json, Plan};
use serde::{Deserialize, Serialize};

use crate::checkpointing::Checkpointing;
use crate::crew::WorkerView;
use crate::inquire::Inquiry;
use crate::metrics::Metric;
use crate::patience::Patience;
use crate::roll::{PipelineState, Roll};

/// Name of a pipeline: the front end that owns it and its id there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// The front end, such as `streams`. The engine only compares it.
    pub owner: Arc<str>,
    /// Id within that front end.
    pub id: Arc<str>,
}

impl Key {
    /// A key.
    pub fn new(owner: impl Into<Arc<str>>, id: impl Into<Arc<str>>) -> Self {
        Key { owner: owner.into(), id: id.into() }
    }
}

/// A pipeline as a front end hands it over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PipelineSpec {
    /// Its name.
    pub key: Key,
    /// Name for people; need not be unique.
    pub name: String,
    /// Whatever the front end wants back with every view, such as the posted document.
    #[serde(default)]
    pub document: Json,
    /// What to run; its instances share it.
    pub plan: Arc<Plan>,
}

/// What is to happen when a pipeline of that name exists or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutMode {
    /// It must not exist.
    Create,
    /// It must exist; the new instance is built first, then the old one stops, then the new one
    /// opens.
    Replace,
    /// It must exist and its instance be still the one of this number
    /// ([`PipelineView::instance`]), so that nobody's change is lost who was faster.
    ReplaceOf(u64),
    /// Either.
    Upsert,
}

/// Why a pipeline was not put. The old state is unchanged in every case.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// There is one of that name already.
    #[error("a pipeline of that name exists")]
    Exists,
    /// There is none of that name.
    #[error("there is no pipeline of that name")]
    Missing,
    /// It is not the instance any more that was to be replaced.
    #[error("the pipeline was changed meanwhile")]
    Changed,
    /// The plan has an impossible shape.
    #[error("{0}")]
    Plan(String),
    /// A component could not be built.
    #[error("{text}")]
    Build {
        /// What is wrong.
        text: String,
        /// Path of the component.
        path: String,
        /// Its label.
        label: String,
        /// Its kind: `source`, `operator` or `sink`.
        role: plan::Role,
    },
    /// The table is full ([`crate::api::PIPELINES_MAX`]).
    #[error("there are {PIPELINES_MAX} pipelines already")]
    Full,
    /// The journal could not be written.
    #[error("the change could not be made durable: {0}")]
    Journal(String),
    /// The engine is shutting down.
    #[error("the engine is shutting down")]
    Closing,
}

/// Why a pipeline was not removed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemoveError {
    /// There is none of that name.
    #[error("there is no pipeline of that name")]
    Missing,
    /// The journal could not be written; the pipeline is stopped and will be back at a restart.
    #[error("the change could not be made durable: {0}")]
    Journal(String),
    /// The engine is shutting down.
    #[error("the engine is shutting down")]
    Closing,
}

/// Most pipelines at once.
pub const PIPELINES_MAX: usize = 100_000;
/// Most requests that wait for the control thread; one more is refused.
pub const ASKS_MAX: usize = 1024;
/// Most lines kept of a pipeline's console.
pub const CONSOLE_LINES_MAX: usize = 1000;

/// What a pipeline is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state", content = "error")]
pub enum State {
    /// Its instance is being built or opened.
    Starting,
    /// It runs.
    Running,
    /// It is being stopped.
    Stopping,
    /// Its sources ended and everything was delivered.
    Finished,
    /// It was stopped and kept in the table.
    Stopped,
    /// It failed with this text.
    Failed(String),
}

/// A source or sink and whether it has what it reads from or writes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConnectionView {
    /// The user's label.
    pub label: String,
    /// Path in the user's configuration.
    pub path: String,
    /// Whether it is a source.
    pub source: bool,
    /// Whether it is connected.
    pub connected: bool,
    /// Why not; empty when unknown or connected.
    pub error: String,
}

/// Speed over the last ten seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Rates {
    /// Events read per second.
    pub events_per_s: f64,
    /// Payload bytes read per second.
    pub bytes_per_s: f64,
    /// Mean milliseconds from read to last ack.
    pub latency_ms: f64,
}

/// A pipeline as it is now.
#[derive(Clone, Debug)]
pub struct PipelineView {
    /// What was put.
    pub spec: Arc<PipelineSpec>,
    /// What it is doing.
    pub state: State,
    /// The number of its instance, which is another one after every change.
    pub instance: u64,
    /// Nanoseconds since the Unix epoch at which it was first put.
    pub created_unix_ns: i128,
    /// Nanoseconds since the Unix epoch at which it last started.
    pub started_unix_ns: i128,
    /// Nanoseconds since the Unix epoch at which its shard was last heard of.
    pub seen_unix_ns: i128,
    /// Nanoseconds it has run, or had run when it ended.
    pub uptime_ns: u64,
    /// Its sources and sinks.
    pub connections: Vec<ConnectionView>,
    /// Events read since it started; only where metrics were asked for.
    pub events: u64,
    /// Payload bytes read since it started; only where metrics were asked for.
    pub bytes: u64,
    /// Errors since it started; only where metrics were asked for.
    pub errors: u64,
    /// Speed; only where metrics were asked for.
    pub rates: Rates,
    /// Its instances while it runs, where there may be several: the first is its own.
    pub workers: Vec<WorkerView>,
}

/// A named port was opened by a pipeline. Ports close when the pipeline ends, after which there
/// is no sender to be had.
#[derive(Clone, Debug)]
pub struct PortEvent {
    /// Kind of port, such as `http`.
    pub kind: String,
    /// Name of the port: a path, or a name that is called.
    pub name: String,
    /// What the opener asked for.
    pub options: Arc<Json>,
    /// Where requests go, for as long as the pipeline runs. Whoever waits for an answer must not
    /// hold on to it: requests that nobody took are dropped with the last sender.
    pub sender: flume::WeakSender<Request>,
    /// The pipeline.
    pub key: Key,
    /// The shard that takes the requests.
    pub shard: usize,
}

/// A request to the control thread.
pub enum Ask {
    /// Creates or replaces a pipeline.
    Put {
        /// The pipeline.
        spec: Box<PipelineSpec>,
        /// What may be there already.
        mode: PutMode,
        /// How long the old instance may take to stop.
        patience: Patience,
        /// Answer.
        reply: flume::Sender<Result<(), PutError>>,
    },
    /// Keeps another plan and document of a pipeline that runs: they count when it is started
    /// again, after the process was killed.
    Keep {
        /// The pipeline.
        spec: Box<PipelineSpec>,
        /// Answer; nothing is kept of one that has ended.
        reply: flume::Sender<Result<(), PutError>>,
    },
    /// Stops a pipeline and, unless it is kept, removes it.
    Remove {
        /// The pipeline.
        key: Key,
        /// How long it may take to stop gracefully; then it is forced.
        patience: Patience,
        /// Whether it stays in the table as stopped.
        keep: bool,
        /// Answer.
        reply: flume::Sender<Result<(), RemoveError>>,
    },
    /// Looks at one pipeline.
    Get {
        /// The pipeline.
        key: Key,
        /// Whether to ask its shard for counts and rates.
        metrics: bool,
        /// Answer.
        reply: flume::Sender<Option<PipelineView>>,
    },
    /// Looks at all pipelines, or those of one front end.
    List {
        /// The front end.
        owner: Option<Arc<str>>,
        /// Whether to ask the shards for counts and rates.
        metrics: bool,
        /// Answer, ordered by time of creation.
        reply: flume::Sender<Vec<PipelineView>>,
    },
    /// All metric series of a pipeline.
    Metrics {
        /// The pipeline.
        key: Key,
        /// Answer.
        reply: flume::Sender<Option<Vec<Metric>>>,
    },
    /// All metric series of what pipelines share: caches and rate limits.
    SharedMetrics {
        /// Answer.
        reply: flume::Sender<Vec<Metric>>,
    },
    /// The last lines of a pipeline's console.
    Console {
        /// The pipeline.
        key: Key,
        /// Answer.
        reply: flume::Sender<Option<VecDeque<String>>>,
    },
    /// A published variable of a pipeline.
    Variable {
        /// The pipeline.
        key: Key,
        /// Its name.
        name: String,
        /// Answer: what each instance has that has one.
        reply: flume::Sender<Vec<formats::k::K>>,
    },
    /// A question to the language of a pipeline.
    Inquire(Box<Inquiry>),
    /// A checkpoint of a pipeline.
    Checkpoint(Box<Checkpointing>),
    /// Stores (`Some`) or removes (`None`) a document that a front end wants back after a restart.
    PutDocument {
        /// The front end and the document's id.
        key: Key,
        /// The document.
        document: Option<Json>,
        /// Answer.
        reply: flume::Sender<Result<(), PutError>>,
    },
    /// The stored documents of a front end.
    Documents {
        /// The front end.
        owner: Arc<str>,
        /// Answer, ordered by id.
        reply: flume::Sender<Vec<(Key, Json)>>,
    },
    /// Stops everything. What there was can still be asked for, but nothing is put any more.
    StopAll {
        /// How long pipelines may take to stop gracefully; then they are forced.
        timeout: Duration,
        /// Answered when nothing runs any more: how many had to be forced.
        reply: flume::Sender<usize>,
    },
    /// Ends the engine's threads.
    End,
}

/// The engine did not answer: its mailbox is full or it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// [`ASKS_MAX`] requests wait already.
    #[error("the engine is busy")]
    Busy,
    /// The engine has ended.
    #[error("the engine is gone")]
    Gone,
}

/// The way to the engine; cheap to clone, works from any thread and under any executor.
#[derive(Clone)]
pub struct EngineHandle {
    pub(crate) asks: flume::Sender<Ask>,
    pub(crate) roll: Arc<Roll>,
}

impl EngineHandle {
    pub(crate) async fn ask<T>(
        &self,
        make: impl FnOnce(flume::Sender<T>) -> Ask,
    ) -> Result<T, Unavailable> {
        let (reply, answer) = flume::bounded(1);
        self.asks.try_send(make(reply)).map_err(|e| match e {
            flume::TrySendError::Full(_) => Unavailable::Busy,
            flume::TrySendError::Disconnected(_) => Unavailable::Gone,
        })?;
        answer.recv_async().await.map_err(|_| Unavailable::Gone)
    }

    /// See [`Ask::Put`].
    ///
    /// # Errors
    /// The engine did not answer; the inner result is its answer.
    pub async fn put(
        &self,
        spec: PipelineSpec,
        mode: PutMode,
        patience: impl Into<Patience>,
    ) -> Result<Result<(), PutError>, Unavailable> {
        let (spec, patience) = (Box::new(spec), patience.into());
        self.ask(|reply| Ask::Put { spec, mode, patience, reply }).await
    }

    /// See [`Ask::Remove`].
    ///
    /// # Errors
    /// The engine did not answer; the inner result is its answer.
    pub async fn remove(
        &self,
        key: Key,
        patience: impl Into<Patience>,
        keep: bool,
    ) -> Result<Result<(), RemoveError>, Unavailable> {
        let patience = patience.into();
        self.ask(|reply| Ask::Remove { key, patience, keep, reply }).await
    }

    /// See [`Ask::Get`].
    ///
    /// # Errors
    /// The engine did not answer.
    pub async fn get(&self, key: Key, metrics: bool) -> Result<Option<PipelineView>, Unavailable> {
        self.ask(|reply| Ask::Get { key, metrics, reply }).await
    }

    /// See [`Ask::List`].
    ///
    /// # Errors
    /// The engine did not answer.
    pub async fn list(
        &self,
        owner: Option<&str>,
        metrics: bool,
    ) -> Result<Vec<PipelineView>, Unavailable> {
        let owner = owner.map(Arc::from);
        self.ask(|reply| Ask::List { owner, metrics, reply }).await
    }

    /// What `read` makes of the states of a front end's pipelines, ordered by id. Changes of
    /// pipelines wait for it: it must be brief.
    pub fn states<T>(
        &self,
        owner: &str,
        read: impl FnOnce(&mut dyn Iterator<Item = PipelineState<'_>>) -> T,
    ) -> T {
        self.roll.read(owner, read)
    }

    /// See [`Ask::Metrics`].
    ///
    /// # Errors
    /// The engine did not answer.
    pub async fn metrics(&self, key: Key) -> Result<Option<Vec<Metric>>, Unavailable> {
        self.ask(|reply| Ask::Metrics { key, reply }).await
    }

    /// See [`Ask::SharedMetrics`].
    ///
    /// # Errors
    /// The engine did not answer.
    pub async fn shared_metrics(&self) -> Result<Vec<Metric>, Unavailable> {
        self.ask(|reply| Ask::SharedMetrics { reply }).await
    }

    /// See [`Ask::Console`].
    ///
    /// # Errors
    /// The engine did not answer.
    pub async fn console(&self, key: Key) -> Result<Option<VecDeque<String>>, Unavailable> {
        self.ask(|reply| Ask::Console { key, reply }).await
    }

    /// See [`Ask::Variable`].
    ///
    /// # Errors
    /// The engine did not answer.
    pub async fn variable(&self, key: Key, name: &str) -> Result<Vec<formats::k::K>, Unavailable> {
        let name = name.to_owned();
        self.ask(|reply| Ask::Variable { key, name, reply }).await
    }

    /// See [`Ask::Keep`].
    ///
    /// # Errors
    /// The engine did not answer; the inner result is its answer.
    pub async fn keep(&self, spec: PipelineSpec) -> Result<Result<(), PutError>, Unavailable> {
        self.ask(|reply| Ask::Keep { spec: Box::new(spec), reply }).await
    }

    /// See [`Ask::PutDocument`].
    ///
    /// # Errors
    /// The engine did not answer; the inner result is its answer.
    pub async fn put_document(
        &self,
        key: Key,
        document: Option<Json>,
    ) -> Result<Result<(), PutError>, Unavailable> {
        self.ask(|reply| Ask::PutDocument { key, document, reply }).await
    }

    /// See [`Ask::Documents`].
    ///
    /// # Errors
    /// The engine did not answer.
    pub async fn documents(&self, owner: &str) -> Result<Vec<(Key, Json)>, Unavailable> {
        let owner = Arc::from(owner);
        self.ask(|reply| Ask::Documents { owner, reply }).await
    }

    /// See [`Ask::StopAll`]. It waits for room in the mailbox: a busy engine stops, too.
    ///
    /// # Errors
    /// The engine has ended.
    pub async fn stop_all(&self, timeout: Duration) -> Result<usize, Unavailable> {
        let (reply, answer) = flume::bounded(1);
        let asked = self.asks.send_async(Ask::StopAll { timeout, reply }).await;
        asked.map_err(|_| Unavailable::Gone)?;
        answer.recv_async().await.map_err(|_| Unavailable::Gone)
    }

    /// Stops everything and ends the engine's threads; how many pipelines had to be forced.
    ///
    /// # Errors
    /// The engine has ended.
    pub async fn shutdown(&self, timeout: Duration) -> Result<usize, Unavailable> {
        let forced = self.stop_all(timeout).await?;
        self.asks.send_async(Ask::End).await.map_err(|_| Unavailable::Gone)?;
        Ok(forced)
    }
}
