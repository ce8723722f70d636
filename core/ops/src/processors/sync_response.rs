//! `sync_response`: hands the messages, as they are now, back to whoever waits for an answer.

use plan::{
    Batch, Class, Example, Operator, OperatorError, OperatorSpec, Origin, Record, Step, schema_of,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::batches::{bytes_of, done};

/// Configuration of `sync_response`: none.
#[derive(Deserialize, JsonSchema)]
struct Config {}

struct SyncResponse;

fn reply(batch: &Batch) -> Result<(), OperatorError> {
    let Some(records) = batch.as_records() else {
        return Err(OperatorError::new("this operator works on messages only"));
    };
    let mut answers: Vec<Vec<(Record, Vec<u8>)>> = Vec::new();
    answers.resize_with(batch.acks.len(), Vec::new);
    let mut scratch = Vec::new();
    for rec in &records.recs {
        // What was made of several messages answers the first of them.
        let to = if rec.origin == Origin::WHOLE { 0 } else { rec.origin.ack as usize };
        if let Some(answer) = answers.get_mut(to) {
            let bytes = bytes_of(records, rec, &mut scratch).to_vec();
            answer.push((rec.clone(), bytes));
        }
    }
    for (at, answer) in (0u32..).zip(answers) {
        if let Some(ack) = batch.acks.get(at).filter(|_| !answer.is_empty()) {
            ack.reply(answer);
        }
    }
    Ok(())
}

impl Operator for SyncResponse {
    fn class(&self) -> Class {
        Class::Stateless
    }

    fn counted(&self) -> bool {
        false
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        let result = reply(&batch);
        out.push(batch);
        done(result)
    }
}

/// The processor `sync_response`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "sync_response",
    since: "0.1.0",
    category: "utility",
    summary: "Answers whoever sent the messages with what they have become.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "nothing happens when nobody waits",
        config: "{}",
        input: &["a"],
        output: &["a"],
    }],
    build: |_, _| Ok(Box::new(SyncResponse)),
};
