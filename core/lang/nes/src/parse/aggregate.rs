//! `apply(...)`.

use super::{Parsed, Parser};
use crate::ast::{Aggregate, Function};

impl Parser {
    /// `"apply" "(" aggregates ")"`, of which the closing bracket is left to the caller.
    pub(crate) fn apply(&mut self) -> Parsed<Vec<Aggregate>> {
        self.word("apply")?;
        self.sign("(")?;
        let aggregates = self.list(Parser::aggregate)?;
        self.sign(")")?;
        Ok(aggregates)
    }

    fn aggregate(&mut self) -> Parsed<Aggregate> {
        let span = self.span();
        let function = if self.word_if("Sum") {
            Function::Sum
        } else if self.word_if("Min") {
            Function::Min
        } else if self.word_if("Max") {
            Function::Max
        } else if self.word_if("Avg") {
            Function::Avg
        } else if self.word_if("Median") {
            Function::Median
        } else if self.word_if("Count") {
            Function::Count
        } else {
            return self.error("an aggregate such as 'Sum'");
        };
        self.sign("(")?;
        let attr = if function == Function::Count { None } else { Some(self.attr()?) };
        self.sign(")")?;
        let alias = if self.sign_if("->") {
            self.word("as")?;
            self.sign("(")?;
            let alias = self.attr()?;
            self.sign(")")?;
            Some(alias)
        } else {
            None
        };
        Ok(Aggregate { function, attr, alias, span })
    }
}
