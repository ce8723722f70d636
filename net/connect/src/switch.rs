//! Sink `switch`: each message goes where its check says.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::future::join_all;
use plan::env::{fault_of, read_config};
use plan::fields::{Output, Query};
use plan::{
    Batch, BuildError, Component, Env, Example, Expr, Fault, Form, Json, LocalBoxFuture, Log,
    Services, Sink, SinkError, SinkSpec, schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compose::backoff::{self, Backoff};
use crate::compose::child::{Child, close_all, open_all};
use crate::compose::part::{result, write_part};
use crate::compose::{CATEGORY, CHILDREN_MAX};

/// One way that messages may go.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Case {
    /// Whether a message goes this way; without one all do.
    #[serde(default)]
    pub check: Query,
    /// Where to.
    pub output: Output,
    /// Whether later cases are looked at, too.
    #[serde(default, rename = "continue")]
    pub goes_on: bool,
}

/// Hands each message to the outputs of the cases that it fits.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// Gives an output what it refused again until it is taken.
    #[serde(default)]
    pub retry_until_success: bool,
    /// Refuses messages that fit no case, instead of dropping them.
    #[serde(default)]
    #[schemars(extend("advanced" = true))]
    pub strict_mode: bool,
    /// The cases, in the order in which they are looked at.
    pub cases: Vec<Case>,
}

struct Way {
    check: Option<RefCell<Box<dyn Expr>>>,
    goes_on: bool,
}

/// A running `switch` sink.
pub struct Switch {
    component: Component,
    services: Rc<dyn Services>,
    ways: Vec<Way>,
    children: Vec<Child>,
    insists: bool,
    strict: bool,
}

impl Switch {
    /// Which messages go to which child, and which go nowhere.
    fn route(&self, batch: &Batch) -> (Vec<Vec<usize>>, Vec<usize>) {
        let count = batch.len();
        let mut shares: Vec<Vec<usize>> = self.ways.iter().map(|_| Vec::new()).collect();
        let mut open: Vec<bool> = vec![true; count];
        let mut routed: Vec<bool> = vec![false; count];
        for (way, share) in self.ways.iter().zip(&mut shares) {
            if !open.contains(&true) {
                break;
            }
            let mask = self.mask(way, batch);
            let messages = open.iter_mut().zip(&mut routed).zip(mask).enumerate();
            for (index, ((open, routed), fits)) in messages {
                if *open && fits {
                    share.push(index);
                    *routed = true;
                    *open = way.goes_on;
                }
            }
        }
        let lost = routed.iter().enumerate().filter(|(_, r)| !**r).map(|(i, _)| i);
        (shares, lost.collect())
    }

    fn mask(&self, way: &Way, batch: &Batch) -> Vec<bool> {
        let Some(check) = &way.check else { return vec![true; batch.len()] };
        let mut mask = Vec::new();
        if let Err(error) = check.borrow_mut().test(batch, &mut mask) {
            self.services.log(Log::Error, "failed to test case", &[("error", &error.0)]);
        }
        mask.resize(batch.len(), Ok(false));
        if let Some(Err(fault)) = mask.iter().find(|m| m.is_err()) {
            self.services.log(Log::Error, "failed to test case", &[("error", &fault.text)]);
        }
        mask.into_iter().map(|m| m.unwrap_or(false)).collect()
    }

    async fn send(
        &self,
        child: &Child,
        batch: &Batch,
        mut share: Vec<usize>,
    ) -> Vec<(usize, Arc<Fault>)> {
        let mut backoff = Backoff::new(backoff::Config::default());
        loop {
            match write_part(child, batch, &share).await {
                Ok(()) => return Vec::new(),
                Err(failed) if !self.insists => return failed,
                Err(failed) => share = failed.into_iter().map(|(at, _)| at).collect(),
            }
            backoff.pause().await;
        }
    }

    async fn hand_out(&self, batch: &Batch) -> Result<(), SinkError> {
        if batch.as_records().is_none() {
            let text = "only messages can be told apart by a switch";
            return Err(SinkError::All(fault_of(&self.component, text)));
        }
        let (shares, lost) = self.route(batch);
        let writes = self.children.iter().zip(shares);
        let writes = writes.map(|(child, share)| self.send(child, batch, share));
        let mut failed: Vec<_> = join_all(writes).await.into_iter().flatten().collect();
        if self.strict && !lost.is_empty() {
            let text = "no switch output conditions were met by message";
            let fault = fault_of(&self.component, text);
            failed.extend(lost.into_iter().map(|index| (index, Arc::clone(&fault))));
        }
        failed.sort_by_key(|(index, _)| *index);
        failed.dedup_by_key(|(index, _)| *index);
        result(failed, batch)
    }
}

impl Sink for Switch {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(open_all(&self.children))
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(self.hand_out(batch))
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(close_all(&self.children))
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Sink>, BuildError> {
    let config: Config = read_config(config)?;
    if config.cases.len() < 2 || config.cases.len() > CHILDREN_MAX {
        let text = "attempting to create switch output type with less than 2 cases";
        let many = format!("a switch may have {CHILDREN_MAX} cases at most");
        let few = config.cases.len() < 2;
        return Err(BuildError::new(if few { text.to_owned() } else { many }));
    }
    let mut ways = Vec::new();
    let mut children = Vec::new();
    for case in &config.cases {
        let check = match case.check.is_empty() {
            true => None,
            false => Some(RefCell::new(env.expr(&case.check.0, Form::Query)?)),
        };
        ways.push(Way { check, goes_on: case.goes_on });
        children.push(Child::build(&case.output, env)?);
    }
    Ok(Box::new(Switch {
        component: env.component().clone(),
        services: env.services(),
        ways,
        children,
        insists: config.retry_until_success,
        strict: config.strict_mode,
    }))
}

/// Registration.
pub static SPEC: SinkSpec = SinkSpec {
    name: "switch",
    since: "0.1.0",
    category: CATEGORY,
    summary: "Hands each message to the outputs whose checks it passes.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "urgent messages apart",
        config: r#"{"cases":[{"check":"this.urgent","output":{"name":"stdout"}},
                              {"output":{"name":"file","config":{"path":"./rest.txt"}}}]}"#,
        input: &[],
        output: &[],
    }],
    build,
};

#[cfg(test)]
mod tests;
