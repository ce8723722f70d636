//! `ts_parse`

use crate::fast::item::Item;
use crate::spec::{Example, Hook, Kind, Method, Param, Params, Run};
use crate::time;

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
    run: Run::Prepared(|args| {
        let layout = time::Reader::new(&args.str(0));
        Ok(Box::new(move |target| {
            let text = String::from_utf8_lossy(target.as_text()?);
            Ok(time::val(layout.read(&text)?))
        }))
    }),
    quick: Hook::Prepared(|args| {
        let layout = time::Reader::new(&args.str(0));
        Some(Box::new(move |target, _| {
            let at = layout.read(std::str::from_utf8(target.text()?).ok()?).ok()?;
            // A zone with a name has no form here.
            let plain = *at.zone == *time::plain_zone(at.offset_s);
            plain.then_some(Item::Time(i64::try_from(at.unix_ns).ok()?, at.offset_s))
        }))
    }),
    ..Method::PLUGIN
};
