//! A Redis behind encryption, and one whose place sentinels know.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration as Time;

use plan::serde_json::json;
use plan::shared::CacheError;
use plan::{Cache, Json};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rt::testing::TempDir;

use super::cache::SPEC;
use super::tests::{Server, cache, free_port, get, set, value};
use crate::testing::{TestServices, both_modes};

/// How long anything here may take.
const PATIENCE: Time = Time::from_secs(30);

/// Certificates as PEM, all by one authority.
struct Certificates {
    dir: TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Certificates {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Whoever has the name of the authority would count as signed by itself.
        params.distinguished_name.push(DnType::CommonName, "authority");
        let key = KeyPair::generate().expect("a key");
        let authority = CertifiedIssuer::self_signed(params, key).expect("a certificate");
        let made = Certificates { dir: TempDir::new().expect("a folder"), authority };
        made.write("ca.pem", &made.authority.pem());
        made
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).expect("a file");
    }

    /// A certificate and its key in files of this name.
    fn issue(&self, name: &str) {
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(names).expect("names");
        let signed = params.signed_by(&key, &self.authority).expect("a certificate");
        self.write(&format!("{name}.pem"), &signed.pem());
        self.write(&format!("{name}.key"), &key.serialize_pem());
    }

    /// A server that speaks only encrypted; `clients` says whether it wants certificates.
    fn server(&self, clients: &str) -> Option<Server> {
        let port = free_port();
        let (cert, key, authority) =
            (self.path("server.pem"), self.path("server.key"), self.path("ca.pem"));
        Server::run(
            port,
            &[
                "--port",
                "0",
                "--tls-port",
                &port.to_string(),
                "--tls-cert-file",
                &cert,
                "--tls-key-file",
                &key,
                "--tls-ca-cert-file",
                &authority,
                "--tls-auth-clients",
                clients,
            ],
        )
    }

    /// A cache that can read the files; its address is that of a server unless it says another.
    fn cache(&self, port: u16, more: &Json) -> Rc<dyn Cache> {
        let services = Rc::new(TestServices::default());
        for entry in std::fs::read_dir(self.dir.path()).expect("a folder").flatten() {
            let text = std::fs::read(entry.path()).expect("a file");
            let path = entry.path().display().to_string();
            services.files.borrow_mut().insert(path, text);
        }
        let mut config = json!({"url": format!("redis://127.0.0.1:{port}"), "retries": few()});
        more.as_object().into_iter().flatten().for_each(|(k, v)| config[k] = v.clone());
        (SPEC.build)(&config, services).expect("a cache")
    }

    /// A client's own certificate, as files.
    fn client(&self) -> Json {
        json!([{"cert_file": self.path("client.pem"), "key_file": self.path("client.key")}])
    }
}

/// Retries that end soon.
fn few() -> Json {
    json!({"initial_interval": "1ms", "max_elapsed_time": "10ms"})
}

/// What a server is asked without a client, and its answer so far.
fn asked(port: u16, command: &str) -> String {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return String::new() };
    let _ = stream.set_read_timeout(Some(Time::from_secs(1)));
    let mut answer = vec![0; 1 << 16];
    let sent = stream.write_all(format!("{command}\r\n").as_bytes());
    let count = sent.and_then(|()| stream.read(&mut answer)).unwrap_or_default();
    String::from_utf8_lossy(answer.get(..count).unwrap_or_default()).into_owned()
}

/// Asks until an answer has this in it.
async fn answers(port: u16, command: &str, part: &str) {
    let end = rt::now() + PATIENCE;
    while !asked(port, command).contains(part) {
        assert!(rt::now() < end, "{command}: {}", asked(port, command));
        rt::sleep(Time::from_millis(20)).await;
    }
}

#[test]
fn connections_are_encrypted() {
    both_modes(|| async {
        let certificates = Certificates::new();
        certificates.issue("server");
        let Some(server) = certificates.server("no") else { return };
        let tls = |more: &[(&str, Json)]| {
            let mut tls = json!({"enabled": true});
            more.iter().for_each(|(key, value)| tls[*key] = value.clone());
            certificates.cache(server.port, &json!({"tls": tls}))
        };
        let authority = certificates.authority.pem();
        let trusting = tls(&[("root_cas", json!(authority))]);
        let results = trusting.run(vec![set("a", "1", None), get("a")]).await;
        assert_eq!(results, [Ok(None), value("1")]);
        let by_file = tls(&[("root_cas_file", json!(certificates.path("ca.pem")))]);
        assert_eq!(by_file.run(vec![get("a")]).await, [value("1")]);
        let careless = tls(&[("skip_cert_verify", json!(true))]);
        assert_eq!(careless.run(vec![get("a")]).await, [value("1")]);
        let url = format!("rediss://localhost:{}", server.port);
        let named = json!({"url": url, "tls": {"root_cas": authority}});
        let named = certificates.cache(server.port, &named);
        assert_eq!(named.run(vec![get("a")]).await, [value("1")]);
        // Nobody trusts the authority, or there is no encryption.
        let other = Certificates::new();
        let refused = [
            tls(&[]),
            tls(&[("root_cas", json!(other.authority.pem()))]),
            server.cache(json!({"retries": few()})),
        ];
        for cache in refused {
            let results = cache.run(vec![get("a")]).await;
            assert!(matches!(&results[0], Err(CacheError::Other(_))), "{results:?}");
        }
    });
}

#[test]
fn clients_show_their_own_certificate() {
    both_modes(|| async {
        let certificates = Certificates::new();
        certificates.issue("server");
        certificates.issue("client");
        let Some(server) = certificates.server("yes") else { return };
        let with = |certs: Json| {
            let authority = certificates.authority.pem();
            let tls = json!({"enabled": true, "root_cas": authority, "client_certs": certs});
            certificates.cache(server.port, &json!({"tls": tls}))
        };
        let known = with(certificates.client());
        assert_eq!(known.run(vec![set("a", "1", None), get("a")]).await[1], value("1"));
        let text = |name: &str| std::fs::read_to_string(certificates.path(name)).expect("a file");
        let inline = json!([{"cert": text("client.pem"), "key": text("client.key")}]);
        assert_eq!(with(inline).run(vec![get("a")]).await, [value("1")]);
        let results = with(json!([])).run(vec![get("a")]).await;
        assert!(matches!(&results[0], Err(CacheError::Other(_))), "{results:?}");
    });
}

/// A sentinel of the master on a port; `more` says how it speaks.
fn sentinel(dir: &Path, master: u16, more: &[&str]) -> Option<Server> {
    let port = free_port();
    let file = dir.join("sentinel.conf").display().to_string();
    let lines = [
        format!("sentinel monitor mymaster 127.0.0.1 {master} 1"),
        "sentinel down-after-milliseconds mymaster 300".to_owned(),
        "sentinel failover-timeout mymaster 2000".to_owned(),
    ];
    std::fs::write(&file, lines.join("\n") + "\n").expect("a file");
    let own = port.to_string();
    let listens: &[&str] = match more {
        [] => &["--port", &own],
        _ => &["--port", "0", "--tls-port", &own],
    };
    Server::run(port, &[&[&*file, "--sentinel"], listens, more].concat())
}

#[test]
fn sentinels_tell_who_the_master_is() {
    both_modes(|| async {
        let Some(master) = Server::start(&[]) else { return };
        let port = master.port.to_string();
        let Some(replica) = Server::start(&["--replicaof", "127.0.0.1", &port]) else { return };
        answers(replica.port, "INFO replication", "master_link_status:up").await;
        let dir = TempDir::new().expect("a folder");
        let Some(sentinel) = sentinel(dir.path(), master.port, &[]) else { return };
        let patience = json!({"initial_interval": "50ms", "max_elapsed_time": "30s"});
        // The first of the sentinels is away.
        let urls = format!("redis://127.0.0.1:1,redis://127.0.0.1:{}", sentinel.port);
        let with = |more: Json| {
            let mut config = json!({"url": urls, "kind": "failover", "master": "mymaster"});
            more.as_object().into_iter().flatten().for_each(|(k, v)| config[k] = v.clone());
            cache(&config)
        };
        let cache = with(json!({"retries": patience, "client_name": "asking"}));
        assert_eq!(cache.run(vec![set("a", "1", None), get("a")]).await, [Ok(None), value("1")]);
        assert!(asked(master.port, "CLIENT LIST").contains("name=asking"));
        answers(replica.port, "GET a", "$1").await;
        answers(sentinel.port, "SENTINEL replicas mymaster", &replica.port.to_string()).await;
        drop(master);
        let results = cache.run(vec![set("b", "2", None), get("a"), get("b")]).await;
        assert_eq!(results, [Ok(None), value("1"), value("2")]);
        assert!(asked(replica.port, "ROLE").contains("master"));
        let unknown = with(json!({"master": "nobody", "retries": few()}));
        let results = unknown.run(vec![get("a")]).await;
        assert!(matches!(&results[0], Err(CacheError::Other(_))), "{results:?}");
    });
}

#[test]
fn sentinels_and_master_are_encrypted() {
    both_modes(|| async {
        let certificates = Certificates::new();
        certificates.issue("server");
        let Some(master) = certificates.server("no") else { return };
        let (cert, key, authority) = (
            certificates.path("server.pem"),
            certificates.path("server.key"),
            certificates.path("ca.pem"),
        );
        let dir = TempDir::new().expect("a folder");
        let sentinel = sentinel(
            dir.path(),
            master.port,
            &[
                "--tls-replication",
                "yes",
                "--tls-cert-file",
                &cert,
                "--tls-key-file",
                &key,
                "--tls-ca-cert-file",
                &authority,
                "--tls-auth-clients",
                "no",
            ],
        );
        let Some(sentinel) = sentinel else { return };
        let with = |tls: Json| {
            let url = format!("rediss://127.0.0.1:{}", sentinel.port);
            let mut config = json!({"url": url, "kind": "failover", "master": "mymaster"});
            config["tls"] = tls;
            config["retries"] = json!({"initial_interval": "50ms", "max_elapsed_time": "2s"});
            certificates.cache(sentinel.port, &config)
        };
        let trusting = with(json!({"root_cas_file": authority}));
        assert_eq!(trusting.run(vec![set("a", "1", None), get("a")]).await[1], value("1"));
        let careless = with(json!({"skip_cert_verify": true}));
        assert_eq!(careless.run(vec![get("a")]).await, [value("1")]);
        let results = with(json!({})).run(vec![get("a")]).await;
        assert!(matches!(&results[0], Err(CacheError::Other(_))), "{results:?}");
    });
}
