//! `mainstem run`: one pipeline from a file, until it ends or is told to stop.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use engine::{EngineHandle, Key, PipelineSpec, PutError, PutMode, State};
use plan::Plan;

use crate::boot::{Process, SHUTDOWN_TIMEOUT, wait};
use crate::ipc::IpcOptions;
use crate::load::{self, Loaded};
use crate::options::EngineOptions;
use crate::output;
use crate::watch::{self, PipelineWatch};

/// Options of `run`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A Benthos config (.yaml, .yml, .json), a q spec (.q) or a NebulaStream query (.nes).
    /// Without one, /benthos.yaml, /etc/benthos/config.yaml or /etc/benthos.yaml where there is
    /// one, or else a config that copies standard input to standard output.
    file: Option<PathBuf>,
    #[command(flatten)]
    config: load::ConfigOptions,
    /// Address on which a q spec takes calls over kdb+ IPC, such as 127.0.0.1:5001.
    #[arg(long, value_name = "ADDR")]
    ipc: Option<String>,
    #[command(flatten)]
    ipc_options: IpcOptions,
    /// Look for changes of the config and of files with resources, and replace the pipeline.
    #[arg(short, long)]
    watcher: bool,
    #[command(flatten)]
    engine: EngineOptions,
}

/// First pause between looks at whether the pipeline has ended; doubles up to the longest.
const LOOK_MIN: Duration = Duration::from_millis(2);
/// Longest such pause.
const LOOK_MAX: Duration = Duration::from_millis(20);

/// Runs it.
///
/// # Errors
/// What keeps the pipeline from running.
pub(crate) fn run(args: &Args) -> Result<ExitCode, String> {
    args.ipc_options.check(args.ipc.is_some())?;
    let file = args.file.clone().or_else(load::searched);
    let watched = file.as_deref().filter(|_| args.watcher);
    let watch = watched.map(|file| PipelineWatch::now(file, &args.config)).transpose()?;
    let Loaded { plan, service } = load::file(file.as_deref(), &args.config)?;
    let (service, settings) = service.unzip();
    let logger = service.as_ref().map(|service| &service.logger);
    let mut config = logger.map_or_else(|| args.engine.config(), |l| args.engine.config_with(l))?;
    // A pipeline from a file starts anew each time: there is nothing to bring back.
    config.state_dir = None;
    match &file {
        Some(path) => {
            let path = path.display().to_string();
            tracing::info!(path, "Running main config from specified file");
        }
        None => tracing::info!("Running without a main config file"),
    }
    let root_path = service.as_ref().map_or("", |s| &s.http.root_path).to_owned();
    let mut process = Process::start(&config, server::ports::plain(&root_path))?;
    let (timeout, delay) = match &service {
        Some(service) => (waits(service.shutdown_timeout), waits(service.shutdown_delay)),
        None => (SHUTDOWN_TIMEOUT, Duration::ZERO),
    };
    let observed = match service {
        Some(service) => {
            let settings = settings.unwrap_or_default();
            Some(crate::serve::single(&mut process, &service, settings)?)
        }
        None => None,
    };
    if let Some(address) = &args.ipc {
        process.listen_ipc(address, &args.ipc_options)?;
    }
    let key = Key::new(server::dialects::benthos::OWNER, "");
    put(&process.handle(), key.clone(), plan)?;
    process.let_in();
    let ended = until_end(&process, &key, watch);
    let failed = match ended {
        Ended::Signal(name) => {
            tracing::info!("Received {name}, the service is closing");
            // Asked a second time, it does not wait.
            let _ = process.signals().recv_timeout(delay);
            None
        }
        Ended::By(State::Failed(text)) => Some(text),
        Ended::By(_) => {
            tracing::info!("Pipeline has terminated. Shutting down the service");
            None
        }
    };
    process.end(timeout, observed)?;
    match failed {
        None => Ok(ExitCode::SUCCESS),
        Some(text) => {
            output::error(&format!("the pipeline failed: {text}"));
            Ok(ExitCode::FAILURE)
        }
    }
}

fn waits(duration: plan::fields::Duration) -> Duration {
    Duration::from_nanos(duration.wait_ns())
}

fn put(engine: &EngineHandle, key: Key, plan: Plan) -> Result<(), String> {
    let plan = plan.into();
    let spec = PipelineSpec { key, name: "run".into(), document: plan::Json::Null, plan };
    let put = wait(engine.put(spec, PutMode::Create, None)).map_err(|e| e.to_string())?;
    put.map_err(|error| match error {
        PutError::Build { text, path, label, .. } if !path.is_empty() => {
            let label = if label.is_empty() { "<no label>".into() } else { format!("'{label}'") };
            format!("failed to init {label} path {path}: {text}")
        }
        other => other.to_string(),
    })
}

enum Ended {
    Signal(&'static str),
    By(State),
}

fn until_end(process: &Process, key: &Key, mut watch: Option<PipelineWatch>) -> Ended {
    let engine = process.handle();
    let signals = process.signals();
    let (mut pause, mut looked) = (LOOK_MIN, rt::now());
    loop {
        if let Ok(name) = signals.recv_timeout(pause) {
            return Ended::Signal(name);
        }
        pause = (pause * 2).min(LOOK_MAX);
        match wait(engine.get(key.clone(), false)) {
            Ok(Some(view)) => match view.state {
                State::Starting | State::Running | State::Stopping => {}
                state => return Ended::By(state),
            },
            Ok(None) | Err(_) => return Ended::By(State::Failed("the engine is gone".into())),
        }
        let due = rt::now().since(looked) >= watch::PAUSE;
        if let Some(watch) = watch.as_mut().filter(|_| due) {
            looked = rt::now();
            if let Some(name) = watch.look(&engine, key, &signals) {
                return Ended::Signal(name);
            }
        }
    }
}
