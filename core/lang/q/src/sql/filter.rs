//! Conditions: which rows of a table a query is over.

use super::{Scope, into_longs};
use crate::ast::{Expr, Node, Query};
use crate::eval::{Flow, Frame};
use crate::func::Fun;
use crate::kernel::places;
use crate::session::Session;
use crate::verbs;
use formats::k::{Data, K, Type, Vector};
use std::sync::Arc;

/// Verbs that give an item for each item, whatever the others are, and know from the types alone
/// whether they can.
const ITEM_BY_ITEM: [&str; 21] = [
    "=", "<>", "<", ">", "<=", ">=", "+", "-", "*", "%", "&", "|", "and", "or", "not", "null",
    "neg", "abs", "mod", "div", "xbar",
];
/// Of rows of which more than one in so many are left, the next condition looks at all: that is
/// less work than taking those out that are left.
const SPARSE: usize = 4;

/// Rows that have passed so far, of which not all are taken out of the table yet.
struct Passed {
    scope: Scope,
    /// Whether each row of the scope has passed, and how many have.
    flags: Option<(Vec<u8>, usize)>,
}

impl Passed {
    /// The rows that have passed.
    fn taken(&mut self) -> &Scope {
        if let Some((flags, count)) = self.flags.take() {
            self.scope = self.scope.flagged(flags, count);
        }
        &self.scope
    }

    /// Lets only those rows pass further whose flags are set: there is one for each of the scope.
    fn and(&mut self, mut flags: Vec<u8>) {
        if let Some((before, _)) = &self.flags {
            flags.iter_mut().zip(before).for_each(|(flag, before)| *flag &= before);
        }
        let count = places::count(&flags);
        if count < self.scope.len() {
            self.flags = Some((flags, count));
        }
    }

    fn is_sparse(&self) -> bool {
        self.flags.as_ref().is_some_and(|(_, count)| count * SPARSE < self.scope.len())
    }
}

impl Session {
    /// The rows that pass all conditions, each seeing only what the one before left.
    pub(super) fn filtered(
        &mut self,
        query: &Query,
        scope: Scope,
        frame: &mut Frame,
    ) -> Flow<Scope> {
        let mut passed = Passed { scope, flags: None };
        for filter in &query.filters {
            // What looks at single items may see others, too.
            if passed.is_sparse() || !by_items(filter, &passed.scope) {
                passed.taken();
            }
            let mut flags = self.in_scope(filter, &passed.scope, frame)?;
            if passed.flags.is_some() && flags.ty() != Some(Type::Bool) {
                passed.taken();
                flags = self.in_scope(filter, &passed.scope, frame)?;
            }
            let rows = passed.scope.len();
            if flags.is_atom() {
                if !crate::eval::truth(&flags).map_err(|e| e.at(filter.span))? {
                    passed = Passed { scope: passed.scope.pick(Vec::new()), flags: None };
                }
                continue;
            }
            match flags {
                K::Vec(Vector { ty: Type::Bool, data: Data::U8(flags), .. }) => {
                    if flags.len() != rows {
                        return Err(crate::error::length_error().at(filter.span).into());
                    }
                    passed.and(Arc::try_unwrap(flags).unwrap_or_else(|shared| shared.to_vec()));
                }
                flags => {
                    let places = verbs::where_true(self, flags).map_err(|e| e.at(filter.span))?;
                    let places = into_longs(places);
                    if places.len() < rows || !places.is_sorted() {
                        passed.scope = passed.scope.pick(places);
                    }
                }
            }
        }
        passed.taken();
        Ok(passed.scope)
    }
}

/// Whether an expression is one of columns whose items it looks at one by one.
fn by_items(node: &Node, scope: &Scope) -> bool {
    fn operand(node: &Node, scope: &Scope, columns: &mut bool) -> bool {
        match &node.expr {
            Expr::Const(k) => matches!(k, K::Atom(..)),
            Expr::Column(name, _) => {
                *columns = true;
                scope.is_flat(*name)
            }
            _ => applied(node, scope, columns),
        }
    }
    fn applied(node: &Node, scope: &Scope, columns: &mut bool) -> bool {
        let Expr::Apply(f, args) = &node.expr else { return false };
        let Expr::Const(f) = &f.expr else { return false };
        let Some(verb) = Fun::verb(f).filter(|verb| verb.rank() == args.len()) else {
            return false;
        };
        match args.as_slice() {
            // The list is the same for all items.
            [items, list] if matches!(verb.name, "in" | "within") => {
                operand(items, scope, columns) && matches!(list.expr, Expr::Const(_))
            }
            args if ITEM_BY_ITEM.contains(&verb.name) => {
                args.iter().all(|arg| operand(arg, scope, columns))
            }
            _ => false,
        }
    }
    let mut columns = false;
    operand(node, scope, &mut columns) && columns
}
