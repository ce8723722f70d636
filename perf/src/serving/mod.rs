//! What W6, W7, W8, TICKS and QROWS have in common: programs that serve are started, asked over
//! the network and watched while they run, every one once a round.

pub(crate) mod client;
pub(crate) mod report;
pub(crate) mod server;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};
use serde_json::Value;

use crate::check::check;
use crate::data::Store;
use crate::error::{At, Error, Result};
use crate::machine::{self, Spin};
use crate::measure;
use crate::peers::python::Python;
use crate::peers::{self, Place, Role, Run, jq};
use crate::rounds::State;
use server::{Launch, Server};

/// Where the figures of a subject come from.
pub(crate) enum How {
    /// A program that runs with these additional arguments.
    Run(PathBuf, Vec<String>),
    /// The CPU time of jq for one event, and what is known of Benthos as multiples of it.
    Calibrated,
    /// Published, and never measured here: microseconds for one.
    Published(f64),
}

/// A program, or a stand-in for one.
pub(crate) struct Subject<S> {
    pub(crate) name: &'static str,
    pub(crate) role: Role,
    how: How,
    pub(crate) state: State,
    /// By round; nothing from the round on in which it failed.
    pub(crate) samples: Vec<Option<S>>,
}

impl<S> Subject<S> {
    /// A subject, or the reason why it is not there.
    pub(crate) fn new(
        name: &'static str,
        role: Role,
        how: std::result::Result<How, String>,
    ) -> Self {
        let (how, state) = match how {
            Ok(how) => (how, State::Good),
            Err(reason) => (How::Calibrated, State::Skipped(reason)),
        };
        Subject { name, role, how, state, samples: Vec::new() }
    }
}

/// A workload after all rounds.
pub(crate) struct Served<S> {
    pub(crate) subjects: Vec<Subject<S>>,
    /// By round: what was lost of the machine.
    pub(crate) marks: Vec<Vec<String>>,
}

/// A workload in words.
pub(crate) struct Report {
    /// For people.
    pub(crate) text: String,
    /// For programs.
    pub(crate) json: Value,
    /// Whether the engine did everything right.
    pub(crate) good: bool,
}

/// What is to be measured, and how.
pub(crate) struct Setup<'a> {
    pub(crate) program: Option<&'a Path>,
    pub(crate) args: &'a [String],
    pub(crate) benthos: Option<&'a Path>,
    pub(crate) jq: &'a jq::Found,
    pub(crate) at: Place<'a>,
    pub(crate) store: &'a Store,
    pub(crate) python: &'a Python,
    /// How many records there are to be, instead of the workload's own number.
    pub(crate) events: Option<u64>,
    pub(crate) rounds: usize,
    pub(crate) timeout: Duration,
}

impl Setup<'_> {
    /// The engine.
    pub(crate) fn own<S>(&self) -> Subject<S> {
        let own = self.program.ok_or_else(|| "there is no build; see --bin".to_owned());
        let own = own.map(|program| How::Run(program.to_owned(), self.args.to_vec()));
        Subject::new("mainstem", Role::Own, own)
    }

    /// The real Benthos, if it is given.
    pub(crate) fn real<S>(&self) -> Option<Subject<S>> {
        let how = How::Run(self.benthos?.to_owned(), Vec::new());
        Some(Subject::new("Benthos", Role::Peer, Ok(how)))
    }

    /// The real Benthos if it is given, else what is known of it.
    pub(crate) fn benthos<S>(&self) -> Subject<S> {
        self.real().unwrap_or_else(|| {
            let how = self.jq.usable().map(|()| How::Calibrated);
            Subject::new("Benthos (calibrated)", Role::Peer, how)
        })
    }

    /// Microseconds that jq takes for one event of W2.
    ///
    /// # Errors
    /// There is none, or it failed.
    pub(crate) fn unit_us(&self) -> Result<f64> {
        let unit = jq::subject(&self.at, self.jq, self.at.on, true).map(|subject| subject.how);
        let Some(peers::How::Run(run)) = unit else { return Err(Error("there is no jq".into())) };
        let Run { task, output, expected, count, .. } = *run;
        let usage = measure::run(&task, self.timeout, self.at.scratch)?;
        check(&output, &expected)?;
        Ok(usage.cpu_s * 1e6 / count as f64)
    }

    /// Writes a file with what stands for its `${NAME}`s filled in.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub(crate) fn write(&self, name: &str, text: &str, of: &[(&str, String)]) -> Result<String> {
        let fill = |text: String, (name, value): &(&str, String)| {
            text.replace(&format!("${{{name}}}"), value)
        };
        let path = self.at.scratch.join(name);
        std::fs::write(&path, of.iter().fold(text.to_owned(), fill)).at(&path)?;
        Ok(path.to_string_lossy().into_owned())
    }

    /// Starts a program with these arguments that will listen at this address.
    ///
    /// # Errors
    /// It does not start, ends, or is never ready.
    pub(crate) fn start(
        &self,
        program: &Path,
        args: &[String],
        address: SocketAddr,
        ready: impl Fn(&Server) -> bool,
    ) -> Result<Server> {
        let (scratch, timeout) = (self.at.scratch, self.timeout);
        Server::start(&Launch { program, args, address, scratch, timeout }, ready)
    }

    /// Runs the rounds, every subject once a round in rotating order. `drive` runs a program and
    /// returns what it did and its CPU time, `known` gives the figures of one that is only known
    /// by its multiples of what jq takes for an event, or by what was published; `progress` is told
    /// each step.
    pub(crate) fn rounds<S>(
        &self,
        subjects: Vec<Subject<S>>,
        spin: &mut Spin,
        progress: &dyn Fn(&str),
        drive: impl Fn(&Path, &[String]) -> Result<(S, f64)>,
        known: impl Fn(f64) -> Result<S>,
    ) -> Served<S> {
        let mut served = Served { subjects, marks: Vec::new() };
        for round in 0..self.rounds {
            let mut marks: Vec<String> = spin.check().into_iter().collect();
            let count = served.subjects.len();
            for at in (0..count).map(|at| (at + round) % count) {
                let Some(subject) = served.subjects.get_mut(at) else { continue };
                if subject.state != State::Good {
                    subject.samples.push(None);
                    continue;
                }
                progress(&format!("round {}: {}", round + 1, subject.name));
                let sample = match &subject.how {
                    How::Run(program, args) => {
                        let (lost, sample) = watched(|| drive(program, args));
                        marks.extend(lost.map(|lost| format!("{}: {lost}", subject.name)));
                        sample
                    }
                    How::Calibrated => self.unit_us().and_then(&known),
                    How::Published(us) => known(*us),
                };
                let sample = sample.map_err(|Error(reason)| subject.state = State::Failed(reason));
                subject.samples.push(sample.ok());
            }
            served.marks.push(marks);
        }
        served
    }
}

/// One turn of a program, and what it lacked of the machine.
fn watched<S>(drive: impl FnOnce() -> Result<(S, f64)>) -> (Option<String>, Result<S>) {
    let (before, begin, own_s) = (machine::counters(), Instant::now(), own_cpu_s());
    let done = drive().and_then(|(sample, cpu_s)| Ok((sample, cpu_s + own_cpu_s()? - own_s?)));
    let wall_s = begin.elapsed().as_secs_f64();
    match done {
        Ok((sample, cpu_s)) => {
            (machine::lost(before, machine::counters(), cpu_s, wall_s), Ok(sample))
        }
        Err(error) => (None, Err(error)),
    }
}

/// Seconds of CPU time of this process.
fn own_cpu_s() -> Result<f64> {
    let used = getrusage(UsageWho::RUSAGE_SELF).map_err(|e| Error(format!("rusage: {e}")))?;
    let of = |time: TimeVal| time.num_microseconds() as f64 / 1e6;
    Ok(of(used.user_time()) + of(used.system_time()))
}
