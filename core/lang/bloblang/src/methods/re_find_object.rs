//! `re_find_object`

use formats::value::Object;

use crate::re;
use crate::spec::{Example, Hook, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "re_find_object",
    category: "regular expressions",
    summary: "The first match of a regular expression as an object of its groups by their names; \
              groups without a name have their number, and `0` is the whole match. Without a \
              match the object is empty.",
    params: Params::Fixed(&[Param::new("pattern", Kind::String, "The expression.")]),
    examples: &[Example {
        mapping: r#"root.matches = this.value.re_find_object("a(?P<foo>x*)b")"#,
        cases: &[(r#"{"value":"-axxb-ab-"}"#, r#"{"matches":{"0":"axxb","foo":"xx"}}"#)],
    }],
    run: Run::Prepared(|args| {
        let pattern = re::compile(&args.str(0))?;
        let keys = re::group_keys(&pattern);
        Ok(Box::new(move |target| {
            let mut found = None;
            re::each_captures(&pattern, target.as_text()?, |captures| {
                found = Some(re::object_of(&keys, captures, &target));
                false
            });
            Ok(found.map_or_else(|| Val::object(Object::new()), Val::Data))
        }))
    }),
    quick: Hook::Prepared(|args| {
        let groups = re::Groups::new(&args.str(0)).ok()?;
        Some(Box::new(move |target, tools| {
            let text = target.text()?;
            let mut members =
                bumpalo::collections::Vec::with_capacity_in(groups.count(), tools.bump);
            groups.first(text, |key, group| {
                members.push((tools.keep(key.as_bytes()), target.like(group)));
            });
            tools.new_map(members.into_iter())
        }))
    }),
    ..Method::CORE
};
