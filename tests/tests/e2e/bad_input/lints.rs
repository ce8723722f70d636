//! Every class of complaint, with its line and column, over every way by which a config comes; and
//! what is refused without being a complaint. A request that is refused changes nothing.

use std::fs;

use serde_json::{Value, json};
use tests::program::{Folder, Program, http, until};

use super::refused;

/// A class of complaint, a stream that is wrong in this way, and what is said of it.
const LINTS: &[(&str, &str, &[&str])] = &[
    (
        "a field that is not known, outermost, in a component and in a section",
        "nope: 1\ninput:\n  generate:\n    mapping: root = 1\n    inteval: 1s\npipeline: {thread: 1}\n\
         output:\n  drop: {}\n",
        &[
            "(1,1) field nope not recognised",
            "(5,1) field inteval not recognised",
            "(6,1) field thread not recognised",
        ],
    ),
    (
        "a section of the service in a stream",
        "output: {drop: {}}\nlogger: {level: INFO}\ncache_resources: []\n",
        &["(2,1) field logger not recognised", "(3,1) field cache_resources not recognised"],
    ),
    (
        "a field that is missing",
        "input:\n  generate: {}\noutput:\n  file: {}\n",
        &["(2,1) field mapping is required", "(4,1) field path is required"],
    ),
    (
        "a list that is none, a text that is none, a number that is none",
        "input:\n  file:\n    paths: one\npipeline:\n  processors:\n    - sleep:\n        duration: [1]\n    \
         - while:\n        check: 'true'\n        max_loops: {}\n        processors: []\n",
        &["(3,1) expected array value", "(7,1) expected string value", "(10,1) expected int value"],
    ),
    (
        "a component's config that is no object",
        "input:\n  generate: words\noutput:\n  file:\n",
        &["(2,1) expected object value, got !!str", "(4,1) expected object value, got !!null"],
    ),
    (
        "an option that there is not",
        "output:\n  broker:\n    pattern: sideways\n    outputs: [{drop: {}}]\n",
        &["(3,1) value sideways is not a valid option for this field"],
    ),
    (
        "a label of the wrong form, one that is taken, and one where there can be none",
        "input:\n  label: Foo\n  stdin: {}\npipeline:\n  processors:\n    - label: same\n      noop: {}\n    \
         - label: same\n      noop: {}\noutput:\n  label: out\n  resource: there\n",
        &[
            "(2,1) invalid label 'Foo': should match the regular expression /^[a-z0-9_\\-]+$/ and must \
             not start with an underscore",
            "(8,1) label 'same' collides with a previously defined label at line 6",
            "(11,1) label field should be omitted when pointing to a resource",
        ],
    ),
    (
        "a key of another component beside an explicit type",
        "input:\n  type: generate\n  stdin: {}\n  generate: {mapping: root = 1}\n",
        &["(3,1) field stdin is invalid when the component type is generate (input)"],
    ),
    (
        "a nested component that there is not",
        "input:\n  file:\n    paths: [a]\n    scanner: {nope: {}}\n",
        &["(4,1) unable to infer component type: nope"],
    ),
    (
        "code that does not parse: inline, in a block, in a text",
        "input:\n  generate:\n    mapping: 'root = '\npipeline:\n  processors:\n    - mapping: |\n        \
         root = this\n        root.a = nope()\noutput:\n  file:\n    path: 'a${! nope() }'\n",
        &[
            "(3,22) expected query, but reached end of input",
            "(8,32) unrecognised function 'nope': \n",
            "(11,23) unrecognised function 'nope':  }",
        ],
    ),
    ("a stream that is no object", "[]\n", &["(1,1) expected object value, got !!seq"]),
    ("a body without anything", "# nothing\n", &["(0,1) expected object value, got !!null"]),
];

/// A fault that is no complaint, a stream that has it, the status and what is said.
const FAULTS: &[(&str, &str, u16, &str)] = &[
    ("no YAML", "input: [\n", 400, "yaml: line 2"),
    ("a variable", "input: {generate: {mapping: '${NOT_SET_HERE}'}}\n", 400, "[NOT_SET_HERE]"),
    ("no component", "input: {}\n", 400, "(1,1) an explicit input type must be specified"),
    ("two components", "output:\n  drop: {}\n  stdout: {}\n", 400, "(2,1) unable to infer output"),
    ("unknown component", "output:\n  nope: {}\n", 400, "(2,1) unable to infer output type from"),
    ("unknown type", "input:\n  type: nope\n", 400, "(2,1) input type 'nope' was not recognised"),
    ("a word", "input: word\n", 400, "(1,1) invalid type !!str, expected object"),
    ("processors", "pipeline:\n  processors: {}\n", 400, "line 2: expected array value, got !!map"),
    ("threads", "pipeline:\n  threads: x\n", 400, "threads"),
    ("a number", "input: {generate: {mapping: root = 1, count: x}}\n", 502, "field 'count'"),
    ("a duration", "input: {generate: {mapping: root = 1, interval: x}}\n", 502, "duration"),
    ("a resource", "pipeline: {processors: [{resource: gone}]}\n", 502, "gone"),
    (
        "a cache",
        "pipeline: {processors: [{dedupe: {cache: gone, key: a}}]}\n",
        502,
        "'gone' was not",
    ),
    ("a query", "pipeline: {processors: [{jmespath: {query: '[['}}]}\n", 502, "processors.0"),
    ("no inputs", "input: {broker: {inputs: []}}\n", 502, "root.input"),
];

fn steady(mark: &str) -> String {
    format!(
        "input: {{generate: {{interval: 5ms, mapping: root = \"{mark}\"}}}}\noutput: {{drop: {{}}}}\n"
    )
}

/// A service that keeps what it is told, with a stream that runs.
struct Kept {
    folder: Folder,
    program: Program,
    address: String,
}

impl Kept {
    fn start(name: &str) -> Self {
        let folder = Folder::new(name);
        let service = folder.write("service.yaml", "http: {address: '127.0.0.1:0'}\n");
        let state = folder.path("state").display().to_string();
        let program = Program::start(&["streams", "-o", &service, "--state-dir", &state]);
        let address = program.address("HTTP requests");
        let kept = Kept { folder, program, address };
        assert_eq!(http(&kept.address, "POST", "/streams/there", &steady("there")).status, 200);
        let cache = "memory: {init_values: {a: b}}\n";
        assert_eq!(http(&kept.address, "POST", "/resources/cache/seen", cache).status, 200);
        kept
    }

    fn get(&self, target: &str) -> Value {
        http(&self.address, "GET", target, "").json()
    }

    fn journal(&self) -> Vec<u8> {
        let all = fs::read_dir(self.folder.path("state")).expect("is there");
        let mut files: Vec<_> = all.filter_map(Result::ok).map(|entry| entry.path()).collect();
        files.sort();
        files.into_iter().flat_map(|path| fs::read(path).unwrap_or_default()).collect()
    }

    /// What must be the same however many requests fail. The uptime and the counts only grow.
    fn shown(&self) -> (Vec<String>, Value, Vec<u8>) {
        let streams = self.get("/streams");
        let ids = streams.as_object().expect("an object").keys().cloned().collect();
        (ids, self.get("/streams/there")["config"].clone(), self.journal())
    }

    fn progress(&self) -> (f64, u64) {
        let uptime = self.get("/streams/there")["uptime"].as_f64().expect("a number");
        let stats = self.get("/streams/there/stats");
        let key = "output_sent{label=\"\",path=\"root.output\",stream=\"there\"}";
        (uptime, stats[key].as_u64().unwrap_or_default())
    }

    /// Does something that must change nothing.
    fn unchanged(&self, what: &str, act: impl FnOnce()) {
        let (before, progress) = (self.shown(), self.progress());
        act();
        assert!(self.shown() == before, "{what}: something has changed");
        let goes_on = until(|| {
            let now = self.progress();
            assert!(now.0 >= progress.0 && now.1 >= progress.1, "{what}: it began anew");
            (now.1 > progress.1).then_some(())
        });
        assert!(goes_on.is_some(), "{what}: the stream stands still");
    }

    /// Sends a stream in every way in which one can be sent and returns what is answered.
    fn send(&self, body: &str) -> Vec<(String, u16, String)> {
        let inner: String = body.lines().map(|line| format!("  {line}\n")).collect();
        // A set names the stream that is there with what it has.
        let there: String = steady("there").lines().map(|line| format!("  {line}\n")).collect();
        let set = format!("new:\n{inner}there:\n{there}");
        [
            ("POST", "/streams/new", body),
            ("PUT", "/streams/there", body),
            ("POST", "/streams", &set),
        ]
        .map(|(verb, target, body)| {
            let answer = http(&self.address, verb, target, body);
            (format!("{verb} {target}"), answer.status, answer.text())
        })
        .into()
    }
}

/// A complaint about what stands in the lines behind the first one, indented by two.
fn moved(lint: &str) -> String {
    let (place, text) = lint.split_once(' ').expect("a place");
    let (line, column) = place.trim_matches(['(', ')']).split_once(',').expect("a line");
    let number = |text: &str| text.parse::<u32>().expect("a number");
    let column = if column == "1" { 1 } else { number(column) + 2 };
    // Of labels it is said where they stood before.
    let text = match text.rsplit_once("at line ") {
        Some((text, line)) => format!("{text}at line {}", number(line) + 1),
        None => text.to_owned(),
    };
    format!("stream 'new': ({},{column}) {text}", number(line) + 1)
}

fn sorted(mut all: Vec<String>) -> Vec<String> {
    all.sort();
    all
}

#[test]
fn every_class_of_complaint_has_its_line_and_column_and_changes_nothing() {
    let kept = Kept::start("lints");
    for (class, body, lints) in LINTS {
        let wanted = sorted(lints.iter().map(|lint| (*lint).to_owned()).collect());
        kept.unchanged(class, || {
            for (what, status, text) in kept.send(body) {
                let read: Value = serde_json::from_str(&text).unwrap_or_default();
                let said: Vec<String> =
                    serde_json::from_value(read["lint_errors"].clone()).unwrap_or_default();
                let set = what == "POST /streams";
                if set && !body.starts_with(|c: char| c.is_ascii_lowercase()) {
                    // Within a set this is a null, or a list in the line of another.
                    assert_eq!(status, 400, "{class}: {what}: {text}");
                    continue;
                }
                let wanted = match set {
                    true => sorted(lints.iter().map(|lint| moved(lint)).collect()),
                    false => wanted.clone(),
                };
                assert_eq!((status, sorted(said)), (400, wanted), "{class}: {what}: {text}");
                assert_eq!(read["linting_errors"], read["lint_errors"], "{class}: {what}");
            }
        });
        if body.starts_with('l') || class.contains("section of the service") {
            continue;
        }
        let file = kept.folder.write("lint.yaml", body);
        let said = refused(&["lint", &file]);
        for lint in &wanted {
            assert!(
                said.contains(format!("{file}{lint}").trim_end()),
                "{class}: {lint} in:\n{said}"
            );
        }
    }
    let patch = |body: &str| http(&kept.address, "PATCH", "/streams/there", body).status;
    kept.unchanged("patches", || {
        assert_eq!(patch("input: ["), 400);
        assert_eq!(patch("input: {stdin: {}}"), 400, "two components");
        assert_eq!(patch("input: {generate: {count: x}}"), 502);
        assert_eq!(patch("output: null\npipeline: {processors: {}}"), 400);
    });
}

#[test]
fn what_is_refused_otherwise_changes_nothing_either() {
    let kept = Kept::start("faults");
    for (what, body, status, part) in FAULTS {
        let refuse = || {
            for (request, got, text) in kept.send(body) {
                // A set reports what cannot be constructed in its own way.
                let set = request == "POST /streams";
                let wanted = if set { 400 } else { *status };
                assert_eq!(got, wanted, "{what}: {request}: {text}");
                let said = part.rsplit(") ").next().unwrap_or(part);
                assert!(set || text.contains(part), "{what}: {request}: {text}");
                let line = said.starts_with("yaml: line") || said.starts_with("line");
                assert!(!set || line || text.contains(said), "{what}: {request}: {text}");
            }
        };
        match status {
            400 => kept.unchanged(what, refuse),
            _ => {
                // The others of a set are made anew, even those that are the same.
                let before = (kept.shown().0, kept.shown().1);
                refuse();
                assert_eq!((kept.shown().0, kept.shown().1), before, "{what}");
            }
        }
    }
    kept.unchanged("others", || {
        let ask = |verb: &str, target: &str, body: &str| http(&kept.address, verb, target, body);
        assert_eq!(
            ask("POST", "/streams/there", &steady("other")).text(),
            "Stream already exists\n"
        );
        for verb in ["PUT", "PATCH", "DELETE"] {
            assert_eq!(ask(verb, "/streams/gone", &steady("x")).text(), "Stream not found\n");
        }
        for (target, body, status) in [
            ("/resources/cache/seen", "memory: [", 400),
            ("/resources/cache/seen", "memory: {nope: 1}", 400),
            ("/resources/cache/seen", "nope: {}", 400),
            ("/resources/cache/seen", "{}", 400),
            ("/resources/cache/seen", "memory: {default_ttl: x}", 502),
            ("/resources/rate_limit/new", "local: {count: x}", 502),
            ("/resources/processor/new", "mapping: 'root = '", 400),
            ("/resources/buffer/new", "memory: {}", 400),
        ] {
            assert_eq!(ask("POST", target, body).status, status, "{target} {body}");
        }
    });
    // The cache is the one that it was.
    let out = kept.folder.path("out").display().to_string();
    let reads = format!(
        "input: {{generate: {{count: 1, interval: '', mapping: root = 1}}}}\npipeline: {{processors: \
         [{{cache: {{resource: seen, operator: get, key: a}}}}]}}\noutput: {{file: {{path: {out}}}}}\n"
    );
    assert_eq!(http(&kept.address, "POST", "/streams/reads", &reads).status, 200);
    let read = until(|| (kept.folder.read("out") == "b\n").then_some(()));
    assert!(read.is_some(), "{}", kept.program.log());
    assert_eq!(kept.get("/streams/there")["config"]["output"], json!({"drop": {}}));
}
