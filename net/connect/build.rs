//! Compiles the few classes that call functions in Java, where there is a compiler of Java. Without
//! one everything else is built, and whoever wants such a function is told why there is none.

#![allow(clippy::print_stdout)] // how build scripts talk to cargo

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

/// The classes run on every Java from this version on.
const RELEASE: &str = "8";
const PLACES: &str = "/usr/lib/jvm";

fn main() -> io::Result<()> {
    let folder = Path::new("java/mainstem");
    println!("cargo::rerun-if-changed=java");
    println!("cargo::rerun-if-env-changed=JAVA_HOME");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let classes = out.join("java");
    let _ = fs::remove_dir_all(&classes);
    fs::create_dir_all(&classes)?;
    let mut sources = Vec::new();
    for entry in fs::read_dir(folder)? {
        sources.push(entry?.path());
    }
    sources.sort();
    let compiled = compilers().iter().any(|javac| {
        let mut command = Command::new(javac);
        command.args(["--release", RELEASE, "-Xlint:-options", "-encoding", "UTF-8", "-d"]);
        command.arg(&classes).args(&sources);
        command.status().is_ok_and(|status| status.success())
    });
    let mut names = Vec::new();
    if compiled {
        for entry in fs::read_dir(classes.join("mainstem"))? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    let one = |name: &String| {
        let path = classes.join("mainstem").join(name);
        format!("    include_bytes!({:?}),\n", path.display().to_string())
    };
    let all: String = names.iter().map(one).collect();
    fs::write(out.join("java.rs"), format!("&[\n{all}]\n"))
}

/// Compilers to try, in order.
fn compilers() -> Vec<PathBuf> {
    let mut found = Vec::new();
    if let Some(home) = env::var_os("JAVA_HOME") {
        found.push(Path::new(&home).join("bin/javac"));
    }
    found.push(PathBuf::from("javac"));
    for entry in fs::read_dir(PLACES).into_iter().flatten().flatten() {
        found.push(entry.path().join("bin/javac"));
    }
    found
}
