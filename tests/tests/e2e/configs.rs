//! What the program says of configs without running them, and how its command line changes them.

use std::process::{Command, Output};

use tests::program::{Folder, binary};

use crate::golden::{compare, printed};

const CONFIG: &str = "input:\n  label: in\n  generate: {count: 2, interval: \"\", mapping: 'root = \
                      \"${WORD:x}\"'}\npipeline:\n  processors:\n    - mapping: |\n        root = \
                      content().uppercase()\nhttp: {enabled: false}\nlogger: {level: warn}\n";

fn run(args: &[&str]) -> Output {
    Command::new(binary()).args(args).output().expect("runs")
}

/// What a call that fails says.
fn refused(args: &[&str]) -> String {
    let output = run(args);
    assert_eq!(output.status.code(), Some(1), "{args:?}");
    assert!(output.stdout.is_empty(), "{args:?}");
    String::from_utf8(output.stderr).expect("text")
}

#[test]
fn a_config_is_echoed_with_every_section() {
    let folder = Folder::new("echo");
    let file = folder.write("a.yaml", CONFIG);
    compare("configs/echo.yaml", &printed(&["echo", &file]));
    compare("configs/defaults.yaml", &printed(&["echo"]));
    let got = printed(&["echo", &file, "--set", "logger.level=5", "-s", "input.label=new"]);
    assert!(got.contains("  level: 5\n") && got.contains("  label: new\n"), "{got}");
    // What is echoed can be run, and says the same when it is echoed again.
    let echoed = folder.write("b.yaml", printed(&["echo", &file]));
    assert_eq!(printed(&["echo", &echoed]), printed(&["echo", &file]));
    assert_eq!(printed(&["run", &echoed]), "X\nX\n");
}

#[test]
fn fields_are_set_from_the_command_line() {
    let folder = Folder::new("set");
    let file = folder.write("a.yaml", CONFIG);
    let set = ["run", &file, "--set", "input.generate.count=1", "--set"];
    let run = |last: &str| printed(&[&set[..], &[last]].concat());
    assert_eq!(run("pipeline.processors.0.mapping=root = \"set\""), "set\n");
    assert_eq!(run("pipeline.processors.-.mapping=root = content() + \"!\""), "X!\n");
    let wrong = refused(&["run", &file, "--set", "input.nope=1"]);
    assert!(wrong.contains("failed to set config field override: input.nope: field"), "{wrong}");
    let wrong = refused(&["echo", "--set", "nope"]);
    assert_eq!(wrong, "invalid set expression 'nope': expected foo=bar syntax\n");
    let wrong = refused(&["streams", "--set", "input.generate.count=1"]);
    assert!(wrong.contains("input: field not recognised"), "{wrong}");
}

#[test]
fn configs_are_made_from_names() {
    compare("configs/create.yaml", &printed(&["create", "-s", "generate/mapping,log/file,stdout"]));
    // Only without --small are there fields that few set.
    let names = "csv/while/http_server";
    let (small, all) = (printed(&["create", "-s", names]), printed(&["create", names]));
    for field in ["batch_count:", "max_loops:"] {
        assert!(!small.contains(field) && all.contains(field), "{field}: {small}");
    }
    let template = "name: mine\ntype: input\nfields: [{name: a, type: string}, {name: b, type: \
                    int, default: 2, advanced: true}]\nmapping: root.stdin = {}\n";
    let folder = Folder::new("create");
    let template = folder.write("t.yaml", template);
    let small = printed(&["create", "-s", "-t", &template, "mine"]);
    let mine = "input:\n  mine:\n    a: \"\" # No default (required)\nbuffer:";
    assert!(small.starts_with(mine), "{small}");
    let whole = printed(&["create"]);
    assert!(whole.starts_with("http:\n") && whole.contains("\nlogger:\n"), "{whole}");
    let wrong = refused(&["create", "stdin/nope/stdout"]);
    assert_eq!(wrong, "generate error: unrecognised processor type 'nope'\n");
    let wrong = refused(&["create", "a/b/c/d"]);
    assert!(wrong.starts_with("generate error: "), "{wrong}");
}

#[test]
fn what_is_not_there_is_said_as_users_know_it() {
    let gone = "configuration file read error: gone.yaml: open gone.yaml: no such file or \
                directory\n";
    for args in [
        &["run", "gone.yaml"][..],
        &["echo", "gone.yaml"],
        &["streams", "-o", "gone.yaml"],
        &["run", "-r", "gone.yaml"],
    ] {
        assert_eq!(refused(args), gone, "{args:?}");
    }
    let gone = "failed to read dotenv file: open gone.env: no such file or directory\n";
    for command in ["run", "streams", "echo", "lint", "test", "create", "blobl"] {
        assert_eq!(refused(&[command, "-e", "gone.env"]), gone, "{command}");
    }
    let input = refused(&["blobl", "-i", "gone", "root = 1"]);
    assert_eq!(input, "failed to open input file: open gone: no such file or directory\n");
}

#[test]
fn command_lines_that_are_wrong_fail() {
    for args in [&["nope"][..], &["run", "--nope"], &["list", "--format", "bad"], &["template"]] {
        assert!(!refused(args).is_empty(), "{args:?}");
    }
    for args in [&["blobl", "root = 1", "more"][..], &["run", "a.yaml", "b.yaml"]] {
        assert!(!refused(args).is_empty(), "{args:?}");
    }
    let level = refused(&["run", "--log.level", "loud"]);
    assert_eq!(level, "log level 'loud': off, error, warn, info, debug or trace\n");
    let version = printed(&["--version"]);
    assert!(version.starts_with("mainstem "), "{version}");
    assert!(["-v", "-V"].iter().all(|flag| printed(&[flag]) == version));
}

#[test]
fn files_directories_and_patterns_are_checked() {
    let folder = Folder::new("lint");
    let good = folder.write("good.yaml", CONFIG);
    std::fs::create_dir_all(folder.path("sub")).expect("made");
    let bad = folder.write("sub/bad.yml", "input: {stdin: {}}\nzzz: 1\nmetrics: {mapping: '!'}\n");
    folder.write("sub/notes.txt", "!");
    let dir = folder.path("").display().to_string();
    let every = format!("{dir}...");
    let pattern = format!("{dir}*/*.yml");
    for path in [dir.as_str(), &every, &pattern] {
        let wrong = refused(&["lint", path]);
        assert!(wrong.contains(&format!("{bad}(2,1) field zzz not recognised")), "{path}: {wrong}");
        assert!(!wrong.contains("good.yaml"), "{path}: {wrong}");
    }
    let output = run(&["lint", "--verbose", &good, &bad]);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(shown, format!("{good}: OK\n{bad}: FAILED\n"));
    let wrong = refused(&["lint", "--labels", &good]);
    assert!(wrong.contains("label is required for mapping"), "{wrong}");
    assert!(!wrong.contains("label is required for generate"), "{wrong}");
    let variable = folder.write("v.yaml", "input: {stdin: {}}\nlogger: {level: '${UNSET_HERE}'}\n");
    assert!(refused(&["lint", &variable]).contains("[UNSET_HERE]"));
    assert!(run(&["lint", "--skip-env-var-check", &variable]).status.success());
    assert!(run(&["lint"]).status.success(), "there is nothing to complain about");
    let missing = refused(&["lint", "/no/such.yaml"]);
    assert_eq!(missing, "/no/such.yaml(1,1) open /no/such.yaml: no such file or directory\n");
    assert!(refused(&["lint", "-r", &bad]).contains("field"));
    let off = folder.write("off.yaml", "# BENTHOS LINT DISABLE\nzzz: 1\n");
    assert!(run(&["lint", &off]).status.success());
}

#[test]
fn shells_and_man_are_told_of_the_command_line() {
    for shell in ["bash", "zsh", "fish"] {
        let script = printed(&["completions", shell]);
        for word in ["mainstem", "blobl", "chilled", "echo"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let checked = Command::new("bash")
        .args(["-n", "/dev/stdin"])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .and_then(|mut bash| {
            use std::io::Write;
            let script = printed(&["completions", "bash"]);
            bash.stdin.take().map(|mut to| to.write_all(script.as_bytes()));
            bash.wait()
        });
    assert!(checked.is_ok_and(|status| status.success()), "bash reads it");
    let page = printed(&["man"]);
    assert!(page.contains(".TH mainstem 1") && page.contains("streams"), "{page}");
    let page = printed(&["man", "nes", "coordinator"]);
    assert!(page.contains("restPort"), "{page}");
    assert!(refused(&["man", "nope"]).contains("'nope'"));
}
