//! Files: lines beyond the scanner's limit, empty ones, missing ones, outputs that cannot be
//! written.

use std::fs;
use std::io::Write;
use std::path::Path;

use tests::program::{Folder, http, until};

use super::messages::nes::Coordinator;
use super::{Served, copy, folder, serve, stream};

/// A line without end, in bytes.
const HUGE: u64 = 256 << 20;
/// What the process may use more of because of it, in KiB.
const GROWTH_MAX_KIB: u64 = 48 << 10;

/// The most memory that a process has used, in KiB.
fn peak_kib(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number")
}

fn huge_line(path: &Path, first: &str) {
    let mut file = fs::File::create(path).expect("is made");
    let chunk = vec![b'x'; 1 << 20];
    file.write_all(format!("{first}\n").as_bytes()).expect("is written");
    for _ in 0..HUGE >> 20 {
        file.write_all(&chunk).expect("is written");
    }
    file.write_all(b"\nnever read\n").expect("is written");
}

#[test]
fn a_line_beyond_the_scanners_limit_ends_its_file_and_only_that() {
    let folder = folder(&[("next", b"one\ntwo\n")]);
    let (huge, next) = (folder.path("huge"), folder.path("next"));
    huge_line(&huge, "first");
    let served = serve();
    let before = peak_kib(served.program.id());
    served.create("long", &stream(&[&huge, &next], "", &folder.path("out")));
    served.ended("long");
    assert_eq!(folder.read("out"), "first\none\ntwo\n");
    let huge = huge.display().to_string();
    served.logs(&["level=error", "stream=long", "path=root.input", &huge, "token too long"]);
    let errors = |id: &str| served.pipeline(id)["errors"].clone();
    assert_eq!(errors("long"), 1, "it is counted");
    let id = served.spec(&format!(
        ".qsp.run .qsp.read.fromFile[\"{huge}\"] .qsp.map[{{count each x}}] \
         .qsp.write.toConsole[]"
    ));
    served.ended(&id);
    assert_eq!(errors(&id), 1, "it is counted");
    let console = http(&served.kdb, "GET", &format!("/v1/pipelines/pipelines/{id}/console"), "");
    assert!(console.text().contains(",5"), "what was read before: {}", console.text());
    served.others_go_on();
    let growth = peak_kib(served.program.id()).saturating_sub(before);
    assert!(growth < GROWTH_MAX_KIB, "{growth} KiB more for a line of {HUGE} bytes");
}

#[test]
fn the_scanners_limit_is_the_one_that_the_config_says() {
    let line = "x".repeat(99);
    let folder = folder(&[("in", format!("{line}\n{line}y\nafter\n").as_bytes())]);
    let served = serve();
    let limited = |max: u32| {
        format!(
            "input:\n  file:\n    paths: [{}]\n    scanner: {{lines: {{max_buffer_size: {max}}}}}\n\
             output:\n  file:\n    path: {}\n",
            folder.path("in").display(),
            folder.path(&format!("out-{max}")).display()
        )
    };
    for max in [100, 101] {
        let id = format!("max{max}");
        served.create(&id, &limited(max));
        served.ended(&id);
    }
    assert_eq!(folder.read("out-100"), format!("{line}\n"));
    assert_eq!(folder.read("out-101"), format!("{line}\n{line}y\nafter\n"));
    served.logs(&["stream=max100", "token too long"]);
}

#[test]
fn a_row_beyond_the_limit_fails_its_query() {
    let folder = folder(&[]);
    huge_line(&folder.path("ticks.csv"), "1,2");
    let coordinator = Coordinator::start(&folder, "ticks.csv");
    let before = peak_kib(coordinator.program.id());
    let id = coordinator.copy_to(&folder.path("out.csv").display().to_string());
    let failed = coordinator.becomes(id, "FAILED");
    let path = folder.path("ticks.csv").display().to_string();
    let why = format!("failed to read file {path}: bufio.Scanner: token too long");
    assert_eq!(failed["queryInfo"], why);
    let stream = format!("stream={id}");
    super::logs(&coordinator.program, &["level=error", &stream, &path, "token too long"]);
    assert!(folder.read("out.csv").ends_with("\n1,2\n"), "{}", folder.read("out.csv"));
    let growth = peak_kib(coordinator.program.id()).saturating_sub(before);
    assert!(growth < 2 * GROWTH_MAX_KIB, "{growth} KiB more for a line of {HUGE} bytes");
}

#[test]
fn an_empty_file_ends_well() {
    let folder = folder(&[("empty", b""), ("next", b"one\n")]);
    let served = serve();
    served.create("empty", &copy(&folder.path("empty"), &folder.path("out")));
    served.ended("empty");
    assert_eq!(folder.read("out"), "");
    let (empty, next) = (folder.path("empty"), folder.path("next"));
    served.create("both", &stream(&[&empty, &next], "", &folder.path("both")));
    served.ended("both");
    assert_eq!(folder.read("both"), "one\n");
    let id = served.spec(&format!(
        ".qsp.run .qsp.read.fromFile[\"{}\"] .qsp.write.toConsole[]",
        empty.display()
    ));
    served.ended(&id);
    for id in ["empty", "both", &id] {
        assert_eq!(served.pipeline(id)["errors"], 0, "{id}");
    }
    let coordinator = Coordinator::start(&folder, "empty");
    let id = coordinator.copy_to(&folder.path("rows.csv").display().to_string());
    coordinator.becomes(id, "STOPPED");
    assert_eq!(folder.read("rows.csv").lines().count(), 1, "the header alone");
    served.others_go_on();
}

#[test]
fn a_missing_file_is_waited_for_as_benthos_does() {
    let folder = folder(&[]);
    let served = serve();
    let missing = folder.path("missing").display().to_string();
    served.create("missing", &copy(&folder.path("missing"), &folder.path("out")));
    let why = format!("open {missing}: no such file or directory");
    served.logs(&["level=error", "Failed to read message", &why, "stream=missing"]);
    // Such a stream is active, connected and ready: only the log and the counts tell.
    assert_eq!(http(&served.benthos, "GET", "/streams/missing", "").json()["active"], true);
    assert_eq!(http(&served.benthos, "GET", "/ready", "").text(), "OK");
    assert_eq!(served.series("missing", "input_connection_up"), 1);
    assert!(served.pipeline("missing")["errors"].as_u64().is_some_and(|n| n > 0));
    let id = served.spec(&format!(
        ".qsp.run .qsp.read.fromFile[\"{missing}\"] .qsp.map[{{count each x}}] \
         .qsp.write.toConsole[]"
    ));
    served.logs(&["level=error", &why, &format!("stream={id}")]);
    // The file of a spec is waited for no longer than an answer is.
    let failed = until(|| (served.pipeline(&id)["state"] == "failed").then_some(()));
    assert!(failed.is_some(), "{}", served.pipeline(&id));
    served.others_go_on();
    folder.write("missing", "here\n");
    served.ended("missing");
    assert_eq!(folder.read("out"), "here\n");
}

#[test]
fn a_missing_file_of_a_query_is_waited_for() {
    let folder = folder(&[]);
    let coordinator = Coordinator::start(&folder, "missing.csv");
    let id = coordinator.copy_to(&folder.path("out.csv").display().to_string());
    let missing = folder.path("missing.csv").display().to_string();
    super::logs(&coordinator.program, &["level=error", &format!("open {missing}: no such file")]);
    let why = format!("it is tried again: open {missing}: no such file or directory");
    let told = until(|| (coordinator.entry(id)["queryInfo"] == *why).then_some(()));
    assert!(told.is_some(), "{}", coordinator.entry(id));
    assert_eq!(coordinator.entry(id)["status"], "RUNNING");
    folder.write("missing.csv", "1,2\n");
    assert_eq!(coordinator.becomes(id, "STOPPED")["queryInfo"], "");
    assert!(folder.read("out.csv").ends_with("1,2\n"), "{}", folder.read("out.csv"));
}

/// Outputs that cannot be written, even by root, and why not.
fn unwritable(folder: &Folder) -> [(&'static str, String, String); 2] {
    let (dir, file) = (folder.path("").display().to_string(), folder.path("in"));
    let dir = dir.trim_end_matches('/').to_owned();
    let below = file.join("out").display().to_string();
    let (is_dir, no_dir) = (
        format!("open {dir}: is a directory"),
        format!("mkdir {}: not a directory", file.display()),
    );
    [("isdir", dir, is_dir), ("below", below, no_dir)]
}

fn not_delivered(served: &Served, id: &str, why: &str) {
    let words = ["level=error", &format!("stream={id}"), "path=root.output"];
    served.logs(&[&words[..], &["Failed to send message to file", why]].concat());
    // As Benthos has it, which opens files when there is something to write.
    let listed = http(&served.benthos, "GET", "/streams", "").json();
    assert_eq!(listed[id]["active"], true, "it tries again and again");
    assert_eq!(http(&served.benthos, "GET", "/ready", "").text(), "OK");
    let again = until(|| (served.series(id, "output_error") > 1).then_some(()));
    assert!(again.is_some(), "{id} does not try again");
    assert_eq!(served.series(id, "output_sent"), 0);
}

#[test]
fn an_unwritable_output_keeps_its_stream_retrying() {
    let folder = folder(&[("in", b"one\ntwo\n")]);
    let served = serve();
    for (id, path, why) in unwritable(&folder) {
        served.create(id, &copy(&folder.path("in"), Path::new(&path)));
        not_delivered(&served, id, &why);
        let deleted = http(&served.benthos, "DELETE", &format!("/streams/{id}?timeout=100ms"), "");
        assert_eq!(deleted.status, 200, "it can be stopped");
    }
    served.others_go_on();
}

#[test]
fn an_output_that_becomes_writable_gets_everything() {
    let folder = folder(&[("in", b"one\ntwo\n")]);
    let served = serve();
    let out = folder.path("out");
    fs::create_dir(&out).expect("is made");
    served.create("later", &copy(&folder.path("in"), &out));
    not_delivered(&served, "later", &format!("open {}: is a directory", out.display()));
    fs::remove_dir(&out).expect("is empty");
    served.ended("later");
    assert_eq!(folder.read("out"), "one\ntwo\n");
}

#[test]
fn an_unwritable_output_of_a_query_fails_it_or_is_named_and_tried_again() {
    let folder = folder(&[("in", b"1,2\n")]);
    let coordinator = Coordinator::start(&folder, "in");
    let [(_, dir, is_dir), (_, below, no_dir)] = unwritable(&folder);
    let id = coordinator.copy_to(&dir);
    assert_eq!(coordinator.becomes(id, "FAILED")["queryInfo"], *is_dir);
    super::logs(&coordinator.program, &["level=error", &format!("stream={id}"), &is_dir]);

    let id = coordinator.copy_to(&below);
    super::logs(&coordinator.program, &["level=error", &format!("stream={id}"), &no_dir]);
    let why = format!("it is tried again: {no_dir}");
    let told = until(|| (coordinator.entry(id)["queryInfo"] == *why).then_some(()));
    assert!(told.is_some(), "{}", coordinator.entry(id));
    assert_eq!(coordinator.entry(id)["status"], "RUNNING");
    fs::remove_file(folder.path("in")).expect("is there");
    assert_eq!(coordinator.becomes(id, "STOPPED")["queryInfo"], "", "it was read before");
    assert!(folder.read("in/out").ends_with("1,2\n"), "{}", folder.read("in/out"));
    fs::remove_dir_all(folder.path("in")).expect("is there");
    folder.write("in", "1,2\n");
    let id = coordinator.copy_to(&folder.path("out.csv").display().to_string());
    coordinator.becomes(id, "STOPPED");
    assert!(folder.read("out.csv").ends_with("1,2\n"), "{}", folder.read("out.csv"));
}

#[test]
fn a_directory_in_place_of_a_file_fails_its_query() {
    let folder = folder(&[]);
    fs::create_dir(folder.path("rows")).expect("is made");
    let coordinator = Coordinator::start(&folder, "rows");
    let id = coordinator.copy_to(&folder.path("out.csv").display().to_string());
    let rows = folder.path("rows").display().to_string();
    let why = format!("failed to read file: read {rows}: is a directory");
    assert_eq!(coordinator.becomes(id, "FAILED")["queryInfo"], why);
}
