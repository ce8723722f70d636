//! Templates of components, used by every subcommand that reads configs, and `mainstem template
//! lint`. The texts were recorded from Benthos.

use std::path::Path;
use std::process::{Command, Stdio};

use tests::program::{Folder, Program, binary, http, until};
use tests::tree::root;

/// What a run printed and how it ended.
#[derive(Debug)]
struct Ran {
    out: String,
    err: String,
    code: Option<i32>,
}

fn run(dir: &Path, args: &[&str]) -> Ran {
    let mut command = Command::new(binary());
    let command = command.args(args).current_dir(dir).stdin(Stdio::null());
    let output = command.output().expect("runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Ran { out: text(output.stdout), err: text(output.stderr), code: output.status.code() }
}

/// A folder with a template of each kind of component that has processors or none.
fn folder() -> Folder {
    let folder = Folder::new("templates");
    folder.write(
        "numbers.yaml",
        "name: numbers\ntype: input\nfields: [{name: count, type: int, default: 2}]\nmapping: |\n  \
         root.generate.count = this.count\n  root.generate.interval = \"\"\n  \
         root.generate.mapping = \"root.n = counter()\"\n  \
         root.processors = [{\"mapping\": \"root = this.merge({\\\"by\\\": \\\"input\\\"})\"}]\n",
    );
    folder.write(
        "shout.yaml",
        "name: shout\ntype: output\nfields: []\nmapping: |\n  root.stdout = {}\n  \
         root.processors = [{\"mapping\": \"root = content().uppercase()\"}]\n",
    );
    folder.write(
        "add.yaml",
        "name: add\ntype: processor\nfields: [{name: field, type: string}, {name: value, type: \
         unknown}]\nmapping: |\n  \
         root.mapping = \"root = this\\nroot.%s = %s\".format(this.field, this.value.string())\n",
    );
    folder.write(
        "run.yaml",
        "http: {enabled: false}\ninput:\n  numbers: {}\n  processors: [{add: {field: own, value: \
         true}}]\npipeline:\n  processors:\n    - try: [{add: {field: deep, value: [1]}}]\n\
         output:\n  shout: {}\n  processors: [{add: {field: last, value: 1}}]\n",
    );
    folder
}

#[test]
fn templates_are_used_like_any_component() {
    let folder = folder();
    let dir = folder.path("");
    let args = ["-t", "numbers.yaml", "-t", "[as]*.yaml", "run.yaml"];
    let got = run(&dir, &[&["run", "--log.level", "off"], &args[..]].concat());
    // A template's own processors come before those of its input, and behind those of its output.
    let want = "{\"BY\":\"INPUT\",\"DEEP\":[1],\"LAST\":1,\"N\":1,\"OWN\":TRUE}\n\
                {\"BY\":\"INPUT\",\"DEEP\":[1],\"LAST\":1,\"N\":2,\"OWN\":TRUE}\n";
    assert_eq!((got.out.as_str(), got.code), (want, Some(0)), "{}", got.err);
    assert_eq!(run(&dir, &[&["lint"], &args[..]].concat()).code, Some(0));
    let plan = run(&dir, &[&["plan"], &args[..]].concat());
    assert!(plan.out.contains("generate") && !plan.out.contains("numbers"), "{plan:?}");
    let without = run(&dir, &["lint", "run.yaml"]);
    let want = "(3,1) unable to infer input type from candidates: [numbers]";
    assert!(without.err.contains(want) && without.code == Some(1), "{without:?}");
}

#[test]
fn uses_that_do_not_fit_have_a_place() {
    let folder = folder();
    folder.write(
        "a.yaml",
        "pipeline:\n  processors:\n    - add: {fields: x, value: 1}\n    - add: {field: [], value: \
         1}\n",
    );
    let dir = folder.path("");
    let got = run(&dir, &["lint", "-t", "add.yaml", "a.yaml"]);
    for want in [
        "a.yaml(3,1) field fields not recognised\n --> a.yaml:3:1\n",
        "a.yaml(3,1) field field is required\n",
        "a.yaml(4,1) expected string value\n --> a.yaml:4:1\n",
    ] {
        assert!(got.err.contains(want), "{want}: {}", got.err);
    }
    let got = run(&dir, &["plan", "--chilled", "-t", "add.yaml", "a.yaml"]);
    let want = "path root.pipeline.processors.0: template 'add' (line 3, column 7): invalid config \
                for template component: field 'field' is required and was not present in the config";
    assert!(got.err.contains(want) && got.code == Some(1), "{got:?}");
}

#[test]
fn templates_without_end_are_refused() {
    let folder = Folder::new("templates");
    folder.write("self.yaml", "name: self\ntype: processor\nfields: []\nmapping: root.self = {}\n");
    folder.write("a.yaml", "pipeline: {processors: [{self: {}}]}\n");
    let dir = folder.path("");
    let got = run(&dir, &["plan", "-t", "self.yaml", "a.yaml"]);
    let want = "templates use each other more than 32 deep";
    assert!(got.err.contains(want) && got.code == Some(1), "{got:?}");
    // Each template uses the next one twice.
    for n in 0..20 {
        let next = n + 1;
        let text = format!(
            "name: t{n}\ntype: processor\nfields: []\nmapping: 'root.try = [{{\"t{next}\": {{}}}}, \
             {{\"t{next}\": {{}}}}]'\n"
        );
        folder.write(&format!("t{n}.yaml"), text);
    }
    let last = "name: t20\ntype: processor\nfields: []\nmapping: root.noop = {}\n";
    folder.write("t20.yaml", last);
    folder.write("b.yaml", "pipeline: {processors: [{t0: {}}]}\n");
    let got = run(&dir, &["plan", "-t", "t*.yaml", "b.yaml"]);
    let want = "more than 10000 templates are used, nested ones counted";
    assert!(got.err.contains(want) && got.code == Some(1), "{got:?}");
}

#[test]
fn templates_that_cannot_be_used_are_refused_with_their_place() {
    let folder = Folder::new("templates");
    folder.write("a.yaml", "pipeline: {processors: []}\n");
    folder.write(
        "bad.yaml",
        "name: gamma\ntype: processor\nfields:\n  - name: s\n    type: string\nmapping: |\n  \
         root.a = 5\n  root.nope = this.s(",
    );
    folder.write("odd.yaml", "name: odd\ntype: cache\nbogus: 5\nfields: []\nmapping: root = {}\n");
    let dir = folder.path("");
    let got = run(&dir, &["plan", "-t", "bad.yaml", "a.yaml"]);
    let want = "template file read error: template bad.yaml: parse mapping: line 2 char ";
    assert!(got.err.contains(want) && got.code == Some(1), "{got:?}");
    assert!(got.err.contains("\n --> bad.yaml:8:"), "{got:?}");
    let got = run(&dir, &["plan", "-t", "odd.yaml", "a.yaml"]);
    let want = "template file odd.yaml: (3,1) field bogus not recognised\nshutting down due to \
                linter errors, to prevent shutdown run mainstem with --chilled\n";
    assert_eq!((got.err.as_str(), got.code), (want, Some(1)));
    assert_eq!(run(&dir, &["plan", "--chilled", "-t", "odd.yaml", "a.yaml"]).code, Some(0));
    let got = run(&dir, &["test", "-t", "nope.yaml", "a.yaml"]);
    let want = "template file read error: template nope.yaml: open nope.yaml: no such file or \
                directory\n";
    assert_eq!((got.err.as_str(), got.code), (want, Some(1)));
}

#[test]
fn files_of_templates_are_linted_and_their_tests_run() {
    let got = run(&root().join("examples"), &["template", "lint", "--verbose", "templates/..."]);
    let want = "templates/greet.yaml: OK\ntemplates/greet_all.yaml: OK\n";
    assert_eq!((got.out.as_str(), got.err.as_str(), got.code), (want, "", Some(0)));
    assert_eq!(run(&root(), &["template", "lint"]).code, Some(0));
    let head = "type: processor\nfields: [{name: s, type: string}]\n";
    for (text, want) in [
        (
            "mapping: 'root.mapping = this.s'\ntests: [{name: t, config: {s: a}, expected: \
             {mapping: b}}]",
            "test 't': mismatch between expected and actual resulting config: {\n    \"mapping\": \
             \u{1b}[0;33m\"b\" => \"a\"\u{1b}[0m\n}",
        ),
        (
            "mapping: root.nope = this.s\ntests: [{name: t, config: {s: a}}]",
            "test 't': lint error in resulting config: (0,1) unable to infer component type: nope",
        ),
        (
            "mapping: root.noop = {}\ntests: [{name: t, config: {}}]",
            "test 't': invalid config for template component: field 's' is required and was not \
             present in the config",
        ),
        (
            "mapping: 'root = throw(\"oh no\")'\ntests: [{name: t, config: {s: x}}]",
            "test 't': mapping failed for template component: failed assignment (line 1): oh no",
        ),
        (
            "mapping: root = deleted()\ntests: [{name: t, config: {s: x}}]",
            "test 't': mapping failed for template component: it deletes the message",
        ),
        (
            "mapping: root = \"foo\"\ntests: [{name: t, config: {s: x}}]",
            "test 't': mapping for template component resulted in invalid config: ",
        ),
    ] {
        let folder = Folder::new("templates");
        folder.write("t.yaml", format!("name: t\n{head}{text}\n"));
        let got = run(&folder.path(""), &["template", "lint", "--verbose", "t.yaml"]);
        assert!(got.err.starts_with(&format!("t.yaml(1,1) {want}")), "{text}: {got:?}");
        assert!(got.err.contains("\n --> t.yaml:5:9\n"), "{text}: {got:?}");
        assert_eq!((got.out.as_str(), got.code), ("t.yaml: FAILED\n", Some(1)));
    }
    let missing = run(&root(), &["template", "lint", "nope.yaml"]);
    let want = "nope.yaml(1,1) open nope.yaml: no such file or directory\n";
    assert_eq!((missing.err.as_str(), missing.code), (want, Some(1)));
}

#[test]
fn templates_say_what_their_metrics_are_called() {
    let folder = Folder::new("templates");
    let settings = folder.write("o.yaml", "http: {address: \"127.0.0.1:0\"}\n");
    let inner = folder.write(
        "inner.yaml",
        "name: inner\ntype: processor\nfields: []\nmapping: |\n  root.try = [{\"noop\": {}}]\n\
         metrics_mapping: |\n  meta from = $label\n  root = if this.has_suffix(\"_sent\") { \
         deleted() } else { \"inner_\" + this }\n",
    );
    let outer = folder.write(
        "outer.yaml",
        "name: outer\ntype: processor\nfields: []\nmapping: root.inner = {}\nmetrics_mapping: |\n  \
         meta path = deleted()\n  root = if this == \"inner_processor_error\" { \
         this.uppercase() }\n",
    );
    let stream = folder.write(
        "s.yaml",
        "input: {generate: {count: 3, interval: '', mapping: root = 1}}\n\
         pipeline:\n  processors:\n    \
         - {label: one, outer: {}}\n    - {label: two, inner: {}}\n    - {label: three, noop: {}}\n\
         output: {drop: {}}\n",
    );
    let args = ["streams", "-o", &settings, "-t", &inner, "-t", &outer, &stream];
    let program = Program::start(&args);
    let address = program.address("Listening for HTTP requests");
    let stats = || http(&address, "GET", "/streams/s/stats", "").json();
    let sent = "processor_sent{label=\"three\",path=\"root.pipeline.processors.2\",stream=\"s\"}";
    assert!(until(|| Some(()).filter(|()| stats()[sent] == 3)).is_some(), "{}", stats());
    let stats = stats();
    let two = "inner_processor_received{from=\"two\",label=\"two\",\
               path=\"root.pipeline.processors.1\",stream=\"s\"}";
    assert_eq!(stats[two], 3, "{stats}");
    let within = "inner_processor_received{from=\"two\",label=\"\",\
                  path=\"root.pipeline.processors.1.try.0\",stream=\"s\"}";
    assert_eq!(stats[within], 3, "{stats}");
    // The outer template's mapping comes after the inner one's, with the names that this made. The
    // label of the inner use is empty, so it shows that of the outer one alone.
    let one = "INNER_PROCESSOR_ERROR{from=\"\",label=\"one\",stream=\"s\"}";
    assert_eq!(stats[one], 0, "{stats}");
    let names: Vec<&String> = stats.as_object().expect("an object").keys().collect();
    let kept = |name: &&&String| name.starts_with("processor_");
    assert_eq!(
        names.iter().filter(kept).count(),
        names.iter().filter(|n| kept(n) && n.contains("three")).count()
    );
}

#[test]
fn caches_and_rate_limits_come_from_templates() {
    let folder = Folder::new("templates");
    folder.write(
        "words.yaml",
        "name: words\ntype: cache\nfields: [{name: first, type: string}]\nmapping: \
         root.memory.init_values.a = this.first\n",
    );
    folder.write(
        "few.yaml",
        "name: few\ntype: rate_limit\nfields: [{name: n, type: int, default: 1}]\nmapping: |\n  \
         root.local.count = this.n\n  root.local.interval = \"1h\"\n",
    );
    let resources = "cache_resources: [{label: own, words: {first: one}}]\nrate_limit_resources: \
                     [{label: few, few: {n: 100}}]\n";
    let stream = "input: {generate: {count: 2, interval: '', mapping: root = 1}}\npipeline:\n  \
                  threads: 1\n  processors:\n    - rate_limit: {resource: few}\n    - cache: \
                  {resource: own, operator: get, key: a}\n";
    folder.write("run.yaml", format!("http: {{enabled: false}}\n{resources}{stream}"));
    let dir = folder.path("");
    let templates = ["-t", "words.yaml", "-t", "few.yaml"];
    let got =
        run(&dir, &[&["run", "--log.level", "error"], &templates[..], &["run.yaml"]].concat());
    assert_eq!((got.out.as_str(), got.code), ("one\none\n", Some(0)), "{}", got.err);
    assert_eq!(run(&dir, &[&["lint"], &templates[..], &["run.yaml"]].concat()).code, Some(0));
    // Over REST they are resources as others are, and what does not fit is said with its place.
    let settings = folder.write("o.yaml", "http: {address: \"127.0.0.1:0\"}\n");
    let paths = ["words.yaml", "few.yaml"].map(|name| folder.path(name).display().to_string());
    let args = ["streams", "-o", &settings, "-t", &paths[0], "-t", &paths[1]];
    let program = Program::start(&args);
    let address = program.address("Listening for HTTP requests");
    let post = |path: &str, body: &str| http(&address, "POST", path, body);
    assert_eq!(post("/resources/cache/own", "words: {first: two}").status, 200);
    assert_eq!(post("/resources/rate_limit/few", "few: {n: 1}").status, 200);
    let wrong = post("/resources/cache/bad", "words: {nope: 1}");
    assert!(wrong.status == 400 && wrong.text().contains("(1,1) field nope not recognised"));
    let out = folder.path("out.txt").display().to_string();
    let body = format!("{stream}output: {{file: {{path: '{out}'}}}}\n");
    assert_eq!(post("/streams/s", &body).status, 200);
    // The second message waits for the limit, an hour long.
    let written = until(|| Some(folder.read("out.txt")).filter(|text| !text.is_empty()));
    assert_eq!(written.as_deref(), Some("two\n"));
    assert_eq!(http(&address, "DELETE", "/streams/s?timeout=100ms", "").status, 200);
    assert_eq!(folder.read("out.txt"), "two\n");
}
