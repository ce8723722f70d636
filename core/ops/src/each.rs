//! Operators that make new content of each message on its own.

use std::sync::Arc;

use formats::value::Value;
use plan::{Batch, Body, Class, Env, Operator, OperatorError, Record, Records, Step};

use crate::batches::{Faults, Frame, bytes_of, done};

/// An operator that makes new content of each message. A message of which nothing can be made is
/// flagged with what is wrong, and stays as it is.
pub(crate) struct Each<F> {
    convert: F,
    faults: Faults,
}

impl<F> Each<F>
where
    F: FnMut(&Records, &Record) -> Result<Body, String> + 'static,
{
    /// The operator for the component that is being built.
    pub(crate) fn boxed(env: &dyn Env, convert: F) -> Box<dyn Operator> {
        Box::new(Each { convert, faults: Faults::of(env.component()) })
    }

    fn run(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let (frame, records) = Frame::open(batch)?;
        let recs = records.recs.iter().map(|rec| match (self.convert)(&records, rec) {
            Ok(body) => Record { body, ..rec.clone() },
            Err(text) => Record { fault: Some(self.faults.fault(text)), ..rec.clone() },
        });
        let recs = recs.collect();
        frame.close(records.with(recs), out);
        Ok(())
    }
}

impl<F> Operator for Each<F>
where
    F: FnMut(&Records, &Record) -> Result<Body, String> + 'static,
{
    fn class(&self) -> Class {
        Class::Stateless
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        done(self.run(batch, out))
    }
}

/// An operator that makes new bytes of the bytes of each message.
pub(crate) fn bytes(
    env: &dyn Env,
    mut convert: impl FnMut(&[u8]) -> Result<Vec<u8>, String> + 'static,
) -> Box<dyn Operator> {
    let mut scratch = Vec::new();
    Each::boxed(env, move |records, rec| {
        convert(bytes_of(records, rec, &mut scratch)).map(|bytes| Body::Own(Arc::new(bytes)))
    })
}

/// An operator that makes a document of the bytes of each message.
pub(crate) fn documents(
    env: &dyn Env,
    mut convert: impl FnMut(&[u8]) -> Result<Value, String> + 'static,
) -> Box<dyn Operator> {
    let mut scratch = Vec::new();
    Each::boxed(env, move |records, rec| {
        convert(bytes_of(records, rec, &mut scratch)).map(|value| Body::Doc(Arc::new(value)))
    })
}
