//! QKERNELS: what q does with tables in memory, in one process and without input, beside Polars.
//! A program makes its columns and runs a kernel several times; what one takes that only makes the
//! columns is taken off.

use std::path::Path;

use super::KERNELS;
use super::kernel_report::{Measured, report};
use crate::check::Expected;
use crate::error::{At, Error, Result};
use crate::machine::Spin;
use crate::measure::{self, Task};
use crate::peers::{self, Role, Run, Subject};
use crate::reference::kernels::{as_of, left, medians, order, sorted_table, sums};
use crate::rounds::{self, Settings, State};
use crate::serving::{Report, Setup};

/// Rows, unless another number is asked for.
const COUNT: u64 = 10_000_000;
/// Fewer rows would leave no keys.
const COUNT_MIN: u64 = 100;
/// How often a process runs the kernel.
pub(super) const TIMES: u64 = 3;
const SCRIPT: &str = include_str!("../../scripts/run_kernels.py");
/// What all kernels begin with; the number of rows is put in front.
const COLUMNS: &str = "i:til n;hash:{((x*x*6364136223846793005)+x*1442695040888963407) div \
                       8589934592};mix:{6364136223846793005*x*1+2*x};";

/// Something that q does with columns.
struct Kernel {
    /// What the script of Polars calls it.
    name: &'static str,
    about: &'static str,
    /// Makes the columns.
    columns: &'static str,
    code: &'static str,
    /// A number that depends on every row of the result.
    digest: &'static str,
    /// The same number by the plain reference.
    reference: fn(i64) -> i64,
}

const OF_GROUPS: &str = "\"j\"$2*sum (1+(exec k from r) mod 97)*exec v from r";

const ALL: [Kernel; 7] = [
    Kernel {
        name: "sum-100",
        about: "select sum v by k, 100 groups",
        columns: "t:([]k:(hash i) mod 100;v:\"f\"$i mod 9973);",
        code: "r:select sum v by k from t;",
        digest: OF_GROUPS,
        reference: |rows| sums(rows, 100),
    },
    Kernel {
        name: "sum-tenth",
        about: "select sum v by k, rows/10 groups",
        columns: "t:([]k:(hash i) mod n div 10;v:\"f\"$i mod 9973);",
        code: "r:select sum v by k from t;",
        digest: OF_GROUPS,
        reference: |rows| sums(rows, rows / 10),
    },
    Kernel {
        name: "med-100",
        about: "select med v by k, 100 groups",
        columns: "t:([]k:(hash i) mod 100;v:\"f\"$i mod 9973);",
        code: "r:select med v by k from t;",
        digest: OF_GROUPS,
        reference: |rows| medians(rows, 100),
    },
    Kernel {
        name: "iasc",
        about: "iasc of longs",
        columns: "x:mix i;",
        code: "r:iasc x;",
        digest: "sum r*i mod 97",
        reference: order,
    },
    Kernel {
        name: "xasc",
        about: "`a`b xasc t, three columns",
        columns: "t:([]a:(hash i) mod 100;b:mix i;p:i);",
        code: "r:`a`b xasc t;",
        digest: "sum r[`p]*i mod 97",
        reference: sorted_table,
    },
    Kernel {
        name: "aj",
        about: "aj[`sym`time;t;u], as many quotes",
        columns: "s:`$\"s\",/:-2#/:\"0\",/:string til 100;\
                  u:([]sym:s (hash i) mod 100;time:\"p\"$1000*i;w:\"f\"$i mod 9973);\
                  t:([]sym:s (hash i+7919) mod 100;time:\"p\"$500+1000*i;j:i);",
        code: "r:aj[`sym`time;t;u];",
        digest: "\"j\"$2*sum r[`w]*r[`j] mod 97",
        reference: as_of,
    },
    Kernel {
        name: "lj",
        about: "t lj u, rows/10 keys",
        columns: "m:n div 10;u:([k:(7919*til m) mod m]w:\"f\"$(til m) mod 9973);\
                  t:([]k:(hash i) mod m+m div 10;j:i);",
        code: "r:t lj u;",
        digest: "\"j\"$2*sum r[`w]*r[`j] mod 97",
        reference: left,
    },
];

/// How often a process runs the kernel, and whether it tells its result.
#[derive(Clone, Copy)]
enum Does {
    Columns,
    Kernel,
    Digest,
}

impl Does {
    fn times(self) -> u64 {
        match self {
            Self::Columns => 0,
            Self::Kernel => TIMES,
            Self::Digest => 1,
        }
    }
}

/// `mainstem q` on a kernel.
fn own(program: &Path, kernel: &Kernel, rows: u64, does: Does) -> Task {
    let begin = format!("n:{rows};{COLUMNS}");
    let mut all = vec![begin.as_str(), kernel.columns];
    all.extend((0..does.times()).map(|_| kernel.code));
    if matches!(does, Does::Digest) {
        all.push(kernel.digest);
    }
    let args: Vec<&str> =
        ["q"].into_iter().chain(all.into_iter().flat_map(|code| ["-e", code])).collect();
    Task::new(program, &args)
}

/// Polars on a kernel.
fn polars(python: &Path, script: &str, kernel: &Kernel, rows: u64, does: Does) -> Task {
    let (rows, times) = (rows.to_string(), does.times().to_string());
    let mut task = Task::new(python, &[script, kernel.name, &rows, &times]);
    if matches!(does, Does::Digest) {
        task.args.push("digest".to_owned());
    }
    task
}

/// Measures the workload; `progress` is told each step.
///
/// # Errors
/// Too few rows, a folder that cannot be written.
pub(crate) fn measure(
    setup: &Setup,
    spin: &mut Spin,
    progress: &dyn Fn(&str),
) -> Result<Vec<Report>> {
    let rows = setup.events.unwrap_or(COUNT);
    if rows < COUNT_MIN {
        return Err(Error(format!("--events: {KERNELS} needs at least {COUNT_MIN}")));
    }
    let script = setup.write("run_kernels.py", SCRIPT, &[])?;
    let mut all = Vec::new();
    for kernel in &ALL {
        progress(&format!("{}: results", kernel.name));
        let want = (kernel.reference)(rows as i64);
        let program = setup.program.ok_or_else(|| "there is no build; see --bin".to_owned());
        let python = setup.python.with("polars");
        let subjects = [
            subject(setup, "mainstem", Role::Own, want, rows, program, |program, does| {
                own(program, kernel, rows, does)
            }),
            subject(
                setup,
                "Polars",
                Role::Peer,
                want,
                rows,
                python.map(|(python, _)| python),
                |python, does| polars(python, &script, kernel, rows, does),
            ),
        ];
        all.push(measured(setup, spin, progress, kernel, subjects));
    }
    Ok(vec![report(rows, &all)])
}

/// A program on a kernel, and its state after a look at its result.
fn subject(
    setup: &Setup,
    name: &str,
    role: Role,
    want: i64,
    rows: u64,
    program: std::result::Result<&Path, String>,
    task: impl Fn(&Path, Does) -> Task,
) -> (Subject, State) {
    let skipped = |state: State| {
        let how = peers::How::Skipped(String::new());
        (Subject { name: name.to_owned(), role, how }, state)
    };
    let program = match program {
        Ok(program) => program,
        Err(reason) => return skipped(State::Skipped(reason)),
    };
    match digest(setup, task(program, Does::Digest)) {
        Err(Error(reason)) => return skipped(State::Failed(reason)),
        Ok(got) if got != want.to_string() => {
            return skipped(State::Wrong(format!("the number is {got} instead of {want}")));
        }
        Ok(_) => {}
    }
    let run = Run {
        task: task(program, Does::Kernel),
        output: setup.at.output(),
        expected: Expected::Nothing,
        folder: None,
        count: rows * TIMES,
        idle: Some(task(program, Does::Columns)),
    };
    let how = peers::How::Run(Box::new(run));
    (Subject { name: name.to_owned(), role, how }, State::Good)
}

/// What a program prints.
fn digest(setup: &Setup, task: Task) -> Result<String> {
    let said = setup.at.scratch.join("said");
    measure::run(&task.to(&said), setup.timeout, setup.at.scratch)?;
    Ok(std::fs::read_to_string(&said).at(&said)?.trim().to_owned())
}

fn measured(
    setup: &Setup,
    spin: &mut Spin,
    progress: &dyn Fn(&str),
    kernel: &Kernel,
    subjects: [(Subject, State); 2],
) -> Measured {
    let (subjects, states): (Vec<_>, Vec<_>) = subjects.into_iter().unzip();
    let settings =
        Settings { rounds: setup.rounds, timeout: setup.timeout, scratch: setup.at.scratch };
    let mut rounds = rounds::run(&subjects, &settings, spin, |step| {
        progress(&format!("{}: {step}", kernel.name));
    });
    for (outcome, state) in rounds.outcomes.iter_mut().zip(states) {
        if state != State::Good {
            outcome.state = state;
        }
    }
    Measured { name: kernel.name, about: kernel.about, rounds }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_makes_columns_and_runs_the_kernel() {
        let args = |does| own(Path::new("m"), &ALL[3], 200, does).args;
        let columns = args(Does::Columns);
        assert_eq!((columns.len(), columns[1].as_str()), (5, "-e"));
        assert!(columns[2].starts_with("n:200;i:til n;"), "{}", columns[2]);
        assert_eq!(args(Does::Kernel)[5..], ["-e", "r:iasc x;"].repeat(TIMES as usize));
        assert_eq!(args(Does::Digest)[5..], ["-e", "r:iasc x;", "-e", "sum r*i mod 97"]);
        let peer = polars(Path::new("p"), "s.py", &ALL[3], 200, Does::Digest).args;
        assert_eq!(peer, ["s.py", "iasc", "200", "1", "digest"]);
    }

    #[test]
    fn q_gives_what_the_reference_gives() {
        for kernel in &ALL {
            let mut session = q::Session::new(q::Options::default());
            let begin = format!("n:1000;{COLUMNS}");
            let mut eval = |code: &str| {
                let value = session.eval(code, kernel.name);
                value.unwrap_or_else(|error| panic!("{}: {error}", kernel.name))
            };
            for code in [&begin, kernel.columns, kernel.code] {
                eval(code);
            }
            let want = (kernel.reference)(1000);
            assert_eq!(eval(kernel.digest).as_long(), Some(want), "{}", kernel.name);
        }
    }
}
