//! `mainstem test`: runs the tests of configurations.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use config::env::interpolate;
use config::{Lint, Root, yaml};

use crate::load::{EnvironmentOptions, TemplateOptions};
use crate::logging;
use crate::output;
use crate::paths::{globs, read_text};
use crate::testing::{self, Bench, Ran, Target, Tested};

/// Options of `test`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Configs with tests (.yaml, .yml), or the files NAME_benthos_test.yaml beside them; also
    /// patterns, and `DIR/...` for everything below DIR.
    files: Vec<String>,
    /// Print the name of every test.
    #[arg(short, long)]
    verbose: bool,
    /// Print to standard output what components log at this level and above.
    #[arg(long, value_name = "LEVEL")]
    log: Option<String>,
    /// Read resources from a file, also a pattern; may be given several times.
    #[arg(short, long = "resources", value_name = "FILE")]
    resources: Vec<String>,
    #[command(flatten)]
    templates: TemplateOptions,
    #[command(flatten)]
    environment: EnvironmentOptions,
    /// Write what the tests gave to a file, as JUnit's XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// Runs them. The process fails unless there are tests and all of them pass.
///
/// # Errors
/// What keeps the tests from running.
pub(crate) fn run(args: &Args) -> Result<ExitCode, String> {
    if let Some(level) = &args.log {
        logging::start_on_stdout(level).map_err(|e| format!("failed to init logger: {e}"))?;
    }
    let environment = args.environment.read()?;
    let catalog = args.templates.catalog(false)?;
    let catalog = catalog.with_variables(environment.variables().to_vec());
    let mut resources = Vec::new();
    for path in globs(args.resources.iter())? {
        let text = read_text(&path)
            .map_err(|e| format!("failed to parse resources config file '{path}': {e}"))?;
        resources.push((path, text));
    }
    let targets = match testing::find(&catalog, &args.files) {
        Ok(targets) => targets,
        Err(text) => return Err(format!("Failed to obtain test targets: {text}")),
    };
    if targets.is_empty() {
        output::print("No tests were found\n");
        return Ok(ExitCode::FAILURE);
    }
    let bench = Bench::new(crate::registry::registry(), catalog, environment, resources);
    let reactor = rt::ReactorConfig::new(rt::IoMode::Auto, "test");
    let all = rt::run_reactor(reactor, || run_all(bench, &targets, args.verbose));
    let all = all.map_err(|e| e.to_string())?;
    output::print(&testing::report(&all));
    if let Some(path) = &args.junit {
        std::fs::write(path, testing::junit(&all)?)
            .map_err(|e| format!("{}: {e}", path.display()))?;
    }
    if let Some((target, error)) = all.iter().find_map(|t| Some((&t.target, t.error.as_ref()?))) {
        return Err(format!("Failed to execute test target '{target}': {error}"));
    }
    let passed = all.iter().all(Tested::passed);
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs the tests of all files, up to one that cannot run.
async fn run_all(mut bench: Bench, targets: &[Target], verbose: bool) -> Vec<Tested> {
    let mut all = Vec::new();
    for target in targets {
        let tested = run_target(&mut bench, target, verbose).await;
        let ended = tested.error.is_some();
        if !ended {
            let word = if tested.passed() { "succeeded" } else { "failed" };
            output::print(&format!("Test '{}' {word}\n", tested.target));
        }
        all.push(tested);
        if ended {
            break;
        }
    }
    all
}

async fn run_target(bench: &mut Bench, target: &Target, verbose: bool) -> Tested {
    let path = target.path.as_str();
    let mut tested =
        Tested { target: path.to_owned(), lints: Vec::new(), cases: Vec::new(), error: None };
    match lints(bench, path) {
        Ok(lints) => tested.lints = lints,
        Err(error) => {
            tested.error = Some(error);
            return tested;
        }
    }
    if verbose {
        for case in &target.cases {
            let name = if case.name.is_empty() { "(unnamed)" } else { &case.name };
            output::print(&format!("  - {name}\n"));
        }
    }
    for (at, case) in target.cases.iter().enumerate() {
        let start = Instant::now();
        match bench.run(path, case).await {
            Ok(failures) => {
                let (name, line, took) = (case.name.clone(), case.line, start.elapsed());
                tested.cases.push(Ran { name, line, took, failures });
            }
            Err(error) => {
                tested.error = Some(format!("test case {at} failed: {error}"));
                break;
            }
        }
    }
    tested
}

/// Complaints about a file. Variables that are not set are none: each test has its own.
fn lints(bench: &mut Bench, path: &str) -> Result<Vec<Lint>, String> {
    let text = bench.text(path)?;
    let filled = interpolate(&text, &|name: &str| bench.variable(name)).text;
    let node = yaml::load(&filled).map_err(|e| e.to_string())?;
    Ok(config::lint(bench.catalog(), Root::Config, &node, false))
}
