//! `mainstem serve`: all three control planes of one engine.

use std::process::ExitCode;
use std::sync::Arc;

use server::logs::Logs;

use crate::boot::Process;
use crate::ipc::IpcOptions;
use crate::options::{EndOptions, EngineOptions};
use crate::serve;

/// Options of `serve`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Listen on an address: NAME=ADDR with NAME one of benthos, kdb, nes, ipc, and port 0 for a
    /// free one. May be given several times, and then replaces the defaults, which are
    /// benthos=127.0.0.1:4195, kdb=127.0.0.1:5000, nes=127.0.0.1:8081 and ipc=127.0.0.1:5001.
    #[arg(long, value_name = "NAME=ADDR")]
    listen: Vec<String>,
    /// Address for calls over kdb+ IPC. Goes before --listen, which it leaves as it is otherwise.
    #[arg(long, value_name = "ADDR")]
    ipc: Option<String>,
    #[command(flatten)]
    ipc_options: IpcOptions,
    #[command(flatten)]
    engine: EngineOptions,
    #[command(flatten)]
    end: EndOptions,
}

const DEFAULTS: [&str; 4] =
    ["benthos=127.0.0.1:4195", "kdb=127.0.0.1:5000", "nes=127.0.0.1:8081", "ipc=127.0.0.1:5001"];

impl Args {
    /// The addresses to listen on, as `NAME=ADDR`.
    fn addresses(&self) -> Vec<String> {
        let given = self.listen.clone();
        let defaults = || DEFAULTS.map(str::to_owned).to_vec();
        let mut wanted = if given.is_empty() { defaults() } else { given };
        if let Some(address) = &self.ipc {
            wanted.retain(|entry| !entry.starts_with("ipc="));
            wanted.push(format!("ipc={address}"));
        }
        wanted
    }
}

/// Serves until told to stop.
///
/// # Errors
/// What keeps it from serving.
pub(crate) fn run(args: &Args) -> Result<ExitCode, String> {
    let wanted = args.addresses();
    args.ipc_options.check(wanted.iter().any(|entry| entry.starts_with("ipc=")))?;
    let config = args.engine.config()?;
    let logs = Arc::new(Logs::default());
    crate::logging::keep(&logs);
    let mut process = Process::start(&config, server::ports::by_stream(true))?;
    serve::all(&mut process, &wanted, &args.ipc_options, logs)?;
    process.until_signal(args.end.shutdown_timeout)?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    /// The addresses that a command line listens on.
    fn wanted(line: &str) -> String {
        let words = ["serve"].into_iter().chain(line.split_whitespace());
        Line::try_parse_from(words).unwrap().args.addresses().join(" ")
    }

    #[test]
    fn the_address_for_calls_goes_before_others() {
        let others = "benthos=127.0.0.1:4195 kdb=127.0.0.1:5000 nes=127.0.0.1:8081";
        for (line, want) in [
            ("", format!("{others} ipc=127.0.0.1:5001")),
            ("--ipc 127.0.0.1:6000", format!("{others} ipc=127.0.0.1:6000")),
            ("--listen kdb=a:1 --ipc b:2", "kdb=a:1 ipc=b:2".to_owned()),
            ("--listen ipc=a:1 --ipc b:2", "ipc=b:2".to_owned()),
        ] {
            assert_eq!(wanted(line), want, "{line}");
        }
    }
}
