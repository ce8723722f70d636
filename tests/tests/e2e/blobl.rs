//! `mainstem blobl` as those who know the command of Benthos expect it: what it prints to which
//! output, and how it ends.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use tests::program::{Folder, PATIENCE, binary, until};

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

/// Runs the command on an input that a pipe holds.
fn blobl(args: &[&str], input: &str) -> Ran {
    let mut command = Command::new(binary());
    command.arg("blobl").args(args).env_remove("MAINSTEM_TEST_UNSET");
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // One that fails early reads nothing.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("ends");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Ran { out: text(output.stdout), err: text(output.stderr), code: output.status.code() }
}

/// Documents of every sort: JSON, an empty line, none, and a last one without line break.
const MIXED: &str = "{\"a\":1}\n\nfoo\n{\"a\":2}";
const UNREADABLE: &str = "\
failed to execute map: unable to reference message as structured (with 'this.a'): message is empty
failed to execute map: unable to reference message as structured (with 'this.a'): parse as json: \
invalid character 'o' in literal false (expecting 'a')
";

#[test]
fn every_document_gives_a_line_and_failures_are_reported_beside() {
    let got = blobl(&["root.b = this.a"], MIXED);
    assert_eq!(got, ran("{\"b\":1}\n{\"b\":2}\n", UNREADABLE, 0));
    assert_eq!(blobl(&["root = content()"], MIXED), ran("{\"a\":1}\n\nfoo\n{\"a\":2}\n", "", 0));
    assert_eq!(blobl(&["root = count(\"x\")"], MIXED), ran("1\n2\n3\n4\n", "", 0));
    let size = "root = \"%v of %v\".format(batch_index(), batch_size())";
    assert_eq!(blobl(&[size], "1\n2\n"), ran("0 of 1\n0 of 1\n", "", 0));
    assert_eq!(blobl(&["root = json(\"a\").from_all()"], "{\"a\":1}\n"), ran("[1]\n", "", 0));
    assert_eq!(blobl(&["root = this"], ""), ran("", "", 0));
    assert_eq!(blobl(&["root = \"a\\nb\""], "{}\n"), ran("a\nb\n", "", 0));
}

#[test]
fn a_deleted_document_leaves_its_line_empty() {
    let deletes = "root = if this.a == 1 { deleted() }";
    assert_eq!(blobl(&[deletes], "{\"a\":1}\n{\"a\":2}\n"), ran("\n{\"a\":2}\n", "", 0));
}

#[test]
fn metadata_belongs_to_one_document() {
    let mapping = "root.before = @x\nmeta x = this.a\nroot.after = @x";
    let expected = "{\"after\":1,\"before\":null}\n{\"after\":2,\"before\":null}\n";
    assert_eq!(blobl(&[mapping], "{\"a\":1}\n{\"a\":2}\n"), ran(expected, "", 0));
    assert_eq!(blobl(&["meta x = 1"], "{\"b\":2, \"a\":1}"), ran("{\"a\":1,\"b\":2}\n", "", 0));
}

#[test]
fn raw_lines_need_not_be_json() {
    let expected = "{\"A\":1}\n\nFOO\n{\"A\":2}\n";
    assert_eq!(blobl(&["-r", "root = this.uppercase()"], MIXED), ran(expected, "", 0));
    assert_eq!(blobl(&["--raw", "root = json(\"a\")"], "{\"a\":1}\r\n"), ran("1\n", "", 0));
}

#[test]
fn results_are_indented_where_asked_for() {
    let expected = "{\n  \"a\": 1,\n  \"b\": [\n    \"\\u003c\"\n  ]\n}\nx\n";
    let mapping = "root = if this.c == null { this } else { this.c }";
    let input = "{\"b\":[\"<\"],\"a\":1}\n{\"c\":\"x\"}\n";
    assert_eq!(blobl(&["-p", mapping], input), ran(expected, "", 0));
}

#[test]
fn a_mapping_that_is_wrong_is_shown_with_its_place() {
    let caret = "\
failed to parse mapping: line 2 char 16: unrecognised function 'foo'
  |
2 | root.c = foo(1)
  |                ^---
";
    assert_eq!(blobl(&["root.a = this.b\nroot.c = foo(1)"], "{}\n"), ran("", caret, 1));
    let empty = "\
failed to parse mapping: line 1 char 1: expected import, map, or assignment
  |
1 | 
  | ^---
";
    assert_eq!(blobl(&[""], "{}\n"), ran("", empty, 1));
    let missing = blobl(&[], "{}\n");
    assert!(missing.err.starts_with("there is no mapping"), "{missing:?}");
    assert_eq!(missing.code, Some(1));
}

#[test]
fn mappings_and_documents_may_be_in_files() {
    let folder = Folder::new("blobl");
    let library = folder.write("library.blobl", "map double { root = this * 2 }\n");
    let import = "import \"library.blobl\"\nroot.b = this.a.apply(\"double\")\n";
    let mapping = folder.write("mapping.blobl", import);
    let input = folder.write("documents.jsonl", "{\"a\":1}\n{\"a\":2}");
    let got = blobl(&["-i", &input, "-f", &mapping], "");
    assert_eq!(got, ran("{\"b\":2}\n{\"b\":4}\n", "", 0));
    let inline = format!("import \"{library}\"\nroot = this.a.apply(\"double\")");
    assert_eq!(blobl(&["--input", &input, &inline], ""), ran("2\n4\n", "", 0));

    let both = blobl(&["-f", &mapping, "root = 1"], "{}");
    assert_eq!(
        (both.err.as_str(), both.code),
        ("there are two mappings: one given, one in a file\n", Some(1))
    );
    let nowhere = blobl(&["-f", "/nowhere.blobl"], "");
    assert!(
        nowhere.err.starts_with("failed to read mapping file: open /nowhere.blobl: "),
        "{nowhere:?}"
    );
    let nowhere = blobl(&["-i", "/nowhere.jsonl", "root = 1"], "");
    assert!(
        nowhere.err.starts_with("failed to open input file: open /nowhere.jsonl: "),
        "{nowhere:?}"
    );
    assert_eq!(nowhere.code, Some(1));
}

#[test]
fn variables_are_filled_in() {
    let folder = Folder::new("blobl");
    let file = folder.write("some.env", "MAINSTEM_TEST_UNSET=from a file\n");
    let mapping = "root = \"${MAINSTEM_TEST_UNSET:none}\" + env(\"MAINSTEM_TEST_UNSET\").or(\"-\")";
    assert_eq!(blobl(&[mapping], "{}"), ran("none-\n", "", 0));
    assert_eq!(blobl(&["-e", &file, mapping], "{}"), ran("fromfrom\n", "", 0));
    let expected = "failed to replace env vars: required environment variables were not set: \
                    [MAINSTEM_TEST_UNSET]\n";
    let got = blobl(&["root = \"${MAINSTEM_TEST_UNSET}\""], "{}");
    assert_eq!(got, ran("", expected, 1));
}

#[test]
fn a_line_beyond_the_limit_ends_the_program_and_names_it() {
    let args = ["--max-token-length", "8", "root = content()"];
    assert_eq!(blobl(&args, "{\"a\":1}\n"), ran("{\"a\":1}\n", "", 0));
    let got = blobl(&args, "1\n2\n{\"a\":11}\n3\n");
    assert_eq!((got.out.as_str(), got.code), ("1\n2\n", Some(1)));
    assert!(got.err.contains("line 3 is longer than the limit of 8 bytes"), "{got:?}");
    let got = blobl(&["root = content()"], &format!("1\n{}\n", "a".repeat(65_536)));
    assert!(got.err.contains("line 2 is longer than the limit of 65536 bytes"), "{got:?}");
    assert_eq!(blobl(&["root = content()"], &"a".repeat(65_535)).code, Some(0));
}

#[test]
fn results_keep_their_order_on_any_number_of_threads() {
    let folder = Folder::new("blobl");
    let (mut input, mut doubled, mut counted) = (String::new(), String::new(), String::new());
    for n in 0..100_000 {
        let _ = writeln!(input, "{{\"n\":{n}}}");
        let _ = writeln!(doubled, "{}", 2 * n);
        let _ = writeln!(counted, "{}", n + 1);
    }
    let path = folder.write("documents.jsonl", input);
    for threads in ["0", "1", "4"] {
        let got = blobl(&["-t", threads, "-i", &path, "root = this.n * 2"], "");
        assert!(got == ran(&doubled, "", 0), "{threads} threads change the order");
        let got = blobl(&["-t", threads, "-i", &path, "root = counter()"], "");
        assert!(got == ran(&counted, "", 0), "{threads} threads miscount");
    }
    let fails = "root = if this.n % 3 == 0 { throw(\"%v\".format(this.n)) } else { this.n }";
    let got = blobl(&["-t", "3", "-i", &path, fails], "");
    let said = got.err.lines().filter_map(|line| line.rsplit_once(' ')?.1.parse().ok());
    let said: Vec<u32> = said.collect();
    assert_eq!(said.len(), 33_334);
    assert!(said.is_sorted());
    assert_eq!(got.out.lines().count(), 66_666);
}

#[test]
fn results_come_while_the_input_goes_on_and_nobody_need_read_them_all() {
    let mut command = Command::new(binary());
    command.args(["blobl", "root = this.a"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let mut results = BufReader::new(child.stdout.take().expect("a pipe"));
    for n in 1..3 {
        stdin.write_all(format!("{{\"a\":{n}}}\n").as_bytes()).expect("sent");
        let mut line = String::new();
        results.read_line(&mut line).expect("a result");
        assert_eq!(line, format!("{n}\n"));
    }
    drop(results);
    stdin.write_all(b"{\"a\":3}\n").expect("sent");
    let ended = until(|| child.try_wait().expect("known"));
    let _ = child.kill();
    assert!(ended.is_some_and(|status| status.success()), "it ends within {PATIENCE:?}");
}
