//! Synchronous responses: what an `http_server` source answers with.

use std::cell::RefCell;
use std::sync::Arc;

use plan::env::Response;
use plan::fields::Interpolated;
use plan::{Batch, Body, BuildError, Env, Expr, Form, Outcome, Record, Records};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{multipart, plain, sniff};
use crate::lookup::{Filter, MetadataFilter, Table};

/// What a request is answered with when the pipeline made a response for it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// Status; may depend on the response.
    pub status: Interpolated,
    /// Headers; may depend on the response.
    pub headers: Table<Interpolated>,
    /// Metadata of the response that is sent as headers.
    pub metadata_headers: MetadataFilter,
}

impl Default for Config {
    fn default() -> Self {
        let content_type = ("Content-Type".to_owned(), "application/octet-stream".into());
        Config {
            status: "200".into(),
            headers: Table(vec![content_type]),
            metadata_headers: MetadataFilter::default(),
        }
    }
}

/// Makes answers.
pub(super) struct Responder {
    status: RefCell<Box<dyn Expr>>,
    headers: Vec<(String, RefCell<Box<dyn Expr>>)>,
    metadata: Filter,
}

impl Responder {
    pub(super) fn new(config: &Config, env: &dyn Env) -> Result<Self, BuildError> {
        let mut headers = Vec::new();
        for (name, value) in &config.headers.0 {
            headers.push((name.clone(), RefCell::new(env.expr(&value.0, Form::Text)?)));
        }
        Ok(Responder {
            status: RefCell::new(env.expr(&config.status.0, Form::Text)?),
            headers,
            metadata: config.metadata_headers.compile()?,
        })
    }

    /// The answer to a request whose messages came to this outcome. `boundary` separates several
    /// messages.
    pub(super) fn answer(&self, outcome: Outcome, boundary: &str) -> Response {
        if let Some((_, fault)) = outcome.failures.first() {
            return plain(502, format!("{}\n", fault.text));
        }
        if outcome.replies.is_empty() {
            return Response { status: 200, ..Response::default() };
        }
        let recs = outcome.replies.into_iter().map(|(record, bytes)| Record {
            body: Body::Own(Arc::new(bytes)),
            meta: record.meta,
            fault: record.fault,
            ..Record::default()
        });
        let batch = Batch::records(Records { recs: recs.collect(), ..Records::default() });
        match self.respond(&batch, boundary) {
            Ok(response) => response,
            Err(text) => plain(502, format!("{text}\n")),
        }
    }

    fn respond(&self, batch: &Batch, boundary: &str) -> Result<Response, String> {
        let value = |expr: &RefCell<Box<dyn Expr>>| {
            let mut out = Vec::new();
            let result = expr.borrow_mut().text(batch, 0, &mut out);
            let text = String::from_utf8_lossy(&out).into_owned();
            result.map(|()| text).map_err(|fault| fault.text)
        };
        let status = value(&self.status)
            .map_err(|e| format!("sync response status code interpolation error: {e}"))?;
        let status = status.trim().parse::<u16>().ok().filter(|s| (100..1000).contains(s));
        let status = status.ok_or("the sync response status code is not a number")?;
        let mut headers = Vec::new();
        for (name, expr) in &self.headers {
            let value = value(expr);
            let value = value
                .map_err(|e| format!("sync response header {name} interpolation error: {e}"))?;
            headers.push((name.clone(), value));
        }
        let Some(records) = batch.as_records() else { return Err("no response".into()) };
        self.metadata(records.recs.first(), &mut headers);
        let mut scratch = Vec::new();
        let mut bodies: Vec<Vec<u8>> =
            (0..records.recs.len()).map(|i| records.bytes(i, &mut scratch).to_vec()).collect();
        let is_type = |name: &str| name.eq_ignore_ascii_case("content-type");
        let body = match (bodies.len(), bodies.pop()) {
            (1, Some(body)) => {
                if !headers.iter().any(|(name, _)| is_type(name)) {
                    let kind = sniff::content_type(&body).to_owned();
                    headers.push(("Content-Type".to_owned(), kind));
                }
                body
            }
            (_, last) => {
                bodies.extend(last);
                let mut out = Vec::new();
                let kind = multipart::join(&bodies, boundary, &mut out);
                headers.retain(|(name, _)| !is_type(name));
                headers.push(("Content-Type".to_owned(), kind));
                out
            }
        };
        Ok(Response { status, headers, body, ..Response::default() })
    }

    fn metadata(&self, record: Option<&Record>, headers: &mut Vec<(String, String)>) {
        let Some(meta) = record.and_then(|r| r.meta.as_ref()) else { return };
        for (key, value) in meta.iter() {
            if self.metadata.admits(key) {
                headers.push((key.to_owned(), crate::lookup::text_of(value)));
            }
        }
    }
}
