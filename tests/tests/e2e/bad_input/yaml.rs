//! YAML that means harm: refused within its limits over REST and from a file, by every command.

use std::fmt::Write as _;
use std::process::Command;

use tests::program::{Folder, Program, binary, http};

use super::serve;

/// Deeper than any config.
const DEPTH: usize = 10_000;
/// Longer than any config, in bytes.
const LENGTH: usize = 100 << 20;
/// The address space that the program may use to refuse a file, in KiB; its allocator reserves
/// much more than it uses.
const MEMORY_KIB: u64 = 8 << 20;

/// What is wrong, the text, and what is said of it.
fn texts() -> Vec<(&'static str, String, &'static str)> {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..10 {
        let inner = vec![format!("*a{}", n - 1); 10].join(", ");
        let _ = writeln!(bomb, "a{n}: &a{n} [{inner}]");
    }
    let stairs = (0..DEPTH).fold(String::new(), |mut text, n| {
        let _ = writeln!(text, "{}a:", " ".repeat(n));
        text
    });
    let flow = format!("input: {}1{}\n", "{a: ".repeat(DEPTH), "}".repeat(DEPTH));
    let list = format!("input: {}1{}\n", "[".repeat(DEPTH), "]".repeat(DEPTH));
    let dashes = format!("input:\n  {}1\n", "- ".repeat(DEPTH));
    vec![
        ("a bomb of aliases", bomb, "aliases expanded"),
        ("objects in a line", flow, "nested deeper"),
        ("lists in a line", list, "recursion limit exceeded"),
        ("objects in a block", stairs, "nested deeper"),
        ("lists in a block", dashes, "nested deeper"),
    ]
}

/// Runs the program with a bound on its memory, which must refuse with this text.
fn refused(what: &str, args: &[&str], part: &str) {
    let script = format!("ulimit -v {}; exec \"$0\" \"$@\"", MEMORY_KIB);
    let mut command = Command::new("sh");
    let output = command.args(["-c", &script]).arg(binary()).args(args).output().expect("runs");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let short: String = text.chars().take(500).collect();
    assert_eq!(output.status.code(), Some(1), "{what}: {args:?}: {short}");
    assert!(text.contains(part), "{what}: {args:?}: {short}");
    assert!(text.len() < 10_000, "{what}: {args:?}: it says {} bytes", text.len());
}

#[test]
fn hostile_yaml_is_refused_over_rest() {
    let served = serve();
    let before = served.names();
    for (what, text, part) in texts() {
        for (verb, target) in [
            ("POST", "/streams/bad"),
            ("PUT", "/streams/other"),
            ("PATCH", "/streams/other"),
            ("POST", "/streams"),
            ("POST", "/resources/cache/bad"),
        ] {
            let answer = http(&served.benthos, verb, target, &text);
            let said: String = answer.text().chars().take(500).collect();
            assert_eq!(answer.status, 400, "{what}: {verb} {target}: {said}");
            assert!(said.contains(part), "{what}: {verb} {target}: {said}");
        }
    }
    assert_eq!(served.names(), before, "nothing is created");
    served.others_go_on();
}

#[test]
fn hostile_files_are_refused() {
    let folder = Folder::new("hostile-files");
    let service = folder.write("service.yaml", "http: {address: '127.0.0.1:0'}\n");
    let mut all = texts();
    all.push(("a long comment", "#".repeat(LENGTH), "longer than"));
    for (what, text, part) in all {
        let file = folder.write("hostile.yaml", text);
        for args in [
            &["lint", &file][..],
            &["run", &file],
            &["echo", &file],
            &["streams", "-o", &service, &file],
            &["streams", "-o", &file],
            &["streams", "-o", &service, "-r", &file],
        ] {
            refused(what, args, part);
        }
    }
    // A file without end is one of these.
    refused("zeros", &["lint", "/dev/zero"], "longer than");
    refused("zeros", &["run", "/dev/zero"], "longer than");
}

#[test]
fn a_hostile_file_changes_no_stream_that_runs() {
    let folder = Folder::new("hostile-watched");
    let service = folder.write("service.yaml", "http: {address: '127.0.0.1:0'}\n");
    let stream = "input: {generate: {interval: 1h, mapping: root = 1}}\noutput: {drop: {}}\n";
    let file = folder.write("a.yaml", stream);
    let program = Program::start(&["streams", "-w", "-o", &service, &file]);
    let address = program.address("HTTP requests");
    for (what, text, part) in texts() {
        folder.write("a.yaml", text);
        super::logs(&program, &["level=error", "Failed to read updated stream config", part]);
        let shown = http(&address, "GET", "/streams/a", "").json();
        assert_eq!(shown["active"], true, "{what}");
        assert_eq!(shown["config"]["input"]["generate"]["mapping"], "root = 1", "{what}");
    }
}
