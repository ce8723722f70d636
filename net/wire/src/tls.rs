//! What a server shows who connects with TLS.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

/// What is wrong with what a server would show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// There is no certificate.
    Certificate(String),
    /// There is no key.
    Key(String),
    /// Both are there, and do not belong together.
    Pair(String),
}

/// The settings of a server with a certificate, its chain behind it, and its key, all in PEM.
///
/// # Errors
/// One of them is none, or they do not belong together.
pub fn server(chain: &[u8], key: &[u8]) -> Result<ServerConfig, Flaw> {
    server_asking(chain, key, WebPkiClientVerifier::no_client_auth())
}

/// The same for a server that has clients show certificates of their own.
///
/// # Errors
/// As [`server`].
pub fn server_asking(
    chain: &[u8],
    key: &[u8],
    clients: Arc<dyn ClientCertVerifier>,
) -> Result<ServerConfig, Flaw> {
    let chain: Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_slice_iter(chain).collect();
    let chain = chain.map_err(|e| Flaw::Certificate(format!("no certificate in PEM: {e}")))?;
    if chain.is_empty() {
        return Err(Flaw::Certificate("no certificate in PEM".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|e| Flaw::Key(format!("no private key in PEM: {e}")))?;
    ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| Flaw::Pair(e.to_string()))?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)
        .map_err(|e| Flaw::Pair(e.to_string()))
}
