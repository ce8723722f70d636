//! What a language gives an operator to evaluate. Operators see a language only through this.

use serde::{Deserialize, Serialize};

use crate::batch::{Batch, Fault};
use crate::diagnostic::Diagnostic;
use crate::env::Services;
use crate::graph::Class;
use crate::operator::{End, OperatorError};
use std::rc::Rc;

use formats::k::K;
use formats::value::Value;

/// A piece of program text and the name of the registered language it is written in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Code {
    /// Name under which the language is registered.
    pub lang: String,
    /// The program text.
    pub text: String,
    /// Number of the function within the plan's prelude that this stands for, where the language
    /// refers to functions that its prelude made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<u32>,
}

/// How an operator is going to use an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A new content for each message, made from the old one.
    Mapping,
    /// Changes to each message in place.
    Mutation,
    /// One value per message or per batch.
    Query,
    /// Text with embedded queries.
    Text,
}

/// Something of a message that code reads or assigns, by the names that lead to it; none of them is
/// all of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A field of the document.
    Document(Vec<String>),
    /// A value of the metadata.
    Meta(Vec<String>),
}

/// A language that can be named by [`Code::lang`].
pub trait Language: Send + Sync {
    /// The name.
    fn name(&self) -> &'static str;
    /// Opens one environment on one shard for one instance of a pipeline and runs the plan's
    /// prelude in it.
    ///
    /// # Errors
    /// What is wrong with the prelude.
    fn open(
        &self,
        prelude: Option<&Code>,
        services: Rc<dyn Services>,
    ) -> Result<Box<dyn Session>, Vec<Diagnostic>>;
}

/// One environment of a language: what the expressions of one pipeline on one shard share.
pub trait Session {
    /// Compiles a piece of code.
    ///
    /// # Errors
    /// What is wrong with the text, with places.
    fn compile(&self, code: &Code, form: Form) -> Result<Box<dyn Expr>, Vec<Diagnostic>>;

    /// Answers a question of somebody outside about what is kept here, in a short time; nothing
    /// where the language answers none.
    fn ask(&self, question: &K) -> Option<Result<K, String>> {
        let _ = question;
        None
    }
}

/// Compiled code on a shard. Methods that a form does not support return an error naming that.
pub trait Expr {
    /// Whether results depend on more than the message: decides whether work may be spread.
    fn class(&self) -> Class;

    /// Runs a [`Form::Mapping`] or [`Form::Mutation`] over a batch. A message on which it fails is
    /// flagged and stays as it was; a message it filters disappears. Results go to `out`; a batch
    /// left empty is acked here.
    ///
    /// # Errors
    /// Only for what must fail the pipeline.
    fn map(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let _ = (batch, out);
        Err(OperatorError::new("this expression is not a mapping"))
    }

    /// The same for code with several inputs; `port` is the position in the node's inputs.
    ///
    /// # Errors
    /// As [`Expr::map`].
    fn map_port(
        &mut self,
        port: usize,
        batch: Batch,
        out: &mut Vec<Batch>,
    ) -> Result<(), OperatorError> {
        let _ = port;
        self.map(batch, out)
    }

    /// Takes values that came together, see [`crate::Operator::on_values`].
    ///
    /// # Errors
    /// As [`Expr::map`].
    fn map_values(&mut self, port: usize, values: &[K]) -> Result<usize, OperatorError> {
        let _ = (port, values);
        Ok(0)
    }

    /// Runs a [`Form::Mapping`] whose queries read message `index` of `from` and whose assignments
    /// change message `target` of `onto` in place.
    ///
    /// # Errors
    /// The fault of this message, which is then as it was.
    fn overlay(
        &mut self,
        from: &Batch,
        index: usize,
        onto: &mut Batch,
        target: usize,
    ) -> Result<(), Fault> {
        let _ = (from, index, onto, target);
        Err(Fault::new("this expression cannot be laid over another message"))
    }

    /// No more batches come at a port, while others are open.
    ///
    /// # Errors
    /// What must fail the pipeline.
    fn end_port(
        &mut self,
        port: usize,
        end: End,
        out: &mut Vec<Batch>,
    ) -> Result<(), OperatorError> {
        let _ = (port, end, out);
        Ok(())
    }

    /// No more batches come: a mapping that holds something back hands it out.
    ///
    /// # Errors
    /// What must fail the pipeline.
    fn end(&mut self, end: End, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let _ = (end, out);
        Ok(())
    }

    /// What it remembers between two batches, as [`Operator::snapshot`](crate::Operator::snapshot).
    ///
    /// # Errors
    /// The state cannot be written.
    fn snapshot(&self) -> Result<Option<Vec<u8>>, OperatorError> {
        Ok(None)
    }

    /// Goes on where a snapshot was taken, as [`Operator::restore`](crate::Operator::restore).
    ///
    /// # Errors
    /// A state of another version, or of other code.
    fn restore(&mut self, state: &[u8]) -> Result<(), OperatorError> {
        let _ = state;
        Err(OperatorError::new("the expression keeps no state"))
    }

    /// Monotonic nanoseconds at which a mapping wants [`Expr::on_time`] to be called.
    fn due_ns(&self) -> Option<u64> {
        None
    }

    /// The time of [`Expr::due_ns`] has come.
    ///
    /// # Errors
    /// What must fail the pipeline.
    fn on_time(&mut self, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let _ = out;
        Ok(())
    }

    /// For each message or row whether the condition holds.
    ///
    /// # Errors
    /// Only for what must fail the pipeline; a message on which it fails has its own fault.
    fn test(
        &mut self,
        batch: &Batch,
        mask: &mut Vec<Result<bool, Fault>>,
    ) -> Result<(), OperatorError> {
        let _ = (batch, mask);
        Err(OperatorError::new("this expression is not a condition"))
    }

    /// The value for message `index` of the batch.
    ///
    /// # Errors
    /// The fault of this message.
    fn value(&mut self, batch: &Batch, index: usize) -> Result<Value, Fault> {
        let _ = (batch, index);
        Err(Fault::new("this expression has no value"))
    }

    /// Appends the text for message `index` of the batch.
    ///
    /// # Errors
    /// The fault of this message; `out` is left as it was.
    fn text(&mut self, batch: &Batch, index: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
        let _ = (batch, index, out);
        Err(Fault::new("this expression is not a text"))
    }

    /// The text when it is the same for every message.
    fn constant(&self) -> Option<&str> {
        None
    }

    /// What a mapping may read of a message, where its language can say.
    fn reads(&self) -> Option<Vec<Place>> {
        None
    }

    /// What a mapping may assign, where its language can say.
    fn writes(&self) -> Option<Vec<Place>> {
        None
    }
}

/// A text that is the same for every message: what [`Form::Text`] means in no language at all.
#[derive(Clone, Debug)]
pub struct Plain(pub String);

impl Expr for Plain {
    fn class(&self) -> Class {
        Class::Stateless
    }

    fn text(&mut self, _: &Batch, _: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
        out.extend_from_slice(self.0.as_bytes());
        Ok(())
    }

    fn constant(&self) -> Option<&str> {
        Some(&self.0)
    }
}
