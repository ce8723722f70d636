//! Regular expressions of queries.

use formats::value::Text;
use regex::{Captures, Regex, RegexBuilder};

use super::budget;
use super::text::{preview, typed};
use super::val::{Error, Val, ValR};

/// Bytes that a compiled expression may have.
const SIZE_MAX: usize = 1 << 20;

/// An expression with its flags.
struct Pattern {
    regex: Regex,
    global: bool,
    ignore_empty: bool,
}

impl Pattern {
    fn new(expression: &Val, flags: &Val, val: &Val) -> Result<Self, Error> {
        let no_match = || no_match(val, expression, flags);
        let Val::Str(expression) = expression else { return Err(no_match()) };
        let flags = match flags {
            Val::Null => "",
            Val::Str(flags) => flags.as_str(),
            _ => return Err(no_match()),
        };
        if let Some(flag) = flags.chars().find(|flag| !"gimnpslx".contains(*flag)) {
            let text = format!("unsupported regular expression flag: {:?}", flag.to_string());
            return Err(Error::str(text));
        }
        let has = |flag| flags.contains(flag);
        let regex = RegexBuilder::new(expression)
            .case_insensitive(has('i'))
            .dot_matches_new_line(has('s') || has('p'))
            .swap_greed(has('l'))
            .ignore_whitespace(has('x'))
            .size_limit(SIZE_MAX)
            .build();
        let regex = regex.map_err(|e| {
            let why = e.to_string();
            let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
            Error::str(format_args!("invalid regular expression {expression:?}: {why}"))
        })?;
        Ok(Pattern { regex, global: has('g'), ignore_empty: has('n') })
    }

    fn captures<'t>(&'t self, text: &'t str) -> impl Iterator<Item = Captures<'t>> {
        budget::take_bytes(text.len());
        let all = self.regex.captures_iter(text);
        let all = all.filter(|found| !(self.ignore_empty && found.get_match().is_empty()));
        all.take(if self.global { usize::MAX } else { 1 })
    }
}

fn no_match(val: &Val, expression: &Val, flags: &Val) -> Error {
    let (expression, flags) = (preview(expression), preview(flags));
    let val = typed(val);
    Error::str(format_args!("match({expression}; {flags}) cannot be applied to: {val}"))
}

fn text_of<'v>(val: &'v Val, expression: &Val, flags: &Val) -> Result<&'v str, Error> {
    match val {
        Val::Str(text) => Ok(text),
        _ => Err(no_match(val, expression, flags)),
    }
}

/// Whether a text matches.
pub(super) fn test(val: &Val, expression: &Val, flags: &Val) -> ValR {
    let text = text_of(val, expression, flags)?;
    budget::take_bytes(text.len());
    Ok(Val::Bool(Pattern::new(expression, flags, val)?.regex.is_match(text)))
}

/// The matches in a text, positions counted in characters.
pub(super) fn matches(val: &Val, expression: &Val, flags: &Val) -> ValR {
    let text = text_of(val, expression, flags)?;
    let pattern = Pattern::new(expression, flags, val)?;
    let names: Vec<Option<&str>> = pattern.regex.capture_names().collect();
    // Matches come in order, so that characters are counted once.
    let (mut bytes, mut chars) = (0, 0);
    let mut found = Vec::new();
    for captures in pattern.captures(text) {
        let start = captures.get_match().start();
        chars += text.get(bytes..start).unwrap_or_default().chars().count();
        bytes = start;
        let part = |at: usize, name: Option<Option<&str>>| {
            let part = captures.get(at);
            let offset = part.map_or(-1, |part| {
                let before = match part.start() >= bytes {
                    true => text.get(bytes..part.start()).unwrap_or_default(),
                    false => "",
                };
                (chars + before.chars().count()) as i64
            });
            let string = part.map(|part| part.as_str());
            let length = string.map_or(0, |text| text.chars().count());
            let mut members = vec![
                (Text::from("offset"), Val::from(offset)),
                (Text::from("length"), Val::from(length)),
                (Text::from("string"), string.map_or(Val::Null, Val::str)),
            ];
            if let Some(name) = name {
                members.push((Text::from("name"), name.map_or(Val::Null, Val::str)));
            }
            members
        };
        let groups = names.iter().enumerate().skip(1);
        let groups = groups.map(|(at, name)| Val::obj(part(at, Some(*name)))).collect();
        let mut whole = part(0, None);
        whole.push((Text::from("captures"), Val::arr(groups)));
        found.push(Val::obj(whole));
    }
    Ok(Val::arr(found))
}

/// The parts of a text between matches.
pub(super) fn split(val: &Val, expression: &Val, flags: &Val) -> ValR {
    let flags = (flags.clone() + Val::str("g"))?;
    let text = text_of(val, expression, &flags)?;
    let pattern = Pattern::new(expression, &flags, val)?;
    let mut parts = Vec::new();
    let mut from = 0;
    for captures in pattern.captures(text) {
        let whole = captures.get_match();
        parts.push(Val::str(text.get(from..whole.start()).unwrap_or_default()));
        from = whole.end();
    }
    parts.push(Val::str(text.get(from..).unwrap_or_default()));
    Ok(Val::arr(parts))
}
