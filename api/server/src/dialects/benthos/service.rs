//! The service's own paths (spec/benthos-streams-api.md §2).

use std::collections::BTreeMap;

use config::service::metrics::Prometheus;
use engine::{Key, Metric};
use plan::Json;
use serde_json::json;

use super::metrics::flat;
use super::table::{Failure, Streams};
use super::{Benthos, MetricsFormat, OWNER, Renames, process, prometheus};
use crate::exchange::Reply;

/// Every path of the API itself and what it is for.
const PATHS: [(&str, &str); 8] = [
    ("/endpoints", "This list of paths."),
    ("/ping", "Answers pong for as long as the process serves requests."),
    ("/ready", "200 when every running stream is connected, otherwise 503 and which are not."),
    ("/version", "The version of the program and when it was built."),
    ("/debug/config/json", "The configuration of the service as JSON."),
    ("/debug/config/yaml", "The configuration of the service as YAML."),
    ("/debug/stack", "What the threads of the process do."),
    ("/metrics", "The metrics of all streams."),
];

const API_PATHS: [(&str, &str); 4] = [
    ("/resources/{type}/{id}", "POST: make or replace a resource that streams may use."),
    ("/streams", "GET: all streams and whether they run. POST: set all streams at once."),
    ("/streams/{id}", "GET, POST, PUT, PATCH, DELETE: read, make, replace, change, remove."),
    ("/streams/{id}/stats", "GET: the metrics of a stream."),
];

impl Benthos {
    pub(super) fn version(&self) -> Reply {
        // The space behind the comma is what clients of the original see.
        let version = env!("CARGO_PKG_VERSION");
        Reply::text(200, format!("{{\"version\":\"{version}\", \"built\":\"unknown\"}}"))
    }

    pub(super) fn endpoints(&self) -> Reply {
        let mut paths: BTreeMap<String, String> = BTreeMap::new();
        let mut add = |path: &str, what: &str| drop(paths.insert(path.to_owned(), what.to_owned()));
        for (path, what) in PATHS {
            let there = match path {
                "/metrics" => self.options.metrics != MetricsFormat::None,
                path if path.starts_with("/debug/") => self.options.http.debug_endpoints,
                _ => true,
            };
            if there {
                add(path, what);
            }
        }
        if self.options.metrics != MetricsFormat::None {
            add("/stats", "The metrics of all streams.");
        }
        if self.options.api {
            API_PATHS.iter().for_each(|(path, what)| add(path, what));
        }
        let prefix = self.options.prefix_stream_endpoints;
        for id in self.streams.seen.ids().iter().filter(|_| prefix) {
            add(&format!("/{id}/ready"), "200 when the stream is connected, otherwise 503.");
        }
        for port in self.ports.all("http") {
            let what = port.options.get("description").and_then(Json::as_str);
            let what = what.unwrap_or("Belongs to a stream.");
            if prefix && &*port.key.owner == OWNER && !port.key.id.is_empty() {
                add(&format!("/{}{}", port.key.id, port.name), what);
            } else {
                add(&port.name, what);
            }
        }
        Reply::text(200, json!(paths).to_string())
    }

    /// The metrics of all streams there are and have been.
    pub(super) async fn metrics(&self) -> Reply {
        match self.all_metrics().await {
            Ok(reply) => reply,
            Err(failure) => failure.reply(),
        }
    }

    async fn all_metrics(&self) -> Result<Reply, Failure> {
        let options = &self.options;
        let all = self.streams.metrics(options.renames.as_ref()).await?;
        Ok(match options.metrics {
            MetricsFormat::Prometheus => {
                let text = self.streams.prometheus_text(&all, &options.prometheus);
                Reply::empty(200)
                    .header("content-type", "text/plain; version=0.0.4; charset=utf-8")
                    .with_body(text.into_bytes())
            }
            MetricsFormat::Json | MetricsFormat::None => {
                let uptime_ns = rt::now().0.saturating_sub(self.started_ns);
                Reply::json(200, &flat(&all, uptime_ns))
            }
        })
    }
}

impl Streams {
    /// The series of all streams there are and have been, under the names that they are given.
    ///
    /// # Errors
    /// The engine did not answer.
    pub async fn metrics(&self, renames: Option<&Renames>) -> Result<Vec<Metric>, Failure> {
        let mut now = Vec::new();
        let mut streams = true;
        for view in self.list().await? {
            let id = view.spec.key.id.clone();
            streams &= !id.is_empty();
            let series = self.engine.metrics(Key::new(OWNER, id)).await;
            now.extend(series.map_err(|_| Failure::Unavailable)?.unwrap_or_default());
        }
        let shared = self.engine.shared_metrics().await.map_err(|_| Failure::Unavailable)?;
        now.extend(shared.into_iter().map(|mut metric| {
            if streams {
                // It belongs to none of them.
                metric.labels.push(("stream".to_owned(), String::new()));
            }
            metric
        }));
        let all = self.history.with(now);
        Ok(match renames {
            Some(renames) => renames.apply(all),
            None => all,
        })
    }

    /// Series in Prometheus's text format, with those of the process where they are wanted.
    #[must_use]
    pub fn prometheus_text(&self, metrics: &[Metric], config: &Prometheus) -> String {
        let mut text = prometheus::write(metrics, config);
        if config.add_process_metrics {
            text.push_str(&process::metrics());
        }
        text
    }

    /// From now on the series of streams that go are kept and shown with those there are.
    pub fn keep_metrics(&self) {
        self.history.keep();
    }
}
