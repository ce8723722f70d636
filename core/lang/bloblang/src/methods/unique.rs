//! `unique`

use std::borrow::Cow;
use std::collections::HashSet;

use formats::value::Value;

use crate::args::Args;
use crate::error::Error;
use crate::exec::Ctx;
use crate::fast::item::Item;
use crate::number::Num;
use crate::spec::{Example, Hook, Kind, Method, Param, Params, Run};
use crate::val::Val;

pub(super) static SPEC: Method = Method {
    name: "unique",
    category: "objects and arrays",
    summary: "The elements of an array of numbers and texts without those that came before. A \
              query can say what decides.",
    params: Params::Fixed(&[Param::new(
        "emit",
        Kind::Query,
        "Gives the number or text that stands for an element.",
    )
    .optional()]),
    examples: &[
        Example {
            mapping: "root.uniques = this.foo.unique()",
            cases: &[(r#"{"foo":["a","b","a","c"]}"#, r#"{"uniques":["a","b","c"]}"#)],
        },
        Example {
            mapping: "root.users = this.users.unique(user -> user.id)",
            cases: &[(
                r#"{"users":[{"id":1,"v":"x"},{"id":2,"v":"y"},{"id":1,"v":"z"}]}"#,
                r#"{"users":[{"id":1,"v":"x"},{"id":2,"v":"y"}]}"#,
            )],
        },
    ],
    run: Run::Lambda(run),
    quick: Hook::Fixed(|target, _, tools| {
        let items = tools.list(target)?;
        let mut seen = Seen::default();
        let mut kept = bumpalo::collections::Vec::with_capacity_in(items.len(), tools.bump);
        for item in items {
            let new = match *item {
                // Few texts are compared with each other.
                Item::Str(text) if items.len() <= COMPARED_MAX => {
                    let same = |other: &Item<'_>| matches!(other, Item::Str(o) if *o == text);
                    !kept.iter().any(same)
                }
                Item::Str(text) => seen.text(text),
                item => seen.number(item.float()?),
            };
            kept.extend(new.then_some(*item));
        }
        Some(Item::List(kept.into_bump_slice()))
    }),
    ..Method::CORE
};

fn run(target: Val, args: &Args, cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
    let emit = args.opt_query(0);
    let items = target.as_array()?;
    let mut kept = Vec::with_capacity(items.len());
    let mut seen = Seen::default();
    for (i, item) in items.iter().enumerate() {
        let mark = Val::Data(item.clone());
        let mark = match emit {
            Some(emit) => emit.call(cx, &mark),
            None => Ok(mark),
        };
        let new = mark.and_then(|mark| seen.insert(&mark));
        if new.map_err(|e| e.prefix(format_args!("index {i}")))? {
            kept.push(item.clone());
        }
    }
    Ok(Val::array(kept))
}

/// What came before; numbers and texts apart.
/// Texts that are compared with each other instead of being looked up.
const COMPARED_MAX: usize = 64;

#[derive(Default)]
struct Seen {
    numbers: HashSet<u64>,
    texts: HashSet<Vec<u8>>,
}

impl Seen {
    /// Whether the value is new.
    fn insert(&mut self, mark: &Val) -> Result<bool, Error> {
        if let Some(x) = mark.value().and_then(Num::of).map(Num::float) {
            return Ok(self.number(x));
        }
        // Number text beyond the doubles is a text.
        let text = match mark.value() {
            Some(Value::Number(text)) => Some(Cow::Borrowed(text.as_bytes())),
            _ => mark.text_like(),
        };
        match text {
            Some(text) => Ok(self.text(&text)),
            None => Err(mark.unexpected(&["string", "number"])),
        }
    }

    /// Whether a number is new; NaN is equal to nothing.
    fn number(&mut self, x: f64) -> bool {
        x.is_nan() || self.numbers.insert((x + 0.0).to_bits())
    }

    fn text(&mut self, text: &[u8]) -> bool {
        !self.texts.contains(text) && self.texts.insert(text.to_vec())
    }
}
