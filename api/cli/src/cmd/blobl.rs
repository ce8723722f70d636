//! `mainstem blobl`: runs a Bloblang mapping on documents, one a line.

use std::fs::File;
use std::io::{Read, stdin};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bloblang::lines::Layout;
use config::env::interpolate;

use crate::documents::{self, Blocks, Recipe};
use crate::load::{EnvironmentOptions, read};
use crate::paths::reason;

/// Options of `blobl`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The mapping. `${NAME:default}` in it is replaced by a variable of the environment.
    mapping: Option<String>,
    /// Read the mapping from a file; what it imports is looked for beside it.
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Read the documents from a file instead of standard input.
    #[arg(short, long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Take lines that are not JSON; `this` is the bytes of the line then.
    #[arg(short, long)]
    raw: bool,
    /// Indent results over several lines.
    #[arg(short, long)]
    pretty: bool,
    /// Number of threads that map. Results keep the order of the documents. A mapping that counts
    /// runs on one.
    #[arg(short, long, default_value_t = 1, value_name = "N", allow_negative_numbers = true)]
    threads: i64,
    /// Bytes that a line and its line break may have; a longer one ends the program.
    #[arg(long, default_value_t = 65_536, value_name = "BYTES")]
    max_token_length: usize,
    #[command(flatten)]
    environment: EnvironmentOptions,
}

/// Maps the documents. A document that fails is reported on standard error, and the others go on.
///
/// # Errors
/// The mapping does not parse, or the documents cannot be read to their end.
pub(crate) fn run(args: &Args) -> Result<ExitCode, String> {
    let environment = args.environment.read()?;
    let filled = interpolate(&mapping(args)?, &|name| environment.get(name));
    if let Some(complaint) = filled.complaint() {
        return Err(format!("failed to replace env vars: {complaint}"));
    }
    let dir = args.file.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    let recipe = Recipe {
        text: filled.text,
        dir: dir.to_owned(),
        variables: environment.into_variables(),
        layout: Layout { raw: args.raw, pretty: args.pretty },
    };
    let threads = match recipe.parse()?.is_bound() {
        true => 1,
        false => usize::try_from(args.threads).unwrap_or(1),
    };
    let blocks = Blocks::new(input(args)?, args.max_token_length);
    documents::run(blocks, recipe, threads)?;
    Ok(ExitCode::SUCCESS)
}

fn mapping(args: &Args) -> Result<String, String> {
    match (&args.mapping, &args.file) {
        (Some(text), None) => Ok(text.clone()),
        (None, Some(path)) => {
            read(path).map_err(|text| format!("failed to read mapping file: {text}"))
        }
        (Some(_), Some(_)) => Err("there are two mappings: one given, one in a file".to_owned()),
        (None, None) => {
            let text = "there is no mapping: give it as an argument, or a file with it by --file";
            Err(text.to_owned())
        }
    }
}

fn input(args: &Args) -> Result<Box<dyn Read + Send>, String> {
    let Some(path) = &args.input else { return Ok(Box::new(stdin())) };
    let file = File::open(path);
    let file =
        file.map_err(|e| format!("failed to open input file: {}", reason("open", path, &e)))?;
    Ok(Box::new(file))
}
