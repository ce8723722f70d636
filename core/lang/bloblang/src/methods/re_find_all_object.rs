//! `re_find_all_object`

use crate::growth::{PARTS_MAX, parts_fit};
use crate::re;
use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "re_find_all_object",
    category: "regular expressions",
    summary: "All matches of a regular expression, each as an object of its groups by their \
              names; groups without a name have their number, and `0` is the whole match.",
    params: Params::Fixed(&[Param::new("pattern", Kind::String, "The expression.")]),
    examples: &[Example {
        mapping: r#"root.matches = this.value.re_find_all_object("a(?P<foo>x*)b")"#,
        cases: &[(
            r#"{"value":"-axxb-ab-"}"#,
            r#"{"matches":[{"0":"axxb","foo":"xx"},{"0":"ab","foo":""}]}"#,
        )],
    }],
    run: Run::Prepared(|args| {
        let pattern = re::compile(&args.str(0))?;
        let keys = re::group_keys(&pattern);
        Ok(Box::new(move |target| {
            let mut found = Vec::new();
            re::each_captures(&pattern, target.as_text()?, |captures| {
                found.push(re::object_of(&keys, captures, &target));
                found.len() * keys.len() <= PARTS_MAX
            });
            parts_fit(found.len() * keys.len())?;
            Ok(Val::array(found))
        }))
    }),
    ..Method::CORE
};
