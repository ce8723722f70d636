//! Where the service's own metrics go: the `metrics` section (spec/benthos-components.md §F).

use plan::Json;
use plan::fields::Duration;
use plan::serde_json::{self, Map};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a `metrics` section says.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// Where they go.
    pub exporter: Exporter,
    /// A mapping that renames and drops series and sets their labels; empty for none.
    pub mapping: String,
}

/// Where metrics go.
#[derive(Clone, Debug, Default)]
pub enum Exporter {
    /// Nowhere.
    #[default]
    None,
    /// To whoever asks, as JSON.
    Json,
    /// To whoever asks, in Prometheus's text format.
    Prometheus(Prometheus),
    /// To the log.
    Logger(Logger),
}

/// Metrics as log lines, when the service stops and as often as wanted before.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Logger {
    /// How often they are written while the service runs; empty for only at its end.
    pub push_interval: Option<Duration>,
    /// Whether each line counts from the line before, not from the start.
    pub flush_metrics: bool,
}

/// Metrics in Prometheus's text format at `/metrics` and `/stats`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Prometheus {
    /// Whether durations are histograms in seconds instead of summaries in nanoseconds.
    pub use_histogram_timing: bool,
    /// Upper bounds of the histograms' buckets in seconds; empty for Prometheus's own.
    pub histogram_buckets: Vec<f64>,
    /// Which quantiles summaries have.
    pub summary_quantiles_objectives: Vec<Objective>,
    /// Whether there are metrics of the process itself: memory, processor time, files, threads.
    pub add_process_metrics: bool,
    /// Understood for files written for a program in Go; there is no Go here to be measured.
    pub add_go_metrics: bool,
    /// A file to which the metrics are written when the service stops; empty for none.
    pub file_output_path: String,
}

impl Default for Prometheus {
    fn default() -> Self {
        let objective = |quantile, error| Objective { quantile, error };
        Prometheus {
            use_histogram_timing: false,
            histogram_buckets: Vec::new(),
            summary_quantiles_objectives: vec![
                objective(0.5, 0.05),
                objective(0.9, 0.01),
                objective(0.99, 0.001),
            ],
            add_process_metrics: false,
            add_go_metrics: false,
            file_output_path: String::new(),
        }
    }
}

/// A quantile of a summary.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Objective {
    /// The quantile, from 0 to 1.
    pub quantile: f64,
    /// How far off it may be. Every quantile is exact to a hundredth here.
    pub error: f64,
}

/// Most buckets and quantiles that are taken.
const BOUNDS_MAX: usize = 256;

impl Metrics {
    /// Reads a `metrics` section: one key names where metrics go.
    ///
    /// # Errors
    /// What does not fit.
    pub fn of(section: &Json) -> Result<Self, String> {
        let empty = Map::new();
        let keys = section.as_object().unwrap_or(&empty);
        let mapping = match keys.get("mapping") {
            None | Some(Json::Null) => String::new(),
            Some(Json::String(text)) => text.clone(),
            Some(_) => return Err("metrics.mapping: expected string value".to_owned()),
        };
        let named = keys.iter().find(|(key, _)| !matches!(key.as_str(), "mapping" | "type"));
        let explicit = keys.get("type").and_then(Json::as_str);
        let name = named.map(|(name, _)| name.as_str()).or(explicit).unwrap_or("none");
        let config = named.map_or(Json::Null, |(_, config)| config.clone());
        let exporter = match name {
            "none" => Exporter::None,
            "json_api" => Exporter::Json,
            "prometheus" => Exporter::Prometheus(Prometheus::checked(read(name, config)?)?),
            "logger" => Exporter::Logger(read(name, without_empty(config))?),
            other => return Err(format!("metrics type '{other}' was not recognised")),
        };
        Ok(Metrics { exporter, mapping })
    }
}

fn read<T: Default + serde::de::DeserializeOwned>(name: &str, config: Json) -> Result<T, String> {
    match config {
        Json::Null => Ok(T::default()),
        config => serde_json::from_value(config).map_err(|e| format!("metrics.{name}: {e}")),
    }
}

/// An empty text stands for no duration.
fn without_empty(mut config: Json) -> Json {
    if let Some(fields) = config.as_object_mut() {
        fields.retain(|_, value| value.as_str() != Some(""));
    }
    config
}

impl Prometheus {
    fn checked(self) -> Result<Self, String> {
        let buckets = &self.histogram_buckets;
        let rising = buckets.windows(2).all(|pair| matches!(pair, [a, b] if a < b));
        let quantiles = &self.summary_quantiles_objectives;
        if buckets.len() > BOUNDS_MAX || quantiles.len() > BOUNDS_MAX {
            return Err(format!("metrics.prometheus: more than {BOUNDS_MAX} buckets or quantiles"));
        }
        if !rising || buckets.iter().any(|bound| !bound.is_finite()) {
            let field = "metrics.prometheus.histogram_buckets";
            return Err(format!("{field}: each bound must be greater than the one before"));
        }
        if quantiles.iter().any(|one| !(0.0..=1.0).contains(&one.quantile)) {
            let field = "metrics.prometheus.summary_quantiles_objectives";
            return Err(format!("{field}: a quantile is a number from 0 to 1"));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn there_are_so_many_buckets_and_no_more() {
        let of = |count: usize| {
            let buckets: Vec<usize> = (0..count).collect();
            Metrics::of(&json!({"prometheus": {"histogram_buckets": buckets}})).map(drop)
        };
        assert_eq!(of(BOUNDS_MAX), Ok(()));
        let text = format!("metrics.prometheus: more than {BOUNDS_MAX} buckets or quantiles");
        assert_eq!(of(BOUNDS_MAX + 1), Err(text));
    }

    #[test]
    fn a_key_names_where_metrics_go() {
        let of = |section: Json| Metrics::of(&section);
        assert!(matches!(of(Json::Null).unwrap().exporter, Exporter::None));
        assert!(matches!(of(json!({"none": {}})).unwrap().exporter, Exporter::None));
        assert!(matches!(of(json!({"type": "json_api"})).unwrap().exporter, Exporter::Json));
        let got = of(json!({"mapping": "root = this", "json_api": {}})).unwrap();
        assert!(matches!(got.exporter, Exporter::Json) && got.mapping == "root = this");
        let got = of(json!({"logger": {"push_interval": "1s"}})).unwrap();
        let Exporter::Logger(logger) = got.exporter else { panic!("the log") };
        assert_eq!(logger.push_interval.unwrap().wait_ns(), 1_000_000_000);
        let got = of(json!({"logger": {"push_interval": ""}})).unwrap();
        assert!(matches!(got.exporter, Exporter::Logger(l) if l.push_interval.is_none()));
    }

    #[test]
    fn what_does_not_fit_is_said() {
        for (section, part) in [
            (json!({"statsd": {}}), "'statsd'"),
            (json!({"json_api": {}, "mapping": 5}), "metrics.mapping"),
            (json!({"prometheus": {"histogram_buckets": [2, 1]}}), "histogram_buckets"),
            (
                json!({"prometheus": {"summary_quantiles_objectives": [{"quantile": 2}]}}),
                "from 0 to 1",
            ),
            (json!({"prometheus": {"nope": 1}}), "nope"),
        ] {
            let error = Metrics::of(&section).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
