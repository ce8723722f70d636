//! What the service's configuration and the command line say about this API.

use config::service::metrics::{Exporter, Metrics, Prometheus};
use config::service::{Http, Service};
use plan::Json;

use super::renames::Renames;

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
    /// How Prometheus's text format is written.
    pub prometheus: Prometheus,
    /// What becomes of the names and labels of series; nothing for what they are.
    pub renames: Option<Renames>,
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
            prometheus: Prometheus::default(),
            renames: None,
            settings: Json::Null,
        }
    }
}

impl Options {
    /// The options that a service's configuration gives; `settings` is that configuration as a
    /// document.
    ///
    /// # Errors
    /// A `metrics` section that does not fit.
    pub fn of(service: &Service, settings: Json) -> Result<Self, String> {
        let section = Metrics::of(&service.metrics)?;
        let mut options = Options { http: service.http.clone(), settings, ..Options::default() };
        match section.exporter {
            Exporter::Json => options.metrics = MetricsFormat::Json,
            Exporter::Prometheus(config) => {
                options.metrics = MetricsFormat::Prometheus;
                options.prometheus = config;
            }
            Exporter::Logger(_) | Exporter::None => {}
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_format_of_metrics_is_named_by_a_key() {
        let format = |metrics| {
            let service = Service { metrics, ..Service::default() };
            Options::of(&service, Json::Null).map(|options| options.metrics)
        };
        assert_eq!(format(Json::Null), Ok(MetricsFormat::None));
        assert_eq!(format(json!({"none": {}})), Ok(MetricsFormat::None));
        assert_eq!(format(json!({"logger": {}})), Ok(MetricsFormat::None));
        assert_eq!(format(json!({"json_api": {}})), Ok(MetricsFormat::Json));
        assert_eq!(format(json!({"prometheus": {}})), Ok(MetricsFormat::Prometheus));
        assert!(format(json!({"prometheus": {"nope": 1}})).is_err());
    }
}
