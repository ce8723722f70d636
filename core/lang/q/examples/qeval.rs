//! Runs `qeval q -e EXPR -e EXPR`, or a console over standard input with `qeval console`.

use std::io::{BufRead, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let mode = words.next();
    if mode.as_deref() == Some("console") {
        return console();
    }
    let mut expressions = Vec::new();
    while let Some(word) = words.next() {
        if word == "-e" {
            expressions.extend(words.next());
        }
    }
    let (out, result) = q::run_expressions(&expressions);
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(out.as_bytes());
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(stdout, "'{error}");
            ExitCode::FAILURE
        }
    }
}

/// Answers each line; a line with only a form feed follows each answer.
fn console() -> ExitCode {
    let mut console = q::Console::new(q::Options::default());
    let mut stdout = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        if line == "\u{c}" {
            console = q::Console::new(q::Options::default());
            continue;
        }
        let _ = writeln!(stdout, "{}\n\u{c}", console.enter(&line));
    }
    ExitCode::SUCCESS
}
