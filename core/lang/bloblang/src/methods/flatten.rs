//! `flatten`

use formats::value::Value;

use crate::error::Error;
use crate::growth::parts_fit;
use crate::spec::{Example, Method, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "flatten",
    category: "objects and arrays",
    summary: "An array whose elements that are arrays are replaced by what these hold, one level \
              deep.",
    examples: &[Example {
        mapping: "root.result = this.flatten()",
        cases: &[(r#"["foo",["bar",["baz"]],"buz"]"#, r#"{"result":["foo","bar",["baz"],"buz"]}"#)],
    }],
    run: Run::Simple(|target, _| flatten(&target)),
    ..Method::CORE
};

fn flatten(target: &Val) -> Result<Val, Error> {
    let items = target.as_array()?;
    let mut flat = Vec::with_capacity(items.len());
    for item in items {
        match item {
            Value::Array(inner) => flat.extend_from_slice(inner),
            single => flat.push(single.clone()),
        }
        parts_fit(flat.len())?;
    }
    Ok(Val::array(flat))
}
