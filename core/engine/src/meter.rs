//! Wrappers that count what passes a component and log what it refuses: names as in
//! spec/benthos-components.md §F. Components without a path in the user's configuration are ours
//! and are not counted.

use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use plan::env::Counter;
use plan::{
    Batch, Class, Component, Data, Emitted, End, Fault, Operator, OperatorError, Sink, SinkError,
    Source, SourceContext, SourceError, Step,
};

use crate::build::{Builder, component_labels};
use crate::complaints::Complaints;
use crate::metrics::Timing;

/// Counts of one operator.
struct OperatorCells {
    received: Counter,
    batch_received: Counter,
    sent: Counter,
    batch_sent: Counter,
    error: Counter,
    latency: Timing,
}

impl OperatorCells {
    fn before(&self, batch: &Batch) -> usize {
        self.received.add(batch.len() as u64);
        self.batch_received.add(batch.batches() as u64);
        faults(batch)
    }

    /// Tells how many messages have failed here.
    fn after(&self, faults_before: usize, out: &[Batch], start_ns: u64) -> usize {
        let sent: usize = out.iter().map(Batch::len).sum();
        let faults_after: usize = out.iter().map(faults).sum();
        let failed = faults_after.saturating_sub(faults_before);
        self.sent.add(sent as u64);
        self.batch_sent.add(out.iter().map(Batch::batches).sum::<usize>() as u64);
        self.error.add(failed as u64);
        self.latency.record(rt::now().0.saturating_sub(start_ns), 1);
        failed
    }
}

fn faults(batch: &Batch) -> usize {
    batch.as_records().map_or(0, |r| r.recs.iter().filter(|r| r.fault.is_some()).count())
}

/// An operator with its counts.
pub(crate) struct MeteredOperator {
    inner: Box<dyn Operator>,
    cells: OperatorCells,
    path: String,
    complaints: Complaints,
}

impl MeteredOperator {
    pub(crate) fn wrap(
        inner: Box<dyn Operator>,
        component: &Component,
        builder: &Builder,
    ) -> Box<dyn Operator> {
        if component.path.is_empty() || !inner.counted() {
            return inner;
        }
        let labels = component_labels(component, &builder.stream);
        let counter = |name: &str| builder.series.counter(name, &labels);
        let cells = OperatorCells {
            received: counter("processor_received"),
            batch_received: counter("processor_batch_received"),
            sent: counter("processor_sent"),
            batch_sent: counter("processor_batch_sent"),
            error: counter("processor_error"),
            latency: builder.series.timing("processor_latency_ns", &labels),
        };
        let complaints = Complaints::of(component, &builder.stream);
        Box::new(MeteredOperator { inner, cells, path: component.path.clone(), complaints })
    }

    /// Logs why messages failed here: not those that failed in a component within, which has said
    /// so itself.
    fn complain(&self, out: &[Batch]) {
        for record in out.iter().filter_map(Batch::as_records).flat_map(|records| &records.recs) {
            match &record.fault {
                Some(fault) if fault.path == self.path => {
                    self.complaints.say(|| fault.text.clone());
                }
                _ => {}
            }
        }
    }
}

impl Operator for MeteredOperator {
    fn class(&self) -> Class {
        self.inner.class()
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        self.on_port(0, batch, out)
    }

    fn on_port<'a>(&'a mut self, port: usize, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        // One allocation a batch; a step that might be done at once cannot give `out` back.
        Step::Wait(Box::pin(async move {
            let start_ns = rt::now().0;
            let before = self.cells.before(&batch);
            let had = out.len();
            let result = self.inner.on_port(port, batch, out).finish().await;
            let sent = out.get(had..).unwrap_or_default();
            if self.cells.after(before, sent, start_ns) > 0 {
                self.complain(sent);
            }
            result
        }))
    }

    fn owners(
        &mut self,
        port: usize,
        batch: &Batch,
        parts: usize,
    ) -> Result<Vec<u8>, plan::OperatorError> {
        self.inner.owners(port, batch, parts)
    }

    fn on_own<'a>(
        &'a mut self,
        port: usize,
        batch: Batch,
        owners: &'a [u8],
        own: u8,
        out: &'a mut Vec<Batch>,
    ) -> Step<'a> {
        Step::Wait(Box::pin(async move {
            let (start_ns, had) = (rt::now().0, out.len());
            let rows = owners.iter().filter(|owner| **owner == own).count();
            self.cells.received.add(rows as u64);
            // What all instances see is one batch.
            self.cells.batch_received.add(if own == 0 { batch.batches() as u64 } else { 0 });
            let result = self.inner.on_own(port, batch, owners, own, out).finish().await;
            self.cells.after(0, out.get(had..).unwrap_or_default(), start_ns);
            result
        }))
    }

    fn on_end<'a>(&'a mut self, end: End, out: &'a mut Vec<Batch>) -> Step<'a> {
        self.inner.on_end(end, out)
    }

    fn due_ns(&self) -> Option<u64> {
        self.inner.due_ns()
    }

    fn on_time<'a>(&'a mut self, now_ns: u64, out: &'a mut Vec<Batch>) -> Step<'a> {
        self.inner.on_time(now_ns, out)
    }

    fn snapshot(&self) -> Result<Option<Vec<u8>>, OperatorError> {
        self.inner.snapshot()
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), OperatorError> {
        self.inner.restore(state)
    }
}

/// A child source with its counts.
pub(crate) struct MeteredSource {
    inner: Box<dyn Source>,
    received: Counter,
    up: Counter,
    lost: Counter,
    latency: Timing,
}

impl MeteredSource {
    pub(crate) fn wrap(
        inner: Box<dyn Source>,
        component: &Component,
        builder: &Builder,
    ) -> Box<dyn Source> {
        if component.path.is_empty() {
            return inner;
        }
        let labels = component_labels(component, &builder.stream);
        let counter = |name: &str| builder.series.counter(name, &labels);
        counter("input_connection_failed");
        Box::new(MeteredSource {
            inner,
            received: counter("input_received"),
            up: counter("input_connection_up"),
            lost: counter("input_connection_lost"),
            latency: builder.series.timing("input_latency_ns", &labels),
        })
    }
}

impl Source for MeteredSource {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        let counting = CountingContext {
            inner: context,
            received: self.received.clone(),
            up: self.up.clone(),
            lost: self.lost.clone(),
            latency: self.latency.clone(),
        };
        self.inner.run(Rc::new(counting))
    }

    fn replays(&self) -> bool {
        self.inner.replays()
    }

    fn partitions(&self) -> usize {
        self.inner.partitions()
    }
}

struct CountingContext {
    inner: Rc<dyn SourceContext>,
    received: Counter,
    up: Counter,
    lost: Counter,
    latency: Timing,
}

impl SourceContext for CountingContext {
    fn emit(&self, batch: Batch) -> LocalBoxFuture<'_, Result<Emitted, SourceError>> {
        Box::pin(async move {
            let events = match &batch.data {
                Data::Raw(raw) => raw.lines(),
                _ => batch.len(),
            } as u64;
            let emitted = self.inner.emit(batch).await?;
            self.received.add(events);
            let (start_ns, latency) = (rt::now().0, self.latency.clone());
            Ok(Emitted(Box::pin(async move {
                let outcome = emitted.outcome().await;
                latency.record(rt::now().0.saturating_sub(start_ns), events.max(1));
                outcome
            })))
        })
    }

    fn stopping(&self) -> LocalBoxFuture<'static, ()> {
        self.inner.stopping()
    }

    fn is_stopping(&self) -> bool {
        self.inner.is_stopping()
    }

    fn connected(&self, up: bool) {
        if up { &self.up } else { &self.lost }.add(1);
        self.inner.connected(up);
    }

    fn error(&self, text: &str) {
        self.inner.error(text);
    }

    fn instance(&self) -> (usize, usize) {
        self.inner.instance()
    }
}

/// A sink with its counts, if it has any.
pub(crate) struct MeteredSink {
    inner: Box<dyn Sink>,
    name: String,
    complaints: Complaints,
    cells: Option<SinkCells>,
}

/// Counts of one sink.
struct SinkCells {
    sent: Counter,
    batch_sent: Counter,
    error: Counter,
    up: Counter,
    failed: Counter,
    lost: Counter,
    latency: Timing,
}

impl MeteredSink {
    pub(crate) fn wrap(
        inner: Box<dyn Sink>,
        component: &Component,
        builder: &Builder,
    ) -> Box<dyn Sink> {
        let labels = component_labels(component, &builder.stream);
        let counter = |name: &str| builder.series.counter(name, &labels);
        let counted = !component.path.is_empty();
        if counted {
            // Counted before a sink sees it, where that is wanted at all.
            counter("output_rejected");
        }
        let cells = counted.then(|| SinkCells {
            sent: counter("output_sent"),
            batch_sent: counter("output_batch_sent"),
            error: counter("output_error"),
            up: counter("output_connection_up"),
            failed: counter("output_connection_failed"),
            lost: counter("output_connection_lost"),
            latency: builder.series.timing("output_latency_ns", &labels),
        });
        let complaints = Complaints::of(component, &builder.stream);
        Box::new(MeteredSink { inner, name: component.name.clone(), complaints, cells })
    }

    fn complain(&self, fault: &Fault) {
        // What is there to refuse messages has nothing to complain about.
        if !self.inner.refuses() {
            let name = &self.name;
            self.complaints.say(|| format!("Failed to send message to {name}: {}", fault.text));
        }
    }
}

impl SinkCells {
    fn after(&self, batch: &Batch, failed: usize, start_ns: u64) {
        if failed > 0 {
            self.error.add(1);
        }
        if failed < batch.len() || batch.is_empty() {
            self.sent.add((batch.len() - failed) as u64);
            // Which of the loose messages failed does not matter here, how many did.
            let sent = batch.batches().saturating_sub(failed).max(1);
            self.batch_sent.add(sent as u64);
        }
        self.latency.record(rt::now().0.saturating_sub(start_ns), 1);
    }
}

impl Sink for MeteredSink {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async move {
            let opened = self.inner.open().await;
            if let Some(cells) = &self.cells {
                if opened.is_ok() { &cells.up } else { &cells.failed }.add(1);
            }
            opened
        })
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(async move {
            let start_ns = rt::now().0;
            let result = self.inner.write(batch).await;
            let failed = match &result {
                Ok(()) => 0,
                Err(SinkError::Some(failed)) => {
                    failed.iter().for_each(|(_, fault)| self.complain(fault));
                    failed.len()
                }
                Err(SinkError::All(fault) | SinkError::Refused(fault)) => {
                    self.complain(fault);
                    batch.len()
                }
                Err(SinkError::NotConnected(_)) => {
                    if let Some(cells) = &self.cells {
                        cells.lost.add(1);
                    }
                    return result;
                }
            };
            if let Some(cells) = &self.cells {
                cells.after(batch, failed, start_ns);
            }
            result
        })
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        self.inner.close()
    }

    fn max_in_flight(&self) -> usize {
        self.inner.max_in_flight()
    }

    fn refuses(&self) -> bool {
        self.inner.refuses()
    }

    fn gives_up(&self) -> bool {
        self.inner.gives_up()
    }

    fn spreads(&self) -> bool {
        self.inner.spreads()
    }
}
