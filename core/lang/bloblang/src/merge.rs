//! Objects merged into each other, for `merge`, `assign` and `squash`.

use std::sync::Arc;

use formats::value::{Object, Text, Value};

/// Room that a level of nesting may need on the stack, and what is added when it runs out.
const LEVEL_BYTES: usize = 64 << 10;
const GROWTH_BYTES: usize = 2 << 20;

/// What becomes of a member that both sides have, unless both are objects.
pub(crate) type Collide = fn(&mut Value, &Value);

/// The later value.
pub(crate) fn replace(earlier: &mut Value, later: &Value) {
    *earlier = later.clone();
}

/// An array of both values; the elements of arrays stand for themselves. An array that nobody else
/// holds grows where it is, so that many values are gathered in a row without copies of copies.
pub(crate) fn gather(earlier: &mut Value, later: &Value) {
    if !matches!(earlier, Value::Array(_)) {
        *earlier = Value::array(vec![std::mem::take(earlier)]);
    }
    let Value::Array(items) = earlier else { return };
    let items = Arc::make_mut(items);
    match later {
        Value::Array(more) => items.extend(more.iter().cloned()),
        single => items.push(single.clone()),
    }
}

/// Merges the members of `from` into an object; objects on both sides are merged in turn.
pub(crate) fn merge(into: &mut Object, from: &Object, collide: Collide) {
    let mut new: Vec<(Text, Value)> = Vec::new();
    for (key, later) in from.iter() {
        match into.get_mut(key.as_bytes()) {
            Some(earlier) => combine(earlier, later, collide),
            None => new.push((key.clone(), later.clone())),
        }
    }
    // Few new members are put in one by one, many by one sort.
    if new.len() <= into.len() / 8 {
        for (key, value) in new {
            into.insert(key, value);
        }
        return;
    }
    let members = into.iter().map(|(key, value)| (key.clone(), value.clone()));
    *into = members.chain(new).collect();
}

fn combine(earlier: &mut Value, later: &Value, collide: Collide) {
    match (earlier, later) {
        (Value::Object(into), Value::Object(from)) => {
            // Messages nest deeper than the stack of a shard is high.
            stacker::maybe_grow(LEVEL_BYTES, GROWTH_BYTES, || {
                merge(Arc::make_mut(into), from, collide);
            });
        }
        (earlier, later) => collide(earlier, later),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_deep_as_messages_go() {
        let nested = |leaf: i64| {
            (0..5_000).fold(Value::Int(leaf), |inner, _| {
                Value::object([(Text::from("a"), inner)].into_iter().collect())
            })
        };
        let (mut into, from) = (nested(1), nested(2));
        combine(&mut into, &from, gather);
        let mut at = &into;
        while let Value::Object(object) = at {
            at = object.get(b"a").unwrap();
        }
        assert!(matches!(at, Value::Array(items) if items.len() == 2));
    }

    #[test]
    fn both_ways_of_merging_agree() {
        let object = |keys: std::ops::Range<i64>| -> Object {
            keys.map(|k| (Text::from(format!("{k:03}")), Value::Int(k))).collect()
        };
        let (large, small) = (object(0..100), object(95..103));
        let (mut slow, mut quick) = (large.clone(), large);
        merge(&mut quick, &small, replace);
        for (key, value) in small.iter() {
            slow.insert(key.clone(), value.clone());
        }
        let text = |object: &Object| format!("{object:?}");
        assert_eq!(text(&quick), text(&slow));
    }
}
