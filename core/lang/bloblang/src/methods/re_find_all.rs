//! `re_find_all`

use formats::value::Value;

use crate::growth::{PARTS_MAX, parts_fit};
use crate::re;
use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "re_find_all",
    category: "regular expressions",
    summary: "All parts of the text that match a regular expression, from left to right.",
    params: Params::Fixed(&[Param::new("pattern", Kind::String, "The expression.")]),
    examples: &[Example {
        mapping: r#"root.matches = this.value.re_find_all("a.")"#,
        cases: &[(r#"{"value":"paranormal"}"#, r#"{"matches":["ar","an","al"]}"#)],
    }],
    run: Run::Prepared(|args| {
        let pattern = re::compile(&args.str(0))?;
        Ok(Box::new(move |target| {
            let text = target.as_text()?;
            let mut found = Vec::new();
            re::each_match(&pattern, text, |m| {
                found.push(Value::text(m.as_bytes()));
                found.len() <= PARTS_MAX
            });
            parts_fit(found.len())?;
            Ok(Val::array(found))
        }))
    }),
    ..Method::CORE
};
