//! Options that several subcommands share.

use std::path::PathBuf;
use std::time::Duration;

use config::service::Logger;
use engine::EngineConfig;

/// How the engine runs.
#[derive(clap::Args, Clone)]
pub(crate) struct EngineOptions {
    /// Number of shards: threads that run pipelines, each on a core of its own. By default the
    /// cores given to the process.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) shards: Option<u16>,
    /// How the reactors wait for files and sockets: auto, uring or epoll.
    #[arg(long, default_value = "auto")]
    pub(crate) io: String,
    /// Directory in which pipelines created over REST are kept, so that they are back after a
    /// restart. Without it they live as long as the process.
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
    /// What is logged: off, error, warn, info, debug or trace. Goes before what a config says;
    /// info where neither says anything.
    #[arg(long, alias = "log.level", value_name = "LEVEL")]
    pub(crate) log_level: Option<String>,
}

/// How the process ends, for subcommands without a file that says so.
#[derive(clap::Args, Clone)]
pub(crate) struct EndOptions {
    /// How long pipelines may take to stop when the process ends: three quarters of it gracefully,
    /// then they are stopped by force.
    #[arg(long, default_value = "20s", value_name = "DURATION", value_parser = duration)]
    pub(crate) shutdown_timeout: Duration,
}

fn duration(text: &str) -> Result<Duration, String> {
    let read = plan::fields::Duration::parse(text).map_err(|e| e.to_string())?;
    Ok(Duration::from_nanos(read.wait_ns()))
}

impl EngineOptions {
    /// Starts logging and turns the options into the engine's configuration, for subcommands
    /// without a file that says how to log.
    ///
    /// # Errors
    /// An option has a value that is not one of its.
    pub(crate) fn config(&self) -> Result<EngineConfig, String> {
        let own = [("@service".to_owned(), "mainstem".to_owned())].into();
        self.config_with(&Logger { static_fields: own, ..Logger::default() })
    }

    /// The same with what a file says of the log.
    ///
    /// # Errors
    /// An option has a value that is not one of its, or the log cannot be written as the file
    /// says.
    pub(crate) fn config_with(&self, logger: &Logger) -> Result<EngineConfig, String> {
        crate::logging::start(self.log_level.as_deref(), logger)?;
        let mut config =
            EngineConfig { state_dir: self.state_dir.clone(), ..EngineConfig::default() };
        config.fetch = Some(connect::http_client::document::fetch);
        config.io = self.io.parse().map_err(|e| format!("--io {}: {e}", self.io))?;
        if let Some(shards) = self.shards {
            config.shards = usize::from(shards);
        }
        Ok(config)
    }
}
