//! `${NAME:default}` in a configuration: replaced in the text before it is parsed
//! (spec/benthos-streams-api.md §7).

use base64::Engine;

/// Where the values of variables come from.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A text with its variables filled in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interpolated {
    /// The text.
    pub text: String,
    /// Variables without default that are not set, in the order of their first use.
    pub missing: Vec<String>,
}

impl Interpolated {
    /// The complaint about what is missing, if anything is.
    #[must_use]
    pub fn complaint(&self) -> Option<String> {
        let names = self.missing.join(" ");
        let text = format!("required environment variables were not set: [{names}]");
        (!self.missing.is_empty()).then_some(text)
    }
}

/// Variables that a complaint names at most.
const MISSING_MAX: usize = 100;
const DECODE: &str = "|base64decode";

/// Replaces every variable. `${{NAME}}` stands for `${NAME}` itself; whatever does not have the
/// form of a variable, such as `${!...}`, stays.
#[must_use]
pub fn interpolate(text: &str, lookup: Lookup<'_>) -> Interpolated {
    let mut out = Interpolated { text: String::with_capacity(text.len()), missing: Vec::new() };
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        out.text.push_str(before);
        let inside = from.strip_prefix("${").unwrap_or(from);
        let escaped = inside.strip_prefix('{').and_then(variable);
        if let Some((body, after)) = escaped.and_then(|(b, a)| Some((b, a.strip_prefix('}')?))) {
            out.text.push_str("${");
            out.text.push_str(body);
            out.text.push('}');
            rest = after;
        } else if let Some((body, after)) = variable(inside) {
            out.fill(body, lookup);
            rest = after;
        } else {
            out.text.push_str("${");
            rest = inside;
        }
    }
    out.text.push_str(rest);
    out
}

/// Splits `NAME:default}rest` into what is within the brace and what follows it.
fn variable(text: &str) -> Option<(&str, &str)> {
    let named = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'.';
    let name_len = text.bytes().take_while(|b| named(*b)).count();
    if name_len == 0 {
        return None;
    }
    let mut at = name_len;
    if text.get(at..)?.starts_with(DECODE) {
        at += DECODE.len();
    } else if text.get(at..)?.starts_with(':') {
        // A default may hold whole variables of its own, which stay as they are.
        loop {
            let tail = text.get(at..)?;
            at += match tail.find(['$', '}'])? {
                stop if tail.get(stop..)?.starts_with("${") => {
                    stop + tail.get(stop..)?.find('}')? + 1
                }
                stop if tail.get(stop..)?.starts_with('$') => stop + 1,
                stop => {
                    at += stop;
                    break;
                }
            };
        }
    }
    text.get(at..)?.strip_prefix('}').map(|after| (text.get(..at).unwrap_or_default(), after))
}

impl Interpolated {
    fn fill(&mut self, body: &str, lookup: Lookup<'_>) {
        let (body, decode) = match body.strip_suffix(DECODE) {
            Some(body) => (body, true),
            None => (body, false),
        };
        let (name, default) = match body.split_once(':') {
            Some((name, default)) => (name, Some(default)),
            None => (body, None),
        };
        let value = match (lookup(name), default) {
            (Some(value), _) if !value.is_empty() => value,
            (_, Some(default)) => default.to_owned(),
            (Some(empty), None) => empty,
            (None, None) => {
                let room = self.missing.len() < MISSING_MAX;
                if room && !self.missing.iter().any(|have| have == name) {
                    self.missing.push(name.to_owned());
                }
                return;
            }
        };
        let value = if decode { decoded(value) } else { value };
        self.text.push_str(&value.replace('\n', "\\n"));
    }
}

fn decoded(value: String) -> String {
    let bytes = base64::engine::general_purpose::STANDARD.decode(value.as_bytes());
    bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_complaint_names_so_many_variables_and_no_more() {
        let text: String = (0..=MISSING_MAX).map(|n| format!("${{A{n}}} ")).collect();
        assert_eq!(interpolate(&text, &|_| None).missing.len(), MISSING_MAX);
    }

    fn lookup(name: &str) -> Option<String> {
        match name {
            "SET" => Some("hello".into()),
            "EMPTY" => Some(String::new()),
            "LINES" => Some("a\nb".into()),
            "B64" => Some("aGVsbG8=".into()),
            _ => None,
        }
    }

    #[test]
    fn variables_and_defaults() {
        for (text, want) in [
            ("a ${SET} b", "a hello b"),
            ("${SET:x}${UNSET:dflt}${UNSET:}", "hellodflt"),
            ("${EMPTY}|${EMPTY:dflt}", "|dflt"),
            ("${UNSET:a:b c}", "a:b c"),
            ("${UNSET:x${SET}y}", "x${SET}y"),
            ("${UNSET:5$}", "5$"),
            ("${{SET}} ${{SET:x}}", "${SET} ${SET:x}"),
            ("${!content()} ${} ${SET ${", "${!content()} ${} ${SET ${"),
            ("${LINES}", "a\\nb"),
            ("${B64|base64decode} ${UNSET:aGVsbG8=|base64decode}", "hello hello"),
            ("# ${SET}", "# hello"),
        ] {
            assert_eq!(
                interpolate(text, &lookup),
                Interpolated { text: want.into(), missing: vec![] }
            );
        }
    }

    #[test]
    fn what_is_missing_is_named_once() {
        let got = interpolate("x${A}y${B}${A}", &lookup);
        assert_eq!(got.text, "xy");
        let complaint = "required environment variables were not set: [A B]";
        assert_eq!(got.complaint().as_deref(), Some(complaint));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[${}:|A-C a!]{0,40}") {
            let _ = interpolate(&text, &lookup);
        }
    }
}
