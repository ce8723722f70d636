//! `re_match`

use crate::fast::item::Item;
use crate::re;
use crate::spec::{Example, Hook, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "re_match",
    category: "regular expressions",
    summary: "Whether a regular expression matches somewhere in the text.",
    params: Params::Fixed(&[Param::new("pattern", Kind::String, "The expression.")]),
    examples: &[Example {
        mapping: "root.matches = this.v.re_match(\"[0-9]\")",
        cases: &[(r#"{"v":"there are 10 puppies"}"#, r#"{"matches":true}"#)],
    }],
    run: Run::Prepared(|args| {
        let pattern = re::compile(&args.str(0))?;
        Ok(Box::new(move |target| Ok(Val::bool(pattern.is_match(target.as_text()?)))))
    }),
    quick: Hook::Prepared(|args| {
        let pattern = re::compile(&args.str(0)).ok()?;
        Some(Box::new(move |target, _| Some(Item::Bool(pattern.is_match(target.text()?)))))
    }),
    ..Method::CORE
};
