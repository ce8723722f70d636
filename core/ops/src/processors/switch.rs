//! `switch`: processors for the messages of the first case whose condition holds.

use plan::env::read_config;
use plan::fields::{Processor, Query};
use plan::{
    Batch, BuildError, Class, Env, Example, Expr, Form, Operator, OperatorError, OperatorSpec,
    Record, Records, Step, schema_of,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::batches::{Chain, Faults, Frame, Order, drive, join};

/// One case of `switch`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CaseConfig {
    /// Whether a message belongs here; without it every message does.
    #[serde(default)]
    check: Query,
    /// What is done with its messages.
    #[serde(default)]
    processors: Vec<Processor>,
    /// Sends the messages through the next case too, without asking its condition.
    #[serde(default)]
    fallthrough: bool,
    /// Asks the conditions of the following cases too.
    #[serde(default, rename = "continue")]
    continues: bool,
}

struct Case {
    check: Option<Box<dyn Expr>>,
    chain: Chain,
    fallthrough: bool,
    continues: bool,
}

impl Case {
    fn build(config: &CaseConfig, env: &dyn Env, at: usize) -> Result<Self, BuildError> {
        if config.processors.is_empty() {
            let text = format!(
                "case [{at}] has no processors, in order to have a no-op case use a `noop` \
                 processor"
            );
            return Err(BuildError::new(text));
        }
        if config.fallthrough && config.continues {
            let text = format!("case [{at}] has both fallthrough and continue set to true");
            return Err(BuildError::new(text));
        }
        let check = match config.check.is_empty() {
            true => None,
            false => Some(env.expr(&config.check.0, Form::Query)?),
        };
        let chain = Chain::build(env, &config.processors)?;
        let (fallthrough, continues) = (config.fallthrough, config.continues);
        Ok(Case { check, chain, fallthrough, continues })
    }
}

struct Switch {
    cases: Vec<Case>,
    faults: Faults,
}

impl Switch {
    async fn run(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let (frame, records) = Frame::open(batch)?;
        let order = Order::of(&records);
        let mut results: Vec<Records> = Vec::new();
        let mut open = records;
        let mut fallen = Records::default();
        for case in &mut self.cases {
            let sorted = sort(case, &self.faults, &frame, open)?;
            open = sorted.others;
            results.extend(sorted.failed);
            let matched = join([std::mem::take(&mut fallen), sorted.matched].into_iter());
            if matched.recs.is_empty() {
                continue;
            }
            let parts = case.chain.run(frame.share(matched)).await?;
            let done = frame.reclaim(parts);
            if case.fallthrough {
                fallen = done;
            } else if case.continues {
                open = join([open, done].into_iter());
                order.restore(&mut open);
            } else {
                results.push(done);
            }
        }
        results.extend([open, fallen]);
        let mut all = join(results.into_iter());
        order.restore(&mut all);
        frame.close(all, out);
        Ok(())
    }
}

/// The messages of a batch by what a case's condition says of them.
struct Sorted {
    matched: Records,
    others: Records,
    failed: Option<Records>,
}

fn sort(
    case: &mut Case,
    faults: &Faults,
    frame: &Frame,
    open: Records,
) -> Result<Sorted, OperatorError> {
    let Some(check) = &mut case.check else {
        return Ok(Sorted { matched: open, others: Records::default(), failed: None });
    };
    let batch = frame.share(open);
    let mut mask = Vec::new();
    check.test(&batch, &mut mask)?;
    let mut open = frame.reclaim(vec![batch]);
    let recs = std::mem::take(&mut open.recs);
    let (mut matched, mut others, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for (rec, verdict) in recs.into_iter().zip(mask) {
        match verdict {
            Ok(true) => matched.push(rec),
            Ok(false) => others.push(rec),
            // A condition that fails ends the matching of its message.
            Err(fault) => failed.push(Record { fault: Some(faults.sign(fault)), ..rec }),
        }
    }
    let over = |recs: Vec<Record>| open.like().with(recs);
    let failed = (!failed.is_empty()).then(|| over(failed));
    Ok(Sorted { matched: over(matched), others: over(others), failed })
}

impl Operator for Switch {
    fn class(&self) -> Class {
        let class = |case: &Case| {
            let check = case.check.as_ref().map_or(Class::Stateless, |check| check.class());
            check.max(case.chain.class())
        };
        self.cases.iter().map(class).max().unwrap_or(Class::Stateless)
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        drive(self.run(batch, out))
    }
}

/// The processor `switch`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "switch",
    since: "0.1.0",
    category: "composition",
    summary: "Runs the processors of the first case whose condition holds for a message.",
    schema: schema_of::<Vec<CaseConfig>>,
    examples: &[Example {
        title: "two sorts of messages",
        config: r#"[{"check":"this.k == \"a\"","processors":[{"mapping":"root = \"first\""}]},
            {"processors":[{"mapping":"root = \"other\""}]}]"#,
        input: &[r#"{"k":"a"}"#, r#"{"k":"b"}"#, r#"{"k":"a"}"#],
        output: &["first", "other", "first"],
    }],
    build: |config, env| {
        let configs: Vec<CaseConfig> = read_config(config)?;
        let cases = configs.iter().enumerate().map(|(at, case)| Case::build(case, env, at));
        let cases = cases.collect::<Result<Vec<_>, _>>()?;
        Ok(Box::new(Switch { cases, faults: Faults::of(env.component()) }))
    },
};
