//! The programs that are measured side by side.

pub(crate) mod benthos;
pub(crate) mod coreutils;
pub(crate) mod flink;
pub(crate) mod jq;
pub(crate) mod mainstem;
pub(crate) mod python;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::calibration::Factor;
use crate::check::Expected;
use crate::error::{At, Error, Result};
use crate::measure::Task;
use crate::workload::Prepared;

/// Which part a subject has in the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The engine itself: all ratios are against it.
    Own,
    /// A program to compare with.
    Peer,
    /// Measured only because calibrated figures are multiples of it.
    Reference,
}

/// A program, or a stand-in for one, on one workload.
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) how: How,
}

/// How a subject's figures come about.
pub(crate) enum How {
    /// It runs.
    Run(Box<Run>),
    /// It is a multiple of what jq takes in the same round.
    Calibrated(Factor),
    /// It is missing, for this reason.
    Skipped(String),
}

/// A subject that runs.
pub(crate) struct Run {
    pub(crate) task: Task,
    /// Where it writes its result, and what that must be.
    pub(crate) output: PathBuf,
    pub(crate) expected: Expected,
    /// Set when the result is a folder of files without headers: what the header would be.
    pub(crate) folder: Option<&'static str>,
    /// Records in its input.
    pub(crate) count: u64,
    /// The same program with nothing to do, where starting it is a cost of its own.
    pub(crate) idle: Option<Task>,
}

impl Subject {
    /// A peer that is not there.
    pub(crate) fn skipped(name: &str, reason: impl Into<String>) -> Self {
        Self { name: name.into(), role: Role::Peer, how: How::Skipped(reason.into()) }
    }

    /// A peer that runs over the whole input.
    pub(crate) fn peer(name: &str, at: &Place, task: Task, expected: Expected) -> Self {
        let (output, count) = (at.output(), at.on.count);
        let run = Run { task, output, expected, folder: None, count, idle: None };
        Self { name: name.into(), role: Role::Peer, how: How::Run(Box::new(run)) }
    }
}

/// What peers need to know of a run: the workload and a folder for outputs.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) on: &'a Prepared,
    pub(crate) scratch: &'a Path,
}

impl Place<'_> {
    /// The file that every subject writes its result to, one after the other.
    pub(crate) fn output(&self) -> PathBuf {
        self.scratch.join("output")
    }

    /// Writes a configuration with the paths filled in and returns its path.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub(crate) fn configure(&self, name: &str, template: &str, input: &Path) -> Result<PathBuf> {
        let text = template
            .replace("${INPUT}", &input.to_string_lossy())
            .replace("${AUCTIONS}", &self.on.other.as_deref().unwrap_or(input).to_string_lossy())
            .replace("${OUTPUT}", &self.output().to_string_lossy());
        let path = self.scratch.join(name);
        std::fs::write(&path, text).at(&path)?;
        Ok(path)
    }
}

/// What a program says when asked for its version, first line only.
///
/// # Errors
/// A program that is missing or refuses.
pub(crate) fn version(program: &Path, args: &[&str]) -> Result<String> {
    let output = Command::new(program).args(args).output().at(program)?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        let why = why.lines().last().unwrap_or("no version").to_owned();
        return Err(Error(format!("{}: {why}", program.display())));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

/// Runs a command that prepares something to its end.
///
/// # Errors
/// What it said last, when it failed.
pub(crate) fn command(command: &mut Command) -> Result<()> {
    let program = PathBuf::from(command.get_program());
    let output = command.output().at(&program)?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let why = String::from_utf8_lossy(&output.stderr);
            let why = why.lines().last().unwrap_or("failed").to_owned();
            Err(Error(format!("{}: {why}", program.display())))
        }
    }
}
