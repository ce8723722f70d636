use super::*;
use crate::testing::TestServices;

fn tls(tls: Tls) -> Result<ClientConfig, String> {
    let services = TestServices::default();
    let cert = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    services.files.borrow_mut().insert("cert.pem".to_owned(), cert.into());
    Tls { enabled: true, ..tls }.client(&[], &services).map_err(|e| e.text)
}

fn with(cert: ClientCert) -> Tls {
    Tls { client_certs: vec![cert], ..Tls::default() }
}

#[test]
fn what_is_offered_depends_on_the_version() {
    let services = TestServices::default();
    let offered = |names| Tls::default().client(names, &services).unwrap().alpn_protocols;
    assert_eq!(offered(&["h2", "http/1.1"]), [b"h2".to_vec(), b"http/1.1".to_vec()]);
    assert_eq!(offered(&["http/1.1"]), [b"http/1.1".to_vec()]);
    tls(Tls { skip_cert_verify: true, ..Tls::default() }).unwrap();
    tls(Tls { root_cas: Secret::new("garbage".to_owned()), ..Tls::default() }).unwrap();
}

#[test]
fn what_cannot_be_done_is_refused() {
    let error = |config: Tls| tls(config).unwrap_err();
    let file = || "cert.pem".to_owned();
    let both =
        Tls { root_cas: Secret::new("x".to_owned()), root_cas_file: file(), ..Tls::default() };
    assert!(error(both).contains("only one field between root_cas and root_cas_file"));
    let missing = Tls { root_cas_file: "none.pem".to_owned(), ..Tls::default() };
    assert!(error(missing).contains("open none.pem"));
    let locked = ClientCert { password: Secret::new("x".to_owned()), ..ClientCert::default() };
    assert!(error(with(locked)).contains("missing cert field in client certificate config"));
    let keyless = ClientCert { cert_file: file(), key_file: file(), ..ClientCert::default() };
    assert!(error(with(keyless)).contains("failed to decode private key"));
    // What is not enabled is not looked at.
    let plain = Tls { client_certs: vec![ClientCert::default()], ..Tls::default() };
    plain.client(&[], &TestServices::default()).unwrap();
}

#[test]
fn what_has_no_effect_is_said() {
    let services = TestServices::default();
    let config = Tls { enabled: true, enable_renegotiation: true, ..Tls::default() };
    config.client(&[], &services).unwrap();
    assert!(services.logs.borrow()[0].contains("enable_renegotiation has no effect"));
}
