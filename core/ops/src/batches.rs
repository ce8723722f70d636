//! Taking batches apart and putting them together again without losing an ack.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use formats::value::Value;
use plan::batch::body_bytes;
use plan::{
    Acks, Batch, Body, Component, Data, Fault, Operator, OperatorError, Origin, Record, Records,
    Step,
};

/// What a batch is besides its messages.
pub(crate) struct Frame {
    acks: Acks,
    seq: u64,
    born_ns: u64,
}

impl Frame {
    /// Takes a batch of messages apart.
    ///
    /// # Errors
    /// When it does not hold messages.
    pub(crate) fn open(batch: Batch) -> Result<(Frame, Records), OperatorError> {
        let Batch { data, acks, seq, born_ns } = batch;
        match data {
            Data::Records(records) => Ok((Frame { acks, seq, born_ns }, records)),
            _ => Err(OperatorError::new("this operator works on messages only")),
        }
    }

    /// A batch that shares in the acks.
    pub(crate) fn share(&self, records: Records) -> Batch {
        Batch {
            data: Data::Records(records),
            acks: self.acks.clone(),
            seq: self.seq,
            born_ns: self.born_ns,
        }
    }

    /// The batch itself again; one without messages is acked and gone.
    pub(crate) fn close(self, records: Records, out: &mut Vec<Batch>) {
        if records.recs.is_empty() {
            return self.acks.ok();
        }
        let Frame { acks, seq, born_ns } = self;
        out.push(Batch { data: Data::Records(records), acks, seq, born_ns });
    }

    /// The messages of what became of shares of this batch, in their order. The shares are part
    /// of the whole again, which keeps the duty.
    pub(crate) fn reclaim(&self, parts: Vec<Batch>) -> Records {
        join(parts.into_iter().map(|part| {
            let Batch { data, acks, .. } = part;
            acks.ok();
            match data {
                Data::Records(records) => records,
                _ => Records::default(),
            }
        }))
    }

    /// Puts together what became of shares of this batch, in their order.
    pub(crate) fn join(self, parts: Vec<Batch>, out: &mut Vec<Batch>) {
        let records = self.reclaim(parts);
        self.close(records, out);
    }
}

/// Messages one by one, each over the block of its batch.
pub(crate) fn ones(records: Records) -> impl Iterator<Item = Records> {
    let like = records.like();
    records.recs.into_iter().map(move |rec| like.clone().with(vec![rec]))
}

/// The messages of several lists over one block.
pub(crate) fn join(parts: impl Iterator<Item = Records>) -> Records {
    let parts: Vec<Records> = parts.filter(|part| !part.recs.is_empty()).collect();
    let Some(first) = parts.first() else { return Records::default() };
    let shared = first.block.clone();
    let loose = parts.iter().all(|part| part.loose);
    let ranged = |part: &Records| part.recs.iter().any(|r| matches!(r.body, Body::Range { .. }));
    let same =
        |part: &Records| part.block.as_ptr() == shared.as_ptr() && part.block.len() == shared.len();
    if parts.iter().all(|part| same(part) || !ranged(part)) {
        let recs = parts.into_iter().flat_map(|part| part.recs).collect();
        return Records { block: shared, recs, loose };
    }
    let mut block = Vec::new();
    let mut recs = Vec::new();
    for part in parts {
        for mut rec in part.recs {
            if let Body::Range { start, len } = &mut rec.body {
                let from = *start as usize;
                let bytes = part.block.get(from..from + *len as usize).unwrap_or_default();
                match u32::try_from(block.len() + bytes.len()) {
                    Ok(_) => {
                        *start = block.len() as u32;
                        block.extend_from_slice(bytes);
                        // A line break after each keeps the block fit for a sink of lines.
                        block.push(b'\n');
                    }
                    Err(_) => rec.body = Body::Own(Arc::new(bytes.to_vec())),
                }
            }
            recs.push(rec);
        }
    }
    Records { block: Bytes::from(block), recs, loose }
}

/// A copy of a message that keeps its bytes without the block.
pub(crate) fn bytes_of<'a>(
    records: &'a Records,
    rec: &'a Record,
    scratch: &'a mut Vec<u8>,
) -> &'a [u8] {
    body_bytes(&records.block, &rec.body, scratch)
}

/// The document of a message.
///
/// # Errors
/// What is wrong with its text.
pub(crate) fn document_of(records: &Records, rec: &Record) -> Result<Arc<Value>, String> {
    match &rec.body {
        Body::Doc(value) => Ok(Arc::clone(value)),
        _ => {
            let mut scratch = Vec::new();
            let bytes = bytes_of(records, rec, &mut scratch);
            formats::json::parse(bytes).map(Arc::new).map_err(|e| e.to_string())
        }
    }
}

/// A message with new content and everything else of the old one.
pub(crate) fn with_bytes(rec: &Record, bytes: Vec<u8>) -> Record {
    Record { body: Body::Own(Arc::new(bytes)), ..rec.clone() }
}

/// The fault of an instance, made once and shared where its text does not change.
#[derive(Clone)]
pub(crate) struct Faults {
    component: Component,
}

impl Faults {
    pub(crate) fn of(component: &Component) -> Self {
        let component = Component { config: plan::Json::Null, ..component.clone() };
        Faults { component }
    }

    pub(crate) fn fault(&self, text: impl Into<String>) -> Arc<Fault> {
        plan::env::fault_of(&self.component, text)
    }

    /// Fills in who failed where an expression could not know it.
    pub(crate) fn sign(&self, mut fault: Fault) -> Arc<Fault> {
        if fault.name.is_empty() {
            fault.name.clone_from(&self.component.name);
            fault.label.clone_from(&self.component.label);
            fault.path.clone_from(&self.component.path);
        }
        Arc::new(fault)
    }

    /// The same for every message of some batches.
    pub(crate) fn sign_all(&self, batches: &mut [Batch]) {
        for batch in batches {
            let Some(records) = batch.as_records_mut() else { continue };
            for rec in &mut records.recs {
                if let Some(fault) = rec.fault.as_ref().filter(|fault| fault.name.is_empty()) {
                    rec.fault = Some(self.sign(Fault::clone(fault)));
                }
            }
        }
    }
}

/// The order of messages before they were taken apart, by where they came from.
pub(crate) struct Order(HashMap<(u32, u32), usize>);

fn place(origin: Origin) -> (u32, u32) {
    (origin.ack, origin.tag)
}

impl Order {
    pub(crate) fn of(records: &Records) -> Self {
        let mut places = HashMap::with_capacity(records.recs.len());
        for (at, rec) in records.recs.iter().enumerate() {
            places.entry(place(rec.origin)).or_insert(at);
        }
        Order(places)
    }

    pub(crate) fn restore(&self, records: &mut Records) {
        records
            .recs
            .sort_by_key(|rec| self.0.get(&place(rec.origin)).copied().unwrap_or(usize::MAX));
    }
}

/// A step that is done at once.
pub(crate) fn done<'a>(result: Result<(), OperatorError>) -> Step<'a> {
    Step::Done(result)
}

/// Turns a future into a step. It is not polled here, where nobody could wake it.
pub(crate) fn drive<'a>(future: impl Future<Output = Result<(), OperatorError>> + 'a) -> Step<'a> {
    Step::Wait(Box::pin(future))
}

/// Operators nested in another one, in order.
pub(crate) struct Chain {
    operators: Vec<Box<dyn Operator>>,
    spare: Vec<Batch>,
}

impl Chain {
    /// Builds nested operators.
    ///
    /// # Errors
    /// The first one's that cannot be built.
    pub(crate) fn build(
        env: &dyn plan::Env,
        processors: &[plan::fields::Processor],
    ) -> Result<Self, plan::BuildError> {
        let operators = processors.iter().map(|p| env.operator(p)).collect::<Result<_, _>>()?;
        Ok(Chain { operators, spare: Vec::new() })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.operators.is_empty()
    }

    /// The strictest class of all.
    pub(crate) fn class(&self) -> plan::Class {
        let classes = self.operators.iter().map(|op| op.class());
        classes.max().unwrap_or(plan::Class::Stateless)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Box<dyn Operator>> {
        self.operators.iter_mut()
    }

    /// Runs a batch through all of them.
    ///
    /// # Errors
    /// What must fail the pipeline.
    pub(crate) async fn run(&mut self, batch: Batch) -> Result<Vec<Batch>, OperatorError> {
        let mut batches = vec![batch];
        plan::run_chain(&mut self.operators, &mut batches, &mut self.spare).await?;
        Ok(batches)
    }
}
