//! Parentheses: an expression, a list, or a table.

use super::Parser;
use crate::ast::{Expr, Node};
use crate::error::{QError, Result};
use crate::lex::Tok;
use crate::verbs;
use formats::k::{K, Sym};

impl Parser<'_> {
    /// What parentheses hold, at the opening one.
    pub(super) fn parens(&mut self) -> Result<Expr> {
        self.at += 1;
        if self.take(&Tok::Close(b')')) {
            return Ok(Expr::Const(K::list(Vec::new())));
        }
        if self.take(&Tok::Open(b'[')) {
            let outer = std::mem::replace(&mut self.query, false);
            let table = self.nested(Self::table);
            self.query = outer;
            return table;
        }
        let mut items = self.items(b')')?;
        if items.len() == 1 {
            let only = items.remove(0);
            return match only.expr {
                Expr::Hole => Err(QError::new("()").at(only.span)),
                // The assignment's value is wanted here, as the parentheses say.
                other => Ok(other),
            };
        }
        if items.iter().any(|i| matches!(i.expr, Expr::Hole)) {
            let at = (self.start(), self.start());
            let enlist = Node::new(verbs::constant("enlist"), at);
            return Ok(Expr::Apply(Box::new(enlist), items));
        }
        Ok(Expr::List(items))
    }

    /// A table literal, after `([`.
    fn table(&mut self) -> Result<Expr> {
        let keys = self.table_columns(b']')?;
        let columns = self.table_columns(b')')?;
        if columns.is_empty() && !keys.is_empty() {
            return Err(self.unexpected());
        }
        Ok(Expr::Table(keys, columns))
    }

    fn table_columns(&mut self, close: u8) -> Result<Vec<(Sym, Node)>> {
        let mut columns = Vec::new();
        loop {
            if self.take(&Tok::Close(close)) {
                return Ok(columns);
            }
            let (name, node, _) = self.column()?;
            columns.push((name, node));
            if !self.take(&Tok::Semi) {
                self.expect(close)?;
                return Ok(columns);
            }
        }
    }
}
