//! `re_replace_all`

use super::same_kind;
use crate::re;
use crate::spec::{Example, Hook, Kind, Method, Param, Params, Run};

pub(super) static SPEC: Method = Method {
    name: "re_replace_all",
    category: "regular expressions",
    summary: "The text with every match of a regular expression replaced; `$1` or `${name}` in \
              the replacement stands for a group.",
    params: Params::Fixed(&[
        Param::new("pattern", Kind::String, "The expression."),
        Param::new("value", Kind::String, "What takes the place of a match."),
    ]),
    examples: &[Example {
        mapping: r#"root.new_value = this.value.re_replace_all("ADD ([0-9]+)","+($1)")"#,
        cases: &[(r#"{"value":"foo ADD 70"}"#, r#"{"new_value":"foo +(70)"}"#)],
    }],
    run: Run::Prepared(|args| {
        let pattern = re::compile(&args.str(0))?;
        let template = re::Template::new(args.text(1));
        Ok(Box::new(move |target| {
            let changed = re::replace_all(&pattern, target.as_text()?, &template)?;
            Ok(changed.map_or_else(|| target.clone(), |changed| same_kind(&target, &changed)))
        }))
    }),
    quick: Hook::Prepared(|args| {
        let pattern = re::compile(&args.str(0)).ok()?;
        let template = re::Template::new(args.text(1));
        Some(Box::new(move |target, tools| {
            let changed = re::replace_all(&pattern, target.text()?, &template).ok()?;
            Some(changed.map_or(*target, |changed| target.like(tools.keep(&changed))))
        }))
    }),
    ..Method::CORE
};
