//! Checks code without running it.

use std::cell::OnceCell;
use std::collections::HashMap;

use plan::{Code, Diagnostic, Form, Language, Session};

use crate::offline::Shared;

/// The language in which configurations write mappings and conditions.
pub const LANGUAGE: &str = "bloblang";

/// Compiles code and throws the result away. One serves one document.
pub(crate) struct Checker {
    language: Option<&'static dyn Language>,
    services: Shared,
    session: OnceCell<Option<Box<dyn Session>>>,
    seen: std::cell::RefCell<HashMap<(String, u8), Option<Diagnostic>>>,
}

impl Checker {
    pub(crate) fn new(languages: &[&'static dyn Language], services: Shared) -> Self {
        let language = languages.iter().copied().find(|l| l.name() == LANGUAGE);
        Checker { language, services, session: OnceCell::new(), seen: Default::default() }
    }

    /// What is wrong with a piece of code, if anything. Code of a language that is not registered
    /// passes.
    #[must_use]
    pub(crate) fn check(&self, text: &str, form: Form) -> Option<Diagnostic> {
        let key = (text.to_owned(), form as u8);
        if let Some(known) = self.seen.borrow().get(&key) {
            return known.clone();
        }
        let session = self.session.get_or_init(|| {
            let language = self.language?;
            language.open(None, self.services.clone()).ok()
        });
        let code = Code { lang: LANGUAGE.to_owned(), text: text.to_owned(), slot: None };
        let compiled = session.as_ref()?.compile(&code, form);
        let found = compiled.err().and_then(|errors| errors.into_iter().find(|e| !e.warning));
        self.seen.borrow_mut().insert(key, found.clone());
        found
    }
}
