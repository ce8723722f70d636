//! Sink `subprocess`: messages for a program.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration as Time;

use plan::env::{fault_of, read_config};
use plan::{
    Batch, BuildError, Component, Env, Example, Fault, Json, LocalBoxFuture, Log, Services, Sink,
    SinkError, SinkSpec, schema_of,
};
use rt::file::File;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Ends, Running, report, start};
use crate::codec::{Codec, CodecName, Encoded};
use crate::text::io_text;

/// How long a program may take to end once it gets no more.
const EXIT_TIME: Time = Time::from_secs(10);

/// Runs a program and writes messages to its standard input.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// The program.
    pub name: String,
    /// Its arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// How messages are written: `all-bytes`, `append`, `lines`, `delim:x`.
    #[serde(default)]
    pub codec: CodecName,
}

/// A running `subprocess` sink.
pub struct Subprocess {
    component: Component,
    services: Rc<dyn Services>,
    config: Config,
    codec: Codec,
    program: RefCell<Option<(Running, File)>>,
    /// How long the program may take to end once it gets no more.
    exit_time: Time,
}

impl Subprocess {
    fn fault(&self, text: impl Into<String>) -> Arc<Fault> {
        fault_of(&self.component, text)
    }

    async fn start(&self) -> Result<(), Arc<Fault>> {
        let args = self.config.args.iter().map(Into::into).collect();
        let ends = Ends { stdin: true, stdout: false };
        let started = start(&self.config.name, args, ends).await;
        let (running, pipes) = started.map_err(|text| self.fault(text))?;
        let services = Rc::clone(&self.services);
        rt::spawn(report(pipes.stderr, move |line| services.log(Log::Error, line, &[])));
        let Some(stdin) = pipes.stdin else { return Err(self.fault("no standard input")) };
        self.program.replace(Some((running, stdin)));
        Ok(())
    }

    async fn send(&self, batch: &Batch) -> Result<(), SinkError> {
        let encoded = self.codec.encode(batch, Vec::new());
        let encoded = encoded.map_err(|text| SinkError::All(self.fault(text)))?;
        // Taken out: a write that is given up half-way ends the program.
        let program = self.program.borrow_mut().take();
        let Some((running, stdin)) = program else {
            return Err(SinkError::NotConnected(self.fault("the subprocess is not running")));
        };
        let written = match encoded {
            Encoded::Shared(bytes) => stdin.write_all(bytes).await.0,
            Encoded::Gathered(bytes) => stdin.write_all(bytes).await.0,
        };
        if let Err(error) = written {
            let text = format!("failed to write to subprocess: {}", io_text(&error));
            return Err(SinkError::NotConnected(self.fault(text)));
        }
        self.program.replace(Some((running, stdin)));
        Ok(())
    }
}

impl Sink for Subprocess {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(self.start())
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(self.send(batch))
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async move {
            let program = self.program.borrow_mut().take();
            let Some((running, stdin)) = program else { return Ok(()) };
            drop(stdin);
            match rt::timeout(self.exit_time, running.wait()).await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(text)) => Err(self.fault(format!("subprocess exited: {text}"))),
                Err(_) => Err(self.fault("the subprocess did not end")),
            }
        })
    }
}

fn made(config: &Json, env: &dyn Env) -> Result<Subprocess, BuildError> {
    let config: Config = read_config(config)?;
    Ok(Subprocess {
        component: env.component().clone(),
        services: env.services(),
        codec: config.codec.codec()?,
        config,
        program: RefCell::default(),
        exit_time: EXIT_TIME,
    })
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Sink>, BuildError> {
    made(config, env).map(|sink| Box::new(sink) as Box<dyn Sink>)
}

/// Registration.
pub static SPEC: SinkSpec = SinkSpec {
    name: "subprocess",
    since: "0.1.0",
    category: "utility",
    summary: "Writes messages to the input of a program.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "the system log",
        config: r#"{"name":"logger","args":["-t","mainstem"]}"#,
        input: &[],
        output: &[],
    }],
    build,
};

#[cfg(test)]
mod tests {
    use plan::serde_json::json;

    use super::*;
    use crate::testing::{TestEnv, batch, both_modes};

    #[test]
    fn a_program_that_does_not_end_is_not_waited_for() {
        both_modes(|| async {
            let config = json!({"name": "sh", "args": ["-c", "exec sleep 1000"]});
            let mut sink = made(&config, &TestEnv::new()).expect("a sink");
            sink.exit_time = Time::from_millis(50);
            sink.open().await.expect("it runs");
            sink.write(&batch(&["a"])).await.expect("the pipe takes it");
            let closed = rt::timeout(Time::from_secs(60), sink.close()).await.expect("an end");
            assert_eq!(closed.unwrap_err().text, "the subprocess did not end");
        });
    }

    #[test]
    fn a_line_of_errors_without_an_end_is_told_in_pieces() {
        both_modes(|| async {
            let script = "head -c 200000 /dev/zero | tr '\\0' x >&2; cat";
            let env = TestEnv::new();
            let sink = made(&json!({"name": "sh", "args": ["-c", script]}), &env).expect("a sink");
            sink.open().await.expect("it runs");
            for _ in 0..500 {
                let told: usize = env.services.logs.borrow().iter().map(String::len).sum();
                if told >= 200_000 {
                    break;
                }
                rt::sleep(Time::from_millis(5)).await;
            }
            sink.close().await.expect("it ends");
            let lengths: Vec<usize> = env.services.logs.borrow().iter().map(String::len).collect();
            assert!(lengths.iter().sum::<usize>() >= 200_000, "{lengths:?}");
            assert!(lengths.iter().all(|length| *length < 80_000), "{lengths:?}");
        });
    }
}
