//! `join`

use crate::args::Args;
use crate::error::Error;
use crate::fast::item::Item;
use crate::growth::text_fits;
use crate::spec::{Absent, Example, Hook, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "join",
    category: "objects and arrays",
    summary: "The texts of an array in one, with a delimiter between them.",
    params: Params::Fixed(&[
        Param::new("delimiter", Kind::String, "What stands between.").or(Absent::Str(""))
    ]),
    examples: &[Example {
        mapping: "root.joined = this.words.join(\", \")",
        cases: &[(r#"{"words":["hello","world"]}"#, r#"{"joined":"hello, world"}"#)],
    }],
    run: Run::Simple(run),
    quick: Hook::Fixed(|target, args, tools| {
        let (items, delimiter) = (tools.list(target)?, args.text(0));
        let mut out = bumpalo::collections::Vec::new_in(tools.bump);
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                out.extend_from_slice(delimiter);
            }
            out.extend_from_slice(item.text()?);
            tools.fits().then_some(())?;
        }
        Some(Item::Str(out.into_bump_slice()))
    }),
    ..Method::CORE
};

fn run(target: Val, args: &Args) -> Result<Val, Error> {
    let mut out = Vec::new();
    for (i, item) in target.as_array()?.iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(args.text(0));
        }
        let item = Val::Data(item.clone());
        let text =
            item.as_text().map_err(|e| e.prefix(format_args!("failed to join element {i}")))?;
        out.extend_from_slice(text);
        text_fits(out.len())?;
    }
    Ok(Val::text(out))
}
