//! `trim`

use crate::args::Args;
use crate::cases;
use crate::error::Error;
use crate::spec::{Example, Hook, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "trim",
    category: "strings",
    summary: "The text without white space, or without the given characters, at both ends.",
    params: Params::Fixed(&[Param::new(
        "cutset",
        Kind::String,
        "The characters to remove; white space when left out.",
    )
    .optional()]),
    examples: &[
        Example {
            mapping: r#"root.title = this.title.trim("!?")"#,
            cases: &[(r#"{"title":"!!!watch out!?"}"#, r#"{"title":"watch out"}"#)],
        },
        Example {
            mapping: "root.note = this.note.trim()",
            cases: &[(r#"{"note":"  it happened! "}"#, r#"{"note":"it happened!"}"#)],
        },
    ],
    run: Run::Simple(run),
    quick: Hook::Fixed(|target, args, _| {
        Some(target.like(trimmed(target.text()?, args.opt_text(0))))
    }),
    ..Method::CORE
};

fn run(target: Val, args: &Args) -> Result<Val, Error> {
    Ok(super::same_kind(&target, trimmed(target.as_text()?, args.opt_text(0))))
}

fn trimmed<'t>(text: &'t [u8], cutset: Option<&[u8]>) -> &'t [u8] {
    let cut = |c: &[u8]| match cutset {
        Some(cutset) => cases::chars(cutset).any(|of_set| of_set == c),
        None => std::str::from_utf8(c).is_ok_and(|c| c.chars().all(char::is_whitespace)),
    };
    let start: usize = cases::chars(text).take_while(|c| cut(c)).map(<[u8]>::len).sum();
    let rest = text.get(start..).unwrap_or_default();
    let mut end = 0;
    let mut at = 0;
    for c in cases::chars(rest) {
        at += c.len();
        if !cut(c) {
            end = at;
        }
    }
    rest.get(..end).unwrap_or_default()
}
