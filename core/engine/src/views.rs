//! Answers to questions about the pipeline table.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::api::{Ask, CONSOLE_LINES_MAX, Key, PipelineView, Rates};
use crate::crew;
use crate::metrics::{Metric, merge};
use crate::rates::RateSums;
use crate::shard::{Control, Snapshot};
use crate::table::{Row, Table};

/// How long a shard may take to answer before its numbers are left out.
const ANSWER_MAX: Duration = Duration::from_secs(2);

pub(crate) async fn answer<T>(receiver: flume::Receiver<T>) -> Option<T> {
    rt::timeout(ANSWER_MAX, receiver.recv_async()).await.ok()?.ok()
}

fn view(row: &Row, snapshots: &HashMap<u64, Snapshot>) -> PipelineView {
    let instances = row.instances().into_iter().filter_map(|(_, token)| snapshots.get(&token));
    let all: Vec<&Snapshot> = instances.collect();
    let (mut totals, mut rates) = (row.members.past.totals, RateSums::default());
    for snapshot in &all {
        totals += snapshot.totals;
        rates += snapshot.rates;
    }
    PipelineView {
        spec: row.spec.clone(),
        state: row.standing.state.clone(),
        instance: row.token,
        created_unix_ns: row.created_unix_ns,
        started_unix_ns: row.started_unix_ns,
        seen_unix_ns: match all.is_empty() {
            false => i128::from(rt::wall()),
            true => row.seen_unix_ns,
        },
        uptime_ns: row.standing.uptime_ns(rt::now().0),
        connections: row.connections.values().map(|c| c.view.clone()).collect(),
        events: totals.events,
        bytes: totals.bytes,
        errors: totals.errors,
        rates: match row.standing.ended_ns {
            None => rates.rates(),
            Some(_) => Rates::default(),
        },
        workers: crew::workers(row, snapshots),
    }
}

impl Table {
    /// Answers a question.
    pub(crate) async fn on_view(&self, ask: Ask) {
        match ask {
            Ask::Get { key, metrics, reply } => {
                let snapshots = self.snapshots(metrics).await;
                let rows = self.rows.borrow();
                let found = rows.get(&key).map(|row| view(row, &snapshots));
                let _ = reply.send(found);
            }
            Ask::List { owner, metrics, reply } => {
                let snapshots = self.snapshots(metrics).await;
                let rows = self.rows.borrow();
                let wanted =
                    rows.iter().filter(|(key, _)| owner.as_ref().is_none_or(|o| *o == key.owner));
                let mut views: Vec<_> = wanted.map(|(_, row)| view(row, &snapshots)).collect();
                views.sort_by_key(|view| view.created_unix_ns);
                let _ = reply.send(views);
            }
            Ask::Metrics { key, reply } => {
                let _ = reply.send(self.metrics(&key).await);
            }
            Ask::SharedMetrics { reply } => {
                // Each is owned by one shard, so nothing is there twice.
                let all = self.everywhere(Control::SharedMetrics).await;
                let _ = reply.send(all.into_iter().flatten().collect());
            }
            Ask::Console { key, reply } => {
                let _ = reply.send(self.console(&key).await);
            }
            Ask::Variable { key, name, reply } => {
                let ask = |token, reply| Control::Variable(token, name.clone(), reply);
                let values = self.ask_all(&key, ask).await.unwrap_or_default();
                let _ = reply.send(values.into_iter().flatten().collect());
            }
            Ask::Inquire(inquiry) => self.inquire(*inquiry).await,
            _ => {}
        }
    }

    /// Asks all shards about all instances of a pipeline, the home of each first; those that do not
    /// answer are left out.
    async fn ask_all<T>(
        &self,
        key: &Key,
        control: impl Fn(u64, flume::Sender<T>) -> Control,
    ) -> Option<Vec<T>> {
        let instances = self.rows.borrow().get(key).map(Row::instances)?;
        let mut asked = Vec::new();
        for (home, token) in instances {
            let (others, from_home) = self.shards.split_at(home.min(self.shards.len()));
            for shard in from_home.iter().chain(others) {
                let (reply, receiver) = flume::bounded(1);
                let _ = shard.send(control(token, reply));
                asked.push(receiver);
            }
        }
        let mut answers = Vec::new();
        for receiver in asked {
            answers.extend(answer(receiver).await);
        }
        Some(answers)
    }

    /// The last lines of a pipeline's console.
    async fn console(&self, key: &Key) -> Option<VecDeque<String>> {
        let consoles = self.ask_all(key, Control::Console).await?;
        let past = self.rows.borrow().get(key).map(|row| row.members.past.console.clone());
        let past = past.filter(|lines| !lines.is_empty());
        let all = past.into_iter().chain(consoles.into_iter().flatten()).reduce(|mut all, more| {
            all.extend(more);
            all
        });
        let mut lines = all?;
        lines.drain(..lines.len().saturating_sub(CONSOLE_LINES_MAX));
        Some(lines)
    }

    /// Series of a pipeline, summed over all shards that work for it.
    async fn metrics(&self, key: &Key) -> Option<Vec<Metric>> {
        let past = self.rows.borrow().get(key).map(|row| row.members.past.series.clone());
        let mut all = past.unwrap_or_default();
        for series in self.ask_all(key, Control::Metrics).await? {
            merge(&mut all, series);
        }
        Some(all)
    }

    /// Asks all shards; those that do not answer are left out.
    async fn everywhere<T>(&self, control: impl Fn(flume::Sender<T>) -> Control) -> Vec<T> {
        let asked = self.shards.iter().map(|shard| {
            let (reply, receiver) = flume::bounded(1);
            let _ = shard.send(control(reply));
            receiver
        });
        let mut answers = Vec::new();
        for receiver in asked.collect::<Vec<_>>() {
            answers.extend(answer(receiver).await);
        }
        answers
    }

    async fn snapshots(&self, wanted: bool) -> HashMap<u64, Snapshot> {
        let mut all: HashMap<u64, Snapshot> = HashMap::new();
        if !wanted {
            return all;
        }
        for part in self.everywhere(Control::Snapshot).await.into_iter().flatten() {
            match all.get_mut(&part.token) {
                Some(sum) => {
                    sum.totals += part.totals;
                    sum.rates += part.rates;
                }
                None => drop(all.insert(part.token, part)),
            }
        }
        all
    }
}
