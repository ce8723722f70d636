//! The coordinator document's own shell lines, and readers that are called to read again.

use std::fs;
use std::io::{Write, stderr};
use std::process::Command;

use serde_json::{Value, json};
use tests::program::{Folder, Program, http, io_args, until};

use crate::kdb::create;

/// Whether a program is there that the document's lines use; it says what is missing.
fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok_and(|o| o.status.success());
    if !found {
        let _ = writeln!(stderr(), "skipped: there is no {program}");
    }
    found
}

/// Runs lines of a shell where the document's port is this address; what they print.
fn shell(folder: &Folder, address: &str, lines: &str) -> String {
    let lines = lines.replace("localhost:5000", address);
    let mut sh = Command::new("sh");
    let output = sh.args(["-c", &lines]).current_dir(folder.path("")).output().expect("a shell");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{lines}: {errors}");
    String::from_utf8(output.stdout).expect("text")
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

const SPEC: &str = "\
.qsp.run
    .qsp.read.fromCallback[`upd]
    .qsp.write.toConsle[]
";

const CREATE: &str = r#"curl -X POST http://localhost:5000/pipeline/create -d \
    "$(jq -n  --arg spec "$(cat spec.q)" \
    '{
        name        : "file",
        type        : "spec",
        persistence : {controller:{}, worker:{}},
        config      : { content: $spec },
        settings    : {
            minWorkers: "1",
            maxWorkers: "10"
        }
    }' | jq -asR .)""#;

#[test]
fn the_shell_lines_of_the_document_do_what_it_says() {
    if !has("jq") || !has("curl") {
        return;
    }
    let folder = Folder::new("kdb-shell");
    folder.write("spec.q", SPEC);
    let program = Program::start(&["serve", "--listen", "kdb=127.0.0.1:0"]);
    let address = program.address("HTTP requests: kdb");
    let run = |lines: &str| shell(&folder, &address, lines);
    assert_eq!(run("cat spec.q"), SPEC);
    assert_eq!(parsed(&run("curl localhost:5000/pipelines | jq")), json!([]));

    let created = parsed(&run(CREATE));
    let id = created["id"].as_str().expect("an id");
    let (name, letters) = id.split_once('-').expect("a name and letters");
    assert_eq!((name, letters.len()), ("file", 10));
    assert_eq!(run(&format!("{CREATE} | jq -r .id")).trim_end().len(), id.len());

    let listed = parsed(&run("curl localhost:5000/pipelines | jq"));
    let keys = |shown: &Value| shown.as_object().expect("an object").keys().cloned().collect();
    let found: Vec<String> = keys(&listed[0]);
    assert_eq!(found, ["id", "name", "created", "state", "error"]);
    assert_eq!((&listed[0]["id"], &listed[0]["name"]), (&json!(id), &json!("file")));
    assert_eq!((&listed[0]["state"], &listed[0]["error"]), (&json!("RUNNING"), &json!("")));

    let details = parsed(&run("curl localhost:5000/details | jq"));
    let found: Vec<String> = keys(&details[0]);
    let documented = ["id", "name", "created", "lastSeen", "state", "error", "metrics"];
    assert_eq!(found[..7], documented);
    let found: Vec<String> = keys(&details[0]["metrics"]);
    assert_eq!(found, ["eventRate", "bytesRate", "latency"]);
    assert_eq!(details[0]["config"]["content"], SPEC.trim_end(), "what was posted");

    let status = run(&format!("curl localhost:5000/pipeline/status/{id}"));
    assert_eq!(parsed(&status), json!({"state": "Running", "error": ""}));
    run(&format!("curl -X POST localhost:5000/pipeline/teardown/{id}"));
    let left = parsed(&run("curl localhost:5000/pipelines | jq"));
    assert_eq!(left.as_array().map(Vec::len), Some(1), "the other one");
    assert_ne!(left[0]["id"], id);
}

fn body(spec: &str) -> String {
    json!({"name": "read", "type": "spec", "config": {"content": spec}}).to_string()
}

/// The lines of a pipeline's console, without their times.
fn console(address: &str, id: &str) -> Vec<String> {
    let path = format!("/v1/pipelines/pipelines/{id}/console");
    let lines = http(address, "GET", &path, "").json()["lines"].clone();
    let lines = lines.as_array().cloned().unwrap_or_default();
    let cut = |line: &Value| Some(line.as_str()?.split_once("| ")?.1.to_owned());
    lines.iter().filter_map(cut).collect()
}

/// Waits until a console has so many lines.
fn lines(address: &str, id: &str, count: usize) -> Vec<String> {
    let found = until(|| Some(console(address, id)).filter(|lines| lines.len() >= count));
    found.unwrap_or_else(|| panic!("{count} lines: {:?}", console(address, id)))
}

fn post(address: &str, path: &str) -> (u16, Value) {
    let answer = http(address, "POST", path, "");
    (answer.status, answer.json())
}

#[test]
fn a_reader_with_a_trigger_reads_when_it_is_called() {
    let folder = Folder::new("kdb-trigger");
    let file = folder.write("in", "a\nb\n");
    let program = Program::start(&["serve", "--listen", "kdb=127.0.0.1:0"]);
    let address = program.address("HTTP requests: kdb");
    let spec = format!(
        "n:0\n\
         x:.qsp.read.fromExpr[{{n+:1; n}}; .qsp.use `name`trigger!`expr`api]\n\
         y:.qsp.read.fromFile[\"{file}\"; .qsp.use `name`trigger!`file`api]\n\
         z:.qsp.read.fromExpr[\"100\"; .qsp.use ``name!``once]\n\
         w:x .qsp.union[y] .qsp.union[z; .qsp.use ``name!``all]\n\
         .qsp.run w .qsp.write.toConsole[]"
    );
    let id = create(&address, &body(&spec));
    let path = format!("/pipeline/{id}/trigger");
    let triggered = |names: &[&str]| (200, json!({"id": id, "triggered": names}));
    assert_eq!(lines(&address, &id, 1), ["100"], "the others wait");
    assert_eq!(post(&address, &format!("{path}/expr")), triggered(&["expr"]));
    assert_eq!(lines(&address, &id, 2)[1..], ["1"]);
    assert_eq!(post(&address, &format!("{path}/file")), triggered(&["file"]));
    assert_eq!(lines(&address, &id, 4)[2..], [",\"a\"", ",\"b\""]);
    fs::write(&file, "c\n").expect("is written");
    assert_eq!(post(&address, &path), triggered(&["expr", "file"]));
    let mut last = lines(&address, &id, 6)[4..].to_vec();
    last.sort();
    assert_eq!(last, [",\"c\"", "2"]);
    let error = |status: u16, text: &str| (status, json!({ "error": text }));
    let refused = |name: &str| post(&address, &format!("{path}/{name}"));
    assert_eq!(refused("once"), error(400, "'once' reads once: it has no trigger"));
    assert_eq!(refused("all"), error(400, "'all' is no reader that ends by itself"));
    assert_eq!(refused("nobody"), error(404, "there is no operator 'nobody'"));
    let status = http(&address, "GET", &format!("/pipeline/status/{id}"), "").json();
    assert_eq!(status["state"], "Running");
}

#[test]
fn a_pipeline_that_has_ended_cannot_be_triggered() {
    let program = Program::start(&["serve", "--listen", "kdb=127.0.0.1:0"]);
    let address = program.address("HTTP requests: kdb");
    // What fails takes its readers with it, also those that wait.
    let failing = "x:.qsp.read.fromExpr[\"1\"; .qsp.use `name`trigger!`waits`api]\n\
        y:.qsp.read.fromExpr[\"`a+1\"; .qsp.use ``name!``fails]\n\
        .qsp.run x .qsp.union[y] .qsp.write.toConsole[]";
    let once = ".qsp.run .qsp.read.fromExpr[\"1\"; .qsp.use ``name!``once] .qsp.write.toConsole[]";
    for (spec, state, error) in [
        (failing, "Errored", (409, "the pipeline does not run")),
        (once, "Finished", (400, "the readers of the pipeline read once: they have no trigger")),
    ] {
        let id = create(&address, &body(spec));
        let path = format!("/pipeline/status/{id}");
        let ended =
            until(|| (http(&address, "GET", &path, "").json()["state"] == state).then_some(()));
        assert!(ended.is_some(), "{}", program.log());
        let answer = post(&address, &format!("/pipeline/{id}/trigger"));
        assert_eq!(answer, (error.0, json!({ "error": error.1 })));
    }
}

#[test]
fn a_reader_reads_by_the_clock_and_when_the_spec_calls_it() {
    let folder = Folder::new("kdb-timer");
    let spec = "n:0\n\
        .qsp.onStart[{[] .qsp.triggerRead `daily}]\n\
        x:.qsp.read.fromExpr[{n+:1; n}; .qsp.use `name`trigger!(`often;(`timer;0D00:00:00.02))]\n\
        y:.qsp.read.fromExpr[\"1000\"; .qsp.use `name`trigger!(`daily;(`timer;1000D;0D00:00:00))]\n\
        .qsp.run (x .qsp.write.toConsole[]; y .qsp.write.toConsole[\"daily \"])";
    let file = folder.write("spec.q", spec);
    let mut program = Command::new(tests::program::binary());
    let output = folder.path("out");
    let out = fs::File::create(&output).expect("a file");
    program.args(["run", &file]).args(io_args()).stdout(out);
    let _program = Program::with(&mut program);
    let shown = until(|| {
        let text = fs::read_to_string(&output).ok()?;
        let timed: Vec<String> = text
            .lines()
            .filter(|line| !line.starts_with("daily "))
            .filter_map(|line| Some(line.split_once("| ")?.1.to_owned()))
            .collect();
        let daily = text.lines().filter(|line| line.starts_with("daily ")).count();
        (timed.len() >= 5 && daily > 0).then_some((timed, daily))
    });
    let (timed, daily) = shown.expect("it reads again and again");
    assert_eq!(timed[..5], ["1", "2", "3", "4", "5"]);
    assert_eq!(daily, 1, "once, when the pipeline started");
}
