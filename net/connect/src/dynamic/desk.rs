//! Where requests about children arrive, and what is known of the children.

use std::cell::RefCell;
use std::collections::BTreeMap;

use futures_util::StreamExt;
use futures_util::stream::{LocalBoxStream, SelectAll, select_all};
use plan::drafts::Shown;
use plan::env::{Payload, Request, Response};
use plan::fields::Duration;
use plan::{BuildError, Env, Json};
use serde::Serialize;

use crate::compose::CHILDREN_MAX;
use crate::http_server::{path, plain};

/// Longest text of a child in bytes.
pub(super) const TEXT_BYTES_MAX: usize = 256 << 10;

/// An endpoint.
#[derive(Clone, Copy)]
pub(super) enum Which {
    /// The list of all children.
    All,
    /// One child.
    One,
    /// How long one child has been running.
    Uptime,
}

impl Which {
    fn path(self, root: &str) -> String {
        match self {
            Which::All => root.to_owned(),
            Which::One => format!("{root}/{{id}}"),
            Which::Uptime => format!("{root}/{{id}}/uptime"),
        }
    }
}

/// What a request wants changed.
pub(super) enum Change {
    /// A child of this text takes the place of the one of this name.
    Set(String, Vec<u8>),
    /// The child of this name goes.
    Remove(String),
}

/// One child, by what is told about it.
#[derive(Default)]
struct Entry {
    /// When it began; nothing when it has ended.
    started: Option<rt::Nanos>,
    shown: Shown,
    /// What it was made of; nothing for those that were there from the beginning.
    text: Option<Vec<u8>>,
}

/// How one child looks in the list of all.
#[derive(Serialize)]
struct Line<'a> {
    uptime: String,
    config: &'a Json,
    config_raw: &'a str,
}

/// The endpoints of one component.
pub(super) struct Desk {
    requests: RefCell<SelectAll<LocalBoxStream<'static, (Which, Request)>>>,
    /// Path of the list.
    root: String,
    entries: RefCell<BTreeMap<String, Entry>>,
}

impl Desk {
    /// Opens the endpoints; `word` is `input` or `output`.
    pub(super) fn open(prefix: &str, word: &str, env: &dyn Env) -> Result<Self, BuildError> {
        let parts = prefix.split('/').filter(|part| !part.is_empty() && *part != ".");
        let root: String = parts.map(|part| format!("/{part}")).collect();
        let root = format!("{root}/{word}s");
        let ends = match word {
            "input" => " or \"stopped\" when it has ended",
            _ => "",
        };
        let ports = [
            (Which::Uptime, format!("How long an {word} has been running{ends}.")),
            (Which::One, format!("Makes, shows and removes {word}s by name.")),
            (Which::All, format!("All {word}s by name, with how long they have been running.")),
        ];
        let open = |(which, description): (Which, String)| {
            let options = serde_json::json!({ "description": description });
            let requests = env.services().open_port("http", &which.path(&root), &options)?;
            Ok(requests.into_stream().map(move |request| (which, request)).boxed_local())
        };
        let streams: Result<Vec<_>, BuildError> = ports.into_iter().map(open).collect();
        let requests = RefCell::new(select_all(streams?));
        Ok(Desk { requests, root, entries: RefCell::default() })
    }

    /// The next request; nothing when the front end is gone.
    pub(super) async fn next(&self) -> Option<(Which, Request)> {
        std::future::poll_fn(|cx| self.requests.borrow_mut().poll_next_unpin(cx)).await
    }

    /// Answers a request unless it wants something changed.
    pub(super) fn look(&self, which: Which, request: &Request) -> Result<Change, Response> {
        let id = self.id(which, &request.path);
        match which {
            Which::All => return Err(self.list()),
            Which::Uptime => return Err(self.uptime(&id)),
            Which::One => {}
        }
        match &*request.method {
            "POST" => match &request.payload {
                Payload::Bytes(text) if text.len() > TEXT_BYTES_MAX => {
                    Err(failed(&format!("the text is longer than {TEXT_BYTES_MAX} bytes")))
                }
                Payload::Bytes(text) => self.to_set(id, text),
                Payload::Value(_) | Payload::Values(_) => Err(failed("the body is not a text")),
            },
            "GET" => Err(self.show(&id)),
            "DELETE" => Ok(Change::Remove(id)),
            verb => Err(failed(&format!("verb not supported: {verb}"))),
        }
    }

    fn id(&self, which: Which, path: &str) -> String {
        let found = path::variables(&which.path(&self.root), path).pop();
        found.map(|(_, id)| id).unwrap_or_default()
    }

    fn to_set(&self, id: String, text: &[u8]) -> Result<Change, Response> {
        let entries = self.entries.borrow();
        match entries.get(&id) {
            Some(entry) if entry.text.as_deref() == Some(text) => Err(done()),
            None if entries.len() >= CHILDREN_MAX => {
                Err(failed(&format!("there may be {CHILDREN_MAX} of them at most")))
            }
            _ => Ok(Change::Set(id, text.to_vec())),
        }
    }

    /// Notes that a child has begun.
    pub(super) fn started(&self, id: &str, shown: Shown, text: Option<Vec<u8>>) {
        let entry = Entry { started: Some(rt::now()), shown, text };
        self.entries.borrow_mut().insert(id.to_owned(), entry);
    }

    /// Notes that a child has ended.
    pub(super) fn stopped(&self, id: &str) {
        if let Some(entry) = self.entries.borrow_mut().get_mut(id) {
            entry.started = None;
        }
    }

    /// Forgets a child.
    pub(super) fn removed(&self, id: &str) {
        self.entries.borrow_mut().remove(id);
    }

    fn list(&self) -> Response {
        let entries = self.entries.borrow();
        let line = |(id, entry): (&String, &Entry)| {
            let Shown { text, document } = &entry.shown;
            let line = Line { uptime: uptime(entry), config: document, config_raw: text };
            serde_json::to_value(line).map(|line| (id.clone(), line))
        };
        let all: Result<serde_json::Map<_, _>, _> = entries.iter().map(line).collect();
        match all {
            Ok(all) => text(escaped(&Json::Object(all).to_string())),
            Err(_) => plain(502, "Internal server error\n"),
        }
    }

    fn show(&self, id: &str) -> Response {
        match self.entries.borrow().get(id) {
            Some(entry) => text(entry.shown.text.clone()),
            None => plain(404, format!("Dynamic component '{id}' is not active\n")),
        }
    }

    fn uptime(&self, id: &str) -> Response {
        match self.entries.borrow().get(id) {
            Some(entry) => text(uptime(entry)),
            None => plain(404, format!("Dynamic component '{id}' is unknown\n")),
        }
    }
}

fn uptime(entry: &Entry) -> String {
    match entry.started {
        None => "stopped".to_owned(),
        Some(at) => {
            let ns = rt::now().since(at).as_nanos();
            Duration::from_ns(i64::try_from(ns).unwrap_or(i64::MAX)).to_string()
        }
    }
}

/// JSON as a page may hold it. None of these stands outside of texts.
fn escaped(json: &str) -> String {
    json.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e")
}

fn text(body: String) -> Response {
    let kind = ("Content-Type".to_owned(), "text/plain; charset=utf-8".to_owned());
    Response { status: 200, headers: vec![kind], body: body.into_bytes(), ..Response::default() }
}

/// The answer to a change that was made.
pub(super) fn done() -> Response {
    Response { status: 200, ..Response::default() }
}

/// The answer to a change that could not be made.
pub(super) fn failed(text: &str) -> Response {
    plain(502, format!("Error: {text}\n"))
}
