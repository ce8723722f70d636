//! Run-time errors and how they name the expression that a value came from
//! (spec/bloblang.md §7).

use std::fmt;

/// Why an expression has no value.
#[derive(Clone, Debug)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    kind: Kind,
    /// An expression is already named somewhere inside; no other is put around.
    annotated: bool,
    /// Set when the cause is that there is no document: the path that was read, without `this`.
    no_context: Option<String>,
    /// What failed, without what is around it, where that is another text.
    brief: Option<Box<str>>,
}

#[derive(Clone, Debug)]
enum Kind {
    /// A value of the wrong type; the expression is named once it is known.
    Type {
        expected: Vec<&'static str>,
        actual: &'static str,
        shown: Option<String>,
        from: Option<String>,
    },
    /// Operands that do not go together; they name their expressions themselves.
    Mismatch(String),
    /// A statement of a named map failed; the innermost one is kept.
    Assignment(String),
    /// Any other text.
    Plain(String),
}

impl Error {
    fn of(kind: Kind) -> Self {
        Error(Box::new(Inner { kind, annotated: false, no_context: None, brief: None }))
    }

    /// An error with a text.
    pub fn new(text: impl Into<String>) -> Self {
        Error::of(Kind::Plain(text.into()))
    }

    /// A value of type `actual` where one of `expected` was needed.
    #[must_use]
    pub fn type_error(
        expected: &[&'static str],
        actual: &'static str,
        shown: Option<String>,
    ) -> Self {
        Error::of(Kind::Type { expected: expected.to_vec(), actual, shown, from: None })
    }

    /// Operands that do not go together.
    pub(crate) fn mismatch(text: String) -> Self {
        Error::of(Kind::Mismatch(text))
    }

    /// There is no document to read `field` from; an empty field is the document itself.
    pub(crate) fn no_context(field: String) -> Self {
        let text = if field.is_empty() {
            "context was undefined".to_owned()
        } else {
            format!("context was undefined, unable to reference `{field}`")
        };
        let mut error = Error::new(text);
        error.0.no_context = Some(field);
        error
    }

    /// The path that was read when there was no document.
    pub(crate) fn missing_context(&self) -> Option<&str> {
        self.0.no_context.as_deref()
    }

    /// A statement wants the document, which cannot be read.
    pub(crate) fn unread(text: String) -> Self {
        let mut error = Error::new(text.as_str());
        error.0.brief = Some(text.into());
        error
    }

    /// What failed: the innermost statement, or reading the document. Where that is all, nothing.
    pub(crate) fn brief(&self) -> Option<&str> {
        self.0.brief.as_deref()
    }

    /// The same with another text around it; what is known of the cause stays known.
    fn within(self, kind: Kind) -> Self {
        let statement = matches!(self.0.kind, Kind::Assignment(_)) && self.0.brief.is_none();
        let brief = statement.then(|| self.to_string().into());
        let mut error = Error::of(kind);
        error.0.no_context = self.0.no_context;
        error.0.brief = self.0.brief.or(brief);
        error
    }

    /// A failed statement in `line` of its program. Within a map (`inner`) one that failed deeper
    /// inside stands for it.
    pub(crate) fn in_statement(self, line: u32, inner: bool) -> Self {
        if inner && matches!(self.0.kind, Kind::Assignment(_)) {
            return self;
        }
        let text = format!("failed assignment (line {line}): {self}");
        let mut error = self.within(Kind::Assignment(text));
        error.0.annotated = true;
        error
    }

    /// Names the expression the value came from, unless one is named already.
    #[must_use]
    pub fn annotate(mut self, annotation: impl FnOnce() -> String) -> Self {
        match &mut self.0.kind {
            Kind::Type { from, .. } => {
                if from.is_none() {
                    *from = Some(annotation());
                }
                self
            }
            // Both sides are named already.
            Kind::Mismatch(_) => self,
            _ if self.0.annotated => self,
            _ => {
                let text = format!("{}: {self}", annotation());
                let mut error = self.within(Kind::Plain(text));
                error.0.annotated = true;
                error
            }
        }
    }

    /// Puts words in front, such as `failed to process element 3`. What is known of the inner
    /// error stays known, but a type error becomes an ordinary one.
    #[must_use]
    pub fn prefix(self, words: impl fmt::Display) -> Self {
        let (text, annotated) = (format!("{words}: {self}"), self.0.annotated);
        let mut error = self.within(Kind::Plain(text));
        error.0.annotated = annotated;
        error
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            Kind::Type { expected, actual, shown, from } => {
                f.write_str("expected ")?;
                for (i, name) in expected.iter().enumerate() {
                    match i {
                        0 => {}
                        _ if i + 1 == expected.len() => f.write_str(" or ")?,
                        _ => f.write_str(", ")?,
                    }
                    f.write_str(name)?;
                }
                write!(f, " value, got {actual}")?;
                if let Some(from) = from {
                    write!(f, " from {from}")?;
                }
                match shown {
                    Some(shown) => write!(f, " ({shown})"),
                    None => Ok(()),
                }
            }
            Kind::Mismatch(text) | Kind::Assignment(text) | Kind::Plain(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_named_once() {
        let inner = Error::new("bad").annotate(|| "field `this.a`".into());
        assert_eq!(inner.clone().annotate(|| "method b".into()).to_string(), "field `this.a`: bad");
        let outer = inner.prefix("element 0").annotate(|| "method b".into());
        assert_eq!(outer.to_string(), "element 0: field `this.a`: bad");
    }

    #[test]
    fn a_type_error_names_its_expression_and_may_stand_inside_another() {
        let error = Error::type_error(&["string", "array", "object"], "number", Some("5".into()))
            .annotate(|| "field `i`".into());
        let text = "expected string, array or object value, got number from field `i` (5)";
        assert_eq!(error.to_string(), text);
        let outer = error.prefix("element 0").annotate(|| "field `this.x`".into());
        assert_eq!(outer.to_string(), format!("field `this.x`: element 0: {text}"));
    }
}
