//! Arrays and objects with dynamic parts (spec/bloblang.md §6).

use formats::value::{Object, Text, Value};

use crate::error::Error;
use crate::exec::Ctx;
use crate::node::{Key, Node};
use crate::text::go_type;
use crate::val::Val;

/// Elements that are deleted or nothing vanish.
pub(super) fn array(items: &[Node], cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
    let mut out = Vec::with_capacity(items.len());
    for item in items {
        out.extend(item.eval(cx)?.into_value());
    }
    Ok(if out.is_empty() { Val::NilArray } else { Val::array(out) })
}

/// Members that are deleted or nothing vanish; of equal keys the last wins.
pub(super) fn object(members: &[(Key, Node)], cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
    let mut out: Vec<(Text, Value)> = Vec::with_capacity(members.len());
    for (key, node) in members {
        let key = match key {
            Key::Static(text) => text.clone(),
            Key::Dynamic(node) => {
                let val = node.eval(cx).map_err(|e| e.prefix("failed to resolve key"))?;
                match val {
                    Val::Data(Value::String(text)) => text,
                    other => {
                        let got = go_type(&other);
                        return Err(Error::new(format!(
                            "mapping returned invalid key type: {got}"
                        )));
                    }
                }
            }
        };
        let value = node.eval(cx).map_err(|e| {
            e.prefix(format_args!("failed to resolve '{}' value", key.to_str_lossy()))
        })?;
        if let Some(value) = value.into_value() {
            out.push((key, value));
        }
    }
    Ok(Val::object(out.into_iter().collect::<Object>()))
}
