//! `if`, `match` and lambdas (spec/bloblang.md §2).

use std::rc::Rc;

use super::cursor::Parser;
use super::error::{Fail, Parsed};
use crate::node::{Case, IfExpr, MatchExpr, Node};

impl Parser<'_> {
    /// `if_expr`
    pub(super) fn if_expr(&mut self) -> Parsed<Node> {
        self.term("if")?;
        self.spaces_must()?;
        let mut cases = vec![self.if_branch()?];
        loop {
            let more = self.optional(|p| {
                p.blank();
                p.term("else if")?;
                p.spaces_must()
            })?;
            if more.is_none() {
                break;
            }
            cases.push(self.if_branch()?);
        }
        let more = self.optional(|p| {
            p.blank();
            p.term("else")
        })?;
        let otherwise = match more {
            Some(()) => {
                self.blank();
                Some(self.if_body()?)
            }
            None => None,
        };
        Ok(Node::If(Box::new(IfExpr { cases, otherwise })))
    }

    fn if_branch(&mut self) -> Parsed<(Node, Node)> {
        let condition = self.query().map_err(Fail::must)?;
        self.blank();
        Ok((condition, self.if_body()?))
    }

    fn if_body(&mut self) -> Parsed<Node> {
        self.term("{").map_err(Fail::must)?;
        self.blank();
        let result = self.query().map_err(Fail::must)?;
        self.blank();
        self.term("}").map_err(Fail::must)?;
        Ok(result)
    }

    /// `match`
    pub(super) fn match_expr(&mut self) -> Parsed<Node> {
        self.term("match")?;
        self.spaces_must()?;
        let subject = self.optional(Parser::query)?;
        self.blank();
        self.term("{").map_err(Fail::must)?;
        self.blank();
        let mut cases = Vec::new();
        loop {
            match self.attempt(Parser::match_case) {
                Ok(case) => cases.push(case),
                Err(fail) if fail.is_fatal() => return Err(fail),
                Err(fail) => {
                    self.match_end().map_err(|_| fail.must())?;
                    break;
                }
            }
            let separator = self.attempt(|p| {
                p.spaces();
                let comma = p.term(",");
                match comma {
                    Ok(()) => Ok(()),
                    Err(comma) => p.line_end().map_err(|line| comma.or(line)),
                }
            });
            if let Err(fail) = separator {
                self.match_end().map_err(|end| fail.join(end).must())?;
                break;
            }
            self.blank();
        }
        Ok(Node::Match(Box::new(MatchExpr { subject, cases })))
    }

    fn match_end(&mut self) -> Parsed<()> {
        self.attempt(|p| {
            p.blank();
            p.term("}")
        })
    }

    fn match_case(&mut self) -> Parsed<(Case, Node)> {
        let case = self.one_of(&mut [
            &mut |p| {
                p.any_case().map_err(|e| e.rename(""))?;
                Ok(Case::Always)
            },
            &mut |p| {
                let node = p.query().map_err(|e| e.rename("match case"))?;
                p.spaces();
                p.term("=>")?;
                Ok(match node.literal() {
                    Some(val) => Case::Equals(val.clone()),
                    None => Case::Holds(node),
                })
            },
        ])?;
        self.spaces();
        let result = self.query().map_err(Fail::must)?;
        Ok((case, result))
    }

    fn any_case(&mut self) -> Parsed<()> {
        self.term("_")?;
        self.spaces();
        self.term("=>")
    }

    /// `lambda`
    pub(super) fn lambda(&mut self) -> Parsed<Node> {
        let start = self.pos;
        let name = self.name("context name")?;
        self.spaces_must()?;
        self.term("->")?;
        self.spaces_must()?;
        if name == "_" {
            return Ok(Node::Lambda(None, Box::new(self.query().map_err(Fail::must)?)));
        }
        if self.scope.hops(&name).is_some() {
            let text = format!("context label `{name}` would shadow a parent context");
            return Err(Fail::fatal(start, text));
        }
        if name == "this" || name == "root" {
            return Err(Fail::fatal(start, format!("context label `{name}` is not allowed")));
        }
        let name: Rc<str> = Rc::from(name);
        self.scope.lambdas.push(Rc::clone(&name));
        let body = self.query().map_err(Fail::must);
        self.scope.lambdas.pop();
        let body = body?;
        if let Node::Lambda(Some(inner), _) = &body {
            return Err(Fail::fatal(
                start,
                format!(
                    "it would be in poor taste to capture the same context \
                     under both '{name}' and '{inner}'"
                ),
            ));
        }
        Ok(Node::Lambda(Some(name), Box::new(body)))
    }
}
