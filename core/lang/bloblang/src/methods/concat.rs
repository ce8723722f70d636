//! `concat`

use formats::value::Value;

use crate::args::Args;
use crate::error::Error;
use crate::growth::parts_fit;
use crate::spec::{Example, Method, Params, Prepared, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "concat",
    category: "objects and arrays",
    summary: "The array with the elements of more arrays behind its own.",
    params: Params::Variadic("The other arrays."),
    examples: &[Example {
        mapping: "root.foo = this.foo.concat(this.bar, this.baz)",
        cases: &[(
            r#"{"foo":["a","b"],"bar":["c"],"baz":["d","e","f"]}"#,
            r#"{"foo":["a","b","c","d","e","f"]}"#,
        )],
    }],
    run: Run::Prepared(prepare),
    ..Method::PLUGIN
};

fn prepare(args: &Args) -> Result<Prepared, Error> {
    let mut more: Vec<Value> = Vec::new();
    for val in args.vals() {
        more.extend_from_slice(val.as_array()?);
        parts_fit(more.len())?;
    }
    Ok(Box::new(move |target| {
        let mut items = target.into_array()?;
        items.extend_from_slice(&more);
        Ok(Val::array(items))
    }))
}
