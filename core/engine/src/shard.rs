//! A shard: one thread on one core that owns instances and does what its mailbox says.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use formats::k::K;
use plan::{End, NodeId, Operator, Plan, Registry};

use crate::api::{Key, PortEvent, State};
use crate::budget::ProcessBudget;
use crate::build::{Builder, ComponentEnv};
use crate::checkpoint::{Durable, Kept};
use crate::crew::{News, Place};
use crate::inquire::{self, Answered};
use crate::instance::{Built, Event, RoleError, Running, Surroundings};
use crate::lanes::{Lane, Lanes};
use crate::ledger::Totals;
use crate::metrics::{Metric, Series};
use crate::panics::guarded;
use crate::parallel::{Head, Share, work};
use crate::parts::{self, Order, Part, Parts};
use crate::rates::RateSums;
use crate::scratch::StateRoom;
use crate::services::{InstanceServices, Openings};
use crate::shared::{Question, SharedParts};

/// What a shard may be told. Its mailbox is apart from all data, so that nothing a pipeline does
/// delays a stop or a question.
pub(crate) enum Control {
    /// Build an instance and keep it. The answer tells whether other shards are to build parts.
    Build {
        token: u64,
        key: Key,
        plan: Arc<Plan>,
        durable: Option<Durable>,
        place: Place,
        reply: flume::Sender<Result<Option<Parts>, RoleError>>,
    },
    /// Build a part of an instance of another shard, which opens it by its line.
    BuildPart {
        token: u64,
        key: Key,
        plan: Arc<Plan>,
        part: Part,
        reply: flume::Sender<Result<(), RoleError>>,
    },
    /// Open an instance that was built, with lines to its parts.
    Open(u64, Vec<flume::Sender<Order>>),
    /// Drop an instance that was built and is not wanted.
    Discard(u64),
    /// Stop reading, drain, close.
    Stop(u64, End),
    /// Drop a running instance with everything it has on the way.
    Abort(u64),
    /// Drop what is kept of an instance that has ended.
    Forget(u64),
    /// Work on the blocks of an instance of another shard, or of this one.
    Share { token: u64, key: Key, share: Share },
    /// Counts and rates of all instances.
    Snapshot(flume::Sender<Vec<Snapshot>>),
    /// Series of the caches and rate limits that the shard owns.
    SharedMetrics(flume::Sender<Vec<Metric>>),
    /// Series of one instance.
    Metrics(u64, flume::Sender<Vec<Metric>>),
    /// Console of one instance.
    Console(u64, flume::Sender<Option<VecDeque<String>>>),
    /// A variable of one instance.
    Variable(u64, String, flume::Sender<Option<K>>),
    /// A question to the language of one instance.
    Inquire(u64, K, flume::Sender<Answered>),
    /// Keep the states of one instance now; where the answers of its operators will be.
    Checkpoint(u64, flume::Sender<Option<Vec<flume::Receiver<Kept>>>>),
    /// News for the router of one instance.
    Crew(u64, News),
    /// Run an operator of a pipeline for the keys that are this shard's.
    Lane { token: u64, key: Key, lane: Lane },
    /// Do something else on the thread of the shard.
    Run(Job),
    /// Drop everything and end.
    Close,
}

/// Something to do on the thread of a shard: it must not block, and may start tasks there.
pub type Job = Box<dyn FnOnce() + Send>;

/// The way to one shard, for what is no pipeline and yet belongs beside some.
#[derive(Clone)]
pub struct ShardHandle(pub(crate) flume::Sender<Control>);

impl ShardHandle {
    /// Has the shard do something; it is dropped when the shard has ended.
    pub fn run(&self, job: Job) {
        let _ = self.0.send(Control::Run(job));
    }
}

/// Counts of one instance.
pub(crate) struct Snapshot {
    pub(crate) token: u64,
    pub(crate) totals: Totals,
    pub(crate) rates: RateSums,
}

/// What a shard is started with.
pub(crate) struct ShardConfig {
    pub(crate) mailbox: flume::Receiver<Control>,
    pub(crate) peers: Vec<flume::Sender<Control>>,
    pub(crate) registry: Registry,
    pub(crate) ports: Vec<flume::Sender<PortEvent>>,
    pub(crate) events: flume::Sender<Event>,
    pub(crate) process: Arc<ProcessBudget>,
    pub(crate) state: StateRoom,
    /// The shard's number, and the questions to it and to all shards about what they own.
    pub(crate) index: usize,
    pub(crate) questions: flume::Receiver<Question>,
    pub(crate) owners: Vec<flume::Sender<Question>>,
}

struct Shard {
    around: Rc<Surroundings>,
    peers: Vec<flume::Sender<Control>>,
    built: HashMap<u64, (Key, Built)>,
    /// Instances by token, those that are parts of another shard's among them.
    running: Rc<RefCell<HashMap<u64, Running>>>,
    /// Series of the heads and lanes this shard works on for pipelines, by token.
    shared: HashMap<u64, Vec<Series>>,
}

/// Builds; a panic is an error of the plan.
fn contained<T>(build: impl FnOnce() -> Result<T, RoleError>) -> Result<T, RoleError> {
    let panicked = |panic| {
        let error = plan::BuildError::new(panic);
        Err(RoleError { role: plan::Role::Operator, error, wants: None })
    };
    guarded(build).unwrap_or_else(panicked)
}

/// Builds an operator of a plan.
fn operator(builder: &Rc<Builder>, node: NodeId) -> Result<Box<dyn Operator>, String> {
    let component = builder.plan.nodes.get(node).map(|n| n.component.clone());
    let env = ComponentEnv::new(Rc::clone(builder), component.unwrap_or_default());
    env.build_operator().map_err(|e| e.text)
}

/// Runs a shard until it is told to close.
pub(crate) async fn run(config: ShardConfig) {
    let ports = Rc::new(Openings { shard: config.index, listeners: config.ports });
    let registry = Rc::new(config.registry);
    let services = InstanceServices::new(Key::new("resources", ""), Rc::clone(&ports));
    let shared = SharedParts::new(config.index, config.owners, Rc::clone(&registry), services);
    rt::spawn(Rc::clone(&shared).serve(config.questions));
    let around = Surroundings {
        registry,
        ports,
        shared,
        events: config.events,
        process: config.process,
        state: config.state,
        shards: config.peers.len(),
    };
    let mut shard = Shard {
        around: Rc::new(around),
        peers: config.peers,
        built: HashMap::new(),
        running: Rc::default(),
        shared: HashMap::new(),
    };
    while let Ok(control) = config.mailbox.recv_async().await {
        if matches!(control, Control::Close) {
            break;
        }
        shard.on_control(control);
    }
}

impl Shard {
    fn on_control(&mut self, control: Control) {
        match control {
            Control::Build { token, key, plan, durable, place, reply } => {
                let _ = reply.send(self.build(token, key, plan, durable, place));
            }
            Control::BuildPart { token, key, plan, part, reply } => {
                let _ = reply.send(self.build_part(token, key, plan, part));
            }
            Control::Open(token, lines) => self.open(token, lines),
            Control::Discard(token) => drop(self.built.remove(&token)),
            Control::Stop(token, end) => match self.running.borrow().get(&token) {
                Some(running) => running.stop.set(end),
                None => self.ended(token, State::Stopped),
            },
            Control::Abort(token) => {
                self.forget(token);
                self.built.remove(&token);
                self.ended(token, State::Stopped);
            }
            Control::Forget(token) => {
                self.forget(token);
                self.shared.remove(&token);
            }
            Control::Share { token, key, share } => self.share(token, &key, share),
            Control::Lane { token, key, lane } => self.lane(token, &key, lane),
            Control::Crew(token, news) => self.tell_router(token, news),
            Control::Snapshot(reply) => {
                let _ = reply.send(self.snapshots());
            }
            Control::Metrics(token, reply) => {
                let _ = reply.send(self.series(token));
            }
            Control::Run(job) => {
                if let Err(panic) = guarded(job) {
                    tracing::error!("a job of a shard {panic}");
                }
            }
            Control::SharedMetrics(reply) => {
                let _ = reply.send(self.around.shared.series.snapshot());
            }
            question => self.on_question(question),
        }
    }

    /// Answers what is asked of one running instance.
    fn on_question(&self, control: Control) {
        match control {
            Control::Console(token, reply) => {
                let running = self.running.borrow();
                let lines = running.get(&token).map(|r| r.services.console_lines());
                let _ = reply.send(lines);
            }
            Control::Variable(token, name, reply) => {
                let running = self.running.borrow();
                let value = running.get(&token).and_then(|r| r.services.variable(&name));
                let _ = reply.send(value);
            }
            Control::Inquire(token, question, reply) => {
                let _ = reply.send(self.inquire(token, &question));
            }
            Control::Checkpoint(token, reply) => {
                let running = self.running.borrow();
                let _ = reply.send(running.get(&token).map(Running::checkpoint));
            }
            _ => {}
        }
    }

    /// What the session of a pipeline answers.
    fn inquire(&self, token: u64, question: &K) -> Answered {
        // Not while the table is borrowed: nobody knows what a language does.
        let session = self.running.borrow().get(&token).and_then(Running::session);
        let answer = session.and_then(|session| inquire::ask(&*session, question));
        // The answer may have left something to do.
        if let Some(running) = self.running.borrow().get(&token) {
            running.nudge();
        }
        answer
    }

    fn tell_router(&self, token: u64, news: News) {
        let running = self.running.borrow();
        if let Some(router) = running.get(&token).and_then(|running| running.router.as_ref()) {
            let _ = router.send(news);
        }
    }

    /// Series of what works here for a pipeline.
    fn series(&self, token: u64) -> Vec<Metric> {
        let mut series = Vec::new();
        if let Some(running) = self.running.borrow().get(&token) {
            series = running.series.snapshot();
        }
        for shared in self.shared.get(&token).into_iter().flatten() {
            crate::metrics::merge(&mut series, shared.snapshot());
        }
        series
    }

    fn ended(&self, token: u64, state: State) {
        let _ = self.around.events.send(Event::Ended { token, state });
    }

    fn build(
        &mut self,
        token: u64,
        key: Key,
        plan: Arc<Plan>,
        durable: Option<Durable>,
        place: Place,
    ) -> Result<Option<Parts>, RoleError> {
        let around = &self.around;
        let built = contained(|| Built::new(token, key.clone(), plan, durable, place, around))?;
        let parts = built.parts();
        self.built.insert(token, (key, built));
        Ok(parts)
    }

    fn build_part(
        &self,
        token: u64,
        key: Key,
        plan: Arc<Plan>,
        part: Part,
    ) -> Result<(), RoleError> {
        let built = contained(|| Built::part(token, key, plan, &part, &self.around))?;
        let (around, running) = (Rc::clone(&self.around), Rc::clone(&self.running));
        rt::spawn(parts::keep(token, built, part.line, around, running));
        Ok(())
    }

    fn forget(&self, token: u64) {
        let running = self.running.borrow_mut().remove(&token);
        drop(running); // not while the table is borrowed
        rt::memory::give_back_soon(|task| drop(rt::spawn(task)));
    }

    fn open(&mut self, token: u64, lines: Vec<flume::Sender<Order>>) {
        let Some((key, built)) = self.built.remove(&token) else {
            return self.ended(token, State::Failed("the instance is not there".to_owned()));
        };
        let (peers, key_of_lanes) = (self.peers.clone(), key.clone());
        let share = move |share: Share| {
            for peer in &peers {
                let (key, share) = (key.clone(), share.clone());
                let _ = peer.send(Control::Share { token, key, share });
            }
        };
        let run_lanes = |lanes: Vec<Lane>| {
            for (peer, lane) in self.peers.iter().zip(lanes) {
                let key = key_of_lanes.clone();
                let _ = peer.send(Control::Lane { token, key, lane });
            }
        };
        let opened = built.open(&self.around, share, run_lanes, lines);
        self.running.borrow_mut().insert(token, opened);
    }

    /// Starts to work on the blocks of a pipeline.
    fn share(&mut self, token: u64, key: &Key, share: Share) {
        if share.work.is_disconnected() {
            return; // it has ended, and nobody would forget what is kept of it
        }
        let builder = self.builder(token, key, &share.plan);
        let (heads, keyed) = (Arc::clone(&share.heads), share.lanes.as_ref().map(Lanes::node));
        let build = move || {
            let of = |id: &NodeId| operator(&builder, *id);
            let chain = |head: &Head| {
                let chain = head.nodes.iter().map(of).collect::<Result<Vec<_>, String>>()?;
                Ok((head.source, chain))
            };
            let chains = heads.iter().map(chain).collect::<Result<Vec<_>, String>>()?;
            Ok((chains, keyed.as_ref().map(of).transpose()?))
        };
        rt::spawn(work(share, build));
    }

    /// Starts to work for the operator of a pipeline whose state belongs to keys.
    fn lane(&mut self, token: u64, key: &Key, lane: Lane) {
        if lane.work.is_disconnected() {
            return; // as above
        }
        let (builder, node) = (self.builder(token, key, &lane.plan), lane.node);
        rt::spawn(lane.run(move || operator(&builder, node)));
    }

    /// What builds operators of a pipeline that has its home elsewhere. Their series are
    /// remembered.
    fn builder(&mut self, token: u64, key: &Key, plan: &Arc<Plan>) -> Rc<Builder> {
        let services = InstanceServices::new(key.clone(), Rc::clone(&self.around.ports));
        services.give_state(self.around.state.clone());
        let registry = Rc::clone(&self.around.registry);
        let shared = Rc::clone(&self.around.shared);
        let builder = Builder::new(registry, Arc::clone(plan), services, shared, &key.id);
        self.shared.entry(token).or_default().push(builder.series.clone());
        builder
    }

    fn snapshots(&self) -> Vec<Snapshot> {
        let now_ns = rt::now().0;
        let one = |(token, running): (&u64, &Running)| {
            let mut totals = running.ledger.totals();
            totals.errors += running.services.errors();
            Snapshot { token: *token, totals, rates: running.ledger.rates(now_ns) }
        };
        self.running.borrow().iter().map(one).collect()
    }
}
