//! The `mainstem` binary: subcommands, logging, signals.

mod boot;
mod broker;
mod cmd;
mod documents;
mod ipc;
mod load;
mod logging;
mod metrics;
mod options;
mod output;
mod paths;
mod registry;
mod serve;
mod stream_files;
mod testing;
mod watch;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use formats::budget::Metered;

#[global_allocator]
static ALLOCATOR: Metered<mimalloc::MiMalloc> = Metered(mimalloc::MiMalloc);

/// One engine, three control planes: Benthos streams, NebulaStream queries, q specs.
#[derive(Parser)]
#[command(name = "mainstem", version, max_term_width = 100, disable_version_flag = true)]
struct Cli {
    /// Print version.
    #[arg(short, short_alias = 'V', long, action = clap::ArgAction::Version)]
    version: Option<bool>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve all three control planes: Benthos on 4195, kdb on 5000, NebulaStream on 8081.
    Serve(cmd::serve::Args),
    /// Run as Benthos does in streams mode: streams from files and over REST.
    Streams(cmd::streams::Args),
    /// Run one pipeline: a Benthos config (.yaml, .json), a q spec (.q) or a query (.nes).
    Run(cmd::run::Args),
    /// Run as a NebulaStream coordinator or worker.
    Nes(cmd::nes::Args),
    /// Evaluate q expressions.
    Q(cmd::q::Args),
    /// Print the plan that a file lowers to.
    Plan(cmd::plan::Args),
    /// Check configs, specs and queries: say what is wrong, by file, line and column.
    Lint(cmd::lint::Args),
    /// Run the tests of Benthos configs.
    Test(cmd::test::Args),
    /// Work with templates of components.
    Template(cmd::template::Args),
    /// Print a config as it is understood, with every section and default.
    Echo(cmd::echo::Args),
    /// Print a config to begin with, from the names of components.
    Create(cmd::create::Args),
    /// Run a Bloblang mapping on documents, one a line.
    Blobl(cmd::blobl::Args),
    /// Check and repair the files of disk buffers.
    Buffer(cmd::buffer::Args),
    /// List components, and the functions and methods of Bloblang; or print the schema of configs.
    List(cmd::list::Args),
    /// Print a script that completes command lines in a shell.
    Completions(cmd::completions::Args),
    /// Print a manual page.
    Man(cmd::man::Args),
    /// Run a function in Java for the process that has started this one.
    #[command(name = connect::java_udf::COMMAND, hide = true)]
    JavaHost,
}

/// The whole command line, for whoever describes it.
pub(crate) fn command() -> clap::Command {
    Cli::command()
}

/// What the command line asks for. Without any words that is to run the config which lies where one
/// is looked for, if there is one.
fn asked() -> Result<Cli, clap::Error> {
    match std::env::args_os().len() == 1 && load::searched().is_some() {
        true => Cli::try_parse_from(["mainstem", "run"]),
        false => Cli::try_parse_from(cmd::nes::with_keys(std::env::args_os())),
    }
}

fn main() -> ExitCode {
    rt::process::prepare();
    let command = match asked() {
        Ok(cli) => cli.command,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    let result = match command {
        Command::Serve(args) => cmd::serve::run(&args),
        Command::Streams(args) => cmd::streams::run(&args),
        Command::Run(args) => cmd::run::run(&args),
        Command::Nes(args) => cmd::nes::run(&args),
        Command::Q(args) => cmd::q::run(&args),
        Command::Plan(args) => cmd::plan::run(&args),
        Command::Lint(args) => cmd::lint::run(&args),
        Command::Test(args) => cmd::test::run(&args),
        Command::Template(args) => cmd::template::run(&args),
        Command::Echo(args) => cmd::echo::run(&args),
        Command::Create(args) => cmd::create::run(&args),
        Command::Blobl(args) => cmd::blobl::run(&args),
        Command::Buffer(args) => cmd::buffer::run(&args),
        Command::List(args) => cmd::list::run(&args),
        Command::Completions(args) => cmd::completions::run(&args),
        Command::Man(args) => cmd::man::run(&args),
        Command::JavaHost => connect::java_udf::host(),
    };
    match result {
        Ok(code) => code,
        Err(text) => {
            output::error(&text);
            ExitCode::FAILURE
        }
    }
}
