//! Evaluation of expressions.

mod branch;
mod call;
mod literal;
mod operator;
mod path;

pub(crate) use branch::not_bool;
pub(crate) use call::prepare_method;
pub(crate) use operator::{arith, compare_op};
pub(crate) use path::walk;

use crate::error::Error;
use crate::exec::{Ctx, meta_object};
use crate::growth::weigh;
use crate::node::Node;
use crate::val::Val;

impl Node {
    /// The value of the expression.
    pub(crate) fn eval(&self, cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
        match self {
            Node::Literal(val) => Ok(val.clone()),
            Node::Folded(folded) => Ok(folded.val.clone()),
            Node::Path(path) => path.eval(cx),
            Node::Var(slot, name) => match cx.var(*slot)? {
                Some(val) => Ok(val.clone()),
                None => Err(Error::new(format!("variable '{name}' undefined"))),
            },
            Node::Meta(key) => meta(key.as_deref(), cx),
            Node::Method(call) => call.eval(cx),
            Node::Function(call) => call.eval(cx),
            Node::Arith(b) => {
                let (left, right) = (b.left.eval(cx)?, b.right.eval(cx)?);
                cx.made(arith(b.op, &left, &right, &b.left, &b.right)?)
            }
            Node::Compare(b) => {
                let (left, right) = (b.left.eval(cx)?, b.right.eval(cx)?);
                weigh(&left)?;
                compare_op(b.op, &left, &right, &b.left, &b.right)
            }
            Node::Logic(b) => {
                if b.left.eval(cx)?.as_truth()? != b.op {
                    return Ok(Val::bool(!b.op));
                }
                Ok(Val::bool(b.right.eval(cx)?.as_truth()?))
            }
            Node::Coalesce(b) => match b.left.eval(cx) {
                Ok(val) if !val.is_absent() => Ok(val),
                _ => b.right.eval(cx),
            },
            Node::Not(inner) => {
                let val = inner.eval(cx)?;
                Ok(Val::bool(!val.as_bool().map_err(|e| e.annotate(|| inner.annotation()))?))
            }
            Node::If(e) => e.eval(cx),
            Node::Match(e) => e.eval(cx),
            Node::Lambda(name, body) => cx.lambda(name.is_some(), |cx| body.eval(cx)),
            Node::Within(parts) => {
                let value = parts.0.eval(cx)?;
                parts.1.eval(&mut cx.with(&value))
            }
            Node::Array(items) => literal::array(items, cx).and_then(|val| cx.made(val)),
            Node::Object(members) => literal::object(members, cx).and_then(|val| cx.made(val)),
        }
    }
}

/// Metadata of the output message: one key or all.
fn meta(key: Option<&str>, cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
    let meta = cx.ex.meta_out()?;
    Ok(match key {
        None => meta_object(meta),
        Some(key) => meta.and_then(|m| m.get(key)).map_or(Val::NULL, |v| Val::Data(v.clone())),
    })
}
