//! A client: makes a request of messages, and repeats it where that may help.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use plan::env::{Counter, Timing};
use plan::fields::Interpolated;
use plan::{Batch, BuildError, Class, Env, Json, Log, Meters, RateLimit, Services};
use reqwest::header::HeaderMap;
use reqwest::redirect;

use super::config::{Common, DumpLevel};
use super::failure::{Failure, Refusal};
use super::message::{Marks, Reply};
use super::oauth2::Tokens;
use super::request::{Made, Maker, Source};
use super::retry::{Judge, Pauses, Verdict};
use super::transport::{self, Answer, HEADERS_MAX, Opened, Outgoing, Stream, exchange};
use crate::lookup::Filter;

/// Times that an answer may say that the resource is elsewhere.
const REDIRECTS_MAX: usize = 10;
/// How long connecting may take.
const CONNECT_MAX: Duration = Duration::from_secs(30);
/// Bytes of the head of an answer by HTTP/2.
pub(super) const HEAD_BYTES_MAX: u32 = 1 << 20;
/// How long a rate limit that failed is left alone.
const LIMIT_PAUSE_NS: u64 = 1_000_000_000;
/// Who asks.
const AGENT: &str = concat!("mainstem/", env!("CARGO_PKG_VERSION"));

/// A client of one component.
pub(super) struct Client {
    http: reqwest::Client,
    maker: Maker,
    judge: Judge,
    pauses: Pauses,
    retries: i64,
    timeout: Duration,
    limit: Option<Rc<dyn RateLimit>>,
    extract: Filter,
    tokens: Option<Tokens>,
    /// Host and port of the proxy.
    proxy: Option<String>,
    dump: DumpLevel,
    services: Rc<dyn Services>,
    meters: Rc<dyn Meters>,
    latency: Timing,
    codes: RefCell<[Option<Counter>; 6]>,
}

/// The library's client.
pub(super) fn library(
    config: &Common,
    services: &dyn Services,
) -> Result<reqwest::Client, BuildError> {
    library_within(config, CONNECT_MAX, services)
}

/// The same, with another time that connecting may take.
pub(super) fn library_within(
    config: &Common,
    connect_max: Duration,
    services: &dyn Services,
) -> Result<reqwest::Client, BuildError> {
    let policy = match config.follow_redirects {
        false => redirect::Policy::none(),
        true => redirect::Policy::custom(|attempt| match attempt.previous().len() {
            REDIRECTS_MAX.. => attempt.error(format!("stopped after {REDIRECTS_MAX} redirects")),
            _ => attempt.follow(),
        }),
    };
    let protocols: &[&str] = match config.disable_http2 {
        true => &["http/1.1"],
        false => &["h2", "http/1.1"],
    };
    let mut builder = reqwest::Client::builder()
        .user_agent(AGENT)
        .redirect(policy)
        .connect_timeout(connect_max)
        .http1_title_case_headers()
        .http1_max_headers(HEADERS_MAX)
        .http2_max_header_list_size(HEAD_BYTES_MAX)
        .tls_backend_preconfigured(config.tls.client(protocols, services)?);
    if config.disable_http2 {
        builder = builder.http1_only();
    }
    if !config.proxy_url.is_empty() {
        let proxy = reqwest::Proxy::all(&config.proxy_url);
        let failed = |e| BuildError::new(format!("failed to parse proxy_url string: {e}"));
        builder = builder.proxy(proxy.map_err(failed)?);
    }
    builder.build().map_err(|e| BuildError::new(format!("HTTP client: {e}")))
}

/// Host and port of an address.
fn host_of(url: &str) -> Option<String> {
    let url = reqwest::Url::parse(url).ok()?;
    Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?))
}

impl Client {
    pub(super) fn new(
        url: &Interpolated,
        verb: &str,
        config: &Common,
        source: Source,
        env: &dyn Env,
    ) -> Result<Self, BuildError> {
        let (services, meters) = (env.services(), env.meters(""));
        let http = library(config, &*services)?;
        let timeout = Duration::from_nanos(config.timeout.wait_ns());
        let limit = match config.rate_limit.is_empty() {
            true => None,
            false => Some(env.rate_limit(&config.rate_limit.0)?),
        };
        let tokens = match config.oauth2.enabled {
            true => Some(Tokens::new(&config.oauth2, &http, timeout)?),
            false => None,
        };
        Ok(Client {
            maker: Maker::new(url, verb, config, source, env)?,
            judge: Judge::new(config),
            pauses: Pauses::new(config),
            retries: config.retries,
            timeout,
            limit,
            extract: config.extract_headers.compile()?,
            tokens,
            proxy: host_of(&config.proxy_url),
            dump: config.dump_request_log_level,
            latency: meters.timing("http_request_latency_ns", &[]),
            codes: RefCell::default(),
            http,
            services,
            meters,
        })
    }

    /// The strictest class of what requests are made of.
    pub(super) fn class(&self) -> Class {
        self.maker.class()
    }

    /// Sends messages and takes the answer apart.
    ///
    /// # Errors
    /// When there is none in the end, or not the one that was hoped for.
    pub(super) async fn send(&self, batch: &Batch) -> Result<Reply, Refusal> {
        let answer = self.repeat(batch, async |made| self.whole(made).await).await?;
        Reply::of(answer, &self.extract).map_err(Refusal::text)
    }

    /// Sends messages and receives the answer as it comes.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub(super) async fn open(&self, batch: &Batch) -> Result<Stream, Refusal> {
        self.repeat(batch, async |made| self.head(made).await).await
    }

    /// What messages show of the answer to a request that failed.
    pub(super) fn marks(&self, refusal: &Refusal) -> Option<Marks> {
        let (status, headers) = refusal.answer.as_ref()?;
        Some(Marks::new(*status, headers, &self.extract))
    }

    /// Tries until it went well, or there is no use.
    async fn repeat<T>(
        &self,
        batch: &Batch,
        attempt: impl AsyncFn(Made) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let mut left = self.retries;
        loop {
            let made = self.maker.make(batch).map_err(Refusal::text)?;
            self.access().await;
            let refusal = match attempt(made).await {
                Ok(done) => {
                    self.pauses.reset();
                    return Ok(done);
                }
                Err(refusal) => refusal,
            };
            let verdict = refusal.answer.as_ref().map(|(status, _)| self.judge.of(*status));
            if left <= 0 || verdict == Some(Verdict::Final) {
                return Err(refusal);
            }
            left -= 1;
            let pause = self.pauses.next(verdict == Some(Verdict::Slower));
            self.services.sleep(u64::try_from(pause.as_nanos()).unwrap_or(u64::MAX)).await;
        }
    }

    /// Waits until the rate limit grants a request.
    async fn access(&self) {
        let Some(limit) = &self.limit else { return };
        loop {
            match limit.access().await {
                Ok(0) => return,
                Ok(wait_ns) => self.services.sleep(wait_ns).await,
                Err(text) => {
                    self.services.log(Log::Error, &format!("Rate limit error: {text}"), &[]);
                    self.services.sleep(LIMIT_PAUSE_NS).await;
                }
            }
        }
    }

    async fn prepared(&self, made: Made, timeout: Duration) -> Result<Outgoing, Refusal> {
        let mut request = made.request;
        if let Some(tokens) = &self.tokens {
            tokens.sign(request.headers_mut()).await?;
        }
        Ok(Outgoing { client: self.http.clone(), request, timeout })
    }

    async fn whole(&self, made: Made) -> Result<Answer, Refusal> {
        let url = made.url.clone();
        let outgoing = self.prepared(made, self.timeout).await?;
        let dumped = (self.dump != DumpLevel::Off).then(|| request_log(&url, &outgoing));
        let began = self.services.now_ns();
        let answer = exchange(outgoing).await;
        let took_ns = self.services.now_ns().saturating_sub(began);
        self.latency.record(took_ns, 1);
        if let Some(request) = dumped {
            self.log(took_ns, request, answer.as_ref().ok());
        }
        let answer = answer.map_err(|failure| self.no_answer(&url, failure))?;
        self.count(answer.status);
        match self.judge.of(answer.status) {
            Verdict::Success => Ok(answer),
            _ => Err(Refusal::status(&url, answer)),
        }
    }

    async fn head(&self, made: Made) -> Result<Stream, Refusal> {
        let url = made.url.clone();
        let outgoing = self.prepared(made, Duration::ZERO).await?;
        let judge = self.judge.clone();
        let began = self.services.now_ns();
        let wanted = move |status| judge.of(status) == Verdict::Success;
        let opened = transport::open(outgoing, wanted).await;
        self.latency.record(self.services.now_ns().saturating_sub(began), 1);
        match opened.map_err(|failure| self.no_answer(&url, failure))? {
            Opened::Stream(stream) => {
                self.count(stream.status);
                Ok(stream)
            }
            Opened::Refused(answer) => {
                self.count(answer.status);
                Err(Refusal::status(&url, answer))
            }
        }
    }

    fn no_answer(&self, url: &str, mut failure: Failure) -> Refusal {
        if let Some(proxy) = &self.proxy
            && let Some((_, why)) = failure.text.split_once(": connect: ")
        {
            failure.text = format!("proxyconnect tcp: dial tcp {proxy}: connect: {why}");
        }
        Refusal::no_answer(self.maker.verb(), url, failure)
    }

    /// Counts an answer among those whose status has the same first digit.
    fn count(&self, status: u16) {
        let class = usize::from(status / 100);
        if let Some(counter) = self.codes.borrow_mut().get_mut(class) {
            let new = || self.meters.counter(&format!("http_request_code_{class}xx"), &[]);
            counter.get_or_insert_with(new).add(1);
        }
    }

    fn log(&self, took_ns: u64, request: Json, answer: Option<&Answer>) {
        let level = match self.dump {
            DumpLevel::Off => return,
            DumpLevel::Trace => Log::Trace,
            DumpLevel::Debug => Log::Debug,
            DumpLevel::Info => Log::Info,
            DumpLevel::Warn => Log::Warn,
            DumpLevel::Error | DumpLevel::Fatal => Log::Error,
        };
        let mut access = serde_json::json!({"elapsed_ns": took_ns, "request": request});
        if let Some(answer) = answer {
            access["response"] = serde_json::json!({
                "status_code": answer.status,
                "content_length": answer.body.len(),
                "header": header_log(&answer.headers),
                "body": body_log(&answer.body),
            });
        }
        self.services.log(level, "http request log", &[("access_log", &access.to_string())]);
    }
}

fn request_log(url: &str, outgoing: &Outgoing) -> Json {
    let body = outgoing.request.body().and_then(reqwest::Body::as_bytes);
    serde_json::json!({
        "url": url,
        "method": outgoing.request.method().as_str(),
        "header": header_log(outgoing.request.headers()),
        "body": body_log(body.unwrap_or_default()),
    })
}

fn header_log(headers: &HeaderMap) -> Json {
    let text = |name| {
        let values = headers.get_all(name).iter().map(|value| match value.is_sensitive() {
            true => plan::secret::SCRUBBED.into(),
            false => String::from_utf8_lossy(value.as_bytes()),
        });
        values.collect::<Vec<_>>().join(" ")
    };
    headers.keys().map(|name| (name.as_str().to_owned(), Json::from(text(name)))).collect()
}

/// A body as a document, where it is one.
fn body_log(body: &[u8]) -> Json {
    let text = || Json::from(String::from_utf8_lossy(body));
    serde_json::from_slice(body).unwrap_or_else(|_| text())
}
