//! W7: the latency of messages from a TCP connection through W2's mapping to another one, sent at
//! a fixed rate, beside a plain relay that only reads and writes lines.

mod arrivals;
mod load;
pub(crate) mod relay;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{At, Error, Result};
use crate::machine::Spin;
use crate::peers::Role;
use crate::serving::report::{Figure, Form, same};
use crate::serving::server::{Server, free_address};
use crate::serving::{How, Report, Setup, Subject};
use load::Load;

/// The name for reports and `--only`.
pub(crate) const NAME: &str = "W7";
/// Events a second.
const RATES: [u64; 2] = [5_000, 50_000];
/// How long events are sent.
const SENDING: Duration = Duration::from_secs(6);
/// How long latencies do not count: connections, caches and compilers warm up.
const WARM_UP: Duration = Duration::from_millis(1500);
/// What a program that does not run the engine's configuration is told apart by.
const RELAY: &str = "relay";
const CONFIG: &str = include_str!("../../workloads/w7.yaml");

/// What one program did in one round.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Sample {
    /// Percentiles of the latency in microseconds.
    p50_us: f64,
    p99_us: f64,
    p999_us: f64,
    /// Messages that had not arrived shortly after the last one was due.
    backlog: f64,
    /// Microseconds of the program's CPU time for an event.
    cpu_us: f64,
}

const fn figure(
    name: &'static str,
    head: &'static str,
    compared: bool,
    of: fn(&Sample) -> Option<f64>,
) -> Figure<Sample> {
    Figure { name, head, shown: same, digits: 0, compared, of }
}

const FIGURES: [Figure<Sample>; 5] = [
    figure("p50_us", "p50 us", true, |sample| Some(sample.p50_us)),
    figure("p99_us", "p99 us", true, |sample| Some(sample.p99_us)),
    figure("p999_us", "p99.9 us", true, |sample| Some(sample.p999_us)),
    figure("backlog", "backlog", false, |sample| Some(sample.backlog)),
    Figure { digits: 2, ..figure("cpu_us", "CPU us/ev", true, |sample| Some(sample.cpu_us)) },
];

/// Measures all rates; `progress` is told each step.
///
/// # Errors
/// No data, or no own program.
pub(crate) fn measure(
    setup: &Setup,
    spin: &mut Spin,
    progress: &dyn Fn(&str),
) -> Result<Vec<Report>> {
    let own = std::env::current_exe().map_err(|e| Error(format!("own program: {e}")))?;
    RATES.into_iter().map(|rate| at_rate(setup, spin, progress, &own, rate)).collect()
}

fn at_rate(
    setup: &Setup,
    spin: &mut Spin,
    progress: &dyn Fn(&str),
    own: &Path,
    rate: u64,
) -> Result<Report> {
    let events = setup.store.events(rate * SENDING.as_secs())?;
    let load = Load::new(std::fs::read(&events).at(&events)?, rate, WARM_UP)?;
    let relay = How::Run(PathBuf::from(own), vec![RELAY.to_owned()]);
    let relay = Subject::new("plain relay", Role::Reference, Ok(relay));
    let mut subjects = vec![setup.own(), relay];
    subjects.extend(setup.real());
    let drive = |program: &Path, args: &[String]| drive(setup, &load, program, args);
    // A latency cannot be a multiple of a CPU time.
    let known = |_| Err(Error("there is no recorded latency".into()));
    let told = |step: &str| progress(&format!("{rate}/s {step}"));
    let served = setup.rounds(subjects, spin, &told, drive, known);
    let about = format!(
        "W2's mapping between TCP connections; {rate} events/s for {} s, latency behind the time \
         at which an event is due",
        SENDING.as_secs()
    );
    let form = Form { name: NAME, about: &about, figures: &FIGURES, base: Role::Reference };
    Ok(served.report(&form))
}

/// Runs a program; returns what it did, and its CPU time.
fn drive(setup: &Setup, load: &Load, program: &Path, args: &[String]) -> Result<(Sample, f64)> {
    let failed = |e: std::io::Error| Error(format!("TCP: {e}"));
    let target = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
    let to = target.local_addr().map_err(failed)?;
    let address = free_address()?;
    let maps = args != [RELAY.to_owned()];
    let server = match maps {
        true => start_engine(setup, program, args, address, to)?,
        false => {
            let all = [RELAY.to_owned(), address.to_string(), to.to_string()];
            let ready = |_: &Server| TcpStream::connect(address).is_ok();
            setup.start(program, &all, address, ready)?
        }
    };
    // It has connected, or it would not be ready.
    target.set_nonblocking(true).map_err(failed)?;
    let (from, _) = target.accept().map_err(failed)?;
    from.set_nonblocking(false).map_err(failed)?;
    let cpu_s = server.cpu_s()?;
    let into = TcpStream::connect(address).map_err(failed)?;
    let seen = load.run(&into, &from, maps, setup.timeout)?;
    let per_event = 1e6 / load.count() as f64;
    let sample = Sample {
        p50_us: seen.latency_us(0.5),
        p99_us: seen.latency_us(0.99),
        p999_us: seen.latency_us(0.999),
        backlog: seen.backlog as f64,
        cpu_us: (server.cpu_s()? - cpu_s) * per_event,
    };
    Ok((sample, server.cpu_s()?))
}

fn start_engine(
    setup: &Setup,
    program: &Path,
    args: &[String],
    address: SocketAddr,
    to: SocketAddr,
) -> Result<Server> {
    let api = free_address()?;
    let names = [("API", api), ("ADDRESS", address), ("TO", to)];
    let names = names.map(|(name, address)| (name, address.to_string()));
    let mut all = vec!["run".to_owned()];
    all.extend(args.iter().cloned().chain([setup.write("w7.yaml", CONFIG, &names)?]));
    let mut server = setup.start(program, &all, api, |server| server.answers("/ready"))?;
    server.rest()?;
    Ok(server)
}
