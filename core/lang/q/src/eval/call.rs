//! Application of functions and of everything else that takes arguments.

use super::{Frame, Stop};
use crate::ast::{Expr, Lambda};
use crate::error::{QError, Result, rank_error, type_error};
use crate::func::Fun;
use crate::iterators;
use crate::parse::Statement;
use crate::session::{DEPTH_MAX, Session};
use crate::verbs::{Run, Verb};
use formats::budget;
use formats::k::{Data, Dict, Foreign, K, Sym, Table, Vector};
use std::sync::Arc;

/// There are no connections, so no number is one.
#[cold]
fn no_handle(handle: i64) -> QError {
    QError::new(format!("Cannot write to handle {handle}. OS reports: Bad file descriptor"))
}

impl Session {
    /// Applies a value to one argument.
    pub(crate) fn call1(&mut self, f: &K, x: K) -> Result {
        match Fun::verb(f) {
            Some(Verb { run: Run::Monad(m), .. }) => m(self, x),
            _ => self.call(f, vec![x]),
        }
    }

    /// Applies a value to two arguments.
    pub(crate) fn call2(&mut self, f: &K, x: K, y: K) -> Result {
        match Fun::verb(f) {
            Some(Verb { run: Run::Dyad(d), .. }) => d(self, x, y),
            _ => self.call(f, vec![x, y]),
        }
    }

    /// Applies a value to arguments: calls a function, indexes data, looks a name up.
    pub(crate) fn call(&mut self, f: &K, args: Vec<K>) -> Result {
        self.deeper(|cx| match f {
            K::Func(func) => match Fun::of(f) {
                Some(fun) => cx.function(f, fun, args),
                None => match func.as_any().downcast_ref::<Foreign>() {
                    Some(foreign) => cx.foreign(foreign, args),
                    None => cx.qsp_apply(f, args),
                },
            },
            K::Null => {
                let mut args = args.into_iter();
                match (args.next(), args.next()) {
                    (Some(x), None) => Ok(x),
                    _ => Err(rank_error()),
                }
            }
            K::Atom(..) => cx.atom_call(f, args),
            K::Vec(_) | K::Dict(_) | K::Table(_) => cx.index(f, &args),
        })
    }

    /// [`Session::call`] with one argument, for which no list is made where that can be.
    pub(super) fn call_one(&mut self, f: &K, x: K) -> Result {
        match f {
            K::Vec(_) | K::Dict(_) | K::Table(_) => self.deeper(|cx| cx.index(f, &[x])),
            _ => match Fun::verb(f) {
                Some(Verb { run: Run::Monad(m), .. }) => self.deeper(|cx| m(cx, x)),
                _ => self.call(f, vec![x]),
            },
        }
    }

    /// The same with two.
    pub(super) fn call_two(&mut self, f: &K, x: K, y: K) -> Result {
        match Fun::verb(f) {
            Some(Verb { run: Run::Dyad(d), .. }) => self.deeper(|cx| d(cx, x, y)),
            _ => self.call(f, vec![x, y]),
        }
    }

    fn function(&mut self, f: &K, fun: &Fun, args: Vec<K>) -> Result {
        match fun {
            Fun::Lambda(lambda) => self.lambda(f, lambda, args),
            Fun::Verb(verb) => self.verb(f, verb, args),
            Fun::Projection(inner, given) => self.projection(f, inner, given, args),
            Fun::Composition(parts) => self.composition(parts, args),
            Fun::Derived(adverb, inner) => iterators::apply(self, *adverb, inner, args),
            Fun::View(..) => Err(type_error()),
        }
    }

    fn verb(&mut self, f: &K, verb: &'static Verb, args: Vec<K>) -> Result {
        let count = args.len();
        if let (Run::Monad(_), 2, "deltas" | "ratios") = (&verb.run, count, verb.name) {
            return self.neighbours_of(verb, args);
        }
        let mut given = args.into_iter();
        match (&verb.run, given.next(), given.next(), count) {
            (Run::Monad(m), Some(x), None, 1) => m(self, x),
            (Run::Dyad(d), Some(x), Some(y), 2) => d(self, x, y),
            (Run::Many { min, max, run }, x, y, n) if n >= *min && n <= *max => {
                let args = x.into_iter().chain(y).chain(given).collect();
                run(self, args)
            }
            (Run::Many { min, .. }, x, y, n) if n < *min => {
                let args = x.into_iter().chain(y).chain(given).map(Some).collect();
                Ok(Fun::Projection(f.clone(), args).into_k())
            }
            (Run::Dyad(_), Some(x), None, 1) => {
                Ok(Fun::Projection(f.clone(), vec![Some(x)]).into_k())
            }
            _ => Err(rank_error()),
        }
    }

    /// `deltas[x;y]` and `ratios[x;y]`: what comes before the first item is given.
    #[cold]
    #[inline(never)]
    fn neighbours_of(&mut self, verb: &Verb, args: Vec<K>) -> Result {
        let op = if verb.name == "deltas" { "-" } else { "%" };
        iterators::prior(self, &crate::verbs::value(op), args)
    }

    fn lambda(&mut self, f: &K, lambda: &Lambda, mut args: Vec<K>) -> Result {
        if args.len() != lambda.params {
            if lambda.params == 0 && args.len() == 1 {
                // `f[]` and `f x` both call a function without parameters.
                args.clear();
            } else if args.len() > lambda.params {
                return Err(rank_error());
            } else {
                let args = args.into_iter().map(Some).collect();
                return Ok(Fun::Projection(f.clone(), args).into_k());
            }
        }
        args.resize_with(lambda.locals.len(), || K::list(Vec::new()));
        let mut frame = Frame { locals: args, myself: Some(f.clone()), scopes: Vec::new() };
        match self.block(&lambda.body, &mut frame) {
            Ok(value) | Err(Stop::Return(value)) => Ok(value),
            Err(Stop::Error(mut error)) => {
                error.through(|| lambda.text().chars().take(60).collect());
                Err(error.located(&lambda.source.text))
            }
        }
    }

    /// A function with some of its arguments.
    pub(crate) fn project(&mut self, f: K, args: Vec<Option<K>>) -> Result {
        let most = match Fun::of(&f) {
            Some(Fun::Lambda(l)) => l.params.max(1),
            Some(Fun::Verb(Verb { run: Run::Many { max, .. }, .. })) => *max,
            Some(Fun::Verb(v)) => v.rank(),
            Some(Fun::Projection(..)) => Fun::rank(&f),
            _ => usize::MAX,
        };
        if args.len() > most {
            return Err(rank_error());
        }
        Ok(Fun::Projection(f, args).into_k())
    }

    fn projection(&mut self, f: &K, inner: &K, given: &[Option<K>], args: Vec<K>) -> Result {
        let mut all = Vec::with_capacity(given.len() + args.len());
        let mut args = args.into_iter();
        let mut open = false;
        for slot in given {
            match slot {
                Some(value) => all.push(Some(value.clone())),
                None => {
                    let next = args.next();
                    open |= next.is_none();
                    all.push(next);
                }
            }
        }
        let extra = args.len();
        all.extend(args.map(Some));
        if open {
            return Ok(Fun::Projection(inner.clone(), all).into_k());
        }
        if extra > 0 && Fun::rank(f) < extra && Fun::rank(inner) < all.len() {
            return Err(rank_error());
        }
        self.call(inner, all.into_iter().flatten().collect())
    }

    fn composition(&mut self, parts: &[K], args: Vec<K>) -> Result {
        let Some((last, rest)) = parts.split_last() else { return Err(rank_error()) };
        let mut value = self.call(last, args)?;
        for part in rest.iter().rev() {
            value = self.call1(part, value)?;
        }
        Ok(value)
    }

    /// An atom in the place of a function: a variable's name, or a handle to print on.
    fn atom_call(&mut self, f: &K, args: Vec<K>) -> Result {
        if let Some(name) = f.as_sym() {
            let value = self.global(name)?;
            return self.call(&value, args);
        }
        match (f.as_long(), args.as_slice()) {
            (Some(handle @ (-2 | -1 | 1 | 2)), [text]) => {
                let end = if handle < 0 { "\n" } else { "" };
                let lines = match text.as_text() {
                    Some(text) => format!("{}{end}", String::from_utf8_lossy(text)),
                    None => {
                        let line = |k: K| {
                            budget::check();
                            k.as_text().map(|t| String::from_utf8_lossy(t).into_owned())
                        };
                        text.items().filter_map(line).map(|l| l + end).collect()
                    }
                };
                self.print(&lines);
                Ok(f.clone())
            }
            (Some(0), [text]) => {
                let Some(text) = text.as_text() else {
                    return crate::verbs::evaluated(self, text.clone());
                };
                let text = String::from_utf8_lossy(text).into_owned();
                Ok(self.statements(&text)?.0)
            }
            (Some(_), [K::Null] | []) | (_, [_, _, ..]) => Err(type_error()),
            (Some(handle), _) => Err(no_handle(handle)),
            _ => Err(type_error()),
        }
    }

    /// The value of a global variable.
    pub(crate) fn global(&mut self, name: formats::k::Sym) -> Result {
        if self.views.is_stale(name) {
            self.refresh(name)?;
        }
        if let Some(value) = self.globals.get(&name) {
            return Ok(value.clone());
        }
        let word = name.as_str();
        let word = word.strip_prefix(".q.").unwrap_or(word);
        if word != "." && crate::verbs::find(word).is_some() {
            return Ok(crate::verbs::value(word));
        }
        self.namespace(name).ok_or_else(|| QError::new(name.as_str()))
    }

    /// A function that came over the wire: lambdas are compiled, primitives looked up.
    fn foreign(&mut self, foreign: &Foreign, args: Vec<K>) -> Result {
        let f = self.adopt(foreign)?;
        self.call(&f, args)
    }

    /// Makes a function of this session of one that came over the wire.
    #[cold]
    #[inline(never)]
    pub(crate) fn adopt(&mut self, foreign: &Foreign) -> Result {
        let own = Self::own;
        match foreign.code {
            100 => {
                let text = String::from_utf8_lossy(&foreign.source).into_owned();
                if !is_lambda(&text, (DEPTH_MAX - self.depth) / 2) {
                    return Err(type_error());
                }
                let space = String::from_utf8_lossy(&foreign.context);
                let space = if space.is_empty() { String::new() } else { format!(".{space}") };
                let usual = std::mem::replace(&mut self.context, Sym::new(&space));
                let made = self.statements(&text);
                self.context = usual;
                let (value, _) = made?;
                if Fun::of(&value).is_some() { Ok(value) } else { Err(type_error()) }
            }
            101..=103 => crate::verbs::by_wire(foreign.code, foreign.index)
                .ok_or_else(|| QError::nyi("primitive")),
            104 => {
                let mut items = foreign.items.iter();
                let head = items.next().ok_or_else(type_error)?;
                let head = own(self, head)?;
                let args = items
                    .map(|k| if matches!(k, K::Null) { Ok(None) } else { own(self, k).map(Some) })
                    .collect::<Result<Vec<_>>>()?;
                Ok(Fun::Projection(head, args).into_k())
            }
            105 => {
                let parts = foreign.items.iter().map(|k| own(self, k)).collect::<Result<_>>()?;
                Ok(Fun::Composition(parts).into_k())
            }
            code => {
                let adverb = iterators::by_code(code).ok_or_else(|| QError::nyi("function"))?;
                let inner = foreign.items.first().ok_or_else(type_error)?;
                Ok(Fun::Derived(adverb, own(self, inner)?).into_k())
            }
        }
    }

    /// What came as bytes, with functions of this session in it instead of those that came.
    pub(crate) fn received(&mut self, k: K) -> Result {
        if has_functions(&k) { self.own(&k) } else { Ok(k) }
    }

    fn own(&mut self, k: &K) -> Result {
        self.deeper(|cx| match k {
            K::Func(f) => match f.as_any().downcast_ref::<Foreign>() {
                Some(foreign) => cx.adopt(foreign),
                None => Ok(k.clone()),
            },
            K::Vec(v @ Vector { data: Data::List(items), .. }) => {
                cx.charge(1 + items.len() / 8)?;
                let items = items.iter().map(|item| cx.own(item)).collect::<Result<Vec<_>>>()?;
                Ok(K::Vec(Vector { data: items.into(), ..v.clone() }))
            }
            K::Dict(d) => {
                let (keys, values) = (cx.own(&d.keys)?, cx.own(&d.values)?);
                Ok(K::Dict(Arc::new(Dict { keys, values, sorted: d.sorted })))
            }
            K::Table(t) => {
                let columns = t.columns.iter().map(|c| cx.own(c)).collect::<Result<Vec<_>>>()?;
                Ok(K::Table(Arc::new(Table { names: Arc::clone(&t.names), columns })))
            }
            other => Ok(other.clone()),
        })
    }
}

/// Whether there is a function in a value.
fn has_functions(k: &K) -> bool {
    match k {
        K::Func(_) => true,
        K::Vec(Vector { data: Data::List(items), .. }) => items.iter().any(has_functions),
        K::Dict(d) => has_functions(&d.keys) || has_functions(&d.values),
        K::Table(t) => t.columns.iter().any(has_functions),
        K::Atom(..) | K::Vec(_) | K::Null => false,
    }
}

/// Whether a text is a lambda and nothing else: reading a function runs nothing.
fn is_lambda(text: &str, levels: usize) -> bool {
    match crate::parse::parse(text, levels).as_deref() {
        Ok([Statement::Expr(node, _)]) => matches!(node.expr, Expr::Lambda(_)),
        _ => false,
    }
}
