//! A pipeline with a port that its instances share, and who calls it.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use engine::{Engine, EngineConfig, EngineHandle, Key, PipelineSpec, PipelineView, PutMode};
use flume::Receiver;
use formats::k::K;
use futures_util::FutureExt;
use futures_util::future::{Either, select};
use plan::env::{Payload, Request, Response};
use plan::{
    Batch, BuildError, Class, Component, Crew, Data, Env, Fault, Json, LocalBoxFuture, Operator,
    OperatorError, Plan, Registry, Role, Sink, SinkError, Source, SourceContext, SourceError, Spec,
    Split, Step,
};
use rt::rng::Rng;

/// As in the engine.
pub(crate) const PIECES_MAX: usize = 64;
/// Partition of a value: what is above its number.
const PARTITION: i64 = 1_000_000;
/// Partitions that calls belong to.
const PARTITIONS: u64 = 13;
/// A value on which the operator panics.
pub(crate) const PANICS: i64 = 500 * PARTITION + 1;
/// Turns in which something must have happened.
const TURNS_MAX: usize = 100_000;
/// Milliseconds of a turn.
const TURN_MS: u64 = 10;

/// What sinks tell.
#[derive(Default)]
struct Shelf {
    delivered: Mutex<Vec<i64>>,
    built: AtomicUsize,
    alive: AtomicUsize,
    gate: AtomicBool,
    /// Whether sinks of others than the first instance are not let in.
    shut: AtomicBool,
}

static SHELVES: Mutex<BTreeMap<String, Arc<Shelf>>> = Mutex::new(BTreeMap::new());

fn shelf(config: &Json) -> Arc<Shelf> {
    let name = config["shelf"].as_str().unwrap_or_default().to_owned();
    Arc::clone(SHELVES.lock().unwrap().entry(name).or_default())
}

/// Takes calls as callbacks do.
struct Calls(Receiver<Request>);

impl Source for Calls {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move {
            loop {
                let request = match select(context.stopping(), self.0.recv_async()).await {
                    Either::Left(_) => return Err(SourceError::Stopped),
                    Either::Right((Err(_), _)) => return Ok(()),
                    Either::Right((Ok(request), _)) => request,
                };
                let Request { payload: Payload::Value(value), reply, .. } = request else {
                    continue;
                };
                let emitted = context.emit(Batch::new(Data::Value(value))).await?;
                let _ = reply.try_send(Response { status: 200, ..Response::default() });
                rt::spawn(async move {
                    emitted.outcome().await;
                    drop(reply);
                });
            }
        })
    }
}

/// Hands on what it gets.
struct Hands;

impl Operator for Hands {
    fn class(&self) -> Class {
        Class::Bound
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        let values = values(&batch);
        assert!(!values.contains(&PANICS), "it was told to");
        out.push(batch);
        Step::Done(Ok::<(), OperatorError>(()))
    }
}

/// Takes a while for each batch.
struct Slow {
    shelf: Arc<Shelf>,
    number: usize,
}

impl Drop for Slow {
    fn drop(&mut self) {
        self.shelf.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

fn values(batch: &Batch) -> Vec<i64> {
    match &batch.data {
        Data::Value(value) => value.as_longs().unwrap_or_default().to_vec(),
        _ => Vec::new(),
    }
}

impl Sink for Slow {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async {
            match self.number > 0 && self.shelf.shut.load(Ordering::SeqCst) {
                true => Err(Arc::new(Fault::new("it is shut"))),
                false => Ok(()),
            }
        })
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(async {
            rt::sleep(Duration::from_millis(rt::rng::next_u64() % (2 * TURN_MS))).await;
            while self.shelf.gate.load(Ordering::SeqCst) {
                rt::sleep(Duration::from_millis(TURN_MS)).await;
            }
            self.shelf.delivered.lock().unwrap().extend(values(batch));
            Ok(())
        })
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async { Ok(()) })
    }
}

/// By the partitions of values.
struct ByPartition;

impl Split for ByPartition {
    fn split(&self, payload: Payload, instances: usize) -> Vec<(usize, Payload)> {
        let Payload::Value(value) = payload else { return Vec::new() };
        let mut pieces: BTreeMap<usize, Vec<i64>> = BTreeMap::new();
        for value in value.as_longs().unwrap_or_default() {
            let partition = usize::try_from(value / PARTITION).unwrap_or_default();
            pieces.entry(partition % instances).or_default().push(*value);
        }
        let piece = |values| Payload::Value(K::longs(values));
        pieces.into_iter().map(|(owner, values)| (owner, piece(values))).collect()
    }
}

fn calls(config: &Json, env: &dyn Env) -> Result<Box<dyn Source>, BuildError> {
    let requests = env.services().open_shared_port("ipc", "upd", config, Rc::new(ByPartition))?;
    Ok(Box::new(Calls(requests)))
}

fn slow(config: &Json, _: &dyn Env) -> Result<Box<dyn Sink>, BuildError> {
    let shelf = shelf(config);
    // A third instance of this one is refused.
    if shelf.built.load(Ordering::SeqCst) == 2 && config["shelf"] == "two" {
        return Err(BuildError::new("two are enough"));
    }
    let number = shelf.built.fetch_add(1, Ordering::SeqCst);
    shelf.alive.fetch_add(1, Ordering::SeqCst);
    Ok(Box::new(Slow { shelf, number }))
}

static CALLS: plan::SourceSpec = Spec::undocumented("calls", calls);
static HANDS: plan::OperatorSpec = Spec::undocumented("hands", |_, _| Ok(Box::new(Hands)));
static SLOW: plan::SinkSpec = Spec::undocumented("slow", slow);

/// The clock of the process.
fn clock() -> &'static rt::Clock {
    static CLOCK: OnceLock<rt::Clock> = OnceLock::new();
    CLOCK.get_or_init(|| {
        let clock = rt::Clock::driven(1_700_000_000_000_000_000);
        clock.install_for_process();
        clock
    })
}

/// A pipeline that runs, and its calls. One at a time, as all have one clock.
pub(crate) struct Bench {
    handle: EngineHandle,
    /// Its threads stay: the clock would have to go on for them to end.
    _engine: std::mem::ManuallyDrop<Engine>,
    key: Key,
    port: flume::WeakSender<Request>,
    shelf: Arc<Shelf>,
    rng: Rng,
    /// Numbers of calls by partition, and what was sent that is not answered yet.
    numbers: BTreeMap<i64, i64>,
    waiting: Vec<(Vec<i64>, Receiver<Response>)>,
    answered: Vec<i64>,
    refused: usize,
    _alone: MutexGuard<'static, ()>,
}

impl Bench {
    pub(crate) fn new(name: &str, min: usize, max: usize) -> Self {
        Bench::seeded(name, min, max, 7)
    }

    pub(crate) fn seeded(name: &str, min: usize, max: usize, seed: u64) -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = clock();
        let registry = Registry {
            sources: vec![&CALLS],
            operators: vec![&HANDS],
            sinks: vec![&SLOW],
            ..Registry::default()
        };
        let (ports_in, ports) = flume::unbounded();
        let config = EngineConfig { shards: 2, pin: false, ..EngineConfig::default() };
        let engine = Engine::start(&config, &registry, &[ports_in]).expect("starts");
        let handle = engine.handle();
        let config: Json = plan::serde_json::json!({ "shelf": name });
        let mut plan = Plan { crew: Some(Crew { min, max }), ..Plan::default() };
        let component = |name| Component::new(name, config.clone());
        let source = plan.add(Role::Source, component("calls"), vec![]);
        let hands = plan.add(Role::Operator, component("hands"), vec![source]);
        plan.add(Role::Sink, component("slow"), vec![hands]);
        let key = Key::new("test", name);
        let document = Json::Null;
        let spec =
            PipelineSpec { key: key.clone(), name: name.into(), document, plan: plan.into() };
        let shelf = shelf(&config);
        let engine = std::mem::ManuallyDrop::new(engine);
        let put = pumped(handle.put(spec, PutMode::Create, None));
        assert_eq!(put.unwrap(), Ok(()));
        let port = ports.recv().unwrap().sender;
        assert!(ports.try_recv().is_err(), "the others have no port");
        Bench {
            handle,
            _engine: engine,
            key,
            port,
            shelf,
            rng: Rng::new(seed),
            numbers: BTreeMap::new(),
            waiting: Vec::new(),
            answered: Vec::new(),
            refused: 0,
            _alone: alone,
        }
    }

    pub(crate) fn random(&mut self, below: u64) -> u64 {
        self.rng.next_u64() % below
    }

    pub(crate) fn view(&self) -> PipelineView {
        pumped(self.handle.get(self.key.clone(), true)).unwrap().expect("it is there")
    }

    pub(crate) fn workers(&self) -> usize {
        self.view().workers.len()
    }

    /// Calls once.
    pub(crate) fn send(&mut self, values: Vec<i64>) {
        let (reply, answer) = flume::bounded(1);
        let mut request = Request {
            method: String::new(),
            path: "upd".to_owned(),
            query: Vec::new(),
            headers: Vec::new(),
            remote: String::new(),
            payload: Payload::Value(K::longs(values.clone())),
            incoming: None,
            encryption: None,
            reply,
        };
        self.waiting.push((values, answer));
        for _ in 0..TURNS_MAX {
            let Some(port) = self.port.upgrade() else { return };
            match port.try_send(request) {
                Ok(()) => return,
                Err(flume::TrySendError::Full(back) | flume::TrySendError::Disconnected(back)) => {
                    request = back;
                }
            }
            turn();
        }
        panic!("nobody takes a call");
    }

    /// A turn with calls whose values belong to several partitions.
    pub(crate) fn load(&mut self) {
        for _ in 0..8 {
            let count = 1 + self.random(6);
            let values = (0..count).map(|_| {
                let partition = i64::try_from(self.rng.next_u64() % PARTITIONS).unwrap();
                let number = self.numbers.entry(partition).or_default();
                *number += 1;
                partition * PARTITION + *number
            });
            let values = values.collect();
            self.send(values);
        }
        self.rest();
    }

    /// A turn without.
    pub(crate) fn rest(&mut self) {
        turn();
        for (values, answer) in std::mem::take(&mut self.waiting) {
            match answer.try_recv() {
                Ok(response) => {
                    assert_eq!(response.status, 200);
                    self.answered.extend(values);
                }
                Err(flume::TryRecvError::Empty) => self.waiting.push((values, answer)),
                Err(flume::TryRecvError::Disconnected) => self.refused += values.len(),
            }
        }
    }

    pub(crate) fn load_until(&mut self, so: impl Fn(&Self) -> bool) {
        self.until(Bench::load, so);
    }

    pub(crate) fn rest_until(&mut self, so: impl Fn(&Self) -> bool) {
        self.until(Bench::rest, so);
    }

    fn until(&mut self, turn: fn(&mut Self), so: impl Fn(&Self) -> bool) {
        for _ in 0..TURNS_MAX {
            if so(self) {
                return;
            }
            turn(self);
        }
        panic!("it never came to that: {} workers", self.workers());
    }

    /// Values that were sent.
    pub(crate) fn sent(&self) -> u64 {
        let waiting: usize = self.waiting.iter().map(|(values, _)| values.len()).sum();
        (waiting + self.answered.len() + self.refused) as u64
    }

    /// Values whose calls were answered.
    pub(crate) fn answered(&self) -> usize {
        self.answered.len()
    }

    fn delivered(&self) -> Vec<i64> {
        self.shelf.delivered.lock().unwrap().clone()
    }

    pub(crate) fn all_delivered(&self) -> bool {
        self.waiting.is_empty() && self.delivered().len() as u64 == self.sent()
    }

    /// Everything that was sent was answered and delivered once, each partition in order.
    pub(crate) fn check(&mut self) {
        self.rest_until(Bench::all_delivered);
        assert_eq!(self.refused, 0);
        self.check_answered();
    }

    /// Everything that was answered was delivered once, each partition in order.
    pub(crate) fn check_answered(&mut self) {
        let delivered = self.delivered();
        let mut last: BTreeMap<i64, i64> = BTreeMap::new();
        for value in &delivered {
            let before = last.insert(value / PARTITION, *value);
            assert!(before.is_none_or(|before| before < *value), "{value} after {before:?}");
        }
        let (mut sorted, mut answered) = (delivered, self.answered.clone());
        sorted.sort_unstable();
        answered.sort_unstable();
        answered.retain(|value| sorted.binary_search(value).is_err());
        assert_eq!(answered, Vec::<i64>::new(), "these were answered and are lost");
    }

    /// Sinks that were built.
    pub(crate) fn sinks(&self) -> usize {
        self.shelf.built.load(Ordering::SeqCst)
    }

    /// Sinks that are there.
    pub(crate) fn alive(&self) -> usize {
        self.shelf.alive.load(Ordering::SeqCst)
    }

    /// Whether sinks deliver nothing.
    pub(crate) fn gate(&self, closed: bool) {
        self.shelf.gate.store(closed, Ordering::SeqCst);
    }

    /// Whether sinks of others than the first instance are not let in.
    pub(crate) fn shut(&self, shut: bool) {
        self.shelf.shut.store(shut, Ordering::SeqCst);
    }

    /// Whether the sink is connected, and why it is not.
    pub(crate) fn connection(&self) -> (bool, String) {
        let connections = self.view().connections;
        let sink = connections.into_iter().find(|connection| !connection.source);
        sink.map(|sink| (sink.connected, sink.error)).expect("there is a sink")
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.port.upgrade().is_none()
    }

    /// Tears it down, gently.
    pub(crate) fn stop(&mut self) {
        let patience = Some(Duration::from_secs(1_000_000));
        let removed = pumped(self.handle.remove(self.key.clone(), patience, false));
        assert_eq!(removed.unwrap(), Ok(()));
        self.rest();
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.gate(false);
        if !std::thread::panicking() {
            let _ =
                pumped(self.handle.remove(self.key.clone(), Some(Duration::from_secs(1)), false));
        }
    }
}

/// Lets the clock go on, and everybody do what there is to do.
fn turn() {
    clock().advance(Duration::from_millis(TURN_MS));
    std::thread::sleep(Duration::from_micros(200));
}

/// Waits for an answer while time goes on.
fn pumped<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    for number in 0_u64.. {
        if let Some(value) = future.as_mut().now_or_never() {
            return value;
        }
        match number % 16 {
            15 => turn(),
            _ => std::thread::sleep(Duration::from_micros(50)),
        }
    }
    unreachable!("it counts for ever")
}
