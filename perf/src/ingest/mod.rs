//! W6: messages that arrive over HTTP or over TCP and are dropped. The client is part of the
//! harness and its CPU time is not counted.

mod http;
mod tcp;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::calibration;
use crate::error::{At, Error, Result};
use crate::machine::Spin;
use crate::peers::Role;
use crate::serving::report::{Figure, Form, rate, same};
use crate::serving::server::{Server, free_address};
use crate::serving::{Report, Setup};

/// The names for reports and `--only`.
pub(crate) const HTTP: &str = "W6-HTTP";
pub(crate) const TCP: &str = "W6-TCP";
/// Events that are sent over one TCP connection.
const EVENTS: u64 = 300_000;
/// Events in the body of every request.
const EVENTS_OF_REQUEST: usize = 3;
/// How long requests are made.
const POSTING: Duration = Duration::from_secs(5);

/// What one program did in one round.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Sample {
    /// Microseconds for one, over all of them; not known of one that does not run.
    wall_us: Option<f64>,
    /// Microseconds of the server's CPU time for one.
    cpu_us: f64,
}

/// The two columns; `head` says what is counted.
const fn figures(head: &'static str) -> [Figure<Sample>; 2] {
    let wall = Figure {
        name: "wall_us",
        head,
        shown: rate,
        digits: 0,
        compared: true,
        of: |sample: &Sample| sample.wall_us,
    };
    let cpu = Figure {
        name: "cpu_us",
        head: "CPU us/one",
        shown: same,
        digits: 3,
        compared: true,
        of: |sample: &Sample| Some(sample.cpu_us),
    };
    [wall, cpu]
}

/// Measures what arrives over HTTP; `progress` is told each step.
///
/// # Errors
/// No data, a damaged file of factors.
pub(crate) fn http(setup: &Setup, spin: &mut Spin, progress: &dyn Fn(&str)) -> Result<Vec<Report>> {
    let events = &setup.at.on.input;
    let text = std::fs::read_to_string(events).at(events)?;
    let body: String = text.split_inclusive('\n').take(EVENTS_OF_REQUEST).collect();
    let about = format!(
        "{EVENTS_OF_REQUEST} event lines posted on each of {} connections again and again for {} s",
        http::CONNECTIONS,
        POSTING.as_secs()
    );
    let form = Form { name: HTTP, about: &about, figures: &figures("requests/s"), base: Role::Own };
    let config = include_str!("../../workloads/w6_http.yaml");
    measure(setup, spin, progress, &form, (config, "benthos_w6_http"), |address| {
        let posted = http::post(address, body.as_bytes(), POSTING, setup.timeout)?;
        Ok((posted.answers, posted.took))
    })
}

/// Measures what arrives over TCP; `progress` is told each step.
///
/// # Errors
/// No data, a damaged file of factors.
pub(crate) fn tcp(setup: &Setup, spin: &mut Spin, progress: &dyn Fn(&str)) -> Result<Vec<Report>> {
    let events = setup.store.events(EVENTS)?;
    let lines = std::fs::read(&events).at(&events)?;
    let about = format!("{EVENTS} event lines over one connection");
    let form = Form { name: TCP, about: &about, figures: &figures("events/s"), base: Role::Own };
    let config = include_str!("../../workloads/w6_tcp.yaml");
    measure(setup, spin, progress, &form, (config, "benthos_w6_tcp"), |address| {
        Ok((EVENTS, tcp::send(address, &lines, setup.timeout)?))
    })
}

/// Measures with a client that says how many messages it sent, and in which time.
fn measure(
    setup: &Setup,
    spin: &mut Spin,
    progress: &dyn Fn(&str),
    form: &Form<Sample>,
    (config, recorded): (&str, &str),
    client: impl Fn(SocketAddr) -> Result<(u64, Duration)>,
) -> Result<Vec<Report>> {
    let factor = calibration::factor(recorded)?;
    let factor = factor.ok_or_else(|| Error(format!("calibration.json: no {recorded}")))?.factor;
    let drive = |program: &Path, args: &[String]| {
        let (api, address) = (free_address()?, free_address()?);
        let names = [("API", api.to_string()), ("ADDRESS", address.to_string())];
        let mut all = vec!["run".to_owned()];
        all.extend(args.iter().cloned().chain([setup.write("w6.yaml", config, &names)?]));
        let mut server = setup.start(program, &all, api, |server| server.answers("/ready"))?;
        server.rest()?;
        let cpu_s = server.cpu_s()?;
        let (count, took) = client(address)?;
        server.rest()?;
        let cpu_s = server.cpu_s()? - cpu_s;
        is_all(&server, count)?;
        let per_one = 1e6 / count as f64;
        let wall_us = Some(took.as_secs_f64() * per_one);
        Ok((Sample { wall_us, cpu_us: cpu_s * per_one }, server.cpu_s()?))
    };
    let known = |unit_us| Ok(Sample { wall_us: None, cpu_us: unit_us * factor });
    let subjects = vec![setup.own(), setup.benthos()];
    Ok(vec![setup.rounds(subjects, spin, progress, drive, known).report(form)])
}

/// Whether a program says that so many messages went in and came out.
fn is_all(server: &Server, count: u64) -> Result<()> {
    let metrics = server.client()?.ask("GET", "/metrics", "")?;
    for name in ["input_received", "output_sent"] {
        let counted = counter(&metrics, name)?;
        if counted != count {
            return Err(Error(format!("{count} messages were sent, {name} is {counted}")));
        }
    }
    Ok(())
}

/// The sum of all series of a counter, such as `output_sent{label="",path="root.output"}`.
fn counter(metrics: &[u8], name: &str) -> Result<u64> {
    let metrics: Value =
        serde_json::from_slice(metrics).map_err(|e| Error(format!("/metrics: {e}")))?;
    let series = metrics.as_object().into_iter().flatten();
    let counts = series
        .filter(|(series, _)| series.split('{').next() == Some(name))
        .filter_map(|(_, count)| count.as_u64());
    Ok(counts.sum())
}

#[cfg(test)]
mod tests {
    use super::counter;

    #[test]
    fn counters_are_summed_over_their_series() {
        let metrics = br#"{"output_sent{path=\"a\"}":3,"output_sent{path=\"b\"}":4,
            "output_sent_more{}":9,"output_latency_ns{}":{"p50":1},"plain":5}"#;
        assert_eq!(counter(metrics, "output_sent").unwrap(), 7);
        assert_eq!(counter(metrics, "plain").unwrap(), 5);
        assert_eq!(counter(metrics, "input_received").unwrap(), 0);
        assert!(counter(b"404", "x").is_ok_and(|count| count == 0) && counter(b"<", "x").is_err());
    }
}
