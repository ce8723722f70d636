//! The workers of a pipeline as its Controller shows them (spec/kdb-rest.md §2).

use engine::{PipelineView, State};
use plan::{Json, Role};
use serde_json::json;

/// A worker of a pipeline. There is one for as long as the pipeline runs: its q environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    /// Its name, which no other has and which changes with every start.
    pub name: String,
    /// The partitions that it reads.
    pub partitions: Vec<i64>,
    /// Nanoseconds since the Unix epoch at which it started.
    pub started_unix_ns: i128,
}

/// The worker of a pipeline.
#[must_use]
pub fn worker(view: &PipelineView) -> Option<Worker> {
    let runs = matches!(view.state, State::Running | State::Stopping);
    // What could not be loaded has nothing to run.
    (runs && !view.spec.plan.nodes.is_empty()).then(|| Worker {
        name: format!("spworker-{:012x}", number(&view.spec.key.id, view.instance)),
        partitions: partitions(view),
        started_unix_ns: view.started_unix_ns,
    })
}

/// A number of 48 bits for an instance of a pipeline (FNV-1a).
fn number(id: &str, instance: u64) -> u64 {
    let bytes = id.bytes().chain(instance.to_le_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash >> 16
}

/// The partitions that the readers of a pipeline name; the first where they name none.
fn partitions(view: &PipelineView) -> Vec<i64> {
    let readers = view.spec.plan.nodes.iter().filter(|node| node.role == Role::Source);
    let named = readers.filter_map(|node| node.component.config.get("partitions"));
    let mut all: Vec<i64> =
        named.filter_map(Json::as_array).flatten().filter_map(Json::as_i64).collect();
    all.sort_unstable();
    all.dedup();
    if all.is_empty() { vec![0] } else { all }
}

/// A time as `2021-06-28T16:19:54.913Z`.
fn time(unix_ns: i128) -> String {
    let Ok(at) = jiff::Timestamp::from_nanosecond(unix_ns) else { return String::new() };
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// An element of `/workers`; `address` is where callbacks are called.
pub(super) fn shown(view: &PipelineView, address: &str) -> Json {
    let one = |worker: Worker| {
        json!({
            "id": null,
            "name": worker.name,
            "address": address,
            "partitions": worker.partitions,
            "startTime": time(worker.started_unix_ns),
            "events": view.events,
            "bytes": view.bytes,
            "errors": view.errors,
        })
    };
    worker(view).map(one).into_iter().collect()
}

/// What `/metrics` shows: each worker, then all of them together.
pub(super) fn metrics(view: &PipelineView) -> Json {
    let names = worker(view).map(|worker| worker.name).into_iter().chain(["_total".to_owned()]);
    let one = |name: String| {
        json!({
            "name": name,
            "ts": time(view.seen_unix_ns),
            "eventRate": view.rates.events_per_s,
            "bytesRate": view.rates.bytes_per_s,
            "latency": view.rates.latency_ms,
        })
    };
    names.map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::super::views::tests::view;
    use super::*;

    #[test]
    fn a_pipeline_that_runs_has_a_worker_with_its_numbers() {
        let mut running = view("pipelines", Json::Null, State::Running);
        running.started_unix_ns = 1_624_897_194_913_000_000;
        (running.events, running.bytes, running.errors) = (5, 40, 1);
        let shown = shown(&running, "127.0.0.1:5001");
        assert_eq!(
            shown,
            json!([{
                "id": null, "name": worker(&running).unwrap().name, "address": "127.0.0.1:5001",
                "partitions": [0], "startTime": "2021-06-28T16:19:54.913Z",
                "events": 5, "bytes": 40, "errors": 1,
            }])
        );
        let name = worker(&running).unwrap().name;
        assert_eq!(name.len(), "spworker-9428137c94ae".len());
        running.instance += 1;
        assert_ne!(worker(&running).unwrap().name, name, "another start, another worker");
    }

    #[test]
    fn a_pipeline_that_has_ended_has_none() {
        for state in [State::Finished, State::Stopped, State::Failed("type".to_owned())] {
            let ended = view("pipelines", Json::Null, state);
            assert_eq!(shown(&ended, ""), json!([]));
            let metrics = metrics(&ended);
            assert_eq!(metrics.as_array().map(Vec::len), Some(1), "{metrics}");
            assert_eq!(metrics[0]["name"], "_total");
        }
    }

    #[test]
    fn the_last_metrics_are_those_of_all_workers() {
        let mut running = view("pipelines", Json::Null, State::Running);
        running.seen_unix_ns = 1_624_897_245_672_000_000;
        running.rates =
            engine::Rates { events_per_s: 119_400.708, bytes_per_s: 311_912.823, latency_ms: 18.0 };
        let metrics = metrics(&running);
        let keys = |at: usize| metrics[at].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(0), ["name", "ts", "eventRate", "bytesRate", "latency"]);
        assert_eq!(metrics[0]["name"], worker(&running).unwrap().name);
        assert_eq!(metrics[1]["name"], "_total");
        for at in [0, 1] {
            assert_eq!(metrics[at]["ts"], "2021-06-28T16:20:45.672Z");
            assert_eq!(metrics[at]["eventRate"], 119_400.708);
            assert_eq!(metrics[at]["latency"], 18.0);
        }
    }
}
