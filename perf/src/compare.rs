//! The comparison: workload by workload, a table as it goes and a report at the end.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::check::discard;
use crate::cli::Compare;
use crate::control;
use crate::data::Store;
use crate::error::{At, Error, Result};
use crate::ingest;
use crate::kdb;
use crate::machine::{self, Spin};
use crate::peers::{How, Place, Subject, benthos, coreutils, flink, jq, mainstem, python, version};
use crate::report::{is_bad, is_too_large, json, table};
use crate::rounds::{self, Rounds, Settings};
use crate::serving::{Report, Setup};
use crate::transit;
use crate::workload::{self, Prepared, Workload, is_called};

const MEMORY_DIR: &str = "/dev/shm";

/// Measures a workload whose programs serve.
type Measure = fn(&Setup, &mut Spin, &dyn Fn(&str)) -> Result<Vec<Report>>;

/// The workloads that have no files: their programs are asked over the network, or make their data
/// themselves.
const SERVING: [(&str, Measure); 7] = [
    (ingest::HTTP, ingest::http),
    (ingest::TCP, ingest::tcp),
    (transit::NAME, transit::measure),
    (control::NAME, control::measure),
    (kdb::TICKS, kdb::ticks),
    (kdb::ROWS, kdb::rows),
    (kdb::KERNELS, kdb::kernels),
];

/// A folder that is removed with everything in it at the end.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(parent: &Path) -> Result<Self> {
        let dir = parent.join(format!("mainstem-perf-{}", std::process::id()));
        std::fs::create_dir_all(&dir).at(&dir)?;
        Ok(Self(dir.canonicalize().at(&dir)?))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing is left to be done about a folder that cannot be removed.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Everything that stays the same over all workloads.
struct Bench<'a> {
    options: &'a Compare,
    store: Store,
    scratch: Scratch,
    program: Option<PathBuf>,
    jq: jq::Found,
    jq_events: Prepared,
    python: python::Python,
    flink: flink::Flink,
}

impl Bench<'_> {
    /// All subjects of a workload, mainstem first.
    fn subjects(&self, on: &Prepared) -> Result<Vec<Subject>> {
        let at = Place { on, scratch: &self.scratch.0 };
        let mut all = vec![mainstem::subject(&at, self.program.as_deref(), &self.options.bin_arg)?];
        let real = self.options.benthos.as_deref();
        all.extend(benthos::subjects(&at, real, &self.jq, &self.store)?);
        let unit = all.iter().any(|s| matches!(s.how, How::Calibrated(_)));
        all.extend(jq::subject(&at, &self.jq, &self.jq_events, unit));
        all.extend(coreutils::subject(&at));
        all.extend(python::subjects(&at, &self.python)?);
        all.extend(flink::subjects(&at, &self.flink)?);
        Ok(all)
    }

    fn measure(&self, on: &Prepared, spin: &mut Spin) -> Result<Rounds> {
        let subjects = self.subjects(on)?;
        on.warm()?;
        let timeout = Duration::from_secs(self.options.timeout);
        let rounds = self.options.rounds;
        let settings = Settings { rounds, timeout, scratch: &self.scratch.0 };
        Ok(rounds::run(&subjects, &settings, spin, |step| {
            say(&format!("{} {step}", on.workload.name()));
        }))
    }

    /// What the workloads need whose programs serve.
    fn setup(&self) -> Setup<'_> {
        Setup {
            program: self.program.as_deref(),
            args: &self.options.bin_arg,
            benthos: self.options.benthos.as_deref(),
            jq: &self.jq,
            at: Place { on: &self.jq_events, scratch: &self.scratch.0 },
            store: &self.store,
            python: &self.python,
            events: self.options.events,
            rounds: self.options.rounds,
            timeout: Duration::from_secs(self.options.timeout),
        }
    }

    /// Which Benthos the figures are of.
    fn benthos(&self) -> String {
        match (&self.options.benthos, &self.jq) {
            (Some(path), _) => {
                let version = version(path, &["--version"]).unwrap_or_else(|e| e.0);
                format!("the real program, {}: {version}", path.display())
            }
            (None, jq::Found::Calibrated(_)) => {
                "calibrated: recorded multiples of jq 1.6, measured live in the same rounds".into()
            }
            (None, _) => "none: no --benthos, and no jq 1.6 to calibrate by".into(),
        }
    }
}

/// Runs the comparison; says whether all outputs were right.
///
/// # Errors
/// Wrong options, folders that cannot be written.
pub(crate) fn run(options: &Compare) -> Result<bool> {
    rounds::rounds_of(options.rounds)?;
    let chosen = chosen(&options.only)?;
    let bench = prepare(options)?;
    let head = head(&bench);
    print(&format!(
        "mainstem: {}\nBenthos: {}\n{} cores, {} rounds; ratios are peer / mainstem\n",
        head["mainstem"].as_str().unwrap_or("none"),
        head["benthos"].as_str().unwrap_or("none"),
        machine::cores(),
        options.rounds,
    ))?;
    let (mut spin, mut parts, mut good) = (Spin::default(), Vec::new(), true);
    for workload in chosen {
        let count = options.events.unwrap_or_else(|| workload.records(options.size));
        let mut on = Prepared::new(workload, &bench.store, count)?;
        if workload.is_in_memory() {
            on.move_to(&bench.scratch.0)?;
        }
        let rounds = bench.measure(&on, &mut spin)?;
        if workload.is_in_memory() {
            discard(&on.input);
        }
        print(&table::render(&on, &rounds))?;
        good &= !rounds.outcomes.iter().any(is_bad) && !is_too_large(&on, &rounds);
        parts.push(json::workload(&on, &rounds));
    }
    for (name, measure) in SERVING {
        if !is_wanted(&options.only, name) {
            continue;
        }
        let progress = |step: &str| say(&format!("{name} {step}"));
        for report in measure(&bench.setup(), &mut spin, &progress)? {
            print(&report.text)?;
            good &= report.good;
            parts.push(report.json);
        }
    }
    let out = options.out.clone().unwrap_or_else(|| options.data.join("report.json"));
    let report = json!({"head": head, "good": good, "workloads": parts});
    std::fs::write(&out, format!("{report:#}\n")).at(&out)?;
    say(&format!("report: {}", out.display()));
    Ok(good)
}

/// Whether a workload is asked for.
fn is_wanted(only: &[String], own: &str) -> bool {
    only.is_empty() || only.iter().any(|name| is_called(own, name))
}

/// The workloads asked for of those with files.
fn chosen(only: &[String]) -> Result<Vec<Workload>> {
    let known = workload::ALL.iter().map(|w| w.name()).chain(SERVING.map(|(name, _)| name));
    let known: Vec<&str> = known.collect();
    if let Some(name) = only.iter().find(|name| !known.iter().any(|own| is_called(own, name))) {
        return Err(Error(format!("--only: no workload {name}; there are {}", known.join(", "))));
    }
    Ok(workload::ALL.into_iter().filter(|w| is_wanted(only, w.name())).collect())
}

fn prepare(options: &Compare) -> Result<Bench<'_>> {
    let given = options.bin.iter().chain(&options.benthos);
    if let Some(missing) = given.into_iter().find(|p| !p.exists()) {
        return Err(Error(format!("{}: no such program", missing.display())));
    }
    let store = Store::open(&options.data)?;
    let memory = PathBuf::from(MEMORY_DIR);
    let parent = match &options.scratch {
        Some(dir) => dir.clone(),
        None if memory.is_dir() => memory,
        None => options.data.clone(),
    };
    let jq_events = Prepared::new(Workload::W2, &store, jq::EVENTS)?;
    Ok(Bench {
        options,
        store,
        scratch: Scratch::new(&parent)?,
        program: mainstem::find(options.bin.as_deref()),
        jq: jq::find(),
        jq_events,
        python: python::find(&options.venv, !options.no_install),
        flink: flink::find(&options.flink, !options.no_install),
    })
}

/// What the report says of the run as a whole.
fn head(bench: &Bench) -> Value {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|l| l.strip_prefix("model name")?.split(": ").nth(1));
    json!({
        "mainstem": bench.program.as_ref().map(|p| p.display().to_string()),
        "mainstem_args": bench.options.bin_arg,
        "benthos": bench.benthos(),
        "cores": machine::cores(),
        "cpu_model": model,
        "rounds": bench.options.rounds,
        "data": bench.options.data,
        "outputs": bench.scratch.0,
    })
}

pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let done = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    done.map_err(|e| Error(format!("standard output: {e}")))
}

/// Progress, which is of no use to a program that reads the table.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workloads_are_chosen_by_name() {
        let only = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        assert_eq!(chosen(&[]).unwrap(), workload::ALL);
        assert_eq!(chosen(&only(&["w6", "W2"])).unwrap(), [Workload::W2]);
        assert!(is_wanted(&only(&["w6"]), ingest::HTTP) && is_wanted(&[], control::NAME));
        assert!(!is_wanted(&only(&["W6-TCP"]), ingest::HTTP));
        let unknown = chosen(&only(&["W9"])).unwrap_err().0;
        assert!(unknown.ends_with("W6-HTTP, W6-TCP, W7, W8, TICKS, QROWS, QKERNELS"), "{unknown}");
    }
}
