//! A record while its queries are evaluated, and calls that evaluate queries of their own.

use std::sync::Arc;

use formats::value::{Text, Value};
use plan::Meta;

use super::eval::Quick;
use super::item::{Fast, Item, Tools};
use crate::args::Args;
use crate::program;

/// Evaluations of query arguments that a record may take here; one that takes more is for the
/// general evaluator, which has a limit of its own.
const STEPS_MAX: u32 = 1 << 20;

/// A record while its queries are evaluated.
pub struct Record<'b> {
    /// The record and memory for what is computed.
    pub tools: Tools<'b>,
    pub(super) content: &'b [u8],
    /// The whole record, where it was opened instead of being read as it stands.
    pub(super) root: Option<Item<'b>>,
    /// Variables, and values that lambdas and `match` give names.
    pub(super) locals: bumpalo::collections::Vec<'b, Option<Item<'b>>>,
    pub(super) steps: u32,
    /// Metadata as it came in, and once it was written.
    pub(super) meta_in: Option<&'b Meta>,
    pub(super) meta: Option<Meta>,
}

/// A query argument.
pub struct Query {
    /// Where the query finds the value it is evaluated for.
    pub(super) slot: usize,
    pub(super) body: Quick,
}

/// The arguments of a method that evaluates a query.
pub struct EachCall {
    /// The arguments that are values.
    pub args: Args,
    /// The query.
    pub query: Query,
}

impl<'b> Record<'b> {
    /// A record with its metadata and so many slots.
    pub(super) fn new(
        tools: Tools<'b>,
        content: &'b [u8],
        root: Option<Item<'b>>,
        slots: usize,
        meta_in: Option<&'b Meta>,
    ) -> Self {
        let locals = bumpalo::vec![in tools.bump; None; slots];
        Record { tools, content, root, locals, steps: 0, meta_in, meta: None }
    }

    /// Sets one key of the metadata, or all of it.
    pub(super) fn set_meta(&mut self, key: Option<&Arc<str>>, item: &Item<'b>) -> Option<()> {
        let meta = self.meta.get_or_insert_with(|| self.meta_in.cloned().unwrap_or_default());
        match (key, *item) {
            // Most of them, without a detour.
            (Some(key), Item::Str(text)) => {
                meta.set(Arc::clone(key), Value::String(Text::from(text)));
                Some(())
            }
            (key, _) => {
                let val = item.to_val()?;
                program::set_meta(key, val, meta).ok()
            }
        }
    }

    /// Evaluates a query for a value.
    ///
    /// # Errors
    /// The fast path cannot say.
    #[inline]
    pub fn call(&mut self, query: &'b Query, item: &Item<'b>) -> Fast<'b> {
        self.steps += 1;
        if self.steps > STEPS_MAX || !self.tools.fits() {
            return None;
        }
        *self.locals.get_mut(query.slot)? = Some(*item);
        query.body.eval(self)
    }

    /// Whether a query holds for a value.
    ///
    /// # Errors
    /// The fast path cannot say.
    pub fn holds(&mut self, query: &'b Query, item: &Item<'b>) -> Option<bool> {
        Some(matches!(self.call(query, item)?, Item::Bool(true)))
    }

    /// Goes through the elements of an array, or the members of an object: `each` gets what a query
    /// about it sees and the value itself, and gives what takes its place; `None` drops it.
    ///
    /// # Errors
    /// The fast path cannot say, or `each` cannot.
    pub fn each(
        &mut self,
        target: &Item<'b>,
        mut each: impl FnMut(&mut Self, &Item<'b>, &Item<'b>) -> Option<Option<Item<'b>>>,
    ) -> Fast<'b> {
        let bump = self.tools.bump;
        match self.tools.open(target)? {
            Item::List(items) => {
                let mut out = bumpalo::collections::Vec::with_capacity_in(items.len(), bump);
                for item in items {
                    out.extend(each(self, item, item)?);
                }
                Some(Item::List(out.into_bump_slice()))
            }
            Item::Map(members) => {
                let mut out = bumpalo::collections::Vec::with_capacity_in(members.len(), bump);
                for (name, item) in members {
                    let context = self.tools.member(name, *item)?;
                    out.extend(each(self, &context, item)?.map(|item| (*name, item)));
                }
                Some(Item::Map(out.into_bump_slice()))
            }
            _ => None,
        }
    }
}
