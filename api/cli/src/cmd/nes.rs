//! `mainstem nes`: the roles of a NebulaStream installation.

use std::path::PathBuf;
use std::process::ExitCode;

use server::Listener;
use server::dialects::nebulastream;

use crate::boot::Process;
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
}

#[derive(clap::Args)]
struct Coordinator {
    /// Configuration in YAML: restIp, restPort, logicalSources, worker.physicalSources and so on.
    #[arg(long = "configPath", alias = "config-path", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address and port of the REST server, over those of the file.
    #[arg(long = "restPort", value_name = "PORT")]
    rest_port: Option<u16>,
    #[command(flatten)]
    engine: EngineOptions,
    #[command(flatten)]
    end: EndOptions,
}

/// Runs the role until told to stop.
///
/// # Errors
/// What keeps it from running.
pub(crate) fn run(args: &Args) -> Result<ExitCode, String> {
    let Role::Coordinator(args) = &args.role;
    let engine = args.engine.config()?;
    let text = args.config.as_deref().map_or(Ok(String::new()), load::read)?;
    let name = args.config.as_ref().map_or("defaults".to_owned(), |p| p.display().to_string());
    let mut coordinator =
        nes::catalog::parse_coordinator(&text, &[]).map_err(|d| d.render(&name, &text))?;
    if let Some(port) = args.rest_port {
        coordinator.rest_port = port;
    }
    let mut process = Process::start(&engine, server::ports::plain(""))?;
    let address = format!("{}:{}", coordinator.rest_ip, coordinator.rest_port);
    let socket = serve::bind("nes", &address)?;
    let dialect = nebulastream::dialect(process.handle(), coordinator);
    process.listen(vec![Listener::plain(socket, vec![dialect])])?;
    process.until_signal(args.end.shutdown_timeout)?;
    Ok(ExitCode::SUCCESS)
}
