//! Operators inside a connector: run in order, by one task at a time.

use std::cell::RefCell;

use plan::fields::Processor;
use plan::{Batch, BuildError, End, Env, Operator, OperatorError, run_chain};

use crate::signal::Signal;

struct Inner {
    operators: Vec<Box<dyn Operator>>,
    spare: Vec<Batch>,
}

/// A chain of operators that several tasks of one shard may use.
pub struct Chain {
    inner: RefCell<Option<Inner>>,
    free: Signal,
}

/// Gives the operators back, also when the task that uses them is dropped.
struct Borrowed<'a>(&'a Chain, Option<Inner>);

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        *self.0.inner.borrow_mut() = self.1.take();
        self.0.free.wake();
    }
}

impl Chain {
    /// Builds a chain.
    ///
    /// # Errors
    /// Those of an operator.
    pub fn build(processors: &[Processor], env: &dyn Env) -> Result<Self, BuildError> {
        let operators: Result<Vec<_>, _> = processors.iter().map(|p| env.operator(p)).collect();
        let inner = Inner { operators: operators?, spare: Vec::new() };
        Ok(Chain { inner: RefCell::new(Some(inner)), free: Signal::default() })
    }

    /// Whether there is nothing to run.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner.borrow().as_ref().is_some_and(|inner| inner.operators.is_empty())
    }

    async fn borrow(&self) -> Borrowed<'_> {
        let inner = self.free.until(|| self.inner.borrow_mut().take()).await;
        Borrowed(self, Some(inner))
    }

    /// What becomes of a batch.
    ///
    /// # Errors
    /// The first operator's that fails; what was on the way is dropped then.
    pub async fn run(&self, batch: Batch) -> Result<Vec<Batch>, OperatorError> {
        let mut borrowed = self.borrow().await;
        let mut batches = vec![batch];
        if let Some(inner) = &mut borrowed.1 {
            run_chain(&mut inner.operators, &mut batches, &mut inner.spare).await?;
        }
        Ok(batches)
    }

    /// What the operators held back.
    ///
    /// # Errors
    /// The first operator's that fails.
    pub async fn end(&self, end: End) -> Result<Vec<Batch>, OperatorError> {
        let mut borrowed = self.borrow().await;
        let mut batches = Vec::new();
        let Some(inner) = &mut borrowed.1 else { return Ok(batches) };
        for at in 0..inner.operators.len() {
            let mut held = Vec::new();
            if let Some(operator) = inner.operators.get_mut(at) {
                operator.on_end(end, &mut held).finish().await?;
            }
            if let Some(rest) = inner.operators.get_mut(at + 1..) {
                run_chain(rest, &mut held, &mut inner.spare).await?;
            }
            batches.append(&mut held);
        }
        Ok(batches)
    }
}
