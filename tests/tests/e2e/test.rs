//! `mainstem test` as those who know the command of Benthos expect it: what it prints to which
//! output, and how it ends. The texts were recorded from Benthos.

use std::path::Path;
use std::process::Command;

use tests::program::{Folder, binary};
use tests::tree::root;

/// What a run printed and how it ended.
#[derive(Debug, PartialEq)]
struct Ran {
    out: String,
    err: String,
    code: Option<i32>,
}

fn ran(out: &str, err: &str, code: i32) -> Ran {
    Ran { out: out.to_owned(), err: err.to_owned(), code: Some(code) }
}

fn run(dir: &Path, args: &[&str]) -> Ran {
    let mut command = Command::new(binary());
    let output = command.args(args).current_dir(dir).output().expect("runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Ran { out: text(output.stdout), err: text(output.stderr), code: output.status.code() }
}

/// Runs the tests of a config called `a.yaml`.
fn test(config: &str) -> Ran {
    let folder = Folder::new("test");
    folder.write("a.yaml", config);
    run(&folder.path(""), &["test", "a.yaml"])
}

/// How many tests the examples must have at least.
const EXAMPLES_MIN: usize = 40;

#[test]
fn the_suite_of_the_examples_passes() {
    let dir = root().join("examples/tests");
    let got = run(&dir, &["test", "-v", "-t", "../templates/*.yaml", "./..."]);
    assert_eq!((got.err.as_str(), got.code), ("", Some(0)), "{}", got.out);
    let (names, files): (Vec<&str>, Vec<&str>) =
        got.out.lines().partition(|line| line.starts_with("  - "));
    assert!(names.len() >= EXAMPLES_MIN, "{} tests", names.len());
    let all = "batches caches conditions environment inputs mocks separate targets templates";
    let want: Vec<String> =
        all.split(' ').map(|name| format!("Test '{name}.yaml' succeeded")).collect();
    assert_eq!(files, want);
    // From elsewhere as well: files are looked for beside the test.
    let got = run(&root(), &["test", "examples/tests/conditions.yaml"]);
    assert_eq!(got, ran("Test 'examples/tests/conditions.yaml' succeeded\n", "", 0));
}

#[test]
fn every_condition_says_what_is_wrong() {
    let got = test(
        "pipeline:
  processors:
    - label: up
      mapping: 'root = this'
tests:
  - name: jsn
    input_batch: [{json_content: {a: 1, b: [1,2,{\"x\":\"y\"}], c: \"s\"}, metadata: {k: v}}, \
         {content: \"zz\"}]
    output_batches: [[{json_equals: {a: 2, b: [1,3,{\"x\":\"z\"},4], d: null}, json_contains: \
         {a: 5}, metadata_equals: {k: w}, content_matches: '^q', bloblang: 'this.a == 2', \
         file_equals: nope.txt, file_json_equals: nope.json, file_json_contains: nope.json}, \
         {bloblang: 'this.x', content_equals: bb}], [{content_equals: more}]]
  - name: second
    input_batches: [[{content: '{\"a\":1}'}], [{content: '{\"a\":2}'}]]
    output_batches: [[{json_contains: {a: 1}}, {}]]
  - input_batches: [[{content: '{\"a\":1}'}], [{content: '{\"a\":2}'}]]
    name: ''
    output_batches: [[]]
",
    );
    let want = include_str!("test/conditions.txt").replace("\\e", "\u{1b}");
    assert_eq!(got, ran(&want, "", 1));
}

#[test]
fn complaints_about_the_config_fail_it() {
    let got = test(
        "pipeline:
  processors:
    - label: up
      mapping: 'root = content().uppercase()'
    - bogus: {}
      noop: {}
tests:
  - name: first
    input_batch: [{content: foo}]
    output_batches: [[{content_equals: foo}]]
",
    );
    let want = "Test 'a.yaml' failed\n\nFailures:\n\n--- a.yaml ---\n\nLint: (5,1) field bogus is \
                invalid when the component type is noop (processor)\n\nfirst [line 8]:\nbatch 0 \
                message 0: content_equals: content mismatch\n  expected: foo\n  received: FOO\n";
    assert_eq!(got, ran(want, "", 1));
}

const PIPELINE: &str = "pipeline: {processors: [{label: a, mapping: 'root = \
                        content().uppercase()'}, {label: b, try: [{label: c, noop: {}}]}]}\n";

#[test]
fn what_cannot_run_ends_the_run() {
    for (test_text, want) in [
        (
            "mocks: {/pipeline/processors/9: {noop: {}}}",
            "'/pipeline/processors': failed to set mock '/pipeline/processors/9': \
             pipeline.processors.9: target index greater than array length",
        ),
        (
            "mocks: {nolabel: {noop: {}}}",
            "'/pipeline/processors': mock for label 'nolabel' could not be applied as the label \
             was not found in the test target file, it is not currently possible to mock \
             resources imported separate to the test file",
        ),
        (
            "target_processors: /pipeline/processors/7",
            "'/pipeline/processors/7': failed to resolve case processors from 'a.yaml': \
             pipeline.processors.7: target index greater than array length",
        ),
        (
            "target_processors: nolab",
            "'nolab': target for label 'nolab' failed as the label was not found in the test \
             target file, it is not currently possible to target resources imported separate to \
             the test file",
        ),
        (
            "target_processors: ../nope.yaml#/pipeline/processors",
            "'../nope.yaml#/pipeline/processors': failed to parse config file '../nope.yaml': \
             open ../nope.yaml: no such file or directory",
        ),
        (
            "target_processors: http://foo/bar",
            "'http://foo/bar': target processors 'http://foo/bar' contains non-path scheme value",
        ),
        (
            "target_processors: /nope/3",
            "'/nope/3': failed to resolve case processors from 'a.yaml': nope: key not found in \
             mapping",
        ),
    ] {
        let got = test(&format!("{PIPELINE}tests: [{{name: x, {test_text}}}]"));
        let lead = "Failed to execute test target 'a.yaml': test case 0 failed: failed to \
                    initialise processors ";
        assert_eq!(got, ran("", &format!("{lead}{want}\n"), 1));
    }
    let got = test(&format!("{PIPELINE}tests: [{{name: x, target_mapping: ./nope.blobl}}]"));
    let want = "Failed to execute test target 'a.yaml': test case 0 failed: failed to initialise \
                Bloblang mapping './nope.blobl': open nope.blobl: no such file or directory\n";
    assert_eq!(got, ran("", want, 1));
    let input = "input_batch: [{file_content: nope.txt}]";
    let got = test(&format!("{PIPELINE}tests: [{{name: x, {input}}}]"));
    let want = "Failed to execute test target 'a.yaml': test case 0 failed: failed to create test \
                input 0: open nope.txt: no such file or directory\n";
    assert_eq!(got, ran("", want, 1));
}

#[test]
fn tests_that_cannot_be_read_are_refused_with_their_place() {
    for (tests, want) in [
        (
            "tests:\n  - input_batch: []\n",
            "failed to parse test definition from 'a.yaml': 0: field 'name' is required and was \
             not present in the config (line 3, column 5)",
        ),
        (
            "tests: [{name: x, output_batches: [[{bloblang: 'this.('}]]}]\n",
            "failed to parse test definition from 'a.yaml': 0: field 'output_batches': bloblang: \
             required: expected query, but reached end of input (line 2, column 37)",
        ),
        (
            "tests: {a: b}\n",
            "failed to parse test definition from 'a.yaml': yaml: unmarshal errors:\n  line 2: \
             cannot unmarshal !!map into []yaml.Node",
        ),
    ] {
        let got = test(&format!("{PIPELINE}{tests}"));
        assert_eq!(got, ran("", &format!("Failed to obtain test targets: {want}\n"), 1));
    }
    let folder = Folder::new("test");
    let missing = run(&folder.path(""), &["test", "./nope.yaml"]);
    let want = "Failed to obtain test targets: unable to access target config file 'nope.yaml': \
                stat nope.yaml: no such file or directory\n";
    assert_eq!(missing, ran("", want, 1));
    folder.write("ok_benthos_test.yaml", "tests: []");
    let alone = run(&folder.path(""), &["test", "ok_benthos_test.yaml"]);
    assert_eq!(alone, ran("", &want.replace("nope.yaml", "ok.yaml"), 1));
}

#[test]
fn without_tests_the_process_fails() {
    let none = ran("No tests were found\n", "", 1);
    assert_eq!(test(PIPELINE), none);
    assert_eq!(run(&root(), &["test"]), none);
    assert_eq!(test(&format!("{PIPELINE}tests: []")), none);
}

#[test]
fn resources_come_from_other_files_too() {
    let folder = Folder::new("test");
    folder.write(
        "a.yaml",
        "pipeline: {processors: [{resource: up}]}\ntests: [{name: x, input_batch: [{content: a}], \
         output_batches: [[{content_equals: A}]]}]\n",
    );
    folder.write(
        "more.yaml",
        "processor_resources: [{label: up, mapping: 'root = content().uppercase()'}]\n",
    );
    let dir = folder.path("");
    let got = run(&dir, &["test", "-r", "m*.yaml", "a.yaml"]);
    assert_eq!(got, ran("Test 'a.yaml' succeeded\n", "", 0));
    let without = run(&dir, &["test", "a.yaml"]);
    assert_eq!((without.out.as_str(), without.code), ("", Some(1)));
    assert!(without.err.contains("processor resource 'up' was not found"), "{}", without.err);
}

#[test]
fn variables_come_from_files_and_tests() {
    let folder = Folder::new("test");
    folder.write(
        "a.yaml",
        "pipeline: {processors: [{mapping: 'root = \"${A} ${B}\" + env(\"A\")'}]}\n\
         tests: [{name: x, environment: {B: test}, input_batch: [{}], output_batches: \
         [[{content_equals: file testfile}]]}]\n",
    );
    folder.write(".env", "A=file\nB=file\n");
    let got = run(&folder.path(""), &["test", "-e", ".env", "a.yaml"]);
    assert_eq!(got, ran("Test 'a.yaml' succeeded\n", "", 0));
}

#[test]
fn components_log_to_standard_output_when_asked() {
    let folder = Folder::new("test");
    folder.write(
        "a.yaml",
        "pipeline: {processors: [{log: {message: 'saw ${! content() }', level: INFO}}]}\n\
         tests: [{name: x, input_batch: [{content: it}], output_batches: [[{}]]}]\n",
    );
    let dir = folder.path("");
    let got = run(&dir, &["test", "--log", "info", "a.yaml"]);
    assert!(got.out.contains("saw it"), "{got:?}");
    assert_eq!((got.err.as_str(), got.code), ("", Some(0)));
    assert_eq!(run(&dir, &["test", "a.yaml"]), ran("Test 'a.yaml' succeeded\n", "", 0));
    assert_eq!(run(&dir, &["test", "--log", "loud", "a.yaml"]).code, Some(1));
}

#[test]
fn results_are_written_as_xml() {
    let folder = Folder::new("test");
    let config = "pipeline: {processors: [{noop: {}}]}\ntests:\n  - {name: good}\n  - {name: bad, \
                  input_batch: [{content: <a>}]}\n";
    folder.write("a.yaml", config);
    let got = run(&folder.path(""), &["test", "--junit", "out.xml", "a.yaml"]);
    assert_eq!(got.code, Some(1));
    let xml = folder.read("out.xml");
    for want in [
        "<testsuite name=\"a.yaml\" tests=\"2\" skipped=\"0\" errors=\"0\" failures=\"1\"",
        "<testcase name=\"good\" classname=\"a.yaml\"",
        " line=\"3\"/>",
        "<failure message=\"unexpected batch: [&lt;a&gt;]\">",
    ] {
        assert!(xml.contains(want), "{want}: {xml}");
    }
    folder.write("b.yaml", "pipeline: {processors: []}\ntests: [{name: x, mocks: {a: {}}}]\n");
    let got = run(&folder.path(""), &["test", "--junit", "out.xml", "b.yaml"]);
    assert_eq!(got.code, Some(1));
    assert!(folder.read("out.xml").contains("<error message=\"test case 0 failed: "));
    let refused = run(&folder.path(""), &["test", "--junit", "no/out.xml", "a.yaml"]);
    assert!(refused.err.contains("no/out.xml: "), "{refused:?}");
}

#[test]
fn hostile_files_are_refused() {
    let folder = Folder::new("test");
    let deep = format!("tests: {}\n", "[".repeat(100_000));
    folder.write("deep.yaml", deep);
    folder.write("bytes.yaml", b"tests: [\xff]");
    let aliases: String =
        (1..40).map(|n| format!("a{n}: &a{n} [*a{p}, *a{p}]\n", p = n - 1)).collect();
    folder.write("aliases.yaml", format!("a0: &a0 x\n{aliases}tests: *a39\n"));
    let dir = folder.path("");
    for (file, want) in [
        ("deep.yaml", "failed to parse test definition from 'deep.yaml': yaml: "),
        ("bytes.yaml", "failed to read test definition from 'bytes.yaml': yaml: line 1: "),
        ("aliases.yaml", "failed to parse test definition from 'aliases.yaml': yaml: "),
    ] {
        let got = run(&dir, &["test", file]);
        let want = format!("Failed to obtain test targets: {want}");
        assert!(got.err.starts_with(&want) && got.code == Some(1), "{file}: {got:?}");
    }
    folder.write(
        "a.yaml",
        format!("{PIPELINE}tests: [{{name: x, input_batch: [{{file_content: /dev/zero}}]}}]"),
    );
    let got = run(&dir, &["test", "a.yaml"]);
    assert!(got.err.contains("open /dev/zero: this is no plain file"), "{got:?}");
}
