//! One pipeline on a shard: built first, opened later, stopped gracefully or by force.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use plan::{BuildError, Class, End, NodeId, Operator, Plan, Registry, Role, Session, Sink, Source};

use crate::acks::{AckEvent, Homing};
use crate::api::{Key, State};
use crate::body::{Body, Ended, Ways};
use crate::budget::ProcessBudget;
use crate::build::{Builder, ComponentEnv, component_labels};
use crate::checkpoint::{Durable, Durables, Kept, States};
use crate::checkpointing::Holders;
use crate::connections::Connections;
use crate::crew::{CrewPorts, News, Place, Router, beside};
use crate::lanes::{LANES_MIN, Lane, Lanes, lanes};
use crate::ledger::{Ledger, SourceMeter};
use crate::panics::Guarded;
use crate::parallel::{Done, Head, Input, Intake, Share, Work, intake, linear_heads};
use crate::parts::{Order, Part, Parts};
use crate::scratch::StateRoom;
use crate::services::{InstanceServices, Openings};
use crate::shared::SharedParts;
use crate::stop::Stop;

/// Told to the control thread as it happens.
#[derive(Debug)]
pub(crate) enum Event {
    /// The pipeline has ended, in this state.
    Ended { token: u64, state: State },
    /// A source or sink of an instance gained or lost what it reads from or writes to.
    Connection { token: u64, instance: usize, index: usize, up: bool, error: String },
    /// The router of a pipeline wants another instance.
    Grow { token: u64 },
}

/// An instance that is built and not yet opened.
pub(crate) struct Built {
    token: u64,
    key: Key,
    pub(crate) builder: Rc<Builder>,
    pub(crate) sources: Vec<(NodeId, Box<dyn Source>)>,
    pub(crate) operators: Vec<(NodeId, Box<dyn Operator>)>,
    pub(crate) sinks: Vec<(NodeId, Rc<dyn Sink>)>,
    /// What runs right behind its sources, on any shard.
    pub(crate) heads: Vec<Head>,
    /// The operator behind the heads that runs in lanes.
    pub(crate) keyed: Option<NodeId>,
    /// Whether it has all nodes of the plan.
    pub(crate) whole: bool,
    instance: (usize, usize),
    acks: (Homing, flume::Receiver<AckEvent>),
    done: (flume::Sender<Done>, flume::Receiver<Done>),
    /// Where a part sends its results and what ends the pipeline.
    home: Option<Parts>,
    /// The operators whose states are kept.
    pub(crate) durables: Option<Durables>,
}

/// What the shard gives every instance.
pub(crate) struct Surroundings {
    pub(crate) registry: Rc<Registry>,
    pub(crate) ports: Rc<Openings>,
    pub(crate) events: flume::Sender<Event>,
    pub(crate) process: Arc<ProcessBudget>,
    pub(crate) state: StateRoom,
    /// Caches and rate limits.
    pub(crate) shared: Rc<SharedParts>,
    /// Number of shards to share work with, this one among them.
    pub(crate) shards: usize,
}

/// An error while building.
pub(crate) struct RoleError {
    /// The role of the component.
    pub(crate) role: Role,
    pub(crate) error: BuildError,
    /// The document that it would need, and is not there yet.
    pub(crate) wants: Option<String>,
}

impl Built {
    /// Builds a plan on its home shard. One that is durable goes on from the states that are kept,
    /// or begins anew where they are not its own.
    pub(crate) fn new(
        token: u64,
        key: Key,
        plan: Arc<Plan>,
        durable: Option<Durable>,
        place: Place,
        around: &Surroundings,
    ) -> Result<Self, RoleError> {
        let Some(mut durable) = durable else {
            return Built::home(token, key, plan, place, around);
        };
        // A state is of one instance.
        let alone = || Place::Alone;
        if !durable.states.is_empty() {
            let again = Arc::new(plan.going_on());
            let mut built = Built::home(token, key.clone(), Arc::clone(&again), alone(), around)?;
            match Durables::new(&key, &again, &mut built.operators, &durable) {
                Ok(durables) => return Ok(Built { durables: Some(durables), ..built }),
                Err(why) => tracing::error!(
                    stream = &*key.id,
                    "The state that was kept cannot be used, and the pipeline begins anew: {why}"
                ),
            }
            let vault = durable.vault.clone();
            rt::spawn(async move { vault.clear().await });
            durable.states = States::default();
        }
        let mut built = Built::home(token, key.clone(), Arc::clone(&plan), alone(), around)?;
        let durables = Durables::new(&key, &plan, &mut built.operators, &durable);
        let failed = |error: plan::OperatorError| RoleError {
            role: Role::Operator,
            error: BuildError::new(error.0),
            wants: None,
        };
        Ok(Built { durables: Some(durables.map_err(failed)?), ..built })
    }

    fn home(
        token: u64,
        key: Key,
        plan: Arc<Plan>,
        place: Place,
        around: &Surroundings,
    ) -> Result<Self, RoleError> {
        let all: Vec<NodeId> = (0..plan.nodes.len()).collect();
        let mut built = Built::nodes(token, key, plan, &all, place, around)?;
        built.whole = true;
        built.trim_heads(around.shards > 1);
        let instances = built.instances(around.shards);
        built.instance = (0, instances);
        built.keyed = built.keyed(around.shards);
        Ok(built)
    }

    /// Builds a part of a plan whose home is another shard.
    pub(crate) fn part(
        token: u64,
        key: Key,
        plan: Arc<Plan>,
        part: &Part,
        around: &Surroundings,
    ) -> Result<Self, RoleError> {
        let parts = &part.parts;
        let heads = parts.heads.clone();
        let ends = |head: &Head| [head.source].into_iter().chain(head.nodes.clone());
        let nodes: Vec<NodeId> = match parts.whole {
            true => (0..plan.nodes.len()).collect(),
            false => heads.iter().flat_map(ends).collect(),
        };
        let mut built = Built::nodes(token, key, plan, &nodes, Place::Alone, around)?;
        built.heads = heads;
        built.whole = parts.whole;
        built.instance = (part.index, parts.instances);
        built.home = Some(parts.clone());
        Ok(built)
    }

    /// Builds the components of some nodes.
    fn nodes(
        token: u64,
        key: Key,
        plan: Arc<Plan>,
        nodes: &[NodeId],
        place: Place,
        around: &Surroundings,
    ) -> Result<Self, RoleError> {
        let services = InstanceServices::new(key.clone(), Rc::clone(&around.ports));
        services.give_journals(around.state.journals.clone());
        services.give_crew(CrewPorts::new(place));
        // A state that is kept as a whole is in memory as a whole.
        if !plan.durable {
            services.give_state(around.state.clone());
        }
        let registry = Rc::clone(&around.registry);
        let shared = Rc::clone(&around.shared);
        let wanting = Rc::clone(&services);
        let builder = Builder::new(registry, Arc::clone(&plan), services, shared, &key.id);
        let (mut sources, mut operators, mut sinks) = (Vec::new(), Vec::new(), Vec::new());
        for (id, node) in nodes.iter().filter_map(|id| Some((*id, plan.nodes.get(*id)?))) {
            let env = ComponentEnv::new(Rc::clone(&builder), node.component.clone());
            let failed = |error| RoleError { role: node.role, error, wants: wanting.wanted() };
            match node.role {
                Role::Source => sources.push((id, env.build_source().map_err(failed)?)),
                Role::Operator => operators.push((id, env.build_operator().map_err(failed)?)),
                Role::Sink => sinks.push((id, Rc::from(env.build_sink().map_err(failed)?))),
            }
        }
        let (homing, ack_events) = flume::unbounded();
        Ok(Built {
            token,
            key,
            builder,
            sources,
            operators,
            sinks,
            heads: linear_heads(&plan),
            keyed: None,
            whole: true,
            instance: (0, 1),
            acks: (Homing(homing), ack_events),
            done: flume::unbounded(),
            home: None,
            durables: None,
        })
    }

    /// A head is the leading operators that are stateless; it is only cut off where other shards
    /// can share it and the source is one that reads in order.
    fn trim_heads(&mut self, spread: bool) {
        let plan = Arc::clone(&self.builder.plan);
        let limit = plan.shards_max.unwrap_or(usize::MAX);
        let stateless = |id: &&NodeId| {
            let found = self.operators.iter().find(|(node, _)| node == *id);
            found.is_some_and(|(_, operator)| operator.class() == Class::Stateless)
        };
        for head in &mut self.heads {
            let count = head.nodes.iter().take_while(stateless).count();
            head.nodes.truncate(if spread && limit > 1 { count } else { 0 });
            head.port = plan.targets(head.last()).next().map_or(0, |(_, port)| port);
        }
    }

    /// Whether blocks may go to other shards.
    fn spreads(&self) -> bool {
        self.instance.1 == 1 && self.heads.iter().any(|head| !head.nodes.is_empty())
    }

    /// The sources of such blocks.
    fn spreading(&self) -> Vec<NodeId> {
        let heads = self.heads.iter().filter(|head| !head.nodes.is_empty());
        heads.map(|head| head.source).collect()
    }

    /// The operator right behind all heads that are spread, where its state belongs to keys.
    fn keyed(&self, shards: usize) -> Option<NodeId> {
        let plan = &self.builder.plan;
        let limit = plan.shards_max.unwrap_or(usize::MAX);
        if plan.durable || !self.spreads() || shards.min(limit) < LANES_MIN {
            return None;
        }
        let behind = |head: &Head| {
            let mut targets = plan.targets(head.last());
            targets.next().filter(|_| targets.next().is_none()).map(|(node, _)| node)
        };
        let next = self.heads.first().and_then(behind)?;
        if self.heads.iter().any(|head| behind(head) != Some(next)) {
            return None;
        }
        let operator = self.operators.iter().find(|(id, _)| *id == next);
        operator.filter(|(_, operator)| operator.class() == Class::Keyed).map(|(id, _)| *id)
    }

    /// On how many shards the source is read: as many as it has partitions, where there is a head
    /// to run beside it.
    fn instances(&self, shards: usize) -> usize {
        let [(_, source)] = self.sources.as_slice() else { return 1 };
        if self.heads.iter().all(|head| head.nodes.is_empty()) {
            return 1;
        }
        let limit = self.builder.plan.shards_max.unwrap_or(usize::MAX);
        source.partitions().min(shards).min(limit).max(1)
    }

    /// What other shards need to run parts of it; `None` when it is all at home.
    pub(crate) fn parts(&self) -> Option<Parts> {
        let (_, instances) = self.instance;
        let stateless = self.operators.iter().all(|(_, o)| o.class() == Class::Stateless);
        (instances > 1).then(|| Parts {
            instances,
            whole: stateless && self.sinks.iter().all(|(_, sink)| sink.spreads()),
            heads: self.heads.clone(),
            done: self.done.0.clone(),
            homing: self.acks.0.clone(),
        })
    }

    /// Source meters by node number; nodes that are not sources have unused ones.
    fn meters(&self) -> Vec<SourceMeter> {
        let stream = &self.builder.stream;
        let meter = |node: &plan::Node| {
            if node.role != Role::Source || !self.builder.counts_source(&node.component) {
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

    /// The ways to the lanes of the operator behind the head, where it has some.
    fn lanes(&self, shards: usize, run: impl FnOnce(Vec<Lane>)) -> Option<Lanes> {
        let (ways, all) = lanes(shards, &self.builder.plan, self.keyed?, &self.done.0);
        run(all);
        Some(ways)
    }

    /// What hands on what comes to its ports, where it is the first of several instances.
    fn router(&self, events: &flume::Sender<Event>) -> Option<(Router, flume::Sender<News>)> {
        let Builder { plan, services, .. } = &*self.builder;
        services.crew(|ports| Router::new(self.token, plan.crew, ports, events))
    }

    fn running(&self, ways: &Ways, session: &Held, router: Option<flume::Sender<News>>) -> Running {
        Running {
            router,
            stop: ways.stop.clone(),
            ledger: ways.ledger.clone(),
            intake: Rc::clone(&ways.intake),
            series: self.builder.series.clone(),
            services: Rc::clone(&self.builder.services),
            session: Rc::clone(session),
            holders: ways.holders.clone(),
            task: RefCell::new(None),
        }
    }

    /// Opens it: from here on sources read. `share` is called with what other shards need when
    /// the first block is spread; `lines` lead to its parts.
    pub(crate) fn open(
        self,
        around: &Surroundings,
        share: impl FnOnce(Share) + 'static,
        run_lanes: impl FnOnce(Vec<Lane>),
        lines: Vec<flume::Sender<Order>>,
    ) -> Running {
        let (index, instances) = self.instance;
        let ledger = Ledger::new(Arc::clone(&around.process), instances, rt::now().0);
        ledger.set_meters(self.meters());
        let (events, key, token) = (around.events.clone(), self.key.clone(), self.token);
        let connections = Connections::new(token, key, index, events.clone(), &self.builder);
        let (homing, ack_events) = self.acks.clone();
        let (work_in, work) = flume::unbounded::<Work>();
        // A source with parts runs the head where it reads; another one's blocks are spread.
        let (spread, lanes) = (self.spreads(), self.lanes(around.shards, run_lanes));
        let first_share = Share {
            plan: Arc::clone(&self.builder.plan),
            heads: Arc::new(self.heads.clone()),
            work,
            done: self.done.0.clone(),
            homing: homing.clone(),
            lanes: lanes.clone(),
        };
        let share = Box::new(move || share(first_share));
        let intake = intake(spread.then_some(work_in), self.spreading(), share);
        let (stop, home) = (Stop::new(lines), self.home.clone());
        let done = (spread || stop.parts() > 0).then(|| self.done.1.clone());
        let ways = Ways {
            ledger,
            connections: Rc::new(connections),
            homing,
            intake,
            stop: stop.clone(),
            instance: self.instance,
            away: home.as_ref().map(|home| home.done.clone()),
            lanes,
            holders: Holders::of(self.durables.as_ref()),
        };
        let session: Held = Rc::new(RefCell::new(self.builder.main_session()));
        let (router, news) = self.router(&events).unzip();
        let running = self.running(&ways, &session, news);
        let open = Opened(Rc::clone(&self.builder.services), session);
        let body = Body::new(self, ways);
        let body = beside(router, &stop.flag, body.run(ack_events, done));
        let task = async move {
            let ended = Guarded::new(body).await.unwrap_or_else(Err);
            drop(open);
            match home {
                Some(home) => part_ended(&home, ended),
                None => {
                    stop.tell(Order::Halt);
                    let _ = events.send(Event::Ended { token, state: state_of(ended) });
                }
            }
        };
        *running.task.borrow_mut() = Some(rt::spawn(task).abort_on_drop());
        running.stop.tell(Order::Open);
        running
    }
}

/// The environment of a running instance that answers questions.
type Held = Rc<RefCell<Option<Rc<dyn Session>>>>;

/// The ports of an instance, which close when it ends in whatever way, and who answers questions
/// until then.
struct Opened(Rc<InstanceServices>, Held);

impl Drop for Opened {
    fn drop(&mut self) {
        self.0.close_ports();
        drop(self.1.take());
    }
}

fn state_of(ended: Result<Ended, String>) -> State {
    match ended {
        Ok(Ended { failed: Some(text), .. }) | Err(text) => State::Failed(text),
        Ok(Ended { end: End::Drained, .. }) => State::Finished,
        Ok(Ended { end: End::Stopped | End::Suspended, .. }) => State::Stopped,
    }
}

fn part_ended(home: &Parts, ended: Result<Ended, String>) {
    match ended {
        Ok(ended) => drop(home.done.send(Done::PartEnded(ended.failed))),
        Err(text) => home.homing.broken(text),
    }
}

/// An instance that runs. Dropping it ends it by force: what is on the way is nacked.
pub(crate) struct Running {
    pub(crate) stop: Stop,
    /// The way to its router.
    pub(crate) router: Option<flume::Sender<News>>,
    pub(crate) ledger: Ledger,
    pub(crate) series: crate::metrics::Series,
    pub(crate) services: Rc<InstanceServices>,
    session: Held,
    holders: Holders,
    intake: Rc<Intake>,
    pub(crate) task: RefCell<Option<rt::Task<()>>>,
}

impl Running {
    /// Who answers questions; nobody once it has ended.
    pub(crate) fn session(&self) -> Option<Rc<dyn Session>> {
        self.session.borrow().clone()
    }

    /// Keeps what its operators remember now; where they will answer.
    pub(crate) fn checkpoint(&self) -> Vec<flume::Receiver<Kept>> {
        let answers = self.holders.want();
        self.nudge();
        answers
    }

    /// Its session may have something to do for one of its operators.
    pub(crate) fn nudge(&self) {
        self.intake.inbox.push_now(Input::Nudge);
    }
}
