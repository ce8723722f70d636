//! Objects merged into each other, for `merge`, `assign` and `squash`.

use std::sync::Arc;

use formats::value::{Object, Text, Value};

/// Room that a level of nesting may need on the stack, and what is added when it runs out.
const LEVEL_BYTES: usize = 64 << 10;
const GROWTH_BYTES: usize = 2 << 20;

/// What becomes of a member that both sides have, unless both are objects.
pub(crate) type Collide = fn(&Value, &Value) -> Value;

/// The later value.
pub(crate) fn replace(_: &Value, later: &Value) -> Value {
    later.clone()
}

/// An array of both values; the elements of arrays stand for themselves.
pub(crate) fn gather(earlier: &Value, later: &Value) -> Value {
    let mut items = Vec::new();
    for side in [earlier, later] {
        match side {
            Value::Array(inner) => items.extend(inner.iter().cloned()),
            single => items.push(single.clone()),
        }
    }
    Value::array(items)
}

/// Merges the members of `from` into an object; objects on both sides are merged in turn.
pub(crate) fn merge(into: &mut Object, from: &Object, collide: Collide) {
    // Few new members are put in one by one, many by going through both sides at once.
    if from.len() < into.len() / 8 {
        for (key, later) in from.iter() {
            match into.get_mut(key.as_bytes()) {
                Some(earlier) => combine(earlier, later, collide),
                None => {
                    into.insert(key.clone(), later.clone());
                }
            }
        }
        return;
    }
    let mut members: Vec<(Text, Value)> = Vec::with_capacity(into.len() + from.len());
    for (key, earlier) in into.iter() {
        let mut value = earlier.clone();
        if let Some(later) = from.get(key.as_bytes()) {
            combine(&mut value, later, collide);
        }
        members.push((key.clone(), value));
    }
    let new = from.iter().filter(|(key, _)| into.get(key.as_bytes()).is_none());
    members.extend(new.map(|(key, value)| (key.clone(), value.clone())));
    *into = members.into_iter().collect();
}

fn combine(earlier: &mut Value, later: &Value, collide: Collide) {
    match (&mut *earlier, later) {
        (Value::Object(into), Value::Object(from)) => {
            // Messages nest deeper than the stack of a shard is high.
            stacker::maybe_grow(LEVEL_BYTES, GROWTH_BYTES, || {
                merge(Arc::make_mut(into), from, collide);
            });
        }
        _ => *earlier = collide(earlier, later),
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
