//! W8, the control plane: many streams that wait are made one by one over one connection, then
//! listed as often. The programs run in streams mode with their default settings.

use std::path::Path;
use std::time::Instant;

use serde_json::Value;

use crate::calibration;
use crate::error::{Error, Result};
use crate::machine::Spin;
use crate::peers::Role;
use crate::serving::report::{Figure, Form, rate, same};
use crate::serving::server::{Server, free_address};
use crate::serving::{Report, Setup};

/// The name for reports and `--only`.
pub(crate) const NAME: &str = "W8";
/// Streams that are made, and how often they are listed.
const STREAMS: usize = 500;
/// A stream whose first message is its last for an hour.
const STREAM: &str = include_str!("../workloads/w8.yaml");

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

const FIGURES: [Figure<Sample>; 5] = [
    Figure {
        name: "create_us",
        head: "creates/s",
        shown: rate,
        digits: 0,
        compared: true,
        of: |sample| sample.create_us,
    },
    Figure {
        name: "create_cpu_us",
        head: "CPU us/one",
        shown: same,
        digits: 0,
        compared: true,
        of: |sample| Some(sample.create_cpu_us),
    },
    Figure {
        name: "list_us",
        head: "lists/s",
        shown: rate,
        digits: 0,
        compared: true,
        of: |sample| sample.list_us,
    },
    Figure {
        name: "list_cpu_us",
        head: "CPU us/one",
        shown: same,
        digits: 0,
        compared: true,
        of: |sample| Some(sample.list_cpu_us),
    },
    Figure {
        name: "stream_kib",
        head: "KiB/stream",
        shown: same,
        digits: 1,
        compared: true,
        of: |sample| Some(sample.stream_kib),
    },
];

/// Measures the workload; `progress` is told each step.
///
/// # Errors
/// A damaged file of factors.
pub(crate) fn measure(
    setup: &Setup,
    spin: &mut Spin,
    progress: &dyn Fn(&str),
) -> Result<Vec<Report>> {
    let waiting = calibration::waiting()?;
    let known = |unit_us: f64| {
        Ok(Sample {
            create_us: None,
            list_us: None,
            create_cpu_us: unit_us * waiting.create,
            list_cpu_us: unit_us * waiting.list,
            stream_kib: waiting.stream_kib,
        })
    };
    let subjects = vec![setup.own(), setup.benthos()];
    let drive = |program: &Path, args: &[String]| drive(setup, program, args);
    let served = setup.rounds(subjects, spin, progress, drive, known);
    let about = format!("{STREAMS} streams that wait, made one by one, then listed as often");
    let form = Form { name: NAME, about: &about, figures: &FIGURES, base: Role::Own };
    Ok(vec![served.report(&form)])
}

/// Runs a program; returns what it did, and its CPU time.
fn drive(setup: &Setup, program: &Path, args: &[String]) -> Result<(Sample, f64)> {
    let address = free_address()?;
    let api = [("API", address.to_string())];
    let settings = setup.write("settings.yaml", "http:\n  address: ${API}\n", &api)?;
    let mut all = vec!["streams".to_owned()];
    all.extend(args.iter().cloned().chain(["-o".to_owned(), settings]));
    let mut server = setup.start(program, &all, address, |server| server.answers("/ping"))?;
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
    Ok((sample, server.cpu_s()?))
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
fn timed(server: &Server, mut request: impl FnMut(usize) -> Result<()>) -> Result<Took> {
    let (cpu_s, begin) = (server.cpu_s()?, Instant::now());
    (0..STREAMS).try_for_each(&mut request)?;
    let per_request = 1e6 / STREAMS as f64;
    Ok(Took {
        wall_us: begin.elapsed().as_secs_f64() * per_request,
        cpu_us: (server.cpu_s()? - cpu_s) * per_request,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_complete_with_all_streams_active() {
        let list = |count: usize, active: bool| {
            let entry =
                |number| (format!("stream-{number}"), serde_json::json!({"active": active}));
            serde_json::to_vec(&(0..count).map(entry).collect::<Value>()).unwrap()
        };
        assert!(is_complete(&list(STREAMS, true)).is_ok());
        assert!(is_complete(&list(STREAMS - 1, true)).is_err());
        assert!(is_complete(&list(STREAMS, false)).is_err());
        assert!(is_complete(b"not JSON").is_err());
    }
}
