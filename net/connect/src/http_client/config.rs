//! The options that all HTTP clients have.

use plan::fields::{Duration, Interpolated, RateLimitLabel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::auth::{BasicAuth, Jwt, OAuth};
use super::oauth2::OAuth2;
use super::tls::Tls;
use crate::lookup::{MetadataFilter, Table};

/// How much is logged of each request and answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum DumpLevel {
    /// At the level of every step.
    Trace,
    /// At the level of details.
    Debug,
    /// At the level of what is worth knowing.
    Info,
    /// At the level of what looks wrong.
    Warn,
    /// At the level of errors.
    Error,
    /// At the level of errors, too.
    Fatal,
    /// Nothing is logged.
    #[default]
    #[serde(rename = "")]
    Off,
}

/// The options that all HTTP clients have, besides address and verb.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Common {
    /// Headers of a request.
    pub headers: Table<Interpolated>,
    /// Metadata that is sent as headers.
    #[schemars(extend("advanced" = true))]
    pub metadata: MetadataFilter,
    /// Level at which requests and answers are logged; empty: not at all.
    #[schemars(extend("advanced" = true))]
    pub dump_request_log_level: DumpLevel,
    /// Signs requests by OAuth 1.
    #[schemars(extend("advanced" = true))]
    pub oauth: OAuth,
    /// Gets a token by OAuth 2 and sends it along.
    #[schemars(extend("advanced" = true))]
    pub oauth2: OAuth2,
    /// Sends a name and a password along.
    #[schemars(extend("advanced" = true))]
    pub basic_auth: BasicAuth,
    /// Sends a token along that is signed here.
    #[schemars(extend("advanced" = true))]
    pub jwt: Jwt,
    /// Certificates that differ from those of the system.
    #[schemars(extend("advanced" = true))]
    pub tls: Tls,
    /// Headers of an answer that become metadata, by their names in small letters.
    #[schemars(extend("advanced" = true))]
    pub extract_headers: MetadataFilter,
    /// Rate limit of requests.
    pub rate_limit: RateLimitLabel,
    /// How long a request may take; 0: for ever.
    pub timeout: Duration,
    /// Pause before a request is sent again.
    #[schemars(extend("advanced" = true))]
    pub retry_period: Duration,
    /// The longest pause before a request is sent again.
    #[schemars(extend("advanced" = true))]
    pub max_retry_backoff: Duration,
    /// How often a request is sent again.
    #[schemars(extend("advanced" = true))]
    pub retries: i64,
    /// Goes where an answer says that the resource is now. If not, that answer counts.
    #[schemars(extend("advanced" = true))]
    pub follow_redirects: bool,
    /// Statuses after which pauses grow.
    #[schemars(extend("advanced" = true))]
    pub backoff_on: Vec<u16>,
    /// Statuses after which a request is not sent again.
    #[schemars(extend("advanced" = true))]
    pub drop_on: Vec<u16>,
    /// Statuses that count as success, besides those from 200 to 299.
    #[schemars(extend("advanced" = true))]
    pub successful_on: Vec<u16>,
    /// Address of a proxy.
    #[schemars(extend("advanced" = true))]
    pub proxy_url: String,
    /// Never speaks HTTP/2.
    #[schemars(extend("advanced" = true))]
    pub disable_http2: bool,
}

impl Default for Common {
    fn default() -> Self {
        Common {
            headers: Table::default(),
            metadata: MetadataFilter::default(),
            dump_request_log_level: DumpLevel::default(),
            oauth: OAuth::default(),
            oauth2: OAuth2::default(),
            basic_auth: BasicAuth::default(),
            jwt: Jwt::default(),
            tls: Tls::default(),
            extract_headers: MetadataFilter::default(),
            rate_limit: RateLimitLabel::default(),
            timeout: Duration::from_secs(5),
            retry_period: Duration::from_secs(1),
            max_retry_backoff: Duration::from_secs(300),
            retries: 3,
            follow_redirects: true,
            backoff_on: vec![429],
            drop_on: Vec::new(),
            successful_on: Vec::new(),
            proxy_url: String::new(),
            disable_http2: false,
        }
    }
}
