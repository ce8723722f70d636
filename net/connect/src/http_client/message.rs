//! Messages of an answer.

use std::sync::Arc;

use bytes::Bytes;
use formats::value::Value;
use plan::{Body, Meta, Record};
use reqwest::header::{CONTENT_TYPE, HeaderMap};

use super::transport::Answer;
use crate::http_server::multipart;
use crate::lookup::Filter;

/// What messages made of an answer have in common: its status and some of its headers.
pub(super) struct Marks {
    status: u16,
    headers: Vec<(String, Value)>,
}

impl Marks {
    pub(super) fn new(status: u16, headers: &HeaderMap, filter: &Filter) -> Self {
        let mut kept = Vec::new();
        if filter.is_empty() {
            return Marks { status, headers: kept };
        }
        for name in headers.keys().filter(|name| filter.admits(name.as_str())) {
            let text = |value: &reqwest::header::HeaderValue| Value::text(value.as_bytes());
            let mut values: Vec<Value> = headers.get_all(name).iter().map(text).collect();
            let value = match values.len() {
                1 => values.swap_remove(0),
                _ => Value::Array(Arc::new(values)),
            };
            kept.push((name.as_str().to_owned(), value));
        }
        Marks { status, headers: kept }
    }

    pub(super) fn put(&self, meta: &mut Meta) {
        meta.set("http_status_code", Value::Int(i64::from(self.status)));
        for (name, value) in &self.headers {
            meta.set(name.as_str(), value.clone());
        }
    }
}

/// An answer as messages.
pub(super) struct Reply {
    pub(super) parts: Vec<Bytes>,
    pub(super) marks: Marks,
}

impl Reply {
    /// Takes an answer apart.
    ///
    /// # Errors
    /// When its parts are not well formed.
    pub(super) fn of(answer: Answer, filter: &Filter) -> Result<Self, String> {
        let Answer { status, headers, body } = answer;
        let marks = Marks::new(status, &headers, filter);
        let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let bad = |e: multipart::BadBody| format!("multipart: {e}");
        let parts = match multipart::boundary(kind.unwrap_or_default()).map_err(bad)? {
            None => vec![body],
            Some(boundary) => multipart::parts(&body, &boundary).map_err(bad)?,
        };
        Ok(Reply { parts, marks })
    }

    /// Messages in the place of those that were sent; one that has no counterpart takes after the
    /// first.
    pub(super) fn in_place_of(&self, sent: &[Record]) -> Vec<Record> {
        let parts = self.parts.iter().enumerate();
        let made = parts.filter_map(|(at, part)| {
            let mut record = sent.get(at).or(sent.first())?.clone();
            record.body = Body::Own(Arc::new(part.to_vec()));
            self.marks.put(record.meta_mut());
            Some(record)
        });
        made.collect()
    }
}
