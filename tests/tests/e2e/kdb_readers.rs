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

/// A row of each type, and one of its nulls.
const ALL_TYPES: &str = "
t:([]b:10b;g:(\"G\"$\"00010203-0405-0607-0809-0a0b0c0d0e0f\";0Ng);x:0x01ff;h:7 0Nh;i:8 0Ni;j:9 0N;
  e:1.5 0Ne;f:-0w 0n;c:\"ab\";s:`a`;p:2024.02.29D12:00:00.000000001 0Np;m:2024.02 0Nm;
  d:2024.02.29 0Nd;z:2024.02.29T12:00:00.000 0Nz;n:0D00:00:00.000000007 0Nn;u:01:30 0Nu;
  v:00:00:07 0Nv;t:00:00:00.007 0Nt;text:(\"some text\";\"\"))
s:.qsp.read.fromExpr[\"t\"]
";

const PYARROW_TYPES: &str = r#"
import datetime as dt, sys
import pyarrow.dataset as ds
def read(name):
    return ds.dataset(f'{sys.argv[1]}/{name}', format='ipc', partitioning='hive').to_table()
plain = read('plain')
types = {f.name: str(f.type) for f in plain.schema}
assert types == dict(
    b='bool', g='fixed_size_binary[16]', x='uint8', h='int16', i='int32', j='int64', e='float',
    f='double', c='string', s='string', p='timestamp[ns]', m='date32[day]', d='date32[day]',
    z='timestamp[ms]', n='duration[ns]', u='duration[s]', v='duration[s]', t='duration[ms]',
    text='string'), types
# Python's own times have no nanoseconds.
exact = {name: plain.column(name).cast('int64').to_pylist() for name in 'pn'}
assert exact == {'p': [1709208000000000001, None], 'n': [7, None]}, exact
first, nulls = plain.drop_columns(['p', 'n']).to_pylist()
assert first == dict(
    b=True, g=bytes(range(16)), x=1, h=7, i=8, j=9, e=1.5, f=float('-inf'), c='a', s='a',
    m=dt.date(2024, 2, 1), d=dt.date(2024, 2, 29), z=dt.datetime(2024, 2, 29, 12),
    u=dt.timedelta(minutes=90), v=dt.timedelta(seconds=7), t=dt.timedelta(milliseconds=7),
    text='some text'), first
given = dict(b=False, x=255, c='b', text='')
assert nulls == {name: given.get(name) for name in nulls}, nulls
values = dict(b='true', h=7, i=8, j=9, s='a', d='2024-02-29', m='2024-02')
for name, value in values.items():
    table = read(name)
    assert sorted(table.schema.names) == sorted(types), table.schema
    assert sorted(table.column(name).to_pylist(), key=str) == sorted(
        [value, 'false' if name == 'b' else None], key=str), table.column(name)
    others = [n for n in types if n != name]
    rows = table.select(others).sort_by([('x', 'ascending')])
    assert rows.equals(plain.select(others)), rows
print('read')
"#;

#[test]
fn every_type_and_every_kind_of_partition_is_read_by_pyarrow() {
    let Some(python) = having(&["pyarrow"]) else { return };
    let folder = Folder::new("kdb-database-types");
    let program = with_ipc();
    let address = program.address("HTTP requests: kdb");
    let database = folder.path("db").display().to_string();
    let mut spec = format!("{ALL_TYPES}plain:s .qsp.write.toDatabase[`plain; \"{database}\"]\n");
    let columns = ["b", "h", "i", "j", "s", "d", "m"];
    for column in columns {
        let options = format!(".qsp.use ``partition!``{column}");
        let writer = format!(".qsp.write.toDatabase[`{column}; \"{database}\"; {options}]");
        spec.push_str(&format!("by{column}:s {writer}\n"));
    }
    spec.push_str(&format!(".qsp.run (plain;by{})\n", columns.join(";by")));
    let id = create(&address, &body(&spec));
    let status = || http(&address, "GET", &format!("/pipeline/status/{id}"), "").json();
    let finished = until(|| (status()["state"] == "Finished").then_some(()));
    assert!(finished.is_some(), "{} {}", status(), program.log());
    assert_eq!(run(&python, PYARROW_TYPES, &[&database]), "read\n");
}

/// Waits until a pipeline is in a state, and gives its error.
fn comes_to(address: &str, id: &str, state: &str) -> Option<String> {
    until(|| {
        let status = http(address, "GET", &format!("/pipeline/status/{id}"), "").json();
        (status["state"] == state).then(|| status["error"].as_str().unwrap_or_default().to_owned())
    })
}

#[test]
fn files_that_cannot_be_read_are_errors_of_their_pipelines_and_others_are_read_whole() {
    let folder = Folder::new("kdb-files");
    let program = with_ipc();
    let address = program.address("HTTP requests: kdb");
    let directory = folder.path("").display().to_string();
    let create = |path: &str, rest: &str| {
        let read = format!(".qsp.run .qsp.read.fromFile[\"{path}\"] {rest}");
        create(&address, &body(&format!("{read}\n  .qsp.write.toConsole[]")))
    };
    let missing = folder.path("nope").display().to_string();
    for (path, text) in [(&missing, "no such file or directory"), (&directory, "is a directory")] {
        let error = comes_to(&address, &create(path, ""), "Errored");
        assert!(error.as_ref().is_some_and(|error| error.contains(text)), "{error:?}");
    }
    folder.write("a.csv", "a,b\n1,x\n2,y");
    let path = folder.path("a.csv").display().to_string();
    let id = create(&path, ".qsp.decode.csv[\"JS\"] .qsp.map[{count x}]");
    assert_eq!(comes_to(&address, &id, "Finished").as_deref(), Some(""));
    assert!(console(&address, &id).ends_with("| 2"), "{}", console(&address, &id));
}

#[test]
fn a_spec_that_ends_in_a_teardown_is_finished() {
    let program = with_ipc();
    let address = program.address("HTTP requests: kdb");
    let spec = ".qsp.run .qsp.read.fromCallback[`publish] .qsp.window.count[2]\n  \
                .qsp.write.toConsole[]\npublish 7 8 9\n.qsp.teardown[]";
    let id = create(&address, &body(spec));
    assert_eq!(comes_to(&address, &id, "Finished").as_deref(), Some(""));
    let shown = console(&address, &id);
    let lines: Vec<&str> = shown.lines().filter_map(|line| line.split("| ").nth(1)).collect();
    assert_eq!(lines, ["7 8", ",9"]);
}
