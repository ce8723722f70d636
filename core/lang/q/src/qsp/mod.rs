//! Stream-processor specs.

use crate::error::{Result, type_error};
use crate::session::Session;
use crate::verbs::Verb;
use formats::k::K;

/// What `.qsp` calls have built.
#[derive(Default)]
pub(crate) struct State {}

/// The `.qsp` functions, by family.
pub(crate) const VERBS: &[&[Verb]] = &[];

impl Session {
    /// Applies an operator value: connects it.
    pub(crate) fn qsp_apply(&mut self, _f: &K, _args: Vec<K>) -> Result {
        Err(type_error())
    }
}
