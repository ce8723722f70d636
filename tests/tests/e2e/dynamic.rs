//! Inputs and outputs that come and go over HTTP while their stream runs.

use serde_json::json;
use tests::program::{Folder, Program, http, until};

fn start() -> (Program, String) {
    let program = Program::start(&["serve", "--listen", "benthos=127.0.0.1:0", "--shards", "2"]);
    let address = program.address("requests: benthos");
    (program, address)
}

fn post(address: &str, target: &str, body: &str) {
    let answer = http(address, "POST", target, body);
    assert_eq!((answer.status, answer.text().as_str()), (200, ""), "{target}");
}

#[test]
fn inputs_come_and_go_and_know_the_resources_of_their_stream() {
    let folder = Folder::new("dynamic");
    let (_program, address) = start();
    let out = folder.path("out.txt");
    post(&address, "/resources/input/three", "generate: {mapping: root = 3, count: 1}");
    post(&address, "/resources/cache/seen", "memory: {}");
    let input = "input: {dynamic: {prefix: /p, inputs: {st: {generate: {mapping: root = 1, \
                 count: 1}, processors: [{mapping: 'root = this + 10'}]}}}}\n";
    let output = format!("output: {{file: {{path: {}}}}}\n", out.display());
    post(&address, "/streams/s", &format!("{input}{output}"));
    assert!(until(|| (folder.read("out.txt") == "11\n").then_some(())).is_some());
    post(&address, "/s/p/inputs/re", "resource: three");
    assert!(until(|| (folder.read("out.txt") == "11\n3\n").then_some(())).is_some());
    let dedupe = "generate: {mapping: root = 4, count: 5, interval: ''}\nprocessors:\n  \
                  - dedupe: {cache: seen, key: '${! content() }'}\n";
    post(&address, "/s/p/inputs/de", dedupe);
    assert!(until(|| (folder.read("out.txt") == "11\n3\n4\n").then_some(())).is_some());
    let bad = "generate: {mapping: root = this., count: 1}";
    let answer = http(&address, "POST", "/s/p/inputs/bad", bad);
    let text = answer.text();
    let lead = "Error: failed to init input <no label> path root.input.dynamic.inputs.bad: ";
    assert!(answer.status == 502 && text.starts_with(lead), "{text}");
    assert!(text.contains("line 1 char 13: required: expected method or field path"), "{text}");
    let list = http(&address, "GET", "/s/p/inputs", "").json();
    let names: Vec<&String> = list.as_object().expect("an object").keys().collect();
    assert_eq!(names, ["de", "re", "st"]);
    let config = json!({"generate": {"count": 1, "mapping": "root = 1"},
                        "processors": [{"mapping": "root = this + 10"}]});
    assert_eq!(list["st"]["config"], config);
    let listed = http(&address, "GET", "/endpoints", "").json();
    assert!(listed.get("/s/p/inputs/{id}/uptime").is_some(), "{listed}");
    assert_eq!(http(&address, "DELETE", "/streams/s", "").status, 200);
    assert_eq!(http(&address, "GET", "/s/p/inputs", "").status, 503);
}

#[test]
fn an_output_that_is_removed_loses_nothing_and_gets_nothing_more() {
    let folder = Folder::new("dynamic-out");
    let (_program, address) = start();
    let file = |name: &str| format!("file: {{path: {}}}\n", folder.path(name).display());
    let stream = "input: {http_server: {path: /in}}\noutput: {dynamic: {}}\n";
    post(&address, "/streams/s", stream);
    post(&address, "/s/outputs/a", &file("a.txt"));
    post(&address, "/s/in", "1");
    post(&address, "/s/outputs/b", &file("b.txt"));
    post(&address, "/s/in", "2");
    assert_eq!(http(&address, "DELETE", "/s/outputs/a", "").status, 200);
    post(&address, "/s/in", "3");
    assert_eq!((folder.read("a.txt"), folder.read("b.txt")), ("1\n2\n".into(), "2\n3\n".into()));
    assert_eq!(http(&address, "DELETE", "/streams/s", "").status, 200);
}
