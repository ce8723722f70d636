//! Basic authentication (spec/benthos-streams-api.md §9).

use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use config::service::BasicAuth;
use md5::Md5;
use sha2::{Digest, Sha256};

use super::answers;
use crate::exchange::{Reply, Request};

/// Cost of scrypt: 2 to the power of this rounds, blocks of eight, one lane, 32 bytes.
const SCRYPT_LOG_N: u8 = 15;

/// How a password is compared with what the configuration has.
enum Check {
    Md5,
    Sha256,
    Bcrypt(String),
    Scrypt(Vec<u8>),
}

/// Who may ask.
pub(super) struct Auth {
    realm: String,
    username: String,
    digest: Vec<u8>,
    check: Check,
    /// Digest of the last header that was right, because some checks are slow on purpose.
    last: Mutex<Option<[u8; 32]>>,
}

impl Auth {
    /// What a configuration asks for, if it asks for anything.
    ///
    /// # Errors
    /// The field that does not fit.
    pub(super) fn of(config: &BasicAuth) -> Result<Option<Self>, String> {
        if !config.enabled {
            return Ok(None);
        }
        let (hash, salt) = (config.password_hash.expose(), config.salt.expose());
        if config.username.is_empty() || hash.is_empty() {
            return Err("basic_auth: both username and password_hash are required".to_owned());
        }
        let decode = |field: &str, text: &str| {
            STANDARD.decode(text).map_err(|e| format!("basic_auth: {field} is not base64: {e}"))
        };
        let digest = decode("password_hash", hash)?;
        let check = match config.algorithm.as_str() {
            "md5" => Check::Md5,
            "sha256" => Check::Sha256,
            "bcrypt" => {
                let text = String::from_utf8(digest.clone());
                Check::Bcrypt(text.map_err(|_| "basic_auth: password_hash is not one of bcrypt")?)
            }
            "scrypt" if salt.is_empty() => {
                return Err("basic_auth: algorithm scrypt needs a salt".to_owned());
            }
            "scrypt" => Check::Scrypt(decode("salt", salt)?),
            other => {
                let known = "md5, sha256, bcrypt or scrypt";
                return Err(format!("basic_auth: algorithm '{other}' is none of {known}"));
            }
        };
        let (realm, username) = (config.realm.clone(), config.username.clone());
        Ok(Some(Auth { realm, username, digest, check, last: Mutex::default() }))
    }

    /// The refusal of a request that does not come from who may ask.
    pub(super) fn refuse(&self, request: &Request) -> Option<Reply> {
        if request.header("authorization").is_some_and(|header| self.is_right(header)) {
            return None;
        }
        let realm = self.realm.replace('\\', "\\\\").replace('"', "\\\"");
        let challenge = format!("Basic realm=\"{realm}\", charset=\"UTF-8\"");
        Some(answers::plain(401, "Unauthorized\n").header("www-authenticate", challenge))
    }

    fn is_right(&self, header: &str) -> bool {
        let seen: [u8; 32] = Sha256::digest(header.as_bytes()).into();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref().is_some_and(|right| same(right, &seen)) {
            return true;
        }
        let right = credentials(header).is_some_and(|(user, password)| {
            // Both are compared, so that the time does not tell which was wrong.
            let user = same(user.as_bytes(), self.username.as_bytes());
            self.is_password(&password) & user
        });
        if right {
            *last = Some(seen);
        }
        right
    }

    fn is_password(&self, password: &str) -> bool {
        let password = password.as_bytes();
        match &self.check {
            Check::Md5 => same(&Md5::digest(password), &self.digest),
            Check::Sha256 => same(&Sha256::digest(password), &self.digest),
            Check::Bcrypt(hash) => bcrypt::verify(password, hash).unwrap_or(false),
            Check::Scrypt(salt) => {
                let mut digest = [0; 32];
                let done = scrypt::Params::new(SCRYPT_LOG_N, 8, 1)
                    .is_ok_and(|p| scrypt::scrypt(password, salt, &p, &mut digest).is_ok());
                done && same(&digest, &self.digest)
            }
        }
    }
}

/// User and password of a header.
fn credentials(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// Compares in a time that depends on the lengths alone.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(algorithm: &str, digest: &[u8], salt: &[u8]) -> BasicAuth {
        BasicAuth {
            enabled: true,
            username: "ann".into(),
            password_hash: plan::Secret::new(STANDARD.encode(digest)),
            algorithm: algorithm.into(),
            salt: plan::Secret::new(STANDARD.encode(salt)),
            ..BasicAuth::default()
        }
    }

    fn asks(auth: &Auth, credentials: &str) -> Option<Reply> {
        let header = format!("Basic {}", STANDARD.encode(credentials));
        let headers = vec![("authorization".to_owned(), header)];
        auth.refuse(&Request { headers, ..Request::default() })
    }

    #[test]
    fn every_algorithm_tells_right_from_wrong() {
        let mut derived = [0; 32];
        let params = scrypt::Params::new(SCRYPT_LOG_N, 8, 1).unwrap();
        scrypt::scrypt(b"se:cret", b"salt", &params, &mut derived).unwrap();
        let bcrypt = bcrypt::hash("se:cret", 4).unwrap();
        for config in [
            config("md5", &Md5::digest(b"se:cret"), b""),
            config("sha256", &Sha256::digest(b"se:cret"), b""),
            config("bcrypt", bcrypt.as_bytes(), b""),
            config("scrypt", &derived, b"salt"),
        ] {
            let auth = Auth::of(&config).unwrap().unwrap();
            for _ in 0..2 {
                assert_eq!(asks(&auth, "ann:se:cret"), None, "{}", config.algorithm);
                for wrong in ["ann:", "ann:secret", "bob:se:cret", "ann"] {
                    let reply = asks(&auth, wrong).unwrap();
                    assert_eq!(
                        (reply.status, reply.body.as_slice()),
                        (401, &b"Unauthorized\n"[..])
                    );
                    let challenge = "Basic realm=\"restricted\", charset=\"UTF-8\"".to_owned();
                    assert!(reply.headers.contains(&("www-authenticate".to_owned(), challenge)));
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_said_at_the_start() {
        let error = |config| Auth::of(&config).err().unwrap();
        assert!(error(config("sha1", b"x", b"")).contains("'sha1'"));
        assert!(error(config("scrypt", b"x", b"")).contains("salt"));
        let bare =
            BasicAuth { password_hash: plan::Secret::new("!".into()), ..config("md5", b"x", b"") };
        assert!(error(bare).contains("not base64"));
        assert!(
            error(BasicAuth { username: String::new(), ..config("md5", b"x", b"") })
                .contains("username")
        );
        assert!(Auth::of(&BasicAuth::default()).unwrap().is_none());
    }
}
