//! The streams document: a file stream created, read, updated, patched, measured and deleted.

use serde_json::json;
use tests::program::{Folder, Program, http, until};

fn stream(folder: &Folder, mapping: &str) -> String {
    format!(
        "input:\n  file:\n    paths: [ {} ]\npipeline:\n  processors:\n    - mapping: {mapping}\n\
         output:\n  file:\n    path: {}\n",
        folder.path("input.ndjson").display(),
        folder.path("output.ndjson").display(),
    )
}

fn start() -> (Program, String) {
    let program = Program::start(&["serve", "--listen", "benthos=127.0.0.1:0"]);
    let address = program.address("requests: benthos");
    (program, address)
}

#[test]
fn a_stream_lives_as_the_document_says() {
    let folder = Folder::new("benthos");
    folder.write("input.ndjson", "{\"hello\":\"world\"}\nsecond\n");
    let (_program, address) = start();
    assert_eq!(http(&address, "GET", "/ready", "").status, 200);
    assert_eq!(http(&address, "GET", "/streams", "").json(), json!({}));

    let body = stream(&folder, "root = content().uppercase()");
    let created = http(&address, "POST", "/streams/foo", &body);
    assert_eq!((created.status, created.text().as_str()), (200, ""));
    let again = http(&address, "POST", "/streams/foo", &body);
    assert_eq!((again.status, again.text().as_str()), (400, "Stream already exists\n"));
    let written = until(|| Some(folder.read("output.ndjson")).filter(|t| t.lines().count() == 2));
    assert_eq!(written.as_deref(), Some("{\"HELLO\":\"WORLD\"}\nSECOND\n"));

    let read = http(&address, "GET", "/streams/foo", "").json();
    assert_eq!(
        read["config"]["pipeline"]["processors"][0]["mapping"],
        "root = content().uppercase()"
    );
    let listed = http(&address, "GET", "/streams", "").json();
    assert!(listed["foo"]["uptime"].is_f64() && listed["foo"]["uptime_str"].is_string());

    let stats = http(&address, "GET", "/streams/foo/stats", "").json();
    let labels = "{label=\"\",path=\"root.input\",stream=\"foo\"}";
    assert_eq!(stats[format!("input_received{labels}")], 2);

    let updated = http(&address, "PUT", "/streams/foo", &stream(&folder, "root = \"put\""));
    assert_eq!(updated.status, 200, "{}", updated.text());
    let written = until(|| Some(folder.read("output.ndjson")).filter(|t| t.contains("put\nput")));
    assert!(written.is_some(), "the new stream runs");

    let patch = "{\"pipeline\":{\"processors\":[{\"mapping\":\"root = \\\"patched\\\"\"}]}}";
    assert_eq!(http(&address, "PATCH", "/streams/foo", patch).status, 200);
    let read = http(&address, "GET", "/streams/foo", "").json();
    assert_eq!(read["config"]["pipeline"]["processors"][0]["mapping"], "root = \"patched\"");

    assert_eq!(http(&address, "DELETE", "/streams/foo", "").status, 200);
    let gone = http(&address, "GET", "/streams/foo", "");
    assert_eq!((gone.status, gone.text().as_str()), (404, "Stream not found\n"));
}

#[test]
fn a_config_with_an_unknown_field_is_refused_with_its_place() {
    let (_program, address) = start();
    let body = "input:\n  generate:\n    mapping: root = {}\n    nope: 1\n";
    let refused = http(&address, "POST", "/streams/foo", body);
    assert_eq!(refused.status, 400);
    let lints = json!(["(4,1) field nope not recognised"]);
    assert_eq!(refused.json()["lint_errors"], lints);
    assert_eq!(refused.json()["linting_errors"], lints);
    assert_eq!(http(&address, "GET", "/streams/foo", "").status, 404);
}

/// Makes a stream of an input that writes to a file, and waits for what is written.
fn writes(folder: &Folder, address: &str, id: &str, input: &str, want: &str) {
    let out = format!("{id}.txt");
    let path = folder.path(&out).display().to_string();
    let body = format!("{input}\noutput: {{file: {{path: '{path}'}}}}\n");
    let made = http(address, "POST", &format!("/streams/{id}"), &body);
    assert_eq!(made.status, 200, "{}", made.text());
    let written = until(|| Some(()).filter(|()| folder.read(&out) == want));
    assert!(written.is_some(), "{id}: {}", folder.read(&out));
}

#[test]
fn an_input_resource_serves_one_stream_after_another() {
    let folder = Folder::new("input-resource");
    let (_program, address) = start();
    let input = "generate: {count: 2, interval: '', mapping: 'root = \"a\"'}";
    assert_eq!(http(&address, "POST", "/resources/input/in", input).status, 200);
    for id in ["one", "two"] {
        writes(&folder, &address, id, "input: {resource: in}", "a\na\n");
        let ended = until(|| {
            let stream = http(&address, "GET", &format!("/streams/{id}"), "").json();
            (stream["active"] == false).then_some(())
        });
        assert!(ended.is_some(), "{id} ends");
    }
}

#[test]
fn the_last_batch_of_an_input_that_ends_is_sent() {
    let folder = Folder::new("last-batch");
    let (_program, address) = start();
    let input = "input:\n  batched:\n    child: {generate: {count: 3, interval: '', mapping: \
                 'root = \"a\"'}}\n    policy: {count: 2}";
    writes(&folder, &address, "s", input, "a\na\na\n");
}

#[test]
fn variables_are_replaced_in_a_set_of_streams() {
    let (_program, address) = start();
    let set = "{a: {input: {generate: {mapping: 'root = \"${UNSET_HERE:word}\"'}}, output: {drop: \
               {}}}}";
    assert_eq!(http(&address, "POST", "/streams", set).status, 200);
    let stream = http(&address, "GET", "/streams/a", "").json();
    assert_eq!(stream["config"]["input"]["generate"]["mapping"], "root = \"word\"");
}

#[test]
fn resources_of_the_service_are_there() {
    let folder = Folder::new("own-resources");
    let settings = "http: {address: '127.0.0.1:0'}\nprocessor_resources: [{label: up, mapping: \
                    root = content().uppercase()}]\n";
    let settings = folder.write("o.yaml", settings);
    let program = Program::start(&["streams", "-o", &settings]);
    let address = program.address("Listening for HTTP requests");
    let input = "input: {generate: {count: 1, mapping: 'root = \"a\"'}, processors: [{resource: \
                 up}]}";
    writes(&folder, &address, "s", input, "A\n");
}
