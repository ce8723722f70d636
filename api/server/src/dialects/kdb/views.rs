//! Pipelines as this dialect shows them.

use engine::{PipelineView, State};
use plan::Json;
use plan::secret::SCRUBBED;
use serde_json::json;

use super::OWNER;

/// Field of what is kept that holds the body as it was posted.
const REQUEST: &str = "request";
/// Field of what is kept that tells why a spec could not be loaded.
const LOAD_ERROR: &str = "loadError";
/// Parts of the names of variables whose values are not shown.
const SECRETS: [&str; 4] = ["password", "secret", "token", "key"];

/// What is kept of a pipeline beside its plan. The body has a place of its own, so that no field of
/// it can be taken for one of ours.
pub(super) fn document(request: &Json, load_error: Option<&str>) -> Json {
    match load_error {
        None => json!({ REQUEST: request }),
        Some(text) => json!({ REQUEST: request, LOAD_ERROR: text }),
    }
}

/// The body as it was posted, and why the spec could not be loaded; nothing for the pipelines of
/// others.
fn kept(view: &PipelineView) -> (Option<&Json>, Option<&str>) {
    if &*view.spec.key.owner != OWNER {
        return (None, None);
    }
    let document = &view.spec.document;
    let load_error = document.get(LOAD_ERROR).and_then(Json::as_str);
    match document.get(REQUEST) {
        Some(request) if document.get("config").is_none() => (Some(request), load_error),
        // Older journals hold the body alone, with our mark among its fields where nothing runs.
        _ => (Some(document), load_error.filter(|_| view.spec.plan.nodes.is_empty())),
    }
}

/// The state as `/pipelines` writes it; `/pipeline/status` writes it in mixed case
/// (spec/kdb-rest.md §1).
fn state_of(view: &PipelineView) -> (&'static str, &'static str) {
    if kept(view).1.is_some() {
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

/// The error of a pipeline, empty when there is none.
fn error_of(view: &PipelineView) -> String {
    match (&view.state, kept(view).1) {
        (_, Some(text)) => unquoted(text),
        (State::Failed(text), None) if &*view.spec.key.owner == OWNER => unquoted(text),
        (State::Failed(text), None) => text.clone(),
        _ => String::new(),
    }
}

/// The text of an error of q without the quote mark in front of it, which stands behind the place
/// or the operator where there is one: `'type` is `type`. A text that begins with a quoted word
/// stays.
pub(super) fn unquoted(text: &str) -> String {
    let behind = || text.find(": '").map(|colon| colon + 2);
    let at = if text.starts_with('\'') { Some(0) } else { behind() };
    let (front, error) = text.split_at(at.unwrap_or(0));
    match error.strip_prefix('\'') {
        Some(rest) if !rest.contains('\'') => format!("{front}{rest}"),
        _ => text.to_owned(),
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

/// What `/pipeline/status` shows.
pub(super) fn status(view: &PipelineView) -> Json {
    json!({ "state": state_of(view).1, "error": error_of(view) })
}

/// An element of `/details`: what is known of the pipeline, and what else was posted.
pub(super) fn detailed(view: &PipelineView) -> Json {
    let mut shown = json!({
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
    });
    let posted = kept(view).0.and_then(Json::as_object);
    if let (Json::Object(shown), Some(posted)) = (&mut shown, posted) {
        for (name, value) in posted {
            shown.entry(name).or_insert_with(|| hidden(name, value));
        }
    }
    shown
}

/// A field of a body as it is shown.
fn hidden(name: &str, value: &Json) -> Json {
    let mut value = value.clone();
    hide(&mut value, is_env(name));
    value
}

fn is_env(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with("env")
}

/// Hides the values of variables whose names look secret, in `env`, `workerEnv` and the like: as
/// members of an object, as a list of names and values, and as texts `NAME=VALUE`.
fn hide(value: &mut Json, env: bool) {
    match value {
        Json::Object(fields) => {
            let named = fields.get("name").and_then(Json::as_str).is_some_and(is_secret);
            for (name, value) in fields {
                if env && (is_secret(name) || named && name == "value") {
                    *value = SCRUBBED.into();
                } else {
                    hide(value, env || is_env(name));
                }
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| hide(item, env)),
        Json::String(text) if env && text.contains('=') && is_secret(text) => {
            *value = SCRUBBED.into();
        }
        _ => {}
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRETS.iter().any(|part| name.contains(part))
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use engine::{Key, PipelineSpec, Rates};
    use plan::{Component, Plan, Role};

    use super::*;

    pub(in crate::dialects::kdb) fn view(owner: &str, document: Json, is: State) -> PipelineView {
        let mut plan = Plan::default();
        plan.add(Role::Source, Component::new("callback", json!({"name": "upd"})), Vec::new());
        let (key, plan) = (Key::new(owner, "file-0123456789"), Arc::new(plan));
        let spec = PipelineSpec { key, name: "file".to_owned(), document, plan };
        PipelineView {
            spec: Arc::new(spec),
            state: is,
            instance: 1,
            created_unix_ns: 0,
            started_unix_ns: 0,
            seen_unix_ns: 0,
            uptime_ns: 0,
            connections: Vec::new(),
            events: 0,
            bytes: 0,
            errors: 0,
            rates: Rates::default(),
            workers: Vec::new(),
        }
    }

    fn own(document: Json) -> PipelineView {
        view(OWNER, document, State::Running)
    }

    fn shown(view: &PipelineView) -> (&'static str, String) {
        (state_of(view).0, error_of(view))
    }

    fn running() -> (&'static str, String) {
        ("RUNNING", String::new())
    }

    #[test]
    fn no_field_of_a_body_is_taken_for_our_own_mark() {
        let request = json!({"name": "file", "config": {}, LOAD_ERROR: "no", REQUEST: {"a": 1}});
        let fine = own(document(&request, None));
        assert_eq!(shown(&fine), running());
        assert_eq!(detailed(&fine)[LOAD_ERROR], "no", "it is shown as it was posted");
        let broken = own(document(&request, Some("type")));
        assert_eq!(shown(&broken), ("ERRORED", "type".to_owned()));
        assert_eq!(detailed(&broken)[LOAD_ERROR], "no");
        let silent = own(document(&request, Some("")));
        assert_eq!(shown(&silent), ("ERRORED", String::new()));
        let other = view("streams", document(&request, Some("type")), State::Running);
        assert_eq!(shown(&other), running(), "a document of others");
        assert_eq!(detailed(&other).get(LOAD_ERROR), None);
    }

    #[test]
    fn bodies_of_older_journals_are_read() {
        let old = json!({"name": "file", "config": {"content": "x"}, LOAD_ERROR: "'nyi: hopen"});
        let mut broken = own(old.clone());
        assert_eq!(shown(&broken), running(), "it has something to run");
        let spec = PipelineSpec { plan: Arc::default(), ..PipelineSpec::clone(&broken.spec) };
        broken.spec = Arc::new(spec);
        assert_eq!(shown(&broken), ("ERRORED", "nyi: hopen".to_owned()));
        assert_eq!(detailed(&broken)["config"]["content"], "x");
    }

    #[test]
    fn errors_of_q_have_no_quote_mark() {
        for (text, is) in [
            ("'type", "type"),
            ("type", "type"),
            ("'nyi: hopen", "nyi: hopen"),
            ("line 2 char 3: 'type", "line 2 char 3: type"),
            ("line 2 char 3: field 'name': is empty", "line 2 char 3: field 'name': is empty"),
            ("expr-3c6ef5e2: 'type", "expr-3c6ef5e2: type"),
            ("onSetup: 'nyi: hopen", "onSetup: nyi: hopen"),
            ("add: 'a' is no number", "add: 'a' is no number"),
            ("field 'name': a callback needs a name", "field 'name': a callback needs a name"),
            ("'name' is empty", "'name' is empty"),
            ("'", ""),
            ("", ""),
        ] {
            assert_eq!(unquoted(text), is);
        }
        let failed = |owner| error_of(&view(owner, Json::Null, State::Failed("'type".to_owned())));
        assert_eq!(failed(OWNER), "type");
        assert_eq!(failed("streams"), "'type", "not an error of q");
    }

    #[test]
    fn details_show_what_was_posted_and_documented_keys_win() {
        let request = json!({
            "name": "other", "id": 1, "state": "MINE", "metrics": 2, "type": "spec",
            "settings": {"minWorkers": "1"}, "resources": {"worker": {"limit": {"cpu": 1}}},
        });
        let details = detailed(&own(document(&request, None)));
        assert_eq!(details["name"], "file");
        assert_eq!(details["id"], "file-0123456789");
        assert_eq!(details["state"], "RUNNING");
        assert_eq!(details["metrics"]["eventRate"], 0.0);
        for key in ["type", "settings", "resources"] {
            assert_eq!(details[key], request[key]);
        }
    }

    #[test]
    fn secret_variables_are_hidden() {
        let request = json!({
            "env": {"DB_PASSWORD": "p1", "LEVEL": "debug", "Api-Token": {"a": "p2"}},
            "workerEnv": [{"name": "AWS_SECRET", "value": "p3"}, {"name": "A", "value": "b"}],
            "controllerEnv": ["KEY=p4", "MODE=fast"],
            "settings": {"key": "shown"},
        });
        let details = detailed(&own(document(&request, None)));
        let text = details.to_string();
        for secret in ["p1", "p2", "p3", "p4"] {
            assert!(!text.contains(secret), "{text}");
        }
        assert_eq!(details["env"]["DB_PASSWORD"], SCRUBBED);
        assert_eq!(details["env"]["LEVEL"], "debug");
        assert_eq!(details["workerEnv"][0]["name"], "AWS_SECRET");
        assert_eq!(details["workerEnv"][1]["value"], "b");
        assert_eq!(details["controllerEnv"], json!([SCRUBBED, "MODE=fast"]));
        assert_eq!(details["settings"]["key"], "shown");
    }

    #[test]
    fn times_have_nanoseconds_and_no_zone() {
        assert_eq!(time(1_628_975_075_631_193_507), "2021-08-14T21:04:35.631193507");
        assert_eq!(time(0), "1970-01-01T00:00:00.000000000");
    }
}
