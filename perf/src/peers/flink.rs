//! Flink from its published Python package: its jars, and a small program that runs scripts of SQL
//! on them.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{How, Place, Subject, command, version};
use crate::check::Expected;
use crate::error::{At, Error, Result};
use crate::machine;
use crate::measure::Task;
use crate::workload::Workload;

/// The package with the jars, which is a wheel for every platform.
const PACKAGE: &str = "apache-flink-libraries==2.3.0";
/// Where the jars are in it.
const JARS: &str = "pyflink/lib";
/// The program, and where its classes are kept beside the jars.
const PROGRAM: &str = include_str!("../../scripts/flink/Peer.java");
const CLASSES: &str = "classes";
/// What starting takes: a job of one row.
const IDLE: &str = include_str!("../../workloads/flink/idle.sql");
/// The start of a window as milliseconds since 1970.
const START: &str = "CAST(1000 AS BIGINT) * \
                     TIMESTAMPDIFF(SECOND, TIMESTAMP '1970-01-01 00:00:00', window_start)";
/// Memory of the virtual machine, and where there is very much state.
const HEAP: &str = "-Xmx3g";
const HEAP_LARGE: &str = "-Xmx8g";

/// The two ways it is run: as it comes, and with mini-batches.
const MODES: [&str; 2] = ["default", "tuned"];

/// The installation, or why there is none.
pub(crate) struct Flink(std::result::Result<Installed, String>);

struct Installed {
    /// Jars and classes as an argument of `java`.
    classpath: String,
    version: String,
}

/// A workload in its language.
struct Script {
    text: &'static str,
    /// The columns of its result.
    columns: &'static str,
}

/// Finds the installation in `dir`; fetches the jars and compiles the program if `install`.
pub(crate) fn find(dir: &Path, install: bool) -> Flink {
    Flink(installed(dir, install).map_err(|e| e.0))
}

fn installed(dir: &Path, install: bool) -> Result<Installed> {
    version(Path::new("java"), &["-version"])?;
    let dir = std::path::absolute(dir).at(dir)?;
    let jars = dir.join(JARS);
    if !jars.exists() {
        match install {
            true => fetch(&dir)?,
            false => return Err(Error(format!("{} is missing", jars.display()))),
        }
    }
    compile(&dir, &jars)?;
    let classpath = format!("{}/*:{}", jars.display(), dir.join(CLASSES).display());
    Ok(Installed { classpath, version: version_of(&jars)? })
}

/// The jars of the package; other packages that Python users need are left out.
fn fetch(dir: &Path) -> Result<()> {
    let part = dir.join("part");
    std::fs::create_dir_all(&part).at(&part)?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", PACKAGE, "--dest"]).arg(&part);
    command(&mut pip)?;
    let wheel = std::fs::read_dir(&part).at(&part)?.flatten().map(|e| e.path());
    let wheel = wheel.filter(|p| p.extension().is_some_and(|e| e == "whl")).last();
    let wheel = wheel.ok_or_else(|| Error(format!("{PACKAGE}: pip has fetched no wheel")))?;
    let unpacked = part.join("unpacked");
    command(Command::new("python3").args(["-m", "zipfile", "-e"]).arg(wheel).arg(&unpacked))?;
    std::fs::rename(unpacked.join("pyflink"), dir.join("pyflink")).at(dir)?;
    std::fs::remove_dir_all(&part).at(&part)
}

/// Compiles the program unless this very text has been compiled before.
fn compile(dir: &Path, jars: &Path) -> Result<()> {
    let (source, classes) = (dir.join("Peer.java"), dir.join(CLASSES));
    let known = std::fs::read_to_string(&source).is_ok_and(|text| text == PROGRAM);
    if known && classes.join("Peer.class").exists() {
        return Ok(());
    }
    std::fs::create_dir_all(&classes).at(&classes)?;
    std::fs::write(&source, PROGRAM).at(&source)?;
    let mut javac = Command::new("javac");
    javac.arg("-cp").arg(jars.join("*")).arg("-d").arg(&classes).arg(&source);
    command(&mut javac)
}

/// The version in the name of the largest jar.
fn version_of(jars: &Path) -> Result<String> {
    let names = std::fs::read_dir(jars).at(jars)?.flatten();
    let found = names.filter_map(|e| {
        let name = e.file_name().into_string().ok()?;
        Some(name.strip_prefix("flink-dist-")?.strip_suffix(".jar")?.to_owned())
    });
    found.last().ok_or_else(|| Error(format!("{}: no flink-dist-*.jar", jars.display())))
}

fn script(workload: Workload) -> Option<Script> {
    let script = |columns, text| Some(Script { text, columns });
    match workload {
        Workload::W5Ndjson | Workload::W5Csv => {
            script("start,key,total,mean,n", include_str!("../../workloads/flink/w5.sql"))
        }
        Workload::Keys => {
            script("start,key,total,mean,n", include_str!("../../workloads/flink/keys.sql"))
        }
        Workload::Q0 => script(
            "timestamp,auctionId,bidder,datetime,price",
            include_str!("../../workloads/flink/nexmark_q0.sql"),
        ),
        Workload::Q1 | Workload::Q1Memory => script(
            "auctionId,bidder,price,datetime",
            include_str!("../../workloads/flink/nexmark_q1.sql"),
        ),
        Workload::Q2 | Workload::Q2Memory => {
            script("auctionId,price", include_str!("../../workloads/flink/nexmark_q2.sql"))
        }
        Workload::Q5 => {
            script("start,auctionId,num", include_str!("../../workloads/flink/nexmark_q5.sql"))
        }
        Workload::Q8 => {
            script("start,id,name", include_str!("../../workloads/flink/nexmark_q8.sql"))
        }
        Workload::Q8Bids => script(
            "start,bidTime,auctionId,bidder,datetime,price,auctionTime,id,initialbid,reserve,\
             expires,seller,category",
            include_str!("../../workloads/flink/nexmark_q8_bids.sql"),
        ),
        _ => None,
    }
}

/// The subjects of a workload, default and tuned, where it can be said in SQL over files.
///
/// # Errors
/// A scratch folder that cannot be written.
pub(crate) fn subjects(at: &Place, flink: &Flink) -> Result<Vec<Subject>> {
    let Some(script) = script(at.on.workload) else { return Ok(Vec::new()) };
    let installed = match &flink.0 {
        Ok(installed) => installed,
        Err(reason) => return Ok(vec![Subject::skipped("Flink", reason)]),
    };
    MODES.iter().map(|mode| subject(at, installed, &script, mode)).collect()
}

fn subject(at: &Place, flink: &Installed, script: &Script, mode: &str) -> Result<Subject> {
    let memory = at.on.workload.is_in_memory();
    let sink = match memory {
        true => "'connector' = 'blackhole'",
        false => "'connector' = 'filesystem', 'path' = '${OUTPUT}', 'format' = 'csv'",
    };
    let format = if at.on.workload == Workload::W5Ndjson { "json" } else { "csv" };
    let text = script.text.replace("${SINK}", sink).replace("${FORMAT}", format);
    let text = text.replace("${START}", START);
    let file = at.configure(&format!("flink-{mode}.sql"), &text, &at.on.input)?;
    let idle = at.configure("flink-idle.sql", IDLE, &at.on.input)?;
    let cores = if memory { 1 } else { machine::cores() };
    let heap = if at.on.workload == Workload::Keys { HEAP_LARGE } else { HEAP };
    let task = |script: &PathBuf| {
        let mut task = Task::new("java", &[heap, "--add-opens=java.base/java.util=ALL-UNNAMED"]);
        task.args.extend(["-cp".into(), flink.classpath.clone(), "Peer".into(), mode.into()]);
        task.args.extend([cores.to_string(), script.to_string_lossy().into_owned()]);
        task
    };
    let label = format!("Flink {} {mode}", flink.version);
    // Results come out in any order, and as a folder.
    let mut subject = Subject::peer(&label, at, task(&file), at.on.expected(Expected::Documents));
    if let How::Run(run) = &mut subject.how {
        run.folder = (!memory).then_some(script.columns);
        run.idle = Some(task(&idle));
    }
    Ok(subject)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_names_its_columns() {
        for workload in crate::workload::ALL {
            let Some(script) = script(workload) else { continue };
            let name = workload.name();
            assert!(script.text.contains("${SINK}") && script.text.contains("${INPUT}"), "{name}");
            for column in script.columns.split(',') {
                assert!(script.text.contains(column), "{name}: {column}");
            }
        }
    }

    #[test]
    fn a_missing_installation_says_why() {
        let dir = std::env::temp_dir().join(format!("perf-flink-{}", std::process::id()));
        let reason = find(&dir, false).0.err().unwrap();
        assert!(!reason.is_empty() && !dir.exists());
    }

    #[test]
    fn the_version_is_that_of_the_jars() {
        let dir = std::env::temp_dir().join(format!("perf-jars-{}", std::process::id()));
        std::fs::create_dir(&dir).unwrap();
        assert!(version_of(&dir).is_err());
        std::fs::write(dir.join("flink-dist-9.8.7.jar"), "").unwrap();
        assert_eq!(version_of(&dir).unwrap(), "9.8.7");
        std::fs::remove_dir_all(dir).unwrap();
    }
}
