//! `replace_all`

use super::same_kind;
use crate::args::Args;
use crate::error::Error;
use crate::growth::text_fits;
use crate::spec::{Example, Hook, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "replace_all",
    category: "strings",
    summary: "The text with every occurrence of a part replaced.",
    params: Params::Fixed(&[
        Param::new("old", Kind::String, "The part to replace."),
        Param::new("new", Kind::String, "What takes its place."),
    ]),
    examples: &[Example {
        mapping: "root.new_value = this.value.replace_all(\"foo\", \"dog\")",
        cases: &[(r#"{"value":"The foo ate my foo"}"#, r#"{"new_value":"The dog ate my dog"}"#)],
    }],
    run: Run::Simple(run),
    quick: Hook::Prepared(|args| {
        let (old, new) = (args.text(0).to_vec(), args.text(1).to_vec());
        let first = *old.first()?;
        let finder = memchr::memmem::Finder::new(&old).into_owned();
        Some(Box::new(move |target, tools| {
            let text = target.text()?;
            if memchr::memchr(first, text).is_none() {
                return Some(*target);
            }
            let mut out = bumpalo::collections::Vec::with_capacity_in(text.len(), tools.bump);
            let mut done = 0;
            for at in finder.find_iter(text) {
                out.extend_from_slice_copy(text.get(done..at)?);
                out.extend_from_slice_copy(&new);
                done = at + old.len();
                tools.fits().then_some(())?;
            }
            out.extend_from_slice_copy(text.get(done..)?);
            Some(target.like(out.into_bump_slice()))
        }))
    }),
    ..Method::CORE
};

fn run(target: Val, args: &Args) -> Result<Val, Error> {
    let changed = replace(target.as_text()?, args.text(0), args.text(1))?;
    Ok(same_kind(&target, &changed))
}

/// Replaces every occurrence; an empty part occurs before each character and at the end.
pub(super) fn replace(text: &[u8], old: &[u8], new: &[u8]) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(text.len());
    if old.is_empty() {
        for chunk in crate::cases::chars(text) {
            text_fits(out.len())?;
            out.extend_from_slice(new);
            out.extend_from_slice(chunk);
        }
        out.extend_from_slice(new);
        return Ok(out);
    }
    let mut done = 0;
    let finder = memchr::memmem::Finder::new(old);
    for at in finder.find_iter(text) {
        text_fits(out.len())?;
        out.extend_from_slice(&text[done..at]);
        out.extend_from_slice(new);
        done = at + old.len();
    }
    out.extend_from_slice(&text[done..]);
    Ok(out)
}
