//! Statements other than queries.

use plan::Diagnostic;

use super::super::ast::{Condition, Statement, Subject};
use super::{Parsed, Parser, Token};

impl Parser {
    pub(super) fn statement(&mut self) -> Parsed<Statement> {
        if self.word_if("CREATE") {
            return self.create();
        }
        if self.word_if("DROP") {
            let subject = self.subject(false)?;
            self.word("WHERE")?;
            return Ok(Statement::Drop(subject, self.condition()?));
        }
        if self.word_if("SHOW") {
            return self.show();
        }
        if self.word_if("EXPLAIN") {
            return Ok(Statement::Explain(self.query()?));
        }
        if self.is_word("SELECT") || self.is_sign("(") {
            return Ok(Statement::Query(self.query()?));
        }
        for word in ["TABLE", "VALUES", "FROM", "INSERT", "UPDATE", "DELETE", "ALTER"] {
            if self.is_word(word) {
                return self.refuse(&format!("a statement that begins with {word}"));
            }
        }
        self.error("a statement such as SELECT")
    }

    fn create(&mut self) -> Parsed<Statement> {
        if self.word_if("LOGICAL") {
            self.word("SOURCE")?;
            let name = self.name("a name")?;
            let schema = self.schema()?;
            if self.is_word("AS") {
                return self.refuse("a logical source made by a query");
            }
            return Ok(Statement::CreateLogical(name, schema));
        }
        if self.word_if("PHYSICAL") {
            self.word("SOURCE")?;
            self.word("FOR")?;
            let name = self.name("a logical source")?;
            return Ok(Statement::CreatePhysical(name, self.typed_component()?));
        }
        if self.word_if("SINK") {
            let name = self.name("a name")?;
            let schema = self.schema()?;
            return Ok(Statement::CreateSink(name, schema, self.typed_component()?));
        }
        if self.is_word("WORKER") || self.is_word("MODEL") {
            return self.refuse("CREATE WORKER or MODEL");
        }
        self.error("LOGICAL SOURCE, PHYSICAL SOURCE or SINK")
    }

    /// What a statement is about.
    fn subject(&mut self, many: bool) -> Parsed<Subject> {
        let s = if many { "S" } else { "" };
        if self.is_word(if many { "WORKERS" } else { "WORKER" }) {
            return self.refuse("a statement about workers");
        }
        if self.word_if(if many { "QUERIES" } else { "QUERY" }) {
            return Ok(Subject::Query);
        }
        if self.word_if(&format!("SINK{s}")) {
            return Ok(Subject::Sink);
        }
        for (word, subject) in [("LOGICAL", Subject::Logical), ("PHYSICAL", Subject::Physical)] {
            if self.word_if(word) {
                self.word(&format!("SOURCE{s}"))?;
                return Ok(subject);
            }
        }
        self.error("QUERY, LOGICAL SOURCE, PHYSICAL SOURCE or SINK")
    }

    fn show(&mut self) -> Parsed<Statement> {
        let subject = self.subject(true)?;
        let name = if subject == Subject::Physical && self.word_if("FOR") {
            Some(self.name("a logical source")?)
        } else {
            None
        };
        let condition = if self.word_if("WHERE") { Some(self.condition()?) } else { None };
        if self.word_if("FORMAT") && !self.word_if("JSON") {
            if self.is_word("TEXT") {
                return self.refuse("FORMAT TEXT");
            }
            return self.error("JSON");
        }
        Ok(Statement::Show(subject, name, condition))
    }

    /// `attr = value`.
    fn condition(&mut self) -> Parsed<Condition> {
        let attr = self.name("an attribute")?;
        self.sign("==")?;
        let value = match self.next() {
            Token::Text(text) => text,
            Token::Int(value) => value.to_string(),
            // A name is folded, as that of what it names was.
            Token::Word(name) | Token::Quoted(name) => name,
            _ => {
                self.at = self.at.saturating_sub(1);
                return self.error("a value");
            }
        };
        if self.is_word("AND") || self.is_word("OR") {
            let text = "there may be one condition";
            return Err(Diagnostic::error("unsupported", text, self.span()));
        }
        Ok(Condition { attr, value })
    }
}
