//! `merge`

use formats::value::Value;

use crate::args::Args;
use crate::error::Error;
use crate::fast::merge as quick;
use crate::merge::{Collide, gather, merge};
use crate::spec::{Example, Hook, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "merge",
    category: "objects and arrays",
    summary: "An object with the members of another: objects on both sides are merged in turn, \
              other values of the same key become an array of both. To an array the argument is \
              appended, element by element if it is one.",
    params: Params::Fixed(&[Param::new("with", Kind::Any, "What to merge with the target.")]),
    examples: &[
        Example {
            mapping: "root = this.foo.merge(this.bar)",
            cases: &[(
                r#"{"foo":{"name":"foo","likes":"bars"},"bar":{"age":5,"likes":"foos"}}"#,
                r#"{"age":5,"likes":["bars","foos"],"name":"foo"}"#,
            )],
        },
        Example {
            mapping: "root.combined = this.list1.merge(this.list2)",
            cases: &[(
                r#"{"list1":["a","b"],"list2":["c","d"]}"#,
                r#"{"combined":["a","b","c","d"]}"#,
            )],
        },
    ],
    walks: true,
    run: Run::Simple(|target, args| merged(target, args, gather)),
    quick: Hook::Items(|target, args, tools| {
        quick::merged(target, args.first()?, quick::gather, tools)
    }),
    ..Method::CORE
};

/// The target merged with the first argument. What is no object is not merged into one.
pub(super) fn merged(target: Val, args: &Args, collide: Collide) -> Result<Val, Error> {
    let with = args.val(0).and_then(Val::value);
    match target.value() {
        Some(Value::Array(_)) => {
            let mut items = target.into_array()?;
            match with {
                Some(Value::Array(more)) => items.extend_from_slice(more),
                single => items.push(single.cloned().unwrap_or(Value::Null)),
            }
            Ok(Val::array(items))
        }
        Some(Value::Object(_)) => {
            let mut object = target.into_object()?;
            if let Some(Value::Object(with)) = with {
                merge(&mut object, with, collide);
            }
            Ok(Val::object(object))
        }
        _ => Err(target.unexpected(&["object", "array"])),
    }
}
