//! `branch`: processors run on copies of messages, whose results are mapped back.

use plan::env::read_config;
use plan::expr::Place;
use plan::fields::{Mapping, Processor};
use plan::{
    Batch, Body, BuildError, Class, Env, Example, Expr, Form, Operator, OperatorError,
    OperatorSpec, Record, Records, Step, schema_of,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::batches::{Chain, Faults, Frame, drive, join};

/// Configuration of `branch`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
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

/// What is done with copies of messages; `workflow` has several.
pub(crate) struct Branch {
    request: Option<Box<dyn Expr>>,
    /// Whether the copies have no content, because the mapping that makes them gives them none.
    blank: bool,
    chain: Chain,
    result: Option<Box<dyn Expr>>,
}

/// What became of the copies of a batch's messages.
pub(crate) struct Answers {
    /// The messages that came out of the branch.
    batch: Batch,
    /// The positions they came from.
    places: Vec<usize>,
    /// Messages on which the branch failed, and why.
    pub(crate) failed: Vec<(usize, String)>,
    /// Why it failed on the batch as a whole; there are no messages then.
    pub(crate) broken: Option<String>,
}

impl Answers {
    /// Whether the branch has an answer for a message.
    pub(crate) fn has(&self, place: usize) -> bool {
        self.places.binary_search(&place).is_ok()
    }
}

impl Branch {
    /// Builds the branch that a `branch` component describes.
    ///
    /// # Errors
    /// What is wrong with its mappings and processors.
    pub(crate) fn build(config: &Config, env: &dyn Env) -> Result<Self, BuildError> {
        if config.processors.is_empty() {
            let text = "the branch processor requires at least one child processor";
            return Err(BuildError::new(text));
        }
        let map = |map: &Mapping| match map.is_empty() {
            true => Ok(None),
            false => env.expr(&map.0, Form::Mapping).map(Some),
        };
        let request = map(&config.request_map)?;
        let writes = request.as_ref().and_then(|map| map.writes());
        let content = |places: Vec<Place>| places.iter().any(|p| matches!(p, Place::Document(_)));
        Ok(Branch {
            blank: writes.is_some_and(|places| !content(places)),
            request,
            chain: Chain::build(env, &config.processors)?,
            result: map(&config.result_map)?,
        })
    }

    pub(crate) fn class(&self) -> Class {
        let maps = [&self.request, &self.result];
        let maps = maps.into_iter().flatten().map(|map| map.class()).max();
        maps.unwrap_or(Class::Stateless).max(self.chain.class())
    }

    /// What the branch wants to know of a message.
    pub(crate) fn reads(&self) -> Vec<Place> {
        self.request.as_ref().and_then(|map| map.reads()).unwrap_or_default()
    }

    /// What the branch changes of a message.
    pub(crate) fn writes(&self) -> Vec<Place> {
        self.result.as_ref().and_then(|map| map.writes()).unwrap_or_default()
    }

    /// Copies of the messages that are wanted, as the branch takes them.
    fn requests(
        &mut self,
        batch: &Batch,
        wanted: impl Fn(usize) -> bool,
    ) -> Result<(Records, Answers), OperatorError> {
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
        let mut made = match &mut self.request {
            None => copies,
            Some(request) => {
                let mut mapped = Vec::new();
                request.map(Batch::records(copies), &mut mapped)?;
                join(mapped.into_iter().filter_map(|batch| Some(Frame::open(batch).ok()?.1)))
            }
        };
        let mut answers = Answers {
            batch: Batch::records(Records::default()),
            places: Vec::new(),
            failed: Vec::new(),
            broken: None,
        };
        made.recs.retain_mut(|copy| {
            let at = copy.origin.tag as usize;
            if self.blank {
                copy.body = Body::default();
            }
            match &copy.fault {
                _ if !wanted(at) => return false,
                None => answers.places.push(at),
                Some(fault) => {
                    answers.failed.push((at, format!("request mapping failed: {}", fault.text)));
                }
            }
            copy.fault.is_none()
        });
        Ok((made, answers))
    }

    /// Runs copies of the messages that are wanted through the branch.
    ///
    /// # Errors
    /// What must fail the pipeline.
    pub(crate) async fn answers(
        &mut self,
        batch: &Batch,
        wanted: impl Fn(usize) -> bool,
    ) -> Result<Answers, OperatorError> {
        let (requests, mut answers) = self.requests(batch, wanted)?;
        if answers.places.is_empty() {
            return Ok(answers);
        }
        let made = self.chain.run(Batch::records(requests)).await?;
        let made = made.into_iter().filter_map(|batch| Some(Frame::open(batch).ok()?.1));
        let mut made = join(made);
        if made.recs.len() != answers.places.len() {
            let all = batch.len();
            answers.broken = Some(match made.recs.len() {
                0 => "child processors resulted in zero messages".to_owned(),
                some => format!(
                    "message count from branch processors does not match request, started with \
                     {} messages, finished with {all}",
                    some + all - answers.places.len(),
                ),
            });
            answers.places.clear();
            return Ok(answers);
        }
        let mut places = std::mem::take(&mut answers.places).into_iter();
        made.recs.retain(|rec| {
            let place = places.next().unwrap_or_default();
            match &rec.fault {
                None => answers.places.push(place),
                Some(fault) => {
                    answers.failed.push((place, format!("processors failed: {}", fault.text)));
                }
            }
            rec.fault.is_none()
        });
        answers.batch = Batch::records(made);
        Ok(answers)
    }

    /// Changes the messages by their answers; returns those on which that fails, and why.
    pub(crate) fn overlay(&mut self, answers: &Answers, batch: &mut Batch) -> Vec<(usize, String)> {
        let Some(map) = &mut self.result else { return Vec::new() };
        let mut failed = Vec::new();
        for (index, place) in answers.places.iter().enumerate() {
            if let Err(fault) = map.overlay(&answers.batch, index, batch, *place) {
                failed.push((*place, format!("result mapping failed: {}", fault.text)));
            }
        }
        failed
    }
}

/// The processor itself: one branch, whose failures flag the messages.
struct Single {
    branch: Branch,
    faults: Faults,
}

impl Single {
    async fn run(&mut self, mut batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let answers = self.branch.answers(&batch, |_| true).await?;
        if let (Some(text), Some(records)) = (&answers.broken, batch.as_records_mut()) {
            let fault = self.faults.fault(text);
            for rec in &mut records.recs {
                rec.fault = Some(std::sync::Arc::clone(&fault));
            }
        }
        let failed = self.branch.overlay(&answers, &mut batch);
        for (place, text) in answers.failed.into_iter().chain(failed) {
            if let Some(rec) = batch.as_records_mut().and_then(|all| all.recs.get_mut(place)) {
                rec.fault = Some(self.faults.fault(text));
            }
        }
        out.push(batch);
        Ok(())
    }
}

impl Operator for Single {
    fn class(&self) -> Class {
        self.branch.class()
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
    build: |config, env| {
        let branch = Branch::build(&read_config(config)?, env)?;
        Ok(Box::new(Single { branch, faults: Faults::of(env.component()) }))
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Setup, texts};

    #[test]
    fn a_copy_has_the_content_that_its_mapping_gives_it() {
        for (request, seen) in [("", "c"), ("meta m = 1", ""), ("root = 5", "5")] {
            let config = format!(
                r#"{{"request_map":"{request}","processors":[{{"noop":{{}}}}],
                    "result_map":"root = content().string()"}}"#
            );
            assert_eq!(texts(&Setup::default().run(&SPEC, &config, &["c"])), [seen], "{request}");
        }
    }
}
