//! How a client shows who it is: certificates, of which a server gets the one that it can use.

use std::sync::Arc;

use plan::{BuildError, Secret, Services};
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::CertifiedKey;
use rustls::{DistinguishedName, SignatureScheme};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::locked_key::private_key;
use super::tls::{read, wrong};

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
    /// What a locked key is opened with: one of PKCS#8, or one with the older headers.
    pub password: Secret<String>,
}

impl ClientCert {
    /// The certificate with its chain and key.
    ///
    /// # Errors
    /// A part is missing, cannot be read or opened, or they do not belong together.
    fn load(
        &self,
        services: &dyn Services,
        provider: &CryptoProvider,
    ) -> Result<CertifiedKey, BuildError> {
        let missing =
            |field: &str| wrong(format!("missing {field} field in client certificate config"));
        let (cert, key) = if self.cert_file.is_empty() && self.key_file.is_empty() {
            match (self.cert.is_empty(), self.key.expose().is_empty()) {
                (true, _) => return Err(missing("cert")),
                (_, true) => return Err(missing("key")),
                _ => (self.cert.as_bytes().to_vec(), self.key.expose().as_bytes().to_vec()),
            }
        } else {
            match (self.cert_file.is_empty(), self.key_file.is_empty()) {
                (true, _) => return Err(missing("cert_file")),
                (_, true) => return Err(missing("key_file")),
                _ => (read(services, &self.cert_file)?, read(services, &self.key_file)?),
            }
        };
        let key = private_key(&key, self.password.expose()).map_err(wrong)?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&cert).collect();
        let chain = chain.map_err(|_| wrong("failed to decode client certificate"))?;
        if chain.is_empty() {
            return Err(wrong("failed to decode client certificate"));
        }
        CertifiedKey::from_der(chain, key, provider).map_err(wrong)
    }
}

/// The certificates of a client.
#[derive(Debug)]
pub(super) struct Identity(Vec<Arc<CertifiedKey>>);

impl Identity {
    pub(super) fn load(
        certs: &[ClientCert],
        services: &dyn Services,
        provider: &CryptoProvider,
    ) -> Result<Self, BuildError> {
        let certs = certs.iter().map(|cert| cert.load(services, provider).map(Arc::new));
        certs.collect::<Result<_, _>>().map(Identity)
    }
}

/// Whether a server that names authorities accepts a certificate of one of them, and can check it.
fn suits(one: &CertifiedKey, authorities: &[&[u8]], schemes: &[SignatureScheme]) -> bool {
    let named = |cert: &CertificateDer<'_>| {
        let cert = webpki::EndEntityCert::try_from(cert);
        let issuer = cert.map(|cert| DistinguishedName::in_sequence(cert.issuer()));
        issuer.is_ok_and(|issuer| authorities.contains(&issuer.as_ref()))
    };
    one.key.choose_scheme(schemes).is_some()
        && (authorities.is_empty() || one.cert.iter().any(named))
}

impl ResolvesClientCert for Identity {
    /// The first certificate that suits the server; where none does, the first: the server may have
    /// a say about it that is more than its list.
    fn resolve(
        &self,
        authorities: &[&[u8]],
        schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        let suiting = self.0.iter().find(|one| suits(one, authorities, schemes));
        suiting.or(self.0.first()).cloned()
    }

    fn has_certs(&self) -> bool {
        !self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
    use rustls::crypto::ring::default_provider;

    use super::*;
    use crate::testing::TestServices;

    /// An authority of some name, and a certificate that it has signed.
    fn signed(authority: &str) -> (Vec<u8>, ClientCert) {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, authority);
        let key = KeyPair::generate().unwrap();
        let own = params.self_signed(&key).unwrap();
        let name = webpki::EndEntityCert::try_from(own.der()).map(|own| own.subject().to_vec());
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate().unwrap();
        let cert = CertificateParams::new(vec!["client".to_owned()]).unwrap();
        let cert = cert.signed_by(&key, &issuer).unwrap().pem();
        let key = Secret::new(key.serialize_pem());
        (name.unwrap(), ClientCert { cert, key, ..ClientCert::default() })
    }

    #[test]
    fn a_server_gets_the_certificate_that_it_can_use() {
        let ((one, first), (two, second)) = (signed("one"), signed("two"));
        let certs = [first, second];
        let provider = default_provider();
        let identity = Identity::load(&certs, &TestServices::default(), &provider).unwrap();
        let schemes = provider.signature_verification_algorithms.supported_schemes();
        let shown = |authorities: &[&[u8]], schemes: &[SignatureScheme]| {
            let shown = identity.resolve(authorities, schemes).unwrap();
            identity.0.iter().position(|known| Arc::ptr_eq(known, &shown)).unwrap()
        };
        let name = |subject: &[u8]| DistinguishedName::in_sequence(subject);
        let (one, two) = (name(&one), name(&two));
        assert_eq!(shown(&[], &schemes), 0);
        assert_eq!(shown(&[one.as_ref()], &schemes), 0);
        assert_eq!(shown(&[two.as_ref()], &schemes), 1);
        assert_eq!(shown(&[two.as_ref()], &[]), 0, "none suits");
        assert!(identity.has_certs());
        let none = Identity::load(&[], &TestServices::default(), &provider).unwrap();
        assert!(!none.has_certs() && none.resolve(&[], &schemes).is_none());
    }

    #[test]
    fn parts_that_are_missing_are_named() {
        let provider = default_provider();
        let error = |cert: ClientCert| {
            let loaded = Identity::load(&[cert], &TestServices::default(), &provider);
            loaded.map(|_| ()).unwrap_err().text
        };
        let (_, good) = signed("one");
        let (_, other) = signed("two");
        let file = || "x.pem".to_owned();
        let none = ClientCert::default;
        for (cert, text) in [
            (none(), "missing cert field in client certificate config"),
            (ClientCert { cert: file(), ..none() }, "missing key field in client certificate"),
            (ClientCert { cert_file: file(), ..none() }, "missing key_file field in client"),
            (ClientCert { key_file: file(), ..none() }, "missing cert_file field in client"),
            (ClientCert { cert_file: file(), key_file: file(), ..none() }, "open x.pem"),
            (ClientCert { cert: file(), ..good.clone() }, "failed to decode client certificate"),
            (ClientCert { key: Secret::new(file()), ..good }, "failed to decode private key"),
            (ClientCert { key: signed("x").1.key, ..other }, "keys may not be consistent"),
        ] {
            assert!(error(cert).contains(text), "{text}");
        }
    }
}
