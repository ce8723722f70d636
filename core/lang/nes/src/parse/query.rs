//! Queries and the calls on them.

use plan::{Diagnostic, Span};

use super::{CALLS_MAX, Parsed, Parser};
use crate::ast::{Expr, ExprKind, JoinOn, Occurrences, Op, OpKind, Query};
use crate::lex::Token;

/// A call that waits for its `window(...)`.
enum Open {
    Pattern(Query, bool),
    Times(Occurrences),
}

impl Parser {
    pub(crate) fn query(&mut self) -> Parsed<Query> {
        let mut query = self.nested(|p| {
            if p.sign_if("(") {
                let query = p.query()?;
                p.sign(")")?;
                return Ok(query);
            }
            p.word("Query")?;
            p.sign("::")?;
            p.word("from")?;
            p.sign("(")?;
            let span = p.span();
            let source = p.text()?;
            p.sign(")")?;
            Ok(Query { source, span, ops: Vec::new() })
        })?;
        while self.sign_if(".") {
            let span = self.span();
            self.calls += 1;
            if self.calls > CALLS_MAX {
                let text = format!("a query has at most {CALLS_MAX} calls");
                return Err(Diagnostic::error("too-long", text, span));
            }
            let name = self.any_word("a call such as 'filter'")?;
            let kind = self.nested(|p| p.op(&name, span))?;
            query.ops.push(Op { kind, span });
        }
        Ok(query)
    }

    fn op(&mut self, name: &str, span: Span) -> Parsed<OpKind> {
        self.sign("(")?;
        let kind = match name {
            "filter" | "selection" => OpKind::Filter(self.expr()?),
            "map" => {
                let attr = self.attr()?;
                self.sign("=")?;
                OpKind::Map(attr, self.expr()?)
            }
            "project" => OpKind::Project(self.list(Parser::item)?),
            "as" => OpKind::As(self.text()?),
            "unionWith" | "orWith" => OpKind::Union(self.query()?),
            "andWith" | "seqWith" => {
                let right = self.query()?;
                self.sign(")")?;
                return self.windowed(Open::Pattern(right, name == "seqWith"));
            }
            "times" => {
                let occurrences = self.occurrences()?;
                self.sign(")")?;
                return self.windowed(Open::Times(occurrences));
            }
            "joinWith" => return self.join(),
            "window" => return self.window_call(),
            "assignWatermark" => OpKind::Watermark(self.watermark()?),
            "limit" => OpKind::Limit(self.int()?),
            "sink" => {
                let (sink, node) = self.sink_call()?;
                OpKind::Sink(sink, node)
            }
            "mapUDF" | "flatMapUDF" => OpKind::Udf(self.text()?, name == "flatMapUDF"),
            "batchJoinWith" | "inferModel" => {
                self.skip_arguments()?;
                if name == "batchJoinWith" {
                    self.sign(")")?;
                    self.sign(".")?;
                    self.word("where")?;
                    self.sign("(")?;
                    self.skip_arguments()?;
                }
                OpKind::Unsupported(name.to_owned())
            }
            _ => {
                let text = format!("there is no call '{name}' on a query");
                return Err(Diagnostic::error("unknown-call", text, span));
            }
        };
        self.sign(")")?;
        Ok(kind)
    }

    /// Passes over what stands between the brackets of a call.
    fn skip_arguments(&mut self) -> Parsed<()> {
        let mut open = 0u32;
        loop {
            match self.peek() {
                Token::End => return self.error("')'"),
                Token::Sign("(" | "{") => open += 1,
                Token::Sign(")") if open == 0 => return Ok(()),
                Token::Sign(")" | "}") => open = open.saturating_sub(1),
                _ => {}
            }
            self.next();
        }
    }

    fn item(&mut self) -> Parsed<(crate::ast::Attr, Option<String>)> {
        let attr = self.attr()?;
        if !self.sign_if(".") {
            return Ok((attr, None));
        }
        self.word("as")?;
        self.sign("(")?;
        let alias = self.text()?;
        self.sign(")")?;
        Ok((attr, Some(alias)))
    }

    fn occurrences(&mut self) -> Parsed<Occurrences> {
        if *self.peek() == Token::Sign(")") {
            return Ok(Occurrences { min: None, max: None });
        }
        let min = Some(self.int()?);
        let max = if self.sign_if(",") { Some(self.int()?) } else { None };
        Ok(Occurrences { min, max })
    }

    /// `"." "window" "(" window ")"` behind a call that needs it.
    fn windowed(&mut self, open: Open) -> Parsed<OpKind> {
        self.sign(".")?;
        self.word("window")?;
        self.sign("(")?;
        let window = self.time_window()?;
        self.sign(")")?;
        Ok(match open {
            Open::Pattern(right, ordered) => OpKind::Pattern(right, ordered, window),
            Open::Times(occurrences) => OpKind::Times(occurrences, window),
        })
    }

    fn join(&mut self) -> Parsed<OpKind> {
        let right = self.query()?;
        self.sign(")")?;
        self.sign(".")?;
        self.word("where")?;
        self.sign("(")?;
        let condition = self.expr()?;
        self.sign(")")?;
        self.sign(".")?;
        let on = if self.word_if("equalsTo") {
            self.sign("(")?;
            let to = self.attr()?;
            self.sign(")")?;
            self.sign(".")?;
            let Expr { kind: ExprKind::Attr(name), span, .. } = condition else {
                let text = "equalsTo needs an attribute in where";
                return Err(Diagnostic::error("syntax", text, condition.span));
            };
            JoinOn::Equal(crate::ast::Attr { name, span }, to)
        } else {
            JoinOn::Condition(condition)
        };
        self.word("window")?;
        self.sign("(")?;
        let window = self.time_window()?;
        self.sign(")")?;
        Ok(OpKind::Join(right, on, window))
    }
}
