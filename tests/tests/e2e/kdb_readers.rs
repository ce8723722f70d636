//! Readers and writers of specs, and their handlers, in a running service.

use std::fs;

use tests::program::{Folder, http, until};
use tests::python::{having, run};

use super::kdb::{body, create, publish, with_ipc};

/// What a pipeline wrote to its console, line by line.
fn console(address: &str, id: &str) -> String {
    let path = format!("/v1/pipelines/pipelines/{id}/console");
    let lines = http(address, "GET", &path, "").json();
    let lines = lines["lines"].as_array().expect("lines").iter();
    lines.filter_map(|line| line.as_str()).collect::<Vec<_>>().join("\n")
}

/// Waits until the console of a pipeline has a text.
fn shows(address: &str, id: &str, text: &str) -> bool {
    until(|| console(address, id).contains(text).then_some(())).is_some()
}

#[test]
fn files_that_appear_in_a_watched_directory_are_read() {
    let folder = Folder::new("kdb-watch");
    let program = with_ipc();
    let address = program.address("HTTP requests: kdb");
    folder.write("first.txt", "one\n");
    let directory = folder.path("").display().to_string();
    let spec = format!(
        ".qsp.run .qsp.read.fromFile[\"{directory}\"; .qsp.use ``watch!(::;1b)]\n  \
         .qsp.write.toConsole[]"
    );
    let id = create(&address, &body(&spec));
    assert!(shows(&address, &id, "\"one\""), "{}", console(&address, &id));
    folder.write("second.txt", "two\n");
    assert!(shows(&address, &id, "\"two\""), "{}", console(&address, &id));
}

#[test]
fn all_readers_of_a_stream_get_what_is_written_to_it() {
    let program = with_ipc();
    let (address, ipc) = (program.address("HTTP requests: kdb"), program.address("kdb+ IPC"));
    let reader = ".qsp.run .qsp.read.fromStream[`t; \"s\"] .qsp.write.toConsole[]";
    let readers = [1, 2].map(|_| create(&address, &body(reader)));
    let writer = ".qsp.run .qsp.read.fromCallback[`upd] .qsp.write.toStream[`t; \"s\"]";
    create(&address, &body(writer));
    // A reader gets what is written from when it is there.
    let all = until(|| {
        assert_eq!(publish(&ipc), 101, "the generic null");
        readers.iter().all(|id| console(&address, id).contains("1 2 3")).then_some(())
    });
    assert!(all.is_some(), "{readers:?}");
}

#[test]
fn a_pipeline_calls_another_process() {
    let program = with_ipc();
    let (address, ipc) = (program.address("HTTP requests: kdb"), program.address("kdb+ IPC"));
    let called =
        create(&address, &body(".qsp.run .qsp.read.fromCallback[`other] .qsp.write.toConsole[]"));
    let options = format!("`handle`target`sync!(`$\":{ipc}\";`other;1b)");
    create(
        &address,
        &body(&format!(
            ".qsp.run .qsp.read.fromCallback[`upd] .qsp.map[{{10*x}}]\n  \
             .qsp.write.toProcess[.qsp.use {options}]"
        )),
    );
    assert_eq!(publish(&ipc), 101, "the generic null");
    assert!(shows(&address, &called, "10 20 30"), "{}", console(&address, &called));
}

#[test]
fn handlers_see_a_pipeline_begin_and_end() {
    let program = with_ipc();
    let address = program.address("HTTP requests: kdb");
    let spec = ".qsp.onStart {publish `started}\n.qsp.onTeardown {-1 \"torn down\";}\n\
                .qsp.run .qsp.read.fromCallback[`publish] .qsp.write.toConsole[]";
    let id = create(&address, &body(spec));
    assert!(shows(&address, &id, "`started"), "{}", console(&address, &id));
    assert!(!program.log().contains("torn down"));
    let down = http(&address, "POST", &format!("/pipeline/teardown/{id}"), "");
    assert_eq!(down.status, 200, "{}", down.text());
    assert!(until(|| program.log().contains("torn down").then_some(())).is_some());
}

const PYARROW: &str = r#"
import sys
import pyarrow.dataset as ds
table = ds.dataset(sys.argv[1], format='ipc', partitioning='hive').to_table()
print(sorted(table.schema.names))
for row in sorted(table.to_pylist(), key=lambda row: row['price']):
    print(row['date'], row['sym'], row['price'])
"#;

#[test]
fn a_database_is_read_by_pyarrow() {
    let Some(python) = having(&["pyarrow"]) else { return };
    let folder = Folder::new("kdb-database");
    let program = with_ipc();
    let address = program.address("HTTP requests: kdb");
    let database = folder.path("db").display().to_string();
    let rows = "([]date:2024.02.29 2024.03.01 2024.02.29;sym:`a`b`;price:1 2 0n)";
    let spec = format!(
        ".qsp.run .qsp.read.fromExpr[\"{rows}\"] .qsp.map[{{update price:3. from x where null \
         price}}]\n  .qsp.write.toDatabase[`trade; \"{database}\"; .qsp.use ``partition!``date]"
    );
    let id = create(&address, &body(&spec));
    let finished = until(|| {
        let status = http(&address, "GET", &format!("/pipeline/status/{id}"), "").json();
        (status["state"] == "Finished").then_some(())
    });
    assert!(finished.is_some(), "{}", program.log());
    assert_eq!(fs::read_dir(folder.path("db/trade")).expect("a folder").count(), 2);
    let table = folder.path("db/trade").display().to_string();
    let printed = run(&python, PYARROW, &[&table]);
    assert_eq!(
        printed,
        "['date', 'price', 'sym']\n2024-02-29 a 1.0\n2024-03-01 b 2.0\n2024-02-29 None 3.0\n"
    );
}
