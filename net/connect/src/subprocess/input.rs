//! Source `subprocess`: what a program writes.

use std::rc::Rc;

use plan::env::read_config;
use plan::{
    BuildError, Env, Example, Json, LocalBoxFuture, Source, SourceContext, SourceError, SourceSpec,
    schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Ends, report, start};
use crate::reader::{End, pump};
use crate::scanners::{self, Stream};
use crate::text::Bytesize;
use crate::wait::{Ended, until_stopping};

/// Pause before a program that ended is started again.
const RESTART_PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

/// Runs a program and reads its standard output. It ends when the program ends.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// The program.
    pub name: String,
    /// Its arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// How its output is cut into messages; as the old `codec` of `file`.
    #[serde(default = "lines")]
    pub codec: String,
    /// Starts the program again when it ends.
    #[serde(default)]
    pub restart_on_exit: bool,
    /// Longest message in bytes.
    #[serde(default = "max_buffer")]
    #[schemars(extend("advanced" = true))]
    pub max_buffer: Bytesize,
}

fn lines() -> String {
    "lines".to_owned()
}

fn max_buffer() -> Bytesize {
    Bytesize(65_536)
}

/// A running `subprocess` source.
pub struct Subprocess {
    name: String,
    args: Vec<String>,
    restarts: bool,
    scanner: scanners::Config,
}

impl Subprocess {
    async fn once(&self, context: &Rc<dyn SourceContext>) -> Result<(), SourceError> {
        let args = self.args.iter().map(Into::into).collect();
        let started = start(&self.name, args, Ends { stdin: false, stdout: true }).await;
        let (running, pipes) = started.map_err(SourceError::Fatal)?;
        context.connected(true);
        let errors = Rc::clone(context);
        let errors =
            rt::spawn(report(pipes.stderr, move |line| errors.error(line))).abort_on_drop();
        let Some(mut stdout) = pipes.stdout else { return Ok(()) };
        let stream = Stream { name: "", block_bytes: 64 << 10 };
        let mut scanner = self.scanner.open(stream).map_err(|e| SourceError::Fatal(e.text))?;
        if let End::Failed(text) = pump(context, &mut stdout, &mut *scanner, None, None).await? {
            context.error(&format!("failed to read subprocess output: {text}"));
        }
        drop(stdout);
        if let Err(text) = running.wait().await {
            context.error(&format!("subprocess exited: {text}"));
        }
        // What it said last is heard, unless somebody else keeps its standard error open.
        let _ = rt::timeout(std::time::Duration::from_millis(100), errors).await;
        Ok(())
    }
}

impl Source for Subprocess {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move {
            loop {
                self.once(&context).await?;
                if !self.restarts {
                    return Ok(());
                }
                if until_stopping(&context, rt::sleep(RESTART_PAUSE)).await == Ended::Stopping {
                    return Err(SourceError::Stopped);
                }
            }
        })
    }
}

fn build(config: &Json, _: &dyn Env) -> Result<Box<dyn Source>, BuildError> {
    let config: Config = read_config(config)?;
    let scanner = scanners::Config::of_codec(&config.codec, config.max_buffer)?;
    let restarts = config.restart_on_exit;
    Ok(Box::new(Subprocess { name: config.name, args: config.args, restarts, scanner }))
}

/// Registration.
pub static SPEC: SourceSpec = SourceSpec {
    name: "subprocess",
    since: "0.1.0",
    category: "utility",
    summary: "Runs a program and reads what it writes.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "changes of a log",
        config: r#"{"name":"tail","args":["-F","/var/log/app.log"]}"#,
        input: &[],
        output: &[],
    }],
    build,
};

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{Fake, TestEnv, batch, both_modes};

    fn shell(script: &str) -> Json {
        json!({"name": "sh", "args": ["-c", script]})
    }

    #[test]
    fn output_and_errors_are_read() {
        both_modes(|| async {
            let config = shell("echo one; echo two; echo bad >&2; exit 3");
            let mut source = (SPEC.build)(&config, &TestEnv::new()).unwrap();
            let fake = Fake::new();
            source.run(fake.clone()).await.unwrap();
            assert_eq!(fake.texts(), ["one", "two"]);
            let mut errors = fake.errors();
            errors.sort();
            assert_eq!(errors, ["bad", "subprocess exited: exit status 3"]);
        });
    }

    #[test]
    fn a_stop_kills_it() {
        both_modes(|| async {
            let mut source = (SPEC.build)(&shell("exec sleep 1000"), &TestEnv::new()).unwrap();
            let fake = Fake::new();
            let stopper = fake.clone();
            rt::spawn(async move {
                rt::sleep(std::time::Duration::from_millis(50)).await;
                stopper.stop();
            });
            let start = rt::now();
            assert_eq!(source.run(fake).await, Err(SourceError::Stopped));
            assert!(rt::now().since(start).as_secs() < 5);
        });
    }

    #[test]
    fn a_missing_program_is_named() {
        both_modes(|| async {
            let config = json!({"name": "no-such-program"});
            let mut source = (SPEC.build)(&config, &TestEnv::new()).unwrap();
            let wanted = "exec: \"no-such-program\": executable file not found in $PATH";
            let result = source.run(Fake::new()).await;
            assert_eq!(result, Err(SourceError::Fatal(wanted.to_owned())));
        });
    }

    #[test]
    fn input_reaches_a_program() {
        both_modes(|| async {
            let dir = rt::testing::TempDir::new().unwrap();
            let out = dir.join("out").to_str().unwrap().to_owned();
            let config = json!({"name": "sh", "args": ["-c", format!("cat > {out}")]});
            let env = TestEnv::new();
            let sink = (crate::subprocess::output::SPEC.build)(&config, &env).unwrap();
            sink.open().await.unwrap();
            sink.write(&batch(&["a", "b"])).await.unwrap();
            sink.close().await.unwrap();
            assert_eq!(std::fs::read_to_string(&out).unwrap(), "a\nb\n");
        });
    }
}
