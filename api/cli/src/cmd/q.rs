//! `mainstem q`: evaluate q expressions and show the last value as a console does, or be one.

use std::io::IsTerminal;
use std::process::ExitCode;

use q::{Console, FixedHost, Host, Input, LEAVE, Options};

use crate::output;

/// Options of `q`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// An expression; several are evaluated in order in one session, and the last value is shown.
    /// Without one, lines are read from standard input, each evaluated and its value shown.
    #[arg(short, long = "eval", value_name = "EXPR", allow_hyphen_values = true)]
    eval: Vec<String>,
}

/// Evaluates them.
///
/// # Errors
/// None: an error of q is printed as q prints it, and the process fails.
pub(crate) fn run(args: &Args) -> Result<ExitCode, String> {
    if args.eval.is_empty() {
        let stdin = std::io::stdin();
        if stdin.is_terminal() {
            return typed();
        }
        console().converse(stdin.lock(), &mut std::io::stdout());
        return Ok(ExitCode::SUCCESS);
    }
    // A script has the clock of this machine, and every time the same chance, as in q.
    let host = Box::new(Machine { chance: FixedHost::default() });
    let options = Options { host, ..Options::default() };
    let (shown, result) = q::run_expressions_with(&args.eval, options);
    output::print(&shown);
    match result {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            output::error(&format!("'{error}"));
            Ok(ExitCode::FAILURE)
        }
    }
}

/// This machine's clock, and a source of chance.
struct Machine {
    chance: FixedHost,
}

impl Host for Machine {
    fn now(&mut self) -> i64 {
        i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)
    }

    fn offset(&mut self) -> i64 {
        let seconds = jiff::Zoned::now().offset().seconds();
        i64::from(seconds) * 1_000_000_000
    }

    fn random(&mut self) -> u64 {
        self.chance.random()
    }
}

fn console() -> Console {
    // What is random in a console begins with the clock.
    let now = jiff::Timestamp::now().as_nanosecond() as u64;
    let host = Machine { chance: FixedHost { seed: now, ..FixedHost::default() } };
    // What programs print is seen while they run.
    let printer = Box::new(|text: &str| output::print(text));
    Console::new(Options { host: Box::new(host), printer: Some(printer), ..Options::default() })
}

/// A console on a terminal, with history and editing of lines.
fn typed() -> Result<ExitCode, String> {
    use rustyline::error::ReadlineError;
    let mut editor = rustyline::DefaultEditor::new().map_err(|e| e.to_string())?;
    let mut console = console();
    let mut input = Input::default();
    loop {
        let prompt = if input.is_pending() { "  " } else { "q)" };
        match editor.readline(prompt) {
            Ok(line) if line.trim() == LEAVE => break,
            Ok(line) => {
                let text = input.line(&line);
                if let Some(text) = text {
                    let _ = editor.add_history_entry(&text);
                    console.answer(&text, &mut std::io::stdout());
                }
            }
            // What was begun is given up.
            Err(ReadlineError::Interrupted) => {
                let _ = input.rest();
            }
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(ExitCode::SUCCESS)
}
