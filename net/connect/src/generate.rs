//! Source `generate`: messages made by a mapping, at an interval or as fast as they are taken.

use std::rc::Rc;

use plan::env::read_config;
use plan::fields::{Duration, Mapping};
use plan::{
    Batch, BuildError, Data, Env, Example, Expr, Form, Json, LocalBoxFuture, Records, Services,
    Source, SourceContext, SourceError, SourceSpec, schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wait::{Ended, until_stopping};

/// Most messages of one batch.
pub const BATCH_MAX: u64 = 1 << 20;
/// Messages that are made at once when there is no interval.
const BURST: u64 = 256;

/// Makes messages.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// Makes each message, from an empty one.
    pub mapping: Mapping,
    /// Time between batches, such as `1s` or `@every 5m`; empty: as fast as they are taken.
    #[serde(default = "interval")]
    pub interval: String,
    /// Messages after which the source ends; 0: never.
    #[serde(default)]
    pub count: u64,
    /// Messages of one batch.
    #[serde(default = "one")]
    pub batch_size: u64,
    /// Of no effect: what could not be delivered is always made to be delivered again.
    #[serde(default = "crate::yes")]
    pub auto_replay_nacks: bool,
}

fn interval() -> String {
    "1s".to_owned()
}

fn one() -> u64 {
    1
}

/// A running `generate` source.
pub struct Generate {
    mapping: Box<dyn Expr>,
    services: Rc<dyn Services>,
    interval_ns: Option<u64>,
    left: Option<u64>,
    batch_size: u64,
    due_ns: Option<u64>,
}

impl Generate {
    /// The next messages; `None` at the end.
    fn next(&mut self) -> Option<u64> {
        // Without an interval and with messages alone, many are made at once.
        let alone = self.batch_size == 1 && self.interval_ns.is_none();
        let wanted = if alone { BURST } else { self.batch_size };
        match &mut self.left {
            None => Some(wanted),
            Some(0) => None,
            Some(left) => {
                let count = wanted.min(*left);
                *left -= count;
                Some(count)
            }
        }
    }

    /// Waits for the next tick; the first is at once.
    async fn tick(&mut self, context: &Rc<dyn SourceContext>) -> Result<(), SourceError> {
        let Some(interval) = self.interval_ns else {
            return if context.is_stopping() { Err(SourceError::Stopped) } else { Ok(()) };
        };
        let now = self.services.now_ns();
        let due = self.due_ns.unwrap_or(now);
        if due > now {
            let sleep = self.services.sleep(due - now);
            if until_stopping(context, sleep).await == Ended::Stopping {
                return Err(SourceError::Stopped);
            }
        }
        // A tick that was missed is not made up for.
        self.due_ns = Some(due.max(now).saturating_add(interval));
        Ok(())
    }

    async fn generate(&mut self, context: &Rc<dyn SourceContext>) -> Result<(), SourceError> {
        context.connected(true);
        let mut out = Vec::new();
        loop {
            if self.left == Some(0) {
                return Ok(());
            }
            self.tick(context).await?;
            let Some(count) = self.next() else { return Ok(()) };
            let mut empty = Records::from_bodies((0..count).map(|_| Vec::new()));
            empty.loose = self.batch_size == 1;
            let mapped = self.mapping.map(Batch::new(Data::Records(empty)), &mut out);
            mapped.map_err(|e| SourceError::Fatal(e.0))?;
            for batch in out.drain(..) {
                // A message that the mapping filtered counts, but is not sent.
                if !batch.is_empty() {
                    drop(context.emit(batch).await?);
                }
            }
        }
    }
}

impl Source for Generate {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move { self.generate(&context).await })
    }
}

fn parse_interval(text: &str) -> Result<Option<u64>, BuildError> {
    let text = text.trim();
    let every = text.strip_prefix("@every ").unwrap_or(text).trim();
    if every.is_empty() {
        return Ok(None);
    }
    match Duration::parse(every) {
        Ok(duration) if duration.ns > 0 => Ok(Some(duration.wait_ns())),
        Ok(_) => Ok(None),
        Err(error) if text.split_whitespace().count() >= 5 || text.starts_with('@') => {
            let text = format!("cron expressions are not supported yet: '{text}' ({error})");
            Err(BuildError::new(format!("field 'interval': {text}")))
        }
        Err(error) => Err(BuildError::new(format!("failed to parse interval: {error}"))),
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Source>, BuildError> {
    let config: Config = read_config(config)?;
    if config.batch_size == 0 || config.batch_size > BATCH_MAX {
        return Err(BuildError::new(format!("batch_size must be between 1 and {BATCH_MAX}")));
    }
    Ok(Box::new(Generate {
        mapping: env.expr(&config.mapping.0, Form::Mapping)?,
        services: env.services(),
        interval_ns: parse_interval(&config.interval)?,
        left: (config.count > 0).then_some(config.count),
        batch_size: config.batch_size,
        due_ns: None,
    }))
}

/// Registration.
pub static SPEC: SourceSpec = SourceSpec {
    name: "generate",
    since: "0.1.0",
    category: "utility",
    summary: "Makes messages by a mapping.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "five numbered messages, one a second",
        config: r#"{"mapping":"root.n = counter()","interval":"1s","count":5}"#,
        input: &[],
        output: &[],
    }],
    build,
};

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{Fake, TestEnv, both_modes};

    #[test]
    fn batches_and_a_short_last_one() {
        both_modes(|| async {
            let config = json!({"mapping": "x", "interval": "", "count": 5, "batch_size": 2});
            let mut source = (SPEC.build)(&TestEnv::code(config, "mapping"), &TestEnv::new());
            let fake = Fake::new();
            source.as_mut().unwrap().run(fake.clone()).await.unwrap();
            assert_eq!(fake.sizes(), [2, 2, 1]);
            assert_eq!(fake.texts(), ["x"; 5]);
        });
    }

    #[test]
    fn an_interval_paces_and_a_stop_ends_it() {
        both_modes(|| async {
            let config = json!({"mapping": "x", "interval": "20ms"});
            let env = TestEnv::new();
            let mut source = (SPEC.build)(&TestEnv::code(config, "mapping"), &env).unwrap();
            let fake = Fake::new();
            let start = rt::now();
            let stopper = fake.clone();
            rt::spawn(async move {
                rt::sleep(std::time::Duration::from_millis(110)).await;
                stopper.stop();
            });
            assert_eq!(source.run(fake.clone()).await, Err(SourceError::Stopped));
            assert!(rt::now().since(start).as_millis() < 1000);
            let count = fake.texts().len();
            assert!((2..=6).contains(&count), "{count} messages");
        });
    }

    #[test]
    fn bad_configurations() {
        let error = |config| {
            let built = (SPEC.build)(&TestEnv::code(config, "mapping"), &TestEnv::new());
            built.err().map(|e| e.text).unwrap_or_default()
        };
        assert!(error(json!({"mapping": "x", "interval": "soon"})).contains("interval"));
        assert!(error(json!({"mapping": "x", "interval": "* * * * *"})).contains("cron"));
        assert!(error(json!({"mapping": "x", "batch_size": 0})).contains("batch_size"));
    }
}
