//! Rules of the house that a machine can check.

use tests::tree::{root, rust_files};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 60;
const COLUMNS_MAX: usize = 100;

fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn files_lines_and_functions_are_short() {
    let mut problems = Vec::new();
    for file in rust_files() {
        let lines: Vec<&str> = file.text.lines().collect();
        if lines.len() > FILE_LINES_MAX {
            problems.push(format!("{}: {} lines", file.path, lines.len()));
        }
        for (number, line) in lines.iter().enumerate() {
            let columns = line.chars().count();
            // A string literal cannot always be broken; formatting leaves such lines alone.
            if columns > COLUMNS_MAX && !line.contains('"') {
                problems.push(format!("{}:{}: {columns} columns", file.path, number + 1));
            }
        }
        problems.extend(long_functions(&file.path, &lines));
    }
    assert_none(&problems);
}

/// Functions end, as they are formatted, at the first `}` with the indentation of their `fn`.
fn long_functions(path: &str, lines: &[&str]) -> Vec<String> {
    let mut problems = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let is_fn = ["fn ", "pub fn ", "async fn ", "pub async fn ", "pub(crate) fn ", "const fn "]
            .iter()
            .any(|word| code.starts_with(word));
        if !is_fn || code.ends_with(';') {
            continue;
        }
        let close = format!("{}}}", &line[..line.len() - code.len()]);
        let length =
            lines[start..].iter().position(|l| *l == close || l.ends_with(';') && *l == *line);
        if let Some(length) = length.filter(|n| n + 1 > FUNCTION_LINES_MAX) {
            problems.push(format!("{path}:{}: a function of {} lines", start + 1, length + 1));
        }
    }
    problems
}

#[test]
fn every_file_is_part_of_a_crate() {
    let files = rust_files();
    let mut problems = Vec::new();
    for file in &files {
        let Some((dir, name)) = file.path.rsplit_once('/') else { continue };
        let roots = ["lib.rs", "main.rs", "build.rs"];
        if roots.contains(&name) || is_targets(dir) {
            continue;
        }
        let stem = name.trim_end_matches(".rs");
        let (module, parents) = if stem == "mod" {
            let (up, module) = dir.rsplit_once('/').unwrap_or(("", dir));
            (module, candidates(up))
        } else {
            (stem, candidates(dir))
        };
        let named = files.iter().any(|other| {
            let parent = parents.contains(&other.path);
            let beside = folder(&other.path) == dir;
            let above = is_targets(folder(&other.path)) && folder(dir) == folder(&other.path);
            let lines = || other.text.lines().map(|l| without_visibility(l.trim()));
            (parent || above) && lines().any(|l| names(l, module))
                || beside && lines().any(|l| l == format!("#[path = \"{name}\"]"))
        });
        if !named {
            problems.push(format!("{}: no `mod` names it", file.path));
        }
    }
    assert_none(&problems);
}

/// The folder of a path.
fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Whether every file of a folder is a target of its own.
fn is_targets(dir: &str) -> bool {
    ["/tests", "/benches", "/examples", "/bin"].iter().any(|end| dir.ends_with(end))
}

fn without_visibility(line: &str) -> &str {
    let words = ["pub ", "pub(crate) ", "pub(super) "];
    words.iter().find_map(|word| line.strip_prefix(word)).unwrap_or(line)
}

fn names(line: &str, module: &str) -> bool {
    line == format!("mod {module};") || line == format!("mod r#{module};")
}

/// Files that may hold the `mod` lines of a folder.
fn candidates(dir: &str) -> Vec<String> {
    ["/mod.rs", "/lib.rs", "/main.rs", ".rs"].iter().map(|end| format!("{dir}{end}")).collect()
}

#[test]
fn unsafe_stands_only_where_it_may() {
    let allowed = ["core/rt/", "core/formats/"];
    let word = ["unsafe", " "].concat();
    let mut problems = Vec::new();
    for file in rust_files() {
        let code = |l: &&str| !l.trim_start().starts_with("//");
        let found = file.text.lines().filter(code).any(|l| {
            l.contains(&format!("{word}{{"))
                || l.contains(&format!("{word}impl"))
                || l.contains(&format!("{word}fn"))
        });
        if found && !allowed.iter().any(|a| file.path.starts_with(a)) {
            problems.push(format!("{}: has code that is not checked", file.path));
        }
    }
    assert_none(&problems);
}

#[test]
fn shards_share_nothing_behind_locks() {
    let mut problems = Vec::new();
    for file in rust_files() {
        let data_plane = file.path.starts_with("core/") || file.path.starts_with("net/");
        let tests = file.path.contains("/tests/") || file.path.ends_with("tests.rs");
        if data_plane && !tests && file.text.contains("Arc<Mutex<") {
            problems.push(format!("{}: state behind a lock", file.path));
        }
    }
    assert_none(&problems);
}

#[test]
fn engine_plan_and_operators_name_no_language() {
    let words = ["bloblang", "benthos", "nebula", "kdb", "qsp"];
    let folders = ["core/engine/src/", "core/plan/src/", "core/ops/src/"];
    let mut problems = Vec::new();
    for file in rust_files() {
        // The processors whose configuration names carry a language are that dialect's own.
        let own = file.path.starts_with("core/ops/src/processors/");
        let tests = file.path.ends_with("testing.rs") || file.path.ends_with("tests.rs");
        if own || tests || !folders.iter().any(|f| file.path.starts_with(f)) {
            continue;
        }
        for (number, line) in file.text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default().to_ascii_lowercase();
            if words.iter().any(|word| code.contains(word)) {
                problems.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn invariants_name_tests_that_exist() {
    let text = std::fs::read_to_string(root().join("docs/ARCHITECTURE.md")).expect("the document");
    let files = rust_files();
    let mut problems = Vec::new();
    let mut count = 0;
    for line in text.lines().filter(|l| l.contains("**Invariant:**")) {
        count += 1;
        let named: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
        let exists = |name: &&str| files.iter().any(|f| f.text.contains(&format!("fn {name}(")));
        if !named.iter().any(exists) {
            problems.push(format!("no test of: {line}"));
        }
    }
    assert!(count >= 10, "the document states its invariants");
    assert_none(&problems);
}

#[test]
fn differences_name_tests_that_exist() {
    let files = rust_files();
    let mut problems = Vec::new();
    for page in ["docs/benthos.md", "docs/kdb.md"] {
        let text = std::fs::read_to_string(root().join(page)).expect("the document");
        let names = text.split('`').skip(1).step_by(2).filter(|name| {
            let word = |c: char| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit();
            name.matches('_').count() >= 3 && name.chars().all(word)
        });
        let missing = |name: &&str| !files.iter().any(|f| f.text.contains(&format!("fn {name}(")));
        let absent = names.clone().filter(missing);
        problems.extend(absent.map(|name| format!("{page}: there is no test {name}")));
        assert!(names.count() >= 10, "{page} names the tests of its differences");
    }
    assert_none(&problems);
}
