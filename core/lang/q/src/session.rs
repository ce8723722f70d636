//! A session: the variables, limits and surroundings in which programs are evaluated.

use crate::ast::{Expr, Source};
use crate::compile;
use crate::display;
use crate::error::{QError, Result};
use crate::eval::{Frame, Stop};
use crate::kernel::group::WordMap;
use crate::kernel::index::Indexes;
use crate::memory::{Held, MEMORY_MAX, coming};
use crate::parse::{self, Statement};
use crate::qsp::State;
use crate::views::Views;
use formats::budget::{self, Limits};
use formats::k::{Attr, K, Sym, Type};
use std::collections::HashSet;
use std::sync::Arc;

/// What a session may ask the world outside; there is no other way to time and chance.
pub trait Host {
    /// Nanoseconds since 1970-01-01 UTC.
    fn now(&mut self) -> i64;
    /// Nanoseconds to add to UTC for the local time.
    fn offset(&mut self) -> i64 {
        0
    }
    /// A random number, from a source that a caller may seed.
    fn random(&mut self) -> u64;
    /// Which worker of its pipeline this is, from 0 on, and of how many.
    fn worker(&self) -> (usize, usize) {
        (0, 1)
    }
}

/// A host whose clock stands still and whose randomness is a known sequence.
#[derive(Clone, Debug)]
pub struct FixedHost {
    /// Nanoseconds since 1970-01-01 UTC.
    pub now: i64,
    /// State of the generator.
    pub seed: u64,
}

impl Default for FixedHost {
    fn default() -> Self {
        Self { now: 1_704_067_200_000_000_000, seed: 42 }
    }
}

impl Host for FixedHost {
    fn now(&mut self) -> i64 {
        self.now
    }

    fn random(&mut self) -> u64 {
        // splitmix64.
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.seed ^ (self.seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }
}

/// Takes what a program prints, at once.
pub type Printer = Box<dyn FnMut(&str)>;

/// How a session is set up.
pub struct Options {
    /// Clock and chance.
    pub host: Box<dyn Host>,
    /// Where `show` and the like print; without it the text is kept, see [`Session::take_console`].
    pub printer: Option<Printer>,
    /// Steps that one evaluation may take: nodes visited, and items of long vectors.
    pub steps_max: u64,
    /// Bytes that the session may take, with what it evaluates, where the allocator of the program
    /// counts them.
    pub memory_max: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            host: Box::new(FixedHost::default()),
            printer: None,
            steps_max: STEPS_MAX,
            memory_max: MEMORY_MAX,
        }
    }
}

/// Steps that one evaluation may take unless the options say otherwise.
pub const STEPS_MAX: u64 = 2_000_000_000;
/// Levels of calls and expressions that an evaluation may have.
pub const DEPTH_MAX: usize = 800;
/// Items that one vector may have.
pub const ITEMS_MAX: usize = 1 << 27;
/// Bytes of printed text that are kept when nobody takes them.
const CONSOLE_MAX: usize = 1 << 20;

/// The variables and surroundings of programs; one thread at a time uses it.
pub struct Session {
    pub(crate) globals: WordMap<Sym, K>,
    pub(crate) host: Box<dyn Host>,
    printer: Option<Printer>,
    console: String,
    pub(crate) steps: u64,
    steps_max: u64,
    pub(crate) depth: usize,
    /// What it holds of the memory that it may take.
    pub(crate) held: Held,
    /// The namespace of `\d`, empty for the root.
    pub(crate) context: Sym,
    /// Whether variables may not change, as in `reval`.
    pub(crate) frozen: bool,
    /// Digits that numbers are shown with.
    pub(crate) digits: usize,
    /// Rows and columns of the console.
    pub(crate) size: (usize, usize),
    /// Variables that are made of others when they are looked at.
    pub(crate) views: Views,
    /// Variables that others are enumerated by.
    pub(crate) domains: HashSet<Sym>,
    /// Where rows of keyed tables are.
    pub(crate) indexes: Indexes,
    /// What `.qsp` calls have built and what they talk to.
    pub(crate) qsp: State,
}

/// Whether the text of a script can be understood at all.
///
/// # Errors
/// The place that cannot.
pub fn check_syntax(source: &str) -> Result<()> {
    let limits = Limits { bytes: MEMORY_MAX, steps: u64::MAX };
    let parsed = budget::within(limits, || parse::parse(source, DEPTH_MAX / 2).map(|_| ()));
    parsed.unwrap_or_else(|spent| Err(spent.into())).map_err(|e| e.located(source))
}

impl Session {
    /// A session without variables of its own.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let mut session = Self::bare(options);
        session.globals.extend(crate::prelude::globals());
        session
    }

    /// A session that has only what is built in.
    pub(crate) fn bare(options: Options) -> Self {
        let globals = crate::verbs::globals().into_iter();
        Self {
            globals: globals.map(|(name, value)| (Sym::new(name), value)).collect(),
            host: options.host,
            printer: options.printer,
            console: String::new(),
            steps: options.steps_max,
            steps_max: options.steps_max,
            depth: 0,
            held: Held::new(options.memory_max),
            context: Sym::default(),
            frozen: false,
            digits: 7,
            size: (25, 80),
            views: Views::default(),
            domains: HashSet::new(),
            indexes: Indexes::default(),
            qsp: State::default(),
        }
    }

    /// Evaluates a text of one or more statements and returns the value of the last.
    ///
    /// # Errors
    /// What the program signals, or the place where it is no program; `name` is what the trace
    /// calls the text.
    pub fn eval(&mut self, source: &str, name: &str) -> Result {
        Ok(self.run(source, name)?.0)
    }

    /// Evaluates a script, from a file or the like, for its effects.
    ///
    /// # Errors
    /// As [`Session::eval`].
    pub fn load_script(&mut self, source: &str) -> Result<()> {
        self.run(source, "script").map(|_| ())
    }

    /// Applies a function, or indexes a value, with arguments.
    ///
    /// # Errors
    /// What the function signals.
    pub fn apply(&mut self, func: &K, args: &[K]) -> Result {
        self.apply_to(func, args.to_vec())
    }

    /// The same with arguments that it may take apart.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn apply_to(&mut self, func: &K, args: Vec<K>) -> Result {
        self.begin();
        let given = coming(&args);
        self.bounded(given, |cx| cx.call(func, args))
    }

    /// The text that programs printed since the last call, unless a printer took it.
    pub fn take_console(&mut self) -> String {
        std::mem::take(&mut self.console)
    }

    /// A variable by its name.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&K> {
        self.globals.get(&Sym::new(name))
    }

    /// Sets a variable.
    pub fn set_variable(&mut self, name: &str, value: K) {
        let name = Sym::new(name);
        self.globals.insert(name, value);
        self.views.assigned(name);
    }

    /// What the console shows of a value, with this session's digits and size.
    #[must_use]
    pub fn show(&self, value: &K) -> String {
        display::console(value, self.digits, self.size)
    }

    /// Evaluates a text; also says whether a console would show the value.
    pub(crate) fn run(&mut self, text: &str, name: &str) -> Result<(K, bool)> {
        self.begin();
        let shown = self.bounded_text(|cx| cx.statements(text)).map_err(|mut e| {
            e.through(|| name.to_owned());
            e.located(text)
        });
        self.depth = 0;
        shown
    }

    /// Runs `work` with fewer steps than the session has for an evaluation.
    pub(crate) fn within<T>(&mut self, steps: u64, work: impl FnOnce(&mut Self) -> T) -> T {
        let usual = self.steps_max;
        self.steps_max = steps.min(usual);
        let out = work(self);
        self.steps_max = usual;
        out
    }

    /// Begins a piece of work with all the steps that it may take.
    pub(crate) fn begin(&mut self) {
        self.steps = self.steps_max;
        self.depth = 0;
        self.frozen = false;
    }

    /// The statements of a text, one after the other, without new limits.
    pub(crate) fn statements(&mut self, text: &str) -> Result<(K, bool)> {
        // Parsing nests on top of what is being evaluated.
        let statements = parse::parse(text, (DEPTH_MAX - self.depth) / 2)?;
        let statements = crate::views::gathered(statements, text);
        let source = Arc::new(Source { text: text.to_owned() });
        let mut last = (K::Null, false);
        let mut set = Vec::new();
        for statement in &statements {
            if let Statement::Expr(node, _) = statement {
                compile::dotted(node, &mut set);
            }
        }
        for statement in statements {
            match statement {
                Statement::Expr(mut node, hidden) => {
                    let known = |name| set.contains(&name) || self.globals.contains_key(&name);
                    compile::resolve(&mut node, &source, self.context, &known)?;
                    if self.view(&node, text)? {
                        last = (K::Null, false);
                        continue;
                    }
                    let assigned = matches!(node.expr, Expr::Assign(_) | Expr::Match(_));
                    let mut frame = Frame::default();
                    let value = match self.node(&node, &mut frame) {
                        Ok(value) | Err(Stop::Return(value)) => value,
                        Err(Stop::Error(e)) => return Err(e),
                    };
                    last = (value, !assigned && !hidden);
                }
                Statement::Command(command, span) => {
                    last = self.command(&command).map_err(|e| e.at(span))?;
                }
            }
        }
        Ok(last)
    }

    /// A command such as `\d .name`.
    pub(crate) fn command(&mut self, command: &str) -> Result<(K, bool)> {
        if let Some(taken) = self.timed(command)? {
            return Ok((taken, true));
        }
        // What follows a slash is a comment.
        let mut words = command.split_whitespace().take_while(|word| !word.starts_with('/'));
        let (Some(name), argument) = (words.next(), words.next()) else {
            return Ok((K::Null, false));
        };
        if self.frozen {
            return Err(QError::new("noupdate"));
        }
        match (name, argument) {
            ("d", None) => {
                let context = if self.context.is_null() { Sym::new(".") } else { self.context };
                return Ok((K::sym(context), true));
            }
            ("d", Some(".")) => self.context = Sym::default(),
            ("d", Some(context)) if context.starts_with('.') => self.context = Sym::new(context),
            ("P", Some(digits)) => {
                let digits: usize = digits.parse().map_err(|_| QError::new("P"))?;
                self.digits = if digits == 0 { 17 } else { digits.min(17) };
            }
            ("P", None) => return Ok((K::int(i32::try_from(self.digits).unwrap_or(7)), true)),
            ("c", None) => {
                let side = |n: usize| i32::try_from(n).unwrap_or(0);
                let size = vec![side(self.size.0), side(self.size.1)];
                return Ok((K::vec(Type::Int, size), true));
            }
            ("p" | "s" | "T" | "e" | "g" | "z" | "t", None) => return Ok((K::int(0), true)),
            ("W", None) => return Ok((K::int(2), true)),
            ("B", None) => return Ok((K::syms(self.views.pending()), true)),
            ("C", None) => return Ok((K::vec(Type::Int, vec![36, 2000]), true)),
            ("a" | "b" | "f" | "v", space) => return Ok((self.listing(name, space), true)),
            ("c", Some(rows)) => {
                let number = |t: &str| t.parse::<usize>().map(|n| n.clamp(10, 2000));
                let rows = number(rows).map_err(|_| QError::new("c"))?;
                let columns = words.next().map_or(Ok(80), number).map_err(|_| QError::new("c"))?;
                self.size = (rows, columns);
            }
            _ => return Err(QError::nyi(&format!("\\{name}"))),
        }
        Ok((K::Null, false))
    }

    /// The names of a namespace: its tables, views, functions or variables.
    fn listing(&self, what: &str, space: Option<&str>) -> K {
        let space = space.map_or(self.context.as_str(), |s| if s == "." { "" } else { s });
        let prefix = if space.is_empty() { String::new() } else { format!("{space}.") };
        let mut names: Vec<Sym> = match what {
            "b" => self.views.names(),
            _ => {
                let wanted = |k: &K| match what {
                    "a" => matches!(k, K::Table(_)) || k.keyed().is_some(),
                    "f" => matches!(k, K::Func(_)),
                    _ => !matches!(k, K::Func(_)),
                };
                let inside = |name: &Sym| -> Option<Sym> {
                    let rest = name.as_str().strip_prefix(&prefix)?;
                    (!rest.contains('.') && name.as_str() != "csv").then(|| Sym::new(rest))
                };
                let all = self.globals.iter().filter(|(_, k)| wanted(k));
                all.filter_map(|(name, _)| inside(name)).collect()
            }
        };
        names.sort_by(|a, b| a.order(*b));
        if names.is_empty() {
            return K::syms(names);
        }
        K::syms(names).with_attr(Attr::Sorted)
    }

    /// Prints a text as it stands.
    pub(crate) fn print(&mut self, text: &str) {
        match &mut self.printer {
            Some(printer) => printer(text),
            None if self.console.len() + text.len() <= CONSOLE_MAX => self.console.push_str(text),
            None => {}
        }
    }

    /// Counts steps of work.
    pub(crate) fn charge(&mut self, steps: usize) -> Result<()> {
        self.steps = self.steps.saturating_sub(steps as u64);
        if self.steps == 0 {
            return Err(QError::limit("stop"));
        }
        self.bytes(0)
    }

    /// Counts steps of work that is done: what comes next stops when none are left.
    pub(crate) fn spent(&mut self, steps: usize) {
        self.steps = self.steps.saturating_sub(steps as u64);
    }

    /// Asks for room for `added` items behind the `count` of a vector that is changed in place.
    pub(crate) fn more(&mut self, count: usize, added: usize) -> Result<()> {
        if count.saturating_add(added) > ITEMS_MAX {
            return Err(QError::limit("wsfull"));
        }
        self.charge(1 + added / 8)
    }

    /// Asks for room for a vector of so many items.
    pub(crate) fn room(&mut self, items: usize) -> Result<()> {
        if items > ITEMS_MAX || !budget::has_room(items.saturating_mul(ITEM_BYTES)) {
            return Err(QError::limit("wsfull"));
        }
        self.charge(1 + items / 8)
    }
}

/// Bytes of an item of most vectors.
const ITEM_BYTES: usize = 8;
