//! Who sends a request: OAuth 1, signed tokens, name and password.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use plan::{BuildError, Json, Secret, Services};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use ring::rand::SystemRandom;
use ring::signature::{self, Ed25519KeyPair, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// OAuth 1.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct OAuth {
    /// Whether requests are signed.
    pub enabled: bool,
    /// Who the client is.
    pub consumer_key: String,
    /// What proves it.
    pub consumer_secret: Secret<String>,
    /// Stands for the user.
    pub access_token: String,
    /// What proves that the token is rightly used.
    pub access_token_secret: Secret<String>,
}

/// Name and password.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct BasicAuth {
    /// Whether they are sent.
    pub enabled: bool,
    /// The name.
    pub username: String,
    /// The password.
    pub password: Secret<String>,
}

/// A token that is signed here.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Jwt {
    /// Whether one is sent.
    pub enabled: bool,
    /// A file with the private key, as PEM.
    pub private_key_file: String,
    /// `RS256`, `RS384`, `RS512` or `EdDSA`.
    pub signing_method: String,
    /// What the token says.
    #[schemars(extend("advanced" = true))]
    pub claims: BTreeMap<String, Json>,
    /// More headers of the token.
    #[schemars(extend("advanced" = true))]
    pub headers: BTreeMap<String, Json>,
}

/// What stays as it is in a query.
const QUERY: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b' ');

/// A text as it stands in a query.
pub(super) fn escaped(text: &str) -> String {
    utf8_percent_encode(text, QUERY).to_string().replace(' ', "+")
}

/// Parameters as a query or a form, by their names.
pub(super) fn form<'a>(params: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let pairs = params.into_iter().map(|(key, value)| (escaped(key), escaped(value)));
    pairs.map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("&")
}

impl OAuth {
    fn header(&self, verb: &str, url: &str, nonce: &str, time: &str) -> String {
        let params = form([
            ("oauth_consumer_key", self.consumer_key.as_str()),
            ("oauth_nonce", nonce),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", time),
            ("oauth_token", &self.access_token),
            ("oauth_version", "1.0"),
        ]);
        let base = format!("{verb}&{}&{}", escaped(url), escaped(&params));
        let secrets = [self.consumer_secret.expose(), self.access_token_secret.expose()];
        let key = secrets.map(|secret| escaped(secret)).join("&");
        let digest = hmac_sha1(key.as_bytes(), base.as_bytes());
        let (key, token) = (escaped(&self.consumer_key), escaped(&self.access_token));
        let signature = escaped(&STANDARD.encode(digest));
        format!(
            "oauth_consumer_key=\"{key}\", oauth_nonce=\"{nonce}\", \
             oauth_signature=\"{signature}\", oauth_signature_method=\"HMAC-SHA1\", \
             oauth_timestamp=\"{time}\", oauth_token=\"{token}\", oauth_version=\"1.0\""
        )
    }
}

fn hmac_sha1(key: &[u8], text: &[u8]) -> Vec<u8> {
    // Keys of any length are fine.
    let Ok(mut mac) = Hmac::<sha1::Sha1>::new_from_slice(key) else { return Vec::new() };
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

enum Key {
    Rsa(RsaKeyPair, &'static dyn signature::RsaEncoding),
    Ed(Ed25519KeyPair),
}

/// Signs tokens.
struct Tokens {
    key: Key,
    /// Header and claims, which are always the same.
    content: String,
    random: SystemRandom,
}

impl Tokens {
    fn new(config: &Jwt, services: &dyn Services) -> Result<Self, BuildError> {
        let failed = |text: String| BuildError::new(format!("field 'jwt': {text}"));
        let method = config.signing_method.as_str();
        let padding: Option<&dyn signature::RsaEncoding> = match method {
            "RS256" => Some(&signature::RSA_PKCS1_SHA256),
            "RS384" => Some(&signature::RSA_PKCS1_SHA384),
            "RS512" => Some(&signature::RSA_PKCS1_SHA512),
            "EdDSA" => None,
            other => {
                return Err(failed(format!(
                    "jwt signing method {other} not acepted. Try with RS256, RS384, RS512 or EdDSA"
                )));
            }
        };
        let path = &config.private_key_file;
        let pem = services.read_file(path);
        let pem = pem.map_err(|e| failed(format!("failed to read private key: {path}: {e}")))?;
        let bad = |e: String| failed(format!("failed to parse {method} private key: {e}"));
        let der = PrivateKeyDer::from_pem_slice(&pem).map_err(|e| bad(e.to_string()))?;
        let key = match (padding, &der) {
            (Some(padding), PrivateKeyDer::Pkcs1(der)) => {
                let pair = RsaKeyPair::from_der(der.secret_pkcs1_der());
                pair.map(|pair| Key::Rsa(pair, padding))
            }
            (Some(padding), der) => {
                let pair = RsaKeyPair::from_pkcs8(der.secret_der());
                pair.map(|pair| Key::Rsa(pair, padding))
            }
            (None, der) => {
                Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_der()).map(Key::Ed)
            }
        };
        let key = key.map_err(|e| bad(e.to_string()))?;
        let mut header: BTreeMap<&str, &Json> = BTreeMap::new();
        let (alg, typ) = (Json::from(method), Json::from("JWT"));
        header.extend([("alg", &alg), ("typ", &typ)]);
        header.extend(config.headers.iter().map(|(key, value)| (key.as_str(), value)));
        let part =
            |json: serde_json::Result<Vec<u8>>| json.map(|json| URL_SAFE_NO_PAD.encode(json));
        let header = part(serde_json::to_vec(&header)).map_err(|e| bad(e.to_string()))?;
        let claims = part(serde_json::to_vec(&config.claims)).map_err(|e| bad(e.to_string()))?;
        Ok(Tokens { key, content: format!("{header}.{claims}"), random: SystemRandom::new() })
    }

    fn token(&self) -> Result<String, String> {
        let content = self.content.as_bytes();
        let signed = match &self.key {
            Key::Ed(pair) => pair.sign(content).as_ref().to_vec(),
            Key::Rsa(pair, padding) => {
                let mut signed = vec![0; pair.public().modulus_len()];
                let made = pair.sign(*padding, &self.random, content, &mut signed);
                made.map_err(|_| "failed to sign jwt: the key does not fit".to_owned())?;
                signed
            }
        };
        Ok(format!("{}.{}", self.content, URL_SAFE_NO_PAD.encode(signed)))
    }
}

/// Tells who sends a request.
pub(crate) struct Signer {
    oauth: Option<OAuth>,
    tokens: Option<Tokens>,
    basic: Option<HeaderValue>,
}

/// The header that says a name and a password.
pub(super) fn basic(name: &str, password: &str) -> Option<HeaderValue> {
    let text = format!("Basic {}", STANDARD.encode(format!("{name}:{password}")));
    secret(&text)
}

/// The value of a header that is not shown.
pub(super) fn secret(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_bytes(text.as_bytes()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl Signer {
    pub(crate) fn new(
        oauth: &OAuth,
        jwt: &Jwt,
        pair: &BasicAuth,
        services: &dyn Services,
    ) -> Result<Self, BuildError> {
        let tokens = jwt.enabled.then(|| Tokens::new(jwt, services)).transpose()?;
        let basic = pair.enabled.then(|| basic(&pair.username, pair.password.expose())).flatten();
        Ok(Signer { oauth: oauth.enabled.then(|| oauth.clone()), tokens, basic })
    }

    /// Adds what is needed to the headers of a request.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub(crate) fn sign(
        &self,
        verb: &str,
        url: &str,
        headers: &mut HeaderMap,
        services: &dyn Services,
    ) -> Result<(), String> {
        let unfit = || "the value of the header 'Authorization' is not valid".to_owned();
        if let Some(oauth) = &self.oauth {
            let nonce = (services.random() >> 1).to_string();
            let time = services.wall_ns().div_euclid(1_000_000_000).to_string();
            let value = secret(&oauth.header(verb, url, &nonce, &time)).ok_or_else(unfit)?;
            headers.append(AUTHORIZATION, value);
        }
        if let Some(tokens) = &self.tokens {
            let value = format!("Bearer {}", tokens.token()?);
            headers.insert(AUTHORIZATION, secret(&value).ok_or_else(unfit)?);
        }
        if let Some(basic) = &self.basic {
            headers.insert(AUTHORIZATION, basic.clone());
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "auth_tests.rs"]
mod tests;
