//! What becomes of the metrics of the process besides being asked for: their names by a mapping,
//! lines in the log, a file at the end.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bloblang::local::Local;
use bloblang::mapping::{Mapping, Outcome};
use config::service::metrics::{Exporter, Logger, Metrics};
use engine::{Metric, MetricValue};
use formats::value::Value;
use plan::Json;
use plan::serde_json::{Map, json};
use plan::{Body, Record, Records};
use server::dialects::benthos::{Renames, SeriesKey, Streams};

use crate::boot::wait;

/// The mapping of a configuration as what renames series; nothing for an empty one.
///
/// # Errors
/// What is wrong with the mapping.
pub(crate) fn renames(mapping: &str) -> Result<Option<Renames>, String> {
    if mapping.is_empty() {
        return Ok(None);
    }
    Mapping::parse(mapping, &Local::setup())
        .map_err(|e| format!("failed to parse metrics mapping: {}", e.caret(mapping)))?;
    let text = mapping.to_owned();
    let rename = move |name: &str, labels: &[(String, String)]| with(&text, name, labels);
    Ok(Some(Renames::new(Arc::new(rename))))
}

thread_local! {
    /// The mapping of the process as this thread runs it.
    static PARSED: RefCell<Option<(String, Mapping)>> = const { RefCell::new(None) };
}

fn with(text: &str, name: &str, labels: &[(String, String)]) -> Option<SeriesKey> {
    PARSED.with_borrow_mut(|parsed| {
        if parsed.as_ref().is_none_or(|(of, _)| of != text) {
            let mapping = Mapping::parse(text, &Local::setup()).ok();
            *parsed = mapping.map(|mapping| (text.to_owned(), mapping));
        }
        match parsed {
            Some((_, mapping)) => rename(mapping, name, labels),
            None => Some((name.to_owned(), labels.to_vec())),
        }
    })
}

/// Runs the mapping on a message whose document is the name of the series and whose metadata are
/// its labels. A series on which it fails keeps both.
fn rename(mapping: &Mapping, name: &str, labels: &[(String, String)]) -> Option<SeriesKey> {
    let mut records = Records::from_bodies([Vec::new()]);
    if let Some(record) = records.recs.first_mut() {
        set_up(record, name, labels);
    }
    let mapped = mapping.map(&records, 0);
    let as_it_is = || Some((name.to_owned(), labels.to_vec()));
    if let Some(error) = mapped.error {
        tracing::error!("Failed to apply path mapping on '{name}': {error}");
        return as_it_is();
    }
    let name = match mapped.outcome {
        Outcome::Deleted => return None,
        Outcome::Unchanged => name.to_owned(),
        Outcome::Is(Value::String(text)) => text.to_str_lossy().into_owned(),
        Outcome::Is(other) => {
            let kind = bloblang::val::type_name(&other);
            tracing::error!("Path mapping returned invalid result, expected string, found {kind}");
            return as_it_is();
        }
    };
    let labels = match mapped.meta {
        None => labels.to_vec(),
        Some(meta) => meta.iter().map(|(key, value)| (key.to_owned(), text_of(value))).collect(),
    };
    Some((name, labels))
}

fn set_up(record: &mut Record, name: &str, labels: &[(String, String)]) {
    record.body = Body::Doc(Arc::new(Value::text(name)));
    for (key, value) in labels {
        record.meta_mut().set(key.as_str(), Value::text(value.as_str()));
    }
}

fn text_of(value: &Value) -> String {
    let mut records = Records::from_bodies([Vec::new()]);
    if let Some(record) = records.recs.first_mut() {
        record.body = Body::Doc(Arc::new(value.clone()));
    }
    String::from_utf8_lossy(records.bytes(0, &mut Vec::new())).into_owned()
}

/// Writes metrics to the log or a file for as long as the service runs.
pub(crate) struct Reporting {
    reporter: Reporter,
    ticking: Option<(flume::Sender<()>, JoinHandle<Reporter>)>,
}

impl Reporting {
    /// Starts what a configuration wants.
    ///
    /// # Errors
    /// The thread does not start.
    pub(crate) fn start(
        streams: &Arc<Streams>,
        metrics: &Metrics,
        renames: Option<Renames>,
    ) -> Result<Self, String> {
        if let Exporter::Prometheus(config) = &metrics.exporter
            && config.add_go_metrics
        {
            tracing::warn!("metrics.prometheus.add_go_metrics: there is no Go to be measured here");
        }
        let exporter = metrics.exporter.clone();
        let interval = match &exporter {
            Exporter::Logger(logger) => {
                logger.push_interval.map(|every| Duration::from_nanos(every.wait_ns()))
            }
            _ => None,
        };
        if !matches!(exporter, Exporter::None) {
            streams.keep_metrics();
        }
        let before = HashMap::new();
        let streams = Arc::clone(streams);
        let reporter = Reporter { streams, renames, exporter, before };
        let Some(interval) = interval.filter(|every| !every.is_zero()) else {
            return Ok(Reporting { reporter, ticking: None });
        };
        let (sender, ended) = flume::bounded(0);
        let mut ticking = reporter.clone();
        let body = move || {
            while let Err(flume::RecvTimeoutError::Timeout) = ended.recv_timeout(interval) {
                ticking.report();
            }
            ticking
        };
        let thread = thread::Builder::new().name("metrics".to_owned()).spawn(body);
        let thread = thread.map_err(|e| format!("the thread for metrics did not start: {e}"))?;
        Ok(Reporting { reporter, ticking: Some((sender, thread)) })
    }

    /// Writes metrics a last time. Call it while the engine still answers.
    pub(crate) fn finish(mut self) {
        if let Some((sender, thread)) = self.ticking.take() {
            drop(sender);
            if let Ok(reporter) = thread.join() {
                self.reporter = reporter;
            }
        }
        self.reporter.report_last();
    }
}

#[derive(Clone)]
struct Reporter {
    streams: Arc<Streams>,
    renames: Option<Renames>,
    exporter: Exporter,
    /// What was written last, where each time counts from the time before.
    before: HashMap<SeriesKey, MetricValue>,
}

impl Reporter {
    fn report(&mut self) {
        let Exporter::Logger(logger) = &self.exporter else { return };
        let logger = logger.clone();
        let Ok(metrics) = wait(self.streams.metrics(self.renames.as_ref())) else { return };
        for metric in metrics {
            log(&self.since(&logger, metric));
        }
    }

    fn report_last(&mut self) {
        self.report();
        let Exporter::Prometheus(config) = &self.exporter else { return };
        if config.file_output_path.is_empty() {
            return;
        }
        let Ok(metrics) = wait(self.streams.metrics(self.renames.as_ref())) else { return };
        let text = self.streams.prometheus_text(&metrics, config);
        if let Err(error) = std::fs::write(&config.file_output_path, text) {
            tracing::error!("Failed to write metrics to {}: {error}", config.file_output_path);
        }
    }

    /// The series since it was written last, or since its beginning.
    fn since(&mut self, logger: &Logger, metric: Metric) -> Metric {
        if !logger.flush_metrics {
            return metric;
        }
        let key = (metric.name.clone(), metric.labels.clone());
        let before = self.before.insert(key, metric.value.clone());
        let value = match (metric.value, before) {
            (MetricValue::Counter(now), Some(MetricValue::Counter(before))) => {
                // A stream that was made anew counts from its beginning.
                MetricValue::Counter(now.checked_sub(before).unwrap_or(now))
            }
            (MetricValue::Timing(mut now), Some(MetricValue::Timing(before))) => {
                if before.len() <= now.len() {
                    let _ = now.subtract(&*before);
                }
                MetricValue::Timing(now)
            }
            (now, _) => now,
        };
        Metric { value, ..metric }
    }
}

/// Writes one series as a line.
fn log(metric: &Metric) {
    let mut fields: Map<String, Json> =
        metric.labels.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    fields.insert("name".into(), json!(metric.name));
    match &metric.value {
        MetricValue::Counter(n) => {
            fields.insert("value".into(), json!(n));
            tracing::info!(fields = Json::Object(fields).to_string(), "Counter metric");
        }
        MetricValue::Gauge(value) => {
            fields.insert("value".into(), json!(*value as i64));
            tracing::info!(fields = Json::Object(fields).to_string(), "Gauge metric");
        }
        MetricValue::Timing(times) => {
            for (key, quantile) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)] {
                let value = if times.is_empty() { 0 } else { times.value_at_quantile(quantile) };
                fields.insert(key.into(), json!(value));
            }
            tracing::info!(fields = Json::Object(fields).to_string(), "Timing metric");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renamed(mapping: &str, name: &str) -> Option<String> {
        let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let labels = [label("label", ""), label("path", "root.input")];
        with(mapping, name, &labels).map(|(name, labels)| {
            let labels: Vec<String> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
            format!("{name}{{{}}}", labels.join(","))
        })
    }

    #[test]
    fn a_mapping_renames_drops_and_sets_labels() {
        let same = |name: &str| Some(format!("{name}{{label=,path=root.input}}"));
        assert_eq!(renamed("root = this", "n"), same("n"));
        assert_eq!(renamed("root = this.uppercase()", "n"), same("N"));
        let added = Some("n{foo=5,label=,path=root.input}");
        assert_eq!(renamed("meta foo = 5", "n").as_deref(), added);
        assert_eq!(renamed("meta = {\"a\": @path}", "n").as_deref(), Some("n{a=root.input}"));
        assert_eq!(renamed("meta path = deleted()", "n").as_deref(), Some("n{label=}"));
        let only = "root = if this != \"n\" { deleted() }";
        assert_eq!(renamed(only, "n"), same("n"));
        assert_eq!(renamed(only, "m"), None);
    }

    #[test]
    fn a_mapping_that_fails_changes_nothing() {
        let same = Some("n{label=,path=root.input}".to_owned());
        for mapping in ["root = throw(\"no\")", "root = 5", "root = this.a.b.number()"] {
            assert_eq!(renamed(mapping, "n"), same, "{mapping}");
        }
        assert!(renames("").unwrap().is_none());
        assert!(renames("root = !!").err().unwrap().starts_with("failed to parse metrics mapping"));
    }
}
