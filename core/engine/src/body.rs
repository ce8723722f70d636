//! The task of an instance: sources, operators, sinks and acks until everything is delivered.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, join_all, select};
use plan::{Batch, End, NodeId, Sink, Source, SourceError};

use crate::acks::{AckEvent, Homing};
use crate::build::{Builder, component_labels};
use crate::checkpoint::Line;
use crate::checkpointing::Holders;
use crate::connections::Connections;
use crate::context::Context;
use crate::driver::{Driver, HeadParts, Keyed};
use crate::graph::{Graph, Station};
use crate::instance::Built;
use crate::lanes::{Lanes, Merge};
use crate::ledger::{Ledger, Replay};
use crate::parallel::{Done, Input, Intake};
use crate::queue::Queue;
use crate::refusals::Refusals;
use crate::sinks::{SINK_QUEUE_MAX, SinkTask};
use crate::stop::Stop;

/// First pause before a source that could not read is tried again; doubles up to the maximum.
const RETRY_MIN: Duration = Duration::from_millis(100);
/// Longest such pause.
const RETRY_MAX: Duration = Duration::from_secs(1);
/// First pause before failed messages are sent again; doubles with each failure in a row.
const REPLAY_MIN: Duration = Duration::from_millis(1);
/// Longest such pause.
const REPLAY_MAX: Duration = Duration::from_secs(1);

/// How an instance ended that delivered everything.
pub(crate) struct Ended {
    pub(crate) end: End,
    /// The text of a source that failed for good, here or in a part.
    pub(crate) failed: Option<String>,
}

/// What an instance is connected to while it runs.
pub(crate) struct Ways {
    pub(crate) ledger: Ledger,
    pub(crate) connections: Rc<Connections>,
    pub(crate) homing: Homing,
    pub(crate) intake: Rc<Intake>,
    pub(crate) stop: Stop,
    /// Which instance of the source this is, and of how many.
    pub(crate) instance: (usize, usize),
    /// The way home, when this is a part.
    pub(crate) away: Option<flume::Sender<Done>>,
    /// The ways to the lanes of the operator behind the head, where it has some.
    pub(crate) lanes: Option<Lanes>,
    /// Its durable operators.
    pub(crate) holders: Holders,
}

/// Everything the task of an instance owns.
pub(crate) struct Body {
    sources: Vec<(NodeId, Box<dyn Source>)>,
    sinks: Vec<SinkTask>,
    graph: Graph,
    head: HeadParts,
    ways: Ways,
}

impl Body {
    pub(crate) fn new(built: Built, ways: Ways) -> Self {
        let plan = Arc::clone(&built.builder.plan);
        let targets = |id: NodeId| plan.targets(id).collect::<Vec<_>>();
        let none = || Station::Source(Vec::new());
        let mut stations: Vec<Station> = plan.nodes.iter().map(|_| none()).collect();
        let mut chains: Vec<_> = built.heads.iter().map(|head| (head.source, Vec::new())).collect();
        let mut keyed = None;
        let mut durables = built.durables;
        for (id, _) in &built.sources {
            stations[*id] = Station::Source(targets(*id));
        }
        for (id, operator) in built.operators {
            let head = built.heads.iter().position(|head| head.nodes.contains(&id));
            stations[id] = if let Some((_, chain)) = head.and_then(|head| chains.get_mut(head)) {
                chain.push(operator);
                Station::Source(targets(id))
            } else if let Some(lanes) = ways.lanes.clone().filter(|_| built.keyed == Some(id)) {
                let merge = Merge::new(lanes.len());
                keyed = Some(Keyed { node: id, splitter: operator, lanes, merge });
                Station::Source(targets(id))
            } else {
                let operator = match &mut durables {
                    Some(durables) => {
                        let (intake, ledger) = (Rc::clone(&ways.intake), ways.ledger.clone());
                        let holders = ways.holders.clone();
                        durables.wrap(id, operator, Line { intake, ledger, holders })
                    }
                    None => operator,
                };
                Station::Operator(operator, targets(id))
            };
        }
        if let (Some(done), false, Some(head)) = (&ways.away, built.whole, built.heads.first()) {
            stations[head.last()] = Station::Source(vec![(plan.nodes.len(), 0)]);
            stations.push(Station::Away(done.clone()));
        }
        let sinks = built.sinks.into_iter().map(|(index, sink)| {
            let queue = Queue::new(SINK_QUEUE_MAX);
            stations[index] = Station::Sink(queue.clone());
            sink_task(index, sink, queue, &built.builder, &ways)
        });
        let sinks = sinks.collect();
        let head = HeadParts { heads: built.heads, chains, keyed };
        Body { sources: built.sources, sinks, graph: Graph::new(stations), head, ways }
    }

    /// Runs until the sources have ended or were stopped and everything is delivered.
    pub(crate) async fn run(
        self,
        ack_events: flume::Receiver<AckEvent>,
        done: Option<flume::Receiver<Done>>,
    ) -> Result<Ended, String> {
        let queues: Vec<_> = self.sinks.iter().map(|s| s.queue.clone()).collect();
        let sinks = join_all(self.sinks.into_iter().map(SinkTask::run));
        let ways = &self.ways;
        let end = Rc::new(Cell::new(End::Drained));
        let mut driver = Driver::new(self.graph, self.head, ways, done, Rc::clone(&end));
        let failed = RefCell::new(None);
        let reading = async {
            if let Some(text) = read(self.sources, ways).await {
                *failed.borrow_mut() = Some(text);
                if ways.stop.parts() > 0 {
                    ways.stop.set(End::Stopped); // nobody else would end them
                }
            }
            if ways.stop.flag.is_set() {
                end.set(ways.stop.end());
            }
            ways.intake.inbox.push_now(Input::End);
            Ok(())
        };
        let flow = async {
            driver.run().await.map_err(|e| e.to_string())?;
            if let Some(home) = &ways.away {
                let _ = home.send(Done::PartRead { failed: failed.borrow().is_some() });
            }
            drain(&mut driver, &ways.ledger).await?;
            if let Some(text) = driver.part_failed.take() {
                failed.borrow_mut().get_or_insert(text);
            }
            queues.iter().for_each(Queue::close);
            Ok::<(), String>(())
        };
        let sinks = async {
            sinks.await;
            Ok(())
        };
        let acks = ack_loop(ways, ack_events);
        // A failing operator ends it at once; a failing source only after what it read is out.
        let work = std::pin::pin!(async { futures_util::try_join!(reading, flow, sinks) });
        match select(work, std::pin::pin!(acks)).await {
            Either::Left((result, _)) => drop(result?),
            Either::Right((text, _)) => return Err(text),
        }
        Ok(Ended { end: end.get(), failed: failed.take() })
    }
}

/// The task of the sink of node `index`.
fn sink_task(
    index: NodeId,
    sink: Rc<dyn Sink>,
    queue: Queue<Batch>,
    builder: &Builder,
    ways: &Ways,
) -> SinkTask {
    let plan = Arc::clone(&builder.plan);
    // What is refused before a sink sees it is counted where it would have arrived.
    let rejected = plan.strict.then(|| {
        let labels = component_labels(&plan.nodes[index].component, &builder.stream);
        builder.series.counter("output_rejected", &labels)
    });
    let refusals = Refusals {
        plan,
        index,
        ledger: ways.ledger.clone(),
        homing: ways.homing.clone(),
        session: builder.main_session(),
    };
    let connections = Rc::clone(&ways.connections);
    SinkTask { sink, index, queue, connections, rejected, refusals }
}

/// Runs all sources to their end; returns the text of one that failed for good.
async fn read(sources: Vec<(NodeId, Box<dyn Source>)>, ways: &Ways) -> Option<String> {
    let several = sources.len() > 1;
    let sources = sources.into_iter().map(|(id, source)| async move {
        let context = Context::new(id, source.replays(), ways);
        let ended = run_source(context, source).await;
        // The end of the only source is the end of the pipeline, after what is on other shards.
        if several && ended.is_ok() && !ways.stop.flag.is_set() {
            ways.intake.ended(id);
        }
        if several && ended.is_err() {
            ways.stop.set(End::Stopped); // it has failed: the others would read for nobody
        }
        ended
    });
    join_all(sources).await.into_iter().find_map(Result::err)
}

/// After the end of the sources: what fails is still sent again, until nothing is on the way.
async fn drain(driver: &mut Driver, ledger: &Ledger) -> Result<(), String> {
    while driver.has_parts() {
        driver.replays().await.map_err(|e| e.to_string())?;
    }
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

/// Takes ack events home; what failed goes back to the driver after a pause. Returns why the
/// pipeline cannot go on.
async fn ack_loop(ways: &Ways, events: flume::Receiver<AckEvent>) -> String {
    let mut pause = REPLAY_MIN;
    while let Ok(event) = events.recv_async().await {
        if let AckEvent::Broken(text) = event {
            return text;
        }
        let done = matches!(event, AckEvent::Done(_));
        match ways.ledger.on_event(event, rt::now().0) {
            Some(Replay { id, source, data, born_ns }) => {
                let mut batch = Batch::new(data);
                batch.born_ns = born_ns;
                batch.acks = plan::Acks::one(plan::Ack::new(Arc::new(ways.homing.clone()), id));
                let (intake, wait) = (Rc::clone(&ways.intake), pause);
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
    "the acks have no way home".to_owned()
}

/// Runs a source until it ends, is stopped or fails for good.
async fn run_source(context: Context, mut source: Box<dyn Source>) -> Result<(), String> {
    use plan::SourceContext;
    let context = Rc::new(context);
    let stop = context.stop.clone();
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
        select(std::pin::pin!(stop.wait()), std::pin::pin!(rt::sleep(pause))).await;
        if stop.is_set() {
            return Ok(());
        }
        pause = (pause * 2).min(RETRY_MAX);
    }
}
