//! Queries: `select`, `exec`, `update`, `delete`.

use super::Parser;
use crate::ast::{Expr, Node, Query, Verb};
use crate::error::{QError, Result};
use crate::lex::Tok;
use formats::k::{K, Sym};

impl Parser<'_> {
    /// A query, after its first word.
    pub(super) fn query(&mut self, verb: Verb) -> Result<Expr> {
        let outer = (self.query, self.table);
        (self.query, self.table) = (true, false);
        let query = self.clauses(verb);
        (self.query, self.table) = outer;
        Ok(Expr::Query(Box::new(query?)))
    }

    fn word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Tok::Name(name) if name.as_str() == word);
        if found {
            self.at += 1;
        }
        found
    }

    fn clauses(&mut self, verb: Verb) -> Result<Query> {
        let null = Node::new(Expr::Const(K::Null), (self.start(), self.start()));
        let mut query = Query {
            verb,
            distinct: false,
            limit: None,
            order: None,
            columns: Vec::new(),
            named: false,
            keyed: false,
            by: None,
            from: null,
            filters: Vec::new(),
        };
        if self.take(&Tok::Open(b'[')) {
            self.limits(&mut query)?;
        }
        if verb == Verb::Select && self.word("distinct") {
            query.distinct = true;
        }
        if !matches!(self.peek(), Tok::Name(n) if matches!(n.as_str(), "by" | "from")) {
            let (columns, named) = self.named_columns()?;
            query.columns = columns;
            query.named = named;
        }
        if self.word("by") {
            let (by, named) = self.named_columns()?;
            (query.by, query.keyed) = (Some(by), named);
        }
        if !self.word("from") {
            return Err(QError::new("from").at((self.start(), self.start())));
        }
        // A comma after the table is a join again, not a clause.
        self.table = true;
        query.from = self.nested(|p| {
            let (term, class) = p.term()?;
            p.after(term, class)
        })?;
        self.table = false;
        if self.word("where") {
            loop {
                query.filters.push(self.nested(Self::expr)?);
                if !self.take(&Tok::Op(",")) {
                    break;
                }
            }
        }
        dedupe(&mut query)?;
        Ok(query)
    }

    /// `[n]`, `[n;>c]` or `[>c]`, after the bracket.
    fn limits(&mut self, query: &mut Query) -> Result<()> {
        let outer = std::mem::replace(&mut self.query, false);
        loop {
            let descending = match self.peek() {
                Tok::Op("<") => Some(false),
                Tok::Op(">") => Some(true),
                _ => None,
            };
            if let Some(descending) = descending {
                self.at += 1;
                query.order = Some((descending, self.expr()?));
            } else {
                query.limit = Some(self.expr()?);
            }
            if !self.take(&Tok::Semi) {
                break;
            }
        }
        self.expect(b']')?;
        self.query = outer;
        Ok(())
    }

    fn named_columns(&mut self) -> Result<(Vec<(Sym, Node)>, bool)> {
        let mut columns = Vec::new();
        let mut named = false;
        loop {
            let (name, node, explicit) = self.column()?;
            named |= explicit;
            columns.push((name, node));
            if !self.take(&Tok::Op(",")) {
                return Ok((columns, named));
            }
        }
    }
}

/// Columns that would have the same name get a number, as in `x`, `x1`.
///
/// # Errors
/// A column of the result has the name of a group.
fn dedupe(query: &mut Query) -> Result<()> {
    if query.verb == Verb::Update || query.verb == Verb::Delete {
        return Ok(());
    }
    numbered(&mut query.columns);
    let Some(by) = &mut query.by else { return Ok(()) };
    numbered(by);
    let twice = query.columns.iter().find(|(name, _)| by.iter().any(|(other, _)| other == name));
    match twice {
        Some((name, node)) if query.verb == Verb::Select => {
            Err(QError::new(format!("dup names for cols/groups {name}")).at(node.span))
        }
        _ => Ok(()),
    }
}

fn numbered(columns: &mut [(Sym, Node)]) {
    let mut seen: Vec<Sym> = Vec::new();
    for (name, _) in columns {
        let base = *name;
        let mut n = 0;
        while seen.contains(name) {
            n += 1;
            *name = Sym::new(&format!("{base}{n}"));
        }
        seen.push(*name);
    }
}
