//! `perf`: side-by-side measurements of mainstem and its peers.

mod calibration;
mod canonical;
mod check;
mod cli;
mod compare;
mod control;
mod data;
mod error;
mod ingest;
mod kdb;
mod machine;
mod mappings;
mod measure;
mod peers;
mod reference;
mod report;
mod rounds;
mod serving;
mod transit;
mod workload;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use cli::{Cli, Cmd, Gen};
use error::{At, Error, Result};
use formats::budget::Metered;

/// That of mainstem, whose code `perf mappings` runs.
#[global_allocator]
static ALLOCATOR: Metered<mimalloc::MiMalloc> = Metered(mimalloc::MiMalloc);

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(Error(reason)) => {
            let _ = writeln!(std::io::stderr(), "perf: {reason}");
            ExitCode::from(2)
        }
    }
}

/// Says whether everything that was measured was right.
fn run(cli: Cli) -> Result<bool> {
    match cli.command {
        None => compare::run(&cli.compare),
        Some(Cmd::Mappings(options)) => mappings::run(&options),
        Some(Cmd::Gen(what)) => generate(&what).map(|()| true),
        Some(Cmd::Relay { address, to }) => transit::relay::run(address, to).map(|()| true),
        Some(Cmd::Measure { timeout, stdout, stderr, program, args }) => {
            let task = measure::Task { program, args, stdout: Some(stdout) };
            measure::helper(&task, &stderr, Duration::from_secs(timeout)).map(|()| true)
        }
    }
}

fn generate(what: &Gen) -> Result<()> {
    match what {
        Gen::Events { count, file } => {
            data::write_file(file, |out| data::events::write(out, *count))
        }
        Gen::Nexmark { bids, folder } => {
            std::fs::create_dir_all(folder).at(folder)?;
            let create = |name: &str| {
                let path = folder.join(name);
                std::fs::File::create(&path).map(std::io::BufWriter::new).at(&path)
            };
            let (mut persons, mut auctions) = (create("persons.csv")?, create("auctions.csv")?);
            data::write_file(&folder.join("bids.csv"), |out| {
                data::nexmark::write(&mut persons, &mut auctions, out, *bids)?;
                persons.flush()?;
                auctions.flush()
            })
        }
        Gen::Keys { keys: 0, .. } | Gen::Ticks { keys: 0, .. } => {
            Err(Error("there must be at least one key".into()))
        }
        Gen::Keys { keys, file } => data::write_file(file, |out| data::keys::write(out, *keys)),
        Gen::Ticks { count, keys, ndjson, csv } => data::write_file(ndjson, |json_out| {
            let mut csv_out = std::io::BufWriter::new(std::fs::File::create(csv)?);
            csv_out.write_all(data::ticks::HEADER.as_bytes())?;
            data::ticks::write(json_out, &mut csv_out, *count, *keys)?;
            csv_out.flush()
        })
        .at(csv),
    }
}
