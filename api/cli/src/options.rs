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
    /// Memory for the state of windows and joins of all pipelines, such as `8GiB`; what is beyond
    /// it goes to disk. By default half of the memory that the process may use.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) state_memory: Option<usize>,
    /// Directory for the part of that state that goes to disk. By default the one for temporary
    /// files.
    #[arg(long, value_name = "DIR")]
    pub(crate) spill_dir: Option<PathBuf>,
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

/// Reads a number of bytes with its unit: `512MiB`, `2GB`, `1024`.
fn size(text: &str) -> Result<usize, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let scale: usize = match unit.trim() {
        "" | "B" => 1,
        "kB" | "KB" => 1000,
        "KiB" => 1 << 10,
        "MB" => 1_000_000,
        "MiB" => 1 << 20,
        "GB" => 1_000_000_000,
        "GiB" => 1 << 30,
        _ => return Err("a size is a number with B, KB, KiB, MB, MiB, GB or GiB".to_owned()),
    };
    let number: usize = number.parse().map_err(|e| format!("a size begins with a number: {e}"))?;
    number.checked_mul(scale).ok_or_else(|| "there is no such amount of memory".to_owned())
}

impl EngineOptions {
    /// Starts logging and turns the options into the engine's configuration, for subcommands
    /// without a file that says how to log.
    ///
    /// # Errors
    /// An option has a value that is not one of its.
    pub(crate) fn config(&self) -> Result<EngineConfig, String> {
        self.config_at(&Logger::default().level)
    }

    /// The same for those with a file that says from which level on.
    ///
    /// # Errors
    /// Those of [`EngineOptions::config`].
    pub(crate) fn config_at(&self, level: &str) -> Result<EngineConfig, String> {
        let static_fields = [("@service".to_owned(), "mainstem".to_owned())].into();
        let level = level.to_owned();
        self.config_with(&Logger { level, static_fields, ..Logger::default() })
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
        if let Some(bytes) = self.state_memory {
            config.state_memory = bytes;
        }
        if let Some(dir) = &self.spill_dir {
            config.spill_dir.clone_from(dir);
        }
        if let Some(shards) = self.shards {
            config.shards = usize::from(shards);
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in
            [("1024", 1024), ("3KiB", 3072), ("2 MB", 2_000_000), ("1GiB", 1 << 30)]
        {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "GiB", "-1", "1.5GiB", "99999999999GiB", "7 apples"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
