//! Assignment to variables and their parts.

use super::{Change, Flow, Frame};
use crate::ast::{Assign, Expr};
use crate::error::{QError, Result};
use crate::session::Session;
use crate::verbs::{self, enums};
use formats::k::{K, Sym};

impl Session {
    /// An assignment; its value is what was written on the right.
    pub(super) fn assign(&mut self, a: &Assign, span: (usize, usize), frame: &mut Frame) -> Flow {
        let value = self.node(&a.value, frame)?;
        match a.target.expr {
            Expr::Global(name) if self.domains.contains(&name) => {
                self.domain_assigned(name, a, value, span, frame)
            }
            _ => self.assigned(a, value, span, frame),
        }
    }

    /// What is enumerated by a list follows it.
    #[cold]
    #[inline(never)]
    fn domain_assigned(
        &mut self,
        name: Sym,
        a: &Assign,
        value: K,
        span: (usize, usize),
        frame: &mut Frame,
    ) -> Flow {
        let before = self.global(name).map_err(|e| e.at(span))?;
        let out = self.assigned(a, value, span, frame)?;
        enums::follow_change(self, name, &before).map_err(|e| e.at(span))?;
        Ok(out)
    }

    fn assigned(&mut self, a: &Assign, value: K, span: (usize, usize), frame: &mut Frame) -> Flow {
        let through = match &a.through {
            Some(f) => Some(self.node(f, frame)?),
            None => None,
        };
        let index = match &a.index {
            Some(nodes) => Some(self.values(nodes, frame)?),
            None => None,
        };
        if index.is_none() && through.is_none() {
            self.store(&a.target.expr, value.clone(), frame).map_err(|e| e.at(span))?;
            return Ok(value);
        }
        let change = Change { through: through.as_ref(), value: Some(value.clone()) };
        let path = index.unwrap_or_default();
        let done = match a.target.expr {
            Expr::Global(name) => self.amend_variable(name, &path, change),
            Expr::Local(at) => self.amend_local(at, &path, change, frame),
            _ => Err(QError::new("assign")),
        };
        done.map_err(|e| e.at(span))?;
        if through.is_none() {
            return Ok(value);
        }
        // The value of `x[i]+:y` is the new item, where such an index has one: it has changed.
        let now = self.node(&a.target, frame)?;
        match self.index(&now, &path) {
            Err(error) if error.fatal => Err(error.at(span).into()),
            item => Ok(item.unwrap_or_default()),
        }
    }

    /// Changes parts of a local variable, which is taken out meanwhile, so that it need not be
    /// copied: nobody else sees it.
    fn amend_local(
        &mut self,
        at: usize,
        path: &[K],
        change: Change<'_>,
        frame: &mut Frame,
    ) -> Result<()> {
        let Some(slot) = frame.locals.get_mut(at) else { return Err(QError::new("assign")) };
        let mut value = std::mem::take(slot);
        let done = self.guarded(|cx| cx.amend(&mut value, path, change));
        *slot = value;
        done
    }

    fn store(&mut self, target: &Expr, value: K, frame: &mut Frame) -> Result<()> {
        match target {
            Expr::Local(at) => {
                if let Some(slot) = frame.locals.get_mut(*at) {
                    *slot = value;
                }
                Ok(())
            }
            Expr::Global(name) => self.store_global(*name, value),
            _ => Err(QError::new("assign")),
        }
    }

    /// Sets a variable of the session.
    pub(crate) fn store_global(&mut self, name: Sym, value: K) -> Result<()> {
        if verbs::is_reserved(name) {
            return Err(QError::new("assign"));
        }
        if self.frozen {
            return Err(QError::new("noupdate"));
        }
        if self.globals.len() >= GLOBALS_MAX && !self.globals.contains_key(&name) {
            return Err(QError::limit("limit"));
        }
        self.globals.insert(name, value);
        self.views.assigned(name);
        Ok(())
    }
}

/// Variables that a session may have.
const GLOBALS_MAX: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::GLOBALS_MAX;
    use crate::session::{Options, Session};
    use formats::k::{K, Sym};

    #[test]
    fn variables_of_a_session_have_a_limit() {
        let mut session = Session::new(Options::default());
        let mut number = 0;
        while session.globals.len() < GLOBALS_MAX - 1 {
            session.globals.insert(Sym::new(&format!("v{number}")), K::long(number));
            number += 1;
        }
        session.eval("final:1", "test").unwrap();
        for more in ["more:1", "{more::1}[]", "`more set 1", "more:([]a:1 2)"] {
            let error = session.eval(more, "test").unwrap_err();
            assert_eq!((error.text.as_str(), error.fatal), ("limit", true), "{more}");
        }
        assert_eq!(session.eval("v0:5;final+v0", "test"), Ok(K::long(6)));
    }
}
