//! Pipelines that are made of schemas of other servers.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use tests::program::{Folder, Program};

/// A server that knows two schemas, of which one refers to the other.
fn schemas() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let mut line = String::new();
            let mut lines = BufReader::new(socket.try_clone().expect("a copy"));
            let _ = lines.read_line(&mut line);
            let body = match line.split(' ').nth(1) {
                Some("/order.json") => r#"{"properties":{"id":{"$ref":"parts.json#/id"}}}"#,
                Some("/parts.json") => r#"{"id":{"type":"integer"}}"#,
                Some("/broken.json") => "{",
                _ => "",
            };
            let status = if body.is_empty() { "404 Not Found" } else { "200 OK" };
            let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
            let length = body.len();
            let _ = write!(socket, "{head}Content-Length: {length}\r\n\r\n{body}");
        }
    });
    address
}

/// Runs lines of a file through the schema on two shards: what they become, and the log.
fn run(name: &str, path: &str) -> (String, String) {
    let folder = Folder::new(name);
    let input = folder.write("in.txt", "{\"id\":1}\n{\"id\":\"x\"}\n{\"id\":3}\n");
    let output = folder.path("out.txt").display().to_string();
    let config = format!(
        "input: {{file: {{paths: ['{input}']}}}}\n\
         pipeline:\n  processors:\n  - json_schema: {{schema_path: '{path}'}}\n  \
         - catch: [{{mapping: root = error()}}]\n\
         output: {{file: {{path: '{output}', codec: lines}}}}\nhttp: {{enabled: false}}\n"
    );
    let config = folder.write("config.yaml", config);
    let mut program = Program::start(&["run", "--shards", "2", &config]);
    program.wait();
    let read = std::fs::read_to_string(&output).unwrap_or_default();
    (read, program.log())
}

#[test]
fn schemas_of_other_servers_are_fetched_before_a_pipeline_starts() {
    let address = schemas();
    let (read, log) = run("documents", &format!("http://{address}/order.json"));
    let wrong = "id invalid type. expected: integer, given: string";
    assert_eq!(read, format!("{{\"id\":1}}\n{wrong}\n{{\"id\":3}}\n"), "{log}");
    for (path, said) in [
        ("none.json", "Could not read schema from HTTP, response status is 404 Not Found"),
        ("broken.json", "failed to load JSON schema definition: "),
    ] {
        let (read, log) = run("documents-bad", &format!("http://{address}/{path}"));
        assert!(read.is_empty() && log.contains(said), "{path}: {log}");
    }
    let (_, log) = run("documents-away", "http://127.0.0.1:1/a.json");
    let said =
        "Get \\\"http://127.0.0.1:1/a.json\\\": dial tcp 127.0.0.1:1: connect: connection refused";
    assert!(log.contains(said) || log.contains(&said.replace("\\\"", "\"")), "{log}");
}
