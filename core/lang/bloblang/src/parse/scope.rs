//! What names mean while a text is parsed.

use std::collections::HashMap;
use std::rc::Rc;

use crate::exec::Setup;

/// What a program may do, beyond its text.
#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) setup: Setup,
    /// Whether files may be imported.
    pub(crate) imports: bool,
    /// Whether only functions that depend on nothing but their arguments are known.
    pub(crate) pure_only: bool,
    /// How many files imported each other to get here.
    pub(crate) import_depth: u32,
}

/// Names in scope.
pub(super) struct Scope {
    pub(super) options: Options,
    /// Names of the lambdas around, the innermost last.
    pub(super) lambdas: Vec<Rc<str>>,
    /// Slots of the variables of the program or map.
    pub(super) vars: HashMap<Rc<str>, usize>,
}

impl Scope {
    pub(super) fn new(options: Options) -> Self {
        Scope { options, lambdas: Vec::new(), vars: HashMap::new() }
    }

    /// How many lambdas outwards a name was given.
    pub(super) fn hops(&self, name: &str) -> Option<usize> {
        self.lambdas.iter().rev().position(|n| &**n == name)
    }

    /// The slot of a variable.
    pub(super) fn slot(&mut self, name: &str) -> usize {
        let next = self.vars.len();
        *self.vars.entry(Rc::from(name)).or_insert(next)
    }
}
