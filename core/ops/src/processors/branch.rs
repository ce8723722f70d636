//! `branch`: processors run on copies of messages, whose results are mapped back.

use plan::env::read_config;
use plan::fields::{Mapping, Processor};
use plan::{
    Batch, BuildError, Class, Env, Example, Expr, Fault, Form, Operator, OperatorError,
    OperatorSpec, Record, Records, Step, schema_of,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::batches::{Chain, Faults, Frame, drive, join};

/// Configuration of `branch`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Makes the copy that goes through the branch; a message it deletes stays out of the branch.
    #[serde(default)]
    request_map: Mapping,
    /// What is done with the copies.
    #[serde(default)]
    processors: Vec<Processor>,
    /// Changes the message by what became of its copy: queries read the copy, assignments change
    /// the message.
    #[serde(default)]
    result_map: Mapping,
}

struct Branch {
    request: Option<Box<dyn Expr>>,
    chain: Chain,
    result: Option<Box<dyn Expr>>,
    faults: Faults,
}

/// The copies that go through the branch: messages, and the positions they came from.
type Requests = (Records, Vec<usize>);

impl Branch {
    fn build(config: &Config, env: &dyn Env) -> Result<Self, BuildError> {
        if config.processors.is_empty() {
            return Err(BuildError::new("branch processors field must not be empty"));
        }
        let map = |map: &Mapping| match map.is_empty() {
            true => Ok(None),
            false => env.expr(&map.0, Form::Mapping).map(Some),
        };
        Ok(Branch {
            request: map(&config.request_map)?,
            chain: Chain::build(env, &config.processors)?,
            result: map(&config.result_map)?,
            faults: Faults::of(env.component()),
        })
    }

    /// Copies of the messages for the branch; those whose request mapping fails are flagged.
    fn requests(&mut self, batch: &mut Batch) -> Result<Requests, OperatorError> {
        let Some(records) = batch.as_records() else {
            return Err(OperatorError::new("this operator works on messages only"));
        };
        // A copy must not bring the errors of its message into the branch. Its position goes
        // along as the tag, because a mapping may leave some out.
        let copies = records.recs.iter().zip(0u32..).map(|(rec, at)| {
            let origin = plan::Origin { ack: 0, tag: at };
            Record { fault: None, origin, ..rec.clone() }
        });
        let copies = records.like().with(copies.collect());
        let Some(request) = &mut self.request else {
            let places = (0..copies.recs.len()).collect();
            return Ok((copies, places));
        };
        let mut mapped = Vec::new();
        request.map(Batch::records(copies), &mut mapped)?;
        let mut made =
            join(mapped.into_iter().filter_map(|batch| Some(Frame::open(batch).ok()?.1)));
        let mut places = Vec::with_capacity(made.recs.len());
        let Some(records) = batch.as_records_mut() else { return Ok((made, places)) };
        made.recs.retain(|copy| {
            let at = copy.origin.tag as usize;
            let Some(fault) = &copy.fault else {
                places.push(at);
                return true;
            };
            let text = format!("request mapping failed: {}", fault.text);
            if let Some(rec) = records.recs.get_mut(at) {
                rec.fault = Some(self.faults.fault(text));
            }
            false
        });
        Ok((made, places))
    }

    async fn run(&mut self, mut batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let (requests, places) = self.requests(&mut batch)?;
        if places.is_empty() {
            out.push(batch);
            return Ok(());
        }
        let answers = self.chain.run(Batch::records(requests)).await?;
        let answers = answers.into_iter().filter_map(|batch| Some(Frame::open(batch).ok()?.1));
        let answers = Batch::records(join(answers));
        if answers.len() == places.len() {
            self.overlay(&answers, &places, &mut batch);
        } else {
            let text = format!(
                "message count from branch processors does not match request, started with {} \
                 messages, finished with {}",
                answers.len(),
                places.len()
            );
            let fault = self.faults.fault(text);
            let records = batch.as_records_mut();
            for rec in records.into_iter().flat_map(|records| &mut records.recs) {
                rec.fault = Some(std::sync::Arc::clone(&fault));
            }
        }
        out.push(batch);
        Ok(())
    }

    fn overlay(&mut self, answers: &Batch, places: &[usize], batch: &mut Batch) {
        for (index, place) in places.iter().enumerate() {
            let failed = answers.as_records().and_then(|all| all.recs.get(index)?.fault.clone());
            let result: Result<(), Fault> = match (failed, &mut self.result) {
                (Some(fault), _) => Err(Fault::new(format!("processors failed: {}", fault.text))),
                (None, None) => Ok(()),
                (None, Some(map)) => map
                    .overlay(answers, index, batch, *place)
                    .map_err(|fault| Fault::new(format!("result mapping failed: {}", fault.text))),
            };
            let rec = batch.as_records_mut().and_then(|all| all.recs.get_mut(*place));
            if let (Err(fault), Some(rec)) = (result, rec) {
                rec.fault = Some(self.faults.sign(fault));
            }
        }
    }
}

impl Operator for Branch {
    fn class(&self) -> Class {
        let maps = [&self.request, &self.result];
        let maps = maps.into_iter().flatten().map(|map| map.class()).max();
        maps.unwrap_or(Class::Stateless).max(self.chain.class())
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        drive(self.run(batch, out))
    }
}

/// The processor `branch`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "branch",
    since: "0.1.0",
    category: "composition",
    summary: "Runs processors on copies of messages and maps the results back.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "add a result to the document",
        config: r#"{"request_map":"root = this.name",
            "processors":[{"mapping":"root = content().uppercase()"}],
            "result_map":"root.shout = content().string()"}"#,
        input: &[r#"{"id":1,"name":"ada"}"#],
        output: &[r#"{"id":1,"name":"ada","shout":"ADA"}"#],
    }],
    build: |config, env| Ok(Box::new(Branch::build(&read_config(config)?, env)?)),
};
