//! Functions that are compiled here, and a coordinator that has them in its catalog.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};
use tests::program::{Folder, Program, http, until};
use tests::tree::root;

use crate::bad_input::post;
use crate::nebulastream_document::udfs::{REGISTER, field};

/// What a compiler has made: class files by name, and a serialized instance of `example.Scale`.
pub(super) struct Compiled {
    pub(super) classes: BTreeMap<String, Vec<u8>>,
    pub(super) scale: Vec<u8>,
}

/// Nothing where there is no JDK, which is then said.
#[allow(clippy::print_stderr)] // whoever reads the result must see it
pub(super) fn compiled() -> Option<&'static Compiled> {
    static COMPILED: OnceLock<Option<Compiled>> = OnceLock::new();
    let compiled = COMPILED.get_or_init(|| {
        let found = Command::new("javac").arg("-version").stdout(Stdio::null()).status();
        found.is_ok_and(|status| status.success()).then(compile)
    });
    if compiled.is_none() {
        eprintln!("skipped: javac is not on this machine");
    }
    compiled.as_ref()
}

fn compile() -> Compiled {
    let folder = Folder::new("udf-classes");
    let out = folder.path("classes");
    let source = root().join("tests/tests/e2e/nebulastream_udfs/java/example/Functions.java");
    let javac = Command::new("javac")
        .args(["-nowarn", "-XDignore.symbol.file", "-encoding", "UTF-8", "-d"])
        .arg(&out)
        .arg(source)
        .stderr(Stdio::null())
        .status();
    assert!(javac.is_ok_and(|status| status.success()), "the functions compile");
    let dump = folder.path("scale");
    let java = Command::new("java").arg("-cp").arg(&out).arg("example.Dump").arg(&dump).status();
    assert!(java.is_ok_and(|status| status.success()), "an instance is serialized");
    let mut classes = BTreeMap::new();
    for entry in std::fs::read_dir(out.join("example")).expect("classes").flatten() {
        let name = entry.file_name().to_string_lossy().replace(".class", "");
        let code = std::fs::read(entry.path()).expect("a class");
        classes.insert(format!("example.{name}"), code);
    }
    Compiled { classes, scale: std::fs::read(dump).expect("an instance") }
}

/// A function to register.
#[derive(Clone)]
pub(super) struct Udf {
    pub(super) class: String,
    pub(super) method: String,
    pub(super) instance: Vec<u8>,
    pub(super) classes: BTreeMap<String, Vec<u8>>,
    /// More fields of the message.
    pub(super) more: Vec<u8>,
}

impl Udf {
    /// With all classes that were compiled.
    pub(super) fn new(compiled: &Compiled, class: &str, method: &str) -> Self {
        Udf {
            class: format!("example.{class}"),
            method: method.to_owned(),
            instance: Vec::new(),
            classes: compiled.classes.clone(),
            more: Vec::new(),
        }
    }

    /// `RegisterJavaUdfRequest`.
    pub(super) fn message(&self, name: &str) -> Vec<u8> {
        let mut descriptor =
            [field(1, self.class.as_bytes()), field(2, self.method.as_bytes())].concat();
        if !self.instance.is_empty() {
            descriptor.extend(field(3, &self.instance));
        }
        for (name, code) in &self.classes {
            descriptor.extend(field(4, &[field(1, name.as_bytes()), field(2, code)].concat()));
        }
        descriptor.extend(&self.more);
        [field(1, name.as_bytes()), field(2, &descriptor)].concat()
    }
}

const FIELDS: &str = "    fields:\n      - {name: ts, type: UINT64}\n      - {name: v, type: FLOAT64}\n\
                      \x20     - {name: name, type: TEXT}\n      - {name: u, type: UINT32}\n";
const TYPES: &str = "    fields:\n      - {name: b, type: INT8}\n      - {name: s, type: INT16}\n\
                     \x20     - {name: i, type: INT32}\n      - {name: l, type: INT64}\n\
                     \x20     - {name: f, type: FLOAT32}\n      - {name: d, type: FLOAT64}\n\
                     \x20     - {name: z, type: BOOLEAN}\n      - {name: t, type: TEXT}\n";

/// A coordinator with two files as sources, and one that never ends.
pub(super) struct Coordinator {
    pub(super) folder: Folder,
    pub(super) program: Program,
    pub(super) address: String,
}

impl Coordinator {
    /// With rows of `r` (a time, a number, a text and a whole number) and of `t` (every type).
    pub(super) fn start(name: &str, rows: &str, types: &str) -> Self {
        Coordinator::with(name, rows, types, |_| {})
    }

    /// The same with another environment.
    pub(super) fn with(
        name: &str,
        rows: &str,
        types: &str,
        environment: impl Fn(&mut Command),
    ) -> Self {
        let folder = Folder::new(name);
        let (r, t) = (folder.write("r.csv", rows), folder.write("t.csv", types));
        let source = |name: &str, path: &str| {
            format!(
                "    - logicalSourceName: {name}\n      physicalSourceName: {name}1\n\
                 \x20     type: CSV_SOURCE\n      configuration: {{filePath: {path}}}\n"
            )
        };
        let config = format!(
            "restPort: 0\nlogicalSources:\n  - logicalSourceName: r\n{FIELDS}\
             \x20 - logicalSourceName: t\n{TYPES}  - logicalSourceName: e\n    fields:\n\
             \x20     - {{name: id, type: UINT32}}\nworker:\n  physicalSources:\n{}{}\
             \x20   - logicalSourceName: e\n      physicalSourceName: e1\n\
             \x20     type: DEFAULT_SOURCE\n      configuration:\n\
             \x20       sourceGatheringInterval: 50\n",
            source("r", &r),
            source("t", &t)
        );
        let config = format!("--configPath={}", folder.write("coordinator.yaml", config));
        let mut command = Command::new(tests::program::binary());
        command.args(["nes", "coordinator", &config, "--shards", "2"]);
        command.args(tests::program::io_args());
        environment(&mut command);
        let program = Program::with(&mut command);
        let address = program.address("requests: nes");
        Coordinator { folder, program, address }
    }

    pub(super) fn register(&self, name: &str, udf: &Udf) {
        let answer = post(&self.address, REGISTER, &udf.message(name));
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
    }

    /// Submits a query whose results go to a file, and returns the answer.
    pub(super) fn submit(&self, query: &str, out: &str) -> (u16, Value) {
        let text = format!(
            "{query}.sink(FileSinkDescriptor::create(\"{}\", \"CSV_FORMAT\", \"OVERWRITE\"));",
            self.folder.path(out).display()
        );
        let body = json!({"userQuery": text, "placement": "BottomUp"}).to_string();
        let answer = http(&self.address, "POST", "/v1/nes/query/execute-query", &body);
        (answer.status, answer.json())
    }

    /// The state of a query and why it is in it.
    pub(super) fn standing(&self, id: &Value) -> (String, String) {
        let all = http(&self.address, "GET", "/v1/nes/queryCatalog/allRegisteredQueries", "");
        let all = all.json();
        let query = all.as_array().into_iter().flatten().find(|q| q["queryId"] == *id);
        let query = query.cloned().unwrap_or_default();
        let text = |key: &str| query[key].as_str().unwrap_or_default().to_owned();
        (text("queryStatus"), text("queryMetaData"))
    }

    /// Runs a query to its end and returns what is in its file.
    pub(super) fn run(&self, query: &str, out: &str) -> Vec<String> {
        let (status, answer) = self.submit(query, out);
        assert_eq!(status, 202, "{query}: {answer}");
        let ended = until(|| {
            let (status, why) = self.standing(&answer["queryId"]);
            assert_ne!(status, "FAILED", "{query}: {why}\n{}", self.program.log());
            (status == "STOPPED").then_some(())
        });
        assert!(ended.is_some(), "{query}: {:?}", self.standing(&answer["queryId"]));
        self.folder.read(out).lines().map(str::to_owned).collect()
    }

    /// Runs a query that fails, and returns why.
    pub(super) fn fails(&self, query: &str) -> String {
        let (status, answer) = self.submit(query, "failed.csv");
        if status != 202 {
            return answer["message"].as_str().unwrap_or_default().to_owned();
        }
        let why = until(|| {
            let (status, why) = self.standing(&answer["queryId"]);
            assert_ne!(status, "STOPPED", "{query}: {}", self.folder.read("failed.csv"));
            (status == "FAILED").then_some(why)
        });
        why.unwrap_or_else(|| panic!("{query} does not fail: {}", self.program.log()))
    }

    /// Processes that run functions for this one.
    pub(super) fn hosts(&self) -> Vec<u32> {
        hosts_of(self.program.id())
    }
}

/// The children of a process that run functions.
pub(super) fn hosts_of(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let children =
        tasks.map(|t| std::fs::read_to_string(t.path().join("children")).unwrap_or_default());
    let all: String = children.collect::<Vec<_>>().join(" ");
    let is_host = |id: &u32| {
        let line = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains("java-host")
    };
    all.split_whitespace().filter_map(|id| id.parse().ok()).filter(is_host).collect()
}

/// Whether a process is there, and not only its name.
pub(super) fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(Path::new(&format!("/proc/{pid}/stat")));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}
