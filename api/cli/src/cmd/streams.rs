//! `mainstem streams`: streams from files and over REST (spec/benthos-streams-api.md §9).

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use config::service::metrics::Metrics;
use config::service::{self, Service};
use config::{Catalog, FileDoc, Lint, Reading, Resources, Root};
use engine::{EngineConfig, PutMode};
use plan::Json;
use server::dialects::benthos::{self, Options, Streams};
use server::ports::by_stream_below;
use server::{Listener, Server};

use crate::boot::{Process, wait};
use crate::load::{self, ConfigOptions, Environment};
use crate::metrics::Reporting;
use crate::options::EngineOptions;
use crate::watch::Watch;
use crate::{paths, stream_files};

/// Options of `streams`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Files and directories of streams; also patterns, and `DIR/...` for everything below DIR.
    paths: Vec<String>,
    /// Read the settings of the service (http, logger, metrics, resources) from a file.
    #[arg(short, long, value_name = "FILE")]
    observability: Option<PathBuf>,
    /// Offer no paths to see and change streams and resources.
    #[arg(long)]
    no_api: bool,
    /// Whether paths of streams begin with the stream's id.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_value_t = true, default_missing_value = "true",
          action = clap::ArgAction::Set)]
    prefix_stream_endpoints: bool,
    /// Look for stream files that are new or have changed, and apply them.
    #[arg(short, long)]
    watcher: bool,
    #[command(flatten)]
    config: ConfigOptions,
    #[command(flatten)]
    engine: EngineOptions,
}

/// How long an old stream of a file's id may take to stop, which an earlier process left behind.
const STOP_MAX: Duration = Duration::from_secs(10);

/// What goes on beside the streams.
type Serving = (Option<Watch>, Reporting);

/// What streams are made with.
struct Setup {
    catalog: Arc<Catalog>,
    environment: Environment,
    resources: Resources,
    service: Service,
    /// The service's settings as they were written.
    settings: Json,
    chilled: bool,
    /// Whether there was a complaint about any file.
    complained: bool,
}

/// Serves until told to stop.
///
/// # Errors
/// What keeps it from serving.
pub(crate) fn run(args: &Args) -> Result<ExitCode, String> {
    let mut setup = Setup::new(args)?;
    let config = setup.start(args)?;
    let naming = by_stream_below(args.prefix_stream_endpoints, &setup.service.http.root_path);
    let mut process = Process::start(&config, naming)?;
    let timeout = Duration::from_nanos(setup.service.shutdown_timeout.wait_ns());
    let delay = Duration::from_nanos(setup.service.shutdown_delay.wait_ns());
    let (watch, reporting) = match setup.serve(args, &mut process) {
        Ok(serving) => serving,
        Err(text) => {
            process.end(timeout, None)?;
            return Err(text);
        }
    };
    let name = process.signals().recv().map_err(|_| "signals cannot be received".to_owned())?;
    tracing::info!("Received {name}, the service is closing");
    drop(watch);
    // Asked a second time, it does not wait.
    let _ = process.signals().recv_timeout(delay);
    process.end(timeout, Some(reporting))?;
    Ok(ExitCode::SUCCESS)
}

impl Setup {
    fn new(args: &Args) -> Result<Self, String> {
        Ok(Setup {
            catalog: Arc::new(args.config.read.templates.catalog(args.config.chilled)?),
            environment: args.config.read.environment.read()?,
            resources: Resources::new(),
            service: Service::default(),
            settings: Json::Null,
            chilled: args.config.chilled,
            complained: false,
        })
    }

    /// Reads the settings of the service, starts logging as they say, and reads the resources.
    fn start(&mut self, args: &Args) -> Result<EngineConfig, String> {
        let path = args.observability.as_deref().unwrap_or(Path::new("defaults"));
        let text = match &args.observability {
            Some(path) => load::config_text(path)?,
            None => "{}\n".to_owned(),
        };
        let overrides = load::overrides(&args.config.read.set)?;
        let lookup = |name: &str| self.environment.get(name);
        let reading = Reading { overrides: &overrides, ..Reading::new(Root::Service, &lookup) };
        let doc = load::doc(&self.catalog, path, &text, &reading)?;
        let config = args.engine.config_with(&doc.service.logger)?;
        self.complain(path, &doc.lints);
        self.add_resources(path, &doc)?;
        self.settings = doc.config();
        self.service = doc.service;
        for path in &paths::files(&args.config.read.resources)? {
            let doc = self.read(path, Root::Resources)?;
            self.complain(path, &doc.lints);
            self.add_resources(path, &doc)?;
        }
        Ok(config)
    }

    fn read(&self, path: &Path, root: Root) -> Result<FileDoc, String> {
        load::config(&self.catalog, path, root, &self.environment).map(|(_, doc)| doc)
    }

    fn add_resources(&mut self, path: &Path, doc: &FileDoc) -> Result<(), String> {
        let added = doc.add_resources(&mut self.resources);
        added.map_err(|e| format!("{}: {e}", path.display()))
    }

    /// Logs complaints about a file.
    fn complain(&mut self, path: &Path, lints: &[Lint]) {
        for lint in lints {
            let lint = format!("{}{lint}", path.display());
            match self.chilled {
                true => tracing::warn!(lint, "Config lint error"),
                false => tracing::error!(lint, "Config lint error"),
            }
        }
        self.complained |= !lints.is_empty();
    }

    /// Makes the streams of files and opens the API.
    fn serve(mut self, args: &Args, process: &mut Process) -> Result<Serving, String> {
        let section = Metrics::of(&self.service.metrics)?;
        let renames = crate::metrics::renames(&section.mapping)?;
        let listener = self.listen()?;
        let resources = std::mem::take(&mut self.resources);
        let streams = benthos::streams(process.handle(), Arc::clone(&self.catalog), resources);
        if self.service.error_handling.strict {
            streams.refuse_faults();
        }
        wait(streams.recover()).map_err(|e| e.to_string())?;
        self.create(args, &streams)?;
        if let Some(socket) = listener {
            let options = Options {
                api: !args.no_api,
                prefix_stream_endpoints: args.prefix_stream_endpoints,
                renames: renames.clone(),
                ..Options::of(&self.service, std::mem::take(&mut self.settings))?
            };
            let ports = Arc::clone(&process.ports);
            let dialect = benthos::dialect(Arc::clone(&streams), ports, options)?;
            let tls = crate::serve::tls(&self.service)?;
            process.listen(vec![Listener { tls, ..Listener::plain(socket, vec![dialect]) }])?;
        }
        let reporting = Reporting::start(&streams, &section, renames)?;
        let (paths, environment) = (args.paths.clone(), self.environment);
        let watch = match args.watcher {
            true => Some(Watch::start(paths, streams, environment, self.chilled)?),
            false => None,
        };
        Ok((watch, reporting))
    }

    /// Opens the address of the API, if there is to be one.
    fn listen(&self) -> Result<Option<TcpListener>, String> {
        let http = &self.service.http;
        if !http.enabled {
            return Ok(None);
        }
        let address = if http.address.is_empty() { service::ADDRESS } else { &http.address };
        let socket = Server::bind(address).map_err(|e| e.to_string())?;
        let got = socket.local_addr().map_or_else(|_| address.to_owned(), |a| a.to_string());
        tracing::info!(address = got, "Listening for HTTP requests");
        Ok(Some(socket))
    }

    /// Makes the streams of files. Every file is read before the first stream is made.
    fn create(&mut self, args: &Args, streams: &Streams) -> Result<(), String> {
        let mut docs = Vec::new();
        for (id, path) in stream_files::find(&args.paths)? {
            let doc = stream_files::read(streams, &path, &self.environment)?;
            self.complain(&path, &doc.lints);
            docs.push((id, doc));
        }
        if self.complained && !self.chilled {
            let text = "shutting down due to stream linter errors, to prevent shutdown run \
                        mainstem with --chilled";
            return Err(text.to_owned());
        }
        for (id, doc) in docs {
            let lowered = doc.lower(&self.catalog, &streams.resources());
            let plan = lowered.map_err(|e| format!("failed to create stream ({id}): {e}"))?;
            // A journal may know the id from an earlier process.
            let mode = PutMode::Upsert;
            let put = streams.put_plan(&id, doc.config(), plan, mode, Some(STOP_MAX));
            wait(put).map_err(|e| format!("failed to create stream ({id}): {e}"))?;
        }
        Ok(())
    }
}
