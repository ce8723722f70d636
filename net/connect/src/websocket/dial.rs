//! Connecting to a server: through a proxy where there is one, with TLS where it is wanted, up to
//! the agreement that this is a websocket now.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use plan::{BuildError, Services};
use reqwest::Url;
use reqwest::header::HeaderMap;
use rt::net::Stream;
use rustls::ClientConfig;
use wire::http1::{BodyLength, Event, ResponseDecoder, ResponseHead, write_request_head};
use wire::websocket::{Codec, Side, accepts, write_request};

use super::session::{Reader, Session};
use super::{Credentials, Place, socks};
use crate::http_client::auth::Signer;
use crate::http_client::tls::Tls;
use crate::link::{self, Link, READ_BYTES};
use crate::reader::Bytestream;
use crate::socket::{Network, connect};
use crate::text::io_text;

/// How long it may take until both sides agree.
const HANDSHAKE_MAX: Duration = Duration::from_secs(45);
/// Letters of an answer that is none which are shown.
const SHOWN_MAX: usize = 64;
/// Who asks.
const AGENT: &str = concat!("mainstem/", env!("CARGO_PKG_VERSION"));

/// Connects, again and again.
pub(super) struct Dialer {
    /// Nothing where the address is none of a websocket.
    target: Option<Target>,
    tls: Arc<ClientConfig>,
    signer: Signer,
    services: Rc<dyn Services>,
    /// How long it may take until both sides agree.
    pub(super) patience: Duration,
}

/// What an address says.
struct Target {
    url: Url,
    host: String,
    port: u16,
    encrypted: bool,
    proxy: Option<Intercept>,
}

impl Dialer {
    pub(super) fn new(
        place: Place,
        tls: &Tls,
        credentials: &Credentials,
        services: Rc<dyn Services>,
    ) -> Result<Self, BuildError> {
        let Credentials { oauth, basic_auth, jwt } = credentials;
        let signer = Signer::new(oauth, jwt, basic_auth, &*services)?;
        let tls = Arc::new(tls.client(&["http/1.1"], &*services)?);
        let proxies = proxies(place.proxy_url.as_deref().unwrap_or_default(), &*services)?;
        let target = target(&place.url, &proxies, place.proxy_url.is_some_and(|p| !p.is_empty()));
        Ok(Dialer { target, tls, signer, services, patience: HANDSHAKE_MAX })
    }

    /// Connects and agrees with the server.
    ///
    /// # Errors
    /// The text of what went wrong.
    pub(super) async fn dial(&self) -> Result<(Reader, Rc<Session>), String> {
        let target = self.target.as_ref().ok_or("malformed ws or wss URL")?;
        let dialed = rt::timeout(self.patience, self.agree(target)).await;
        dialed.unwrap_or_else(|_| Err(format!("dial tcp {}: i/o timeout", target.address())))
    }

    async fn agree(&self, target: &Target) -> Result<(Reader, Rc<Session>), String> {
        let stream = match &target.proxy {
            None => connect(Network::Tcp, &target.address()).await?,
            Some(proxy) => through(proxy, target).await?,
        };
        let link = match target.encrypted {
            false => link::plain(stream),
            true => {
                let host = target.host.trim_matches(['[', ']']);
                let link = link::tls::client(stream, host, Arc::clone(&self.tls)).await;
                link.map_err(|error| format!("tls: {}", io_text(&error)))?
            }
        };
        self.handshake(target, link).await
    }

    async fn handshake(
        &self,
        target: &Target,
        link: Link,
    ) -> Result<(Reader, Rc<Session>), String> {
        let (mut read, mut write) = link;
        let mut signed = HeaderMap::new();
        self.signer.sign("GET", target.url.as_str(), &mut signed, &*self.services)?;
        let mut headers = vec![("User-Agent", AGENT)];
        let signed = signed.values().filter_map(|value| value.to_str().ok());
        headers.extend(signed.map(|value| ("Authorization", value)));
        let random = || u128::from(self.services.random());
        let mut request = Vec::new();
        let key = write_request(
            &mut request,
            &target.shown_host(),
            &target.path(),
            &headers,
            (random() << 64) | random(),
        );
        let key = key.map_err(|error| error.to_string())?;
        let sent = write.send(request).await;
        sent.map_err(|error| format!("write tcp {}: {}", target.address(), io_text(&error)))?;
        let (head, rest) = answer(&mut *read).await?;
        if !accepts(&head, &key) {
            return Err("websocket: bad handshake".to_owned());
        }
        let mut codec = Codec::new(Side::Client);
        codec.feed(&rest);
        Ok(Session::open(codec, (read, write)))
    }
}

/// What an address of a websocket says.
fn target(url: &str, proxies: &Matcher, given: bool) -> Option<Target> {
    let url = Url::parse(url).ok()?;
    let encrypted = match url.scheme() {
        "ws" => false,
        "wss" => true,
        _ => return None,
    };
    if !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    let host = url.host_str()?.to_owned();
    let port = url.port_or_known_default()?;
    let scheme = if encrypted { "https" } else { "http" };
    let near = host == "localhost"
        || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    let same = format!("{scheme}://{host}:{port}").parse::<Uri>().ok();
    let proxy = same.and_then(|uri| proxies.intercept(&uri)).filter(|_| given || !near);
    Some(Target { url, host, port, encrypted, proxy })
}

impl Target {
    fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The host as the server knows itself: the usual port is left out.
    fn shown_host(&self) -> String {
        match self.url.port() {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    fn path(&self) -> String {
        match self.url.query() {
            Some(query) => format!("{}?{query}", self.url.path()),
            None => self.url.path().to_owned(),
        }
    }
}

/// Which proxy goes for which address.
fn proxies(given: &str, services: &dyn Services) -> Result<Matcher, BuildError> {
    if !given.is_empty() {
        if let Err(error) = given.parse::<Uri>() {
            return Err(BuildError::new(format!("field 'proxy_url': {error}")));
        }
        return Ok(Matcher::builder().all(given.to_owned()).build());
    }
    let variable = |name: &str| {
        let upper = services.env_var(name).filter(|value| !value.is_empty());
        upper.or_else(|| services.env_var(&name.to_lowercase())).unwrap_or_default()
    };
    let matcher = Matcher::builder()
        .http(variable("HTTP_PROXY"))
        .https(variable("HTTPS_PROXY"))
        .no(variable("NO_PROXY"));
    Ok(matcher.build())
}

/// A connection to a server through a proxy.
async fn through(proxy: &Intercept, target: &Target) -> Result<Stream, String> {
    let uri = proxy.uri();
    let usual = match uri.scheme_str().unwrap_or_default() {
        "http" => 80,
        "socks5" | "socks5h" => 1080,
        scheme => return Err(format!("proxy: unknown scheme: {scheme}")),
    };
    let (host, port) = (uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(usual));
    let name = format!("{host}:{port}");
    let mut stream = connect(Network::Tcp, &name).await?;
    if usual != 80 {
        let who = proxy.raw_auth();
        socks::through(&mut stream, &name, who, &target.host, target.port).await?;
        return Ok(stream);
    }
    let address = &*target.address();
    let mut headers = vec![("Host", address), ("User-Agent", AGENT)];
    let credentials = proxy.basic_auth().and_then(|value| value.to_str().ok());
    headers.extend(credentials.map(|value| ("Proxy-Authorization", value)));
    let mut request = Vec::new();
    write_request_head(&mut request, "CONNECT", address, &headers, BodyLength::None)
        .map_err(|error| error.to_string())?;
    let failed = |error: std::io::Error| format!("write tcp {name}: {}", io_text(&error));
    stream.write_all(request).await.0.map_err(failed)?;
    // A proxy says nothing after its answer before the server does.
    let (head, _) = answer(&mut stream).await?;
    match head.status {
        200 => Ok(stream),
        status => Err(wire::http1::reason(status).to_owned()),
    }
}

/// The head of an answer, and what came behind it.
async fn answer(link: &mut dyn Bytestream) -> Result<(ResponseHead, Vec<u8>), String> {
    // A proxy that agrees sends no body, whatever the head says, and that of one that does not is
    // not read.
    let mut decoder = ResponseDecoder::new(0);
    decoder.expect_no_body();
    let (mut head, mut shown) = (None, Vec::new());
    loop {
        match decoder.next_event() {
            Ok(Some(Event::Head(found))) => head = Some(found),
            Ok(Some(Event::Body(_))) => {}
            Ok(Some(Event::End)) => {
                if let Some(head) =
                    head.take().filter(|head| !matches!(head.status, 100 | 102..=199))
                {
                    return Ok((head, decoder.take_rest()));
                }
            }
            Ok(None) => {
                let (count, bytes) = link.read(Vec::with_capacity(READ_BYTES)).await;
                let count = count.map_err(|error| format!("read: {}", io_text(&error)))?;
                if count == 0 {
                    return Err("unexpected EOF".to_owned());
                }
                let room = SHOWN_MAX.saturating_sub(shown.len()).min(bytes.len());
                shown.extend_from_slice(bytes.get(..room).unwrap_or_default());
                decoder.feed(&bytes);
            }
            Err(_) => {
                let text = String::from_utf8_lossy(&shown);
                let line = text.lines().next().unwrap_or_default();
                return Err(format!("malformed HTTP response {line:?}"));
            }
        }
    }
}
