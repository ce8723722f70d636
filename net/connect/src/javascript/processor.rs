//! The component.

use plan::env::{fault_of, read_config};
use plan::fields::Duration;
use plan::{
    Batch, BuildError, Class, Component, Env, Example, Json, Operator, OperatorError, OperatorSpec,
    Step, schema_of,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::console::Console;
use super::engine::Program;
use super::fetch::Fetcher;
use super::message::Message;
use super::thread::{Job, start};

/// Bytes of memory without which no engine works.
const MEMORY_MIN: usize = 1 << 20;

/// Runs a program for each message, which changes it by the functions of `benthos`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The program; this or `file`.
    #[serde(default)]
    code: String,
    /// The file of the program.
    #[serde(default)]
    file: String,
    /// Folders with modules for `require`.
    #[serde(default)]
    global_folders: Vec<String>,
    /// How long the program may take for one message, what it fetches included.
    #[serde(default = "five_seconds")]
    #[schemars(extend("advanced" = true))]
    timeout: Duration,
    /// Bytes of memory that the program may have.
    #[serde(default = "memory")]
    #[schemars(extend("advanced" = true))]
    memory_limit: usize,
}

fn five_seconds() -> Duration {
    Duration::from_secs(5)
}

fn memory() -> usize {
    64 << 20
}

struct Script {
    jobs: flume::Sender<Job>,
    component: Component,
    console: Console,
}

impl Script {
    fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
        let Config { code, file, global_folders, timeout, memory_limit } = read_config(config)?;
        let services = env.services();
        let (file, code) = match (code.is_empty(), file.is_empty()) {
            (true, true) => {
                return Err(BuildError::new("either a `code` or `file` must be specified"));
            }
            (false, false) => {
                return Err(BuildError::new("cannot specify both the code and file fields"));
            }
            (false, true) => ("main.js".to_owned(), code),
            (true, false) => {
                let bytes = services.read_file(&file);
                let bytes =
                    bytes.map_err(|e| BuildError::new(format!("opening target file: {e}")))?;
                (file, String::from_utf8_lossy(&bytes).into_owned())
            }
        };
        let timeout = u64::try_from(timeout.ns).ok().filter(|ns| *ns > 0);
        let timeout = timeout.ok_or_else(|| BuildError::new("timeout must be more than 0s"))?;
        if memory_limit < MEMORY_MIN {
            return Err(BuildError::new(format!("memory_limit must be {MEMORY_MIN} or more")));
        }
        let jobs = start(Program {
            file,
            code,
            folders: global_folders,
            timeout: std::time::Duration::from_nanos(timeout),
            memory: memory_limit,
            fetcher: Fetcher::new(&*services)?,
        });
        let jobs = jobs.map_err(|e| BuildError::new(format!("compiling javascript code: {e}")))?;
        let component = Component { config: Json::Null, ..env.component().clone() };
        let console = Console::new(&component, services);
        Ok(Box::new(Script { jobs, component, console }))
    }

    async fn run(&mut self, mut batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let ended = || OperatorError::new("the engine of JavaScript has ended");
        let Some(records) = batch.as_records_mut() else {
            return Err(OperatorError::new("this operator works on messages only"));
        };
        let messages = records.recs.iter().map(|rec| Message::of(records, rec)).collect();
        let (reply, done) = flume::bounded(1);
        self.jobs.send_async(Job { messages, reply }).await.map_err(|_| ended())?;
        let done = done.recv_async().await.map_err(|_| ended())?;
        for (rec, mut message) in records.recs.iter_mut().zip(done) {
            self.console.say(&mut message);
            match message.wrong.take() {
                Some(text) => rec.fault = Some(fault_of(&self.component, text)),
                None => message.put(rec),
            }
        }
        out.push(batch);
        Ok(())
    }
}

impl Operator for Script {
    fn class(&self) -> Class {
        Class::Stateless
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        Step::Wait(Box::pin(self.run(batch, out)))
    }
}

/// The processor `javascript`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "javascript",
    since: "0.1.0",
    category: "mapping",
    summary: "Runs a JavaScript program for each message.",
    schema: schema_of::<Config>,
    examples: &[
        Example {
            title: "texts",
            config: concat!(
                r#"{"code":"let text = benthos.v0_msg_as_string();"#,
                r#" benthos.v0_msg_set_string(text + '!');"}"#
            ),
            input: &["hello", "bye"],
            output: &["hello!", "bye!"],
        },
        Example {
            title: "documents",
            config: concat!(
                r#"{"code":"let pet = benthos.v0_msg_as_structured();\n"#,
                r#"pet.age += 1;\ndelete pet.secret;\nbenthos.v0_msg_set_structured(pet);"}"#
            ),
            input: &[r#"{"age":3,"name":"Rex","secret":"x"}"#],
            output: &[r#"{"age":4,"name":"Rex"}"#],
        },
    ],
    build: Script::build,
};
