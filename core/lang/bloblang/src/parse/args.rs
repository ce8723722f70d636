//! Calls: arguments, and what they must be (spec/bloblang.md §2.2).

use std::cell::RefCell;
use std::rc::Rc;

use super::cursor::Parser;
use super::error::{Fail, Parsed};
use crate::args::{Arg, Args, Query, absent, convert};
use crate::eval::prepare_method;
use crate::node::{ArgSource, Folded, FunctionCall, MethodCall, Node, Ready, Slot};
use crate::spec::{Absent, Function, Kind, Param, Params, Purity, Run, RunFn};
use crate::val::Val;
use crate::{functions, methods};

/// Arguments as written, each with its name where it has one.
type Written = Vec<(Option<String>, Node)>;

impl Parser<'_> {
    /// `snake args`: a call of a function.
    pub(super) fn function(&mut self) -> Parsed<Node> {
        let name = self.snake("function")?;
        let written = self.args()?;
        let after = self.pos;
        let fatal = |text: String| Fail::fatal(after, text);
        let spec = functions::find(&name)
            .filter(|spec| !self.scope.options.pure_only || is_detached(spec))
            .ok_or_else(|| fatal(format!("unrecognised function '{name}'")))?;
        if name == "var"
            && let [(_, node)] = written.as_slice()
            && let Some(text) = node.literal().and_then(|val| val.as_text().ok())
        {
            let name = String::from_utf8_lossy(text).into_owned();
            return Ok(Node::Var(self.scope.slot(&name), Rc::from(name)));
        }
        let args = resolve(&spec.params, written).map_err(fatal)?;
        let (mut prepared, mut read_now) = (None, None);
        let setup = &self.scope.options.setup;
        match (spec.run, &args) {
            (RunFn::Prepared(prepare), ArgSource::Fixed(args)) => {
                prepared = Some(prepare(args, setup).map_err(|e| fatal(e.to_string()))?);
            }
            (RunFn::Read(read), ArgSource::Fixed(args)) if !args.bool(1) => {
                read_now = Some(read(args, setup).map_err(|e| fatal(e.to_string()))?);
            }
            _ => {}
        }
        let (prepared, dir) = (RefCell::new(prepared), Rc::clone(&setup.dir));
        let call = Node::Function(Box::new(FunctionCall { spec, args, prepared, dir }));
        Ok(folded(call, read_now, || format!("function {name}")))
    }

    /// The rest of a call of a method, from its opening bracket.
    pub(super) fn method(&mut self, name: &str, target: Node) -> Parsed<Node> {
        let written = self.args()?;
        let after = self.pos;
        let fatal = |text: String| Fail::fatal(after, text);
        let spec =
            methods::find(name).ok_or_else(|| fatal(format!("unrecognised method '{name}'")))?;
        let args = resolve(&spec.params, written).map_err(fatal)?;
        let (mut prepared, mut computed) = (None, None);
        if let ArgSource::Fixed(args) = &args {
            let run = prepare_method(spec, args, &self.scope.options.setup)
                .map_err(|e| fatal(e.to_string()))?;
            if let (true, Some(val)) = (spec.folds, target.literal()) {
                let result = match (run.as_deref(), spec.run) {
                    (Some(Ready::Plain(run)), _) => Some(run(val.clone())),
                    (None, Run::Simple(run)) => Some(run(val.clone(), args)),
                    _ => None,
                };
                computed = result.transpose().map_err(|e| fatal(e.to_string()))?;
            }
            prepared = run.map(|run| (args.clone(), run));
        }
        let prepared = RefCell::new(prepared);
        let dir = Rc::clone(&self.scope.options.setup.dir);
        let call = Node::Method(Box::new(MethodCall { spec, target, args, prepared, dir }));
        Ok(folded(call, computed, || format!("method {name}")))
    }

    /// `args`
    fn args(&mut self) -> Parsed<Written> {
        self.term("(")?;
        self.blank();
        let stop = |p: &mut Self| {
            p.attempt(|p| {
                p.blank();
                p.term_as(")", "closing bracket")
            })
        };
        let mut written = Vec::new();
        loop {
            match self.attempt(Parser::arg) {
                Ok(arg) => written.push(arg),
                Err(fail) if fail.is_fatal() => return Err(fail),
                Err(fail) => {
                    stop(self).map_err(|_| fail.rename("function argument").must())?;
                    return Ok(written);
                }
            }
            let comma = self.attempt(|p| {
                p.spaces();
                p.term_as(",", "comma")
            });
            if let Err(fail) = comma {
                stop(self).map_err(|end| fail.join(end).must())?;
                return Ok(written);
            }
            self.blank();
        }
    }

    /// `arg`
    fn arg(&mut self) -> Parsed<(Option<String>, Node)> {
        let name = self.optional(|p| {
            let name = p.snake("argument name")?;
            p.term(":")?;
            Ok(name)
        })?;
        if name.is_none() {
            return Ok((None, self.query()?));
        }
        let value = self.query().map_err(|e| e.rename("argument value").must())?;
        Ok((name, value))
    }
}

/// A call, or the constant that came of it.
fn folded(call: Node, val: Option<Val>, name: impl FnOnce() -> String) -> Node {
    match val {
        Some(val) => Node::Folded(Box::new(Folded { val, name: name(), from: call })),
        None => call,
    }
}

/// Whether a function looks at nothing but its arguments, clock and randomness: a mapping given as
/// text may use no other.
fn is_detached(spec: &Function) -> bool {
    spec.purity != Purity::Message && !spec.reads_surroundings()
}

/// Gives each parameter its argument.
fn resolve(params: &Params, written: Written) -> Result<ArgSource, String> {
    let named = written.iter().filter(|(name, _)| name.is_some()).count();
    if named > 0 && named < written.len() {
        return Err("cannot mix named and nameless arguments".into());
    }
    let slots = match params {
        Params::Variadic(_) if named > 0 => return Err("named arguments are not supported".into()),
        Params::Variadic(_) => written.into_iter().map(|(_, node)| variadic(node)).collect(),
        Params::Fixed(params) => {
            let by_param = match named {
                0 => by_position(params, written)?,
                _ => by_name(params, written)?,
            };
            let slots = params.iter().zip(by_param).map(|(param, node)| slot(param, node));
            slots.collect::<Result<Vec<_>, _>>()?
        }
    };
    if slots.iter().any(|slot| matches!(slot, Slot::Eval(..))) {
        return Ok(ArgSource::Dynamic(slots.into()));
    }
    let fixed = slots.into_iter().filter_map(|slot| match slot {
        Slot::Fixed(arg) => Some(arg),
        Slot::Eval(..) => None,
    });
    Ok(ArgSource::Fixed(Args::new(fixed.collect())))
}

fn variadic(node: Node) -> Slot {
    match node.literal() {
        Some(val) => Slot::Fixed(Arg::Val(val.clone())),
        None => Slot::Eval(None, node),
    }
}

/// The mark that a call of `deleted` or `nothing` gives: known at parse time, too.
fn mark(node: &Node) -> Option<&'static Val> {
    let Node::Function(call) = node else { return None };
    match call.spec.name {
        "deleted" => Some(&Val::Deleted),
        "nothing" => Some(&Val::Nothing),
        _ => None,
    }
}

fn slot(param: &'static Param, node: Option<Node>) -> Result<Slot, String> {
    let Some(node) = node else { return Ok(Slot::Fixed(absent(param))) };
    if param.kind == Kind::Query {
        return Ok(Slot::Fixed(Arg::Query(Query::new(node))));
    }
    match node.literal().or_else(|| mark(&node)) {
        Some(val) => match convert(param, val.clone()) {
            Ok(val) => Ok(Slot::Fixed(Arg::Val(val))),
            Err(error) => Err(format!("field {}: {error}", param.name)),
        },
        None => Ok(Slot::Eval(Some(param), node)),
    }
}

fn missing(params: &[Param], given: &[Option<Node>]) -> Result<(), String> {
    let names: Vec<&str> = params
        .iter()
        .zip(given)
        .filter(|(param, node)| node.is_none() && param.absent == Absent::Refused)
        .map(|(param, _)| param.name)
        .collect();
    match names.as_slice() {
        [] => Ok(()),
        [name] => Err(format!("missing parameter: {name}")),
        names => Err(format!("missing parameters: {}", names.join(", "))),
    }
}

fn by_position(params: &[Param], written: Written) -> Result<Vec<Option<Node>>, String> {
    if written.len() > params.len() {
        let (expected, got) = (params.len(), written.len());
        return Err(format!("wrong number of arguments, expected {expected}, got {got}"));
    }
    let mut given: Vec<Option<Node>> = written.into_iter().map(|(_, node)| Some(node)).collect();
    given.resize_with(params.len(), || None);
    missing(params, &given)?;
    Ok(given)
}

fn by_name(params: &[Param], written: Written) -> Result<Vec<Option<Node>>, String> {
    let mut given: Vec<Option<Node>> = params.iter().map(|_| None).collect();
    let mut unknown = Vec::new();
    let mut seen = Vec::new();
    for (name, node) in written {
        let name = name.unwrap_or_default();
        if seen.contains(&name) {
            return Err(format!("duplicate named arg: {name}"));
        }
        match params.iter().position(|param| param.name == name) {
            Some(at) => given[at] = Some(node),
            None => unknown.push(name.clone()),
        }
        seen.push(name);
    }
    if unknown.is_empty() {
        missing(params, &given)?;
        return Ok(given);
    }
    unknown.sort();
    let free: Vec<&str> = params
        .iter()
        .zip(&given)
        .filter(|(param, node)| node.is_none() && param.absent == Absent::Refused)
        .map(|(param, _)| param.name)
        .collect();
    let plural = if unknown.len() > 1 { "s" } else { "" };
    let hint = match free.as_slice() {
        [] => String::new(),
        [one] => format!(", did you mean {one}?"),
        many => format!(", expected {}", many.join(", ")),
    };
    Err(format!("unknown parameter{plural} {}{hint}", unknown.join(", ")))
}
