//! `group_by`: sorts the messages of a batch into batches by conditions.

use plan::env::read_config;
use plan::fields::{Processor, Query};
use plan::{
    Batch, Class, Example, Expr, Form, Operator, OperatorError, OperatorSpec, Record, Step,
    schema_of,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::batches::{Chain, Faults, Frame, drive};

/// One group of `group_by`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GroupConfig {
    /// Whether a message belongs here.
    check: Query,
    /// What is done with the group.
    #[serde(default)]
    processors: Vec<Processor>,
}

struct Group {
    check: Box<dyn Expr>,
    chain: Chain,
}

struct GroupBy {
    groups: Vec<Group>,
    faults: Faults,
}

impl GroupBy {
    async fn run(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let (frame, records) = Frame::open(batch)?;
        let like = records.like();
        let mut open = records;
        for group in &mut self.groups {
            let batch = frame.share(open);
            let mut mask = Vec::new();
            group.check.test(&batch, &mut mask)?;
            let recs = frame.reclaim(vec![batch]).recs;
            let (mut members, mut others) = (Vec::new(), Vec::new());
            for (rec, verdict) in recs.into_iter().zip(mask) {
                match verdict {
                    Ok(true) => members.push(rec),
                    Ok(false) => others.push(rec),
                    Err(fault) => {
                        others.push(Record { fault: Some(self.faults.sign(fault)), ..rec });
                    }
                }
            }
            open = like.clone().with(others);
            if !members.is_empty() {
                let members = like.clone().with(members);
                out.extend(group.chain.run(frame.share(members)).await?);
            }
        }
        frame.close(open, out);
        Ok(())
    }
}

impl Operator for GroupBy {
    fn class(&self) -> Class {
        let class = |group: &Group| group.check.class().max(group.chain.class());
        self.groups.iter().map(class).max().unwrap_or(Class::Stateless)
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        drive(self.run(batch, out))
    }
}

/// The processor `group_by`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "group_by",
    since: "0.1.0",
    category: "batching",
    summary: "Sorts the messages of a batch into batches by conditions.",
    schema: schema_of::<Vec<GroupConfig>>,
    examples: &[Example {
        title: "one sort first",
        config: r#"[{"check":"content() == \"b\""}]"#,
        input: &["a", "b", "c", "b"],
        output: &["b", "b", "a", "c"],
    }],
    build: |config, env| {
        let configs: Vec<GroupConfig> = read_config(config)?;
        let mut groups = Vec::new();
        for config in configs {
            let check = env.expr(&config.check.0, Form::Query)?;
            groups.push(Group { check, chain: Chain::build(env, &config.processors)? });
        }
        Ok(Box::new(GroupBy { groups, faults: Faults::of(env.component()) }))
    },
};
