//! What the binary prints is kept in `tests/golden/`: results and plans of the examples, and the
//! help of every subcommand. `UPDATE=1 cargo test` writes the files anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tests::program::binary;
use tests::tree::root;

/// Runs the binary at the root of the repository and returns what it printed.
pub(crate) fn printed(args: &[&str]) -> String {
    let output = Command::new(binary()).args(args).current_dir(root()).output().expect("runs");
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{args:?}: {log}");
    String::from_utf8(output.stdout).expect("text")
}

/// Compares with a golden file, or writes it.
pub(crate) fn compare(name: &str, text: &str) {
    let path = root().join("tests/golden").join(name);
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, text).expect("written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, kept, "{name} differs; UPDATE=1 accepts what is printed now");
}

/// Every example by name and path, ordered.
fn examples() -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(root().join("examples")).expect("examples");
    let mut found: Vec<PathBuf> = entries.map(|e| e.expect("entry").path()).collect();
    found.retain(|path| path.is_file());
    found.sort();
    let named = |p: PathBuf| (p.file_name().expect("name").to_string_lossy().into_owned(), p);
    found.into_iter().map(named).collect()
}

/// Removes the time that the console of a q program puts before each line.
fn without_times(text: &str) -> String {
    let line = |l: &str| l.split_once(" | ").map_or(l, |(_, rest)| rest).to_owned() + "\n";
    text.lines().map(line).collect()
}

#[test]
fn every_example_prints_what_it_should() {
    let examples = examples();
    for ending in ["yaml", "nes", "q"] {
        let of_it = |(_, path): &&(String, PathBuf)| path.extension().is_some_and(|e| e == ending);
        assert!(examples.iter().any(|e| of_it(&e)), "an example for each language: {ending}");
    }
    for (name, path) in examples {
        let path = path.strip_prefix(root()).expect("below the root").display().to_string();
        let mut text = printed(&["run", &path]);
        if Path::new(&name).extension().is_some_and(|e| e == "q") {
            text = without_times(&text);
        }
        compare(&format!("examples/{name}.out"), &text);
        compare(&format!("examples/{name}.plan"), &printed(&["plan", &path]));
    }
}

#[test]
fn help_is_as_it_was_read_last() {
    compare("help/mainstem.txt", &printed(&["--help"]));
    let all = "serve,streams,run,nes,nes coordinator,nes worker,q,plan,lint,test,template,template lint,echo,\
               buffer,buffer check,buffer repair,create,blobl,list,completions,man";
    for words in all.split(',') {
        let mut args: Vec<&str> = words.split(' ').collect();
        args.push("--help");
        compare(&format!("help/{}.txt", words.replace(' ', "-")), &printed(&args));
    }
}
