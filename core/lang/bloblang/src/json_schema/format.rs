//! The formats of texts that schemas name.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::url::Url;
use crate::{re, time};

/// Whether a text has a format; texts have every format that is not known.
pub(super) fn has_format(format: &str, text: &str) -> bool {
    let timed = |layouts: &[&str]| layouts.iter().any(|layout| time::parse(layout, text).is_ok());
    let no_backslash = !text.contains('\\');
    match format {
        "date" => timed(&["2006-01-02"]),
        "time" => timed(&["15:04:05Z07:00", "15:04:05"]),
        "date-time" => {
            timed(&["15:04:05", "15:04:05Z07:00", "2006-01-02", "2006-01-02T15:04:05Z07:00"])
        }
        "hostname" => is_hostname(text),
        "email" | "idn-email" => is_address(text),
        "ipv4" => text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok(),
        "uri" | "iri" => no_backslash && scheme_of(text).is_some_and(|scheme| !scheme.is_empty()),
        "uri-reference" | "iri-reference" => no_backslash && scheme_of(text).is_some(),
        "uri-template" => no_backslash && scheme_of(text).is_some() && is_balanced(text),
        "uuid" => is_uuid(text),
        "regex" => re::compile(text).is_ok(),
        "json-pointer" => is_pointer(text),
        "relative-json-pointer" => is_relative_pointer(text),
        _ => true,
    }
}

/// The scheme of a URL, perhaps empty; `None` when the text is no URL.
fn scheme_of(text: &str) -> Option<Vec<u8>> {
    Url::parse(text.as_bytes()).ok().map(|url| url.scheme)
}

fn is_hostname(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() < 256 && text.split('.').all(label)
}

/// A mail address, alone or with a name before it.
fn is_address(text: &str) -> bool {
    let text = text.trim_matches([' ', '\t']);
    let address = match text.strip_suffix('>') {
        Some(named) => match named.rsplit_once('<') {
            Some((_, address)) => address,
            None => return false,
        },
        None => text,
    };
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    let atom = |atom: &str| {
        !atom.is_empty()
            && atom.chars().all(|c| {
                c.is_ascii_alphanumeric() || !c.is_ascii() || "!#$%&'*+-/=?^_`{|}~".contains(c)
            })
    };
    let quoted = local.len() > 2
        && local.starts_with('"')
        && local.ends_with('"')
        && !local.contains(['\n', '\r']);
    (quoted || local.split('.').all(atom)) && domain.split('.').all(atom)
}

/// Whether curly brackets come in pairs that do not hold each other.
fn is_balanced(text: &str) -> bool {
    let mut open = false;
    for c in text.chars() {
        match c {
            '{' if open => return false,
            '{' => open = true,
            '}' => open = false,
            _ => {}
        }
    }
    !open
}

fn is_uuid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let parts: Vec<&str> = text.split('-').collect();
    let hex = |part: &&str| part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    parts.iter().map(|part| part.len()).eq(lengths) && parts.iter().all(hex)
}

fn is_pointer(text: &str) -> bool {
    let escaped = |part: &str| part.split('~').skip(1).all(|behind| behind.starts_with(['0', '1']));
    text.is_empty() || text.starts_with('/') && escaped(text)
}

fn is_relative_pointer(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    let number = number == "0" || !number.is_empty() && !number.starts_with('0');
    number && (rest == "#" || is_pointer(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats() {
        for (format, good, bad) in [
            ("date", "2020-02-29", "2021-02-29"),
            ("time", "12:00:00Z", "25:00:00"),
            ("date-time", "2020-01-02T03:04:05.5+01:00", "2020-01-02 03:04"),
            ("hostname", "a-b.example", "-a.example"),
            ("email", "a.b@example.org", "a@"),
            ("email", "Ann <a@b>", "a b@c"),
            ("ipv4", "10.0.0.1", "10.0.0.256"),
            ("ipv6", "::1", "1.2.3.4"),
            ("uri", "http://a/b", "/b"),
            ("uri-reference", "/b", "a\\b"),
            ("uri-template", "http://a/{b}", "/{a"),
            (
                "uuid",
                "123e4567-e89b-12d3-a456-426614174000",
                "123E4567-e89b-12d3-a456-426614174000",
            ),
            ("regex", "a+", "(a"),
            ("json-pointer", "/a~1b", "/a~b"),
            ("relative-json-pointer", "1/a", "01/a"),
        ] {
            assert!(has_format(format, good), "{format} {good}");
            assert!(!has_format(format, bad), "{format} {bad}");
        }
        assert!(has_format("unheard of", "anything"));
    }
}
