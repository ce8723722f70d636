//! `mainstem man`: the manual pages, made from what the command line knows of itself.

use std::process::ExitCode;

use clap::Command;
use clap_mangen::Man;

use crate::output;

/// Options of `man`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A subcommand, such as run or nes coordinator; without one the page of the program.
    command: Vec<String>,
}

/// Prints a page.
///
/// # Errors
/// A word that is no subcommand.
pub(crate) fn run(args: &Args) -> Result<ExitCode, String> {
    let mut command = crate::command();
    // Only a built command knows the whole names of what is below it.
    command.build();
    let mut name = command.get_name().to_owned();
    for word in &args.command {
        let found: Option<Command> = command.find_subcommand(word).cloned();
        command = found.ok_or_else(|| format!("'{name}' has no subcommand '{word}'"))?;
        name = format!("{name} {word}");
    }
    let command = command.display_name(name.replace(' ', "-"));
    let mut page = Vec::new();
    Man::new(command).render(&mut page).map_err(|e| e.to_string())?;
    output::print(&String::from_utf8_lossy(&page));
    Ok(ExitCode::SUCCESS)
}
