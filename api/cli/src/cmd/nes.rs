//! `mainstem nes`: the roles of a NebulaStream installation.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use connect::nats::board::{self, Place};
use server::Listener;
use server::dialects::nebulastream::{self, Link, NebulaStream};

use crate::boot::Process;
use crate::broker::{self, BUCKET, Broker};
use crate::options::{EndOptions, EngineOptions};
use crate::{load, serve};

/// Options of `nes`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    role: Role,
}

#[derive(clap::Subcommand)]
enum Role {
    /// The coordinator with its internal worker: catalogs, queries, REST on port 8081.
    Coordinator(Coordinator),
    /// A worker: runs its part of the queries of a coordinator.
    Worker(Worker),
    /// The NATS server of a coordinator, which ends with it.
    #[command(hide = true)]
    Server(broker::Args),
}

#[derive(clap::Args)]
struct Coordinator {
    /// Configuration in YAML: restIp, restPort, logicalSources, worker.physicalSources and so on.
    /// Every key can also be given as --key=value, with dots into sections.
    #[arg(long = "configPath", alias = "config-path", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address and port of the REST server, over those of the file.
    #[arg(long = "restPort", value_name = "PORT")]
    rest_port: Option<u16>,
    #[command(flatten)]
    keys: Keys,
    #[command(flatten)]
    engine: EngineOptions,
    #[command(flatten)]
    end: EndOptions,
}

#[derive(clap::Args)]
struct Worker {
    /// Configuration in YAML: coordinatorHost, coordinatorPort, workerId, physicalSources and so
    /// on.
    /// Every key can also be given as --key=value, with dots into sections.
    #[arg(long = "configPath", alias = "config-path", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    keys: Keys,
    #[command(flatten)]
    engine: EngineOptions,
    #[command(flatten)]
    end: EndOptions,
}

/// Keys of the configuration on the command line.
#[derive(clap::Args)]
struct Keys {
    /// What `--key=value` becomes.
    #[arg(long = "set", hide = true, value_parser = pair)]
    set: Vec<(String, String)>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// The command line with keys of configurations as values of an option, because there are too many
/// of them for each to be one.
pub(crate) fn with_keys(words: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut words: Vec<OsString> = words.collect();
    let role = words.get(2).and_then(|word| word.to_str()).unwrap_or_default();
    let is_nes = words.get(1).is_some_and(|word| word == "nes");
    if !is_nes || !matches!(role, "coordinator" | "worker") {
        return words;
    }
    let command = <Args as clap::Args>::augment_args(clap::Command::new("nes"));
    let known: Vec<String> = command
        .find_subcommand(role)
        .into_iter()
        .flat_map(|role| role.get_arguments())
        .flat_map(|arg| arg.get_long_and_visible_aliases().unwrap_or_default())
        .map(str::to_owned)
        .chain(["config-path".to_owned(), "log.level".to_owned()])
        .collect();
    for word in words.iter_mut().skip(3) {
        let Some((key, _)) = word.to_str().and_then(|w| w.strip_prefix("--")?.split_once('='))
        else {
            continue;
        };
        if !known.iter().any(|known| known == key) {
            let text = word.to_string_lossy();
            *word = format!("--set={}", text.trim_start_matches("--")).into();
        }
    }
    words
}

/// Runs the role until told to stop.
///
/// # Errors
/// What keeps it from running.
pub(crate) fn run(args: &Args) -> Result<ExitCode, String> {
    match &args.role {
        Role::Coordinator(args) => coordinate(args),
        Role::Worker(args) => work(args),
        Role::Server(args) => broker::become_server(args),
    }
}

/// The text of a configuration and how it is called.
fn read(config: Option<&PathBuf>) -> Result<(String, String), String> {
    let text = config.map_or(Ok(String::new()), |path| load::read(path))?;
    Ok((text, config.map_or("defaults".to_owned(), |path| path.display().to_string())))
}

fn coordinate(args: &Coordinator) -> Result<ExitCode, String> {
    let (text, name) = read(args.config.as_ref())?;
    let mut coordinator = nes::catalog::parse_coordinator(&text, &args.keys.set)
        .map_err(|d| d.render(&name, &text))?;
    if let Some(port) = args.rest_port {
        coordinator.rest_port = port;
    }
    let engine = args.engine.config_at(&coordinator.log_level)?;
    let state_dir = args.engine.state_dir.as_deref();
    let server = Broker::start(&coordinator, state_dir)?;
    let mut process = Process::start(&engine, server::ports::plain(""))?;
    let address = format!("{}:{}", coordinator.rest_ip, coordinator.rest_port);
    let socket = serve::bind("nes", &address)?;
    let dialect: Arc<NebulaStream> = match &server {
        None => nebulastream::dialect(process.handle(), coordinator),
        Some(server) => {
            let place = server.place();
            let url = place.url.clone();
            let link = Link { board: board::join(place)?, url };
            nebulastream::with_workers(process.handle(), coordinator, link)?
        }
    };
    process.listen(vec![Listener::plain(socket, vec![dialect.clone()])])?;
    let name = process.signals().recv().map_err(|_| "signals cannot be received".to_owned())?;
    tracing::info!("Received {name}, the service is closing");
    dialect.close();
    connect::fan_out::close();
    process.end(args.end.shutdown_timeout, None)?;
    drop(server);
    Ok(ExitCode::SUCCESS)
}

fn work(args: &Worker) -> Result<ExitCode, String> {
    let (text, name) = read(args.config.as_ref())?;
    let worker =
        nes::catalog::parse_worker(&text, &args.keys.set).map_err(|d| d.render(&name, &text))?;
    let engine = args.engine.config_at(&worker.log_level)?;
    let process = Process::start(&engine, server::ports::plain(""))?;
    let place = Place { url: worker.url(), bucket: BUCKET.to_owned(), server: None };
    tracing::info!(coordinator = place.url, "The worker is starting");
    let working = nebulastream::work(process.handle(), &worker, board::join(place)?)?;
    let name = process.signals().recv().map_err(|_| "signals cannot be received".to_owned())?;
    tracing::info!("Received {name}, the worker is leaving");
    working.leave();
    process.end(args.end.shutdown_timeout, None)?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(line: &str) -> Vec<String> {
        let words = line.split(' ').map(OsString::from);
        with_keys(words).into_iter().map(|word| word.into_string().unwrap_or_default()).collect()
    }

    #[test]
    fn keys_of_configurations_become_values_and_options_stay() {
        let line = "mainstem nes coordinator --configPath=c --rpcPort=5 --restPort=7 \
                    --optimizer.queryBatchSize=2 --shards=1 --log-level=warn";
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        let all = keys(&line).join(" ");
        assert!(all.contains("--set=rpcPort=5 --restPort=7"), "{all}");
        assert!(
            all.contains("--set=optimizer.queryBatchSize=2 --shards=1 --log-level=warn"),
            "{all}"
        );
        let worker = keys("mainstem nes worker --workerId=3 --state-dir=x");
        assert_eq!(worker[3..], ["--set=workerId=3", "--state-dir=x"]);
        let other = "mainstem run --workerId=3";
        assert_eq!(keys(other).join(" "), other);
    }
}
