//! Source `batched`: the messages of another source, gathered into batches.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::{Either, select};
use plan::env::read_config;
use plan::fields::Input;
use plan::{
    Batch, Body, BuildError, Emitted, Env, Example, Fault, Json, LocalBoxFuture, Origin, Outcome,
    Record, Records, Source, SourceContext, SourceError, SourceSpec, schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compose::records::records_of;
use crate::compose::{CATEGORY, leave_to};
use crate::nested::Nested;
use crate::policy::{Config as PolicyConfig, Policy};
use crate::signal::Signal;

/// Gathers the messages of another input into batches. What is left when it ends is a batch, too.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// The input.
    pub child: Input,
    /// When a batch is complete.
    #[serde(default)]
    pub policy: PolicyConfig,
}

/// What failed, by position; `None` stands for all.
type Failures = Vec<(Option<u32>, Arc<Fault>)>;

/// A batch that is being gathered, or is on its way.
#[derive(Default)]
struct Group {
    recs: RefCell<Vec<Record>>,
    outcome: RefCell<Option<Failures>>,
    begun: RefCell<Option<rt::Nanos>>,
    done: Signal,
}

/// The context of the child: what it emits is gathered.
struct Gathering {
    outer: Rc<dyn SourceContext>,
    policy: Rc<Policy>,
    open: RefCell<Rc<Group>>,
    changed: Signal,
}

impl Gathering {
    /// Sends what was gathered on.
    async fn flush(&self) -> Result<(), SourceError> {
        let group = self.open.take();
        self.policy.reset();
        self.changed.wake();
        let recs = group.recs.take();
        if recs.is_empty() {
            return Ok(());
        }
        let whole = Batch::records(Records { recs, ..Records::default() });
        let batches = self.policy.chain.run(whole).await;
        let batches = batches.map_err(|e| SourceError::Fatal(e.0))?;
        let exact = self.policy.chain.is_empty();
        let mut emitted = Vec::new();
        for batch in batches.into_iter().filter(|b| !b.is_empty()) {
            emitted.push(self.outer.emit(batch).await?);
        }
        rt::spawn(async move {
            let mut failures = Vec::new();
            for one in emitted {
                let outcome = one.outcome().await;
                let place = |tag: Option<u32>| if exact { tag } else { None };
                failures.extend(outcome.failures.into_iter().map(|(tag, f)| (place(tag), f)));
            }
            *group.outcome.borrow_mut() = Some(failures);
            group.done.wake();
        });
        Ok(())
    }

    async fn gather(&self, batch: Batch) -> Result<Emitted, SourceError> {
        let records = match records_of(batch.data) {
            Ok(records) => records,
            Err(other) => return self.outer.emit(Batch::new(other)).await,
        };
        let batch = Batch::records(records);
        let mut places: Vec<(Rc<Group>, u32)> = Vec::new();
        let mut scratch = Vec::new();
        for index in 0..batch.len() {
            let Some(records) = batch.as_records() else { break };
            let Some(mut record) = records.recs.get(index).cloned() else { break };
            if let Body::Range { .. } = record.body {
                // Messages of several blocks come together: each takes its bytes along.
                record.body = Body::Own(Arc::new(records.bytes(index, &mut scratch).to_vec()));
            }
            let open = Rc::clone(&self.open.borrow());
            let at = open.recs.borrow().len() as u32;
            record.origin = Origin { ack: 0, tag: at };
            open.recs.borrow_mut().push(record);
            if at == 0 {
                *open.begun.borrow_mut() = Some(rt::now());
                self.changed.wake();
            }
            places.push((open, at));
            if self.policy.add(&batch, index) {
                self.flush().await?;
            }
        }
        Ok(Emitted(Box::pin(outcome_of(places))))
    }

    /// Sends a batch on when its time is over, for ever.
    async fn watch(&self) -> Result<(), SourceError> {
        let Some(period) = self.policy.period() else { return std::future::pending().await };
        loop {
            let begun = |group: &Rc<Group>| *group.begun.borrow();
            let begin = || begun(&self.open.borrow());
            let due = self.changed.until(begin).await + period;
            rt::sleep_until(due).await;
            // Another batch may have begun in the meantime.
            let over = begun(&self.open.borrow()).is_some_and(|begun| begun + period <= rt::now());
            if over {
                self.policy.over();
                self.flush().await?;
            }
        }
    }
}

async fn outcome_of(places: Vec<(Rc<Group>, u32)>) -> Outcome {
    let mut failures = Vec::new();
    for (index, (group, at)) in places.iter().enumerate() {
        group.done.until(|| group.outcome.borrow().is_some().then_some(())).await;
        let outcome = group.outcome.borrow();
        let failed = outcome.iter().flatten().find(|(tag, _)| tag.is_none_or(|tag| tag == *at));
        if let Some((_, fault)) = failed {
            failures.push((Some(index as u32), Arc::clone(fault)));
        }
    }
    Outcome { failures, replies: Vec::new() }
}

impl SourceContext for Gathering {
    fn emit(&self, batch: Batch) -> LocalBoxFuture<'_, Result<Emitted, SourceError>> {
        Box::pin(self.gather(batch))
    }

    leave_to!(outer);
}

/// A running `batched` source.
pub struct Batched {
    child: Nested,
    replays: bool,
    policy: Rc<Policy>,
}

impl Source for Batched {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move {
            let gathering = Rc::new(Gathering {
                outer: context,
                policy: Rc::clone(&self.policy),
                open: RefCell::default(),
                changed: Signal::default(),
            });
            let inner: Rc<dyn SourceContext> = gathering.clone();
            let ended = {
                let run = std::pin::pin!(self.child.run(&inner));
                let watch = std::pin::pin!(gathering.watch());
                match select(run, watch).await {
                    Either::Left((ended, _)) | Either::Right((ended, _)) => ended,
                }
            };
            if ended.is_ok() {
                gathering.flush().await?;
            }
            ended
        })
    }

    fn replays(&self) -> bool {
        self.replays
    }
}

/// Gathers the messages of a source by a policy; with one that gathers nothing it stays as it is.
///
/// # Errors
/// What is wrong with the policy.
pub fn wrap(
    source: Box<dyn Source>,
    policy: &PolicyConfig,
    env: &dyn Env,
) -> Result<Box<dyn Source>, BuildError> {
    if policy.is_noop() && policy.processors.is_empty() {
        return Ok(source);
    }
    let replays = source.replays();
    let policy = Rc::new(Policy::build(policy, env)?);
    Ok(Box::new(Batched { child: Nested::new(source, replays), replays, policy }))
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Source>, BuildError> {
    let config: Config = read_config(config)?;
    if config.policy.is_noop() {
        let text = "batched input requires a policy with at least one active trigger";
        return Err(BuildError::new(text));
    }
    wrap(env.source(&config.child)?, &config.policy, env)
}

/// Registration.
pub static SPEC: SourceSpec = SourceSpec {
    name: "batched",
    since: "0.1.0",
    category: CATEGORY,
    summary: "Gathers the messages of another input into batches.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "a hundred lines, or what came in a second",
        config: r#"{"child":{"name":"stdin"},"policy":{"count":100,"period":"1s"}}"#,
        input: &[],
        output: &[],
    }],
    build,
};

#[cfg(test)]
mod tests;
