//! How functions and methods describe themselves: what documentation, completion, the parser and
//! the tests read.

use crate::args::Args;
use crate::error::Error;
use crate::exec::{Ctx, Setup};
use crate::fast::call::{EachCall, Record};
use crate::fast::item::{Fast, Item, Tools};
use crate::node::Node;
use crate::val::Val;

/// Type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text; bytes are taken too.
    String,
    /// A whole number; a float is truncated.
    Int,
    /// Any number.
    Float,
    /// A truth value; numbers are taken too.
    Bool,
    /// An array.
    Array,
    /// An object.
    Object,
    /// A point in time: a timestamp, seconds since the epoch, or RFC 3339 text.
    Timestamp,
    /// Anything.
    Any,
    /// An expression that is evaluated as often as the callee wants, such as a lambda.
    Query,
}

/// What a parameter is when the caller leaves it out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Absent {
    /// It cannot be left out.
    Refused,
    /// The callee sees that it is missing.
    Missing,
    /// A text.
    Str(&'static str),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A truth value.
    Bool(bool),
}

/// One parameter.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Name, as in `replace_all(old: "a", new: "b")`.
    pub name: &'static str,
    /// Type.
    pub kind: Kind,
    /// What it is when left out.
    pub absent: Absent,
    /// What it means, for users.
    pub doc: &'static str,
}

impl Kind {
    /// The word for it in documentation.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::String => "string",
            Kind::Int => "integer",
            Kind::Float => "float",
            Kind::Bool => "bool",
            Kind::Array => "array",
            Kind::Object => "object",
            Kind::Timestamp => "timestamp",
            Kind::Any => "unknown",
            Kind::Query => "query expression",
        }
    }
}

impl Param {
    /// A parameter that must be given.
    #[must_use]
    pub const fn new(name: &'static str, kind: Kind, doc: &'static str) -> Param {
        Param { name, kind, absent: Absent::Refused, doc }
    }

    /// The same, which may be left out.
    #[must_use]
    pub const fn optional(self) -> Param {
        Param { absent: Absent::Missing, ..self }
    }

    /// The same, with a default.
    #[must_use]
    pub const fn or(self, absent: Absent) -> Param {
        Param { absent, ..self }
    }
}

/// The parameters of a function or method.
#[derive(Clone, Copy, Debug)]
pub enum Params {
    /// These, by position or by name.
    Fixed(&'static [Param]),
    /// Any number of unnamed ones of any type; the text says what they mean.
    Variadic(&'static str),
}

/// An example: shown to users and run as a test.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// A mapping.
    pub mapping: &'static str,
    /// Payloads and what they become. An output that begins with `error: ` is the expected error.
    pub cases: &'static [(&'static str, &'static str)],
}

/// What a result depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purity {
    /// Its arguments only.
    Pure,
    /// The message and its batch.
    Message,
    /// Clock, randomness, files, host.
    Environment,
    /// What happened before in this pipeline or process, such as a counter: messages must stay in
    /// order and on one shard.
    Bound,
}

/// Which error texts a method has (spec/bloblang.md §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Errors name the expression the method was called on.
    Core,
    /// Errors stand alone.
    Plugin,
}

/// A method whose arguments are known.
pub type Prepared = Box<dyn Fn(Val) -> Result<Val, Error>>;
/// The same for one that looks at the message or runs something of its own.
pub type PreparedHere = Box<dyn Fn(Val, &mut Ctx<'_, '_>) -> Result<Val, Error>>;
/// A function whose arguments are known; it may keep state between calls.
pub type PreparedFn = Box<dyn FnMut(&mut Ctx<'_, '_>) -> Result<Val, Error>>;

/// A method on borrowed values whose arguments are known.
pub type QuickFn = for<'b> fn(&Item<'b>, &'b Args, &Tools<'b>) -> Fast<'b>;
/// The same with what was prepared of them.
pub type ReadyFn = Box<dyn for<'b> Fn(&Item<'b>, &Tools<'b>) -> Fast<'b>>;
/// The same with arguments that were evaluated; all of them are given.
pub type ItemsFn = for<'b> fn(&Item<'b>, &'b [Item<'b>], &Tools<'b>) -> Fast<'b>;
/// The same for one that evaluates a query.
pub type EachFn = for<'b> fn(&Item<'b>, &'b EachCall, &mut Record<'b>) -> Fast<'b>;

/// The work of a method on borrowed values, for mappings that run on the text of records. It leaves
/// to [`Run`] what it has no answer for, such as every error.
#[derive(Clone, Copy)]
pub enum Hook {
    /// There is none.
    None,
    /// A result from target and known arguments.
    Fixed(QuickFn),
    /// Arguments that are known, turned into something ready once.
    Prepared(fn(&Args) -> Option<ReadyFn>),
    /// A result from target and any arguments.
    Items(ItemsFn),
    /// A result from target and a query, which is the last argument.
    Each(EachFn),
}

/// The work of a method, in the simplest form that does.
#[derive(Clone, Copy)]
pub enum Run {
    /// A result from target and arguments.
    Simple(fn(Val, &Args) -> Result<Val, Error>),
    /// Arguments are checked and turned into something ready once, at parse time when they are
    /// literals: compiled expressions, tables, formats.
    Prepared(fn(&Args) -> Result<Prepared, Error>),
    /// The same, with services for the preparation and the context for the work.
    PreparedHere(fn(&Args, &Setup) -> Result<PreparedHere, Error>),
    /// Evaluates query arguments for values of its own, or looks at the message.
    Lambda(fn(Val, &Args, &mut Ctx<'_, '_>) -> Result<Val, Error>),
    /// Evaluates its target itself, if at all.
    Raw(fn(&Node, &Args, &mut Ctx<'_, '_>) -> Result<Val, Error>),
}

/// The work of a function.
#[derive(Clone, Copy)]
pub enum RunFn {
    /// A result from arguments and message.
    Simple(fn(&Args, &mut Ctx<'_, '_>) -> Result<Val, Error>),
    /// Arguments are checked at parse time when they are literals; each occurrence in a mapping
    /// has its own state.
    Prepared(fn(&Args, &Setup) -> Result<PreparedFn, Error>),
    /// Reads the surroundings of the process. With literal arguments that happens at parse time
    /// and the call is a literal, unless the second argument, `no_cache`, is set.
    Read(fn(&Args, &Setup) -> Result<Val, Error>),
}

/// A method.
pub struct Method {
    /// Name.
    pub name: &'static str,
    /// Group under which it is documented.
    pub category: &'static str,
    /// Version that brought it.
    pub since: &'static str,
    /// What it does, for users.
    pub summary: &'static str,
    /// Parameters.
    pub params: Params,
    /// Examples, at least one.
    pub examples: &'static [Example],
    /// Kept for old mappings; hidden from lists.
    pub deprecated: bool,
    /// What a result depends on, beyond target and arguments.
    pub purity: Purity,
    /// Evaluated at parse time on a literal target.
    pub folds: bool,
    /// Whether it walks through its target and arguments with all that is in them.
    pub walks: bool,
    /// Which error texts it has.
    pub style: Style,
    /// How later errors name its result; `None` gives `method NAME`.
    pub annotation: Option<fn(&Node, &Args) -> Option<String>>,
    /// The work.
    pub run: Run,
    /// The same on borrowed values.
    pub quick: Hook,
}

impl Method {
    /// A pure method of the core with nothing filled in.
    pub const CORE: Method = Method {
        name: "",
        category: "",
        since: "0.1.0",
        summary: "",
        params: Params::Fixed(&[]),
        examples: &[],
        deprecated: false,
        purity: Purity::Pure,
        folds: false,
        walks: false,
        style: Style::Core,
        annotation: None,
        run: Run::Simple(|target, _| Ok(target)),
        quick: Hook::None,
    };

    /// The same for a method whose errors stand alone.
    pub const PLUGIN: Method = Method { style: Style::Plugin, ..Method::CORE };
}

/// A function.
pub struct Function {
    /// Name.
    pub name: &'static str,
    /// Group under which it is documented.
    pub category: &'static str,
    /// Version that brought it.
    pub since: &'static str,
    /// What it does, for users.
    pub summary: &'static str,
    /// Parameters.
    pub params: Params,
    /// Examples, at least one.
    pub examples: &'static [Example],
    /// Kept for old mappings; hidden from lists.
    pub deprecated: bool,
    /// What a result depends on.
    pub purity: Purity,
    /// Whether it looks up fields of the message's document, which is then read where it stands.
    pub reads_document: bool,
    /// How later errors name its result; `None` gives `function NAME`.
    pub annotation: Option<fn(&Args) -> Option<String>>,
    /// The work.
    pub run: RunFn,
}

/// Functions that read the surroundings of the process.
const SURROUNDINGS: &[&str] = &["env", "file", "file_rel", "hostname"];

impl Function {
    /// Whether the function reads the surroundings of the process: its variables, files, host.
    #[must_use]
    pub fn reads_surroundings(&self) -> bool {
        SURROUNDINGS.contains(&self.name)
    }

    /// A function of the message with nothing filled in.
    pub const BASE: Function = Function {
        name: "",
        category: "",
        since: "0.1.0",
        summary: "",
        params: Params::Fixed(&[]),
        examples: &[],
        deprecated: false,
        purity: Purity::Message,
        reads_document: false,
        annotation: None,
        run: RunFn::Simple(|_, _| Ok(Val::Nothing)),
    };
}
