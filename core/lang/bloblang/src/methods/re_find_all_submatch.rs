//! `re_find_all_submatch`

use formats::value::Value;
use regex::bytes::Match;

use crate::growth::{PARTS_MAX, parts_fit};
use crate::re;
use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "re_find_all_submatch",
    category: "regular expressions",
    summary: "All matches of a regular expression, each as an array of the whole match and its \
              groups.",
    params: Params::Fixed(&[Param::new("pattern", Kind::String, "The expression.")]),
    examples: &[Example {
        mapping: r#"root.matches = this.value.re_find_all_submatch("a(x*)b")"#,
        cases: &[(r#"{"value":"-axxb-ab-"}"#, r#"{"matches":[["axxb","xx"],["ab",""]]}"#)],
    }],
    run: Run::Prepared(|args| {
        let pattern = re::compile(&args.str(0))?;
        Ok(Box::new(move |target| {
            let mut found = Vec::new();
            re::each_captures(&pattern, target.as_text()?, |captures| {
                let group =
                    |m: Option<Match<'_>>| Value::text(m.map_or(&b""[..], |m| m.as_bytes()));
                found.push(Value::array(captures.iter().map(group).collect()));
                found.len() * pattern.captures_len() <= PARTS_MAX
            });
            parts_fit(found.len() * pattern.captures_len())?;
            Ok(Val::array(found))
        }))
    }),
    ..Method::CORE
};
