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
        // Some write a semicolon behind the keys.
        self.take(&Tok::Semi);
        let columns = self.table_columns(b')')?;
        if columns.is_empty() && !keys.is_empty() {
            return Ok(dictionary(keys, (self.end(), self.end())));
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

/// `([a:1;b:2])`: names and values.
fn dictionary(entries: Vec<(Sym, Node)>, span: (usize, usize)) -> Expr {
    let node = |expr| Node::new(expr, span);
    let (names, values): (Vec<Sym>, Vec<Node>) = entries.into_iter().unzip();
    let names = node(Expr::Const(K::syms(names)));
    // A list of one item needs to be made one.
    let values = match <[Node; 1]>::try_from(values) {
        Ok(one) => Expr::Apply(Box::new(node(verbs::constant("enlist"))), Vec::from(one)),
        Err(several) => Expr::List(several),
    };
    Expr::Apply(Box::new(node(verbs::constant("!"))), vec![names, node(values)])
}
