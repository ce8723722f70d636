//! Fields of documents (spec/bloblang.md §4).

use formats::value::Value;

use crate::error::Error;
use crate::exec::{Ctx, Root};
use crate::growth::weigh;
use crate::node::{Base, Path, Seg, dotted};
use crate::val::Val;

impl Path {
    pub(super) fn eval(&self, cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
        match &self.base {
            Base::This => match cx.value {
                Some(val) => walk_val(val, &self.segs),
                None => match self.raw(cx) {
                    Some(value) => Ok(value.into()),
                    None => self.of_document(cx),
                },
            },
            Base::Root => match &cx.ex.root {
                Root::Is(val) => walk_val(val, &self.segs),
                Root::Absent => Err(Error::new("unable to reference `root` from this context")),
            },
            Base::Named(hops, name) => match cx.named(*hops) {
                Some(val) => walk_val(val, &self.segs),
                None => Err(Error::new(format!("the name {name} has no value here"))),
            },
            Base::Node(node) => walk_val(&node.eval(cx)?, &self.segs),
        }
    }

    /// A field of a document that is there as text.
    fn raw(&self, cx: &mut Ctx<'_, '_>) -> Option<Value> {
        // The whole document is parsed once and kept.
        if self.segs.is_empty() {
            return None;
        }
        cx.ex.raw_field(self.number.get()?)
    }

    fn of_document(&self, cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
        match cx.ex.document() {
            Ok(value) => Ok(walk(value, &self.segs).into()),
            Err(_) => Err(Error::no_context(dotted(&self.segs))),
        }
    }
}

fn walk_val(val: &Val, segs: &[Seg]) -> Result<Val, Error> {
    if segs.is_empty() {
        return Ok(val.clone());
    }
    // What is made may share its parts, and a star goes through each of them.
    if segs.iter().any(|seg| seg.star) {
        weigh(val)?;
    }
    Ok(val.value().map_or(Val::NULL, |value| walk(value, segs).into()))
}

/// The value at a path; null where it is missing.
pub(crate) fn walk(value: &Value, segs: &[Seg]) -> Value {
    find(value, segs).unwrap_or_default()
}

fn find(mut value: &Value, mut segs: &[Seg]) -> Option<Value> {
    while let [seg, rest @ ..] = segs {
        value = match value {
            Value::Object(object) => object.member(&seg.key)?,
            Value::Array(items) if seg.star => {
                let found: Vec<Value> = items.iter().filter_map(|item| find(item, rest)).collect();
                return if found.is_empty() { None } else { Some(Value::array(found)) };
            }
            Value::Array(items) => items.get(seg.index?)?,
            _ => return None,
        };
        segs = rest;
    }
    Some(value.clone())
}
