//! What no request of the right form gives: bodies beyond the limit, an empty catalog, a disk that
//! takes no more.

use std::process::Command;

use serde_json::{Value, json};
use tests::program::{Folder, Program, binary, http};

use super::udfs::{REGISTER, descriptor, field};
use super::{Coordinator, ENDLESS, LONELY};
use crate::bad_input::{post, send};

/// Most bytes of a body.
const BODY_BYTES_MAX: usize = 64 << 20;

#[test]
fn a_body_beyond_the_limit_is_refused_by_every_call() {
    let folder = Folder::new("nes-large");
    let coordinator = Coordinator::start(&folder);
    let length = BODY_BYTES_MAX + 1;
    for call in [
        "query/execute-query",
        "topology/addParent",
        "topology/removeParent",
        "sourceCatalog/addLogicalSource",
        "sourceCatalog/updateLogicalSource",
        "udf-catalog/registerJavaUdf",
    ] {
        let head =
            format!("POST /v1/nes/{call} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
        let answer = send(&coordinator.address, head.as_bytes(), true);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.starts_with("HTTP/1.1 413 "), "{call}: {answer}");
    }
    coordinator.get("/queryCatalog/allRegisteredQueries", 204);
}

#[test]
fn a_catalog_without_sources_is_not_found() {
    let folder = Folder::new("nes-no-sources");
    let config = format!("--configPath={}", folder.write("coordinator.yaml", "restPort: 0\n"));
    let program = Program::start(&["nes", "coordinator", &config]);
    let coordinator = Coordinator::of(program);
    let delete = "/sourceCatalog/deleteLogicalSource?logicalSourceName=default_logical";
    coordinator.ask("DELETE", delete, "", 200);
    coordinator.get("/sourceCatalog/allLogicalSource", 404);
}

/// A coordinator no file of which may grow beyond 64 KiB, which needs no right to mount anything.
fn on_a_small_disk(folder: &Folder) -> Coordinator {
    let config = format!("--configPath={}", folder.write("coordinator.yaml", "restPort: 0\n"));
    let state = folder.path("state").display().to_string();
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 128; exec \"$0\" \"$@\""]).arg(binary());
    command.args(["nes", "coordinator", &config, "--state-dir", &state]);
    command.args(tests::program::io_args());
    Coordinator::of(Program::with(&mut command))
}

#[test]
fn what_cannot_be_made_durable_answers_500_and_changes_nothing() {
    let folder = Folder::new("nes-disk");
    let coordinator = on_a_small_disk(&folder);
    let (add, update) = ("/sourceCatalog/addLogicalSource", "/sourceCatalog/updateLogicalSource");
    let fields = |count: usize| {
        let more = |n| format!("->addField(\"{}{n}\", BasicType::UINT64)", "x".repeat(500));
        let more: String = (0..count).map(more).collect();
        LONELY.replace(';', &format!("{more};"))
    };
    let source = |name: &str, count: usize| {
        json!({"logicalSourceName": name, "schema": fields(count)}).to_string()
    };
    coordinator.ask("POST", add, &source("car", 1), 200);
    let before = coordinator.get("/sourceCatalog/allLogicalSource", 200).json();
    coordinator.ask("POST", add, &source("large", 200), 500);
    coordinator.ask("POST", update, &source("car", 200), 500);
    let after = coordinator.get("/sourceCatalog/allLogicalSource", 200).json();
    assert_eq!(before, after);

    let large = descriptor("com.example.Large", &vec![0xca; 100_000]);
    let body = [field(1, b"large"), field(2, &large)].concat();
    assert_eq!(post(&coordinator.address, REGISTER, &body).status, 500);
    assert_eq!(coordinator.get("/udf-catalog/listUdfs", 200).json(), json!({"udfs": []}));

    let text = format!("{}{}", ENDLESS.replace("endless", "car"), " ".repeat(100_000));
    let refused = coordinator.submit(&json!({"userQuery": text, "placement": "TopDown"}), 500);
    let message = refused["message"].as_str().expect("a text");
    assert!(message.contains("durable"), "{message}");
    let failed = coordinator.get("/queryCatalog/queries?status=FAILED", 200).json();
    assert_eq!(failed.as_array().map(Vec::len), Some(1), "it does not wait to be scheduled");
    let running: Value = http(&coordinator.address, "GET", "/v1/pipelines", "").json();
    assert_eq!(running, json!([]), "nothing runs");
    coordinator.ask("POST", update, &source("car", 2), 200);
}

/// Has a running program write no more to any file; false where nobody here can do that, which is
/// said.
#[allow(clippy::print_stderr)] // whoever reads the log should know
fn fill_the_disk(program: &Program) -> bool {
    let id = program.id().to_string();
    match Command::new("prlimit").args(["--pid", &id, "--fsize=0:"]).status() {
        Ok(done) => {
            assert!(done.success());
            true
        }
        Err(error) => {
            eprintln!("skipped: prlimit: {error}");
            false
        }
    }
}

#[test]
fn statements_that_cannot_be_made_durable_answer_500_and_change_nothing() {
    let folder = Folder::new("nes-sql-disk");
    let coordinator = on_a_small_disk(&folder);
    let told = |text: &str, code: u16| {
        coordinator.submit(&json!({"userQuery": text, "placement": "TopDown"}), code)
    };
    let file = "TYPE File SET('/nowhere/a.csv' AS `SOURCE`.FILE_PATH, 'CSV' AS PARSER.`TYPE`)";
    let sink = "TYPE File SET('/nowhere/b.csv' AS `SINK`.FILE_PATH)";
    for statement in [
        "CREATE LOGICAL SOURCE one(id UINT64)".to_owned(),
        "CREATE LOGICAL SOURCE two(id UINT64)".to_owned(),
        "CREATE LOGICAL SOURCE three(id UINT64)".to_owned(),
        format!("CREATE PHYSICAL SOURCE FOR one {file}"),
        format!("CREATE PHYSICAL SOURCE FOR three {file}"),
        format!("CREATE SINK first(one.id UINT64) {sink}"),
        format!("CREATE SINK second(one.id UINT64) {sink}"),
    ] {
        told(&statement, 200);
    }
    let shown = || {
        let shows = ["SHOW LOGICAL SOURCES", "SHOW PHYSICAL SOURCES", "SHOW SINKS"];
        shows.map(|show| told(show, 200)["rows"].clone())
    };
    let before = shown();
    if !fill_the_disk(&coordinator.program) {
        return;
    }
    for change in [
        "CREATE LOGICAL SOURCE four(id UINT64)".to_owned(),
        "DROP LOGICAL SOURCE WHERE name = 'TWO'".to_owned(),
        format!("CREATE PHYSICAL SOURCE FOR one {file}"),
        "DROP PHYSICAL SOURCE WHERE name = 'ONE_0'".to_owned(),
        format!("CREATE SINK third(one.id UINT64) {sink}"),
        "DROP SINK WHERE name = 'FIRST'".to_owned(),
    ] {
        let refused = told(&change, 500);
        assert!(refused["message"].as_str().is_some_and(|m| m.contains("durable")), "{refused}");
        assert_eq!(shown(), before, "{change}");
    }
}
