//! Matches one after another in the order and with the empty ones that Go's `regexp` finds, and
//! replacements by Go's templates.

use formats::value::{Object, Text, Value};
use regex::bytes::{Captures, Match, Regex};

use crate::error::Error;
use crate::growth::text_fits;
use crate::methods::same_kind;
use crate::val::Val;

/// Calls `take` for every match, until it gives false.
pub fn each_match<'t>(pattern: &Regex, text: &'t [u8], mut take: impl FnMut(Match<'t>) -> bool) {
    let mut steps = Steps::new(text);
    while let Some(m) = steps.at().and_then(|at| pattern.find_at(text, at)) {
        if steps.accept(m.start(), m.end()) && !take(m) {
            return;
        }
    }
}

/// Calls `take` for every match and its groups, until it gives false.
pub fn each_captures<'t>(
    pattern: &Regex,
    text: &'t [u8],
    mut take: impl FnMut(&Captures<'t>) -> bool,
) {
    let mut steps = Steps::new(text);
    while let Some(captures) = steps.at().and_then(|at| pattern.captures_at(text, at)) {
        let Some(all) = captures.get(0) else { return };
        if steps.accept(all.start(), all.end()) && !take(&captures) {
            return;
        }
    }
}

/// Where to look for the next match. Unlike the regex crate, Go never finds an empty match within
/// a character, nor right behind another match.
pub(super) struct Steps<'t> {
    text: &'t [u8],
    at: usize,
    last_end: Option<usize>,
}

impl<'t> Steps<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        Steps { text, at: 0, last_end: None }
    }

    pub(super) fn at(&self) -> Option<usize> {
        (self.at <= self.text.len()).then_some(self.at)
    }

    /// Moves behind a match; whether it counts.
    pub(super) fn accept(&mut self, start: usize, end: usize) -> bool {
        if start < end {
            (self.at, self.last_end) = (end, Some(end));
            return true;
        }
        if inside_char(self.text, end) {
            self.at = end + 1;
            return false;
        }
        let rest = self.text.get(end..).unwrap_or_default();
        self.at = end + crate::cases::chars(rest).next().map_or(1, <[u8]>::len);
        let counts = self.last_end != Some(start);
        self.last_end = Some(end);
        counts
    }
}

/// Whether a position lies within the bytes of one character.
fn inside_char(text: &[u8], at: usize) -> bool {
    if text.get(at).is_none_or(|byte| byte & 0xc0 != 0x80) {
        return false;
    }
    (1..=3.min(at)).any(|back| {
        let rest = text.get(at - back..).unwrap_or_default();
        crate::cases::chars(rest).next().is_some_and(|c| c.len() > back)
    })
}

/// The keys that groups have in an object: their names, or their numbers.
#[must_use]
pub fn group_keys(pattern: &Regex) -> Vec<Text> {
    let key = |(i, name): (usize, Option<&str>)| match name {
        Some(name) => Text::from(name),
        None => Text::from(i.to_string()),
    };
    pattern.capture_names().enumerate().map(key).collect()
}

/// A match as an object of its groups, of the kind (text or bytes) that `like` is.
#[must_use]
pub fn object_of(keys: &[Text], captures: &Captures<'_>, like: &Val) -> Value {
    let member = |(key, group): (&Text, Option<Match<'_>>)| {
        let bytes = group.map_or(&b""[..], |m| m.as_bytes());
        (key.clone(), same_kind(like, bytes).into_value().unwrap_or_default())
    };
    Value::object(keys.iter().zip(captures.iter()).map(member).collect::<Object>())
}

/// A replacement: text with `$1`, `$name`, `${name}` for groups and `$$` for a dollar sign.
#[derive(Debug)]
pub struct Template(Vec<Part>);

#[derive(Debug)]
enum Part {
    Text(Vec<u8>),
    Group(usize),
    Named(String),
}

impl Template {
    /// Reads a template. A dollar sign that begins none of its forms stands for itself.
    #[must_use]
    pub fn new(text: &[u8]) -> Self {
        let mut parts = Vec::new();
        let mut plain = Vec::new();
        let mut rest = text;
        while let Some(at) = memchr::memchr(b'$', rest) {
            let (before, after) = (&rest[..at], &rest[at + 1..]);
            plain.extend_from_slice(before);
            rest = after;
            if let Some(behind) = after.strip_prefix(b"$") {
                plain.push(b'$');
                rest = behind;
            } else if let Some((name, behind)) = group_name(after) {
                if !plain.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                }
                parts.push(match name.parse() {
                    Ok(number) if name.bytes().all(|b| b.is_ascii_digit()) => Part::Group(number),
                    _ => Part::Named(name),
                });
                rest = behind;
            } else {
                plain.push(b'$');
            }
        }
        plain.extend_from_slice(rest);
        parts.push(Part::Text(plain));
        Template(parts)
    }

    fn push(&self, out: &mut Vec<u8>, captures: &Captures<'_>) {
        for part in &self.0 {
            let group = match part {
                Part::Text(text) => {
                    out.extend_from_slice(text);
                    continue;
                }
                Part::Group(number) => captures.get(*number),
                Part::Named(name) => captures.name(name),
            };
            out.extend_from_slice(group.map_or(&b""[..], |m| m.as_bytes()));
        }
    }
}

/// The name behind a dollar sign, in braces or as long as it can be, and what follows it.
fn group_name(text: &[u8]) -> Option<(String, &[u8])> {
    let (inside, braces) = match text.strip_prefix(b"{") {
        Some(inside) => (inside, true),
        None => (text, false),
    };
    let mut end = 0;
    for c in crate::cases::chars(inside) {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        if !std::str::from_utf8(c).is_ok_and(|c| c.chars().all(word)) {
            break;
        }
        end += c.len();
    }
    let (name, behind) = inside.split_at_checked(end)?;
    let behind = if braces { behind.strip_prefix(b"}")? } else { behind };
    let name = std::str::from_utf8(name).ok().filter(|name| !name.is_empty())?;
    Some((name.to_owned(), behind))
}

/// The text with every match replaced; `None` when there is no match.
///
/// # Errors
/// It is longer than a text may be.
pub fn replace_all(
    pattern: &Regex,
    text: &[u8],
    template: &Template,
) -> Result<Option<Vec<u8>>, Error> {
    let mut out = Vec::new();
    let mut done = None;
    let mut fits = Ok(());
    if let [Part::Text(plain)] = &*template.0 {
        each_match(pattern, text, |m| {
            out.extend_from_slice(&text[done.unwrap_or(0)..m.start()]);
            out.extend_from_slice(plain);
            done = Some(m.end());
            fits = text_fits(out.len());
            fits.is_ok()
        });
    } else {
        each_captures(pattern, text, |captures| {
            if let Some(all) = captures.get(0) {
                out.extend_from_slice(&text[done.unwrap_or(0)..all.start()]);
                template.push(&mut out, captures);
                done = Some(all.end());
            }
            fits = text_fits(out.len());
            fits.is_ok()
        });
    }
    fits?;
    Ok(done.map(|done| {
        out.extend_from_slice(&text[done..]);
        out
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(pattern: &str, text: &str, template: &str) -> String {
        let pattern = crate::re::compile(pattern).unwrap();
        let out =
            replace_all(&pattern, text.as_bytes(), &Template::new(template.as_bytes())).unwrap();
        String::from_utf8(out.unwrap()).unwrap()
    }

    #[test]
    fn empty_matches_are_those_of_go() {
        assert_eq!(replaced("x*", "aéc", "-"), "-a-é-c-");
        assert_eq!(replaced("a*", "baaac", "-"), "-b-c-");
        assert_eq!(replaced("", "日", "."), ".日.");
        assert_eq!(replaced("\\B", "é", "."), ".é.");
    }

    #[test]
    fn templates_are_those_of_go() {
        assert_eq!(replaced("(b)", "abc", "$1x|${1}x|$$1|$|$-|${1|${}"), "a|bx|$1|$|$-|${1|${}c");
        assert_eq!(replaced("(?P<n_1>b)", "abc", "<$n_1>"), "a<b>c");
        assert_eq!(replaced("(b)", "abc", "$9"), "ac");
    }
}
