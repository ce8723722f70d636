//! Whether the sources and sinks of an instance have what they read from and write to.

use std::cell::Cell;

use crate::api::Key;
use crate::build::{Builder, component_labels};
use crate::instance::Event;
use plan::Role;

/// Keeps the control thread informed about sources and sinks, and counts it.
pub(crate) struct Connections {
    token: u64,
    instance: usize,
    events: flume::Sender<Event>,
    /// By node: path and label for logs, and counters of sources.
    nodes: Vec<ConnectionNode>,
    key: Key,
}

struct ConnectionNode {
    up: Cell<Option<bool>>,
    name: String,
    path: String,
    label: String,
    counters: Option<SourceCounters>,
}

struct SourceCounters {
    up: plan::env::Counter,
    failed: plan::env::Counter,
    lost: plan::env::Counter,
}

impl Connections {
    /// Nothing is connected yet.
    pub(crate) fn new(
        token: u64,
        key: Key,
        instance: usize,
        events: flume::Sender<Event>,
        builder: &Builder,
    ) -> Self {
        let node = |node: &plan::Node| {
            let labels = component_labels(&node.component, &builder.stream);
            let counter = |name| builder.series.counter(name, &labels);
            let shown = node.role == Role::Source && builder.counts_source(&node.component);
            ConnectionNode {
                up: Cell::new(None),
                name: node.component.name.clone(),
                path: node.component.path.clone(),
                label: node.component.label.clone(),
                counters: shown.then(|| SourceCounters {
                    up: counter("input_connection_up"),
                    failed: counter("input_connection_failed"),
                    lost: counter("input_connection_lost"),
                }),
            }
        };
        let nodes = builder.plan.nodes.iter().map(node).collect();
        Connections { token, instance, events, nodes, key }
    }

    /// Notes whether node `index` is connected; says so to the control thread when it changed.
    pub(crate) fn set(&self, index: usize, up: bool, error: &str) {
        let Some(node) = self.nodes.get(index) else { return };
        let before = node.up.replace(Some(up));
        if up && before == Some(up) {
            return;
        }
        if let Some(counters) = &node.counters {
            let counter = match (up, before) {
                (true, _) => &counters.up,
                (false, Some(true)) => &counters.lost,
                (false, _) => &counters.failed,
            };
            counter.add(1);
        }
        let (token, instance, error) = (self.token, self.instance, error.to_owned());
        let _ = self.events.send(Event::Connection { token, instance, index, up, error });
    }

    /// Notes that node `index` could not connect, and logs why.
    pub(crate) fn failed(&self, index: usize, text: &str) {
        self.set(index, false, text);
        let Some(node) = self.nodes.get(index) else { return };
        self.log_error(index, &format!("Failed to connect to {}: {text}", node.name));
    }

    pub(crate) fn log_error(&self, index: usize, text: &str) {
        let Some(node) = self.nodes.get(index) else { return };
        let (path, label, stream) = (&*node.path, &*node.label, &*self.key.id);
        tracing::error!(stream, path, label, "{text}");
    }
}
