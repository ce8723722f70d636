//! One pipeline on its home shard: built first, opened later, stopped gracefully or by force.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, join_all, select};
use plan::{
    BuildError, Class, End, NodeId, Operator, Plan, Registry, Role, Sink, Source, SourceError,
};

use crate::acks::{AckEvent, Homing};
use crate::api::{Key, PortEvent, State};
use crate::budget::ProcessBudget;
use crate::build::{Builder, ComponentEnv, component_labels};
use crate::context::{Context, SoFar};
use crate::driver::{Driver, Graph, Station};
use crate::ledger::{Ledger, Replay, SourceMeter};
use crate::panics::Guarded;
use crate::parallel::{Done, Input, Intake, Reorder, Share, Work, intake, linear_head};
use crate::queue::Queue;
use crate::services::InstanceServices;
use crate::sinks::{SINK_QUEUE_MAX, SinkTask};
use crate::stop::Flag;

/// First pause before a source that could not read is tried again; doubles up to the maximum.
const RETRY_MIN: Duration = Duration::from_millis(100);
/// Longest such pause.
const RETRY_MAX: Duration = Duration::from_secs(1);
/// First pause before failed messages are sent again; doubles with each failure in a row.
const REPLAY_MIN: Duration = Duration::from_millis(1);
/// Longest such pause.
const REPLAY_MAX: Duration = Duration::from_secs(1);

/// Told to the control thread as it happens.
#[derive(Debug)]
pub(crate) enum Event {
    /// The instance has ended, in this state.
    Ended { token: u64, state: State },
    /// A source or sink gained or lost what it reads from or writes to.
    Connection { token: u64, index: usize, up: bool, error: String },
}

/// Keeps the control thread informed about sources and sinks, and counts it.
pub(crate) struct Connections {
    token: u64,
    events: flume::Sender<Event>,
    /// By node: path and label for logs, and counters of sources.
    nodes: Vec<ConnectionNode>,
    key: Key,
}

struct ConnectionNode {
    up: Cell<Option<bool>>,
    name: String,
    path: String,
    label: String,
    counters: Option<SourceCounters>,
}

struct SourceCounters {
    up: plan::env::Counter,
    failed: plan::env::Counter,
    lost: plan::env::Counter,
}

impl Connections {
    /// Notes whether node `index` is connected; says so to the control thread when it changed.
    pub(crate) fn set(&self, index: usize, up: bool, error: &str) {
        let Some(node) = self.nodes.get(index) else { return };
        let before = node.up.replace(Some(up));
        if up && before == Some(up) {
            return;
        }
        if let Some(counters) = &node.counters {
            let counter = match (up, before) {
                (true, _) => &counters.up,
                (false, Some(true)) => &counters.lost,
                (false, _) => &counters.failed,
            };
            counter.add(1);
        }
        let (token, error) = (self.token, error.to_owned());
        let _ = self.events.send(Event::Connection { token, index, up, error });
    }

    /// Notes that node `index` could not connect, and logs why.
    pub(crate) fn failed(&self, index: usize, text: &str) {
        self.set(index, false, text);
        let Some(node) = self.nodes.get(index) else { return };
        self.log_error(index, &format!("Failed to connect to {}: {text}", node.name));
    }

    pub(crate) fn log_error(&self, index: usize, text: &str) {
        let Some(node) = self.nodes.get(index) else { return };
        let (path, label, stream) = (&*node.path, &*node.label, &*self.key.id);
        tracing::error!(stream, path, label, "{text}");
    }
}

/// An instance that is built and not yet opened.
pub(crate) struct Built {
    token: u64,
    key: Key,
    builder: Rc<Builder>,
    sources: Vec<(NodeId, Box<dyn Source>)>,
    operators: Vec<(NodeId, Box<dyn Operator>)>,
    sinks: Vec<(NodeId, Rc<dyn Sink>)>,
    head: Vec<NodeId>,
}

/// What the shard gives every instance.
pub(crate) struct Surroundings {
    pub(crate) registry: Rc<Registry>,
    pub(crate) ports: Rc<Vec<flume::Sender<PortEvent>>>,
    pub(crate) events: flume::Sender<Event>,
    pub(crate) process: Arc<ProcessBudget>,
    /// Whether there are other shards to share work with.
    pub(crate) spread: bool,
}

/// An error while building, with the role of the component.
pub(crate) type RoleError = (Role, BuildError);

impl Built {
    /// Builds every component of a plan.
    pub(crate) fn new(
        token: u64,
        key: Key,
        plan: Arc<Plan>,
        around: &Surroundings,
    ) -> Result<Self, RoleError> {
        let services = InstanceServices::new(key.clone(), Rc::clone(&around.ports));
        let builder =
            Builder::new(Rc::clone(&around.registry), Arc::clone(&plan), services, &key.id);
        let head = linear_head(&plan);
        let mut built = Built {
            token,
            key,
            builder,
            sources: Vec::new(),
            operators: Vec::new(),
            sinks: Vec::new(),
            head,
        };
        for (id, node) in plan.nodes.iter().enumerate() {
            let env = ComponentEnv::new(Rc::clone(&built.builder), node.component.clone());
            let role = node.role;
            match role {
                Role::Source => {
                    built.sources.push((id, env.build_source().map_err(|e| (role, e))?));
                }
                Role::Operator => {
                    built.operators.push((id, env.build_operator().map_err(|e| (role, e))?));
                }
                Role::Sink => {
                    let sink = env.build_sink().map_err(|e| (role, e))?;
                    built.sinks.push((id, Rc::from(sink)));
                }
            }
        }
        built.trim_head(around.spread);
        Ok(built)
    }

    /// The head is the leading operators that are stateless; it is only cut off where other
    /// shards can share it and the source is one that reads in order.
    fn trim_head(&mut self, spread: bool) {
        let stateless = |id: &&NodeId| {
            let found = self.operators.iter().find(|(node, _)| node == *id);
            found.is_some_and(|(_, operator)| operator.class() == Class::Stateless)
        };
        let count = self.head.iter().take_while(stateless).count();
        let limit = self.builder.plan.shards_max.unwrap_or(usize::MAX);
        self.head.truncate(if spread && limit > 1 { count } else { 0 });
    }

    fn connections(&self, events: flume::Sender<Event>) -> Rc<Connections> {
        let stream = &self.builder.stream;
        let node = |node: &plan::Node| {
            let labels = component_labels(&node.component, stream);
            let counter = |name| self.builder.series.counter(name, &labels);
            let shown = node.role == Role::Source && !node.component.path.is_empty();
            ConnectionNode {
                up: Cell::new(None),
                name: node.component.name.clone(),
                path: node.component.path.clone(),
                label: node.component.label.clone(),
                counters: shown.then(|| SourceCounters {
                    up: counter("input_connection_up"),
                    failed: counter("input_connection_failed"),
                    lost: counter("input_connection_lost"),
                }),
            }
        };
        let nodes = self.builder.plan.nodes.iter().map(node).collect();
        Rc::new(Connections { token: self.token, events, nodes, key: self.key.clone() })
    }

    /// Source meters by node number; nodes that are not sources have unused ones.
    fn meters(&self) -> Vec<SourceMeter> {
        let stream = &self.builder.stream;
        let meter = |node: &plan::Node| {
            if node.role != Role::Source || node.component.path.is_empty() {
                return SourceMeter::default();
            }
            let labels = component_labels(&node.component, stream);
            SourceMeter {
                received: self.builder.series.counter("input_received", &labels),
                latency: self.builder.series.timing("input_latency_ns", &labels),
            }
        };
        self.builder.plan.nodes.iter().map(meter).collect()
    }

    /// Opens it: from here on sources read. `share` is called with what other shards need when
    /// the first block is spread.
    pub(crate) fn open(
        self,
        around: &Surroundings,
        share: impl FnOnce(Share) + 'static,
    ) -> Running {
        let ledger = Ledger::new(Arc::clone(&around.process), rt::now().0);
        ledger.set_meters(self.meters());
        let connections = self.connections(around.events.clone());
        let (acks, ack_events) = flume::unbounded();
        let homing = Homing(acks);
        let (work_in, work) = flume::unbounded::<Work>();
        let (done_in, done) = flume::unbounded::<Done>();
        let spread = !self.head.is_empty();
        let first_share = Share {
            plan: Arc::clone(&self.builder.plan),
            head: self.head.len(),
            work,
            done: done_in.clone(),
            homing: homing.clone(),
        };
        let intake = intake(spread.then_some(work_in), Box::new(move || share(first_share)));
        let running = Running {
            stop: Flag::default(),
            ledger: ledger.clone(),
            series: self.builder.series.clone(),
            services: Rc::clone(&self.builder.services),
            task: RefCell::new(None),
        };
        let (token, events) = (self.token, around.events.clone());
        let open_ports = OpenPorts(Rc::clone(&self.builder.services));
        let body = Body::new(self, ledger, connections, homing, intake, running.stop.clone());
        let task = async move {
            let state = match Guarded::new(body.run(ack_events, done, done_in)).await {
                Ok(Ok(End::Drained)) => State::Finished,
                Ok(Ok(End::Stopped)) => State::Stopped,
                Ok(Err(text)) | Err(text) => State::Failed(text),
            };
            drop(open_ports);
            let _ = events.send(Event::Ended { token, state });
        };
        *running.task.borrow_mut() = Some(rt::spawn(task).abort_on_drop());
        running
    }
}

/// The ports of an instance, which close when it ends in whatever way.
struct OpenPorts(Rc<InstanceServices>);

impl Drop for OpenPorts {
    fn drop(&mut self) {
        self.0.close_ports();
    }
}

/// An instance that runs. Dropping it ends it by force: what is on the way is nacked.
pub(crate) struct Running {
    pub(crate) stop: Flag,
    pub(crate) ledger: Ledger,
    pub(crate) series: crate::metrics::Series,
    pub(crate) services: Rc<InstanceServices>,
    task: RefCell<Option<rt::Task<()>>>,
}

/// Everything the task of an instance owns.
struct Body {
    sources: Vec<(NodeId, Box<dyn Source>)>,
    sinks: Vec<SinkTask>,
    graph: Graph,
    head: Vec<NodeId>,
    chain: Vec<Box<dyn Operator>>,
    ledger: Ledger,
    connections: Rc<Connections>,
    homing: Homing,
    intake: Rc<Intake>,
    stop: Flag,
}

impl Body {
    fn new(
        built: Built,
        ledger: Ledger,
        connections: Rc<Connections>,
        homing: Homing,
        intake: Rc<Intake>,
        stop: Flag,
    ) -> Self {
        let plan = Arc::clone(&built.builder.plan);
        let targets = |id: NodeId| plan.targets(id).collect::<Vec<_>>();
        let mut stations: Vec<Option<Station>> = plan.nodes.iter().map(|_| None).collect();
        let mut chain = Vec::new();
        for (id, _) in &built.sources {
            stations[*id] = Some(Station::Source(targets(*id)));
        }
        for (id, operator) in built.operators {
            stations[id] = Some(if built.head.contains(&id) {
                chain.push(operator);
                Station::Source(targets(id))
            } else {
                Station::Operator(operator, targets(id))
            });
        }
        let mut sinks = Vec::new();
        for (index, sink) in built.sinks {
            let queue = Queue::new(SINK_QUEUE_MAX);
            stations[index] = Some(Station::Sink(queue.clone()));
            let connections = Rc::clone(&connections);
            sinks.push(SinkTask { sink, index, queue, connections, strict: plan.strict });
        }
        let graph = Graph::new(stations.into_iter().flatten().collect());
        let (sources, head) = (built.sources, built.head);
        Body { sources, sinks, graph, head, chain, ledger, connections, homing, intake, stop }
    }

    /// Runs until the sources have ended or were stopped and everything is delivered.
    async fn run(
        self,
        ack_events: flume::Receiver<AckEvent>,
        done: flume::Receiver<Done>,
        _keeps_done_open: flume::Sender<Done>,
    ) -> Result<End, String> {
        let queues: Vec<_> = self.sinks.iter().map(|s| s.queue.clone()).collect();
        let sinks = join_all(self.sinks.into_iter().map(SinkTask::run));
        let end = Rc::new(Cell::new(End::Drained));
        let mut driver = Driver {
            graph: self.graph,
            head: self.head,
            chain: self.chain,
            intake: Rc::clone(&self.intake),
            done,
            homing: self.homing.clone(),
            reorder: Reorder::default(),
            end: Rc::clone(&end),
        };
        let acks =
            ack_loop(self.ledger.clone(), ack_events, Rc::clone(&self.intake), self.homing.clone());
        let context = |source, replays| Context {
            source,
            replays,
            ledger: self.ledger.clone(),
            homing: self.homing.clone(),
            intake: Rc::clone(&self.intake),
            stop: self.stop.clone(),
            connections: Rc::clone(&self.connections),
            so_far: SoFar::default(),
        };
        let sources = self.sources.into_iter();
        let sources = sources.map(|(id, source)| run_source(context(id, source.replays()), source));
        let reading = async {
            let ended = join_all(sources).await;
            if self.stop.is_set() {
                end.set(End::Stopped);
            }
            self.intake.inbox.push_now(Input::End);
            Ok(ended.into_iter().find_map(Result::err))
        };
        let ledger = self.ledger.clone();
        let flow = async {
            driver.run().await.map_err(|e| e.to_string())?;
            drain(&mut driver, &ledger).await?;
            queues.iter().for_each(Queue::close);
            Ok::<(), String>(())
        };
        let sinks = async {
            sinks.await;
            Ok(())
        };
        // A failing operator ends it at once; a failing source only after what it read is out.
        let work = std::pin::pin!(async { futures_util::try_join!(reading, flow, sinks) });
        let failed = match select(work, std::pin::pin!(acks)).await {
            Either::Left((result, _)) => result?.0,
            Either::Right(((), _)) => Some("the acks have no way home".to_owned()),
        };
        failed.map_or(Ok(end.get()), Err)
    }
}

/// After the end of the sources: what fails is still sent again, until nothing is on the way.
async fn drain(driver: &mut Driver, ledger: &Ledger) -> Result<(), String> {
    let again = std::pin::pin!(async {
        loop {
            if let Err(error) = driver.replays().await {
                return error.to_string();
            }
        }
    });
    match select(std::pin::pin!(ledger.idle()), again).await {
        Either::Left(_) => Ok(()),
        Either::Right((error, _)) => Err(error),
    }
}

/// Takes ack events home; what failed goes back to the driver after a pause.
async fn ack_loop(
    ledger: Ledger,
    events: flume::Receiver<AckEvent>,
    intake: Rc<Intake>,
    homing: Homing,
) {
    let mut pause = REPLAY_MIN;
    while let Ok(event) = events.recv_async().await {
        let done = matches!(event, AckEvent::Done(_));
        match ledger.on_event(event, rt::now().0) {
            Some(Replay { id, source, data, born_ns }) => {
                let mut batch = plan::Batch::new(data);
                batch.born_ns = born_ns;
                batch.acks = plan::Acks::one(plan::Ack::new(Arc::new(homing.clone()), id));
                let (intake, wait) = (Rc::clone(&intake), pause);
                // Bounded by the budget: a batch that is sent again still holds its bytes.
                rt::spawn(async move {
                    rt::sleep(wait).await;
                    intake.accept(source, id, batch);
                });
                pause = (pause * 2).min(REPLAY_MAX);
            }
            None if done => pause = REPLAY_MIN,
            None => {}
        }
    }
}

/// Runs a source until it ends, is stopped or fails for good.
async fn run_source(context: Context, mut source: Box<dyn Source>) -> Result<(), String> {
    use plan::SourceContext;
    let context = Rc::new(context);
    let mut pause = RETRY_MIN;
    loop {
        context.started();
        let result = source.run(Rc::clone(&context) as Rc<dyn SourceContext>).await;
        match result {
            Ok(()) | Err(SourceError::Stopped) => return Ok(()),
            Err(SourceError::Fatal(text)) => {
                context.error(&text);
                return Err(text);
            }
            Err(SourceError::Retry(text)) => context.interrupted(&text),
        }
        let stop = std::pin::pin!(context.stop.wait());
        select(stop, std::pin::pin!(rt::sleep(pause))).await;
        if context.stop.is_set() {
            return Ok(());
        }
        pause = (pause * 2).min(RETRY_MAX);
    }
}
