//! One spelling for equal JSON documents: members sorted by key, no white space.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::error::{Error, Result};

/// Nesting beyond this is refused; `serde_json` itself allows 128.
const DEPTH_MAX: usize = 64;

/// How numbers are spelt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbers {
    /// As in the source.
    Text,
    /// As the shortest digits of the nearest `f64`, so that `12.300` equals `12.3`.
    Value,
}

/// The members of an object by key, each as its source text.
pub(crate) type Members<'a> = BTreeMap<String, &'a RawValue>;

/// Splits an object into members; a repeated key keeps its last value.
///
/// # Errors
/// Text that is not one JSON object.
pub(crate) fn members(text: &str) -> Result<Members<'_>> {
    serde_json::from_str(text).map_err(|e| Error(format!("not a JSON object: {e}")))
}

/// Appends the canonical spelling of `text` to `out`.
///
/// # Errors
/// Text that is not one JSON value, or is nested deeper than the limit.
pub(crate) fn write(out: &mut String, text: &str, numbers: Numbers) -> Result<()> {
    write_at(out, text.trim(), numbers, 0)
}

/// Appends an object made of members that are canonical already or are made so.
pub(crate) fn write_members(out: &mut String, members: &Members, numbers: Numbers) -> Result<()> {
    write_object(out, members, numbers, 0)
}

fn write_object(out: &mut String, members: &Members, numbers: Numbers, depth: usize) -> Result<()> {
    out.push('{');
    for (i, (key, value)) in members.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write_string(out, key)?;
        out.push(':');
        write_at(out, value.get(), numbers, depth + 1)?;
    }
    out.push('}');
    Ok(())
}

fn write_at(out: &mut String, text: &str, numbers: Numbers, depth: usize) -> Result<()> {
    if depth > DEPTH_MAX {
        return Err(Error(format!("nested deeper than {DEPTH_MAX}")));
    }
    let bad = |e: serde_json::Error| Error(format!("not JSON: {e}"));
    match text.as_bytes().first() {
        Some(b'{') => write_object(out, &members(text)?, numbers, depth)?,
        Some(b'[') => {
            out.push('[');
            for (i, item) in
                serde_json::from_str::<Vec<&RawValue>>(text).map_err(bad)?.into_iter().enumerate()
            {
                if i > 0 {
                    out.push(',');
                }
                write_at(out, item.get(), numbers, depth + 1)?;
            }
            out.push(']');
        }
        Some(b'"') => write_string(out, &serde_json::from_str::<String>(text).map_err(bad)?)?,
        Some(b'-' | b'0'..=b'9') if numbers == Numbers::Value => {
            // The standard library rounds correctly; serde_json's own default may not.
            let number: f64 = text.parse().map_err(|e| Error(format!("{text}: {e}")))?;
            out.push_str(&number.to_string());
        }
        _ => out.push_str(serde_json::from_str::<&RawValue>(text).map_err(bad)?.get()),
    }
    Ok(())
}

fn write_string(out: &mut String, text: &str) -> Result<()> {
    let quoted = serde_json::to_string(text).map_err(|e| Error(e.to_string()))?;
    out.push_str(&quoted);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Numbers, write};

    fn canonical(text: &str, numbers: Numbers) -> Option<String> {
        let mut out = String::new();
        write(&mut out, text, numbers).ok().map(|()| out)
    }

    #[test]
    fn sorts_members_at_every_level() {
        let got = canonical(r#"{"b": {"z":1, "a":[ {"y":2,"x":3} ]}, "a": null}"#, Numbers::Text);
        assert_eq!(got.as_deref(), Some(r#"{"a":null,"b":{"a":[{"x":3,"y":2}],"z":1}}"#));
    }

    #[test]
    fn numbers_by_text_or_by_value() {
        assert_eq!(canonical("[12.300]", Numbers::Text).as_deref(), Some("[12.300]"));
        assert_eq!(canonical("[12.300,1e2]", Numbers::Value).as_deref(), Some("[12.3,100]"));
        let long = canonical("719.08200000000005", Numbers::Value);
        assert_eq!(long, canonical("719.082", Numbers::Value));
    }

    #[test]
    fn refuses_what_is_not_json() {
        for text in ["", "{", "nul", "[1,]", "{\"a\" 1}", "1 2"] {
            assert_eq!(canonical(text, Numbers::Text), None, "{text}");
        }
    }

    #[test]
    fn depth_has_a_limit() {
        let deep = "[".repeat(super::DEPTH_MAX + 2) + &"]".repeat(super::DEPTH_MAX + 2);
        assert_eq!(canonical(&deep, Numbers::Text), None);
    }
}
