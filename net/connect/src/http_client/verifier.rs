//! Which certificates of servers are good enough.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};

/// Takes the certificates that somebody who is trusted has signed, and those that are trusted
/// themselves, although they might sign others. `openssl req -x509` makes such ones.
#[derive(Debug)]
pub(super) struct Known {
    /// Nothing where nobody is trusted.
    inner: Option<Arc<WebPkiServerVerifier>>,
    given: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl Known {
    pub(super) fn new(
        roots: Arc<RootCertStore>,
        given: Vec<CertificateDer<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> Self {
        let builder = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider));
        Known { inner: builder.build().ok(), given, provider }
    }
}

impl ServerCertVerifier for Known {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let unknown = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let Some(inner) = &self.inner else { return Err(unknown) };
        match inner.verify_server_cert(shown, between, name, ocsp, now) {
            // That it is in time was looked at before.
            Err(error) if might_sign(&error) => {
                if !self.given.iter().any(|given| given == shown) {
                    return Err(unknown);
                }
                verify_server_name(&ParsedCertificate::try_from(shown)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signed, algorithms(&self.provider))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signed, algorithms(&self.provider))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        algorithms(&self.provider).supported_schemes()
    }
}

/// Whether a certificate was refused because it might sign others.
fn might_sign(error: &Error) -> bool {
    let Error::InvalidCertificate(CertificateError::Other(OtherError(why))) = error else {
        return false;
    };
    matches!(why.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

fn algorithms(provider: &CryptoProvider) -> &WebPkiSupportedAlgorithms {
    &provider.signature_verification_algorithms
}

/// Takes whatever certificate a server shows; that it has the key to it is looked at all the same.
#[derive(Debug)]
pub(super) struct Anybody(pub(super) Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signed, algorithms(&self.0))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signed, algorithms(&self.0))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        algorithms(&self.0).supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
    use rustls::crypto::ring::default_provider;

    use super::*;

    /// A certificate for `localhost` that might sign others, made a while after 1970.
    fn made() -> CertificateDer<'static> {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = rcgen::date_time_ymd(2000, 1, 1);
        params.not_after = rcgen::date_time_ymd(2001, 1, 1);
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().clone()
    }

    #[test]
    fn a_certificate_that_might_sign_others_is_good_where_it_is_given() {
        let (own, other) = (made(), made());
        let mut roots = RootCertStore::empty();
        roots.add(own.clone()).unwrap();
        let provider = Arc::new(default_provider());
        let known = Known::new(Arc::new(roots), vec![own.clone()], Arc::clone(&provider));
        let looked_at =
            |known: &Known, shown: &CertificateDer<'static>, name: &'static str, year: u64| {
                let name = ServerName::try_from(name).unwrap();
                let now = Duration::from_secs((year - 1970) * 31_557_000 + 10_000_000);
                let now = UnixTime::since_unix_epoch(now);
                known.verify_server_cert(shown, &[], &name, &[], now).map(|_| ())
            };
        assert_eq!(looked_at(&known, &own, "localhost", 2000), Ok(()));
        let unknown = Err(Error::InvalidCertificate(CertificateError::UnknownIssuer));
        assert_eq!(looked_at(&known, &other, "localhost", 2000), unknown);
        let why = |name, year| looked_at(&known, &own, name, year).unwrap_err().to_string();
        assert!(why("elsewhere", 2000).contains("elsewhere"));
        assert!(why("localhost", 2002).contains("expired"), "{}", why("localhost", 2002));
        assert!(why("localhost", 1999).contains("not valid yet"));
        let nobody = Known::new(Arc::new(RootCertStore::empty()), Vec::new(), provider);
        assert_eq!(looked_at(&nobody, &own, "localhost", 2000), unknown);
    }
}
