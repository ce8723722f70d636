//! The driver of a pipeline: runs batches through the operators on the home shard.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

use futures_util::future::{Either, select};
use plan::{Batch, Data, End, NodeId, Operator, OperatorError};

use crate::acks::Homing;
use crate::body::Ways;
use crate::lanes::{Lanes, Merge};
use crate::parallel::{Chain, Done, Head, Input, Intake, Reorder, chain_of, port_of, run_head};
use crate::queue::Queue;
use crate::stop::Stop;

/// Where a batch goes next: a node and the port it arrives at.
pub(crate) type Target = (NodeId, usize);

/// One node of the graph at run time.
pub(crate) enum Station {
    /// A source: only its targets matter here.
    Source(Vec<Target>),
    /// An operator and where its results go.
    Operator(Box<dyn Operator>, Vec<Target>),
    /// A sink, by its queue.
    Sink(Queue<Batch>),
    /// The home of the pipeline, on another shard.
    Away(flume::Sender<Done>),
}

impl Station {
    fn targets(&self) -> &[Target] {
        match self {
            Station::Source(targets) | Station::Operator(_, targets) => targets,
            Station::Sink(_) | Station::Away(_) => &[],
        }
    }
}

/// The graph behind the head.
pub(crate) struct Graph {
    stations: Vec<Station>,
    /// Sources that may still bring batches.
    sources: Vec<NodeId>,
    /// By node: inputs that may still bring batches. A node with none left has been flushed.
    open: Vec<usize>,
    todo: VecDeque<(NodeId, usize, Batch)>,
    out: Vec<Batch>,
}

/// A share of a batch.
pub(crate) fn copy(batch: &Batch) -> Batch {
    Batch {
        data: batch.data.clone(),
        acks: batch.acks.clone(),
        seq: batch.seq,
        born_ns: batch.born_ns,
    }
}

impl Graph {
    pub(crate) fn new(stations: Vec<Station>) -> Self {
        let mut open = vec![0; stations.len()];
        for (target, _) in stations.iter().flat_map(Station::targets) {
            if let Some(open) = open.get_mut(*target) {
                *open += 1;
            }
        }
        let sources = (0..stations.len()).filter(|node| open.get(*node) == Some(&0)).collect();
        Graph { stations, sources, open, todo: VecDeque::new(), out: Vec::new() }
    }

    fn targets(&self, node: NodeId) -> &[Target] {
        self.stations.get(node).map_or(&[], Station::targets)
    }

    /// Sends a batch that left `node` to everything behind it, until it is in the sinks.
    pub(crate) async fn route(&mut self, node: NodeId, batch: Batch) -> Result<(), OperatorError> {
        self.fan_out(node, batch);
        while let Some((node, port, batch)) = self.todo.pop_front() {
            match self.stations.get_mut(node) {
                Some(Station::Operator(operator, _)) => {
                    let mut out = std::mem::take(&mut self.out);
                    operator.on_port(port, batch, &mut out).finish().await?;
                    // Each goes to the end before the next one moves: an operator that holds the
                    // second one back does not hold up the first.
                    for batch in out.drain(..).rev() {
                        self.fan_out(node, batch);
                    }
                    self.out = out;
                }
                // A closed queue means that the pipeline is being dropped: so is the batch.
                Some(Station::Sink(queue)) => drop(queue.push(batch).await),
                Some(Station::Away(home)) => drop(home.send(Done::Part(batch))),
                _ => {}
            }
        }
        Ok(())
    }

    /// Puts a batch that left `node` in front of everything else that has to be done.
    fn fan_out(&mut self, node: NodeId, batch: Batch) {
        let targets = self.targets(node).to_vec();
        let Some((first, others)) = targets.split_first() else { return batch.ok() };
        for (target, port) in others.iter().rev() {
            self.todo.push_front((*target, *port, copy(&batch)));
        }
        self.todo.push_front((first.0, first.1, batch));
    }

    /// No more batches come from `source`: flushes it and whatever only it kept open, the
    /// operators in front first.
    pub(crate) async fn close(&mut self, source: NodeId, end: End) -> Result<(), OperatorError> {
        let mut ended: Vec<NodeId> = self.sources.extract_if(.., |open| *open == source).collect();
        while let Some(node) = ended.pop() {
            let mut out = Vec::new();
            if let Some(Station::Operator(operator, _)) = self.stations.get_mut(node) {
                operator.on_end(end, &mut out).finish().await?;
            }
            for batch in out {
                self.route(node, batch).await?;
            }
            self.rest(node).await?;
            for at in 0..self.targets(node).len() {
                let Some((target, _)) = self.targets(node).get(at).copied() else { break };
                if let Some(open) = self.open.get_mut(target) {
                    *open -= 1;
                    if *open == 0 {
                        ended.push(target);
                    }
                }
            }
        }
        Ok(())
    }

    /// Hands out what an operator has more of than it could give at its end at once.
    async fn rest(&mut self, node: NodeId) -> Result<(), OperatorError> {
        while let Some(Station::Operator(operator, _)) = self.stations.get_mut(node)
            && operator.due_ns() == Some(0)
        {
            let mut out = Vec::new();
            operator.on_time(rt::now().0, &mut out).finish().await?;
            for batch in out {
                self.route(node, batch).await?;
            }
            rt::yield_now().await;
        }
        Ok(())
    }

    /// Closes every source that is still open.
    pub(crate) async fn end(&mut self, end: End) -> Result<(), OperatorError> {
        while let Some(source) = self.sources.first().copied() {
            self.close(source, end).await?;
        }
        Ok(())
    }

    /// The earliest time at which an operator wants to be called.
    fn due_ns(&self) -> Option<u64> {
        let due = |station: &Station| match station {
            Station::Operator(operator, _) => operator.due_ns(),
            _ => None,
        };
        self.stations.iter().filter_map(due).min()
    }

    async fn on_time(&mut self) -> Result<(), OperatorError> {
        for node in 0..self.stations.len() {
            let mut out = Vec::new();
            // The time is read behind what it is compared with, which may come from the same clock.
            if let Some(Station::Operator(operator, _)) = self.stations.get_mut(node)
                && let Some(due_ns) = operator.due_ns()
                && let now_ns = rt::now().0
                && due_ns <= now_ns
            {
                operator.on_time(now_ns, &mut out).finish().await?;
            }
            for batch in out {
                self.route(node, batch).await?;
            }
        }
        Ok(())
    }
}

/// An operator that runs in lanes.
pub(crate) struct Keyed {
    pub(crate) node: NodeId,
    /// An instance that only says whose rows are.
    pub(crate) splitter: Box<dyn Operator>,
    pub(crate) lanes: Lanes,
    pub(crate) merge: Merge,
}

/// What runs on the blocks of sources, on whichever shard.
pub(crate) struct HeadParts {
    /// Heads of stateless operators, by source.
    pub(crate) heads: Vec<Head>,
    /// Their operators on this shard.
    pub(crate) chains: Vec<(NodeId, Chain)>,
    pub(crate) keyed: Option<Keyed>,
}

/// What became of something that has its place in the order of the input.
enum Made {
    /// A batch of a source without a head.
    Whole { source: NodeId, id: u64, batch: Batch },
    /// What the head of a source made of a block.
    Results { source: NodeId, batches: Vec<Batch> },
    /// A source has ended.
    Ended(NodeId),
}

/// The driver task of an instance.
pub(crate) struct Driver {
    graph: Graph,
    heads: Vec<Head>,
    /// The heads' operators of this shard.
    chains: Vec<(NodeId, Chain)>,
    /// The operator behind the head, where it runs in lanes.
    keyed: Option<Keyed>,
    intake: Rc<Intake>,
    /// What comes from other shards, where others work for this pipeline.
    done: Option<flume::Receiver<Done>>,
    homing: Homing,
    reorder: Reorder<Made>,
    /// Whether the sources ended by themselves or were stopped.
    end: Rc<Cell<End>>,
    stop: Stop,
    /// Parts that still read, and parts that still have something on the way.
    reading: usize,
    open: usize,
    /// The text of the source of a part that failed for good.
    pub(crate) part_failed: Option<String>,
    turns: Turns,
}

/// The least time between two calls for operators whose time has come: one that is always due
/// takes turns with what the sources bring, and leaves the shard to the others in between.
const TIMER_PAUSE_NS: u64 = 1_000_000;
/// Batches of parts that are taken before other tasks of the home shard get a turn.
const BURST_MAX: u32 = 8;

/// Whose turn it is, so that nothing that always has something to do keeps the others waiting.
#[derive(Default)]
struct Turns {
    /// When operators were last called because their time had come.
    timer_ns: Option<u64>,
    /// Whether other shards are looked at before the sources of this one.
    others_first: bool,
    burst: u32,
}

impl Turns {
    /// When operators that want to be called at `due_ns` may be called.
    fn due_ns(&self, due_ns: u64) -> u64 {
        due_ns.max(self.timer_ns.map_or(0, |last| last.saturating_add(TIMER_PAUSE_NS)))
    }
}

enum Turn {
    Input(Option<Input>),
    Done(Done),
    Timer,
}

impl Driver {
    pub(crate) fn new(
        graph: Graph,
        HeadParts { heads, chains, keyed }: HeadParts,
        ways: &Ways,
        done: Option<flume::Receiver<Done>>,
        end: Rc<Cell<End>>,
    ) -> Self {
        Driver {
            graph,
            heads,
            chains,
            keyed,
            intake: Rc::clone(&ways.intake),
            done,
            homing: ways.homing.clone(),
            reorder: Reorder::default(),
            end,
            reading: ways.stop.parts(),
            open: ways.stop.parts(),
            stop: ways.stop.clone(),
            part_failed: None,
            turns: Turns::default(),
        }
    }

    /// Runs until the sources have ended and everything they gave was handed to the sinks.
    /// Afterwards [`Driver::replays`] takes what has to be sent again.
    pub(crate) async fn run(&mut self) -> Result<(), OperatorError> {
        let mut ending = false;
        loop {
            if ending && self.reading == 0 && self.reorder.next() == self.intake.seq.get() {
                self.end_lanes().await?;
                return self.graph.end(self.end.get()).await;
            }
            let turn = self.turn().await;
            ending |= matches!(turn, Turn::Input(None | Some(Input::End)));
            self.take(turn).await?;
        }
    }

    /// Lets lanes know that no more comes, and takes what they still have.
    async fn end_lanes(&mut self) -> Result<(), OperatorError> {
        let last = self.intake.seq.get();
        if let Some(keyed) = &self.keyed {
            keyed.lanes.end(last, self.end.get());
        }
        while self.keyed.as_ref().is_some_and(|keyed| keyed.merge.next() <= last) {
            let turn = self.turn().await;
            self.take(turn).await?;
        }
        Ok(())
    }

    /// Processes the next thing that happens after the end: something that is sent again.
    pub(crate) async fn replays(&mut self) -> Result<(), OperatorError> {
        let turn = self.turn().await;
        self.take(turn).await
    }

    /// Whether a part has something on the way.
    pub(crate) fn has_parts(&self) -> bool {
        self.open > 0
    }

    async fn take(&mut self, turn: Turn) -> Result<(), OperatorError> {
        match turn {
            Turn::Input(Some(Input::Batch { source, id, seq, batch })) => {
                self.at_home(source, id, seq, batch).await
            }
            Turn::Input(Some(Input::Ended { source, seq })) => {
                if let Some(keyed) = &self.keyed {
                    keyed.lanes.pass(seq);
                }
                self.in_order(seq, Made::Ended(source)).await
            }
            Turn::Input(Some(Input::End | Input::Nudge) | None) => Ok(()),
            Turn::Done(done) => self.arrived(done).await,
            Turn::Timer => {
                let called = self.graph.on_time().await;
                // Counted from the end, so that slow calls leave the sources their turn.
                self.turns.timer_ns = Some(rt::now().0);
                called
            }
        }
    }

    async fn arrived(&mut self, done: Done) -> Result<(), OperatorError> {
        match done {
            Done::Block { seq, source, result } => {
                let batches = result.map_err(OperatorError::new)?;
                self.in_order(seq, Made::Results { source, batches }).await?;
            }
            Done::Lane { lane, last, result } => {
                let batches = result.map_err(OperatorError::new)?;
                let Some(keyed) = &mut self.keyed else { return Ok(()) };
                keyed.merge.insert(lane, last, batches);
                while let Some((lane, batches)) = keyed.merge.pop() {
                    for batch in batches {
                        self.graph.route(keyed.node, batch).await?;
                    }
                    keyed.lanes.taken(lane);
                }
            }
            Done::Part(batch) => {
                let last = self.heads.first().map_or(0, Head::last);
                self.graph.route(last, batch).await?;
                self.turns.burst = (self.turns.burst + 1) % BURST_MAX;
                if self.turns.burst == 0 {
                    rt::yield_now().await;
                }
            }
            Done::PartRead { failed } => {
                self.reading = self.reading.saturating_sub(1);
                if failed {
                    self.stop.set(); // the rest ends as when somebody stops it
                }
            }
            Done::PartEnded(failed) => {
                self.open = self.open.saturating_sub(1);
                self.part_failed = self.part_failed.take().or(failed);
            }
        }
        Ok(())
    }

    async fn turn(&mut self) -> Turn {
        self.turns.others_first = !self.turns.others_first;
        match self.graph.due_ns().map(|due_ns| self.turns.due_ns(due_ns)) {
            None => self.next().await,
            // Sources that always have something do not hold it up either.
            Some(due_ns) if due_ns <= rt::now().0 => Turn::Timer,
            Some(due_ns) => {
                let timer = std::pin::pin!(rt::sleep_until(rt::Nanos(due_ns)));
                match select(std::pin::pin!(self.next()), timer).await {
                    Either::Left((turn, _)) => turn,
                    Either::Right(_) => Turn::Timer,
                }
            }
        }
    }

    /// What comes next, from here or elsewhere.
    async fn next(&self) -> Turn {
        let here = async { Turn::Input(self.intake.inbox.pop().await) };
        let Some(done) = &self.done else { return here.await };
        let elsewhere = async {
            match done.recv_async().await {
                Ok(done) => Turn::Done(done),
                // Nobody works for this pipeline any more.
                Err(_) => std::future::pending().await,
            }
        };
        let (here, elsewhere) = (std::pin::pin!(here), std::pin::pin!(elsewhere));
        if self.turns.others_first {
            return select(elsewhere, here).await.factor_first().0;
        }
        select(here, elsewhere).await.factor_first().0
    }

    /// Processes a batch that was not spread.
    async fn at_home(
        &mut self,
        source: NodeId,
        id: u64,
        seq: u64,
        batch: Batch,
    ) -> Result<(), OperatorError> {
        let chain = chain_of(&mut self.chains, source);
        if chain.is_empty() && self.keyed.is_none() {
            return self.in_order(seq, Made::Whole { source, id, batch }).await;
        }
        let mut batches = run_head(chain, id, batch, &self.homing).await?;
        if let Some(keyed) = &mut self.keyed {
            let port = port_of(&self.heads, source);
            keyed.lanes.send(&mut *keyed.splitter, seq, port, &batches)?;
            batches.drain(..).for_each(Batch::ok);
        }
        self.in_order(seq, Made::Results { source, batches }).await
    }

    /// Takes what became of something, and goes on with all that is due.
    async fn in_order(&mut self, seq: u64, made: Made) -> Result<(), OperatorError> {
        self.reorder.insert(seq, made);
        while let Some(made) = self.reorder.pop() {
            match made {
                Made::Whole { source, id, batch } => self.whole(source, id, batch).await?,
                Made::Results { source, batches } => {
                    let head = self.heads.iter().find(|head| head.source == source);
                    let last = head.map_or(source, Head::last);
                    for batch in batches {
                        self.graph.route(last, batch).await?;
                    }
                }
                // All sources lead into the lanes, which end together.
                Made::Ended(_) if self.keyed.is_some() => {}
                Made::Ended(source) => self.graph.close(source, End::Drained).await?,
            }
        }
        Ok(())
    }

    async fn whole(&mut self, source: NodeId, id: u64, batch: Batch) -> Result<(), OperatorError> {
        let raw = matches!(batch.data, Data::Raw(_));
        let first = if raw { self.only_operator_behind(source) } else { None };
        let Some(first) = first else { return self.graph.route(source, batch).await };
        let (mut out, Some(Station::Operator(operator, _))) =
            (Vec::new(), self.graph.stations.get_mut(first))
        else {
            return Ok(());
        };
        operator.on_batch(batch, &mut out).finish().await?;
        if out.iter().all(|b| !matches!(b.data, Data::Raw(_))) {
            self.homing.count(id, out.iter().map(Batch::len).sum());
        }
        for batch in out {
            self.graph.route(first, batch).await?;
        }
        Ok(())
    }

    fn only_operator_behind(&self, source: NodeId) -> Option<NodeId> {
        match (self.graph.stations.get(source)?, self.graph.targets(source)) {
            (Station::Source(_), [(node, 0)]) => match self.graph.stations.get(*node)? {
                Station::Operator(..) => Some(*node),
                _ => None,
            },
            _ => None,
        }
    }
}
