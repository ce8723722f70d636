//! The catalog of Java functions, whose messages are written here byte by byte.

use serde_json::{Value, json};

use super::Coordinator;
use crate::bad_input::post;

pub(crate) const REGISTER: &str = "/v1/nes/udf-catalog/registerJavaUdf";
const GET: &str = "/udf-catalog/getUdfDescriptor";
const REMOVE: &str = "/udf-catalog/removeUdf";

/// A field of a Protobuf message that holds bytes.
pub(crate) fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut all = vec![(number << 3) | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        all.push(length as u8 | 0x80);
        length >>= 7;
    }
    all.push(length as u8);
    all.extend_from_slice(bytes);
    all
}

/// `JavaUdfDescriptorMessage`.
pub(super) fn descriptor(class: &str, code: &[u8]) -> Vec<u8> {
    let definition = [field(1, class.as_bytes()), field(2, code)].concat();
    let instance = field(3, b"\xac\xed\x00\x05");
    [field(1, class.as_bytes()), field(2, b"map"), instance, field(4, &definition)].concat()
}

/// The calls of the catalog, in the order of the document.
pub(super) fn udfs(coordinator: &Coordinator) {
    let udf = descriptor("com.example.Increment", &[0xca; 1000]);
    registered(coordinator, &udf);
    let found = coordinator.get(&format!("{GET}?udfName=my_udf"), 200).body;
    assert_eq!(found, [vec![0x08, 1], field(2, &udf)].concat(), "found, and the descriptor");
    let missing = coordinator.get(&format!("{GET}?udfName=other"), 200).body;
    assert!(missing.is_empty(), "false is what a message without fields says");
    for (verb, call) in [("GET", GET), ("DELETE", REMOVE)] {
        for query in ["", "?name=my_udf", "?udfName=my_udf&more=1", "?more=1&udfName=my_udf"] {
            coordinator.ask(verb, &format!("{call}{query}"), "", 400);
        }
    }
    for (name, removed) in [("other", false), ("my_udf", true), ("my_udf", false)] {
        let answer = coordinator.ask("DELETE", &format!("{REMOVE}?udfName={name}"), "", 200).json();
        assert_eq!(answer, json!({"removed": removed}), "{name}");
    }
    assert_eq!(list(coordinator), json!({"udfs": []}));
}

fn list(coordinator: &Coordinator) -> Value {
    coordinator.get("/udf-catalog/listUdfs", 200).json()
}

/// Registers `my_udf`, and what is refused.
fn registered(coordinator: &Coordinator, udf: &[u8]) {
    let register = |body: &[u8]| post(&coordinator.address, REGISTER, body);
    let request = [field(1, b"my_udf"), field(2, udf)].concat();
    assert_eq!(list(coordinator), json!({"udfs": []}));
    let added = register(&request);
    assert_eq!(added.status, 200, "{}", added.text());
    let again = register(&request);
    assert_eq!(again.status, 400, "{}", again.text());
    assert!(again.text().contains("already exists"), "{}", again.text());
    let long = field(1, &[b'x'; 1025]);
    for body in [
        &b""[..],
        b"\xff\xff\xff\xff",
        b"{\"udf_name\": \"json\"}",
        &request[..request.len() - 1],
        &field(1, b"no_descriptor"),
        &field(2, udf),
        &[field(1, b"\xff\xfe"), field(2, udf)].concat(),
        &[field(1, b"empty"), field(2, b"")].concat(),
        &[field(1, b"no_code"), field(2, &descriptor("A", b""))].concat(),
        &[long, field(2, udf)].concat(),
    ] {
        let refused = register(body);
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        assert_eq!(refused.status, 400, "{shown}: {}", refused.text());
    }
    assert_eq!(list(coordinator), json!({"udfs": ["my_udf"]}));
}
