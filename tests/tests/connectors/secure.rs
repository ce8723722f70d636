//! Encrypted connections: a server of another make that shows a certificate, wants one, or is
//! behind a proxy, and curl in front of our own.

use std::fs;
use std::process::{Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use tests::program::{Folder, until};

use crate::foreign::{Ends, python};
use crate::peers::free_address;
use crate::service::{STREAM, Service};

/// Numbers that the server has.
const NUMBERS: u64 = 50;

/// A server with a certificate that hands out numbers, says back and keeps what it gets; with an
/// authority it wants certificates of that one.
const SERVER: &str = r#"
import http.server, os, ssl, sys, threading
folder, name, cert, key, authority, port = sys.argv[1:7]
lock, given = threading.Lock(), iter(range(50))
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def reply(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        with lock: number = next(given, None)
        self.reply(b"" if number is None else str(number).encode())
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/keep":
            with lock, open(folder + "/kept", "a") as kept: kept.write(body.decode() + "\n")
        self.reply(body)
class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_): pass
server = Server(("127.0.0.1", int(port)), Handler)
if cert != "-":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    if authority != "-":
        context.load_verify_locations(authority)
        context.verify_mode = ssl.CERT_REQUIRED
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False)
with open(folder + "/" + name + ".new", "w") as file: file.write(str(server.server_port))
os.rename(folder + "/" + name + ".new", folder + "/" + name)
server.serve_forever()
"#;

/// A proxy that wants a password, makes tunnels, passes requests on, and says what it was asked.
const PROXY: &str = r#"
import http.client, http.server, os, socket, sys, threading, urllib.parse
folder, name = sys.argv[1:3]
lock = threading.Lock()
def pump(source, target):
    try:
        while data := source.recv(65536): target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError: pass
class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def known(self):
        with lock, open(folder + "/asked", "a") as asked: asked.write(self.requestline + "\n")
        if self.headers["Proxy-Authorization"] == "Basic YWRhOnNlY3JldA==": return True
        self.send_response(407)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def do_CONNECT(self):
        if not self.known(): return
        host, port = self.path.rsplit(":", 1)
        server = socket.create_connection((host, int(port)))
        self.send_response(200)
        self.end_headers()
        back = threading.Thread(target=pump, args=(server, self.connection), daemon=True)
        back.start()
        pump(self.connection, server)
        back.join()
        self.close_connection = True
    def do_GET(self):
        if not self.known(): return
        url = urllib.parse.urlsplit(self.path)
        server = http.client.HTTPConnection(url.netloc)
        server.request("GET", url.path)
        body = server.getresponse().read()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
with open(folder + "/" + name + ".new", "w") as file: file.write(str(server.server_port))
os.rename(folder + "/" + name + ".new", folder + "/" + name)
server.serve_forever()
"#;

/// Files of an authority, and of a server and a client that it knows.
struct Authority {
    root: String,
    server: (String, String),
    client: (String, String),
}

impl Authority {
    fn new(folder: &Folder, name: &str) -> Self {
        let params = |host: &str| CertificateParams::new(vec![host.to_owned()]).expect("a name");
        let key = || KeyPair::generate().expect("a key");
        let (root_key, mut root) = (key(), params("authority"));
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.distinguished_name.push(rcgen::DnType::CommonName, name);
        let shown = root.self_signed(&root_key).expect("is made").pem();
        let issuer = Issuer::new(root, root_key);
        let write = |file: &str, text: String| folder.write(&format!("{name}-{file}"), text);
        let pair = |host: &str| {
            let key = key();
            let cert = params(host).signed_by(&key, &issuer).expect("is made");
            let files =
                [(format!("{host}.pem"), cert.pem()), (format!("{host}.key"), key.serialize_pem())];
            let [cert, key] = files.map(|(file, text)| write(&file, text));
            (cert, key)
        };
        let (server, client) = (pair("localhost"), pair("client"));
        Authority { root: write("root.pem", shown), server, client }
    }

    /// Starts a server with its certificate; its port, or nothing where there is no Python.
    fn serve(&self, folder: &Folder, wants: Option<&Authority>, port: &str) -> Option<Started> {
        let wanted = wants.map_or("-", |authority| &authority.root);
        let (cert, key) = &self.server;
        serve(folder, [cert, key, wanted, port])
    }
}

type Started = (Ends, String);

fn serve(folder: &Folder, args: [&str; 4]) -> Option<Started> {
    let name = format!("server-{}", args[3]);
    python(folder, SERVER, &name, &args)
}

/// Waits for lines of a file in the folder; returns them, in order.
fn kept(folder: &Folder, count: usize) -> Vec<String> {
    let lines = || {
        let text = fs::read_to_string(folder.path("kept")).unwrap_or_default();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort_by_key(|line| line.parse().unwrap_or(u64::MAX));
        lines
    };
    until(|| (lines().len() >= count).then_some(()));
    lines()
}

fn numbers() -> Vec<String> {
    (0..NUMBERS).map(|number| number.to_string()).collect()
}

/// Settings of a client that shows the certificate of one authority and trusts another, or all.
fn showing(client: &Authority, trusts: &Value) -> Value {
    let (cert, key) = &client.client;
    let mut tls = json!({"enabled": true, "client_certs": [{"cert_file": cert, "key_file": key}]});
    let all = trusts.as_object().expect("fields").clone();
    tls.as_object_mut().expect("fields").extend(all);
    tls
}

/// Input, processor and output show a server who they are, and trust it for what is in a file, in
/// place, or whoever it is.
#[test]
fn a_server_that_wants_certificates() {
    let folder = Folder::new("secure-both");
    let (ours, other) = (Authority::new(&folder, "ours"), Authority::new(&folder, "other"));
    let Some((_server, port)) = ours.serve(&folder, Some(&other), "0") else { return };
    let url = format!("https://localhost:{port}");
    let service = Service::start(&folder, Stdio::null());
    let [cert, key, root] = [&other.client.0, &other.client.1, &ours.root]
        .map(|file| fs::read_to_string(file).expect("a file"));
    let in_place =
        json!({"enabled": true, "root_cas": root, "client_certs": [{"cert": cert, "key": key}]});
    let anybody = showing(&other, &json!({"skip_cert_verify": true}));
    let input = json!({
        "http_client": {"url": format!("{url}/next"), "tls": in_place, "retry_period": "5ms"},
        "processors": [{"http": {"url": format!("{url}/echo"), "verb": "POST", "tls": anybody}}],
    });
    let from_file = showing(&other, &json!({"root_cas_file": ours.root}));
    let output = json!({"http_client": {"url": format!("{url}/keep"), "tls": from_file}});
    service.create(&input, &output);
    assert_eq!(kept(&folder, numbers().len()), numbers(), "{}", service.log());
}

/// A server that is not trusted gets nothing, and what it did not get goes to the one that is.
#[test]
fn a_server_that_is_not_trusted() {
    let folder = Folder::new("secure-trust");
    let (ours, other) = (Authority::new(&folder, "ours"), Authority::new(&folder, "other"));
    let Some((stranger, port)) = other.serve(&folder, None, "0") else { return };
    let url = format!("https://localhost:{port}/keep");
    let service = Service::start(&folder, Stdio::null());
    let lines: String = numbers().iter().map(|number| format!("{number}\n")).collect();
    let input = json!({"file": {"paths": [folder.write("in", lines)]}});
    let tls = json!({"enabled": true, "root_cas_file": ours.root});
    let output = json!({"http_client": {"url": url, "tls": tls, "retry_period": "5ms"}});
    service.create(&input, &output);
    let why = "tls: failed to verify certificate: x509: certificate signed by unknown authority";
    let said = until(|| service.log().contains(why).then_some(()));
    assert!(said.is_some(), "{}", service.log());
    service.reaches("output_error", 3);
    assert_eq!(kept(&folder, 0), [""; 0], "nothing arrives");
    drop(stranger);
    let _trusted = ours.serve(&folder, None, &port).expect("another server");
    assert_eq!(kept(&folder, numbers().len()), numbers(), "{}", service.log());
}

/// A client that does not show who it is fails its messages, which say so.
#[test]
fn a_client_that_shows_nothing() {
    let folder = Folder::new("secure-nobody");
    let (ours, other) = (Authority::new(&folder, "ours"), Authority::new(&folder, "other"));
    let Some((_server, port)) = ours.serve(&folder, Some(&other), "0") else { return };
    let service = Service::start(&folder, Stdio::null());
    let tls = json!({"enabled": true, "root_cas_file": ours.root});
    let url = format!("https://localhost:{port}/keep");
    let http = json!({"url": url, "tls": tls, "retries": 0});
    let said = folder.path("said");
    let input = json!({
        "generate": {"mapping": "root = \"7\"", "count": 1, "interval": ""},
        "processors": [{"http": http}, {"mapping": "root = content().string() + \" \" + error()"}],
    });
    service.create(&input, &json!({"file": {"path": said, "codec": "lines"}}));
    let line = until(|| fs::read_to_string(&said).ok().filter(|text| text.ends_with('\n')));
    let line = line.unwrap_or_else(|| panic!("nothing arrives:\n{}", service.log()));
    assert!(line.starts_with(&format!("7 {url}: Post ")), "{line}");
    assert_eq!(kept(&folder, 0), [""; 0]);
}

/// A proxy passes plain requests on and makes tunnels for those that are encrypted.
#[test]
fn a_proxy_of_another_make() {
    let folder = Folder::new("secure-proxy");
    let ours = Authority::new(&folder, "ours");
    let Some((_plain, plain)) = serve(&folder, ["-", "-", "-", "0"]) else { return };
    fs::remove_file(folder.path("server-0")).expect("it was read");
    let (_secret, secret) = ours.serve(&folder, None, "0").expect("another server");
    let (_proxy, proxy) = python(&folder, PROXY, "proxy", &[]).expect("a proxy");
    let service = Service::start(&folder, Stdio::null());
    let through = |who: &str| format!("http://{who}127.0.0.1:{proxy}");
    let next = format!("http://localhost:{plain}/next");
    let input = json!({"http_client": {"url": next, "proxy_url": through("ada:secret@")}});
    let tls = json!({"enabled": true, "root_cas_file": ours.root});
    let keep = format!("https://localhost:{secret}/keep");
    let output =
        json!({"http_client": {"url": keep, "proxy_url": through("ada:secret@"), "tls": tls}});
    service.create(&input, &output);
    assert_eq!(kept(&folder, numbers().len()), numbers(), "{}", service.log());
    let asked = fs::read_to_string(folder.path("asked")).expect("it was asked");
    assert!(asked.contains(&format!("GET {next} HTTP/1.1")), "{asked}");
    assert!(asked.contains(&format!("CONNECT localhost:{secret} HTTP/1.1")), "{asked}");
    // Who has no password gets nowhere.
    service.delete("5s");
    let output = json!({"http_client": {"url": keep, "proxy_url": through(""), "tls": tls}});
    service.create(&json!({"generate": {"mapping": "root = \"x\"", "count": 1}}), &output);
    let refused = until(|| service.log().contains("Proxy Authentication Required").then_some(()));
    assert!(refused.is_some(), "{}", service.log());
    assert_eq!(kept(&folder, 0), numbers());
}

/// curl posts to and reads from `http_server`s with certificates of their own.
#[test]
#[allow(clippy::print_stderr)] // whoever reads the log should know
fn an_https_client_of_another_make() {
    let folder = Folder::new("secure-curl");
    let ours = Authority::new(&folder, "ours");
    let service = Service::start(&folder, Stdio::null());
    let (cert, key) = &ours.server;
    let [posts, gets] =
        [free_address(), free_address()].map(|a| a.replace("127.0.0.1", "localhost"));
    let own = |address: &str, path: &str| {
        let address = address.replace("localhost", "127.0.0.1");
        json!({"http_server": {
            "address": address, "path": path, "cert_file": cert, "key_file": key, "timeout": "30s",
        }})
    };
    let mut input = own(&posts, "/post");
    let version = "root = content().string() + \" \" + @http_server_tls_version";
    input["processors"] = json!([{"mapping": version}]);
    service.create(&input, &own(&gets, "/get"));
    let curl = |args: &[&str]| {
        let mut command = Command::new("curl");
        command.args(["-sS", "--max-time", "30", "--retry-connrefused", "--retry", "20"]);
        command.args(["--retry-delay", "1"]).args(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
    };
    let post = format!("https://{posts}/post");
    let sent = match curl(&["--cacert", &ours.root, "--data-binary", "one", &post]) {
        Ok(child) => child,
        Err(error) => return eprintln!("skipped: curl: {error}"),
    };
    let got = curl(&["--cacert", &ours.root, &format!("https://{gets}/get")]).expect("it runs");
    let got = got.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&got.stdout), "one TLSv1.3", "{got:?}");
    assert!(sent.wait_with_output().is_ok_and(|sent| sent.status.success()));
    // Neither who speaks plainly nor who does not trust it gets anywhere, and nobody is harmed.
    let plain = curl(&["--data-binary", "two", &post.replace("https", "http")]).expect("it runs");
    let plain = plain.wait_with_output().expect("it ends");
    assert!(String::from_utf8_lossy(&plain.stdout).contains("to an HTTPS server"), "{plain:?}");
    let doubting = curl(&["--data-binary", "three", &post]).expect("it runs");
    assert!(!doubting.wait_with_output().expect("it ends").status.success());
    assert_eq!(service.counter("input_received"), 1, "{STREAM}: {}", service.log());
}
