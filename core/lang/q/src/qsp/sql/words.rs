//! The words of a query.

use super::wrong;
use crate::error::Result;

/// A word.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Word {
    /// A name or keyword as it was written.
    Name(String),
    /// A name in double quotes, which is no keyword.
    Quoted(String),
    /// A whole number.
    Int(i64),
    /// A number with a point or exponent.
    Float(f64),
    /// A text in single quotes.
    Text(String),
    /// `$1` and the like.
    Parameter(String),
    /// An operator, parenthesis or comma.
    Sign(&'static str),
}

const SIGNS: [&str; 17] =
    ["<>", "!=", "<=", ">=", "||", "(", ")", ",", "+", "-", "*", "/", "%", "=", "<", ">", "."];

/// The words of a text.
pub(super) fn words(text: &str) -> Result<Vec<Word>> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, after) = match first {
            _ if rest.starts_with("--") => {
                rest = rest.split_once('\n').map_or("", |(_, after)| after).trim_start();
                continue;
            }
            ';' if rest.trim_end() == ";" => break,
            '\'' => quoted(rest, '\'').map(|(text, after)| (Word::Text(text), after))?,
            '"' => quoted(rest, '"').map(|(text, after)| (Word::Quoted(text), after))?,
            '$' => {
                let (digits, after) =
                    split(rest.get(1..).unwrap_or_default(), |c| c.is_ascii_digit());
                (Word::Parameter(digits.to_owned()), after)
            }
            c if c.is_alphabetic() || c == '_' => {
                let (name, after) = split(rest, |c| c.is_alphanumeric() || c == '_');
                (Word::Name(name.to_owned()), after)
            }
            c if c.is_ascii_digit() => number(rest)?,
            other => {
                let sign = SIGNS.iter().find(|s| rest.starts_with(**s));
                let sign = sign.ok_or_else(|| wrong(format!("unexpected {other}")))?;
                (Word::Sign(sign), rest.get(sign.len()..).unwrap_or_default())
            }
        };
        out.push(word);
        rest = after.trim_start();
    }
    Ok(out)
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    text.split_at(end)
}

/// A text in quotes, of which two stand for one.
fn quoted(text: &str, quote: char) -> Result<(String, &str)> {
    let mut out = String::new();
    let mut rest = text.get(1..).unwrap_or_default();
    loop {
        let (part, after) = rest.split_once(quote).ok_or_else(|| wrong("a quote is not closed"))?;
        out.push_str(part);
        match after.strip_prefix(quote) {
            Some(more) => {
                out.push(quote);
                rest = more;
            }
            None => return Ok((out, after)),
        }
    }
}

fn number(text: &str) -> Result<(Word, &str)> {
    let (digits, after) = split(text, |c| c.is_ascii_digit());
    let mut end = digits.len();
    let mut whole = true;
    if let Some(fraction) = after.strip_prefix('.') {
        whole = false;
        end += 1 + split(fraction, |c| c.is_ascii_digit()).0.len();
    }
    let exponent = text.get(end..).unwrap_or_default();
    if let Some(power) = exponent.strip_prefix(['e', 'E']) {
        let sign = usize::from(power.starts_with(['+', '-']));
        let digits = split(power.get(sign..).unwrap_or_default(), |c| c.is_ascii_digit()).0.len();
        if digits > 0 {
            whole = false;
            end += 1 + sign + digits;
        }
    }
    let (literal, after) = text.split_at(end);
    let word = if whole {
        literal.parse().map(Word::Int).ok()
    } else {
        literal.parse().map(Word::Float).ok()
    };
    Ok((word.ok_or_else(|| wrong(format!("{literal} is no number")))?, after))
}
