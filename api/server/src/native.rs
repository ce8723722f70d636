//! The native API under `/v1/pipelines`: every pipeline of the engine, whoever owns it.

use engine::{EngineHandle, Key, MetricValue, PipelineView, State};
use plan::Json;
use serde_json::json;

use crate::exchange::{Reply, Request};

/// Answers a request of the native API, or `None` when the path is not one of it.
pub async fn handle(engine: &EngineHandle, request: &Request) -> Option<Reply> {
    let segments = request.segments();
    let words: Vec<&str> = segments.iter().map(String::as_str).collect();
    let rest = words.strip_prefix(&["v1", "pipelines"])?;
    if request.method != "GET" {
        return Some(Reply::json(405, &json!({"error": "only GET is supported here"})));
    }
    let reply = match rest {
        [] => list(engine).await,
        [owner, id] => one(engine, Key::new(*owner, *id)).await,
        [owner, id, "metrics"] => metrics(engine, Key::new(*owner, *id)).await,
        [owner, id, "console"] => console(engine, Key::new(*owner, *id)).await,
        [owner, id, "plan"] => plan(engine, Key::new(*owner, *id)).await,
        _ => return None,
    };
    Some(reply)
}

fn missing() -> Reply {
    Reply::json(404, &json!({"error": "there is no pipeline of that name"}))
}

fn busy() -> Reply {
    Reply::json(503, &json!({"error": "the engine is busy"})).header("retry-after", "1")
}

fn state_text(state: &State) -> (&'static str, &str) {
    match state {
        State::Starting => ("starting", ""),
        State::Running => ("running", ""),
        State::Stopping => ("stopping", ""),
        State::Finished => ("finished", ""),
        State::Stopped => ("stopped", ""),
        State::Failed(text) => ("failed", text),
    }
}

fn view_json(view: &PipelineView) -> Json {
    let (state, error) = state_text(&view.state);
    json!({
        "owner": view.spec.key.owner,
        "id": view.spec.key.id,
        "name": view.spec.name,
        "state": state,
        "error": error,
        "uptime_s": view.uptime_ns as f64 / 1e9,
        "events": view.events,
        "bytes": view.bytes,
        "errors": view.errors,
        "rates": view.rates,
        "connections": view.connections,
    })
}

async fn list(engine: &EngineHandle) -> Reply {
    match engine.list(None, true).await {
        Ok(views) => Reply::json(200, &views.iter().map(view_json).collect::<Json>()),
        Err(_) => busy(),
    }
}

async fn one(engine: &EngineHandle, key: Key) -> Reply {
    match engine.get(key, true).await {
        Ok(Some(view)) => Reply::json(200, &view_json(&view)),
        Ok(None) => missing(),
        Err(_) => busy(),
    }
}

async fn plan(engine: &EngineHandle, key: Key) -> Reply {
    match engine.get(key, false).await {
        Ok(Some(view)) => Reply::text(200, view.spec.plan.to_string()),
        Ok(None) => missing(),
        Err(_) => busy(),
    }
}

async fn console(engine: &EngineHandle, key: Key) -> Reply {
    match engine.console(key).await {
        Ok(Some(lines)) => Reply::json(200, &json!({ "lines": lines })),
        Ok(None) => missing(),
        Err(_) => busy(),
    }
}

async fn metrics(engine: &EngineHandle, key: Key) -> Reply {
    let Ok(found) = engine.metrics(key).await else { return busy() };
    let Some(series) = found else { return missing() };
    let one = |metric: &engine::Metric| {
        let labels: serde_json::Map<String, Json> =
            metric.labels.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
        let value = match &metric.value {
            MetricValue::Counter(n) => json!(n),
            MetricValue::Gauge(value) => json!(value),
            MetricValue::Timing(h) => json!({
                "count": h.len(),
                "p50": h.value_at_quantile(0.5),
                "p90": h.value_at_quantile(0.9),
                "p99": h.value_at_quantile(0.99),
            }),
        };
        json!({"name": metric.name, "labels": labels, "value": value})
    };
    Reply::json(200, &series.iter().map(one).collect::<Json>())
}
