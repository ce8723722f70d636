//! Source `triggered`: another source that ends, read again when it is called or a period has
//! passed.

use std::rc::Rc;

use futures_util::future::{Either, select};
use plan::env::read_config;
use plan::fields::Input;
use plan::{
    Bell, BuildError, Env, Example, Json, LocalBoxFuture, Services, Source, SourceContext,
    SourceError, SourceSpec, schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compose::CATEGORY;
use crate::wait::{Ended, until_stopping};

/// Shortest period in nanoseconds.
const PERIOD_NS_MIN: u64 = 1_000_000;
/// Nanoseconds of a day.
const DAY_NS: i128 = 86_400_000_000_000;

/// Reads another input to its end, again and again.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The name under which it is called.
    pub name: String,
    /// The input, which can be read again when it has ended.
    pub input: Input,
    /// Nanoseconds between two times; 0: only when it is called.
    #[serde(default)]
    pub every_ns: u64,
    /// When the periods begin, in nanoseconds since 1970; with the pipeline where that is not said.
    #[serde(default)]
    pub start_ns: Option<i64>,
    /// The same in nanoseconds of the day on which the pipeline starts.
    #[serde(default)]
    pub of_day_ns: Option<i64>,
}

/// Points in time at equal distances.
#[derive(Clone, Copy, Debug)]
struct Ticks {
    every_ns: i128,
    start_ns: i128,
}

impl Ticks {
    /// The first that is not before a time.
    fn at_or_after(&self, now_ns: i128) -> i128 {
        let past = (now_ns - self.start_ns).max(0);
        let periods = past.div_euclid(self.every_ns) + i128::from(past % self.every_ns > 0);
        self.start_ns + periods * self.every_ns
    }
}

/// A running `triggered` source.
pub struct Triggered {
    source: Box<dyn Source>,
    bell: Bell,
    services: Rc<dyn Services>,
    every_ns: u64,
    start: Option<(i64, bool)>,
    /// Unknown before the first run.
    ticks: Option<Ticks>,
    /// The next tick; those that pass while a round is read are left out.
    next_ns: Option<i128>,
    begun: bool,
    /// Whether a round is read, also where that is tried again.
    reading: bool,
}

impl Triggered {
    /// What is to be done first.
    fn begin(&mut self, context: &Rc<dyn SourceContext>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let now_ns = self.services.wall_ns();
        if self.every_ns > 0 {
            let start_ns = match self.start {
                None => now_ns,
                Some((ns, false)) => i128::from(ns),
                Some((ns, true)) => now_ns - now_ns.rem_euclid(DAY_NS) + i128::from(ns),
            };
            let ticks = Ticks { every_ns: i128::from(self.every_ns), start_ns };
            self.next_ns = Some(ticks.at_or_after(now_ns));
            self.ticks = Some(ticks);
        }
        self.reading = context.goes_on();
    }

    /// Waits until it is to read.
    async fn turn(&mut self, context: &Rc<dyn SourceContext>) -> Result<(), SourceError> {
        // Whoever only waits has what it reads from.
        context.connected(true);
        let services = Rc::clone(&self.services);
        let next_ns = self.next_ns;
        let tick = async {
            let Some(next_ns) = next_ns else { return std::future::pending().await };
            loop {
                match next_ns - services.wall_ns() {
                    wait if wait <= 0 => return,
                    // The clock may be set meanwhile.
                    wait => services.sleep(u64::try_from(wait).unwrap_or(u64::MAX)).await,
                }
            }
        };
        let (tick, heard) = (std::pin::pin!(tick), std::pin::pin!(self.bell.heard()));
        match until_stopping(context, select(tick, heard)).await {
            Ended::Stopping => Err(SourceError::Stopped),
            Ended::Done(Either::Left(_)) => {
                let now_ns = self.services.wall_ns();
                self.next_ns = self.ticks.map(|ticks| ticks.at_or_after(now_ns + 1));
                Ok(())
            }
            Ended::Done(Either::Right(_)) => Ok(()),
        }
    }

    async fn read(&mut self, context: &Rc<dyn SourceContext>) -> Result<(), SourceError> {
        self.begin(context);
        loop {
            if !self.reading {
                self.turn(context).await?;
                self.reading = true;
            }
            self.source.run(Rc::clone(context)).await?;
            self.reading = false;
            context.round_ended().await?;
        }
    }
}

impl Source for Triggered {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move { self.read(&context).await })
    }

    fn replays(&self) -> bool {
        self.source.replays()
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Source>, BuildError> {
    let config: Config = read_config(config)?;
    if config.name.is_empty() {
        return Err(BuildError::new("field 'name': a source that is called needs a name"));
    }
    if (1..PERIOD_NS_MIN).contains(&config.every_ns) {
        let text = format!("field 'every_ns': {PERIOD_NS_MIN} at least, or 0");
        return Err(BuildError::new(text));
    }
    let at = config.start_ns.map(|ns| (ns, false));
    let services = env.services();
    Ok(Box::new(Triggered {
        source: env.source(&config.input)?,
        bell: services.bell(&config.name),
        services,
        every_ns: config.every_ns,
        start: at.or(config.of_day_ns.map(|ns| (ns, true))),
        ticks: None,
        next_ns: None,
        begun: false,
        reading: false,
    }))
}

/// Registration.
pub static SPEC: SourceSpec = SourceSpec {
    name: "triggered",
    since: "0.1.0",
    category: CATEGORY,
    summary: "Reads another input to its end, again and again.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "a file that is read each minute, and when it is called",
        config: r#"{"name":"prices","input":{"name":"file"},"every_ns":60000000000}"#,
        input: &[],
        output: &[],
    }],
    build,
};

#[cfg(test)]
mod tests;
