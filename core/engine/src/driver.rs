//! The driver of a pipeline: runs batches through the operators on the home shard.

use std::cell::Cell;
use std::rc::Rc;

use futures_util::future::{Either, select};
use plan::{Batch, Data, End, NodeId, Operator, OperatorError};

use crate::acks::Homing;
use crate::body::Ways;
use crate::graph::{Graph, Station};
use crate::lanes::{Lanes, Merge};
use crate::parallel::{
    Chain, Done, Head, Input, Intake, Reorder, chain_of, end_head, head_of, run_head,
};
use crate::several::Several;
use crate::stop::Stop;

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
    /// The same, several that came together.
    Each { source: NodeId, several: Several },
    /// What the head of a source made of a block.
    Results { source: NodeId, batches: Vec<Batch> },
    /// A source has ended, and this is what its head still had.
    Ended { source: NodeId, batches: Vec<Batch> },
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
/// Batches that came together are processed so many at a time before other tasks get a turn. Those
/// that an operator takes at once count as one.
const EACH_MAX: u32 = 32;

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
            Turn::Input(Some(Input::Each { source, id, seq, several })) => {
                self.each_at_home((source, id, seq), several).await
            }
            Turn::Input(Some(Input::Ended { source, seq })) => {
                let mut batches = end_head(chain_of(&mut self.chains, source)).await?;
                self.send_to_lanes(source, seq, &mut batches)?;
                self.in_order(seq, Made::Ended { source, batches }).await
            }
            Turn::Input(Some(Input::End | Input::Nudge) | None) => Ok(()),
            Turn::Done(done) => self.arrived(done).await,
            Turn::Timer => self.on_time().await,
        }
    }

    async fn on_time(&mut self) -> Result<(), OperatorError> {
        let called = self.graph.on_time().await;
        // Counted from the end, so that slow calls leave the sources their turn.
        self.turns.timer_ns = Some(rt::now().0);
        called
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
                    self.stop.set(End::Stopped); // the rest ends as when somebody stops it
                }
            }
            Done::PartEnded(failed) => {
                self.open = self.open.saturating_sub(1);
                self.part_failed = self.part_failed.take().or(failed);
            }
        }
        Ok(())
    }

    /// When operators want to be called and may be.
    fn due_ns(&self) -> Option<u64> {
        self.graph.due_ns().map(|due_ns| self.turns.due_ns(due_ns))
    }

    async fn turn(&mut self) -> Turn {
        self.turns.others_first = !self.turns.others_first;
        match self.due_ns() {
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
        self.send_to_lanes(source, seq, &mut batches)?;
        self.in_order(seq, Made::Results { source, batches }).await
    }

    /// The same for several that came together.
    async fn each_at_home(
        &mut self,
        (source, id, seq): (NodeId, u64, u64),
        several: Several,
    ) -> Result<(), OperatorError> {
        let chain = chain_of(&mut self.chains, source);
        if chain.is_empty() && self.keyed.is_none() {
            return self.in_order(seq, Made::Each { source, several }).await;
        }
        let mut batches = Vec::new();
        for batch in several.batches() {
            batches.append(&mut run_head(chain, id, batch, &self.homing).await?);
        }
        self.send_to_lanes(source, seq, &mut batches)?;
        self.in_order(seq, Made::Results { source, batches }).await
    }

    /// Processes batches that came together one by one, or as if it did, so that operators see what
    /// they would see of batches that did not: operators whose time comes are called in between,
    /// and other tasks get their turn.
    async fn each(&mut self, source: NodeId, mut several: Several) -> Result<(), OperatorError> {
        for turn in 0_u32.. {
            if turn > 0 && self.due_ns().is_some_and(|due_ns| due_ns <= rt::now().0) {
                self.on_time().await?;
            }
            if turn % EACH_MAX == EACH_MAX - 1 {
                rt::yield_now().await;
            }
            let taken = self.graph.values(source, several.rest())?;
            if taken > 0 {
                several.pass(taken);
            } else {
                let Some(batch) = several.next() else { break };
                self.graph.route(source, batch).await?;
            }
        }
        Ok(())
    }

    /// Hands what a head made to the lanes, where there are some.
    fn send_to_lanes(
        &mut self,
        source: NodeId,
        seq: u64,
        batches: &mut Vec<Batch>,
    ) -> Result<(), OperatorError> {
        let Some(keyed) = &mut self.keyed else { return Ok(()) };
        let port = head_of(&self.heads, source).map_or(0, |head| head.port);
        keyed.lanes.send(&mut *keyed.splitter, seq, port, batches)?;
        batches.drain(..).for_each(Batch::ok);
        Ok(())
    }

    /// Takes what became of something, and goes on with all that is due.
    async fn in_order(&mut self, seq: u64, made: Made) -> Result<(), OperatorError> {
        self.reorder.insert(seq, made);
        while let Some(made) = self.reorder.pop() {
            match made {
                Made::Whole { source, id, batch } => self.whole(source, id, batch).await?,
                Made::Each { source, several } => self.each(source, several).await?,
                Made::Results { source, batches } => self.behind_head(source, batches).await?,
                Made::Ended { source, batches } => {
                    self.behind_head(source, batches).await?;
                    // Where all sources lead into lanes, those end together.
                    if self.keyed.is_none() {
                        self.graph.close(source, End::Drained).await?;
                    }
                }
            }
        }
        Ok(())
    }

    async fn behind_head(
        &mut self,
        source: NodeId,
        batches: Vec<Batch>,
    ) -> Result<(), OperatorError> {
        let last = head_of(&self.heads, source).map_or(source, Head::last);
        for batch in batches {
            self.graph.route(last, batch).await?;
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
