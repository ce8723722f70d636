//! The documented functions that clients may call (spec/kdb-ipc.md §5, kdb-rest.md §2, §3).

use std::time::Duration;

use engine::{PipelineView, RemoveError};
use formats::k::{K, Sym};
use plan::Plan;
use server::dialects::kdb;

use super::router::Pipelines;

/// How long a pipeline may take to stop gracefully when it is torn down.
const TEARDOWN_MAX: Duration = Duration::from_secs(10);

/// Nanoseconds from the Unix epoch to the one of q, 2000-01-01.
const EPOCH_NS: i128 = 946_684_800_000_000_000;

/// Functions that the environment of a pipeline answers: none of them runs what a client sends.
pub(super) const OF_SPECS: [&str; 11] = [
    ".qsp.clearTrace",
    ".qsp.disableDataTracing",
    ".qsp.enableDataTracing",
    ".qsp.get",
    ".qsp.getDataTrace",
    ".qsp.getRecordCounts",
    ".qsp.resetDataTrace",
    ".qsp.resetRecordCounts",
    ".qsp.setRecordCounting",
    ".qsp.setTrace",
    ".qsp.triggerRead",
];

impl Pipelines {
    /// Calls a function; nothing when it is none that clients may call.
    pub(super) async fn documented(
        &self,
        name: &str,
        arguments: &[K],
    ) -> Option<Result<K, String>> {
        Some(match name {
            ".spctl.api.getGraph" => self.graph(arguments.first()).await,
            ".spctl.api.getWorkers" => self.workers().await,
            ".qsp.teardown" => self.teardown(arguments.first()).await,
            name if OF_SPECS.contains(&name) => self.ask(name, arguments).await,
            _ => return None,
        })
    }

    async fn graph(&self, named: Option<&K>) -> Result<K, String> {
        Ok(K::str(kdb::graph(&self.one(named).await?.spec.plan)))
    }

    /// The workers of all pipelines as a table.
    async fn workers(&self) -> Result<K, String> {
        let views = self.specs().await?;
        let address = self.address.get().map(ToString::to_string).unwrap_or_default();
        table(&views, &address).map_err(|e| format!("{e:?}"))
    }

    /// Ends a pipeline; what it holds is written first.
    async fn teardown(&self, named: Option<&K>) -> Result<K, String> {
        let key = self.one(named).await?.spec.key.clone();
        // What is not managed here is only stopped: whoever runs it sees that it has ended.
        let keep = &*key.owner != kdb::OWNER;
        match self.engine.remove(key, Some(TEARDOWN_MAX), keep).await {
            Err(error) => Err(error.to_string()),
            Ok(Ok(()) | Err(RemoveError::Missing)) => Ok(K::Null),
            Ok(Err(error)) => Err(error.to_string()),
        }
    }

    /// Asks the environment of a pipeline: the newest that has the operator of the first argument,
    /// or else the only one.
    async fn ask(&self, name: &str, arguments: &[K]) -> Result<K, String> {
        let operator = arguments.first().and_then(K::as_sym);
        let having = match operator {
            Some(name) => {
                let views = self.specs().await?;
                views.into_iter().find(|view| has(&view.spec.plan, name.as_str()))
            }
            None => None,
        };
        let view = match having {
            Some(view) => view,
            None => self.one(None).await?,
        };
        let question = [K::sym(name)].into_iter().chain(arguments.iter().cloned()).collect();
        self.inquire(&view, K::list(question)).await
    }
}

fn has(plan: &Plan, operator: &str) -> bool {
    plan.nodes.iter().any(|node| node.component.label == operator)
}

fn table(views: &[PipelineView], address: &str) -> Result<K, formats::k::ShapeError> {
    let workers: Vec<kdb::Worker> = views.iter().flat_map(kdb::workers).collect();
    let started =
        |worker: &kdb::Worker| i64::try_from(worker.started_unix_ns - EPOCH_NS).unwrap_or(i64::MIN);
    let names = ["id", "name", "address", "partitions", "startTime"].map(Sym::new).to_vec();
    let columns = vec![
        K::list(workers.iter().map(|_| K::Null).collect()),
        K::syms(workers.iter().map(|worker| Sym::new(&worker.name)).collect()),
        K::list(workers.iter().map(|_| K::str(address)).collect()),
        K::list(workers.iter().map(|worker| K::longs(worker.partitions.clone())).collect()),
        K::vec(formats::k::Type::Timestamp, workers.iter().map(started).collect::<Vec<_>>()),
    ];
    K::table(names, columns)
}
