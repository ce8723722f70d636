//! Whom a client trusts, and how it shows who it is.

use std::sync::{Arc, OnceLock};

use plan::{BuildError, Secret, Services};
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::verifier::{Anybody, Known};

/// A certificate of the client: in place, or in files.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct ClientCert {
    /// The certificate, as PEM.
    pub cert: String,
    /// Its key, as PEM.
    pub key: Secret<String>,
    /// A file with the certificate.
    pub cert_file: String,
    /// A file with its key.
    pub key_file: String,
    /// What a locked key is opened with; such keys are refused.
    pub password: Secret<String>,
}

/// Certificates.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Tls {
    /// Whether any of this counts.
    pub enabled: bool,
    /// Takes whatever certificate a server shows.
    pub skip_cert_verify: bool,
    /// Lets a server start over; not possible.
    #[schemars(extend("advanced" = true))]
    pub enable_renegotiation: bool,
    /// Certificates that are trusted instead of those of the system, as PEM.
    pub root_cas: Secret<String>,
    /// A file with such certificates.
    pub root_cas_file: String,
    /// Certificates of the client; one at most.
    pub client_certs: Vec<ClientCert>,
}

type Roots = (Arc<RootCertStore>, Vec<CertificateDer<'static>>);

/// What the system trusts; read once, because it does not change while the program runs.
pub(crate) fn roots_of_system() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let read = || {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(roots)
    };
    Arc::clone(ROOTS.get_or_init(read))
}

fn wrong(text: impl std::fmt::Display) -> BuildError {
    BuildError::new(format!("field 'tls': {text}"))
}

fn read(services: &dyn Services, path: &str) -> Result<Vec<u8>, BuildError> {
    services.read_file(path).map_err(|e| wrong(format!("open {path}: {e}")))
}

impl Tls {
    /// The settings of the library. `protocols` are offered to the server: `h2`, `http/1.1`, or
    /// none.
    ///
    /// # Errors
    /// When a certificate cannot be read, or something is asked for that cannot be done.
    pub(crate) fn client(
        &self,
        protocols: &[&str],
        services: &dyn Services,
    ) -> Result<ClientConfig, BuildError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().map_err(wrong)?;
        let verifier: Arc<dyn ServerCertVerifier> = match self.enabled && self.skip_cert_verify {
            true => Arc::new(Anybody(provider)),
            false => {
                let (roots, given) = self.roots(services)?;
                Arc::new(Known::new(roots, given, provider))
            }
        };
        let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
        let mut config = match self.identity(services)? {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(wrong)?,
        };
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Ok(config)
    }

    /// Who is trusted; where that is given, also as it was given.
    fn roots(&self, services: &dyn Services) -> Result<Roots, BuildError> {
        let given = self.root_cas.expose();
        let pem = match (self.enabled, given.is_empty(), self.root_cas_file.is_empty()) {
            (true, false, false) => {
                return Err(wrong(
                    "only one field between root_cas and root_cas_file can be specified",
                ));
            }
            (true, false, true) => given.as_bytes().to_vec(),
            (true, true, false) => read(services, &self.root_cas_file)?,
            (true, true, true) | (false, ..) => return Ok((roots_of_system(), Vec::new())),
        };
        let mut roots = RootCertStore::empty();
        // What is no certificate is passed over.
        let given: Vec<_> = CertificateDer::pem_slice_iter(&pem).flatten().collect();
        roots.add_parsable_certificates(given.iter().cloned());
        Ok((Arc::new(roots), given))
    }

    #[allow(clippy::type_complexity)] // a chain and its key, as the library takes them
    fn identity(
        &self,
        services: &dyn Services,
    ) -> Result<Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>, BuildError> {
        if !self.enabled {
            return Ok(None);
        }
        if self.enable_renegotiation {
            return Err(wrong("enable_renegotiation is not supported"));
        }
        let cert = match self.client_certs.as_slice() {
            [] => return Ok(None),
            [cert] => cert,
            _ => return Err(wrong("more than one client certificate is not supported")),
        };
        if !cert.password.expose().is_empty() {
            return Err(wrong("a client key with a password is not supported"));
        }
        let (chain, key) = match (cert.cert.is_empty(), cert.cert_file.is_empty()) {
            (false, true) => (cert.cert.as_bytes().to_vec(), cert.key.expose().as_bytes().to_vec()),
            (true, false) => (read(services, &cert.cert_file)?, read(services, &cert.key_file)?),
            _ => return Err(wrong("a client certificate is either in cert or in cert_file")),
        };
        let key = PrivateKeyDer::from_pem_slice(&key);
        let key = key.map_err(|_| wrong("failed to decode private key"))?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&chain).collect();
        let chain = chain.map_err(|_| wrong("failed to decode client certificate"))?;
        Ok(Some((chain, key)))
    }
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
