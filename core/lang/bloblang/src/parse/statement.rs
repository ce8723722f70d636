//! Statements (spec/bloblang.md §2 and §5).

use std::rc::Rc;
use std::sync::Arc;

use super::cursor::Parser;
use super::error::{Fail, Parsed};
use crate::node::Seg;
use crate::program::{IfStatement, Kind, Statement};

/// What the statements of a block may be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Block {
    /// They belong to the message.
    Message,
    /// They belong to a map, which has no metadata.
    Map,
}

impl Parser<'_> {
    /// The line the place is in.
    fn line(&self) -> u32 {
        let before = self.chars.get(..self.pos).unwrap_or_default();
        u32::try_from(1 + before.iter().filter(|&&c| c == '\n').count()).unwrap_or(u32::MAX)
    }

    /// A statement that may stand in a block.
    pub(super) fn statement(&mut self, block: Block) -> Parsed<Statement> {
        let line = self.line();
        let kind = self.one_of(&mut [
            &mut Parser::let_statement,
            &mut |p| p.meta_statement(block),
            &mut Parser::assignment,
            &mut |p| p.nested(|p| p.if_statement(block)),
        ])?;
        Ok(Statement { line, kind })
    }

    /// A name or a quoted string.
    pub(super) fn label(&mut self, what: &'static str) -> Parsed<String> {
        match self.peek() {
            Some('"') => Ok(self.quoted(what)?.to_str_lossy().into_owned()),
            _ => self.name(what),
        }
    }

    fn let_statement(&mut self) -> Parsed<Kind> {
        self.term_as("let", "assignment")?;
        self.spaces_must()?;
        let name = self.label("variable name").map_err(Fail::must)?;
        self.spaces_must()?;
        self.term("=")?;
        self.spaces_must()?;
        let query = self.query()?;
        Ok(Kind::Let { slot: self.scope.slot(&name), name: Rc::from(name), query })
    }

    fn meta_statement(&mut self, block: Block) -> Parsed<Kind> {
        let start = self.pos;
        self.term_as("meta", "assignment")?;
        self.spaces_must()?;
        let key = match self.peek() {
            Some('=') => None,
            _ => Some(self.label("")?),
        };
        self.spaces();
        self.term("=")?;
        self.spaces_must()?;
        let query = self.query()?;
        if block == Block::Map {
            let text = "setting meta fields is not allowed within this block";
            return Err(Fail::fatal(start, text));
        }
        Ok(Kind::Meta { key: key.map(Arc::from), query })
    }

    fn assignment(&mut self) -> Parsed<Kind> {
        let first = self.name("assignment")?;
        let mut path = vec![Seg::new(first.as_bytes())];
        while let Some(seg) = self.optional(|p| {
            p.term(".")?;
            match p.peek() {
                Some('"') => Ok(Seg::new(p.quoted("field")?.as_bytes())),
                _ => Ok(Seg::new(p.name("field")?.as_bytes())),
            }
        })? {
            path.push(seg);
        }
        self.spaces_must()?;
        self.term("=")?;
        self.spaces_must()?;
        let query = self.query()?;
        if first == "root" {
            path.remove(0);
        }
        Ok(Kind::Assign { path, query })
    }

    fn if_statement(&mut self, block: Block) -> Parsed<Kind> {
        self.term_as("if", "assignment")?;
        self.spaces_must()?;
        let mut cases = vec![self.if_case(block)?];
        while let Some(case) = self.optional(|p| {
            p.blank();
            p.term("else if")?;
            p.spaces_must()?;
            p.if_case(block)
        })? {
            cases.push(case);
        }
        let otherwise = self.optional(|p| {
            p.blank();
            p.term("else")?;
            p.blank();
            p.block(block)
        })?;
        Ok(Kind::If(Box::new(IfStatement { cases, otherwise })))
    }

    fn if_case(&mut self, block: Block) -> Parsed<(crate::node::Node, Vec<Statement>)> {
        let condition = self.query().map_err(Fail::must)?;
        self.blank();
        Ok((condition, self.block(block)?))
    }

    /// `block`
    pub(super) fn block(&mut self, block: Block) -> Parsed<Vec<Statement>> {
        self.term("{")?;
        self.blank();
        let stop = |p: &mut Self| {
            p.attempt(|p| {
                p.blank();
                p.term("}")
            })
        };
        let mut statements = Vec::new();
        loop {
            match self.attempt(|p| p.statement(block)) {
                Ok(statement) => statements.push(statement),
                Err(fail) if fail.is_fatal() => return Err(fail),
                Err(fail) => {
                    let here = self.pos;
                    stop(self).map_err(|_| match fail.at() == here {
                        true => Fail::expected(here, "").join(fail),
                        false => fail,
                    })?;
                    return Ok(statements);
                }
            }
            let separator = self.attempt(|p| {
                p.spaces();
                p.line_end()
            });
            if let Err(fail) = separator {
                stop(self).map_err(|end| fail.join(end))?;
                return Ok(statements);
            }
            self.blank();
        }
    }
}
