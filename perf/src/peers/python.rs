//! DuckDB and Polars from their Python packages, in a virtual environment of the harness's own.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{How, Place, Subject, command, version};
use crate::check::Expected;
use crate::error::{At, Result};
use crate::measure::Task;
use crate::workload::Workload;

const REQUIREMENTS: &str = include_str!("../../scripts/requirements.txt");

/// The packages and the programs that drive them.
const DUCKDB: Package = Package {
    name: "DuckDB",
    module: "duckdb",
    file: "run_duckdb.py",
    script: include_str!("../../scripts/run_duckdb.py"),
};
const POLARS: Package = Package {
    name: "Polars",
    module: "polars",
    file: "run_polars.py",
    script: include_str!("../../scripts/run_polars.py"),
};

struct Package {
    name: &'static str,
    module: &'static str,
    file: &'static str,
    script: &'static str,
}

/// The interpreter of the virtual environment, or why there is none.
pub(crate) struct Python(std::result::Result<PathBuf, String>);

impl Python {
    /// The interpreter, and the version of a package that it must have.
    ///
    /// # Errors
    /// There is no interpreter, or it has no such package.
    pub(crate) fn with(&self, module: &str) -> std::result::Result<(&Path, String), String> {
        let python = self.0.as_deref().map_err(Clone::clone)?;
        let ask = format!("import {module}; print({module}.__version__)");
        version(python, &["-c", &ask]).map(|number| (python, number)).map_err(|e| e.0)
    }
}

/// Finds the virtual environment, and creates it with `python3 -m venv` and `pip` if `install`.
pub(crate) fn find(venv: &Path, install: bool) -> Python {
    let python = venv.join("bin/python");
    if python.exists() {
        // A relative link into the system would break if its name were resolved.
        return Python(std::path::absolute(&python).map_err(|e| e.to_string()));
    }
    if !install {
        return Python(Err(format!("{} is missing", venv.display())));
    }
    Python(create(venv).map_err(|e| e.0))
}

fn create(venv: &Path) -> Result<PathBuf> {
    command(Command::new("python3").args(["-m", "venv"]).arg(venv))?;
    let python = std::path::absolute(venv.join("bin/python")).at(venv)?;
    let list = venv.join("requirements.txt");
    std::fs::write(&list, REQUIREMENTS).at(&list)?;
    let mut pip = Command::new(&python);
    command(pip.args(["-m", "pip", "install", "--quiet", "-r"]).arg(&list))?;
    Ok(python)
}

/// The subjects of a workload: DuckDB on W2 and W5, Polars on W5.
///
/// # Errors
/// A scratch folder that cannot be written.
pub(crate) fn subjects(at: &Place, python: &Python) -> Result<Vec<Subject>> {
    match at.on.workload {
        Workload::W2 => Ok(vec![subject(at, python, &DUCKDB, &["w2"])?]),
        Workload::W5Ndjson | Workload::W5Csv => {
            let format = if at.on.workload == Workload::W5Csv { "csv" } else { "ndjson" };
            let args = ["w5", format];
            Ok(vec![subject(at, python, &DUCKDB, &args)?, subject(at, python, &POLARS, &args)?])
        }
        _ => Ok(Vec::new()),
    }
}

fn subject(at: &Place, python: &Python, package: &Package, args: &[&str]) -> Result<Subject> {
    let (python, number) = match python.with(package.module) {
        Ok(found) => found,
        Err(reason) => return Ok(Subject::skipped(package.name, reason)),
    };
    let script = at.scratch.join(package.file);
    std::fs::write(&script, package.script).at(&script)?;
    let script = script.to_string_lossy().into_owned();
    let mut task = Task::new(python, &[&script]);
    task.args.extend(args.iter().map(|a| (*a).to_owned()));
    for path in [&at.on.input, &at.output()] {
        task.args.push(path.to_string_lossy().into_owned());
    }
    let label = format!("{} {number}", package.name);
    let mut subject = Subject::peer(&label, at, task, at.on.expected(Expected::Documents));
    if let How::Run(run) = &mut subject.how {
        run.idle = Some(Task::new(python, &[&script, "idle"]));
    }
    Ok(subject)
}
