//! Websockets: source and sink that connect to a server.

mod dial;
pub mod input;
pub mod output;
pub(crate) mod session;
mod socks;

use std::rc::Rc;

use plan::{BuildError, Env};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::http_client::auth::{BasicAuth, Jwt, OAuth};
use crate::http_client::tls::Tls;
use dial::Dialer;

/// Where to connect.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Place {
    /// The address: `ws://...` or, with encryption, `wss://...`.
    pub url: String,
    /// Address of a proxy that speaks HTTP or SOCKS5. Without one the variables `HTTP_PROXY`,
    /// `HTTPS_PROXY` and `NO_PROXY` of the environment count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("advanced" = true))]
    pub proxy_url: Option<String>,
}

/// Who connects.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Credentials {
    /// Signs the request by OAuth 1.
    #[schemars(extend("advanced" = true))]
    pub oauth: OAuth,
    /// Sends a name and a password along.
    #[schemars(extend("advanced" = true))]
    pub basic_auth: BasicAuth,
    /// Sends a token along that is signed here.
    #[schemars(extend("advanced" = true))]
    pub jwt: Jwt,
}

/// A dialer, from the options that source and sink share.
fn dialer(
    place: Place,
    tls: &Tls,
    credentials: &Credentials,
    env: &dyn Env,
) -> Result<Rc<Dialer>, BuildError> {
    Dialer::new(place, tls, credentials, env.services()).map(Rc::new)
}

#[cfg(test)]
mod tests;
