//! Methods that have no form of their own on the fast path: their target and result change between
//! the two kinds of values.

use super::call::Record;
use super::eval::Quick;
use super::item::{Fast, Item};
use crate::args::{Arg, Args, convert};
use crate::error::Error;
use crate::growth::weigh_all;
use crate::node::{ArgSource, MethodCall, Node, Slot};
use crate::spec::{Method, Param, Prepared, Run};
use crate::val::Val;

/// A call of such a method.
pub(crate) struct Bridge {
    spec: &'static Method,
    args: Given,
    work: Work,
}

enum Given {
    Fixed(Args),
    Dynamic(Box<[GivenArg]>),
}

enum GivenArg {
    Fixed(Arg),
    Eval(Option<&'static Param>, Quick),
}

enum Work {
    Simple(fn(Val, &Args) -> Result<Val, Error>),
    Prepared(Prepared),
}

impl Bridge {
    /// A call as it was parsed; `None` where it looks at more than its target and arguments.
    pub(super) fn new(
        call: &MethodCall,
        mut node: impl FnMut(&Node) -> Option<Quick>,
    ) -> Option<Bridge> {
        let args = match &call.args {
            ArgSource::Fixed(args) => Given::Fixed(args.clone()),
            ArgSource::Dynamic(slots) => {
                let arg = |slot: &Slot| {
                    Some(match slot {
                        Slot::Fixed(arg) => GivenArg::Fixed(arg.clone()),
                        Slot::Eval(param, query) => GivenArg::Eval(*param, node(query)?),
                    })
                };
                Given::Dynamic(slots.iter().map(arg).collect::<Option<_>>()?)
            }
        };
        let work = match (call.spec.run, &args) {
            (Run::Simple(run), _) => Work::Simple(run),
            (Run::Prepared(prepare), Given::Fixed(args)) => Work::Prepared(prepare(args).ok()?),
            _ => return None,
        };
        Some(Bridge { spec: call.spec, args, work })
    }

    pub(super) fn run<'b>(&'b self, target: &Item<'b>, record: &mut Record<'b>) -> Fast<'b> {
        let target = target.to_val()?;
        let evaluated;
        let args = match &self.args {
            Given::Fixed(args) => args,
            Given::Dynamic(args) => {
                evaluated = evaluate(args, record)?;
                &evaluated
            }
        };
        if self.spec.walks {
            weigh_all(std::iter::once(&target).chain(args.vals())).ok()?;
        }
        let result = match &self.work {
            Work::Simple(run) => run(target, args),
            Work::Prepared(run) => run(target),
        };
        result.ok().and_then(|val| record.tools.item_of(&val))
    }
}

fn evaluate<'b>(args: &'b [GivenArg], record: &mut Record<'b>) -> Option<Args> {
    let mut items = Vec::with_capacity(args.len());
    for arg in args {
        items.push(match arg {
            GivenArg::Fixed(arg) => arg.clone(),
            GivenArg::Eval(param, query) => {
                let val = query.eval(record)?.to_val()?;
                Arg::Val(match param {
                    Some(param) => convert(param, val).ok()?,
                    None => val,
                })
            }
        });
    }
    Some(Args::new(items))
}
