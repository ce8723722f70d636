//! Files that change while the program runs: every way to change one is noticed, and nothing that
//! is on the way is lost.

use std::collections::HashSet;
use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::Value;
use tests::program::{Folder, Program, http, try_http, until};

const SERVICE: &str = "http: {address: '127.0.0.1:0'}\n";

fn stream(mark: &str) -> String {
    format!(
        "input: {{generate: {{interval: 1h, mapping: root = \"{mark}\"}}}}\noutput: {{drop: {{}}}}\n"
    )
}

/// Waits until a stream is there with this mark in its document, or is not there.
fn becomes(program: &Program, address: &str, id: &str, mark: Option<&str>) {
    let mut last = Value::Null;
    let found = until(|| {
        let answer = http(address, "GET", &format!("/streams/{id}"), "");
        match mark {
            None => (answer.status == 404).then_some(()),
            Some(_) if answer.status != 200 => None,
            Some(mark) => {
                last = answer.json();
                let text = last["config"]["input"]["generate"]["mapping"].as_str()?;
                (text.contains(mark) && last["active"] == true).then_some(())
            }
        }
    });
    assert!(found.is_some(), "{id} does not become {mark:?}: {last}\n{}", program.log());
}

fn logs(program: &Program, part: &str) {
    let found = until(|| program.log().contains(part).then_some(()));
    assert!(found.is_some(), "no '{part}' in:\n{}", program.log());
}

#[test]
fn streams_follow_their_files() {
    let folder = Folder::new("watch");
    let service = folder.write("service.yaml", SERVICE);
    fs::create_dir_all(folder.path("dir/sub")).expect("made");
    folder.write("dir/a.yaml", stream("first"));
    folder.write("dir/gone.yaml", stream("gone"));
    let dir = folder.path("dir").display().to_string();
    let single = folder.write("single.yaml", stream("single"));
    let program = Program::start(&["streams", "-w", "-o", &service, &dir, &single]);
    let address = program.address("HTTP requests");
    let becomes = |id: &str, mark: Option<&str>| becomes(&program, &address, id, mark);
    becomes("a", Some("first"));
    // New files, written into, another in their place: from a neighbour, and as editors do it.
    folder.write("dir/sub/new.yml", stream("new"));
    folder.write("dir/a.yaml", stream("written"));
    becomes("sub_new", Some("new"));
    becomes("a", Some("written"));
    folder.write("next", stream("renamed"));
    fs::rename(folder.path("next"), folder.path("dir/a.yaml")).expect("renamed");
    becomes("a", Some("renamed"));
    let mut sed = Command::new("sed");
    sed.args(["-i", "s/renamed/edited/"]).arg(folder.path("dir/a.yaml"));
    assert!(sed.status().is_ok_and(|status| status.success()));
    becomes("a", Some("edited"));
    // Files that are wrong change nothing.
    for (text, why) in [
        ("input: {generate: {nope: 1}}\n", "dir/a.yaml(1,1) field nope not recognised"),
        ("input: [\n", "dir/a.yaml:2:1: error: yaml: line 2"),
        ("input: {generate: {mapping: root = 1, count: x}}\n", "field 'count'"),
    ] {
        folder.write("dir/a.yaml", text);
        logs(&program, why);
        becomes("a", Some("edited"));
    }
    assert_eq!(program.log().matches("Failed to read updated stream config: ").count(), 3);
    // What is done over REST stands until the file changes.
    assert_eq!(http(&address, "DELETE", "/streams/a", "").status, 200);
    folder.write("dir/b.yaml", stream("other"));
    becomes("b", Some("other"));
    becomes("a", None);
    folder.write("dir/a.yaml", stream("back"));
    becomes("a", Some("back"));
    // Files that are gone, or have another name.
    fs::remove_file(folder.path("dir/gone.yaml")).expect("removed");
    fs::remove_file(&single).expect("removed");
    fs::rename(folder.path("dir/b.yaml"), folder.path("dir/c.yaml")).expect("renamed");
    fs::rename(folder.path("dir/a.yaml"), folder.path("dir/a.yml")).expect("renamed");
    for (id, mark) in [("gone", None), ("single", None), ("b", None), ("c", Some("other"))] {
        becomes(id, mark);
    }
    folder.write("single.yaml", stream("again"));
    becomes("single", Some("again"));
    becomes("a", Some("back"));
}

#[test]
fn complaints_are_let_pass_when_chilled() {
    let folder = Folder::new("watch-chilled");
    let (service, file) = (folder.write("o.yaml", SERVICE), folder.write("a.yaml", stream("one")));
    let program = Program::start(&["streams", "-w", "--chilled", "-o", &service, &file]);
    let address = program.address("HTTP requests");
    folder.write("a.yaml", format!("zzz: 1\n{}", stream("two")));
    becomes(&program, &address, "a", Some("two"));
}

/// A pipeline that takes requests and writes them to a file with a mark, and its resource.
fn marked(folder: &Folder, mark: &str) -> String {
    format!(
        "input: {{http_server: {{path: /in}}}}\npipeline:\n  processors:\n    - resource: tag\n    \
         - mapping: 'root = content() + \" {mark}\"'\noutput: {{file: {{path: {}}}}}\n",
        folder.path("out").display()
    )
}

fn tag(mark: &str) -> String {
    format!("processor_resources:\n  - label: tag\n    mapping: root = content() + \" {mark}\"\n")
}

/// Raises a flag when it goes out of scope, which a failing test does too.
struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Changes the files of a pipeline while requests come in. All that were answered must have
/// arrived, and every change must be seen in what arrives.
fn loses_nothing(folder: &Folder, program: &mut Program, target: &str) {
    let address = program.address("HTTP requests");
    let (ended, seen) = (AtomicBool::new(false), |end: &str| {
        let found = until(|| folder.read("out").contains(end).then_some(()));
        assert!(found.is_some(), "no '{end}' arrives:\n{}", program.log());
    });
    let taken = thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let mut taken = Vec::new();
            for number in (0..).map(|number: u64| number.to_string()) {
                if ended.load(Ordering::Relaxed) {
                    break;
                }
                // Between two pipelines nobody may be there.
                if try_http(&address, "POST", target, &number)
                    .is_ok_and(|answer| answer.status == 200)
                {
                    taken.push(number);
                }
            }
            taken
        });
        // Whatever happens here, the sender ends.
        let end = OnDrop(&ended);
        seen(" t0 m0\n");
        folder.write("main.yaml", marked(folder, "m1"));
        seen(" t0 m1\n");
        folder.write("res.yaml", tag("t1"));
        seen(" t1 m1\n");
        folder.write("next", marked(folder, "m2"));
        fs::rename(folder.path("next"), folder.path("main.yaml")).expect("renamed");
        folder.write("next", tag("t2"));
        fs::rename(folder.path("next"), folder.path("res.yaml")).expect("renamed");
        seen(" t2 m2\n");
        // What is wrong changes nothing.
        folder.write("res.yaml", "processor_resources: [{label: tag, nope: {}}]\n");
        logs(program, "res.yaml");
        folder.write("main.yaml", "zzz: 1\n");
        logs(program, "main.yaml(1,1) field zzz");
        let before = folder.read("out").len();
        let more = until(|| (folder.read("out").len() > before).then_some(()));
        assert!(more.is_some(), "it goes on: {}", program.log());
        drop(end);
        sender.join().expect("no panic")
    });
    let text = folder.read("out");
    let arrived: HashSet<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    let lost: Vec<String> = taken.into_iter().filter(|n| !arrived.contains(n.as_str())).collect();
    assert!(lost.is_empty(), "{lost:?}: answered and not arrived");
    program.signal("TERM");
    assert!(program.wait().is_some_and(|status| status.success()), "{}", program.log());
}

#[test]
fn changed_streams_lose_nothing() {
    let folder = Folder::new("watch-streams");
    let (service, res) = (folder.write("o.yaml", SERVICE), folder.write("res.yaml", tag("t0")));
    let file = folder.write("main.yaml", marked(&folder, "m0"));
    let mut program = Program::start(&["streams", "-w", "-o", &service, "-r", &res, &file]);
    loses_nothing(&folder, &mut program, "/main/in");
}

#[test]
fn a_changed_pipeline_loses_nothing() {
    let folder = Folder::new("watch-run");
    let res = folder.write("res.yaml", tag("t0"));
    let file = folder.write("main.yaml", marked(&folder, "m0"));
    let set = "http.address=127.0.0.1:0";
    let mut program = Program::start(&["run", "-w", "--set", set, "-r", &res, &file]);
    loses_nothing(&folder, &mut program, "/in");
}

#[test]
fn a_pipeline_without_its_file_goes_on() {
    let folder = Folder::new("watch-gone");
    let text = |mark: &str| {
        let out = folder.path("out").display().to_string();
        let input = format!("generate: {{interval: 5ms, mapping: root = \"{mark}\"}}");
        format!("http: {{enabled: false}}\ninput: {{{input}}}\noutput: {{file: {{path: {out}}}}}\n")
    };
    let file = folder.write("main.yaml", text("one"));
    let mut program = Program::start(&["run", "-w", &file]);
    let seen = |mark: &str| until(|| folder.read("out").ends_with(mark).then_some(())).is_some();
    assert!(seen("one\n"), "{}", program.log());
    fs::remove_file(&file).expect("removed");
    logs(&program, "Failed to read updated config: ");
    fs::remove_file(folder.path("out")).expect("removed");
    folder.write("main.yaml", text("two"));
    assert!(seen("two\n"), "{}", program.log());
    // It ends as any other does.
    folder.write(
        "main.yaml",
        text("three").replace("5ms", "''").replace("mapping:", "count: 1, mapping:"),
    );
    assert!(program.wait().is_some_and(|status| status.success()), "{}", program.log());
    assert!(program.log().contains("Pipeline has terminated"), "{}", program.log());
}
