//! `fold`

use formats::value::{Object, Text, Value};

use crate::args::Args;
use crate::error::Error;
use crate::exec::Ctx;
use crate::fast::item::Item;
use crate::spec::{Example, Hook, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "fold",
    category: "objects and arrays",
    summary: "Reduces an array to one value: a query gets an object of the `tally` so far and the \
              `value` of an element, and gives the next tally.",
    params: Params::Fixed(&[
        Param::new("initial", Kind::Any, "The tally to begin with."),
        Param::new("query", Kind::Query, "Evaluated for each element."),
    ]),
    examples: &[
        Example {
            mapping: "root.sum = this.foo.fold(0, item -> item.tally + item.value)",
            cases: &[(r#"{"foo":[3,8,11]}"#, r#"{"sum":22}"#)],
        },
        Example {
            mapping: "root.all = this.fruits.fold({}, item -> item.tally.merge(item.value))",
            cases: &[(
                r#"{"fruits":[{"apple":5},{"banana":3}]}"#,
                r#"{"all":{"apple":5,"banana":3}}"#,
            )],
        },
    ],
    run: Run::Lambda(run),
    quick: Hook::Each(|target, call, record| {
        let items = record.tools.list(target)?;
        let mut tally = match call.args.val(0) {
            Some(initial) => record.tools.item_of(initial)?,
            None => Item::Null,
        };
        for item in items {
            let so_far = match tally {
                Item::Deleted | Item::Nothing => Item::Null,
                tally => tally,
            };
            let members = [(&b"tally"[..], so_far), (&b"value"[..], *item)];
            let context = record.tools.new_map(members.into_iter())?;
            tally = record.call(&call.query, &context)?;
        }
        Some(tally)
    }),
    ..Method::CORE
};

fn run(target: Val, args: &Args, cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
    let query = args.query(1)?;
    let mut tally = args.val(0).cloned().unwrap_or(Val::NULL);
    for item in target.as_array()? {
        let so_far = tally.into_value().unwrap_or(Value::Null);
        let members = [(Text::from("tally"), so_far), (Text::from("value"), item.clone())];
        let context = cx.made(Val::object(members.into_iter().collect::<Object>()))?;
        tally = query.call(cx, &context)?;
    }
    Ok(tally)
}
