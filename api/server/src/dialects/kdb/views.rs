//! Pipelines as this dialect shows them.

use engine::{PipelineView, State};
use plan::Json;
use serde_json::json;

/// The state as `/pipelines` writes it; `/pipeline/status` writes it in mixed case
/// (spec/kdb-rest.md §1).
pub(super) fn state_of(view: &PipelineView) -> (&'static str, &'static str) {
    if !load_error(view).is_empty() {
        return ("ERRORED", "Errored");
    }
    match &view.state {
        State::Starting => ("INITIALIZING", "Initializing"),
        State::Running => ("RUNNING", "Running"),
        State::Stopping => ("STOPPING", "Stopping"),
        State::Finished => ("FINISHED", "Finished"),
        State::Stopped => ("STOPPED", "Stopped"),
        State::Failed(_) => ("ERRORED", "Errored"),
    }
}

/// Field of the document that keeps why a spec could not be loaded.
pub(super) const LOAD_ERROR: &str = "loadError";

fn load_error(view: &PipelineView) -> &str {
    view.spec.document.get(LOAD_ERROR).and_then(Json::as_str).unwrap_or_default()
}

/// The error of a pipeline, empty when there is none.
pub(super) fn error_of(view: &PipelineView) -> &str {
    match &view.state {
        State::Failed(text) => text,
        _ => load_error(view),
    }
}

/// A time as `2021-08-14T21:04:35.631193507`: nanoseconds, no zone.
pub(super) fn time(unix_ns: i128) -> String {
    let Ok(at) = jiff::Timestamp::from_nanosecond(unix_ns) else { return String::new() };
    at.strftime("%Y-%m-%dT%H:%M:%S.%9f").to_string()
}

/// An element of `/pipelines`.
pub(super) fn basic(view: &PipelineView) -> Json {
    json!({
        "id": view.spec.key.id,
        "name": view.spec.name,
        "created": time(view.created_unix_ns),
        "state": state_of(view).0,
        "error": error_of(view),
    })
}

/// An element of `/details`.
pub(super) fn detailed(view: &PipelineView) -> Json {
    json!({
        "id": view.spec.key.id,
        "name": view.spec.name,
        "created": time(view.created_unix_ns),
        "lastSeen": time(view.seen_unix_ns),
        "state": state_of(view).0,
        "error": error_of(view),
        "metrics": {
            "eventRate": view.rates.events_per_s,
            "bytesRate": view.rates.bytes_per_s,
            "latency": view.rates.latency_ms,
        },
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn times_have_nanoseconds_and_no_zone() {
        assert_eq!(super::time(1_628_975_075_631_193_507), "2021-08-14T21:04:35.631193507");
        assert_eq!(super::time(0), "1970-01-01T00:00:00.000000000");
    }
}
