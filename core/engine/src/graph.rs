//! The graph of a plan behind its heads: who stands where, and how batches go from one to the next.

use std::collections::VecDeque;

use formats::k::K;
use plan::{Batch, End, NodeId, Operator, OperatorError};

use crate::parallel::Done;
use crate::queue::Queue;

/// Values that an operator is given at once.
const VALUES_MAX: usize = 128;

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
    pub(crate) stations: Vec<Station>,
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

    pub(crate) fn targets(&self, node: NodeId) -> &[Target] {
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

    /// Hands values that came together from a source to the only operator behind it; tells how many
    /// of the first of them that is done with. The others are to be sent one by one.
    pub(crate) fn values(&mut self, source: NodeId, values: &[K]) -> Result<usize, OperatorError> {
        let [(node, port)] = *self.targets(source) else { return Ok(0) };
        let Some(Station::Operator(operator, _)) = self.stations.get_mut(node) else {
            return Ok(0);
        };
        let first = values.get(..VALUES_MAX).unwrap_or(values);
        operator.on_values(port, first)
    }

    /// Puts a batch that left `node` in front of everything else that has to be done.
    fn fan_out(&mut self, node: NodeId, batch: Batch) {
        let targets = match self.targets(node) {
            [] => return batch.ok(),
            [(target, port)] => {
                let (target, port) = (*target, *port);
                return self.todo.push_front((target, port, batch));
            }
            several => several.to_vec(),
        };
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
                let Some((target, port)) = self.targets(node).get(at).copied() else { break };
                let Some(open) = self.open.get_mut(target) else { continue };
                *open -= 1;
                match *open {
                    0 => ended.push(target),
                    _ => self.close_port(target, port, end).await?,
                }
            }
        }
        Ok(())
    }

    /// No more batches come at one port of a node that has others.
    async fn close_port(
        &mut self,
        node: NodeId,
        port: usize,
        end: End,
    ) -> Result<(), OperatorError> {
        let mut out = Vec::new();
        if let Some(Station::Operator(operator, _)) = self.stations.get_mut(node) {
            operator.on_port_end(port, end, &mut out).finish().await?;
        }
        for batch in out {
            self.route(node, batch).await?;
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
    pub(crate) fn due_ns(&self) -> Option<u64> {
        let due = |station: &Station| match station {
            Station::Operator(operator, _) => operator.due_ns(),
            _ => None,
        };
        self.stations.iter().filter_map(due).min()
    }

    pub(crate) async fn on_time(&mut self) -> Result<(), OperatorError> {
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
