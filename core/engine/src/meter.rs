//! Wrappers that count what passes a component: names as in spec/benthos-components.md §F.
//! Components without a path in the user's configuration are ours and are not shown.

use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use plan::env::Counter;
use plan::{
    Batch, Class, Component, Emitted, End, Fault, Operator, Sink, SinkError, Source, SourceContext,
    SourceError, Step,
};

use crate::build::{Builder, component_labels};
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
        self.batch_received.add(1);
        faults(batch)
    }

    fn after(&self, faults_before: usize, out: &[Batch], start_ns: u64) {
        let sent: usize = out.iter().map(Batch::len).sum();
        let faults_after: usize = out.iter().map(faults).sum();
        self.sent.add(sent as u64);
        self.batch_sent.add(out.len() as u64);
        self.error.add(faults_after.saturating_sub(faults_before) as u64);
        self.latency.record(rt::now().0.saturating_sub(start_ns), 1);
    }
}

fn faults(batch: &Batch) -> usize {
    batch.as_records().map_or(0, |r| r.recs.iter().filter(|r| r.fault.is_some()).count())
}

/// An operator with its counts.
pub(crate) struct MeteredOperator {
    inner: Box<dyn Operator>,
    cells: OperatorCells,
}

impl MeteredOperator {
    pub(crate) fn wrap(
        inner: Box<dyn Operator>,
        component: &Component,
        builder: &Builder,
    ) -> Box<dyn Operator> {
        if component.path.is_empty() {
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
        Box::new(MeteredOperator { inner, cells })
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
            self.cells.after(before, out.get(had..).unwrap_or_default(), start_ns);
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
            let events = batch.len() as u64;
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

/// A sink with its counts.
pub(crate) struct MeteredSink {
    inner: Box<dyn Sink>,
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
        if component.path.is_empty() {
            return inner;
        }
        let labels = component_labels(component, &builder.stream);
        let counter = |name: &str| builder.series.counter(name, &labels);
        Box::new(MeteredSink {
            inner,
            sent: counter("output_sent"),
            batch_sent: counter("output_batch_sent"),
            error: counter("output_error"),
            up: counter("output_connection_up"),
            failed: counter("output_connection_failed"),
            lost: counter("output_connection_lost"),
            latency: builder.series.timing("output_latency_ns", &labels),
        })
    }
}

impl Sink for MeteredSink {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async move {
            let opened = self.inner.open().await;
            if opened.is_ok() { &self.up } else { &self.failed }.add(1);
            opened
        })
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(async move {
            let start_ns = rt::now().0;
            let result = self.inner.write(batch).await;
            let failed = match &result {
                Ok(()) => 0,
                Err(SinkError::Some(failed)) => failed.len(),
                Err(SinkError::All(_)) => batch.len(),
                Err(SinkError::NotConnected(_)) => {
                    self.lost.add(1);
                    return result;
                }
            };
            if failed > 0 {
                self.error.add(1);
            }
            if failed < batch.len() || batch.is_empty() {
                self.sent.add((batch.len() - failed) as u64);
                self.batch_sent.add(1);
            }
            self.latency.record(rt::now().0.saturating_sub(start_ns), 1);
            result
        })
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        self.inner.close()
    }

    fn max_in_flight(&self) -> usize {
        self.inner.max_in_flight()
    }
}
