//! How connections are encrypted.

use plan::{BuildError, Secret, Services};
use redis::{ClientTlsConfig, TlsCertificates};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Encryption of connections.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Config {
    /// Whether connections are encrypted; they are as well where the URL says `rediss`.
    pub(super) enabled: bool,
    /// Whether any certificate of the server is taken.
    pub(super) skip_cert_verify: bool,
    /// Whether the server may begin encryption anew. It may not here, so that it has no effect.
    enable_renegotiation: bool,
    /// Certificates to trust, in the place of those of the system, as PEM.
    root_cas: Secret<String>,
    /// A file with such certificates.
    root_cas_file: String,
    /// The client's own certificate.
    client_certs: Vec<ClientCert>,
}

/// A certificate and its key, each as PEM or as the path of a file.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct ClientCert {
    /// The certificate.
    cert: String,
    /// The key.
    key: Secret<String>,
    /// The file of the certificate.
    cert_file: String,
    /// The file of the key.
    key_file: String,
    /// What the key is encrypted with; such keys are not read here.
    password: Secret<String>,
}

impl Config {
    /// Reads the certificates.
    ///
    /// # Errors
    /// A file that cannot be read, or what is not supported.
    pub(super) fn certificates(
        &self,
        services: &dyn Services,
    ) -> Result<TlsCertificates, BuildError> {
        let of = |text: &str, path: &str| match (text.is_empty(), path.is_empty()) {
            (false, _) => Ok(Some(text.as_bytes().to_vec())),
            (true, true) => Ok(None),
            (true, false) => services.read_file(path).map(Some).map_err(BuildError::new),
        };
        let root_cert = of(self.root_cas.expose(), &self.root_cas_file)?;
        let client_tls = match self.client_certs.as_slice() {
            [] => None,
            [one] => {
                if !one.password.expose().is_empty() {
                    return Err(BuildError::new("encrypted keys of certificates are not read"));
                }
                let missing = || BuildError::new("a client certificate needs both cert and key");
                Some(ClientTlsConfig {
                    client_cert: of(&one.cert, &one.cert_file)?.ok_or_else(missing)?,
                    client_key: of(one.key.expose(), &one.key_file)?.ok_or_else(missing)?,
                })
            }
            _ => return Err(BuildError::new("there may be one client certificate at most")),
        };
        Ok(TlsCertificates { client_tls, root_cert })
    }
}
