//! The wrapper that makes an operator durable.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use plan::{Ack, AckPort, Acks, Batch, Class, End, Fault, Operator, OperatorError, Record, Step};

use super::held::{Event, Held, Limits};
use super::record::{Mark, write};
use super::skip::Skip;
use super::{Around, Keeper};

/// Takes what became of results home. The queue is bounded by the results that are not delivered.
struct Port(flume::Sender<Event>);

// A closed channel means that the pipeline is gone, and nobody waits any more.
impl AckPort for Port {
    fn fail(&self, id: u64, _: Option<u32>, _: Arc<Fault>) {
        let _ = self.0.send(Event::Refused(id));
    }

    fn reply(&self, _: u64, _: Vec<(Record, Vec<u8>)>) {}

    fn done(&self, id: u64) {
        let _ = self.0.send(Event::Done(id));
    }
}

/// A durable operator; see the head of the folder.
pub(crate) struct Checkpointed {
    inner: Box<dyn Operator>,
    mark: Mark,
    skip: Skip,
    held: Rc<RefCell<Held>>,
    port: Arc<Port>,
    around: Rc<dyn Around>,
    /// What waits because results do.
    waiting: VecDeque<(usize, Batch)>,
    /// Hears of results and writes states.
    _task: rt::Task<()>,
}

impl Checkpointed {
    /// Makes an operator durable.
    pub(crate) fn new(
        inner: Box<dyn Operator>,
        (mark, skip): (Mark, Skip),
        limits: Limits,
        keeper: Box<dyn Keeper>,
        around: Rc<dyn Around>,
    ) -> Self {
        let held = Rc::new(RefCell::new(Held::new(limits)));
        // Bounded by what is held and what is not delivered.
        let (sender, events) = flume::unbounded();
        let attended = attend(Rc::clone(&held), events, keeper, Rc::clone(&around));
        let task = rt::spawn(attended).abort_on_drop();
        let (port, waiting) = (Arc::new(Port(sender)), VecDeque::new());
        Checkpointed { inner, mark, skip, held, port, around, waiting, _task: task }
    }

    /// What its checkpoints wait for.
    pub(crate) fn held(&self) -> Weak<RefCell<Held>> {
        Rc::downgrade(&self.held)
    }

    async fn take(
        &mut self,
        port: usize,
        batch: Batch,
        out: &mut Vec<Batch>,
    ) -> Result<(), OperatorError> {
        if batch.ends_round() {
            self.skip.round_over(port);
            batch.ok();
            // The state says that the round is over.
            self.held.borrow_mut().went_on(rt::now().0);
            self.checkpoint()?;
            tell(&mut self.held.borrow_mut(), &*self.around);
            return Ok(());
        }
        let Some(mut batch) = self.skip.cut(port, batch) else { return Ok(()) };
        let (acks, bytes) = (std::mem::take(&mut batch.acks), batch.payload_bytes());
        if self.skip.comes_again(port, &batch) {
            // How far the state is says the state. Nobody has to wait for the next one.
            acks.ok();
            self.held.borrow_mut().went_on(rt::now().0);
        } else {
            self.held.borrow_mut().took(acks, bytes, rt::now().0);
        }
        let first = out.len();
        self.inner.on_port(port, batch, out).finish().await?;
        self.emitted(out, first);
        self.checkpoint()?;
        tell(&mut self.held.borrow_mut(), &*self.around);
        Ok(())
    }

    /// Gives results acks of our own.
    fn emitted(&self, out: &mut [Batch], first: usize) {
        let (mut held, now_ns) = (self.held.borrow_mut(), rt::now().0);
        for result in out.iter_mut().skip(first) {
            if result.born_ns == 0 {
                result.born_ns = now_ns; // the clock has made it
            }
            let (data, bytes) = (result.data.clone(), result.payload_bytes());
            let id = held.emitted(data, result.born_ns, bytes, now_ns);
            result.acks = self.acks(id);
        }
        tell(&mut held, &*self.around);
    }

    fn acks(&self, id: u64) -> Acks {
        Acks::one(Ack::new(self.port.clone(), id))
    }

    /// Takes a snapshot when one is due.
    fn checkpoint(&mut self) -> Result<(), OperatorError> {
        let start_ns = rt::now().0;
        let mut held = self.held.borrow_mut();
        if held.due_ns().is_none_or(|due_ns| due_ns > start_ns) {
            return Ok(());
        }
        let state = self.inner.snapshot()?.unwrap_or_default();
        let most = held.limits.state_bytes_max;
        if state.len() > most {
            return Err(OperatorError(format!(
                "what an operator remembers has {} bytes, and at most {most} are kept",
                state.len()
            )));
        }
        let content = write(&self.mark, self.skip.consumed(), state);
        held.begin(content, rt::now().0.saturating_sub(start_ns));
        let _ = self.port.0.send(Event::Begun);
        Ok(())
    }

    /// Takes what had to wait; all of it when it is the last.
    async fn resume(&mut self, all: bool, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        while all || !self.held.borrow().is_full() {
            let Some((port, batch)) = self.waiting.pop_front() else { break };
            self.take(port, batch, out).await?;
        }
        Ok(())
    }

    async fn on_time(&mut self, now_ns: u64, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let again = self.held.borrow_mut().take_again(now_ns);
        for (id, data, born_ns) in again {
            out.push(Batch { acks: self.acks(id), born_ns, ..Batch::new(data) });
        }
        self.resume(false, out).await?;
        if self.inner.due_ns().is_some_and(|due_ns| due_ns <= now_ns) {
            let first = out.len();
            self.inner.on_time(now_ns, out).finish().await?;
            self.emitted(out, first);
        }
        self.checkpoint()
    }
}

impl Operator for Checkpointed {
    fn class(&self) -> Class {
        self.inner.class()
    }

    fn counted(&self) -> bool {
        self.inner.counted()
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        self.on_port(0, batch, out)
    }

    fn on_port<'a>(&'a mut self, port: usize, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        // Bounded by the budget of the source: what waits is not acknowledged.
        if !self.waiting.is_empty() || self.held.borrow().is_full() {
            self.waiting.push_back((port, batch));
            return Step::Done(Ok(()));
        }
        Step::Wait(Box::pin(self.take(port, batch, out)))
    }

    fn on_port_end<'a>(&'a mut self, port: usize, end: End, out: &'a mut Vec<Batch>) -> Step<'a> {
        Step::Wait(Box::pin(async move {
            // What waits may be of this port.
            self.resume(true, out).await?;
            let first = out.len();
            self.inner.on_port_end(port, end, out).finish().await?;
            self.emitted(out, first);
            Ok(())
        }))
    }

    fn on_end<'a>(&'a mut self, end: End, out: &'a mut Vec<Batch>) -> Step<'a> {
        Step::Wait(Box::pin(async move {
            self.resume(true, out).await?;
            let first = out.len();
            self.inner.on_end(end, out).finish().await?;
            self.emitted(out, first);
            self.held.borrow_mut().end();
            self.checkpoint()?;
            tell(&mut self.held.borrow_mut(), &*self.around);
            Ok(())
        }))
    }

    fn due_ns(&self) -> Option<u64> {
        let held = self.held.borrow();
        let room = (!self.waiting.is_empty() && !held.is_full()).then_some(0);
        [self.inner.due_ns(), held.due_ns(), held.again_ns(), room].into_iter().flatten().min()
    }

    fn on_time<'a>(&'a mut self, now_ns: u64, out: &'a mut Vec<Batch>) -> Step<'a> {
        Step::Wait(Box::pin(Checkpointed::on_time(self, now_ns, out)))
    }
}

/// Tells the pipeline whether its end has to wait, when that has changed.
fn tell(held: &mut Held, around: &dyn Around) {
    if let Some(busy) = held.busy_change() {
        around.busy(busy);
    }
}

/// Hears what becomes of results, and writes states when what came before them is delivered.
async fn attend(
    held: Rc<RefCell<Held>>,
    events: flume::Receiver<Event>,
    keeper: Box<dyn Keeper>,
    around: Rc<dyn Around>,
) {
    let mut troubled = false;
    while let Ok(event) = events.recv_async().await {
        let standing = |held: &Held| (held.is_full(), held.again_ns());
        let (was_full, again_ns) = standing(&held.borrow());
        let now_ns = rt::now().0;
        let delivered = held.borrow_mut().on_event(event, now_ns);
        if let Some(born_ns) = delivered {
            around.delivered(now_ns.saturating_sub(born_ns));
        }
        let after = standing(&held.borrow());
        let state = held.borrow_mut().ready(rt::now().0);
        if let Some(state) = state {
            let saved = keeper.save(state).await;
            for wanted in held.borrow_mut().take_wanted() {
                let _ = wanted.send(saved.clone());
            }
            let acks = held.borrow_mut().written(saved.is_ok(), rt::now().0);
            acks.into_iter().for_each(Acks::ok);
            match &saved {
                Err(why) if !troubled => {
                    tracing::error!("A state could not be kept, which is tried again: {why}");
                }
                Ok(()) if troubled => tracing::info!("States are kept again"),
                _ => {}
            }
            troubled = saved.is_err();
            around.nudge();
        } else if again_ns != after.1 || was_full && !after.0 {
            around.nudge();
        }
        tell(&mut held.borrow_mut(), &*around);
    }
}
