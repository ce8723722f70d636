//! A full disk: what could not be written is kept and written once there is room.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;
use tests::program::{Folder, Program, binary, http, until};

use super::messages::nes::Coordinator;
use super::{copy, folder, serve};

/// A disk of 64 KiB where one may be mounted; elsewhere a file on the device that is always full.
struct Disk {
    dir: PathBuf,
    mounted: bool,
}

fn mount(dir: &Path, options: &str) -> bool {
    let arguments = ["-t", "tmpfs", "-o", options, "tmpfs"];
    let mounted = Command::new("mount").args(arguments).arg(dir).stderr(Stdio::null()).status();
    mounted.is_ok_and(|status| status.success())
}

impl Disk {
    fn new(folder: &Folder) -> Self {
        let dir = folder.path("disk");
        fs::create_dir(&dir).expect("is made");
        let mounted = mount(&dir, "size=64k");
        if !mounted {
            symlink("/dev/full", dir.join("out")).expect("is made");
        }
        Disk { dir, mounted }
    }

    fn out(&self) -> PathBuf {
        self.dir.join("out")
    }

    /// Makes room.
    fn grow(&self, folder: &Folder) {
        if self.mounted {
            assert!(mount(&self.dir, "remount,size=16m"), "the disk grows");
            return;
        }
        let link = folder.path("link");
        symlink(folder.path("real"), &link).expect("is made");
        fs::rename(link, self.out()).expect("is replaced");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.mounted {
            let _ = Command::new("umount").arg("-l").arg(&self.dir).status();
        }
    }
}

#[test]
fn a_full_disk_loses_nothing_and_tears_no_line() {
    let lines: Vec<String> = (0..100_000).map(|n| format!("line number {n}")).collect();
    let folder = folder(&[("in", format!("{}\n", lines.join("\n")).as_bytes())]);
    let disk = Disk::new(&folder);
    let served = serve();
    let out = disk.out();
    served.create("full", &copy(&folder.path("in"), &out));
    let why = format!("Failed to send message to file: write {}: no space left", out.display());
    served.logs(&["level=error", "stream=full", "path=root.output", &why]);
    let again = until(|| (served.series("full", "output_error") > 3).then_some(()));
    assert!(again.is_some(), "it tries again and again");
    assert_eq!(served.pipeline("full")["state"], "running");
    served.others_go_on();
    disk.grow(&folder);
    served.ended("full");
    let text = fs::read_to_string(&out).expect("is text");
    let mut written: Vec<&str> = text.lines().collect();
    let mut wanted: Vec<&str> = lines.iter().map(String::as_str).collect();
    written.sort_unstable();
    wanted.sort_unstable();
    assert!(written == wanted, "{} lines are not the {} sent", written.len(), wanted.len());
    served.others_go_on();
}

#[test]
fn a_full_disk_keeps_a_query_trying() {
    let folder = folder(&[("in", b"1,2\n")]);
    let coordinator = Coordinator::start(&folder, "in");
    let id = coordinator.copy_to("/dev/full");
    let why = "write /dev/full: no space left on device";
    super::logs(&coordinator.program, &["level=error", &format!("stream={id}"), why]);
    let info = format!("it is tried again: {why}");
    let told = until(|| (coordinator.entry(id)["queryInfo"] == *info).then_some(()));
    assert!(told.is_some(), "{}", coordinator.entry(id));
    assert_eq!(coordinator.entry(id)["status"], "RUNNING");
    let id = coordinator.copy_to(&folder.path("out").display().to_string());
    coordinator.becomes(id, "STOPPED");
}

#[test]
fn a_full_standard_output_is_named() {
    let folder = folder(&[("in", b"one\n")]);
    let config = format!(
        "http: {{enabled: false}}\ninput:\n  file:\n    paths: [{}]\noutput:\n  stdout: {{}}\n",
        folder.path("in").display()
    );
    let config = folder.write("config.yaml", config);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("is there");
    let mut command = Command::new(binary());
    let mut program = Program::with(command.args(["run", &config]).stdout(full));
    let why = "Failed to send message to stdout: write /dev/stdout: no space left on device";
    super::logs(&program, &["level=error", "path=root.output", why]);
    program.signal("INT");
    program.signal("INT");
    assert!(program.wait().is_some(), "it ends when it is told to");
}

/// A mainstem whose files cannot grow beyond 64 KiB: that needs no right to mount anything.
fn cramped(arguments: &[&str]) -> Program {
    let script = "trap '' XFSZ; ulimit -f 128; exec \"$0\" \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(binary()).args(arguments);
    if let Ok(io) = std::env::var("MAINSTEM_TEST_IO") {
        command.args(["--io", &io]);
    }
    Program::with(&mut command)
}

#[test]
fn a_full_disk_refuses_a_pipeline_that_cannot_be_made_durable() {
    let folder = folder(&[]);
    let state = folder.path("state").display().to_string();
    let program = cramped(&["serve", "--listen", "benthos=127.0.0.1:0", "--state-dir", &state]);
    let address = program.address("HTTP requests: benthos");
    let config = |text: &str| {
        let mapping = format!("root = \"{text}\"");
        let generate = json!({"mapping": mapping, "interval": "5ms"});
        json!({"input": {"generate": generate}, "output": {"drop": {}}}).to_string()
    };
    assert_eq!(http(&address, "POST", "/streams/small", &config("a")).status, 200);
    let large = config(&"x".repeat(100_000));
    for (verb, id) in [("POST", "large"), ("PUT", "small")] {
        let refused = http(&address, verb, &format!("/streams/{id}"), &large);
        let text = refused.text();
        assert_eq!(refused.status, 500, "{text}");
        assert!(text.contains("could not be made durable"), "{text}");
        assert!(text.contains(&format!("{state}/pipelines: ")), "it is named: {text}");
    }
    let listed = || http(&address, "GET", "/streams", "").json();
    assert!(listed()["large"].is_null(), "nothing is created");
    assert_eq!(listed()["small"]["active"], true, "what ran goes on");
    assert_eq!(http(&address, "POST", "/streams/next", &config("b")).status, 200, "it fits");
}

#[test]
fn a_query_that_cannot_be_stored_gives_its_slots_back() {
    let folder = folder(&[("in", b"1,2\n")]);
    let config = super::messages::coordinator(&folder, "in", "");
    let state = format!("--state-dir={}", folder.path("state").display());
    let program = cramped(&["nes", "coordinator", &config, &state]);
    let address = program.address("requests: nes");
    let free = || {
        let topology = http(&address, "GET", "/v1/nes/topology", "").json();
        topology["nodes"][0]["available_resources"].clone()
    };
    let before = free();
    let submit = |blanks: usize| {
        let text = " ".repeat(blanks);
        let query =
            format!("Query::from(\"ticks\"){text}.sink(NullOutputSinkDescriptor::create());");
        let body = super::query_body(&query);
        http(&address, "POST", "/v1/nes/query/execute-query", &body)
    };
    let refused = submit(100_000);
    assert_eq!(refused.status, 500, "{}", refused.text());
    assert!(refused.text().contains("could not be made durable"), "{}", refused.text());
    assert_eq!(free(), before, "slots");
    let accepted = submit(1);
    assert_eq!(accepted.status, 202, "what fits runs: {}", accepted.text());
}
