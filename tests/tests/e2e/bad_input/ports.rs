//! Ports in use: at start-up the process ends and names the address; a stream waits for its own.

use std::io::Write;
use std::net::{TcpListener, TcpStream};

use serde_json::json;
use tests::program::{Program, http, until};

use super::{Served, folder, refused, serve};

/// An address that somebody else listens on.
fn taken() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("an address").to_string();
    (listener, address)
}

#[test]
fn a_rest_port_in_use_ends_the_process_and_is_named() {
    let (_listener, address) = taken();
    let (host, port) = address.split_once(':').expect("a port");
    let service = format!("http:\n  address: {address}\n");
    let folder = folder(&[
        ("config.yaml", format!("{service}input:\n  stdin: {{}}\n").as_bytes()),
        ("service.yaml", service.as_bytes()),
        ("nes.yaml", format!("restIp: {host}\nrestPort: {port}\n").as_bytes()),
    ]);
    let path = |name: &str| folder.path(name).display().to_string();
    let nes = format!("--configPath={}", path("nes.yaml"));
    let (config, service) = (path("config.yaml"), path("service.yaml"));
    let listen = ["benthos", "kdb", "nes"].map(|name| format!("{name}={address}"));
    let mut commands: Vec<Vec<&str>> = vec![
        vec!["run", &config],
        vec!["streams", "-o", &service],
        vec!["nes", "coordinator", &nes],
    ];
    commands.extend(listen.iter().map(|listen| vec!["serve", "--listen", listen]));
    for args in commands {
        let text = refused(&args);
        let wanted = format!("cannot listen on {address}: ");
        assert!(text.contains(&wanted) && text.contains("in use"), "{args:?}: {text}");
    }
}

#[test]
fn an_ipc_port_in_use_ends_the_process_and_is_named() {
    let (_listener, address) = taken();
    let folder =
        folder(&[("a.q", b".qsp.run .qsp.read.fromCallback[`p] .qsp.write.toConsole[]\n")]);
    let (spec, listen) = (folder.path("a.q").display().to_string(), format!("ipc={address}"));
    let commands: [&[&str]; 2] = [
        &["run", "--ipc", &address, &spec],
        &["serve", "--listen", "benthos=127.0.0.1:0", "--listen", &listen],
    ];
    for args in commands {
        let text = refused(args);
        assert!(text.contains(&address) && text.contains("in use"), "{args:?}: {text}");
    }
}

/// A stream whose port is taken says so everywhere, and goes on trying.
fn waits(served: &Served, id: &str, side: &str, component: &str, address: &str) {
    let why = format!("listen tcp {address}: bind: address already in use");
    let text = format!("Failed to connect to {component}: {why}");
    served.logs(&["level=error", &format!("stream={id}"), &format!("path=root.{side}"), &text]);
    let ready = http(&served.benthos, "GET", "/ready", "");
    let told = format!("streams {id} are not connected\n");
    assert_eq!((ready.status, ready.text()), (503, told));
    let failed = format!("{side}_connection_failed");
    let again = until(|| (served.series(id, &failed) > 1).then_some(()));
    assert!(again.is_some(), "it tries again and again");
    let ready = http(&served.benthos, "GET", &format!("/{id}/ready"), "");
    assert_eq!(ready.status, 503);
    let statuses = ready.json()["statuses"].as_array().expect("a list").clone();
    let status = statuses.iter().find(|s| s["path"] == side).expect("its status");
    assert_eq!((&status["connected"], &status["error"]), (&json!(false), &json!(why)));
    assert_eq!(http(&served.benthos, "GET", &format!("/streams/{id}"), "").json()["active"], true);
    served.others_go_on();
}

fn is_ready(served: &Served) {
    let ready = until(|| (http(&served.benthos, "GET", "/ready", "").status == 200).then_some(()));
    assert!(ready.is_some(), "{}", http(&served.benthos, "GET", "/ready", "").text());
}

#[test]
fn a_socket_server_waits_for_a_port_in_use() {
    let folder = folder(&[]);
    let (listener, address) = taken();
    let served = serve();
    let config = json!({
        "input": {"socket_server": {"network": "tcp", "address": address}},
        "output": {"file": {"path": folder.path("out")}},
    });
    served.create("taken", &config.to_string());
    waits(&served, "taken", "input", "socket_server", &address);
    drop(listener);
    is_ready(&served);
    let mut sender = TcpStream::connect(&address).expect("connects");
    sender.write_all(b"hello\n").expect("sends");
    let arrived = until(|| (folder.read("out") == "hello\n").then_some(()));
    assert!(arrived.is_some(), "{}", folder.read("out"));
}

#[test]
fn an_http_server_waits_for_its_own_port_in_use() {
    let (listener, address) = taken();
    let served = serve();
    let config = json!({
        "input": {"http_server": {"address": address, "path": "/in"}},
        "output": {"drop": {}},
    });
    served.create("taken", &config.to_string());
    waits(&served, "taken", "input", "http_server", &address);
    drop(listener);
    is_ready(&served);
    assert_eq!(http(&address, "POST", "/in", "hello").status, 200);
}

#[test]
fn an_http_server_output_waits_for_its_own_port_in_use() {
    let (listener, address) = taken();
    let served = serve();
    let config = json!({
        "input": {"generate": {"mapping": "root = \"hello\"", "count": 1}},
        "output": {"http_server": {"address": address, "path": "/out"}},
    });
    served.create("taken", &config.to_string());
    waits(&served, "taken", "output", "http_server", &address);
    drop(listener);
    is_ready(&served);
    assert_eq!(http(&address, "GET", "/out", "").text(), "hello");
}

#[test]
fn a_port_in_use_in_a_stream_file_keeps_no_other_from_running() {
    let (listener, address) = taken();
    let socket = format!(
        "input:\n  socket_server: {{network: tcp, address: \"{address}\"}}\noutput:\n  drop: {{}}\n"
    );
    let fine = "input:\n  generate: {mapping: root = 1, interval: 5ms}\noutput:\n  drop: {}\n";
    let folder = folder(&[
        ("service.yaml", b"http:\n  address: 127.0.0.1:0\n"),
        ("taken.yaml", socket.as_bytes()),
        ("fine.yaml", fine.as_bytes()),
    ]);
    let path = |name: &str| folder.path(name).display().to_string();
    let (service, taken, fine) = (path("service.yaml"), path("taken.yaml"), path("fine.yaml"));
    let program = Program::start(&["streams", "-o", &service, &taken, &fine]);
    let rest = program.address("Listening for HTTP requests");
    super::logs(&program, &["stream=taken", &address, "address already in use"]);
    let sent = || {
        let stats = http(&rest, "GET", "/streams/fine/stats", "").json();
        stats["output_sent{label=\"\",path=\"root.output\",stream=\"fine\"}"].as_u64()
    };
    assert!(until(|| sent().filter(|n| *n > 0)).is_some(), "the other stream stands still");
    drop(listener);
    assert!(until(|| TcpStream::connect(&address).ok()).is_some(), "it takes its port once free");
}
