//! Whom a client trusts, and how it shows who it is.

use std::sync::{Arc, OnceLock};

use plan::{BuildError, Log, Secret, Services};
use rustls::client::ResolvesClientCert as _;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::identity::ClientCert;
use super::identity::Identity;
use super::verifier::{Anybody, Known};

/// Certificates.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Tls {
    /// Whether any of this counts.
    pub enabled: bool,
    /// Takes whatever certificate a server shows.
    pub skip_cert_verify: bool,
    /// Lets a server start over. It has no effect, which the log says.
    #[schemars(extend("advanced" = true))]
    pub enable_renegotiation: bool,
    /// Certificates that are trusted instead of those of the system, as PEM.
    pub root_cas: Secret<String>,
    /// A file with such certificates.
    pub root_cas_file: String,
    /// Certificates of the client; a server gets the first that it can use.
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

pub(super) fn wrong(text: impl std::fmt::Display) -> BuildError {
    BuildError::new(format!("field 'tls': {text}"))
}

pub(super) fn read(services: &dyn Services, path: &str) -> Result<Vec<u8>, BuildError> {
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
        if self.enabled && self.enable_renegotiation {
            let text = "tls.enable_renegotiation has no effect: no server can start over here";
            services.log(Log::Warn, text, &[]);
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().map_err(wrong)?;
        let verifier: Arc<dyn ServerCertVerifier> = match self.enabled && self.skip_cert_verify {
            true => Arc::new(Anybody(Arc::clone(&provider))),
            false => {
                let (roots, given) = self.roots(services)?;
                Arc::new(Known::new(roots, given, Arc::clone(&provider)))
            }
        };
        let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
        let certs = if self.enabled { self.client_certs.as_slice() } else { &[] };
        let identity = Identity::load(certs, services, &provider)?;
        let mut config = match identity.has_certs() {
            false => builder.with_no_client_auth(),
            true => builder.with_client_cert_resolver(Arc::new(identity)),
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
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
