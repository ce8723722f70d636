//! Console transcripts: lines after `q)` are typed, the others are what is shown.

#[cfg(test)]
use crate::session::Options;
use crate::session::Session;

/// What a transcript shows other than it says; all lines are compared without blanks at the end.
///
/// # Errors
/// The first expression that shows something else, with both texts.
#[cfg(test)]
pub(crate) fn check(transcript: &str) -> Result<(), String> {
    let mut session = Session::new(Options::default());
    let mut steps: Vec<(String, Vec<String>)> = Vec::new();
    for line in transcript.lines() {
        match (line.strip_prefix("q)"), steps.last_mut()) {
            (Some(input), _) => steps.push((input.to_owned(), Vec::new())),
            (None, Some((_, output))) => output.push(line.trim_end().to_owned()),
            (None, None) => {}
        }
    }
    for (input, want) in steps {
        let got = answer(&mut session, &input);
        let mut got: Vec<&str> = got.lines().map(str::trim_end).collect();
        while got.last().is_some_and(|l| l.is_empty()) {
            got.pop();
        }
        if got != want {
            return Err(format!("{input} shows {got:?}, not {want:?}"));
        }
    }
    Ok(())
}

/// What a console shows after an expression.
pub(crate) fn answer(session: &mut Session, input: &str) -> String {
    let result = session.run(input, "q");
    let mut shown = session.take_console();
    match result {
        Ok((value, true)) if !matches!(value, formats::k::K::Null) => {
            shown.push_str(&session.show(&value));
        }
        Ok(_) => {}
        Err(error) => shown.push_str(&format!("'{error}")),
    }
    shown
}
