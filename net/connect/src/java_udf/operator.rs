//! The component.

use std::time::Duration;

use plan::{
    Batch, BuildError, Class, Data, Env, Example, Json, Operator, OperatorError, OperatorSpec,
    Step, schema_of,
};

use super::config::Config;
use super::convert::Converter;
use super::process::Launch;
use super::setup::Setup;
use super::thread::{Job, Way, start};
use super::{find, machine};

/// How often it is looked whether a process that is starting has failed.
const LOOK_NS: u64 = 20_000_000;

struct JavaUdf {
    name: String,
    way: Way,
    /// When to look next whether the process got ready; none once that is known.
    look_ns: Option<u64>,
}

impl JavaUdf {
    fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
        let config = Config::read(config)?;
        let said = |why: String| BuildError::new(format!("UDF '{}': {why}", config.name));
        machine::is_built().map_err(said)?;
        find::library().map_err(said)?;
        let timeout = Duration::from_nanos(u64::try_from(config.timeout.ns).unwrap_or(u64::MAX));
        let launch = Launch::of_us(&config.name, timeout);
        let operator = JavaUdf::start(&config, launch, env.services().now_ns());
        Ok(Box::new(operator?))
    }

    fn start(config: &Config, launch: Launch, now_ns: u64) -> Result<Self, BuildError> {
        let said = |why: String| BuildError::new(format!("UDF '{}': {why}", config.name));
        let way = start(launch, Setup::of(config)?, Converter::new(config)).map_err(said)?;
        Ok(JavaUdf { name: config.name.clone(), way, look_ns: Some(now_ns) })
    }

    fn failed(&self, why: &str) -> OperatorError {
        OperatorError::new(format!("UDF '{}': {why}", self.name))
    }

    /// Looks whether the process has failed to get ready.
    fn look(&mut self, now_ns: u64) -> Result<(), OperatorError> {
        use flume::TryRecvError::{Disconnected, Empty};
        self.look_ns = match self.way.ready.try_recv() {
            Ok(Ok(())) => None,
            Ok(Err(why)) => return Err(self.failed(&why)),
            Err(Empty) => Some(now_ns + LOOK_NS),
            Err(Disconnected) => None,
        };
        Ok(())
    }

    async fn run(&mut self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let Batch { data: Data::Columns(columns), acks, seq, born_ns } = batch else {
            return Err(self.failed("it works on typed columns and got something else"));
        };
        let (reply, result) = flume::bounded(1);
        let sent = self.way.jobs.send_async(Job { columns, reply }).await;
        let result = match sent {
            Ok(()) => result.recv_async().await.ok(),
            Err(_) => None,
        };
        let Some(result) = result else {
            // It never got ready, or it failed before.
            let why = self.way.ready.try_recv().ok().and_then(Result::err);
            return Err(self.failed(why.as_deref().unwrap_or("its process has ended")));
        };
        let columns = result.map_err(|why| self.failed(&why))?;
        out.push(Batch { data: Data::Columns(columns), acks, seq, born_ns });
        Ok(())
    }
}

impl Operator for JavaUdf {
    fn class(&self) -> Class {
        // A function may remember what it was given before.
        Class::Bound
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        Step::Wait(Box::pin(self.run(batch, out)))
    }

    fn due_ns(&self) -> Option<u64> {
        self.look_ns
    }

    fn on_time<'a>(&'a mut self, now_ns: u64, _: &'a mut Vec<Batch>) -> Step<'a> {
        Step::Done(self.look(now_ns))
    }
}

/// The operator.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "java_udf",
    since: "0.1.0",
    category: "columns",
    summary: "Calls a function that is written in Java for each row.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "a function of one number",
        config: r#"{"name":"twice","class":"Twice","method":"map","classes":
            [{"name":"Twice","code":"yv66vg=="}],"input":{"class":"java.lang.Long","fields":
            [{"column":"a$n","name":"","java":"long"}]},"output":
            [{"column":"a$n","name":"n","java":"long","type":"i64"}]}"#,
        input: &[],
        output: &[],
    }],
    build: JavaUdf::build,
};

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// The operator over another program.
    pub(in super::super) fn over(config: &Config, launch: Launch) -> Box<dyn Operator> {
        Box::new(JavaUdf::start(config, launch, 0).expect("a configuration"))
    }
}
