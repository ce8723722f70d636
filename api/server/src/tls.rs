//! Certificates for encrypted connections.

use std::fs;
use std::sync::Arc;

use rustls::ServerConfig;
use wire::tls::Flaw;

/// With what connections of a listener are encrypted.
#[derive(Clone, Debug)]
pub struct Tls(Arc<ServerConfig>);

/// Largest file of a certificate or key in bytes.
const FILE_MAX: u64 = 16 << 20;

impl Tls {
    /// Reads a certificate with its chain and its key, both in PEM. Without either there is no
    /// encryption.
    ///
    /// # Errors
    /// Only one of them is named, or a file does not hold what it should; the text names it.
    pub fn load(cert_file: &str, key_file: &str) -> Result<Option<Self>, String> {
        match (cert_file.is_empty(), key_file.is_empty()) {
            (true, true) => return Ok(None),
            (false, false) => {}
            _ => {
                let text = "both cert_file and key_file must be specified, or neither";
                return Err(text.to_owned());
            }
        }
        let wrong = |file: &str, error: String| format!("{file}: {error}");
        let chain = read(cert_file).map_err(|e| wrong(cert_file, e))?;
        let key = read(key_file).map_err(|e| wrong(key_file, e))?;
        let config = wire::tls::server(&chain, &key).map_err(|flaw| match flaw {
            Flaw::Certificate(error) => wrong(cert_file, error),
            Flaw::Key(error) => wrong(key_file, error),
            Flaw::Pair(error) => format!("{cert_file}, {key_file}: {error}"),
        })?;
        Ok(Some(Tls(Arc::new(config))))
    }

    pub(crate) fn into_config(self) -> ServerConfig {
        Arc::unwrap_or_clone(self.0)
    }
}

fn read(file: &str) -> Result<Vec<u8>, String> {
    let length = fs::metadata(file).map_err(|e| e.to_string())?.len();
    if length > FILE_MAX {
        return Err(format!("the file is longer than {FILE_MAX} bytes"));
    }
    fs::read(file).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_and_its_key_belong_together() {
        assert!(Tls::load("", "").unwrap().is_none());
        let error = |cert: &str, key: &str| Tls::load(cert, key).unwrap_err();
        assert!(error("a.pem", "").contains("both"));
        assert!(error("", "a.pem").contains("both"));
        assert!(error("/no/such.pem", "/no/key.pem").starts_with("/no/such.pem: "));
        let dir = std::env::temp_dir().join(format!("tls-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let path = |name: &str| dir.join(name).display().to_string();
        let one = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(path("cert.pem"), one.cert.pem()).unwrap();
        fs::write(path("key.pem"), one.signing_key.serialize_pem()).unwrap();
        fs::write(path("other.pem"), other.signing_key.serialize_pem()).unwrap();
        fs::write(path("empty.pem"), "").unwrap();
        assert!(Tls::load(&path("cert.pem"), &path("key.pem")).unwrap().is_some());
        assert!(error(&path("empty.pem"), &path("key.pem")).contains("no certificate"));
        assert!(error(&path("cert.pem"), &path("empty.pem")).contains("no private key"));
        assert!(error(&path("cert.pem"), &path("other.pem")).contains("other.pem"));
        fs::remove_dir_all(&dir).unwrap();
    }
}
