//! Requests made of messages.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use plan::fields::Interpolated;
use plan::{Batch, BuildError, Class, Env, Expr, Form, Services};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Request, Url};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::auth::{Signer, basic};
use super::config::Common;
use super::failure::on_the_way;
use crate::http_server::multipart;
use crate::lookup::{Filter, text_of};

const OCTETS: &str = "application/octet-stream";

/// A part of a body.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Part {
    /// Its content type.
    pub content_type: Interpolated,
    /// Its place in a form.
    pub content_disposition: Interpolated,
    /// Its content.
    pub body: Interpolated,
}

/// Where the body of a request comes from.
pub(super) enum Source {
    /// From the messages.
    Messages,
    /// From a text.
    Payload(Text),
    /// From several texts: kind, place and content of each part.
    Parts(Vec<[Text; 3]>),
}

/// A text that may depend on a message.
pub(super) struct Text(RefCell<Box<dyn Expr>>);

impl Text {
    pub(super) fn new(text: &Interpolated, env: &dyn Env) -> Result<Self, BuildError> {
        env.expr(&text.0, Form::Text).map(|expr| Text(RefCell::new(expr)))
    }

    fn of(&self, batch: &Batch, index: usize) -> Result<Vec<u8>, String> {
        let mut out = Vec::new();
        let made = self.0.borrow_mut().text(batch, index, &mut out);
        made.map(|()| out).map_err(|fault| fault.text)
    }

    fn class(&self) -> Class {
        self.0.borrow().class()
    }
}

impl Source {
    pub(super) fn parts(parts: &[Part], env: &dyn Env) -> Result<Self, BuildError> {
        let part = |part: &Part| {
            let texts = [&part.content_type, &part.content_disposition, &part.body];
            let [kind, place, body] = texts.map(|text| Text::new(text, env));
            Ok([kind?, place?, body?])
        };
        let parts = parts.iter().map(part).collect::<Result<Vec<_>, BuildError>>()?;
        Ok(if parts.is_empty() { Source::Messages } else { Source::Parts(parts) })
    }
}

/// A request, and how its address is shown.
pub(super) struct Made {
    pub(super) request: Request,
    pub(super) url: String,
}

/// Makes requests.
pub(super) struct Maker {
    url: Text,
    verb: String,
    headers: Vec<(String, Text)>,
    host: Option<Text>,
    metadata: Filter,
    source: Source,
    signer: Signer,
    services: Rc<dyn Services>,
}

impl Maker {
    pub(super) fn new(
        url: &Interpolated,
        verb: &str,
        config: &Common,
        source: Source,
        env: &dyn Env,
    ) -> Result<Self, BuildError> {
        let (mut headers, mut host) = (Vec::new(), None);
        for (name, value) in &config.headers.0 {
            let value = Text::new(value, env)?;
            match name.eq_ignore_ascii_case("host") {
                true => host = Some(value),
                false => headers.push((name.clone(), value)),
            }
        }
        let services = env.services();
        Ok(Maker {
            url: Text::new(url, env)?,
            verb: verb.to_owned(),
            headers,
            host,
            metadata: config.metadata.compile()?,
            source,
            signer: Signer::new(&config.oauth, &config.jwt, &config.basic_auth, &*services)?,
            services,
        })
    }

    pub(super) fn verb(&self) -> &str {
        &self.verb
    }

    /// The strictest class of the texts.
    pub(super) fn class(&self) -> Class {
        let headers = self.headers.iter().map(|(_, text)| text.class());
        headers.chain([self.url.class()]).max().unwrap_or(Class::Stateless)
    }

    /// The request for some messages; the first of them counts where there can only be one.
    ///
    /// # Errors
    /// What is wrong with a text.
    pub(super) fn make(&self, batch: &Batch) -> Result<Made, String> {
        let (body, kind) = self.body(batch)?;
        let url = self.url.of(batch, 0).map_err(|e| format!("url interpolation error: {e}"))?;
        let url = String::from_utf8_lossy(&url).into_owned();
        let method = match self.verb.as_str() {
            "" => Method::GET,
            verb => Method::from_bytes(verb.as_bytes())
                .map_err(|_| format!("net/http: invalid method {verb:?}"))?,
        };
        let (mut parsed, shown) = parse(&self.verb, &url)?;
        let mut headers = self.headers(batch, &shown)?;
        if let Some(kind) = kind {
            let value = HeaderValue::from_str(&kind);
            headers.insert(CONTENT_TYPE, value.map_err(|e| e.to_string())?);
        }
        self.signer.sign(method.as_str(), &url, &mut headers, &*self.services)?;
        take_credentials(&mut parsed, &mut headers);
        let mut request = Request::new(method, parsed);
        *request.headers_mut() = headers;
        *request.body_mut() = body.map(Into::into);
        Ok(Made { request, url: shown })
    }

    fn headers(&self, batch: &Batch, url: &str) -> Result<HeaderMap, String> {
        let mut headers = HeaderMap::new();
        let mut add = |name: &str, value: &[u8]| {
            let (found, value) = (HeaderName::try_from(name), HeaderValue::from_bytes(value));
            let what = match (found, value) {
                (Ok(name), Ok(value)) => {
                    headers.append(name, value);
                    return Ok(());
                }
                (Err(_), _) => format!("name {name:?}"),
                (Ok(_), Err(_)) => format!("value for {name:?}"),
            };
            let what = format!("net/http: invalid header field {what}");
            Err(on_the_way(&self.verb, url, &what))
        };
        for (name, text) in &self.headers {
            let value = text.of(batch, 0);
            let value = value.map_err(|e| format!("header '{name}' interpolation error: {e}"))?;
            add(name, &value)?;
        }
        for (key, value) in self.metadata_of(batch, 0) {
            add(&key, value.as_bytes())?;
        }
        if let Some(host) = &self.host {
            let host = host.of(batch, 0);
            add(HOST.as_str(), &host.map_err(|e| format!("host interpolation error: {e}"))?)?;
        }
        Ok(headers)
    }

    fn metadata_of(&self, batch: &Batch, index: usize) -> Vec<(String, String)> {
        let record = batch.as_records().and_then(|records| records.recs.get(index));
        let Some(meta) = record.and_then(|record| record.meta.as_ref()) else { return Vec::new() };
        let admitted = meta.iter().filter(|(key, _)| self.metadata.admits(key));
        admitted.map(|(key, value)| (key.to_owned(), text_of(value))).collect()
    }

    /// The text of the content type, if the user gives one. Only this spelling is known.
    fn given_kind(&self) -> Option<&Text> {
        self.headers.iter().find(|(name, _)| name == "Content-Type").map(|(_, text)| text)
    }

    fn body(&self, batch: &Batch) -> Result<(Option<Bytes>, Option<String>), String> {
        let octets = || self.given_kind().is_none().then(|| OCTETS.to_owned());
        match &self.source {
            Source::Payload(text) => Ok((Some(text.of(batch, 0)?.into()), octets())),
            Source::Parts(parts) => self.parts_of_texts(parts, batch),
            Source::Messages => {
                let Some(records) = batch.as_records() else {
                    return Err("only messages can be sent by HTTP".to_owned());
                };
                match records.recs.len() {
                    0 => Ok((None, None)),
                    1 => {
                        let body = records.bytes(0, &mut Vec::new()).to_vec();
                        Ok((Some(body.into()), octets()))
                    }
                    _ => self.parts_of_messages(batch),
                }
            }
        }
    }

    fn boundary(&self) -> String {
        multipart::new_boundary(|| self.services.random())
    }

    fn parts_of_texts(
        &self,
        parts: &[[Text; 3]],
        batch: &Batch,
    ) -> Result<(Option<Bytes>, Option<String>), String> {
        let (boundary, mut out) = (self.boundary(), Vec::new());
        for [kind, place, body] in parts {
            let part = |text: &Text, what: &str| {
                text.of(batch, 0).map_err(|e| format!("{what} interpolation error: {e}"))
            };
            let kind = part(kind, "content-type")?;
            let place = part(place, "content-disposition")?;
            let body = part(body, "part body")?;
            let head = [line("Content-Disposition", &place), line("Content-Type", &kind)].concat();
            multipart::push(&head, &body, &boundary, &mut out);
        }
        let kind = multipart::close(&boundary, &mut out);
        Ok((Some(out.into()), Some(kind)))
    }

    fn parts_of_messages(&self, batch: &Batch) -> Result<(Option<Bytes>, Option<String>), String> {
        let (boundary, mut out, mut scratch) = (self.boundary(), Vec::new(), Vec::new());
        for index in 0..batch.len() {
            let kind = self.given_kind().map(|text| text.of(batch, index)).transpose();
            let kind = kind.map_err(|e| format!("content-type interpolation error: {e}"))?;
            let kind = kind.unwrap_or_else(|| OCTETS.as_bytes().to_vec());
            let mut lines = vec![line("Content-Type", &kind)];
            let more = self.metadata_of(batch, index);
            lines.extend(more.iter().map(|(key, value)| line(key, value.as_bytes())));
            lines.sort();
            let Some(records) = batch.as_records() else { continue };
            let body = records.bytes(index, &mut scratch);
            multipart::push(&lines.concat(), body, &boundary, &mut out);
        }
        let kind = multipart::close(&boundary, &mut out);
        Ok((Some(out.into()), Some(kind)))
    }
}

/// A line of the head of a part. What would end it is left out.
fn line(name: &str, value: &[u8]) -> String {
    let whole = |c: &char| !matches!(c, '\r' | '\n');
    let value = String::from_utf8_lossy(value);
    let name: String = name.chars().filter(whole).collect();
    let value: String = value.chars().filter(whole).collect();
    format!("{name}: {value}\r\n")
}

/// An address, and how it is shown: without a password.
fn parse(verb: &str, text: &str) -> Result<(Url, String), String> {
    let url = match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => url,
        Ok(url) => return Err(unknown_scheme(verb, text, url.scheme())),
        Err(_) if !text.contains("://") => return Err(unknown_scheme(verb, text, "")),
        Err(error) => return Err(format!("parse {text:?}: {error}")),
    };
    let shown = match url.password() {
        Some(_) => {
            let mut shown = url.clone();
            // An address with a host may have a password.
            let _ = shown.set_password(Some("xxxxx"));
            shown.to_string()
        }
        None => text.to_owned(),
    };
    Ok((url, shown))
}

fn unknown_scheme(verb: &str, text: &str, scheme: &str) -> String {
    on_the_way(verb, text, &format!("unsupported protocol scheme {scheme:?}"))
}

/// Moves name and password of an address into a header.
fn take_credentials(url: &mut Url, headers: &mut HeaderMap) {
    if url.username().is_empty() && url.password().is_none() {
        return;
    }
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let (name, password) = (decoded(url.username()), decoded(url.password().unwrap_or_default()));
    // An address with a host may have both.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    if !headers.contains_key(AUTHORIZATION)
        && let Some(value) = basic(&name, &password)
    {
        headers.insert(AUTHORIZATION, value);
    }
}
