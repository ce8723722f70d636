//! `parse_form_url_encoded`

use formats::value::{Object, Text, Value};
use std::collections::BTreeMap;

use crate::args::Args;
use crate::error::Error;
use crate::spec::{Example, Method, Run};
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
