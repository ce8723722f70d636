//! What a `socket_server` shows who connects with TLS, and what it wants to see.

use std::sync::Arc;

use plan::{BuildError, Services};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::ring::default_provider;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wire::tls::Flaw;

use crate::http_client::tls::roots_of_system;

/// Whether clients have to show a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// None is asked for.
    #[default]
    No,
    /// Any is asked for, none is needed.
    Request,
    /// One is needed, whoever signed it.
    RequireAny,
    /// One is needed that an authority of the system signed.
    RequireValid,
    /// None is needed, but one that is shown must be signed by an authority of the system.
    VerifyIfGiven,
}

/// Files of a TLS server.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Tls {
    /// File with a certificate and its chain, PEM.
    pub cert_file: String,
    /// File with the key of the certificate, PEM.
    pub key_file: String,
    /// Makes a certificate of its own where there are no files.
    pub self_signed: bool,
    /// Whether clients have to show a certificate.
    pub client_auth: ClientAuth,
}

impl Tls {
    /// The settings of the server.
    ///
    /// # Errors
    /// What is wrong with the files, or that there is no certificate at all.
    pub(super) fn server(&self, services: &dyn Services) -> Result<Arc<ServerConfig>, BuildError> {
        let wrong =
            |file: &str, text: String| BuildError::new(format!("field 'tls': {file}: {text}"));
        let (cert, key) = (&self.cert_file, &self.key_file);
        let (chain, secret) = if !cert.is_empty() && !key.is_empty() {
            let read = |path: &str| services.read_file(path).map_err(|e| wrong(path, e));
            (read(cert)?, read(key)?)
        } else if self.self_signed {
            own_certificate().map_err(|e| BuildError::new(format!("field 'tls': {e}")))?
        } else {
            let text = "must specify either a certificate file or enable self signed";
            return Err(BuildError::new(text));
        };
        let config = wire::tls::server_asking(&chain, &secret, self.clients()?);
        config.map(Arc::new).map_err(|flaw| match flaw {
            Flaw::Certificate(text) => wrong(cert, text),
            Flaw::Key(text) => wrong(key, text),
            Flaw::Pair(text) => wrong(&format!("{cert}, {key}"), text),
        })
    }

    fn clients(&self) -> Result<Arc<dyn ClientCertVerifier>, BuildError> {
        match self.client_auth {
            ClientAuth::No => Ok(WebPkiClientVerifier::no_client_auth()),
            ClientAuth::Request => Ok(Arc::new(Anybody { must_show: false })),
            ClientAuth::RequireAny => Ok(Arc::new(Anybody { must_show: true })),
            ClientAuth::RequireValid | ClientAuth::VerifyIfGiven => {
                let roots = roots_of_system();
                let provider = Arc::new(default_provider());
                let builder = WebPkiClientVerifier::builder_with_provider(roots, provider);
                let builder = match self.client_auth {
                    ClientAuth::VerifyIfGiven => builder.allow_unauthenticated(),
                    _ => builder,
                };
                let failed = |e| BuildError::new(format!("field 'tls.client_auth': {e}"));
                builder.build().map(|verifier| verifier as Arc<_>).map_err(failed)
            }
        }
    }
}

/// A certificate that nobody vouches for, and its key, both in PEM.
fn own_certificate() -> Result<(Vec<u8>, Vec<u8>), rcgen::Error> {
    let made = rcgen::generate_simple_self_signed(Vec::new())?;
    let key = made.signing_key.serialize_pem();
    Ok((made.cert.pem().into_bytes(), key.into_bytes()))
}

/// Takes any certificate whose key the client has.
#[derive(Debug)]
struct Anybody {
    must_show: bool,
}

fn algorithms() -> WebPkiSupportedAlgorithms {
    default_provider().signature_verification_algorithms
}

impl ClientCertVerifier for Anybody {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        self.must_show
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signed, &algorithms())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signed, &algorithms())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        algorithms().supported_schemes()
    }
}
