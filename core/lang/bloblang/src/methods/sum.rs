//! `sum`

use formats::value::Value;

use crate::args::Args;
use crate::error::Error;
use crate::exec::Ctx;
use crate::fast::item::Item;
use crate::node::Node;
use crate::number::Num;
use crate::spec::{Example, Hook, Method, Run};
use crate::val::{Val, to_f64};

pub(super) static SPEC: Method = Method {
    name: "sum",
    category: "objects and arrays",
    summary: "The sum of the numbers in an array. A number is its own sum.",
    examples: &[Example {
        mapping: "root.sum = this.foo.sum()",
        cases: &[(r#"{"foo":[3,8,4]}"#, r#"{"sum":15}"#)],
    }],
    run: Run::Raw(run),
    quick: Hook::Fixed(|target, _, tools| {
        // Not `Iterator::sum`, whose sum of nothing is -0.
        let add = |sum, item: &Item<'_>| Some(sum + item.float()?);
        tools.list(target)?.iter().try_fold(0.0, add).map(Item::Float)
    }),
    ..Method::CORE
};

fn run(target: &Node, _: &Args, cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
    let val = target.eval(cx)?;
    let Some(Value::Array(items)) = val.value() else {
        return match val.value().and_then(Num::of) {
            Some(_) => Ok(val),
            None => Err(val.unexpected(&["array"]).annotate(|| target.annotation())),
        };
    };
    let (mut sum, mut wrong) = (0.0, None);
    for (i, item) in items.iter().enumerate() {
        match to_f64(item) {
            Some(number) => sum += number,
            None => wrong = Some((i, item)),
        }
    }
    // Of several elements that are no numbers the last one is told.
    match wrong {
        Some((i, item)) => {
            let error = Val::Data(item.clone()).unexpected(&["number"]);
            Err(error.prefix(format_args!("index {i}")))
        }
        None => Ok(Val::float(sum)),
    }
}
