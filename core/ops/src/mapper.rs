//! What `mapping`, `bloblang` and `mutation` share: an expression run over whole batches.

use formats::k::K;
use plan::env::read_config;
use plan::fields::Mapping;
use plan::{Batch, BuildError, Class, End, Env, Expr, Form, Json, Operator, OperatorError, Step};

use crate::batches::Faults;

/// An operator that runs an expression over each batch.
pub(crate) struct Mapper {
    expr: Box<dyn Expr>,
    faults: Faults,
}

impl Mapper {
    pub(crate) fn build(
        config: &Json,
        env: &dyn Env,
        form: Form,
    ) -> Result<Box<dyn Operator>, BuildError> {
        let Mapping(code) = read_config(config)?;
        let expr = env.expr(&code, form)?;
        Ok(Box::new(Mapper { expr, faults: Faults::of(env.component()) }))
    }
}

impl Operator for Mapper {
    fn class(&self) -> Class {
        self.expr.class()
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        self.on_port(0, batch, out)
    }

    fn on_port<'a>(&'a mut self, port: usize, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        let before = out.len();
        let result = self.expr.map_port(port, batch, out);
        self.faults.sign_all(out.get_mut(before..).unwrap_or_default());
        Step::Done(result)
    }

    fn on_values(&mut self, port: usize, values: &[K]) -> Result<usize, OperatorError> {
        self.expr.map_values(port, values)
    }

    fn on_port_end<'a>(&'a mut self, port: usize, end: End, out: &'a mut Vec<Batch>) -> Step<'a> {
        Step::Done(self.expr.end_port(port, end, out))
    }

    fn on_end<'a>(&'a mut self, end: End, out: &'a mut Vec<Batch>) -> Step<'a> {
        Step::Done(self.expr.end(end, out))
    }

    fn due_ns(&self) -> Option<u64> {
        self.expr.due_ns()
    }

    fn on_time<'a>(&'a mut self, _: u64, out: &'a mut Vec<Batch>) -> Step<'a> {
        Step::Done(self.expr.on_time(out))
    }

    fn snapshot(&self) -> Result<Option<Vec<u8>>, OperatorError> {
        self.expr.snapshot()
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), OperatorError> {
        self.expr.restore(state)
    }
}
