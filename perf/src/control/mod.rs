//! W8, the control plane: many streams that wait are made one by one over one connection, then
//! listed as often. The programs run in streams mode with their default settings.

mod client;
mod report;
mod server;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};
use serde_json::Value;

use crate::calibration::{self, Waiting};
use crate::check::check;
use crate::error::{Error, Result};
use crate::machine::{self, Spin};
use crate::measure;
use crate::peers::{self, Place, Role, Run, jq};
use crate::rounds::State;

pub(crate) use report::{json, render};

/// The name for reports and `--only`.
pub(crate) const NAME: &str = "W8";
/// Streams that are made, and how often they are listed.
const STREAMS: usize = 500;
/// A stream whose first message is its last for an hour.
const STREAM: &str = include_str!("../../workloads/w8.yaml");

/// What one program did in one round.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sample {
    /// Microseconds for one request, over all of them; not known of one that does not run.
    create_us: Option<f64>,
    list_us: Option<f64>,
    /// Microseconds of the server's CPU time for one request.
    create_cpu_us: f64,
    list_cpu_us: f64,
    /// Resident memory of one stream.
    stream_kib: f64,
}

/// Where the figures of a subject come from.
enum How {
    /// A program that runs with these arguments.
    Run(PathBuf, Vec<String>),
    /// The CPU time of jq for one event, and what is known of Benthos as multiples of it.
    Calibrated(Waiting),
}

/// A program, or a stand-in for one.
struct Subject {
    name: &'static str,
    role: Role,
    how: How,
    state: State,
    samples: Vec<Option<Sample>>,
}

/// W8 after all rounds.
pub(crate) struct Control {
    subjects: Vec<Subject>,
    /// By round: what was lost of the machine.
    marks: Vec<Vec<String>>,
}

/// What is to be measured, and how.
pub(crate) struct Setup<'a> {
    pub(crate) program: Option<&'a Path>,
    pub(crate) args: &'a [String],
    pub(crate) benthos: Option<&'a Path>,
    pub(crate) jq: &'a jq::Found,
    pub(crate) at: Place<'a>,
    pub(crate) rounds: usize,
    pub(crate) timeout: Duration,
}

impl Setup<'_> {
    fn subjects(&self) -> Result<Vec<Subject>> {
        let subject = |name, role, how| match how {
            Ok(how) => Subject { name, role, how, state: State::Good, samples: Vec::new() },
            Err(reason) => {
                let (how, state) = (How::Calibrated(Waiting::default()), State::Skipped(reason));
                Subject { name, role, how, state, samples: Vec::new() }
            }
        };
        let own = self.program.ok_or_else(|| "there is no build; see --bin".to_owned());
        let own = own.map(|program| How::Run(program.to_owned(), self.args.to_vec()));
        let (name, benthos) = match (self.benthos, self.jq) {
            (Some(program), _) => ("Benthos", Ok(How::Run(program.to_owned(), Vec::new()))),
            (None, jq) => {
                let waiting = calibration::waiting()?;
                ("Benthos (calibrated)", jq.usable().map(|()| How::Calibrated(waiting)))
            }
        };
        Ok(vec![subject("mainstem", Role::Own, own), subject(name, Role::Peer, benthos)])
    }

    /// One turn of one subject.
    fn turn(&self, how: &How, marks: &mut Vec<String>) -> Result<Sample> {
        match how {
            How::Run(program, args) => {
                let (before, begin) = (machine::counters(), Instant::now());
                let (sample, cpu_s) = self.drive(program, args)?;
                let wall_s = begin.elapsed().as_secs_f64();
                marks.extend(machine::lost(before, machine::counters(), cpu_s, wall_s));
                Ok(sample)
            }
            How::Calibrated(waiting) => {
                let unit_us = self.unit_us()?;
                Ok(Sample {
                    create_us: None,
                    list_us: None,
                    create_cpu_us: unit_us * waiting.create,
                    list_cpu_us: unit_us * waiting.list,
                    stream_kib: waiting.stream_kib,
                })
            }
        }
    }

    /// Runs a program; returns what it did, and the CPU time of it and of the client.
    fn drive(&self, program: &Path, args: &[String]) -> Result<(Sample, f64)> {
        let own_s = own_cpu_s()?;
        let mut server = server::Server::start(program, args, self.at.scratch, self.timeout)?;
        let mut client = server.client()?;
        // What is only allocated once is there after the first.
        client.ask("POST", "/streams/first", STREAM)?;
        client.ask("DELETE", "/streams/first", "")?;
        server.rest()?;
        let kib = server.resident_kib()?;
        let made = timed(&server, |number| {
            client.ask("POST", &format!("/streams/stream-{number}"), STREAM).map(drop)
        })?;
        server.rest()?;
        let stream_kib = (server.resident_kib()? - kib) / STREAMS as f64;
        let mut list = Vec::new();
        let listed = timed(&server, |_| {
            list = client.ask("GET", "/streams", "")?;
            Ok(())
        })?;
        is_complete(&list)?;
        let sample = Sample {
            create_us: Some(made.wall_us),
            list_us: Some(listed.wall_us),
            create_cpu_us: made.cpu_us,
            list_cpu_us: listed.cpu_us,
            stream_kib,
        };
        Ok((sample, server.cpu_s()? + own_cpu_s()? - own_s))
    }

    /// Microseconds that jq takes for one event of W2.
    fn unit_us(&self) -> Result<f64> {
        let unit = jq::subject(&self.at, self.jq, self.at.on, true).map(|subject| subject.how);
        let Some(peers::How::Run(run)) = unit else { return Err(Error("there is no jq".into())) };
        let Run { task, output, expected, count, .. } = *run;
        let usage = measure::run(&task, self.timeout, self.at.scratch)?;
        check(&output, &expected)?;
        Ok(usage.cpu_s * 1e6 / count as f64)
    }
}

/// Whether a list names all streams, and all of them run.
fn is_complete(list: &[u8]) -> Result<()> {
    let list: Value = serde_json::from_slice(list).map_err(|e| Error(format!("/streams: {e}")))?;
    let complete = list.as_object().is_some_and(|all| {
        all.len() == STREAMS && all.values().all(|stream| stream["active"] == true)
    });
    complete.then_some(()).ok_or_else(|| Error("not all streams are listed as active".into()))
}

/// What one of many requests took.
struct Took {
    wall_us: f64,
    cpu_us: f64,
}

/// Makes as many requests as there are streams.
fn timed(server: &server::Server, mut request: impl FnMut(usize) -> Result<()>) -> Result<Took> {
    let (cpu_s, begin) = (server.cpu_s()?, Instant::now());
    (0..STREAMS).try_for_each(&mut request)?;
    let per_request = 1e6 / STREAMS as f64;
    Ok(Took {
        wall_us: begin.elapsed().as_secs_f64() * per_request,
        cpu_us: (server.cpu_s()? - cpu_s) * per_request,
    })
}

/// Seconds of CPU time of this process.
fn own_cpu_s() -> Result<f64> {
    let used = getrusage(UsageWho::RUSAGE_SELF).map_err(|e| Error(format!("rusage: {e}")))?;
    let of = |time: TimeVal| time.num_microseconds() as f64 / 1e6;
    Ok(of(used.user_time()) + of(used.system_time()))
}

/// Runs the rounds, every subject once a round in rotating order; `progress` is told each step.
///
/// # Errors
/// A damaged file of factors.
pub(crate) fn run(
    setup: &Setup,
    spin: &mut Spin,
    mut progress: impl FnMut(&str),
) -> Result<Control> {
    let mut control = Control { subjects: setup.subjects()?, marks: Vec::new() };
    for round in 0..setup.rounds {
        let mut marks: Vec<String> = spin.check().into_iter().collect();
        let count = control.subjects.len();
        for at in (0..count).map(|at| (at + round) % count) {
            let Some(subject) = control.subjects.get_mut(at) else { continue };
            let sample = match subject.state {
                State::Good => {
                    progress(&format!("round {}: {}", round + 1, subject.name));
                    setup.turn(&subject.how, &mut marks).map_err(|Error(reason)| {
                        subject.state = State::Failed(reason);
                    })
                }
                _ => Err(()),
            };
            subject.samples.push(sample.ok());
        }
        control.marks.push(marks);
    }
    Ok(control)
}
