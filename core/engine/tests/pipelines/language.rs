//! Languages for tests: sessions that are made of the text of their prelude.

use std::rc::Rc;

use plan::{Class, Code, Diagnostic, Expr, Language, Services, Session};

/// A language by its name, with how it makes a session of the text of a prelude.
pub(crate) struct TestLanguage<S>(pub(crate) &'static str, pub(crate) fn(String) -> S);

impl<S: Session + 'static> Language for TestLanguage<S> {
    fn name(&self) -> &'static str {
        self.0
    }

    fn open(
        &self,
        prelude: Option<&Code>,
        _: Rc<dyn Services>,
    ) -> Result<Box<dyn Session>, Vec<Diagnostic>> {
        let text = prelude.map(|code| code.text.clone()).unwrap_or_default();
        Ok(Box::new((self.1)(text)))
    }
}

/// An expression that binds its operator to the session, and no more.
pub(crate) struct Nothing;

impl Expr for Nothing {
    fn class(&self) -> Class {
        Class::Bound
    }
}
