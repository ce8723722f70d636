//! Writers that refuse data for good: it is an error, done with, and the pipeline lives.

use std::fs;

use serde_json::Value;
use tests::program::{Folder, http, until};

use super::kdb::{body, create, with_ipc};

/// What a pipeline wrote to its console, without times.
fn console(address: &str, id: &str) -> Vec<String> {
    let path = format!("/v1/pipelines/pipelines/{id}/console");
    let lines = http(address, "GET", &path, "").json()["lines"].clone();
    let lines = lines.as_array().cloned().unwrap_or_default();
    let cut = |line: &Value| Some(line.as_str()?.split_once("| ")?.1.to_owned());
    lines.iter().filter_map(cut).collect()
}

/// The errors of the worker of a pipeline.
fn errors(address: &str, id: &str) -> Value {
    let workers = http(address, "GET", &format!("/pipeline/{id}/workers"), "").json();
    workers[0]["errors"].clone()
}

/// A spec that counts the files that appear in a folder, tells its console of them and gives `map`
/// of the lines of each to a writer with the name `out`.
fn counting(folder: &str, map: &str, writer: &str) -> String {
    format!(
        "n:0\n\
         .qsp.onError {{[error;op;msg] -1 \"heard \",(string op`name),\" \",(-3!msg`data),\" \",\
         error;}}\n\
         s:.qsp.read.fromFile[\"{folder}/*.txt\"; .qsp.use ``watch!(::;1b)] .qsp.map[{{n+:1;x}}]\n\
         a:s .qsp.map[{{n}}] .qsp.write.toConsole[]\n\
         b:s .qsp.map[{map}] .qsp.write.{writer}\n\
         .qsp.run (a;b)"
    )
}

#[test]
fn a_call_that_another_process_refuses_is_an_error_and_done_with() {
    let folder = Folder::new("kdb-refused-call");
    let program = with_ipc();
    let (address, ipc) = (program.address("HTTP requests: kdb"), program.address("kdb+ IPC"));
    folder.write("1.txt", "one\n");
    let options = format!("`name`handle`target`sync!(`out;`$\":{ipc}\";`nobody;1b)");
    let place = folder.path("").display().to_string();
    let spec = counting(&place, "{first x}", &format!("toProcess[.qsp.use {options}]"));
    let id = create(&address, &body(&spec));
    let first = until(|| (errors(&address, &id) == 1).then_some(()));
    assert!(first.is_some(), "{} {}", errors(&address, &id), program.log());
    folder.write("2.txt", "two\n");
    let second = until(|| (errors(&address, &id) == 2).then_some(()));
    assert!(second.is_some(), "{} {}", errors(&address, &id), program.log());
    assert_eq!(console(&address, &id), ["1", "2"], "each was seen once");
    let status = http(&address, "GET", &format!("/pipeline/status/{id}"), "").json();
    assert_eq!(status["state"], "Running");
    let log = program.log();
    for text in ["one", "two"] {
        // The log writes quotes of a text with a stroke in front.
        let heard = format!(r#"heard out (`nobody;\"{text}\") kdb+ IPC {ipc}: 'nobody"#);
        assert_eq!(log.matches(&heard).count(), 1, "{log}");
    }
    let said = format!("Failed to send message to ipc: kdb+ IPC {ipc}: 'nobody");
    assert_eq!(log.matches(&said).count(), 2, "{log}");
}

#[test]
fn a_table_that_cannot_be_kept_is_an_error_and_done_with() {
    let folder = Folder::new("kdb-refused-table");
    let program = with_ipc();
    let address = program.address("HTTP requests: kdb");
    let place = folder.path("").display().to_string();
    folder.write("1.txt", "mixed\n");
    folder.write("2.txt", "plain\n");
    let map = "{([]a:$[\"mixed\"~first x;(1;`b);1 2])}";
    let writer = format!("toDatabase[`t; \"{place}/db\"; .qsp.use ``name!``out]");
    let id = create(&address, &body(&counting(&place, map, &writer)));
    let kept = || fs::read_dir(folder.path("db/t")).map_or(0, |files| files.count());
    assert!(until(|| (kept() == 1).then_some(())).is_some(), "{}", program.log());
    assert_eq!(console(&address, &id), ["1", "2"], "each was seen once");
    assert_eq!(errors(&address, &id), 1);
    let log = program.log();
    assert!(log.contains("heard out +(,`a)!,(1;`b) column a: lists of other values"), "{log}");
    assert!(log.contains("Failed to send message to arrow_files: column a: "), "{log}");
    assert_eq!(kept(), 1);
}
