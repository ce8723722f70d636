//! `workflow`: branches that depend on each other, run in tiers
//! (spec/benthos-components.md §C).

mod order;
mod place;
mod report;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use plan::env::read_config;
use plan::fields::ProcessorLabel;
use plan::{
    Batch, BuildError, Class, Component, Env, Example, Operator, OperatorError, OperatorSpec, Step,
    schema_of,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::batches::{Faults, drive};
use crate::processors::branch::{self, Branch};
use order::Stages;
use place::Place;
use report::Reports;

/// Configuration of `workflow`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Where in each document the record of what was done is kept, as a path with dots: an object
    /// with the names of the branches that `succeeded` and were `skipped`, and what went wrong
    /// with those that `failed`. Branches that the record of an earlier run names as done or
    /// skipped are skipped, and a list `apply` in it names the only ones to run. Without a path
    /// nothing is recorded, and a message on which a branch fails is flagged.
    #[serde(default = "meta_path")]
    meta_path: String,
    /// The names of the branches, tier by tier: those of one tier run at the same time. A name
    /// that is none of `branches` is the label of a processor resource. Without it the order
    /// follows from what the branches read and assign.
    #[serde(default)]
    order: Vec<Vec<ProcessorLabel>>,
    /// Labels of processor resources that are branches of the workflow too.
    #[serde(default)]
    #[schemars(extend("advanced" = true))]
    branch_resources: Vec<ProcessorLabel>,
    /// The branches by name.
    #[serde(default)]
    branches: BTreeMap<String, branch::Config>,
}

fn meta_path() -> String {
    "meta.workflow".to_owned()
}

struct Stage {
    /// Its place among all stages by name.
    at: usize,
    branch: Branch,
}

struct Workflow {
    /// Where what was done is recorded, if anywhere.
    place: Option<Place>,
    /// The names of all stages in their order.
    names: Vec<String>,
    /// The stages in their order, or why none can be run.
    tiers: Result<Vec<Vec<Stage>>, String>,
    faults: Faults,
}

impl Workflow {
    fn build(config: Config, env: &dyn Env) -> Result<Self, BuildError> {
        let mut stages = Stages::new();
        for (name, branch) in &config.branches {
            if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) {
                let text = format!("workflow branch name '{name}' contains invalid characters");
                return Err(BuildError::new(text));
            }
            stages.insert(name.clone(), Some(Branch::build(branch, env)?));
        }
        let mut fixed = true;
        for ProcessorLabel(resource) in &config.branch_resources {
            let name = &resource.label;
            if config.branches.contains_key(name) {
                return Err(BuildError::new(format!(
                    "branch resource name '{name}' collides with an explicit branch"
                )));
            }
            stages.insert(name.clone(), resource_branch(resource, env)?);
            fixed = false;
        }
        for ProcessorLabel(resource) in config.order.iter().flatten() {
            if !stages.contains_key(&resource.label) {
                stages.insert(resource.label.clone(), resource_branch(resource, env)?);
                fixed = false;
            }
        }
        let names = stages.keys().cloned().collect();
        let order: Vec<Vec<String>> = config
            .order
            .iter()
            .map(|tier| tier.iter().map(|label| label.0.label.clone()).collect())
            .collect();
        let tiers = match order.is_empty() {
            false => {
                order::verify(&order, &stages).map_err(BuildError::new)?;
                order::arranged(stages, order)
            }
            true if fixed => Ok(order::resolved(stages).map_err(BuildError::new)?),
            // Resources may be others by the time there are messages.
            true => order::resolved(stages).map_err(|e| format!("failed to resolve DAG: {e}")),
        };
        let faults = Faults::of(env.component());
        Ok(Workflow { place: Place::new(&config.meta_path), names, tiers, faults })
    }

    async fn run(&mut self, mut batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let tiers = match &mut self.tiers {
            Ok(tiers) => tiers,
            Err(text) => {
                let fault = self.faults.fault(text.as_str());
                let records = batch.as_records_mut();
                for rec in records.into_iter().flat_map(|records| &mut records.recs) {
                    rec.fault = Some(Arc::clone(&fault));
                }
                out.push(batch);
                return Ok(());
            }
        };
        let mut reports = Reports::of(&batch, self.place.as_mut(), &self.names);
        for tier in tiers.iter_mut() {
            let runs = tier.iter_mut().map(|stage| {
                let (reports, at) = (&reports, stage.at);
                stage.branch.answers(&batch, move |message| reports.wants(message, at))
            });
            let answers = join_all(runs).await.into_iter().collect::<Result<Vec<_>, _>>()?;
            for (stage, answers) in tier.iter_mut().zip(answers) {
                for message in 0..batch.len() {
                    match &answers.broken {
                        Some(text) => reports.fail(message, stage.at, text.clone()),
                        None if !answers.has(message) => reports.skip(message, stage.at),
                        None => {}
                    }
                }
                let failed = stage.branch.overlay(&answers, &mut batch);
                if answers.broken.is_none() {
                    for (message, text) in answers.failed.into_iter().chain(failed) {
                        reports.fail(message, stage.at, text);
                    }
                }
            }
        }
        self.record(&mut batch, &reports);
        out.push(batch);
        Ok(())
    }

    /// Writes what was done into the documents, or flags the messages where nothing is written.
    fn record(&mut self, batch: &mut Batch, reports: &Reports) {
        let Some(records) = batch.as_records_mut() else { return };
        for at in 0..records.recs.len() {
            let Some(rec) = records.recs.get(at) else { return };
            let done = match &mut self.place {
                Some(place) => place.write(records, rec, |previous, out| {
                    reports.write(at, &self.names, previous, out);
                }),
                None => match reports.failed(at, &self.names) {
                    Some(text) => Err(text),
                    None => continue,
                },
            };
            let Some(rec) = records.recs.get_mut(at) else { return };
            match done {
                Ok(body) => rec.body = body,
                Err(text) => rec.fault = Some(self.faults.fault(text)),
            }
        }
    }
}

/// A branch that stands elsewhere as a resource; none if that is something else.
fn resource_branch(resource: &Component, env: &dyn Env) -> Result<Option<Branch>, BuildError> {
    let label = &resource.label;
    if resource.name.is_empty() {
        return Err(BuildError::new(format!("processor resource '{label}' was not found")));
    }
    if resource.name != branch::SPEC.name {
        return Ok(None);
    }
    let built = read_config(&resource.config).and_then(|config| Branch::build(&config, env));
    built.map(Some).map_err(|mut error| {
        if error.path.is_empty() {
            (error.path, error.label) = (resource.path.clone(), label.clone());
        }
        error
    })
}

impl Operator for Workflow {
    fn class(&self) -> Class {
        let stages = self.tiers.iter().flatten().flatten();
        stages.map(|stage| stage.branch.class()).max().unwrap_or(Class::Stateless)
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        drive(self.run(batch, out))
    }
}

/// The processor `workflow`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "workflow",
    since: "0.1.0",
    category: "composition",
    summary: "Runs branches that depend on each other, those that do not at the same time.",
    schema: schema_of::<Config>,
    examples: &[
        Example {
            title: "the order follows from the mappings",
            config: r#"{"branches":{
                "sum":{"request_map":"root = this.double + this.triple",
                    "processors":[{"noop":{}}],"result_map":"root.sum = this"},
                "double":{"request_map":"root = this.n * 2",
                    "processors":[{"noop":{}}],"result_map":"root.double = this"},
                "triple":{"request_map":"root = this.n * 3",
                    "processors":[{"noop":{}}],"result_map":"root.triple = this"}}}"#,
            input: &[r#"{"n":1}"#],
            output: &[concat!(
                r#"{"double":2,"meta":{"workflow":{"succeeded":["double","sum","triple"]}},"#,
                r#""n":1,"sum":5,"triple":3}"#
            )],
        },
        Example {
            title: "what went wrong is recorded, and a branch may be left out",
            config: r#"{"meta_path":"done","order":[["broken","unasked"],["last"]],"branches":{
                "broken":{"processors":[{"mapping":"root = throw(\"no luck\")"}]},
                "unasked":{"request_map":"root = deleted()","processors":[{"noop":{}}]},
                "last":{"processors":[{"noop":{}}],"result_map":"root.last = true"}}}"#,
            input: &[r#"{"n":1}"#],
            output: &[concat!(
                r#"{"done":{"failed":{"broken":"processors failed: failed assignment (line 1): "#,
                r#"no luck"},"skipped":["unasked"],"succeeded":["last"]},"last":true,"n":1}"#
            )],
        },
    ],
    build: |config, env| Ok(Box::new(Workflow::build(read_config(config)?, env)?)),
};

#[cfg(test)]
mod tests;
