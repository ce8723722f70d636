//! Processor `http`: sends messages to a server and puts its answers in their place.

use std::rc::Rc;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream;
use plan::env::{fault_of, read_config};
use plan::fields::Interpolated;
use plan::{
    Batch, BuildError, Class, Component, Env, Example, Json, Operator, OperatorError, OperatorSpec,
    Record, Step, schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::client::Client;
use super::config::Common;
use super::failure::Refusal;
use super::request::Source;
use crate::compose::part::Part;

/// Requests of one batch that are under way at once, with `parallel`.
pub const PARALLEL_MAX: usize = 256;

/// Sends each message to a server. The body of the answer becomes its content, and the status the
/// metadata `http_status_code`. A message whose request fails in the end stays as it is.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// The address.
    pub url: Interpolated,
    /// The verb.
    #[serde(default = "post")]
    pub verb: String,
    /// What all HTTP clients have.
    #[serde(flatten)]
    pub common: Common,
    /// Sends a batch as one request with a part for each message.
    #[serde(default)]
    #[schemars(extend("advanced" = true))]
    pub batch_as_multipart: bool,
    /// Sends the messages of a batch side by side, not one after another.
    #[serde(default)]
    pub parallel: bool,
}

pub(super) fn post() -> String {
    "POST".to_owned()
}

struct Http {
    client: Client,
    url: String,
    as_one: bool,
    parallel: bool,
    component: Rc<Component>,
}

impl Http {
    fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
        let config: Config = read_config(config)?;
        let source = Source::Messages;
        let client = Client::new(&config.url, &config.verb, &config.common, source, env)?;
        let component = Component { config: Json::Null, ..env.component().clone() };
        Ok(Box::new(Http {
            client,
            url: config.url.0.text,
            as_one: config.batch_as_multipart,
            parallel: config.parallel,
            component: Rc::new(component),
        }))
    }

    /// What becomes of some messages that are sent as one request.
    async fn exchange(&self, batch: &Batch) -> Vec<Record> {
        let sent = batch.as_records().map(|records| records.recs.as_slice()).unwrap_or_default();
        match self.client.send(batch).await {
            Ok(reply) => reply.in_place_of(sent),
            Err(refusal) => self.failed(sent, &refusal),
        }
    }

    fn failed(&self, sent: &[Record], refusal: &Refusal) -> Vec<Record> {
        let marks = self.client.marks(refusal);
        let fault = fault_of(&self.component, refusal.text.as_str());
        let mut failed = sent.to_vec();
        for record in &mut failed {
            record.fault = Some(Arc::clone(&fault));
            if let Some(marks) = &marks {
                marks.put(record.meta_mut());
            }
        }
        failed
    }

    /// What becomes of a message that is sent side by side with others: exactly one.
    async fn one_for_one(&self, part: Part) -> Vec<Record> {
        let made = self.exchange(&part).await;
        if made.len() == 1 {
            return made;
        }
        let sent = part.as_records().map(|records| records.recs.as_slice()).unwrap_or_default();
        let text = format!("unexpected response size: {}", made.len());
        self.failed(sent, &Refusal::text(text))
    }

    async fn run(&self, mut batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let count = batch.as_records().map(|records| records.recs.len());
        let Some(count) = count else {
            return Err(OperatorError::new("this operator works on messages only"));
        };
        let parts = (0..count).map(|index| Part::of(&batch, &[index]));
        let mut made = if self.as_one || count == 1 {
            self.exchange(&batch).await
        } else if self.parallel {
            let sent = stream::iter(parts).map(|part| self.one_for_one(part));
            sent.buffered(PARALLEL_MAX).concat().await
        } else {
            let mut made = Vec::with_capacity(count);
            for part in parts {
                made.extend(self.exchange(&part).await);
            }
            made
        };
        if let Some(records) = batch.as_records_mut() {
            if made.is_empty() {
                let text = format!("HTTP response from '{}' was empty", self.url);
                made = self.failed(&records.recs, &Refusal::text(text));
            }
            records.recs = made;
        }
        out.push(batch);
        Ok(())
    }
}

impl Operator for Http {
    fn class(&self) -> Class {
        self.client.class()
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        Step::Wait(Box::pin(self.run(batch, out)))
    }
}

/// The processor `http`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "http",
    since: "0.1.0",
    category: "integration",
    summary: "Sends messages to a server and puts its answers in their place.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "what a service says of each message",
        config: r#"{"url":"http://localhost:8080/score","headers":{"Accept":"text/plain"}}"#,
        input: &[],
        output: &[],
    }],
    build: Http::build,
};

#[cfg(test)]
#[path = "processor_tests.rs"]
mod tests;
