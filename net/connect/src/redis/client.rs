//! Where a Redis is, and the connection to it.

use std::time::Duration as Time;

use plan::{BuildError, Services};
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, FromRedisValue,
    IntoConnectionInfo, RedisError, TlsCertificates, TlsMode, Value,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tls;

/// How long a connection may take to be made.
const CONNECT_TIME: Time = Time::from_secs(5);
/// How long an answer may take.
const ANSWER_TIME: Time = Time::from_secs(3);

/// Where a Redis is.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub(super) struct Config {
    /// Where it is: `redis://user:password@host:6379/1`, where user, password, port and number of
    /// the database may be left out. A cluster, or the sentinels of a failover, are a list with
    /// commas.
    url: String,
    /// What is there.
    #[serde(default)]
    #[schemars(extend("advanced" = true))]
    kind: Kind,
    /// With `failover` the name by which the sentinels know the master.
    #[serde(default)]
    #[schemars(extend("advanced" = true))]
    master: String,
    /// The name that connections have on the server; none when it is empty. In a cluster they have
    /// none.
    #[serde(default)]
    #[schemars(extend("advanced" = true))]
    client_name: String,
    /// Encryption of connections.
    #[serde(default)]
    tls: tls::Config,
}

/// What is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// One server.
    #[default]
    Simple,
    /// Several servers that share the keys.
    Cluster,
    /// Sentinels, which know the server that is the master now.
    Failover,
}

/// A Redis.
pub(super) struct Client {
    kind: Kind,
    nodes: Vec<ConnectionInfo>,
    master: String,
    name: String,
    certificates: Option<TlsCertificates>,
    link: tokio::sync::Mutex<State>,
}

/// The connection, or when the last attempt to make one failed.
#[derive(Default)]
struct State {
    link: Option<Link>,
    failed: Option<(rt::Nanos, RedisError)>,
    /// How many connections there have been.
    number: u64,
}

/// A connection, which many can use at once.
#[derive(Clone)]
enum Link {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Client {
    /// # Errors
    /// What is wrong with the configuration.
    pub(super) fn new(config: &Config, services: &dyn Services) -> Result<Self, BuildError> {
        let nodes = config.url.split(',').map(|url| node(url.trim(), &config.tls));
        let nodes: Vec<ConnectionInfo> = nodes.collect::<Result<_, _>>()?;
        let encrypted =
            |node: &ConnectionInfo| matches!(node.addr(), ConnectionAddr::TcpTls { .. });
        let certificates = match nodes.iter().any(encrypted) {
            true => Some(config.tls.certificates(services)?),
            false => None,
        };
        Ok(Client {
            kind: config.kind,
            nodes,
            master: config.master.clone(),
            name: config.client_name.clone(),
            certificates,
            link: tokio::sync::Mutex::default(),
        })
    }

    /// Whether commands that are sent one after the other arrive in that order.
    pub(super) fn keeps_order(&self) -> bool {
        self.kind != Kind::Cluster
    }

    /// Runs a command.
    ///
    /// # Errors
    /// What the server or the system says. The connection is made anew for the next command where
    /// this one broke it.
    pub(super) async fn run<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        let (link, number) = self.link().await?;
        let answered: Result<Value, RedisError> = match link {
            Link::One(mut link) => link.req_packed_command(command).await,
            Link::Cluster(mut link) => link.req_packed_command(command).await,
        };
        if let Err(error) = &answered
            && (error.is_io_error() || error.is_timeout() || error.is_unrecoverable_error())
        {
            let mut state = self.link.lock().await;
            if state.number == number {
                state.link = None;
            }
        }
        answered.and_then(|value| T::from_redis_value(value.extract_error()?).map_err(Into::into))
    }

    /// The connection and its number; those who wait for one together learn together that there
    /// is none.
    async fn link(&self) -> Result<(Link, u64), RedisError> {
        let asked = rt::now();
        let mut state = self.link.lock().await;
        if let Some(link) = &state.link {
            return Ok((link.clone(), state.number));
        }
        // Somebody has tried since.
        if let Some((_, error)) = state.failed.as_ref().filter(|(at, _)| *at >= asked) {
            return Err(error.clone());
        }
        match self.connect().await {
            Ok(link) => {
                state.number += 1;
                state.link = Some(link.clone());
                Ok((link, state.number))
            }
            Err(error) => {
                state.failed = Some((rt::now(), error.clone()));
                Err(error)
            }
        }
    }

    async fn connect(&self) -> Result<Link, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIME))
            .set_response_timeout(Some(ANSWER_TIME));
        let mut link = match (self.kind, self.nodes.first()) {
            (Kind::Cluster, _) => return self.cluster().await.map(Link::Cluster),
            (Kind::Failover, Some(node)) => self.failover(node, &config).await?,
            (_, Some(node)) => {
                let client = match &self.certificates {
                    Some(certificates) => {
                        redis::Client::build_with_tls(node.clone(), certificates.clone())?
                    }
                    None => redis::Client::open(node.clone())?,
                };
                client.get_multiplexed_async_connection_with_config(&config).await?
            }
            (_, None) => return Err(std::io::Error::other("there is no address").into()),
        };
        if !self.name.is_empty() {
            let mut named = redis::cmd("CLIENT");
            named.arg("SETNAME").arg(&self.name);
            link.req_packed_command(&named).await?.extract_error()?;
        }
        Ok(Link::One(link))
    }

    async fn cluster(&self) -> Result<ClusterConnection, RedisError> {
        let mut builder = ClusterClientBuilder::new(self.nodes.clone())
            .connection_timeout(CONNECT_TIME)
            .response_timeout(ANSWER_TIME);
        if let Some(certificates) = &self.certificates {
            builder = builder.tls(self.tls_mode()).certs(certificates.clone());
        }
        builder.build()?.get_async_connection().await
    }

    async fn failover(
        &self,
        node: &ConnectionInfo,
        config: &AsyncConnectionConfig,
    ) -> Result<MultiplexedConnection, RedisError> {
        let sentinels = self.nodes.iter().map(|node| node.addr().clone());
        let kind = SentinelServerType::Master;
        let mut builder = SentinelClientBuilder::new(sentinels, &self.master, kind)?;
        let settings = node.redis_settings();
        builder = builder.set_client_to_redis_db(settings.db());
        if let Some(username) = settings.username() {
            builder = builder.set_client_to_redis_username(username);
        }
        if let Some(password) = settings.password() {
            builder = builder.set_client_to_redis_password(password);
        }
        if let Some(certificates) = &self.certificates {
            builder = builder
                .set_client_to_redis_tls_mode(self.tls_mode())
                .set_client_to_redis_certificates(certificates.clone())
                .set_client_to_sentinel_tls_mode(self.tls_mode())
                .set_client_to_sentinel_certificates(certificates.clone());
        }
        builder.build()?.get_async_connection_with_config(config).await
    }

    fn tls_mode(&self) -> TlsMode {
        let insecure = |node: &ConnectionInfo| {
            matches!(node.addr(), ConnectionAddr::TcpTls { insecure: true, .. })
        };
        if self.nodes.iter().any(insecure) { TlsMode::Insecure } else { TlsMode::Secure }
    }
}

/// Reads an address.
fn node(url: &str, tls: &tls::Config) -> Result<ConnectionInfo, BuildError> {
    let wrong = |text: String| BuildError::new(format!("redis: {text}"));
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let scheme = match scheme {
        "unix" => "unix",
        "rediss" => "rediss",
        "redis" | "tcp" if tls.enabled => "rediss",
        "redis" | "tcp" => "redis",
        _ => return Err(wrong(format!("invalid URL scheme: {scheme}"))),
    };
    let host = rest.find('@').map_or(0, |at| at + 1);
    let (user, host) = rest.split_at(host);
    // The host may be left out.
    let local = host.is_empty() || host.starts_with([':', '/']);
    let localhost = if local && scheme != "unix" { "localhost" } else { "" };
    let info = format!("{scheme}://{user}{localhost}{host}").into_connection_info();
    // What is wrong is said without the URL, which may hold a password.
    let info = info.map_err(|error| wrong(format!("invalid URL: {error}")))?;
    let addr = match info.addr().clone() {
        ConnectionAddr::TcpTls { host, port, tls_params, .. } => {
            let insecure = tls.skip_cert_verify;
            ConnectionAddr::TcpTls { host, port, insecure, tls_params }
        }
        addr => addr,
    };
    Ok(info.set_addr(addr))
}

/// What is wrong, as users know it.
pub(super) fn text_of(error: &RedisError) -> String {
    if error.is_connection_refusal() {
        return "dial tcp: connect: connection refused".to_owned();
    }
    if error.kind() == ErrorKind::AuthenticationFailed {
        return "WRONGPASS invalid username-password pair or user is disabled.".to_owned();
    }
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str, tls: bool) -> Result<String, String> {
        let tls = serde_json::json!({"enabled": tls});
        let tls: tls::Config = serde_json::from_value(tls).expect("a config");
        let node = node(url, &tls).map_err(|error| error.text)?;
        let settings = node.redis_settings();
        let or = |text: Option<&str>| text.unwrap_or("-").to_owned();
        let (user, password) = (or(settings.username()), or(settings.password()));
        let encrypted = matches!(node.addr(), ConnectionAddr::TcpTls { .. });
        Ok(format!("{} {user} {password} {} {encrypted}", node.addr(), settings.db()))
    }

    #[test]
    fn addresses_are_read() {
        for (url, wanted) in [
            ("redis://:6379", "localhost:6379 - - 0 false"),
            ("redis://localhost:6379/1", "localhost:6379 - - 1 false"),
            ("tcp://place", "place:6379 - - 0 false"),
            ("redis://user:p%40ss@place:7000/2", "place:7000 user p@ss 2 false"),
            ("redis://:pass@:7000", "localhost:7000 - pass 0 false"),
            ("rediss://place", "place:6379 - - 0 true"),
        ] {
            assert_eq!(read(url, false).as_deref(), Ok(wanted), "{url}");
        }
        assert_eq!(read("redis://a", true).as_deref(), Ok("a:6379 - - 0 true"));
        assert_eq!(read("http://a", false), Err("redis: invalid URL scheme: http".to_owned()));
        assert!(read("a:6379", false).is_err());
        let wrong = read("redis://user:secret@place/x", false).expect_err("no number");
        assert!(wrong.starts_with("redis: invalid URL: ") && !wrong.contains("secret"), "{wrong}");
    }
}
