//! What the service's configuration and the command line say about this API.

use config::service::{Http, Service};
use plan::Json;

/// How `/stats` and `/metrics` show the metrics of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetricsFormat {
    /// Not at all: both are unknown paths.
    #[default]
    None,
    /// One flat JSON object.
    Json,
    /// Prometheus's text format.
    Prometheus,
}

impl MetricsFormat {
    /// The format that the `metrics` section of a configuration names by its one key.
    #[must_use]
    pub fn of(section: &Json) -> Self {
        if section.get("json_api").is_some() {
            MetricsFormat::Json
        } else if section.get("prometheus").is_some() {
            MetricsFormat::Prometheus
        } else {
            MetricsFormat::None
        }
    }
}

/// How the API is offered.
#[derive(Clone, Debug)]
pub struct Options {
    /// The HTTP service: prefix, authentication, origins, debug endpoints.
    pub http: Http,
    /// Whether streams and resources can be seen and changed; without it only the service's own
    /// paths and those of streams are there.
    pub api: bool,
    /// Whether paths of streams begin with the stream's id.
    pub prefix_stream_endpoints: bool,
    /// How metrics of the process are shown.
    pub metrics: MetricsFormat,
    /// The whole configuration of the service, for the debug endpoints.
    pub settings: Json,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            http: Http::default(),
            api: true,
            prefix_stream_endpoints: true,
            metrics: MetricsFormat::None,
            settings: Json::Null,
        }
    }
}

impl Options {
    /// The options that a service's configuration gives; `settings` is that configuration as a
    /// document.
    #[must_use]
    pub fn of(service: &Service, settings: Json) -> Self {
        Options {
            http: service.http.clone(),
            metrics: MetricsFormat::of(&service.metrics),
            settings,
            ..Options::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_format_of_metrics_is_named_by_a_key() {
        assert_eq!(MetricsFormat::of(&Json::Null), MetricsFormat::None);
        assert_eq!(MetricsFormat::of(&json!({"none": {}})), MetricsFormat::None);
        assert_eq!(MetricsFormat::of(&json!({"json_api": {}})), MetricsFormat::Json);
        assert_eq!(MetricsFormat::of(&json!({"prometheus": {}})), MetricsFormat::Prometheus);
    }
}
