//! `benchmark`: logs how fast messages pass.

use std::rc::Rc;

use plan::env::read_config;
use plan::fields::Duration;
use plan::{Batch, Class, End, Example, Log, Operator, OperatorSpec, Services, Step, schema_of};
use schemars::JsonSchema;
use serde::Deserialize;

/// Configuration of `benchmark`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Time between lines; 0 for a single line at the end.
    #[serde(default = "interval")]
    interval: Duration,
    /// Whether bytes are counted too.
    #[serde(default = "yes")]
    count_bytes: bool,
}

fn interval() -> Duration {
    Duration::from_secs(5)
}

fn yes() -> bool {
    true
}

#[derive(Clone, Copy, Default)]
struct Count {
    messages: u64,
    bytes: u64,
}

struct Benchmark {
    interval_ns: u64,
    count_bytes: bool,
    services: Rc<dyn Services>,
    began_ns: u64,
    rolled_ns: u64,
    total: Count,
    rolling: Count,
}

impl Benchmark {
    fn line(&self, name: &str, count: Count, since_ns: u64) {
        const NS_PER_S: f64 = 1e9;
        let seconds = self.services.now_ns().saturating_sub(since_ns) as f64 / NS_PER_S;
        let rate = |n: u64| if seconds > 0.0 { n as f64 / seconds } else { 0.0 };
        let messages = rate(count.messages);
        let text = if self.count_bytes {
            let bytes = rate(count.bytes);
            format!("{name} stats: {messages:.0} msg/sec, {bytes:.0} bytes/sec")
        } else {
            format!("{name} stats: {messages:.0} msg/sec")
        };
        self.services.log(Log::Info, &text, &[]);
    }
}

impl Operator for Benchmark {
    fn class(&self) -> Class {
        Class::Stateless
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        let bytes = if self.count_bytes { batch.payload_bytes() } else { 0 };
        for count in [&mut self.total, &mut self.rolling] {
            count.messages += batch.len() as u64;
            count.bytes += bytes as u64;
        }
        out.push(batch);
        Step::Done(Ok(()))
    }

    fn on_end<'a>(&'a mut self, _: End, _: &'a mut Vec<Batch>) -> Step<'a> {
        self.line("total", self.total, self.began_ns);
        Step::Done(Ok(()))
    }

    fn due_ns(&self) -> Option<u64> {
        (self.interval_ns > 0).then(|| self.rolled_ns.saturating_add(self.interval_ns))
    }

    fn on_time<'a>(&'a mut self, now_ns: u64, _: &'a mut Vec<Batch>) -> Step<'a> {
        self.line("rolling", self.rolling, self.rolled_ns);
        self.rolling = Count::default();
        self.rolled_ns = now_ns;
        Step::Done(Ok(()))
    }
}

/// The processor `benchmark`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "benchmark",
    since: "0.1.0",
    category: "utility",
    summary: "Logs how many messages and bytes pass in a second.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "messages pass",
        config: r#"{"interval":"1s","count_bytes":false}"#,
        input: &["a"],
        output: &["a"],
    }],
    build: |config, env| {
        let config: Config = read_config(config)?;
        let services = env.services();
        let now_ns = services.now_ns();
        Ok(Box::new(Benchmark {
            interval_ns: config.interval.wait_ns(),
            count_bytes: config.count_bytes,
            services,
            began_ns: now_ns,
            rolled_ns: now_ns,
            total: Count::default(),
            rolling: Count::default(),
        }))
    },
};
