//! The driver of a pipeline: runs batches through the operators on the home shard.

use std::collections::VecDeque;
use std::rc::Rc;

use futures_util::future::{Either, select};
use plan::{Batch, Data, End, NodeId, Operator, OperatorError};

use crate::acks::Homing;
use crate::parallel::{Done, Input, Intake, Reorder, run_head};
use crate::queue::Queue;

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
}

/// The graph behind the head.
pub(crate) struct Graph {
    pub(crate) stations: Vec<Station>,
    todo: VecDeque<(NodeId, usize, Batch)>,
    out: Vec<Batch>,
}

fn copy(batch: &Batch) -> Batch {
    Batch {
        data: batch.data.clone(),
        acks: batch.acks.clone(),
        seq: batch.seq,
        born_ns: batch.born_ns,
    }
}

impl Graph {
    pub(crate) fn new(stations: Vec<Station>) -> Self {
        Graph { stations, todo: VecDeque::new(), out: Vec::new() }
    }

    fn targets(&self, node: NodeId) -> &[Target] {
        match self.stations.get(node) {
            Some(Station::Source(targets) | Station::Operator(_, targets)) => targets,
            _ => &[],
        }
    }

    /// Sends a batch that left `node` to everything behind it, until it is in the sinks.
    pub(crate) async fn route(&mut self, node: NodeId, batch: Batch) -> Result<(), OperatorError> {
        self.fan_out(node, batch);
        while let Some((node, port, batch)) = self.todo.pop_front() {
            match self.stations.get_mut(node) {
                Some(Station::Operator(operator, _)) => {
                    let mut out = std::mem::take(&mut self.out);
                    operator.on_port(port, batch, &mut out).finish().await?;
                    // In front, so that the order of batches survives a graph of many nodes.
                    for batch in out.drain(..) {
                        self.fan_out(node, batch);
                    }
                    self.out = out;
                }
                // A closed queue means that the pipeline is being dropped: so is the batch.
                Some(Station::Sink(queue)) => drop(queue.push(batch).await),
                _ => {}
            }
        }
        Ok(())
    }

    fn fan_out(&mut self, node: NodeId, batch: Batch) {
        let targets = self.targets(node).to_vec();
        let Some((last, others)) = targets.split_last() else { return batch.ok() };
        for (target, port) in others {
            self.todo.push_back((*target, *port, copy(&batch)));
        }
        self.todo.push_back((last.0, last.1, batch));
    }

    /// Flushes every operator, sources first, and what it hands out.
    pub(crate) async fn end(&mut self, end: End) -> Result<(), OperatorError> {
        for node in 0..self.stations.len() {
            let mut out = Vec::new();
            if let Some(Station::Operator(operator, _)) = self.stations.get_mut(node) {
                operator.on_end(end, &mut out).finish().await?;
            }
            for batch in out {
                self.route(node, batch).await?;
            }
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

    async fn on_time(&mut self, now_ns: u64) -> Result<(), OperatorError> {
        for node in 0..self.stations.len() {
            let mut out = Vec::new();
            if let Some(Station::Operator(operator, _)) = self.stations.get_mut(node)
                && operator.due_ns().is_some_and(|due| due <= now_ns)
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

/// The driver task of an instance.
pub(crate) struct Driver {
    pub(crate) graph: Graph,
    /// Nodes of the head, all stateless, in order; empty when nothing can be spread.
    pub(crate) head: Vec<NodeId>,
    /// The head's operators of this shard.
    pub(crate) chain: Vec<Box<dyn Operator>>,
    pub(crate) intake: Rc<Intake>,
    pub(crate) done: flume::Receiver<Done>,
    pub(crate) homing: Homing,
    pub(crate) reorder: Reorder,
    /// Whether the sources ended by themselves or were stopped.
    pub(crate) end: Rc<std::cell::Cell<End>>,
}

enum Turn {
    Input(Option<Input>),
    Done(Done),
    Timer,
}

impl Driver {
    /// Runs until the sources have ended and everything they gave was handed to the sinks.
    /// Afterwards [`Driver::run`] may be called again for what has to be sent again.
    pub(crate) async fn run(&mut self) -> Result<(), OperatorError> {
        let mut ending = false;
        loop {
            if ending && self.reorder.next() == self.intake.seq.get() {
                return self.graph.end(self.end.get()).await;
            }
            match self.turn().await {
                Turn::Input(None | Some(Input::End)) => ending = true,
                Turn::Input(Some(Input::Batch { source, id, seq, batch })) => {
                    self.at_home(source, id, seq, batch).await?;
                }
                Turn::Done(Done { seq, result }) => {
                    let batches = result.map_err(OperatorError::new)?;
                    self.in_order(seq, batches).await?;
                }
                Turn::Timer => self.graph.on_time(rt::now().0).await?,
            }
        }
    }

    /// Processes the next thing that happens after the end: something that is sent again.
    pub(crate) async fn replays(&mut self) -> Result<(), OperatorError> {
        match self.turn().await {
            Turn::Input(Some(Input::Batch { source, id, seq, batch })) => {
                self.at_home(source, id, seq, batch).await
            }
            Turn::Done(Done { seq, result }) => {
                let batches = result.map_err(OperatorError::new)?;
                self.in_order(seq, batches).await
            }
            Turn::Input(_) => Ok(()),
            Turn::Timer => self.graph.on_time(rt::now().0).await,
        }
    }

    async fn turn(&self) -> Turn {
        let input = std::pin::pin!(async {
            let next = std::pin::pin!(self.intake.inbox.pop());
            match select(next, self.done.recv_async()).await {
                Either::Left((input, _)) => Turn::Input(input),
                Either::Right((Ok(done), _)) => Turn::Done(done),
                // The sender is kept by the instance; it cannot be gone while this runs.
                Either::Right((Err(_), _)) => std::future::pending().await,
            }
        });
        match self.graph.due_ns() {
            None => input.await,
            Some(due_ns) => {
                let timer = std::pin::pin!(rt::sleep_until(rt::Nanos(due_ns)));
                match select(input, timer).await {
                    Either::Left((turn, _)) => turn,
                    Either::Right(_) => Turn::Timer,
                }
            }
        }
    }

    /// Processes a batch that was not spread.
    async fn at_home(
        &mut self,
        source: NodeId,
        id: u64,
        seq: u64,
        batch: Batch,
    ) -> Result<(), OperatorError> {
        if self.head.is_empty() {
            return self.without_head(source, id, seq, batch).await;
        }
        let batches = run_head(&mut self.chain, id, batch, &self.homing).await?;
        self.in_order(seq, batches).await
    }

    async fn without_head(
        &mut self,
        source: NodeId,
        id: u64,
        seq: u64,
        batch: Batch,
    ) -> Result<(), OperatorError> {
        let raw = matches!(batch.data, Data::Raw(_));
        if raw && let Some(first) = self.only_operator_behind(source) {
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
        } else {
            self.graph.route(source, batch).await?;
        }
        self.reorder.insert(seq, Vec::new());
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

    async fn in_order(&mut self, seq: u64, batches: Vec<Batch>) -> Result<(), OperatorError> {
        let last = self.head.last().copied().unwrap_or_default();
        for batch in self.reorder.insert(seq, batches) {
            self.graph.route(last, batch).await?;
        }
        Ok(())
    }
}
