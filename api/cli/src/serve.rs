//! Listeners: which addresses are opened and which dialects answer there.

use std::net::TcpListener;
use std::sync::Arc;

use config::service::metrics::Metrics;
use config::service::{self, Service};
use config::{Catalog, Resources};
use plan::{Crew, Diagnostic, Json, Plan};
use server::dialects::{benthos, kdb, nebulastream};
use server::logs::Logs;
use server::{Dialect, Listener, Server, Tls};

use crate::boot::{Process, wait};
use crate::ipc::IpcOptions;
use crate::metrics::Reporting;

/// Binds an address and says what it got, which matters for port 0.
///
/// # Errors
/// The address cannot be used; the text names it.
pub(crate) fn bind(what: &str, address: &str) -> Result<TcpListener, String> {
    let socket = Server::bind(address).map_err(|e| e.to_string())?;
    let got = socket.local_addr().map_or_else(|_| address.to_owned(), |a| a.to_string());
    tracing::info!(address = got, "Listening for HTTP requests: {what}");
    Ok(socket)
}

/// One pipeline's service endpoints and the paths it opens, and what becomes of its metrics.
///
/// # Errors
/// The address cannot be used, or a setting does not fit.
pub(crate) fn single(
    process: &mut Process,
    service: &Service,
    settings: Json,
) -> Result<Reporting, String> {
    let section = Metrics::of(&service.metrics)?;
    let renames = crate::metrics::renames(&section.mapping)?;
    let catalog = Arc::new(Catalog::new(&crate::registry::registry()));
    let streams = benthos::streams(process.handle(), catalog, Resources::new());
    if service.http.enabled {
        let tls = tls(service)?;
        let address =
            if service.http.address.is_empty() { service::ADDRESS } else { &service.http.address };
        let socket = bind("benthos", address)?;
        let renames = renames.clone();
        let options =
            benthos::Options { api: false, renames, ..benthos::Options::of(service, settings)? };
        let ports = Arc::clone(&process.ports);
        let dialect = benthos::dialect(Arc::clone(&streams), ports, options)?;
        process.listen(vec![Listener { tls, ..Listener::plain(socket, vec![dialect]) }])?;
    }
    Reporting::start(&streams, &section, renames)
}

/// With what the connections of a service are encrypted.
///
/// # Errors
/// A certificate or key that does not fit.
pub(crate) fn tls(service: &Service) -> Result<Option<Tls>, String> {
    let http = &service.http;
    Tls::load(&http.cert_file, &http.key_file).map_err(|e| format!("http: {e}"))
}

/// A spec whose workers share what its readers are called with, where they can.
fn spread(spec: &str) -> Result<Plan, Vec<Diagnostic>> {
    let mut plan = q::lower(spec)?;
    let max = q::workers_max(&plan);
    plan.crew = (max > 1).then_some(Crew { min: 1, max });
    Ok(plan)
}

fn benthos_dialect(
    process: &Process,
    options: benthos::Options,
    others: &[Arc<dyn Dialect>],
) -> Result<Arc<dyn Dialect>, String> {
    let catalog = Arc::new(Catalog::new(&crate::registry::registry()));
    let streams = benthos::streams(process.handle(), catalog, Resources::new());
    others.iter().for_each(|other| streams.reserve(other.roots()));
    wait(streams.recover()).map_err(|e| e.to_string())?;
    let dialect = benthos::dialect(streams, Arc::clone(&process.ports), options)?;
    Ok(dialect)
}

/// All dialects, each first on its own port; `wanted` names addresses as `NAME=ADDR`.
///
/// # Errors
/// A name that is none, or an address that cannot be used.
pub(crate) fn all(
    process: &mut Process,
    wanted: &[String],
    ipc_options: &IpcOptions,
    logs: Arc<Logs>,
) -> Result<(), String> {
    let mut sockets = Vec::new();
    let mut ipc = None;
    for entry in wanted {
        let wrong = || format!("--listen {entry}: expected NAME=ADDR with NAME one of {NAMES}");
        match entry.split_once('=').ok_or_else(wrong)? {
            ("ipc", address) => ipc = Some(address),
            (name, address) => {
                let first = ORDER.iter().position(|n| *n == name).ok_or_else(wrong)?;
                sockets.push((first, bind(name, address)?));
            }
        }
    }
    // Whoever looks at a worker is told where to call it.
    let ipc = ipc.map(|address| process.listen_ipc(address, ipc_options)).transpose()?;
    let around = kdb::Around { logs, ipc: ipc.unwrap_or_default() };
    let coordinator = nes::catalog::parse_coordinator("", &[]).map_err(|d| d.message)?;
    let mut dialects: Vec<Arc<dyn Dialect>> = vec![
        kdb::dialect_with(process.handle(), Arc::new(spread), around),
        nebulastream::dialect(process.handle(), coordinator),
    ];
    dialects.insert(0, benthos_dialect(process, benthos::Options::default(), &dialects)?);
    let listener = |(first, socket): (usize, TcpListener)| {
        let mut own = dialects.clone();
        own[..=first].rotate_right(1);
        Listener::plain(socket, own)
    };
    let listeners = sockets.into_iter().map(listener).collect();
    process.listen(listeners)
}

/// Dialects in the order in which they answer where none of them comes first.
const ORDER: [&str; 3] = ["benthos", "kdb", "nes"];
/// The names that may be listened for.
const NAMES: &str = "benthos, kdb, nes, ipc";
