//! `assign`

use super::merge::merged;
use crate::fast::merge as quick;
use crate::merge::replace;
use crate::spec::{Example, Hook, Kind, Method, Param, Params, Run};

pub(super) static SPEC: Method = Method {
    name: "assign",
    category: "objects and arrays",
    summary: "An object with the members of another, which replace its own; objects on both sides \
              are merged in turn. To an array the argument is appended, element by element if it \
              is one.",
    params: Params::Fixed(&[Param::new("with", Kind::Any, "What to merge with the target.")]),
    examples: &[Example {
        mapping: "root.config = this.defaults.assign(this.own)",
        cases: &[(
            r#"{"defaults":{"timeout":30,"retries":3},"own":{"timeout":60}}"#,
            r#"{"config":{"retries":3,"timeout":60}}"#,
        )],
    }],
    walks: true,
    run: Run::Simple(|target, args| merged(target, args, replace)),
    quick: Hook::Items(|target, args, tools| {
        quick::merged(target, args.first()?, quick::replace, tools)
    }),
    ..Method::CORE
};
