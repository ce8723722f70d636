//! `split`

use formats::value::Value;

use super::same_kind;
use crate::args::Args;
use crate::cases;
use crate::error::Error;
use crate::fast::item::Item;
use crate::growth::parts_fit;
use crate::spec::{Absent, Example, Hook, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "split",
    category: "strings",
    summary: "The parts of a text between the occurrences of a delimiter. An empty delimiter gives \
              the characters.",
    params: Params::Fixed(&[
        Param::new("delimiter", Kind::String, "What stands between the parts."),
        Param::new("empty_as_null", Kind::Bool, "Give null for empty parts.")
            .or(Absent::Bool(false)),
    ]),
    examples: &[Example {
        mapping: "root.new_value = this.value.split(\",\")",
        cases: &[(r#"{"value":"foo,bar"}"#, r#"{"new_value":["foo","bar"]}"#)],
    }],
    run: Run::Simple(run),
    quick: Hook::Fixed(|target, args, tools| {
        let Item::Str(text) = *target else { return None };
        let delimiter = args.text(0);
        if delimiter.is_empty() || args.bool(1) {
            return None;
        }
        let count = 1 + memchr::memmem::find_iter(text, delimiter).count();
        let mut cuts = memchr::memmem::find_iter(text, delimiter);
        let mut start = 0;
        tools.new_list((0..count).map(|_| {
            let end = cuts.next().unwrap_or(text.len());
            let part = &text[start..end];
            start = end + delimiter.len();
            Item::Str(part)
        }))
    }),
    ..Method::CORE
};

fn run(target: Val, args: &Args) -> Result<Val, Error> {
    let (text, delimiter) = (target.as_text()?, args.text(0));
    let nulls = args.bool(1);
    let part = |bytes: &[u8]| match nulls && bytes.is_empty() {
        true => Value::Null,
        false => same_kind(&target, bytes).into_value().unwrap_or_default(),
    };
    if delimiter.is_empty() {
        parts_fit(text.len())?;
        return Ok(Val::array(cases::chars(text).map(part).collect()));
    }
    let mut parts = Vec::new();
    let mut start = 0;
    for at in memchr::memmem::find_iter(text, delimiter) {
        parts.push(part(&text[start..at]));
        start = at + delimiter.len();
        parts_fit(parts.len())?;
    }
    parts.push(part(&text[start..]));
    Ok(Val::array(parts))
}
