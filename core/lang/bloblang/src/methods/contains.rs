//! `contains`

use formats::value::Value;

use crate::args::Args;
use crate::compare::equal;
use crate::error::Error;
use crate::fast::item::Item;
use crate::spec::{Example, Hook, Kind, Method, Param, Params, Run};
use crate::text;
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "contains",
    category: "objects and arrays",
    summary: "Whether an array has an element, an object a member value, or a text a part, equal \
              to the argument.",
    params: Params::Fixed(&[Param::new("value", Kind::Any, "What to look for.")]),
    examples: &[
        Example {
            mapping: "root.has = this.items.contains(\"b\")",
            cases: &[(r#"{"items":["a","b"]}"#, r#"{"has":true}"#)],
        },
        Example {
            mapping: "root.has = this.text.contains(\"bar\")",
            cases: &[(r#"{"text":"foobarbaz"}"#, r#"{"has":true}"#)],
        },
    ],
    walks: true,
    run: Run::Simple(run),
    quick: Hook::Fixed(|target, args, _| {
        let Val::Data(Value::String(part)) = args.val(0)? else { return None };
        let found = memchr::memmem::find(target.text()?, part.as_bytes()).is_some();
        Some(Item::Bool(found))
    }),
    ..Method::CORE
};

fn run(target: Val, args: &Args) -> Result<Val, Error> {
    let wanted = args.val(0).and_then(Val::value);
    let found = match target.value() {
        Some(Value::String(_) | Value::Bytes(_)) => {
            let part = args.val(0).map(text::of).unwrap_or_default();
            memchr::memmem::find(target.as_text()?, &part).is_some()
        }
        Some(Value::Array(items)) => {
            items.iter().any(|item| wanted.is_some_and(|w| equal(w, item)))
        }
        Some(Value::Object(object)) => {
            object.iter().any(|(_, item)| wanted.is_some_and(|w| equal(w, item)))
        }
        _ => return Err(target.unexpected(&["string", "array", "object"])),
    };
    Ok(Val::bool(found))
}
