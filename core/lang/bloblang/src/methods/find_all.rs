//! `find_all`

use formats::value::Value;

use crate::args::Args;
use crate::compare::equal;
use crate::error::Error;
use crate::spec::{Example, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "find_all",
    category: "objects and arrays",
    summary: "The positions of all elements of an array that equal a value.",
    params: Params::Fixed(&[Param::new("value", Kind::Any, "What to look for.")]),
    examples: &[Example {
        mapping: "root.index = this.find_all(\"bar\")",
        cases: &[(r#"["foo","bar","baz","bar"]"#, r#"{"index":[1,3]}"#)],
    }],
    walks: true,
    run: Run::Simple(|target, args| find_all(&target, args)),
    ..Method::CORE
};

fn find_all(target: &Val, args: &Args) -> Result<Val, Error> {
    let items = target.as_array()?;
    let Some(wanted) = args.val(0).and_then(Val::value) else {
        return Ok(Val::array(Vec::new()));
    };
    let found = items.iter().enumerate().filter(|(_, item)| equal(wanted, item));
    let position = |i| Value::Int(i64::try_from(i).unwrap_or(i64::MAX));
    Ok(Val::array(found.map(|(i, _)| position(i)).collect()))
}
