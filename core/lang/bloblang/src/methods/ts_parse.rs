//! `ts_parse`

use crate::args::Args;
use crate::error::Error;
use crate::fast::item::Item;
use crate::spec::{Example, Hook, Kind, Method, Param, Params, Run};
use crate::time;
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "ts_parse",
    category: "timestamps",
    summary: "Reads a timestamp from text, by a layout that shows how Monday, January 2 2006, \
              15:04:05 is written.",
    params: Params::Fixed(&[Param::new("format", Kind::String, "The layout.")]),
    examples: &[Example {
        mapping: "root.doc.at = this.doc.at.ts_parse(\"2006-Jan-02\")",
        cases: &[(r#"{"doc":{"at":"2020-Aug-14"}}"#, r#"{"doc":{"at":"2020-08-14T00:00:00Z"}}"#)],
    }],
    folds: true,
    run: Run::Simple(run),
    quick: Hook::Fixed(|target, args, _| {
        let text = std::str::from_utf8(target.text()?).ok()?;
        let at = time::parse(&args.str(0), text).ok()?;
        // A zone with a name has no form here.
        let plain = *at.zone == *time::plain_zone(at.offset_s);
        plain.then_some(Item::Time(i64::try_from(at.unix_ns).ok()?, at.offset_s))
    }),
    ..Method::PLUGIN
};

fn run(target: Val, args: &Args) -> Result<Val, Error> {
    let text = String::from_utf8_lossy(target.as_text()?);
    Ok(time::val(time::parse(&args.str(0), &text)?))
}
