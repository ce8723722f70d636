//! Queries.

use plan::{Diagnostic, Span};

use super::super::ast::{Body, Input, InputKind, Item, Join, Query, Relation, Select, Target};
use super::{Parsed, Parser, Token};
use crate::ast::Attr;

/// A SELECT with its sink, if it has one.
type Sunk = (Body, Option<(Target, Span)>);

/// Joins that are known and do not run.
const JOINS: &[&str] = &["LEFT", "RIGHT", "FULL", "NATURAL", "CROSS", "OUTER"];

impl Parser {
    /// A query with its sink.
    pub(super) fn query(&mut self) -> Parsed<Query> {
        let span = self.span();
        let (body, target) = self.body()?;
        self.organization()?;
        match target {
            Some((target, _)) => Ok(Query { body, target, span }),
            None => Err(Diagnostic::error("no-sink", "the query has no INTO with a sink", span)),
        }
    }

    /// A query within another, which has no sink.
    fn inner(&mut self) -> Parsed<Body> {
        self.nested(|p| {
            let (body, target) = p.body()?;
            p.organization()?;
            match target {
                None => Ok(body),
                Some((_, span)) => {
                    let text = "only the outermost query has a sink";
                    Err(Diagnostic::error("syntax", text, span))
                }
            }
        })
    }

    /// `select { UNION select }`.
    fn body(&mut self) -> Parsed<Sunk> {
        let span = self.span();
        let (first, mut target) = self.term()?;
        let mut all = vec![(first, span)];
        while self.word_if("UNION") {
            if self.is_word("ALL") || self.is_word("DISTINCT") {
                return self.refuse("UNION with ALL or DISTINCT");
            }
            if let Some((_, span)) = target {
                let text = "INTO stands at the end of the query";
                return Err(Diagnostic::error("syntax", text, span));
            }
            let span = self.span();
            let (next, its_target) = self.term()?;
            all.push((next, span));
            target = its_target;
        }
        if self.is_word("EXCEPT") || self.is_word("INTERSECT") {
            return self.refuse("EXCEPT or INTERSECT");
        }
        match all.pop() {
            Some((only, _)) if all.is_empty() => Ok((only, target)),
            last => {
                all.extend(last);
                if target.is_none() {
                    target = self.sink_clause()?;
                }
                Ok((Body::Union(all), target))
            }
        }
    }

    fn term(&mut self) -> Parsed<Sunk> {
        if self.sign_if("(") {
            let inner = self.inner()?;
            self.sign(")")?;
            return Ok((inner, self.sink_clause()?));
        }
        for word in ["TABLE", "VALUES", "FROM"] {
            if self.is_word(word) {
                return self.refuse(&format!("a query that begins with {word}"));
            }
        }
        self.select()
    }

    fn select(&mut self) -> Parsed<Sunk> {
        let span = self.span();
        self.word("SELECT")?;
        if self.is_word("DISTINCT") {
            return self.refuse("DISTINCT");
        }
        let items = self.list(Parser::item)?;
        self.word("FROM")?;
        let from = self.relation()?;
        if self.is_sign(",") {
            return self.refuse("FROM with more than one relation");
        }
        let filter = if self.word_if("WHERE") { Some(self.expr()?) } else { None };
        let (mut keys, mut window, mut watermark) = (Vec::new(), None, None);
        loop {
            if keys.is_empty() && self.word_if("GROUP") {
                self.word("BY")?;
                keys = self.keys()?;
            } else if window.is_none() && self.word_if("WINDOW") {
                window = Some(self.window()?);
            } else if watermark.is_none() && self.word_if("WATERMARK") {
                watermark = Some(self.watermark()?);
            } else {
                break;
            }
        }
        let having = if self.word_if("HAVING") { Some(self.expr()?) } else { None };
        let target = self.sink_clause()?;
        let select = Select { items, from, filter, keys, window, watermark, having, span };
        Ok((Body::Select(Box::new(select)), target))
    }

    fn item(&mut self) -> Parsed<Item> {
        let span = self.span();
        if self.sign_if("*") {
            return Ok(Item::All(span));
        }
        let named = matches!(self.peek(), Token::Word(_) | Token::Quoted(_));
        let all =
            named && matches!((self.ahead(1), self.ahead(2)), (Token::Sign("."), Token::Sign("*")));
        if all {
            let of = self.name("a source")?;
            self.next();
            self.next();
            return Ok(Item::AllOf(of));
        }
        let expr = self.expr()?;
        let alias = if self.word_if("AS") { Some(self.name("a name")?) } else { None };
        Ok(Item::Expr(expr, alias))
    }

    /// The fields of GROUP BY; there may be parentheses around several.
    fn keys(&mut self) -> Parsed<Vec<Attr>> {
        for word in ["GROUPING", "ROLLUP", "CUBE"] {
            if self.is_word(word) {
                return self.refuse(word);
            }
        }
        let mut keys = Vec::new();
        loop {
            if self.sign_if("(") {
                keys.extend(self.list(|p| p.qualified("a field"))?);
                self.sign(")")?;
            } else {
                keys.push(self.qualified("a field")?);
            }
            if !self.sign_if(",") {
                break;
            }
        }
        if self.is_word("WITH") || self.is_word("GROUPING") {
            return self.refuse("GROUP BY with more than fields");
        }
        Ok(keys)
    }

    fn relation(&mut self) -> Parsed<Relation> {
        let first = self.input()?;
        let mut joins = Vec::new();
        loop {
            let span = self.span();
            if let Token::Word(word) = self.peek()
                && JOINS.contains(&word.as_str())
            {
                let what = format!("{word} JOIN");
                return self.refuse(&what);
            }
            if self.word_if("INNER") {
                self.word("JOIN")?;
            } else if !self.word_if("JOIN") {
                return Ok(Relation { first, joins });
            }
            let right = self.input()?;
            self.word("ON")?;
            let on = self.expr()?;
            self.word("WINDOW")?;
            let window = self.window()?;
            joins.push(Join { right, on, window, span });
        }
    }

    fn input(&mut self) -> Parsed<Input> {
        let span = self.span();
        let kind = if self.sign_if("(") {
            let query = self.is_sign("(") || self.is_word("SELECT");
            let kind = if query {
                InputKind::Query(self.inner()?)
            } else {
                InputKind::Relation(Box::new(self.nested(Parser::relation)?))
            };
            self.sign(")")?;
            kind
        } else if self.is_word("VALUES") {
            return self.refuse("VALUES");
        } else if matches!((self.peek(), self.ahead(1)), (Token::Word(_), Token::Sign("("))) {
            InputKind::Inline(self.component()?)
        } else {
            InputKind::Source(self.name("a source")?)
        };
        Ok(Input { kind, alias: self.alias()?, span })
    }

    /// `[ INTO sink ]`.
    fn sink_clause(&mut self) -> Parsed<Option<(Target, Span)>> {
        let span = self.span();
        if !self.word_if("INTO") {
            return Ok(None);
        }
        let inline = matches!((self.peek(), self.ahead(1)), (Token::Word(_), Token::Sign("(")));
        let target = if inline {
            Target::Inline(self.component()?)
        } else {
            Target::Named(self.name("a sink")?)
        };
        if self.is_sign(",") {
            return self.refuse("more than one sink");
        }
        Ok(Some((target, span)))
    }

    /// Refuses what orders and cuts results.
    fn organization(&self) -> Parsed<()> {
        for word in ["ORDER", "LIMIT", "OFFSET"] {
            if self.is_word(word) {
                return self.refuse(if word == "ORDER" { "ORDER BY" } else { word });
            }
        }
        Ok(())
    }
}
