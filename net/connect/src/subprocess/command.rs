//! Processor `command`: runs a program for each message (spec/benthos-components.md §C).

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;

use formats::value::Value;
use futures_util::future::join3;
use plan::env::{fault_of, read_config};
use plan::fields::{Interpolated, Mapping};
use plan::{
    Batch, Body, BuildError, Class, Component, Env, Example, Expr, Form, Json, Operator,
    OperatorError, OperatorSpec, Records, Step, schema_of,
};
use rt::file::File;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Ends, exit_text, start};
use crate::text::io_text;

/// Most bytes that a program may write for one message, on each of its two outputs.
pub const OUTPUT_BYTES_MAX: usize = 256 << 20;
/// Bytes that are read at once.
const READ_BYTES: usize = 16 << 10;

/// Runs a program for each message, which is its input; what it writes is the new content.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The program.
    name: Interpolated,
    /// Makes its arguments: a list.
    #[serde(default)]
    args_mapping: Option<Mapping>,
}

struct Command {
    name: Box<dyn Expr>,
    args: Option<Box<dyn Expr>>,
    component: Component,
    output_bytes_max: usize,
}

/// What a program has done.
struct Done {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    exit_code: i32,
    /// What is wrong, if something is.
    wrong: Option<String>,
}

impl Done {
    /// A program that could not be run, or not to its end.
    fn failed(text: String) -> Self {
        Done { stdout: Vec::new(), stderr: Vec::new(), exit_code: -1, wrong: Some(text) }
    }
}

impl Command {
    fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
        let Config { name, args_mapping } = read_config(config)?;
        let args = args_mapping.map(|mapping| env.expr(&mapping.0, Form::Mapping)).transpose()?;
        Ok(Box::new(Command {
            name: env.expr(&name.0, Form::Text)?,
            args,
            component: Component { config: Json::Null, ..env.component().clone() },
            output_bytes_max: OUTPUT_BYTES_MAX,
        }))
    }

    /// The arguments for a message that is a batch of its own.
    fn arguments(&mut self, one: Batch) -> Result<Vec<OsString>, String> {
        let Some(args) = &mut self.args else { return Ok(Vec::new()) };
        let fault = |batch: &Batch| batch.as_records()?.recs.first()?.fault.clone();
        let before = fault(&one);
        let mut out = Vec::new();
        args.map(one, &mut out).map_err(|error| format!("args mapping error: {error}"))?;
        let made = out.iter().find(|batch| !batch.is_empty());
        let made = made.ok_or("args mapping error: the message was deleted")?;
        if let Some(fault) = fault(made)
            && !before.is_some_and(|before| Arc::ptr_eq(&before, &fault))
        {
            return Err(format!("args mapping error: {}", fault.text));
        }
        let records = made.as_records();
        let value = match records.and_then(|records| Some(&records.recs.first()?.body)) {
            Some(Body::Doc(value)) => Arc::clone(value),
            _ => {
                let mut scratch = Vec::new();
                let bytes = records.map(|records| records.bytes(0, &mut scratch));
                let value = formats::json::parse(bytes.unwrap_or_default());
                Arc::new(value.map_err(|error| format!("args mapping error: {error}"))?)
            }
        };
        match &*value {
            Value::Array(items) => Ok(items.iter().map(argument).collect()),
            other => {
                Err(format!("args mapping result error: expected array value, got {}", said(other)))
            }
        }
    }

    /// Runs the program for message `index` of a batch.
    async fn one(&mut self, batch: &Batch, index: usize) -> Result<Done, String> {
        let Some(records) = batch.as_records() else {
            return Err("a program takes messages only".to_owned());
        };
        let mut name = Vec::new();
        let made = self.name.text(batch, index, &mut name);
        made.map_err(|fault| format!("name interpolation error: {}", fault.text))?;
        let one = records.recs.get(index).cloned().into_iter().collect();
        let args = self.arguments(Batch::records(records.like().with(one)))?;
        let input = records.bytes(index, &mut Vec::new()).to_vec();
        Ok(self.run(OsString::from_vec(name), args, input).await)
    }

    async fn run(&self, name: OsString, args: Vec<OsString>, input: Vec<u8>) -> Done {
        let started = start(name, args, Ends { stdin: true, stdout: true }).await;
        let (running, pipes) = match started {
            Ok(started) => started,
            Err(text) => return Done::failed(text),
        };
        let write = async move {
            if let Some(stdin) = pipes.stdin {
                // A program need not read what it does not want.
                let _ = stdin.write_all(input).await;
            }
        };
        let max = self.output_bytes_max;
        let read = async |file: Option<File>| match file {
            Some(file) => read_all(&file, max).await,
            None => Ok(Vec::new()),
        };
        let ((), stdout, stderr) = join3(write, read(pipes.stdout), read(Some(pipes.stderr))).await;
        let (stdout, stderr) = match (stdout, stderr) {
            (Ok(stdout), Ok(stderr)) => (stdout, stderr),
            (Err(text), _) | (_, Err(text)) => return Done::failed(text),
        };
        match running.status().await {
            Ok(status) => {
                let wrong = (!status.success()).then(|| exit_text(status));
                Done { stdout, stderr, exit_code: status.code().unwrap_or(-1), wrong }
            }
            Err(error) => Done { stderr, ..Done::failed(io_text(&error)) },
        }
    }

    async fn all(&mut self, mut batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let mut done = Vec::with_capacity(batch.len());
        for index in 0..batch.len() {
            done.push(self.one(&batch, index).await);
        }
        let Some(Records { recs, .. }) = batch.as_records_mut() else {
            return Err(OperatorError::new("a program takes messages only"));
        };
        for (rec, done) in recs.iter_mut().zip(done) {
            let Done { stdout, stderr, exit_code, wrong } = match done {
                Ok(done) => done,
                Err(text) => {
                    rec.fault = Some(fault_of(&self.component, text));
                    continue;
                }
            };
            let stderr = String::from_utf8_lossy(&stderr).into_owned();
            let meta = rec.meta_mut();
            meta.set("exit_code", Value::Int(exit_code.into()));
            match wrong {
                Some(text) => {
                    let text = format!("execution error: {text}: {stderr}");
                    rec.fault = Some(fault_of(&self.component, text));
                }
                None => {
                    if !stderr.is_empty() {
                        meta.set("command_stderr", Value::text(stderr));
                    }
                    rec.body = Body::Own(Arc::new(stdout));
                }
            }
        }
        out.push(batch);
        Ok(())
    }
}

/// All that a program writes.
async fn read_all(file: &File, bytes_max: usize) -> Result<Vec<u8>, String> {
    let mut all = Vec::new();
    loop {
        if all.capacity() - all.len() < READ_BYTES {
            all.reserve(all.len().max(READ_BYTES));
        }
        let (read, buffer) = file.read(all).await;
        all = buffer;
        if read.map_err(|error| io_text(&error))? == 0 {
            return Ok(all);
        }
        if all.len() > bytes_max {
            return Err(format!("it wrote more than {bytes_max} bytes"));
        }
    }
}

/// A value as an argument: a text as it is, anything else as JSON.
fn argument(value: &Value) -> OsString {
    let mut text = Vec::new();
    plan::batch::print_payload(value, &mut text);
    OsString::from_vec(text)
}

/// The kind of a value, as users are told what they gave.
fn said(value: &Value) -> String {
    let shown = || argument(value).to_string_lossy().into_owned();
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => format!("bool ({value})"),
        Value::String(_) => format!("string (\"{}\")", shown()),
        Value::Bytes(_) => "bytes".to_owned(),
        Value::Timestamp(_) => "timestamp".to_owned(),
        Value::Array(_) => "array".to_owned(),
        Value::Object(_) => "object".to_owned(),
        _ => format!("number ({})", shown()),
    }
}

impl Operator for Command {
    fn class(&self) -> Class {
        let args = self.args.as_ref().map_or(Class::Stateless, |args| args.class());
        self.name.class().max(args)
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        Step::Wait(Box::pin(self.all(batch, out)))
    }
}

/// The processor `command`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "command",
    since: "0.1.0",
    category: "integration",
    summary: "Runs a program for each message, which is its input and its output.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "in capitals",
        config: r#"{"name":"tr","args_mapping":"root = [ \"a-z\", \"A-Z\" ]"}"#,
        input: &["one", "two"],
        output: &["ONE", "TWO"],
    }],
    build: Command::build,
};

#[cfg(test)]
mod tests {
    use plan::serde_json::json;
    use plan::{Code, Fault, Record};

    use super::*;
    use crate::testing::{TestEnv, both_modes};

    /// Runs messages through a program; the contents and what is wrong, and the metadata of the
    /// first.
    async fn run(name: &str, args: Option<&str>, input: &[&str]) -> (Vec<String>, String) {
        let mut command = command(name, args);
        let records = Records::from_bodies(input.iter().map(|text| text.as_bytes().to_vec()));
        run_on(&mut command, Batch::records(records)).await
    }

    fn command(name: &str, args: Option<&str>) -> Command {
        let code =
            |text: &str| Code { lang: "bloblang".to_owned(), text: text.to_owned(), slot: None };
        let env = TestEnv::new();
        let expr = |text: &str, form| env.expr(&code(text), form).expect(text);
        Command {
            name: expr(name, Form::Text),
            args: args.map(|args| expr(args, Form::Mapping)),
            component: Component::new("command", json!({})),
            output_bytes_max: 1 << 20,
        }
    }

    async fn run_on(command: &mut Command, batch: Batch) -> (Vec<String>, String) {
        let mut out = Vec::new();
        command.on_batch(batch, &mut out).finish().await.expect("it works");
        let records = out.remove(0);
        let records = records.as_records().expect("messages");
        let text = |(index, rec): (usize, &Record)| match &rec.fault {
            Some(fault) => format!("! {}", fault.text),
            None => {
                let mut scratch = Vec::new();
                String::from_utf8_lossy(records.bytes(index, &mut scratch)).into_owned()
            }
        };
        let meta = records.recs.first().and_then(|rec| rec.meta.clone()).unwrap_or_default();
        let meta = meta.iter().map(|(key, value)| format!("{key}={}", argument(value).display()));
        let meta = meta.collect::<Vec<_>>().join(" ");
        (records.recs.iter().enumerate().map(text).collect(), meta)
    }

    async fn shell(script: &str) -> (String, String) {
        let args = format!("root = [ \"-c\", {script:?} ]");
        let (mut texts, meta) = run("sh", Some(&args), &["a b"]).await;
        (texts.remove(0), meta)
    }

    #[test]
    fn messages_are_input_and_output() {
        both_modes(|| async {
            let (texts, meta) =
                run("tr", Some(r#"root = ["a-z", "A-Z"]"#), &["one", "", "two"]).await;
            assert_eq!(
                (texts, meta.as_str()),
                (["ONE", "", "TWO"].map(Into::into).into(), "exit_code=0")
            );
            let args = r#"[1, 2.5, true, null, {"a":1}, [2], content().string()]"#;
            let (texts, _) = run("${! \"ec\" + \"ho\" }", Some(args), &["x"]).await;
            assert_eq!(texts, ["1 2.5 true null {\"a\":1} [2] x\n"]);
            let (texts, _) = run("cat", None, &["as it is"]).await;
            assert_eq!(texts, ["as it is"]);
        });
    }

    #[test]
    fn programs_find_files_at_their_ends() {
        both_modes(|| async {
            let script = "echo hi > /dev/stdout; echo err > /dev/stderr; cat /dev/stdin";
            let (text, meta) = shell(script).await;
            assert_eq!(
                (text.as_str(), meta.as_str()),
                ("hi\na b", "command_stderr=err\n exit_code=0")
            );
            assert_eq!(shell("exec <&-; sleep 0.02; echo hi").await.0, "hi\n");
            // Much is written and nothing read, and the other way round.
            let many = "x".repeat(300_000);
            let (texts, _) = run("true", None, &[&many]).await;
            assert_eq!(texts, [""]);
            let (texts, _) = run("cat", None, &[&many]).await;
            assert!(texts[0] == many);
        });
    }

    #[test]
    fn what_goes_wrong_is_said_as_users_know_it() {
        both_modes(|| async {
            let (text, meta) = shell("echo oops >&2; exit 3").await;
            let wanted = ("! execution error: exit status 3: oops\n", "exit_code=3");
            assert_eq!((text.as_str(), meta.as_str()), wanted);
            let (text, meta) = shell("kill -9 $$").await;
            assert_eq!(
                (text.as_str(), meta.as_str()),
                ("! execution error: signal: killed: ", "exit_code=-1")
            );
            for (name, said) in [
                ("nope-x", "exec: \"nope-x\": executable file not found in $PATH"),
                ("/nope/x", "fork/exec /nope/x: no such file or directory"),
                ("/tmp", "fork/exec /tmp: permission denied"),
                ("", "exec: no command"),
            ] {
                let (texts, meta) = run(name, None, &["a"]).await;
                assert_eq!(texts, [format!("! execution error: {said}: ")]);
                assert_eq!(meta, "exit_code=-1");
            }
            let (texts, _) = run("echo", Some(r#"root = ["a\u0000b"]"#), &["a"]).await;
            assert!(texts[0].ends_with("/echo: invalid argument: "), "{texts:?}");
            let (texts, meta) = run("${! throw(\"bad\") }", None, &["a"]).await;
            assert_eq!(
                (texts, meta.as_str()),
                (vec!["! name interpolation error: bad".into()], "")
            );
        });
    }

    #[test]
    fn arguments_are_a_list() {
        both_modes(|| async {
            for (args, said) in [
                ("root = 5", "result error: expected array value, got number (5)"),
                ("root = {}", "result error: expected array value, got object"),
                ("root = true", "result error: expected array value, got bool (true)"),
                ("root = \"x\"", "error: invalid character 'x' looking for beginning of value"),
                ("root = deleted()", "error: the message was deleted"),
                ("root = throw(\"no\")", "error: failed assignment (line 1): no"),
            ] {
                let (texts, _) = run("echo", Some(args), &["a"]).await;
                assert_eq!(texts, [format!("! args mapping {said}")]);
            }
            // A message that has failed before may still be one to run something for.
            let mut records = Records::from_bodies([b"a".to_vec()]);
            records.recs[0].fault = Some(Arc::new(Fault::new("before")));
            let mut command = command("echo", Some("root = [errored()]"));
            let (texts, meta) = run_on(&mut command, Batch::records(records)).await;
            assert_eq!((texts[0].as_str(), meta.as_str()), ("! before", "exit_code=0"));
        });
    }

    #[test]
    fn a_program_writes_so_much_and_no_more() {
        both_modes(|| async {
            let mut command = command("cat", None);
            command.output_bytes_max = 10;
            for (text, wanted) in [
                ("0123456789", "0123456789"),
                ("0123456789x", "! execution error: it wrote more than 10 bytes: "),
            ] {
                let (texts, _) = run_on(&mut command, crate::testing::batch(&[text])).await;
                assert_eq!(texts, [wanted]);
            }
        });
    }
}
