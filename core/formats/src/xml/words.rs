//! Texts and names in XML: references, line ends, characters that must not be there.

use std::borrow::Cow;

use crate::number::parse_float;
use crate::value::Value;

/// What is wrong with a character, if it is none of XML's.
pub(super) fn illegal(text: &str) -> Option<String> {
    let fits = |c: char| {
        matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..) && c != '\u{fffe}'
    };
    let wrong = text.chars().find(|c| !fits(*c))?;
    Some(format!("illegal character code U+{:04X}", u32::from(wrong)))
}

/// A text with its references replaced. What is none that XML has of itself stays as it is.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '\r']) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['&', '\r']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        if let Some(after) = from.strip_prefix('\r') {
            out.push('\n');
            rest = after.strip_prefix('\n').unwrap_or(after);
            continue;
        }
        match reference(from) {
            Some((c, after)) => {
                out.push(c);
                rest = after;
            }
            None => {
                out.push('&');
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The longest reference that is looked for, `&#x10FFFF;` with some zeros.
const REFERENCE_MAX: usize = 32;

/// The character that a text begins with a reference to, and what follows it.
fn reference(text: &str) -> Option<(char, &str)> {
    let end = text.bytes().take(REFERENCE_MAX).position(|b| b == b';')?;
    let (name, after) = (text.get(1..end)?, text.get(end + 1..)?);
    let c = match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "apos" => '\'',
        "quot" => '"',
        _ => {
            let number = name.strip_prefix('#')?;
            let (digits, radix) = match number.strip_prefix('x') {
                Some(digits) => (digits, 16),
                None => (number, 10),
            };
            if digits.starts_with('+') {
                return None;
            }
            let code = u32::from_str_radix(digits, radix).ok().filter(|code| *code <= 0x10_ffff)?;
            char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
        }
    };
    Some((c, after))
}

/// The part of a name behind its prefix; `None` for what is no name.
pub(super) fn local_name(name: &str) -> Option<&str> {
    let letter = |c: char| c.is_alphabetic() || c == '_' || c == ':';
    let other = |c: char| letter(c) || c.is_alphanumeric() || matches!(c, '-' | '.' | '\u{b7}');
    if !name.starts_with(letter) || !name.chars().all(|c| other(c) || !c.is_ascii()) {
        return None;
    }
    match name.split_once(':') {
        Some((_, local)) if local.contains(':') => None,
        Some((prefix, local)) if !prefix.is_empty() && !local.is_empty() => Some(local),
        _ => Some(name),
    }
}

/// A text as a number or truth value where it is one and that is wanted.
pub(super) fn cast(text: &str, wanted: bool) -> Value {
    let finite = || parse_float(text.as_bytes()).ok().filter(|x| x.is_finite());
    match text {
        _ if !wanted => Value::text(text),
        "t" | "T" | "true" | "TRUE" | "True" => Value::Bool(true),
        "f" | "F" | "false" | "FALSE" | "False" => Value::Bool(false),
        _ => finite().map_or_else(|| Value::text(text), Value::Float),
    }
}
