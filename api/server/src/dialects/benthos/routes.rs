//! Paths and what answers them.

use std::sync::Arc;

use futures_util::future::LocalBoxFuture;

use super::auth::Auth;
use super::cors::Cors;
use super::debug::Debug;
use super::{MetricsFormat, Options, Streams, answers};
use crate::exchange::{Reply, Request};
use crate::ports::Ports;
use crate::routing::Dialect;

/// The dialect.
pub struct Benthos {
    pub(super) streams: Arc<Streams>,
    pub(super) ports: Arc<Ports>,
    pub(super) options: Options,
    /// The prefix under which every path is found a second time; empty for none.
    root: String,
    auth: Option<Auth>,
    cors: Option<Cors>,
    pub(super) started_ns: u64,
}

/// A path of this API.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Route {
    Ping,
    Version,
    Endpoints,
    Ready,
    Metrics,
    Debug(Debug),
    Streams,
    Stream(String),
    Stats(String),
    Resource(String, String),
    StreamReady(String),
}

impl Benthos {
    /// A new dialect.
    ///
    /// # Errors
    /// An option of the HTTP service does not fit.
    pub(super) fn new(
        streams: Arc<Streams>,
        ports: Arc<Ports>,
        options: Options,
    ) -> Result<Self, String> {
        let root = options.http.root_path.trim_matches('/');
        let root = if root.is_empty() { String::new() } else { format!("/{root}") };
        if options.metrics != MetricsFormat::None {
            streams.history.keep();
        }
        Ok(Benthos {
            auth: Auth::of(&options.http.basic_auth)?,
            cors: Cors::of(&options.http.cors),
            streams,
            ports,
            options,
            root,
            started_ns: rt::now().0,
        })
    }

    /// The table of streams behind the API.
    #[must_use]
    pub fn streams(&self) -> &Arc<Streams> {
        &self.streams
    }

    fn route(&self, path: &str) -> Option<Route> {
        let second = || {
            let rest = path.strip_prefix(&self.root).filter(|rest| rest.starts_with('/'))?;
            Some(rest).filter(|_| !self.root.is_empty())
        };
        self.claim(path).or_else(|| self.claim(second()?))
    }

    fn claim(&self, path: &str) -> Option<Route> {
        // A segment with an encoded slash names nothing here.
        if path.to_ascii_lowercase().contains("%2f") {
            return None;
        }
        let segments = Request { path: path.to_owned(), ..Request::default() }.segments();
        let words: Vec<&str> = segments.iter().map(String::as_str).collect();
        if words.iter().any(|word| word.is_empty()) {
            return None;
        }
        let (api, metrics) = (self.options.api, self.options.metrics != MetricsFormat::None);
        Some(match words.as_slice() {
            ["ping"] => Route::Ping,
            ["version"] => Route::Version,
            ["endpoints"] => Route::Endpoints,
            ["ready"] => match self.streams.seen.last() {
                // Without prefixes a stream takes this path for itself.
                Some(last) if !self.options.prefix_stream_endpoints => Route::StreamReady(last),
                _ => Route::Ready,
            },
            ["stats" | "metrics"] if metrics => Route::Metrics,
            ["debug", rest @ ..] if self.options.http.debug_endpoints => {
                Route::Debug(Debug::of(rest)?)
            }
            ["streams"] if api => Route::Streams,
            ["streams", id] if api => Route::Stream((*id).to_owned()),
            ["streams", id, "stats"] if api => Route::Stats((*id).to_owned()),
            ["resources", kind, id] if api => Route::Resource((*kind).to_owned(), (*id).to_owned()),
            [id, "ready"] if self.options.prefix_stream_endpoints && self.streams.seen.has(id) => {
                Route::StreamReady((*id).to_owned())
            }
            _ => return None,
        })
    }

    async fn respond(&self, route: Route, request: &Request) -> Reply {
        match route {
            Route::Ping => Reply::text(200, "pong"),
            Route::Version => self.version(),
            Route::Endpoints => self.endpoints(),
            Route::Ready => self.ready().await,
            Route::Metrics => self.metrics().await,
            Route::Debug(what) => self.debug(what),
            Route::Streams => match request.method.as_str() {
                "GET" => self.list(),
                "POST" => self.set(request).await,
                _ => answers::error(400, "method not supported"),
            },
            Route::Stream(id) => match request.method.as_str() {
                "GET" => self.show(&id).await,
                "POST" => self.create(&id, request).await,
                "PUT" => self.replace(&id, request).await,
                "PATCH" => self.patch(&id, request).await,
                "DELETE" => self.delete(&id, request).await,
                other => answers::verb(other),
            },
            Route::Stats(id) => match request.method.as_str() {
                "GET" => self.stats(&id).await,
                other => answers::verb(other),
            },
            Route::Resource(kind, id) => match request.method.as_str() {
                "POST" => self.set_resource(&kind, &id, request).await,
                other => answers::verb(other),
            },
            Route::StreamReady(id) => self.stream_ready(&id).await,
        }
    }
}

impl Dialect for Benthos {
    fn name(&self) -> &'static str {
        "benthos"
    }

    fn handle<'a>(&'a self, request: &'a Request) -> Option<LocalBoxFuture<'a, Reply>> {
        let route = self.route(&request.path)?;
        Some(Box::pin(self.respond(route, request)))
    }

    fn guard(&self, request: &Request) -> Option<Reply> {
        self.auth.as_ref()?.refuse(request)
    }

    fn preflight(&self, request: &Request) -> Option<Reply> {
        self.cors.as_ref()?.preflight(request)
    }

    fn finish(&self, request: &Request, reply: Reply) -> Reply {
        match &self.cors {
            Some(cors) => cors.finish(request, reply),
            None => reply,
        }
    }
}
