//! `deleted`

use crate::spec::{Example, Function, Purity, RunFn};
use crate::val::Val;

pub(super) static SPEC: Function = Function {
    name: "deleted",
    category: "general",
    summary: "A mark that removes its place: the field or element it is assigned to or, assigned \
              to root, the whole message.",
    examples: &[
        Example {
            mapping: "root = this\nroot.secret = deleted()",
            cases: &[(r#"{"a":1,"secret":2}"#, r#"{"a":1}"#)],
        },
        Example {
            mapping: "root.new_nums = this.nums.map_each(n -> if n < 10 { deleted() } else { n })",
            cases: &[(r#"{"nums":[3,11,4,17]}"#, r#"{"new_nums":[11,17]}"#)],
        },
    ],
    purity: Purity::Pure,
    annotation: Some(|_| Some("delete".into())),
    run: RunFn::Simple(|_, _| Ok(Val::Deleted)),
    ..Function::BASE
};
