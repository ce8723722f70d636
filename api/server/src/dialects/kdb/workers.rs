//! The workers of a pipeline as its Controller shows them (spec/kdb-rest.md §2).

use engine::{PipelineView, Rates, State, WorkerView};
use plan::{Json, Role};
use serde_json::json;

/// A worker of a pipeline: its q environment, or one of several.
#[derive(Clone, Debug, PartialEq)]
pub struct Worker {
    /// Its name, which no other has and which changes with every start.
    pub name: String,
    /// The partitions that it reads.
    pub partitions: Vec<i64>,
    /// Nanoseconds since the Unix epoch at which it started.
    pub started_unix_ns: i128,
    /// What it has done.
    numbers: WorkerView,
}

/// The workers of a pipeline.
#[must_use]
pub fn workers(view: &PipelineView) -> Vec<Worker> {
    let runs = matches!(view.state, State::Running | State::Stopping);
    // What could not be loaded has nothing to run.
    if !runs || view.spec.plan.nodes.is_empty() {
        return Vec::new();
    }
    let only = || WorkerView {
        instance: view.instance,
        started_unix_ns: view.started_unix_ns,
        events: view.events,
        bytes: view.bytes,
        errors: view.errors,
        rates: view.rates,
    };
    let all = if view.workers.is_empty() { vec![only()] } else { view.workers.clone() };
    let of = all.len();
    let worker = |(at, numbers): (usize, WorkerView)| Worker {
        name: format!("spworker-{:012x}", number(&view.spec.key.id, numbers.instance)),
        partitions: partitions(view, at, of),
        started_unix_ns: numbers.started_unix_ns,
        numbers,
    };
    all.into_iter().enumerate().map(worker).collect()
}

/// A number of 48 bits for an instance of a pipeline (FNV-1a).
fn number(id: &str, instance: u64) -> u64 {
    let bytes = id.bytes().chain(instance.to_le_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash >> 16
}

/// The partitions of one of so many workers, which share those that the readers name evenly: the
/// numbers that they have, or their places where they have names. Where none are named, each worker
/// has the one of its own number.
fn partitions(view: &PipelineView, worker: usize, of: usize) -> Vec<i64> {
    let readers = view.spec.plan.nodes.iter().filter(|node| node.role == Role::Source);
    let named = readers.filter_map(|node| node.component.config.get("partitions")?.as_array());
    let named: Vec<&Vec<Json>> = named.collect();
    let mine = |names: &&Vec<Json>| -> Vec<i64> {
        let all = names.iter().zip(0_i64..).map(|(name, at)| name.as_i64().unwrap_or(at));
        all.skip(worker).step_by(of.max(1)).collect()
    };
    let mut all: Vec<i64> = named.iter().flat_map(mine).collect();
    all.sort_unstable();
    all.dedup();
    if named.is_empty() { vec![i64::try_from(worker).unwrap_or_default()] } else { all }
}

/// A time as `2021-06-28T16:19:54.913Z`.
fn time(unix_ns: i128) -> String {
    let Ok(at) = jiff::Timestamp::from_nanosecond(unix_ns) else { return String::new() };
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// What `/workers` shows; `address` is where callbacks are called.
pub(super) fn shown(view: &PipelineView, address: &str) -> Json {
    let one = |worker: Worker| {
        json!({
            "id": null,
            "name": worker.name,
            "address": address,
            "partitions": worker.partitions,
            "startTime": time(worker.started_unix_ns),
            "events": worker.numbers.events,
            "bytes": worker.numbers.bytes,
            "errors": worker.numbers.errors,
        })
    };
    workers(view).into_iter().map(one).collect()
}

/// What `/metrics` shows: each worker, then all of them together.
pub(super) fn metrics(view: &PipelineView) -> Json {
    let each = workers(view).into_iter().map(|worker| (worker.name, worker.numbers.rates));
    let one = |(name, rates): (String, Rates)| {
        json!({
            "name": name,
            "ts": time(view.seen_unix_ns),
            "eventRate": rates.events_per_s,
            "bytesRate": rates.bytes_per_s,
            "latency": rates.latency_ms,
        })
    };
    each.chain([("_total".to_owned(), view.rates)]).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::super::views::tests::view;
    use super::*;

    /// The name of the only worker.
    fn name(view: &PipelineView) -> String {
        let [worker] = <[Worker; 1]>::try_from(workers(view)).unwrap();
        worker.name
    }

    #[test]
    fn each_of_several_workers_has_its_numbers_and_its_share_of_the_partitions() {
        let mut running = view("pipelines", Json::Null, State::Running);
        let numbers = |instance: u64| WorkerView {
            instance,
            started_unix_ns: 0,
            events: instance,
            bytes: 10 * instance,
            errors: 0,
            rates: Rates { events_per_s: instance as f64, ..Rates::default() },
        };
        running.workers = vec![numbers(1), numbers(7)];
        (running.events, running.rates.events_per_s) = (8, 8.0);
        let column = |view: &PipelineView, name: &str| -> Vec<Json> {
            let all = shown(view, "");
            all.as_array().unwrap().iter().map(|worker| worker[name].clone()).collect()
        };
        assert_eq!(column(&running, "events"), [1, 7]);
        assert_eq!(column(&running, "partitions"), [json!([0]), json!([1])], "by their numbers");
        let rates: Vec<Json> = metrics(&running).as_array().unwrap().clone();
        let rates: Vec<&Json> = rates.iter().map(|worker| &worker["eventRate"]).collect();
        assert_eq!(rates, [&json!(1.0), &json!(7.0), &json!(8.0)]);
        let with = |partitions: Json| {
            let mut view = running.clone();
            let mut spec = engine::PipelineSpec::clone(&view.spec);
            std::sync::Arc::make_mut(&mut spec.plan).nodes[0].component.config["partitions"] =
                partitions;
            view.spec = std::sync::Arc::new(spec);
            column(&view, "partitions")
        };
        assert_eq!(with(json!(["a", "b", "c"])), [json!([0, 2]), json!([1])]);
        assert_eq!(with(json!([10, 20, 30])), [json!([10, 30]), json!([20])]);
        assert_eq!(with(json!([10])), [json!([10]), json!([])]);
    }

    #[test]
    fn a_pipeline_that_runs_has_a_worker_with_its_numbers() {
        let mut running = view("pipelines", Json::Null, State::Running);
        running.started_unix_ns = 1_624_897_194_913_000_000;
        (running.events, running.bytes, running.errors) = (5, 40, 1);
        let shown = shown(&running, "127.0.0.1:5001");
        assert_eq!(
            shown,
            json!([{
                "id": null, "name": name(&running), "address": "127.0.0.1:5001",
                "partitions": [0], "startTime": "2021-06-28T16:19:54.913Z",
                "events": 5, "bytes": 40, "errors": 1,
            }])
        );
        let before = name(&running);
        assert_eq!(before.len(), "spworker-9428137c94ae".len());
        running.instance += 1;
        assert_ne!(name(&running), before, "another start, another worker");
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
        assert_eq!(metrics[0]["name"], name(&running));
        assert_eq!(metrics[1]["name"], "_total");
        for at in [0, 1] {
            assert_eq!(metrics[at]["ts"], "2021-06-28T16:20:45.672Z");
            assert_eq!(metrics[at]["eventRate"], 119_400.708);
            assert_eq!(metrics[at]["latency"], 18.0);
        }
    }
}
