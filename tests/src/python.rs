//! Clients and servers of another make, in Python. Who has it under another name says so in
//! `MAINSTEM_TEST_PYTHON`.

use std::io::{Write, stderr};
use std::process::Command;

/// Python, where it has all these packages; it says what is missing.
#[must_use]
pub fn having(packages: &[&str]) -> Option<String> {
    let python = std::env::var("MAINSTEM_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    for package in packages {
        let import = format!("import {package}");
        let mut asked = Command::new(&python);
        match asked.args(["-c", &import]).env("PYKX_UNLICENSED", "true").output() {
            Ok(answer) if answer.status.success() => {}
            Ok(_) => {
                let _ = writeln!(stderr(), "skipped: {python} has no package {package}");
                return None;
            }
            Err(error) => {
                let _ = writeln!(stderr(), "skipped: {python}: {error}");
                return None;
            }
        }
    }
    Some(python)
}

/// Runs a script to its end; what it printed.
///
/// # Panics
/// It fails.
pub fn run(python: &str, script: &str, args: &[&str]) -> String {
    let mut command = Command::new(python);
    command.args(["-c", script]).args(args).env("PYKX_UNLICENSED", "true");
    match command.output() {
        Ok(output) => {
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{errors}");
            String::from_utf8_lossy(&output.stdout).into_owned()
        }
        Err(error) => panic!("{python}: {error}"),
    }
}
