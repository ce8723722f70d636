//! Series as this API writes them, and those of streams that are gone
//! (spec/benthos-streams-api.md §2, §5).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use engine::{Metric, MetricValue};
use hdrhistogram::Histogram;
use plan::Json;
use serde_json::{Map, json};

/// Most series kept of streams that are gone; further ones are forgotten with their stream.
pub(super) const HISTORY_MAX: usize = 100_000;

/// The name of a series and its labels.
pub type SeriesKey = (String, Vec<(String, String)>);

/// Sums of the series of streams that are gone.
#[derive(Default)]
pub(super) struct History {
    kept: AtomicBool,
    series: Mutex<BTreeMap<SeriesKey, MetricValue>>,
}

impl History {
    /// Begins to keep series.
    pub(super) fn keep(&self) {
        self.kept.store(true, Ordering::Relaxed);
    }

    /// Whether series are kept.
    pub(super) fn is_kept(&self) -> bool {
        self.kept.load(Ordering::Relaxed)
    }

    /// Adds the series of a stream that is gone.
    pub(super) fn add(&self, metrics: Vec<Metric>) {
        if metrics.is_empty() {
            return;
        }
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        for metric in metrics {
            let key = (metric.name, metric.labels);
            let room = series.len() < HISTORY_MAX;
            match series.get_mut(&key) {
                Some(sum) => sum_up(sum, metric.value),
                None if room => drop(series.insert(key, metric.value)),
                None => {}
            }
        }
    }

    /// What is kept together with the series of streams that are there, in order.
    pub(super) fn with(&self, metrics: Vec<Metric>) -> Vec<Metric> {
        let series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = series.clone();
        drop(series);
        for metric in metrics {
            match all.get_mut(&(metric.name.clone(), metric.labels.clone())) {
                Some(sum) => sum_up(sum, metric.value),
                None => drop(all.insert((metric.name, metric.labels), metric.value)),
            }
        }
        let metric = |((name, labels), value)| Metric { name, labels, value };
        all.into_iter().map(metric).collect()
    }
}

pub(super) fn sum_up(sum: &mut MetricValue, more: MetricValue) {
    match (sum, more) {
        (MetricValue::Counter(sum), MetricValue::Counter(more)) => *sum = sum.saturating_add(more),
        (MetricValue::Timing(sum), MetricValue::Timing(more)) => {
            if sum.add(&*more).is_err() {
                // The bounds of the newer one hold its own values at least.
                *sum = more;
            }
        }
        (sum, more) => *sum = more,
    }
}

pub(super) fn labels_text(labels: &[(String, String)], extra: Option<(&str, &str)>) -> String {
    let mut text = String::new();
    let pairs = labels.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    for (key, value) in pairs.chain(extra) {
        let comma = if text.is_empty() { "" } else { "," };
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let _ = write!(text, "{comma}{key}=\"{value}\"");
    }
    text
}

const QUANTILES: [(f64, &str); 3] = [(0.5, "p50"), (0.9, "p90"), (0.99, "p99")];

fn timing(histogram: &Histogram<u64>) -> Json {
    let value = |(q, name): (f64, &str)| {
        (
            name.to_owned(),
            json!(if histogram.is_empty() { 0 } else { histogram.value_at_quantile(q) }),
        )
    };
    Json::Object(QUANTILES.into_iter().map(value).collect())
}

/// One flat object: each series by its name with its labels, and how long everything has run.
pub(super) fn flat(metrics: &[Metric], uptime_ns: u64) -> Json {
    let mut sorted = BTreeMap::new();
    for metric in metrics {
        let labels = labels_text(&metric.labels, None);
        let key = match labels.as_str() {
            "" => metric.name.clone(),
            _ => format!("{}{{{labels}}}", metric.name),
        };
        let value = match &metric.value {
            MetricValue::Counter(n) => json!(n),
            // Whole numbers only, as users of this format know them.
            MetricValue::Gauge(value) => json!(*value as i64),
            MetricValue::Timing(histogram) => timing(histogram),
        };
        sorted.insert(key, value);
    }
    sorted.insert("uptime_ns".to_owned(), json!(uptime_ns));
    Json::Object(Map::from_iter(sorted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter(name: &str, stream: &str, n: u64) -> Metric {
        let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let labels =
            vec![label("label", "a\"b"), label("path", "root.input"), label("stream", stream)];
        Metric { name: name.into(), labels, value: MetricValue::Counter(n) }
    }

    fn times(ns: &[u64]) -> Metric {
        let mut histogram = Histogram::new(2).unwrap();
        ns.iter().for_each(|ns| histogram.record(*ns).unwrap());
        let value = MetricValue::Timing(Box::new(histogram));
        Metric { name: "t".into(), labels: Vec::new(), value }
    }

    #[test]
    fn series_are_flat_and_in_order() {
        let got = flat(&[times(&[100, 100]), times(&[]), counter("n", "s", 5)], 7);
        let want = r#"{"n{label=\"a\\\"b\",path=\"root.input\",stream=\"s\"}":5,"#.to_owned()
            + r#""t":{"p50":0,"p90":0,"p99":0},"uptime_ns":7}"#;
        assert_eq!(got.to_string(), want);
        let text = flat(&[times(&[100, 100])], 0).to_string();
        assert_eq!(text, r#"{"t":{"p50":100,"p90":100,"p99":100},"uptime_ns":0}"#);
    }

    #[test]
    fn streams_that_are_gone_are_added_to_those_there_are() {
        let history = History::default();
        history.add(vec![counter("n", "a", 2), times(&[10])]);
        history.add(vec![counter("n", "a", 3)]);
        let all = history.with(vec![counter("n", "a", 5), counter("n", "b", 1), times(&[20])]);
        let numbers: Vec<u64> = all
            .iter()
            .map(|metric| match &metric.value {
                MetricValue::Counter(n) => *n,
                MetricValue::Gauge(value) => *value as u64,
                MetricValue::Timing(histogram) => histogram.len(),
            })
            .collect();
        assert_eq!(numbers, [10, 1, 2]);
    }

    #[test]
    fn what_is_kept_of_streams_that_are_gone_is_bounded() {
        let history = History::default();
        for i in 0..HISTORY_MAX + 10 {
            history.add(vec![counter("n", &i.to_string(), 1)]);
        }
        assert_eq!(history.with(Vec::new()).len(), HISTORY_MAX);
    }
}
