//! `zip`

use formats::value::Value;

use crate::args::Args;
use crate::error::Error;
use crate::growth::parts_fit;
use crate::spec::{Example, Method, Params, Prepared, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "zip",
    category: "objects and arrays",
    summary: "An array of arrays that hold the first elements of this and other arrays, the second \
              ones, and so on. All must be equally long.",
    params: Params::Variadic("The other arrays, at least one."),
    examples: &[Example {
        mapping: "root.foo = this.foo.zip(this.bar, this.baz)",
        cases: &[(
            r#"{"foo":["a","b"],"bar":[1,2],"baz":[4,5]}"#,
            r#"{"foo":[["a",1,4],["b",2,5]]}"#,
        )],
    }],
    run: Run::Prepared(prepare),
    ..Method::PLUGIN
};

fn prepare(args: &Args) -> Result<Prepared, Error> {
    let uneven = || Error::new("can't zip different length array values");
    let mut others: Vec<Vec<Value>> = Vec::new();
    for val in args.vals() {
        let other = val.as_array()?;
        if others.first().is_some_and(|first| first.len() != other.len()) {
            return Err(uneven());
        }
        others.push(other.to_vec());
    }
    Ok(Box::new(move |target| {
        let items = target.as_array()?;
        let Some(first) = others.first() else {
            return Err(Error::new("zip requires at least one argument"));
        };
        if items.len() != first.len() {
            return Err(uneven());
        }
        parts_fit(items.len().saturating_mul(others.len() + 1))?;
        let row = |(i, item): (usize, &Value)| {
            let others = others.iter().filter_map(|other| other.get(i));
            Value::array(std::iter::once(item).chain(others).cloned().collect())
        };
        Ok(Val::array(items.iter().enumerate().map(row).collect()))
    }))
}
