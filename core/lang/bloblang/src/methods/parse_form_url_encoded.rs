//! `parse_form_url_encoded`

use formats::value::{Object, Text, Value};
use std::collections::BTreeMap;

use crate::args::Args;
use crate::error::Error;
use crate::fast::item::{Item, Tools};
use crate::spec::{Example, Hook, Method, Run};
use crate::url::{Part, unescape};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "parse_form_url_encoded",
    category: "parsing",
    summary: "An object of the fields of a form, as URLs and bodies of requests carry it. A \
              field that is repeated becomes an array.",
    examples: &[Example {
        mapping: "root.values = this.body.parse_form_url_encoded()",
        cases: &[(
            r#"{"body":"noise=meow&fur=orange&fur=fluffy"}"#,
            r#"{"values":{"fur":["orange","fluffy"],"noise":"meow"}}"#,
        )],
    }],
    run: Run::Simple(run),
    quick: Hook::Fixed(quick),
    ..Method::PLUGIN
};

fn run(target: Val, _: &Args) -> Result<Val, Error> {
    let fail = |why: &str| Error::new(format!("failed to parse value as url-encoded data: {why}"));
    let mut fields: BTreeMap<Vec<u8>, Vec<Value>> = BTreeMap::new();
    // As the original: parts that are wrong are left out, and the first of them is the error.
    let mut error = None;
    for part in target.as_text()?.split(|&b| b == b'&').filter(|part| !part.is_empty()) {
        if part.contains(&b';') {
            error = error.or(Some(fail("invalid semicolon separator in query")));
            continue;
        }
        let at = memchr::memchr(b'=', part);
        let (key, value) = at.map_or((part, &b""[..]), |at| (&part[..at], &part[at + 1..]));
        match unescape(key, Part::Query).and_then(|key| Ok((key, unescape(value, Part::Query)?))) {
            Ok((key, value)) => fields.entry(key).or_default().push(Value::text(value)),
            Err(why) => error = error.or(Some(fail(&why))),
        }
    }
    if let Some(error) = error {
        return Err(error);
    }
    let member = |(key, mut values): (Vec<u8>, Vec<Value>)| {
        let value = match (values.len(), values.pop()) {
            (1, Some(only)) => only,
            (_, last) => {
                values.extend(last);
                Value::array(values)
            }
        };
        (Text::from(key), value)
    };
    Ok(Val::object(fields.into_iter().map(member).collect::<Object>()))
}

fn quick<'b>(target: &Item<'b>, _: &'b Args, tools: &Tools<'b>) -> Option<Item<'b>> {
    let text = target.text()?;
    let plain = |part: &'b [u8]| match memchr::memchr3(b'%', b'+', b';', part) {
        None => Some(part),
        Some(_) if part.contains(&b';') => None,
        Some(_) => unescape(part, Part::Query).ok().map(|text| tools.keep(&text)),
    };
    let mut fields = bumpalo::collections::Vec::new_in(tools.bump);
    for part in text.split(|&b| b == b'&').filter(|part| !part.is_empty()) {
        let at = memchr::memchr(b'=', part);
        let (key, value) = at.map_or((part, &b""[..]), |at| (&part[..at], &part[at + 1..]));
        fields.push((plain(key)?, Item::Str(plain(value)?)));
    }
    fields.sort_by_key(|(key, _)| *key);
    let mut members = bumpalo::collections::Vec::with_capacity_in(fields.len(), tools.bump);
    for same in fields.chunk_by(|a, b| a.0 == b.0) {
        members.push(match same {
            [only] => *only,
            [(key, _), ..] => (*key, tools.new_list(same.iter().map(|(_, value)| *value))?),
            [] => continue,
        });
    }
    tools.new_map(members.into_iter())
}
