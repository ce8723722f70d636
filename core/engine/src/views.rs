//! Answers to questions about the pipeline table.

use std::collections::HashMap;
use std::time::Duration;

use crate::api::{Ask, Key, PipelineView, Rates};
use crate::metrics::{Metric, merge};
use crate::shard::{Control, Snapshot};
use crate::table::{Row, Table};

/// How long a shard may take to answer before its numbers are left out.
const ANSWER_MAX: Duration = Duration::from_secs(2);

async fn answer<T>(receiver: flume::Receiver<T>) -> Option<T> {
    rt::timeout(ANSWER_MAX, receiver.recv_async()).await.ok()?.ok()
}

fn view(row: &Row, snapshot: Option<&Snapshot>) -> PipelineView {
    let until = row.ended_ns.unwrap_or_else(|| rt::now().0);
    let totals = snapshot.map(|s| s.totals).unwrap_or_default();
    PipelineView {
        spec: row.spec.clone(),
        state: row.state.clone(),
        created_unix_ns: row.created_unix_ns,
        started_unix_ns: row.started_unix_ns,
        seen_unix_ns: match snapshot {
            Some(_) => i128::from(rt::wall()),
            None => row.seen_unix_ns,
        },
        uptime_ns: until.saturating_sub(row.started_ns),
        connections: row.connections.values().cloned().collect(),
        events: totals.events,
        bytes: totals.bytes,
        errors: totals.errors,
        rates: match row.ended_ns {
            None => snapshot.map(|s| s.rates).unwrap_or_default(),
            Some(_) => Rates::default(),
        },
    }
}

impl Table {
    /// Answers a question.
    pub(crate) async fn on_view(&self, ask: Ask) {
        match ask {
            Ask::Get { key, metrics, reply } => {
                let snapshots = self.snapshots(metrics).await;
                let rows = self.rows.borrow();
                let found = rows.get(&key).map(|row| view(row, snapshots.get(&row.token)));
                let _ = reply.send(found);
            }
            Ask::List { owner, metrics, reply } => {
                let snapshots = self.snapshots(metrics).await;
                let rows = self.rows.borrow();
                let wanted =
                    rows.iter().filter(|(key, _)| owner.as_ref().is_none_or(|o| *o == key.owner));
                let mut views: Vec<_> =
                    wanted.map(|(_, row)| view(row, snapshots.get(&row.token))).collect();
                views.sort_by_key(|view| view.created_unix_ns);
                let _ = reply.send(views);
            }
            Ask::Metrics { key, reply } => {
                let _ = reply.send(self.metrics(&key).await);
            }
            Ask::Console { key, reply } => {
                let lines = self.ask_home(&key, Control::Console).await;
                let _ = reply.send(lines.flatten());
            }
            Ask::Variable { key, name, reply } => {
                let ask = |token, reply| Control::Variable(token, name, reply);
                let value = self.ask_home(&key, ask).await;
                let _ = reply.send(value.flatten());
            }
            _ => {}
        }
    }

    fn home(&self, key: &Key) -> Option<(usize, u64)> {
        self.rows.borrow().get(key).map(|row| (row.home, row.token))
    }

    async fn ask_home<T>(
        &self,
        key: &Key,
        control: impl FnOnce(u64, flume::Sender<T>) -> Control,
    ) -> Option<T> {
        let (home, token) = self.home(key)?;
        let (reply, receiver) = flume::bounded(1);
        self.shards.get(home)?.send(control(token, reply)).ok()?;
        answer(receiver).await
    }

    /// Series of a pipeline, summed over all shards that work for it.
    async fn metrics(&self, key: &Key) -> Option<Vec<Metric>> {
        let (_, token) = self.home(key)?;
        let asked: Vec<_> = self
            .shards
            .iter()
            .map(|shard| {
                let (reply, receiver) = flume::bounded(1);
                let _ = shard.send(Control::Metrics(token, reply));
                receiver
            })
            .collect();
        let mut all = Vec::new();
        for receiver in asked {
            merge(&mut all, answer(receiver).await.unwrap_or_default());
        }
        Some(all)
    }

    async fn snapshots(&self, wanted: bool) -> HashMap<u64, Snapshot> {
        if !wanted {
            return HashMap::new();
        }
        let asked: Vec<_> = self
            .shards
            .iter()
            .map(|shard| {
                let (reply, receiver) = flume::bounded(1);
                let _ = shard.send(Control::Snapshot(reply));
                receiver
            })
            .collect();
        let mut all = HashMap::new();
        for receiver in asked {
            let snapshots = answer(receiver).await.unwrap_or_default();
            all.extend(snapshots.into_iter().map(|s| (s.token, s)));
        }
        all
    }
}
