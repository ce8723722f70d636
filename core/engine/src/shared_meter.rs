//! Series of caches and rate limits, counted by their owner (spec/benthos-components.md §F).

use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use plan::env::{Counter, Timing};
use plan::shared::{CacheError, CacheOp, CacheResult};
use plan::{Cache, Component, Meters, RateLimit};

use crate::build::ComponentMeters;
use crate::metrics::Series;

fn meters(series: &Series, of: &Component) -> ComponentMeters {
    // It belongs to no stream.
    ComponentMeters::new(series.clone(), String::new(), of, "")
}

/// Counts of one thing that is done with a cache.
struct OpCells {
    success: Counter,
    error: Counter,
    /// What was not found, or there already, where that can be.
    refused: Counter,
    latency: Timing,
}

impl OpCells {
    fn new(meters: &ComponentMeters, operation: &str, refused: Option<&str>) -> Self {
        let labels = [("operation", operation)];
        OpCells {
            success: meters.counter("cache_success", &labels),
            error: meters.counter("cache_error", &labels),
            refused: refused.map_or_else(Counter::default, |name| meters.counter(name, &labels)),
            latency: meters.timing("cache_latency_ns", &labels),
        }
    }

    fn count(&self, result: &CacheResult, ns: u64) {
        match result {
            Ok(_) => self.success.add(1),
            Err(CacheError::NotFound | CacheError::Exists) => self.refused.add(1),
            Err(CacheError::Other(_)) => self.error.add(1),
        }
        self.latency.record(ns, 1);
    }
}

/// A cache with its counts.
pub(crate) struct MeteredCache {
    inner: Rc<dyn Cache>,
    get: OpCells,
    set: OpCells,
    add: OpCells,
    delete: OpCells,
}

impl MeteredCache {
    pub(crate) fn wrap(inner: Rc<dyn Cache>, series: &Series, of: &Component) -> Rc<dyn Cache> {
        let meters = meters(series, of);
        Rc::new(MeteredCache {
            inner,
            get: OpCells::new(&meters, "get", Some("cache_not_found")),
            set: OpCells::new(&meters, "set", None),
            add: OpCells::new(&meters, "add", Some("cache_duplicate")),
            delete: OpCells::new(&meters, "delete", None),
        })
    }

    fn cells(&self, op: &CacheOp) -> &OpCells {
        match op {
            CacheOp::Get { .. } => &self.get,
            CacheOp::Set { .. } => &self.set,
            CacheOp::Add { .. } => &self.add,
            CacheOp::Delete { .. } => &self.delete,
        }
    }
}

impl Cache for MeteredCache {
    fn run(&self, ops: Vec<CacheOp>) -> LocalBoxFuture<'_, Vec<CacheResult>> {
        Box::pin(async move {
            let cells: Vec<&OpCells> = ops.iter().map(|op| self.cells(op)).collect();
            let start = rt::now();
            let results = self.inner.run(ops).await;
            // What is asked for together is done together: each has its share of the time.
            let ns = rt::now().since(start).as_nanos() as u64 / cells.len().max(1) as u64;
            cells.iter().zip(&results).for_each(|(cells, result)| cells.count(result, ns));
            results
        })
    }
}

/// A rate limit with its counts.
pub(crate) struct MeteredLimit {
    inner: Rc<dyn RateLimit>,
    checked: Counter,
    triggered: Counter,
    error: Counter,
}

impl MeteredLimit {
    pub(crate) fn wrap(
        inner: Rc<dyn RateLimit>,
        series: &Series,
        of: &Component,
    ) -> Rc<dyn RateLimit> {
        let meters = meters(series, of);
        let counter = |name: &str| meters.counter(name, &[]);
        Rc::new(MeteredLimit {
            inner,
            checked: counter("rate_limit_checked"),
            triggered: counter("rate_limit_triggered"),
            error: counter("rate_limit_error"),
        })
    }
}

impl RateLimit for MeteredLimit {
    fn access(&self) -> LocalBoxFuture<'_, Result<u64, String>> {
        Box::pin(async move {
            self.checked.add(1);
            let granted = self.inner.access().await;
            match &granted {
                Ok(0) => {}
                Ok(_) => self.triggered.add(1),
                Err(_) => self.error.add(1),
            }
            granted
        })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::metrics::MetricValue;

    struct Answers(CacheResult, Result<u64, String>);

    impl Cache for Answers {
        fn run(&self, ops: Vec<CacheOp>) -> LocalBoxFuture<'_, Vec<CacheResult>> {
            Box::pin(std::future::ready(vec![self.0.clone(); ops.len()]))
        }
    }

    impl RateLimit for Answers {
        fn access(&self) -> LocalBoxFuture<'_, Result<u64, String>> {
            Box::pin(std::future::ready(self.1.clone()))
        }
    }

    fn count(series: &Series, name: &str, operation: Option<&str>) -> u64 {
        let found = series.snapshot().into_iter().find(|metric| {
            let label = |key: &str| metric.labels.iter().find(|(k, _)| k == key);
            let value = |key: &str| label(key).map(|(_, value)| value.as_str());
            metric.name == name && value("operation") == operation && value("label") == Some("x")
        });
        match found.map(|metric| metric.value) {
            Some(MetricValue::Counter(n)) => n,
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn each_answer_counts_as_what_it_is() {
        let series = Series::default();
        let of = Component { label: "x".to_owned(), ..Component::default() };
        let key = || b"k".to_vec();
        for result in [Ok(None), Err(CacheError::NotFound), Err(CacheError::Other("no".into()))] {
            let cache = MeteredCache::wrap(Rc::new(Answers(result, Ok(0))), &series, &of);
            let ops = vec![CacheOp::Get { key: key() }, CacheOp::Delete { key: key() }];
            cache.run(ops).now_or_never().unwrap();
        }
        let cache = Answers(Err(CacheError::Exists), Ok(0));
        let cache = MeteredCache::wrap(Rc::new(cache), &series, &of);
        let add = CacheOp::Add { key: key(), value: key(), ttl_ns: None };
        cache.run(vec![add.clone(), add]).now_or_never().unwrap();
        let get = |name| count(&series, name, Some("get"));
        assert_eq!([get("cache_success"), get("cache_not_found"), get("cache_error")], [1, 1, 1]);
        assert_eq!(count(&series, "cache_duplicate", Some("add")), 2);
        assert_eq!(count(&series, "cache_error", Some("delete")), 1);

        for answer in [Ok(0), Ok(5), Err("no".to_owned())] {
            let limit = MeteredLimit::wrap(Rc::new(Answers(Ok(None), answer)), &series, &of);
            let _ = limit.access().now_or_never().unwrap();
        }
        let names = ["rate_limit_checked", "rate_limit_triggered", "rate_limit_error"];
        assert_eq!(names.map(|name| count(&series, name, None)), [3, 1, 1]);
    }
}
