//! Calls of functions and methods.

use std::borrow::Cow;
use std::rc::Rc;

use crate::args::{Arg, Args, convert};
use crate::error::Error;
use crate::exec::{Ctx, Setup};
use crate::growth::weigh_all;
use crate::node::{ArgSource, FunctionCall, MethodCall, Ready, Slot};
use crate::spec::{Method, Run, RunFn, Style};
use crate::val::Val;

/// The arguments of a call; dynamic ones are evaluated and checked.
pub(crate) fn args_of<'s>(
    source: &'s ArgSource,
    cx: &mut Ctx<'_, '_>,
    what: &str,
    name: &str,
) -> Result<Cow<'s, Args>, Error> {
    let slots = match source {
        ArgSource::Fixed(args) => return Ok(Cow::Borrowed(args)),
        ArgSource::Dynamic(slots) => slots,
    };
    let mut items = Vec::with_capacity(slots.len());
    for (i, slot) in slots.iter().enumerate() {
        items.push(match slot {
            Slot::Fixed(arg) => arg.clone(),
            Slot::Eval(param, node) => {
                let val = node.eval(cx).and_then(|val| match param {
                    Some(param) => convert(param, val),
                    None => Ok(val),
                });
                Arg::Val(val.map_err(|e| {
                    let label = param.map_or_else(|| i.to_string(), |p| p.name.to_owned());
                    e.prefix(format_args!("{what} '{name}': failed to extract input arg '{label}'"))
                })?)
            }
        });
    }
    Ok(Cow::Owned(Args::new(items)))
}

/// Prepares a method for arguments that are known.
pub(crate) fn prepare_method(
    spec: &Method,
    args: &Args,
    setup: &Setup,
) -> Result<Option<Rc<Ready>>, Error> {
    match spec.run {
        Run::Prepared(prepare) => Ok(Some(Rc::new(Ready::Plain(prepare(args)?)))),
        Run::PreparedHere(prepare) => Ok(Some(Rc::new(Ready::Here(prepare(args, setup)?)))),
        _ => Ok(None),
    }
}

impl MethodCall {
    pub(super) fn eval(&self, cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
        cx.step()?;
        let args = args_of(&self.args, cx, "method", self.spec.name)?;
        if let Run::Raw(run) = self.spec.run {
            return run(&self.target, &args, cx).and_then(|val| cx.made(val));
        }
        let prepared = self.prepared(&args, cx)?;
        let target = self.target.eval(cx)?;
        let weight = match self.spec.walks {
            true => weigh_all(std::iter::once(&target).chain(args.vals()))?,
            false => 0,
        };
        let result = match self.spec.run {
            Run::Simple(run) => run(target, &args),
            Run::Lambda(run) => run(target, &args, cx),
            _ => match prepared.as_deref() {
                Some(Ready::Plain(run)) => run(target),
                Some(Ready::Here(run)) => run(target, cx),
                None => Ok(target),
            },
        };
        match result {
            Ok(val) => cx.rebuilt(val, weight),
            Err(error) if self.spec.style == Style::Plugin => Err(error),
            Err(error) => Err(error.annotate(|| self.target.annotation())),
        }
    }

    /// What is prepared for these arguments; the last one is kept for when they come again.
    fn prepared(&self, args: &Args, cx: &Ctx<'_, '_>) -> Result<Option<Rc<Ready>>, Error> {
        if !matches!(self.spec.run, Run::Prepared(_) | Run::PreparedHere(_)) {
            return Ok(None);
        }
        let fixed = matches!(self.args, ArgSource::Fixed(_));
        if let Some((known, run)) = &*self.prepared.borrow()
            && (fixed || known.same_values(args))
        {
            return Ok(Some(Rc::clone(run)));
        }
        let setup = Setup { services: cx.ex.services_rc(), dir: Rc::clone(&self.dir) };
        let run = prepare_method(self.spec, args, &setup)?;
        *self.prepared.borrow_mut() = run.as_ref().map(|run| (args.clone(), Rc::clone(run)));
        Ok(run)
    }
}

impl FunctionCall {
    pub(super) fn eval(&self, cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
        cx.step()?;
        let val = self.run(cx)?;
        cx.made(val)
    }

    fn run(&self, cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
        let args = args_of(&self.args, cx, "function", self.spec.name)?;
        match self.spec.run {
            RunFn::Simple(run) => return run(&args, cx),
            RunFn::Read(read) => return read(&args, &self.setup(cx)),
            RunFn::Prepared(_) => {}
        }
        // The state is taken out while it runs: an argument may hold the same call through a map
        // that calls itself.
        let kept = self.prepared.borrow_mut().take();
        let mut run = match kept {
            Some(run) if matches!(self.args, ArgSource::Fixed(_)) => run,
            _ => return self.run_dynamic(&args, cx),
        };
        let result = run(cx);
        *self.prepared.borrow_mut() = Some(run);
        result
    }

    fn run_dynamic(&self, args: &Args, cx: &mut Ctx<'_, '_>) -> Result<Val, Error> {
        let RunFn::Prepared(prepare) = self.spec.run else { return Ok(Val::Nothing) };
        prepare(args, &self.setup(cx))?(cx)
    }

    fn setup(&self, cx: &Ctx<'_, '_>) -> Setup {
        Setup { services: cx.ex.services_rc(), dir: Rc::clone(&self.dir) }
    }
}
