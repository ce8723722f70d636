//! OAuth 2: a token that is fetched, kept while it is good, and sent along.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use bytes::Bytes;
use plan::{BuildError, Json, Secret};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Url};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::auth::{basic, escaped, form, secret};
use super::failure::{Refusal, status_line};
use super::transport::{Answer, Outgoing, exchange};
use crate::lookup::Table;
use crate::signal::Signal;

/// A token is fetched anew so long before it ends.
const EARLY: Duration = Duration::from_secs(10);
/// Characters of an answer that are shown when it has no token.
const SHOWN_MAX: usize = 4096;

/// OAuth 2 with the credentials of the client, or with a token to get others with.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct OAuth2 {
    /// Whether a token is sent.
    pub enabled: bool,
    /// Who the client is.
    pub client_key: String,
    /// What proves it.
    pub client_secret: Secret<String>,
    /// Where tokens are given out.
    pub token_url: String,
    /// What the client would like to do.
    #[schemars(extend("advanced" = true))]
    pub scopes: Vec<String>,
    /// More parameters, each with its values.
    #[schemars(extend("advanced" = true))]
    pub endpoint_params: Table<Vec<String>>,
}

struct Token {
    header: HeaderValue,
    until: Option<rt::Nanos>,
}

impl Token {
    fn is_good(&self) -> bool {
        self.until.is_none_or(|until| rt::now() + EARLY < until)
    }
}

/// Fetches tokens and keeps the last one.
pub(super) struct Tokens {
    client: reqwest::Client,
    timeout: Duration,
    config: OAuth2,
    url: Url,
    /// Of the flow in which one token gets the next.
    refresh: RefCell<Option<String>>,
    token: RefCell<Option<Token>>,
    /// Whether the credentials stand in the form, which a server may want.
    in_form: Cell<Option<bool>>,
    busy: Cell<bool>,
    changed: Signal,
}

/// Somebody fetches a token until this is dropped.
struct Busy<'a>(&'a Tokens);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.busy.set(false);
        self.0.changed.wake();
    }
}

impl Tokens {
    pub(super) fn new(
        config: &OAuth2,
        client: &reqwest::Client,
        timeout: Duration,
    ) -> Result<Self, BuildError> {
        let failed = |e| BuildError::new(format!("field 'oauth2': field 'token_url': {e}"));
        let param = |wanted: &str| {
            let mut all = config.endpoint_params.0.iter();
            all.find(|(key, _)| key == wanted).and_then(|(_, values)| values.first()).cloned()
        };
        let refreshes = param("grant_type").as_deref() == Some("refresh_token");
        let refresh = refreshes.then(|| param("refresh_token").unwrap_or_default());
        Ok(Tokens {
            url: Url::parse(&config.token_url).map_err(failed)?,
            client: client.clone(),
            timeout,
            config: config.clone(),
            refresh: RefCell::new(refresh),
            token: RefCell::default(),
            in_form: Cell::default(),
            busy: Cell::default(),
            changed: Signal::default(),
        })
    }

    /// Adds the token to the headers of a request; it is fetched first where that is needed, by
    /// one for all who wait.
    ///
    /// # Errors
    /// When there is none.
    pub(super) async fn sign(&self, headers: &mut HeaderMap) -> Result<(), Refusal> {
        loop {
            if let Some(token) = self.token.borrow().as_ref().filter(|token| token.is_good()) {
                headers.insert(AUTHORIZATION, token.header.clone());
                return Ok(());
            }
            if self.busy.replace(true) {
                self.changed.until(|| (!self.busy.get()).then_some(())).await;
                continue;
            }
            let _busy = Busy(self);
            let token = self.fetch().await.map_err(Refusal::text)?;
            headers.insert(AUTHORIZATION, token.header.clone());
            *self.token.borrow_mut() = Some(token);
            return Ok(());
        }
    }

    async fn fetch(&self) -> Result<Token, String> {
        let first = self.in_form.get().unwrap_or(false);
        let mut answer = self.ask(first).await?;
        // Servers differ in where they look for the credentials; the other place is tried once.
        if self.in_form.get().is_none() && !is_good(&answer) {
            answer = self.ask(true).await?;
            self.in_form.set(is_good(&answer).then_some(true));
        } else {
            self.in_form.set(Some(first));
        }
        self.token_of(&answer)
    }

    async fn ask(&self, in_form: bool) -> Result<Answer, String> {
        let (key, password) = (&self.config.client_key, self.config.client_secret.expose());
        let mut request = reqwest::Request::new(Method::POST, self.url.clone());
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(CONTENT_TYPE, kind);
        let body = self.form(in_form.then_some((key, password)));
        *request.body_mut() = Some(Bytes::from(body).into());
        if !in_form && let Some(value) = basic(&escaped(key), &escaped(password)) {
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        let (client, timeout) = (self.client.clone(), self.timeout);
        let url = &self.config.token_url;
        let answer = exchange(Outgoing { client, request, timeout }).await;
        answer.map_err(|failure| format!("Post \"{url}\": {}", failure.text))
    }

    fn form(&self, credentials: Option<(&String, &String)>) -> String {
        let mut params: Vec<(&str, String)> = Vec::new();
        if let Some(token) = &*self.refresh.borrow() {
            params.push(("grant_type", "refresh_token".to_owned()));
            params.push(("refresh_token", token.clone()));
        } else {
            let own = &self.config.endpoint_params.0;
            if !own.iter().any(|(key, _)| key == "grant_type") {
                params.push(("grant_type", "client_credentials".to_owned()));
            }
            if !self.config.scopes.is_empty() {
                params.push(("scope", self.config.scopes.join(" ")));
            }
            for (key, values) in own {
                params.extend(values.iter().map(|value| (key.as_str(), value.clone())));
            }
        }
        if let Some((key, password)) = credentials {
            params.push(("client_id", key.clone()));
            params.push(("client_secret", password.clone()));
        }
        form(params.iter().map(|(key, value)| (*key, value.as_str())))
    }

    fn token_of(&self, answer: &Answer) -> Result<Token, String> {
        let shown = || {
            let text = String::from_utf8_lossy(&answer.body);
            text.chars().take(SHOWN_MAX).collect::<String>()
        };
        let failed = |what: &str| format!("oauth2: cannot fetch token: {what}");
        let json: Json = serde_json::from_slice(&answer.body).unwrap_or_default();
        let text = |key: &str| json.get(key).and_then(Json::as_str);
        if !is_good(answer) {
            return Err(match text("error") {
                Some(code) => {
                    let more = text("error_description");
                    let more = more.map(|text| format!(" \"{text}\"")).unwrap_or_default();
                    format!("oauth2: \"{code}\"{more}")
                }
                None => {
                    let line = status_line(answer.status);
                    failed(&format!("{line}\nResponse: {}", shown()))
                }
            });
        }
        let token = text("access_token").filter(|token| !token.is_empty());
        let token = token.ok_or("oauth2: server response missing access_token")?;
        if let Some(next) = text("refresh_token") {
            let mut refresh = self.refresh.borrow_mut();
            if refresh.is_some() {
                *refresh = Some(next.to_owned());
            }
        }
        let seconds = json.get("expires_in").and_then(|value| match value {
            Json::String(text) => text.parse().ok(),
            value => value.as_u64(),
        });
        let lasts = seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs);
        let kind = match text("token_type") {
            Some(kind) if !kind.eq_ignore_ascii_case("bearer") && !kind.is_empty() => kind,
            _ => "Bearer",
        };
        let header = secret(&format!("{kind} {token}"));
        let header = header.ok_or_else(|| failed("the token is not valid"))?;
        Ok(Token { header, until: lasts.map(|lasts| rt::now() + lasts) })
    }
}

fn is_good(answer: &Answer) -> bool {
    (200..300).contains(&answer.status)
}
