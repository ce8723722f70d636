//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Measures mainstem and its peers side by side on the same data.
///
/// Every round runs each program once, in rotating order; figures are medians. Outputs are
/// compared with a plain reference before a ratio is printed. Exit code 1: an output was wrong or
/// mainstem failed. Exit code 2: the harness itself failed.
#[derive(Parser, Debug)]
#[command(name = "perf", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Cmd>,
    #[command(flatten)]
    pub(crate) compare: Compare,
}

/// How much data.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Size {
    /// 200,000 events (65 MB), 1,000,000 ticks or bids, 1,000,000 keys.
    Small,
    /// 1,000,000 events (323 MB), 10,000,000 ticks or bids, 10,000,000 keys.
    Medium,
    /// 3,100,000 events (1 GB), 22,000,000 ticks (1 GB of JSON) or bids, 15,000,000 keys.
    #[value(name = "1g")]
    OneGb,
}

impl Size {
    /// Events; and ticks, bids or keys.
    pub(crate) fn counts(self) -> (u64, u64) {
        match self {
            Self::Small => (200_000, 1_000_000),
            Self::Medium => (1_000_000, 10_000_000),
            Self::OneGb => (3_100_000, 22_000_000),
        }
    }
}

/// What to compare and how.
#[derive(Args, Debug)]
pub(crate) struct Compare {
    /// The mainstem to measure [default: target/dist/mainstem, else target/release/mainstem]
    #[arg(long, value_name = "PATH")]
    pub(crate) bin: Option<PathBuf>,
    /// An additional argument of mainstem, such as --bin-arg=--shards=1; may be repeated
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    pub(crate) bin_arg: Vec<String>,
    /// A real Benthos; without it, its recorded multiples of jq 1.6 are used
    #[arg(long, value_name = "PATH")]
    pub(crate) benthos: Option<PathBuf>,
    /// Folder of the virtual environment with DuckDB and Polars, created when missing
    #[arg(long, value_name = "DIR", default_value = "perf/.venv")]
    pub(crate) venv: PathBuf,
    /// Folder with the jars of Flink, fetched when missing
    #[arg(long, value_name = "DIR", default_value = "perf/.flink")]
    pub(crate) flink: PathBuf,
    /// Do not create the virtual environment, and do not fetch Flink
    #[arg(long)]
    pub(crate) no_install: bool,
    /// Folder of generated data
    #[arg(long, value_name = "DIR", default_value = "perf/.data")]
    pub(crate) data: PathBuf,
    /// Folder for outputs, best in memory [default: /dev/shm, else the data folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) scratch: Option<PathBuf>,
    /// How much data
    #[arg(long, value_enum, default_value = "small")]
    pub(crate) size: Size,
    /// Records in every workload, instead of what the size says
    #[arg(long, value_name = "N")]
    pub(crate) events: Option<u64>,
    /// Rounds
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) rounds: usize,
    /// Only these workloads, such as W2,W5-CSV
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Seconds after which a program is ended and counts as failed
    #[arg(long, value_name = "S", default_value_t = 600)]
    pub(crate) timeout: u64,
    /// File for the report as JSON [default: report.json in the data folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// The twelve mappings.
#[derive(Args, Debug)]
pub(crate) struct Mappings {
    /// Rounds
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) rounds: usize,
    /// Only mappings whose names begin so, such as L1,H
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Folder of generated data and for outputs
    #[arg(long, value_name = "DIR", default_value = "perf/.data")]
    pub(crate) data: PathBuf,
    /// File for the report as JSON [default: mappings.json in the data folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// What else the program does.
#[derive(Subcommand, Debug)]
pub(crate) enum Cmd {
    /// Measures twelve mappings on one core beside Benthos's recorded multiples of jq 1.6
    Mappings(Mappings),
    /// Writes the workloads' data
    #[command(subcommand)]
    Gen(Gen),
    /// Passes on the lines of a TCP connection: what latencies are compared with
    #[command(hide = true)]
    Relay {
        /// Where to listen
        address: SocketAddr,
        /// Where to connect
        to: SocketAddr,
    },
    /// Runs one program and prints its accounting: the harness's own helper
    #[command(hide = true)]
    Measure {
        /// Seconds until it is ended
        #[arg(long)]
        timeout: u64,
        /// File for its standard output
        #[arg(long)]
        stdout: PathBuf,
        /// File for its standard error
        #[arg(long)]
        stderr: PathBuf,
        /// The program
        program: PathBuf,
        /// Its arguments
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

/// The kinds of data.
#[derive(Subcommand, Debug)]
pub(crate) enum Gen {
    /// Events as JSON lines
    Events {
        /// How many
        count: u64,
        /// Where to
        file: PathBuf,
    },
    /// Persons, auctions and bids of Nexmark as CSV without headers
    Nexmark {
        /// How many bids
        bids: u64,
        /// Folder for persons.csv, auctions.csv and bids.csv
        folder: PathBuf,
    },
    /// Two ticks for each of many keys as CSV without a header
    Keys {
        /// How many keys
        keys: u64,
        /// Where to
        file: PathBuf,
    },
    /// Ticks as JSON lines and as CSV with a header
    Ticks {
        /// How many
        count: u64,
        /// Over how many keys
        keys: u64,
        /// Where the JSON lines go
        ndjson: PathBuf,
        /// Where the CSV goes
        csv: PathBuf,
    },
}
