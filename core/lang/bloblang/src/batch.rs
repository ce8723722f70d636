//! Mappings over whole batches.

use std::sync::Arc;

use formats::value::Value;
use plan::{Batch, Body, Data, Fault, OperatorError};

use crate::mapping::{Mapped, Mapping, Outcome};

/// A mapping or mutation that runs over batches.
pub(crate) struct Runner {
    mapping: Mapping,
    mutation: bool,
}

impl Runner {
    pub(crate) fn new(mapping: Mapping, mutation: bool) -> Self {
        Runner { mapping, mutation }
    }

    pub(crate) fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// Maps every message of a batch; what is filtered disappears.
    pub(crate) fn run(
        &mut self,
        mut batch: Batch,
        out: &mut Vec<Batch>,
    ) -> Result<(), OperatorError> {
        let Data::Records(records) = &mut batch.data else {
            return Err(OperatorError::new("a mapping works on messages only"));
        };
        let mut deleted = Vec::new();
        let mut results = Vec::new();
        for index in 0..records.recs.len() {
            if !self.mutation {
                // Every message sees the batch as it came.
                results.push(self.mapping.map(records, index));
                continue;
            }
            let mapped = self.mapping.mutate(records, index);
            if let Some(record) = records.recs.get_mut(index) {
                deleted.push(apply(record, mapped));
            }
        }
        for (record, mapped) in records.recs.iter_mut().zip(results) {
            deleted.push(apply(record, mapped));
        }
        let mut gone = deleted.into_iter();
        batch.retain(|_| !gone.next().unwrap_or(false));
        if batch.is_empty() {
            batch.ok();
        } else {
            out.push(batch);
        }
        Ok(())
    }
}

/// Puts a result into its message; whether the message is filtered.
fn apply(record: &mut plan::Record, mapped: Mapped) -> bool {
    if let Some(error) = mapped.error {
        record.fault = Some(Arc::new(Fault::new(error.to_string())));
        if !mapped.keep {
            return false;
        }
    }
    if let Some(meta) = mapped.meta {
        record.meta = Some(Arc::new(meta));
    }
    match mapped.outcome {
        Outcome::Unchanged => false,
        Outcome::Deleted => true,
        Outcome::Is(value) => {
            record.body = body_of(value);
            false
        }
    }
}

/// A value as the content of a message.
pub(crate) fn body_of(value: Value) -> Body {
    match value {
        Value::String(text) => Body::Own(Arc::new(text.as_bytes().to_vec())),
        Value::Bytes(bytes) => Body::Own(Arc::new(bytes.to_vec())),
        value => Body::Doc(Arc::new(value)),
    }
}
