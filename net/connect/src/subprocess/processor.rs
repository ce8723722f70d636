//! Processor `subprocess`: a program that answers each message (spec/benthos-components.md §C).

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration as Time;

use futures_util::FutureExt;
use futures_util::future::{Either, join, select};
use plan::env::{fault_of, read_config};
use plan::{
    Batch, Body, BuildError, Class, Component, Env, Example, Json, Log, Operator, OperatorError,
    OperatorSpec, Records, Services, Step, schema_of,
};
use rt::file::File;
use schemars::JsonSchema;
use serde::Deserialize;

use super::framing::Framing;
use super::{Ends, Running, look_up, start};
use crate::text::io_text;

/// How long a program that answers on its standard error may go on to do so.
const ERROR_TIME: Time = Time::from_secs(1);
/// Between two lines in the log about what a program does wrong.
const LOG_PAUSE: Time = Time::from_secs(1);
/// Bytes that are read at once.
const READ_BYTES: usize = 16 << 10;
/// Most bytes of its standard error that go into the fault of a message, or a line of the log.
const ERROR_BYTES_MAX: usize = 64 << 10;

/// Runs a program that gets each message and answers it, on one line or as the codecs say. An
/// answer on its standard error is a fault of the message. A program that ends is started again.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The program.
    name: String,
    /// Its arguments.
    #[serde(default)]
    args: Vec<String>,
    /// Longest answer in bytes.
    #[serde(default = "max_buffer")]
    #[schemars(extend("advanced" = true))]
    max_buffer: i64,
    /// How messages to the program are told apart. With `lines` each line of a message is sent by
    /// itself, and answered by itself.
    #[serde(default)]
    #[schemars(extend("advanced" = true))]
    codec_send: Framing,
    /// How its answers are told apart.
    #[serde(default)]
    #[schemars(extend("advanced" = true))]
    codec_recv: Framing,
}

fn max_buffer() -> i64 {
    65_536
}

/// What is said of a message whose program has ended, or can no longer be understood.
const CLOSED: &str = "type was closed";

/// What a program writes on one of its ends.
struct Output {
    file: File,
    held: Vec<u8>,
    ended: bool,
    bytes_max: usize,
}

impl Output {
    fn new(file: File, bytes_max: usize) -> Self {
        Output { file, held: Vec::new(), ended: false, bytes_max }
    }

    /// The next message; none at the end. Given up in the middle, it loses nothing.
    async fn next(&mut self, framing: Framing) -> Result<Option<Vec<u8>>, String> {
        loop {
            if let Some(frame) = framing.first(&self.held, self.ended)? {
                let content = self.held.get(frame.content).unwrap_or_default().to_vec();
                self.held.drain(..frame.len);
                return Ok(Some(content));
            }
            if self.ended {
                return Ok(None);
            }
            let room = self.bytes_max.saturating_sub(self.held.len());
            if room == 0 {
                return Err("bufio.Scanner: token too long".to_owned());
            }
            // Into bytes of its own, so that those held do not go with a read that is given up.
            let chunk = Vec::with_capacity(room.min(READ_BYTES));
            let (read, mut chunk) = self.file.read(chunk).await;
            let count = read.map_err(|error| io_text(&error))?;
            self.ended = count == 0;
            self.held.append(&mut chunk);
        }
    }
}

/// A program that runs.
struct Program {
    running: Running,
    stdin: File,
    stdout: Output,
    stderr: Output,
}

/// Why a message was not answered.
struct Unanswered {
    text: String,
    /// Whether the program is of no more use.
    over: bool,
}

impl Program {
    /// What it says on standard error without being asked.
    fn unasked(&mut self) -> String {
        let mut said = Vec::new();
        while said.len() < ERROR_BYTES_MAX
            && let Some(Ok(Some(line))) = self.stderr.next(Framing::Lines).now_or_never()
        {
            said.extend(line);
        }
        String::from_utf8_lossy(&said).into_owned()
    }

    /// Sends one message and waits for the answer.
    async fn ask(&mut self, framed: Vec<u8>, recv: Framing) -> Result<Vec<u8>, Unanswered> {
        let write = self.stdin.write_all(framed);
        let answer = answer(&mut self.stdout, &mut self.stderr, recv);
        let ((written, _), answer) = join(write, answer).await;
        match (answer, written) {
            (Err(unanswered), _) => Err(unanswered),
            (Ok(_), Err(error)) => {
                let text = format!("write |1: {}", io_text(&error));
                Err(Unanswered { text, over: true })
            }
            (Ok(answer), Ok(())) => Ok(answer),
        }
    }
}

/// The answer of a program.
async fn answer(
    stdout: &mut Output,
    stderr: &mut Output,
    recv: Framing,
) -> Result<Vec<u8>, Unanswered> {
    let closed = || Unanswered { text: CLOSED.to_owned(), over: true };
    let first = {
        let (good, bad) =
            (std::pin::pin!(stdout.next(recv)), std::pin::pin!(stderr.next(Framing::Lines)));
        match select(good, bad).await {
            Either::Left((good, _)) => Either::Left(good),
            Either::Right((Ok(Some(line)), _)) => Either::Right(line),
            // It says no more there, or too much.
            Either::Right((_, good)) => Either::Left(good.await),
        }
    };
    let mut said = match first {
        Either::Left(Ok(Some(answer))) => return Ok(answer),
        Either::Left(Ok(None)) => return Err(closed()),
        Either::Left(Err(text)) => {
            let text = format!("Failed to read subprocess output: {text}");
            return Err(Unanswered { text, over: true });
        }
        Either::Right(line) => line,
    };
    let more = async {
        while said.len() < ERROR_BYTES_MAX
            && let Ok(Some(line)) = stderr.next(Framing::Lines).await
        {
            said.extend(line);
        }
    };
    let _ = rt::timeout(ERROR_TIME, more).await;
    Err(Unanswered { text: String::from_utf8_lossy(&said).into_owned(), over: false })
}

struct Subprocess {
    config: Config,
    component: Component,
    services: Rc<dyn Services>,
    program: Option<Program>,
    logged: Option<rt::Nanos>,
}

impl Subprocess {
    fn new(config: Config, env: &dyn Env) -> Result<Self, BuildError> {
        let path = look_up(config.name.as_ref()).map_err(BuildError::new)?;
        if !Path::new(&path).exists() {
            let text = format!("fork/exec {}: no such file or directory", path.display());
            return Err(BuildError::new(text));
        }
        let component = Component { config: Json::Null, ..env.component().clone() };
        Ok(Subprocess { config, component, services: env.services(), program: None, logged: None })
    }

    /// Says something in the log, unless something was said just now: it may be wrong with every
    /// message.
    fn log(&mut self, level: Log, text: &str) {
        let now = rt::now();
        if self.logged.is_none_or(|last| now.since(last) >= LOG_PAUSE) {
            self.logged = Some(now);
            self.services.log(level, text, &[]);
        }
    }

    /// The program, started if it does not run.
    async fn program(&mut self) -> Result<Program, String> {
        if let Some(mut program) = self.program.take() {
            let said = program.unasked();
            if !said.is_empty() {
                self.log(Log::Error, &said);
            }
            if program.running.ended().is_none() {
                return Ok(program);
            }
            self.log(Log::Warn, "Subprocess exited");
        }
        let args = self.config.args.iter().map(Into::into).collect();
        let ends = Ends { stdin: true, stdout: true };
        let (running, pipes) = start(&self.config.name, args, ends).await?;
        let (Some(stdin), Some(stdout)) = (pipes.stdin, pipes.stdout) else {
            return Err(CLOSED.to_owned());
        };
        let bytes_max = usize::try_from(self.config.max_buffer).unwrap_or(0);
        let (stdout, stderr) =
            (Output::new(stdout, bytes_max), Output::new(pipes.stderr, bytes_max));
        Ok(Program { running, stdin, stdout, stderr })
    }

    /// The answer to a piece of a message.
    async fn ask(&mut self, piece: &[u8]) -> Result<Vec<u8>, String> {
        let mut program = self.program().await?;
        let (send, recv) = (self.config.codec_send, self.config.codec_recv);
        let unanswered = match program.ask(send.frame(piece), recv).await {
            Ok(answer) => {
                self.program = Some(program);
                return Ok(answer);
            }
            Err(unanswered) => unanswered,
        };
        if !unanswered.over {
            self.program = Some(program);
            return Err(unanswered.text);
        }
        let said = program.unasked();
        let line = if unanswered.text == CLOSED { said } else { unanswered.text };
        if !line.is_empty() {
            self.log(Log::Error, &line);
        }
        Err(CLOSED.to_owned())
    }

    /// The answer to a message.
    async fn one(&mut self, message: &[u8]) -> Result<Vec<u8>, String> {
        if self.config.codec_send != Framing::Lines {
            return self.ask(message).await;
        }
        let (whole, last) = match message.strip_suffix(b"\n") {
            Some(whole) => (whole, &b"\n"[..]),
            None => (message, &b""[..]),
        };
        let mut answers = Vec::new();
        for (at, line) in whole.split(|byte| *byte == b'\n').enumerate() {
            if at > 0 {
                answers.push(b'\n');
            }
            answers.extend(self.ask(line).await?);
        }
        answers.extend(last);
        Ok(answers)
    }

    async fn all(&mut self, mut batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let mut answers = Vec::with_capacity(batch.len());
        for index in 0..batch.len() {
            let Some(records) = batch.as_records() else { break };
            answers.push(self.one(records.bytes(index, &mut Vec::new())).await);
        }
        let Some(Records { recs, .. }) = batch.as_records_mut() else {
            return Err(OperatorError::new("a program takes messages only"));
        };
        for (rec, answer) in recs.iter_mut().zip(answers) {
            match answer {
                Ok(answer) => rec.body = Body::Own(Arc::new(answer)),
                Err(text) => rec.fault = Some(fault_of(&self.component, text)),
            }
        }
        out.push(batch);
        Ok(())
    }
}

impl Operator for Subprocess {
    fn class(&self) -> Class {
        // A program may remember what it was told before.
        Class::Bound
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        Step::Wait(Box::pin(self.all(batch, out)))
    }
}

/// The processor `subprocess`.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "subprocess",
    since: "0.1.0",
    category: "integration",
    summary: "Has a program that keeps running answer each message.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "numbered",
        config: r#"{"name":"sed","args":["-u","="],"codec_send":"lines"}"#,
        input: &["a"],
        output: &["1"],
    }],
    build: |config, env| Ok(Box::new(Subprocess::new(read_config(config)?, env)?)),
};

#[cfg(test)]
mod tests {
    use plan::serde_json::json;

    use super::*;
    use crate::testing::{TestEnv, batch, both_modes};

    fn build(config: Json) -> (TestEnv, Subprocess) {
        let env = TestEnv::new();
        let subprocess = Subprocess::new(read_config(&config).expect("a config"), &env);
        (env, subprocess.expect("a program"))
    }

    fn shell(script: &str) -> (TestEnv, Subprocess) {
        build(json!({"name": "sh", "args": ["-c", script]}))
    }

    /// The answers to some messages; `!` before what is wrong with one.
    async fn answers(subprocess: &mut Subprocess, input: &[&str]) -> Vec<String> {
        let mut out = Vec::new();
        subprocess.on_batch(batch(input), &mut out).finish().await.expect("it works");
        let records = out.remove(0);
        let records = records.as_records().expect("messages");
        let mut scratch = Vec::new();
        let text = |(index, rec): (usize, &plan::Record)| match &rec.fault {
            Some(fault) => format!("!{}", fault.text),
            None => String::from_utf8_lossy(records.bytes(index, &mut scratch)).into_owned(),
        };
        records.recs.iter().enumerate().map(text).collect()
    }

    #[test]
    fn each_message_is_answered() {
        both_modes(|| async {
            let many = "x".repeat(60_000);
            for codec in ["lines", "length_prefixed_uint32_be", "netstring"] {
                let config = json!({"name": "cat", "codec_send": codec, "codec_recv": codec});
                let (_, mut cat) = build(config);
                let messages = ["a", "", "a\n\nb", "a\n", &many];
                assert_eq!(answers(&mut cat, &messages).await, messages, "{codec}");
            }
            let (_, mut count) = shell("n=0; while read x; do n=$((n+1)); echo $n$x; done");
            assert_eq!(answers(&mut count, &["a", "b"]).await, ["1a", "2b"]);
            assert_eq!(answers(&mut count, &["c"]).await, ["3c"], "it keeps running");
        });
    }

    #[test]
    fn an_answer_on_standard_error_is_a_fault() {
        both_modes(|| async {
            let script = "while read x; do if [ $x = bad ]; then echo no >&2; echo no >&2; \
                          else echo $x; fi; done";
            let (_, mut subprocess) = shell(script);
            assert_eq!(answers(&mut subprocess, &["a", "bad", "b"]).await, ["a", "!nono", "b"]);
        });
    }

    #[test]
    fn what_is_said_unasked_is_no_answer() {
        both_modes(|| async {
            let (env, mut subprocess) = shell("read x; echo $x; echo hm >&2; cat");
            assert_eq!(answers(&mut subprocess, &["a"]).await, ["a"]);
            rt::sleep(Time::from_millis(50)).await;
            assert_eq!(answers(&mut subprocess, &["b"]).await, ["b"]);
            assert_eq!(*env.services.logs.borrow(), ["hm"]);
        });
    }

    #[test]
    fn a_program_that_ends_is_started_again() {
        both_modes(|| async {
            let (env, mut subprocess) = shell("read x; echo got $x; exit 1");
            assert_eq!(answers(&mut subprocess, &["a"]).await, ["got a"]);
            rt::sleep(Time::from_millis(50)).await;
            assert_eq!(answers(&mut subprocess, &["b"]).await, ["got b"]);
            assert_eq!(*env.services.logs.borrow(), ["Subprocess exited"]);
            let (env, mut subprocess) = shell("read x; echo why >&2; exec >&-; sleep 0.02");
            let texts = answers(&mut subprocess, &["a", "b"]).await;
            assert!(texts == ["!why", "!why"] || texts.contains(&"!type was closed".to_owned()));
            assert!(env.services.logs.borrow().len() <= 2, "not a line for each message");
        });
    }

    #[test]
    fn an_answer_may_be_so_long_and_no_longer() {
        both_modes(|| async {
            let (env, mut cat) = build(json!({"name": "cat", "max_buffer": 10}));
            let texts = answers(&mut cat, &["123456789", "1234567890", "a"]).await;
            assert_eq!(texts, ["123456789", "!type was closed", "a"]);
            let text = "Failed to read subprocess output: bufio.Scanner: token too long";
            assert_eq!(*env.services.logs.borrow(), [text]);
            let (_, mut none) = build(json!({"name": "cat", "max_buffer": -1}));
            assert_eq!(answers(&mut none, &["a"]).await, ["!type was closed"]);
        });
    }

    #[test]
    fn a_missing_program_is_named() {
        let env = TestEnv::new();
        for (name, text) in [
            ("no-such-program", "exec: \"no-such-program\": executable file not found in $PATH"),
            ("/no/such", "fork/exec /no/such: no such file or directory"),
        ] {
            let built = (SPEC.build)(&json!({"name": name}), &env);
            assert_eq!(built.err().map(|error| error.text).as_deref(), Some(text));
        }
    }
}
