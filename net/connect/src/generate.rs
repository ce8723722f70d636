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

use crate::cron::Schedule;
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
    /// Time between batches, such as `1s`, or a cron expression, such as `@every 5m`,
    /// `0,30 */2 * * * *` or `TZ=Europe/London 30 3-6 * * *`; empty: as fast as they are taken.
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
    pace: Pace,
    left: Option<u64>,
    batch_size: u64,
}

impl Generate {
    /// The next messages; `None` at the end.
    fn next(&mut self) -> Option<u64> {
        // Without an interval and with messages alone, many are made at once.
        let alone = self.batch_size == 1 && matches!(self.pace, Pace::None);
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

    /// Waits for the next tick.
    async fn tick(&mut self, context: &Rc<dyn SourceContext>) -> Result<(), SourceError> {
        let pause = match &mut self.pace {
            Pace::None if context.is_stopping() => return Err(SourceError::Stopped),
            Pace::None => return Ok(()),
            Pace::Interval { ns, due_ns } => {
                let now = self.services.now_ns();
                // The first is at once, and one that was missed is not made up for.
                let due = due_ns.unwrap_or(now);
                *due_ns = Some(due.max(now).saturating_add(*ns));
                due.saturating_sub(now)
            }
            Pace::Schedule { schedule, last_ns } => {
                let now = self.services.wall_ns();
                let Some(due) = schedule.next(last_ns.unwrap_or(now)) else {
                    return Err(SourceError::Fatal(NEVER.to_owned()));
                };
                *last_ns = Some(due);
                u64::try_from(due - now).unwrap_or(0)
            }
        };
        if pause > 0 && until_stopping(context, self.services.sleep(pause)).await == Ended::Stopping
        {
            return Err(SourceError::Stopped);
        }
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

/// What is said of a schedule that never comes.
const NEVER: &str = "no time within five years fits the interval";

/// When messages are made.
enum Pace {
    /// As fast as they are taken.
    None,
    /// So many nanoseconds after another.
    Interval { ns: u64, due_ns: Option<u64> },
    /// At times of the clock.
    Schedule { schedule: Schedule, last_ns: Option<i128> },
}

impl Pace {
    fn parse(text: &str, now_ns: i128) -> Result<Self, BuildError> {
        if text.is_empty() {
            return Ok(Pace::None);
        }
        let error = match Duration::parse(text) {
            Ok(duration) if duration.ns > 0 => {
                return Ok(Pace::Interval { ns: duration.wait_ns(), due_ns: None });
            }
            Ok(_) => return Ok(Pace::None),
            Err(error) => error,
        };
        let begin = "failed to parse interval as duration string";
        match Schedule::parse(text) {
            Err(cron) => {
                Err(BuildError::new(format!("{begin}: {error}, or as cron expression: {cron}")))
            }
            Ok(schedule) if schedule.next(now_ns).is_none() => {
                Err(BuildError::new(format!("field 'interval': {NEVER}")))
            }
            Ok(schedule) => Ok(Pace::Schedule { schedule, last_ns: None }),
        }
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Source>, BuildError> {
    let config: Config = read_config(config)?;
    if config.batch_size == 0 || config.batch_size > BATCH_MAX {
        return Err(BuildError::new(format!("batch_size must be between 1 and {BATCH_MAX}")));
    }
    let services = env.services();
    Ok(Box::new(Generate {
        mapping: env.expr(&config.mapping.0, Form::Mapping)?,
        pace: Pace::parse(&config.interval, services.wall_ns())?,
        services,
        left: (config.count > 0).then_some(config.count),
        batch_size: config.batch_size,
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
    fn a_schedule_says_when_and_does_not_begin_at_once() {
        both_modes(|| async {
            let config = json!({"mapping": "x", "interval": "* * * * * *", "count": 2});
            let env = TestEnv::new();
            env.services.own_wall_ns.set(Some(1_700_000_000_250_000_000));
            let mut source = (SPEC.build)(&TestEnv::code(config, "mapping"), &env).unwrap();
            let fake = Fake::new();
            source.run(fake.clone()).await.unwrap();
            assert_eq!(fake.sizes(), [1, 1]);
            // At the next second and the one after.
            assert_eq!(env.services.own_wall_ns.get(), Some(1_700_000_002_000_000_000));
        });
    }

    #[test]
    fn bad_configurations() {
        let error = |config| {
            let built = (SPEC.build)(&TestEnv::code(config, "mapping"), &TestEnv::new());
            built.err().map(|e| e.text).unwrap_or_default()
        };
        assert!(error(json!({"mapping": "x", "interval": "soon"})).contains("interval"));
        let cron = "failed to parse interval as duration string: time: invalid duration \"soon\", \
            or as cron expression: expected 5 to 6 fields, found 1: [soon]";
        assert_eq!(error(json!({"mapping": "x", "interval": "soon"})), cron);
        assert!(error(json!({"mapping": "x", "interval": "0 0 30 2 *"})).contains("five years"));
        assert!(error(json!({"mapping": "x", "batch_size": 0})).contains("batch_size"));
    }
}
