//! The ways to launch the service of streams: paths, flags and settings, what is refused at the
//! start, and streams of files over the API.

use std::fs;

use serde_json::{Value, json};
use tests::program::{Folder, Program, http, until};

const SERVICE: &str = "http: {address: '127.0.0.1:0'}\n";
const STREAM: &str = "input: {generate: {interval: 1h, mapping: root = 1}}\noutput: {drop: {}}\n";
const SERVER: &str = "input: {http_server: {path: /in}}\noutput: {drop: {}}\n";

/// A program with these settings, and where it answers.
fn streams(folder: &Folder, service: &str, args: &[&str]) -> (Program, String) {
    let service = folder.write("service.yaml", service);
    let program = Program::start(&[&["streams", "-o", &service], args].concat());
    let address = program.address("HTTP requests");
    (program, address)
}

/// The log of a program that does not start.
fn refused(args: &[&str]) -> String {
    let mut program = Program::start(args);
    assert_eq!(program.wait().and_then(|status| status.code()), Some(1), "{}", program.log());
    program.log()
}

fn ends_well(program: &mut Program) {
    program.signal("TERM");
    assert!(program.wait().is_some_and(|status| status.success()), "{}", program.log());
    assert!(program.log().contains("Received SIGTERM, the service is closing"));
}

fn status(address: &str, verb: &str, target: &str) -> u16 {
    http(address, verb, target, "").status
}

/// Waits until a path answers so.
fn answers(address: &str, verb: &str, target: &str, wanted: u16) {
    let mut last = 0;
    let right = until(|| {
        last = status(address, verb, target);
        (last == wanted).then_some(())
    });
    assert!(right.is_some(), "{verb} {target}: {last} and not {wanted}");
}

/// The ids of all streams, in their order.
fn ids(address: &str) -> Vec<String> {
    let streams = http(address, "GET", "/streams", "").json();
    streams.as_object().expect("an object").keys().cloned().collect()
}

#[test]
fn without_api_the_endpoints_stay() {
    let folder = Folder::new("no-api");
    let file = folder.write("a.yaml", SERVER);
    let (mut program, address) = streams(&folder, SERVICE, &["--no-api", &file]);
    answers(&address, "POST", "/a/in", 200);
    for path in ["/streams", "/streams/a", "/streams/a/stats", "/resources/cache/x"] {
        for verb in ["GET", "POST"] {
            assert_eq!(status(&address, verb, path), 404, "{verb} {path}");
        }
    }
    for path in ["/ready", "/ping", "/version", "/endpoints", "/a/ready", "/benthos/ping"] {
        assert_eq!(status(&address, "GET", path), 200, "{path}");
    }
    ends_well(&mut program);
}

#[test]
fn without_http_nobody_listens() {
    let folder = Folder::new("no-http");
    let service = folder.write("service.yaml", "http: {enabled: false}\n");
    let out = folder.path("out").display().to_string();
    let file = folder.write(
        "a.yaml",
        format!("input: {{generate: {{count: 1, interval: '', mapping: root = 1}}}}\noutput: {{file: {{path: {out}}}}}\n"),
    );
    let mut program = Program::start(&["streams", "-o", &service, &file]);
    assert!(until(|| (folder.read("out") == "1\n").then_some(())).is_some(), "{}", program.log());
    assert!(!program.log().contains("Listening"), "{}", program.log());
    // The only stream has ended, and the service goes on.
    assert!(fs::metadata(format!("/proc/{}", program.id())).is_ok());
    ends_well(&mut program);
}

#[test]
fn paths_of_streams_need_no_prefix() {
    let folder = Folder::new("no-prefix");
    let file = folder.write("a.yaml", SERVER);
    let (_program, address) =
        streams(&folder, SERVICE, &["--prefix-stream-endpoints=false", &file]);
    answers(&address, "POST", "/in", 200);
    assert_eq!(status(&address, "POST", "/benthos/in"), 200);
    assert_eq!(status(&address, "POST", "/a/in"), 404);
    let ready = http(&address, "GET", "/ready", "").json();
    assert_eq!(ready["statuses"][0], json!({"label": "", "path": "input", "connected": true}));
}

#[test]
fn everything_is_found_a_second_time_below_the_root_path() {
    let folder = Folder::new("root-path");
    let file = folder.write("a.yaml", SERVER);
    let service = "http: {address: '127.0.0.1:0', root_path: /deep/er}\n";
    let (_program, address) = streams(&folder, service, &[&file]);
    answers(&address, "POST", "/a/in", 200);
    assert_eq!(status(&address, "POST", "/deep/er/a/in"), 200);
    for path in ["/ping", "/deep/er/ping", "/deep/er/streams/a"] {
        assert_eq!(status(&address, "GET", path), 200, "{path}");
    }
    for path in ["/benthos/ping", "/benthos/a/in", "/deep/ping"] {
        assert_eq!(status(&address, "GET", path), 404, "{path}");
    }
}

#[test]
fn streams_come_from_directories_files_and_patterns() {
    let folder = Folder::new("paths");
    fs::create_dir_all(folder.path("dir/sub/deep")).expect("made");
    for name in ["dir/one.yaml", "dir/sub/two.yml", "dir/sub/deep/three.yaml", "four.x.yaml"] {
        folder.write(name, STREAM);
    }
    folder.write("dir/one_benthos_test.yaml", "tests: []\n");
    folder.write("dir/notes.txt", "no stream");
    let path = |name: &str| folder.path(name).display().to_string();
    let found = |paths: &[&str]| {
        let paths: Vec<String> = paths.iter().map(|name| path(name)).collect();
        let args: Vec<&str> = paths.iter().map(String::as_str).collect();
        let (program, address) = streams(&folder, SERVICE, &args);
        // Streams of files are there before anything is answered.
        let ids = ids(&address);
        drop(program);
        ids
    };
    assert_eq!(found(&["dir", "four.x.yaml"]), ["four.x", "one", "sub_deep_three", "sub_two"]);
    assert_eq!(found(&["dir/..."]), ["one", "three", "two"]);
    assert_eq!(found(&["dir/*.yaml", "dir/sub/*.yml"][1..]), ["two"]);
    assert_eq!(found(&["dir/*/*/three.yaml", "dir/sub/two.yml"]), ["three", "two"]);
    assert_eq!(found(&[]), [""; 0]);
    let twice = refused(&["streams", &path("dir"), &path("dir/one.yaml")]);
    assert!(twice.contains("stream id (one)") && twice.contains("collides"), "{twice}");
    let missing = refused(&["streams", "nosuchdir"]);
    let text = "stream configuration file read error: stat nosuchdir: no such file or directory";
    assert!(missing.contains(text), "{missing}");
}

#[test]
fn complaints_end_the_service_unless_it_is_chilled() {
    let folder = Folder::new("complaints");
    let service = folder.write("service.yaml", SERVICE);
    let good = folder.write("good.yaml", STREAM);
    let bad = folder.write("bad.yaml", format!("zzz: 1\n{STREAM}"));
    let wide = folder.write("wide.yaml", "input: {stdin: {}}\nhttp: {address: '127.0.0.1:0'}\n");
    let resources = folder.write("res.yaml", "cache_resources: [{label: a, memory: {zzz: 1}}]\n");
    for (args, lint) in [
        (vec!["-o", &service, &good, &bad], format!("{bad}(1,1) field zzz not recognised")),
        (vec!["-o", &wide], format!("{wide}(1,1) field input not recognised")),
        (
            vec!["-o", &service, "-r", &resources],
            format!("{resources}(1,1) field zzz not recognised"),
        ),
    ] {
        let log = refused(&[&["streams"], args.as_slice()].concat());
        let line =
            format!("level=error msg=\"Config lint error\" @service=benthos lint=\"{lint}\"");
        assert!(log.contains(&line), "{log}");
        let text = "shutting down due to stream linter errors, to prevent shutdown run mainstem \
                    with --chilled\n";
        assert!(log.ends_with(text), "{log}");
        let mut program = Program::start(&[&["streams", "--chilled"], args.as_slice()].concat());
        let address = program.address("HTTP requests");
        assert_eq!(status(&address, "GET", "/ping"), 200);
        let line = line.replace("level=error", "level=warning");
        assert!(program.log().contains(&line), "{}", program.log());
        ends_well(&mut program);
    }
}

#[test]
fn what_cannot_be_made_ends_the_service() {
    let folder = Folder::new("unmade");
    let service = folder.write("service.yaml", SERVICE);
    let stream = |text: &str| folder.write("one.yaml", format!("{text}\noutput: {{drop: {{}}}}\n"));
    for (text, why) in [
        (
            "input: {generate: {mapping: root = 1, count: x}}",
            "failed to create stream (one): failed to init input <no label> path root.input: field \
             'count'",
        ),
        (
            "pipeline: {processors: [{resource: gone}]}",
            "failed to create stream (one): failed to init processor <no label> path \
             root.pipeline.processors.0",
        ),
        ("input: {nope: {}}", "unable to infer input type"),
        ("input: [", "one.yaml:2:1: error: yaml: line 2"),
    ] {
        let log = refused(&["streams", "-o", &service, &stream(text)]);
        assert!(log.contains(why), "{log}");
    }
}

#[test]
fn resources_of_files_are_there_for_all_streams() {
    let folder = Folder::new("resources");
    let tag = "processor_resources: [{label: tag, mapping: 'root = \"tagged\"'}]\n";
    let resources = folder.write("res.yaml", tag);
    let stream = |out: &str| {
        let out = folder.path(out).display().to_string();
        format!(
            "input: {{generate: {{count: 1, interval: '', mapping: root = 1}}}}\npipeline: \
             {{processors: [{{resource: tag}}]}}\noutput: {{file: {{path: {out}}}}}\n"
        )
    };
    let file = folder.write("a.yaml", stream("file"));
    let (mut program, address) = streams(&folder, SERVICE, &["-r", &resources, &file]);
    assert_eq!(http(&address, "POST", "/streams/b", &stream("rest")).status, 200);
    for out in ["file", "rest"] {
        assert!(until(|| (folder.read(out) == "tagged\n").then_some(())).is_some(), "{out}");
    }
    ends_well(&mut program);
}

#[test]
fn streams_of_files_are_changed_over_the_api_and_files_never() {
    let folder = Folder::new("file-streams");
    let files: Vec<String> =
        ["a", "b", "c"].iter().map(|id| folder.write(&format!("{id}.yaml"), STREAM)).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let (mut program, address) = streams(&folder, SERVICE, &files);
    let shown = |id: &str| http(&address, "GET", &format!("/streams/{id}"), "").json();
    let mapping = |id: &str| shown(id)["config"]["input"]["generate"]["mapping"].clone();
    assert_eq!((mapping("a"), &shown("a")["active"]), (json!("root = 1"), &Value::Bool(true)));
    assert_eq!(http(&address, "POST", "/streams/a", STREAM).text(), "Stream already exists\n");
    let put = STREAM.replace("root = 1", "root = 2");
    assert_eq!(http(&address, "PUT", "/streams/a", &put).status, 200);
    let patch = "{\"input\":{\"generate\":{\"mapping\":\"root = 3\"}}}";
    assert_eq!(http(&address, "PATCH", "/streams/b", patch).status, 200);
    assert_eq!(status(&address, "DELETE", "/streams/c"), 200);
    assert_eq!((mapping("a"), mapping("b")), (json!("root = 2"), json!("root = 3")));
    assert_eq!(ids(&address), ["a", "b"]);
    for id in ["a", "b", "c"] {
        assert_eq!(folder.read(&format!("{id}.yaml")), STREAM, "{id}");
    }
    ends_well(&mut program);
}
