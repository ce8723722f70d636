//! Outputs at whose end nothing arrives: what they answer is all there is to see.

use std::process::Stdio;

use serde_json::{Value, json};
use tests::client::Connection;
use tests::program::{Folder, http, until};

use super::{Client, input};
use crate::peers::http::{HttpPeer, Mode};
use crate::service::{STREAM, Service};

/// The components that are asked here.
pub(super) const ASKED: &[&str] = &["drop", "reject", "sync_response"];

/// A stream into this output, and a client of it.
fn start(output: &Value) -> (Service, Client, Folder) {
    let folder = Folder::new("connectors-answers");
    let service = Service::start(&folder, Stdio::null());
    service.create(&input(), output);
    let client = Client(Connection::open(&service.address).expect("it listens"));
    (service, client, folder)
}

#[test]
fn drop_takes_everything() {
    let (service, mut client, _folder) = start(&json!({"drop": {}}));
    for _ in 0..20 {
        assert_eq!(client.post("message").expect("an answer"), 200);
    }
    assert_eq!(service.reaches("output_sent", 20), 20);
    assert_eq!(service.delete("60s").status, 200);
}

#[test]
fn reject_refuses_everything_with_its_reason() {
    let (service, mut client, _folder) = start(&json!({"reject": "not ${! content() }"}));
    for _ in 0..19 {
        assert_eq!(client.post("today").expect("an answer"), 502);
    }
    let answer = http(&service.address, "POST", &format!("/{STREAM}/post"), "today");
    assert_eq!((answer.status, answer.text().trim()), (502, "not today"));
    assert!(service.reaches("output_error", 20) >= 20);
    assert_eq!(service.counter("output_sent"), 0);
    assert_eq!(service.delete("60s").status, 200);
}

#[test]
fn sync_response_answers_with_the_message() {
    let (service, _, _folder) = start(&json!({"sync_response": {}}));
    for number in 0..20 {
        let body = format!("message-{number}");
        let answer = http(&service.address, "POST", &format!("/{STREAM}/post"), &body);
        assert_eq!((answer.status, answer.text()), (200, body));
    }
    assert_eq!(service.reaches("output_sent", 20), 20);
    assert_eq!(service.delete("60s").status, 200);
}

#[test]
fn drop_on_drops_what_its_output_refuses() {
    let peer = HttpPeer::start();
    peer.set(Mode::Refuse);
    let child = super::network::poster(&peer);
    let (service, mut client, _folder) =
        start(&json!({"drop_on": {"error": true, "output": child}}));
    assert_eq!(client.post("refused").expect("an answer"), 200);
    peer.set(Mode::Take);
    assert_eq!(client.post("taken").expect("an answer"), 200);
    assert_eq!(peer.taken(), ["taken"]);
    let said = until(|| service.log().contains("dropped").then_some(()));
    assert!(said.is_some(), "it is said: {}", service.log());
}

#[test]
fn reject_errored_refuses_what_failed() {
    let peer = HttpPeer::start();
    let folder = Folder::new("connectors-answers");
    let service = Service::start(&folder, Stdio::null());
    let failing = json!([{"mapping": "root = if content() == \"bad\" { throw(\"bad\") }"}]);
    let mut input = input();
    input["processors"] = failing;
    service.create(&input, &json!({"reject_errored": super::network::poster(&peer)}));
    let mut client = Client(Connection::open(&service.address).expect("it listens"));
    assert_eq!(client.post("bad").expect("an answer"), 502);
    assert_eq!(client.post("good").expect("an answer"), 200);
    assert_eq!(peer.taken(), ["good"]);
}
