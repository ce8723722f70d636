//! Components for tests: schemas as real ones have them, and a language whose errors the text
//! itself names.

use std::rc::Rc;

use plan::env::{Registry, Services};
use plan::fields::{Duration, Input, Interpolated, Mapping, Output, Processor, Query, Scanner};
use plan::{
    BuildError, Class, Code, Diagnostic, Env, Expr, Form, Json, Language, Operator, OperatorSpec,
    Part, Session, Sink, SinkSpec, Source, SourceSpec, Span, schema_of,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::Catalog;

#[derive(JsonSchema)]
#[allow(dead_code)]
struct Generate {
    mapping: Mapping,
    #[serde(default)]
    interval: String,
    #[serde(default)]
    count: u64,
    #[serde(default)]
    auto_replay_nacks: bool,
}

#[derive(JsonSchema)]
#[allow(dead_code)]
struct FileIn {
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    scanner: Option<Scanner>,
}

#[derive(JsonSchema)]
#[allow(dead_code)]
struct Inputs {
    inputs: Vec<Input>,
}

#[derive(JsonSchema, Serialize, Default)]
#[serde(rename_all = "snake_case")]
#[allow(dead_code)]
enum Pattern {
    #[default]
    FanOut,
    /// By turns.
    RoundRobin,
}

#[derive(JsonSchema)]
#[allow(dead_code)]
struct Outputs {
    outputs: Vec<Output>,
    #[serde(default)]
    pattern: Pattern,
}

#[derive(JsonSchema)]
#[allow(dead_code)]
struct FileOut {
    path: Interpolated,
    #[serde(default)]
    timeout: Option<Duration>,
}

#[derive(JsonSchema)]
#[allow(dead_code)]
struct Case {
    #[serde(default)]
    check: Query,
    output: Output,
}

#[derive(JsonSchema)]
#[allow(dead_code)]
struct SwitchOut {
    #[serde(default)]
    retry_until_success: bool,
    cases: Vec<Case>,
}

#[derive(JsonSchema)]
#[allow(dead_code)]
struct CacheOp {
    cache: String,
    #[serde(default = "key_default")]
    key: Interpolated,
    #[serde(default)]
    deep: Deep,
}

#[derive(JsonSchema, Default, Serialize)]
#[serde(default)]
struct Deep {
    text: Interpolated,
    level: f64,
}

#[derive(JsonSchema)]
#[allow(dead_code)]
struct Vault {
    #[serde(default)]
    key: plan::Secret<String>,
    #[serde(default)]
    keys: std::collections::BTreeMap<String, plan::Secret<String>>,
    #[serde(default)]
    url: String,
}

fn key_default() -> Interpolated {
    "${!k}".into()
}

#[derive(JsonSchema)]
struct Empty {}

#[derive(JsonSchema)]
#[allow(dead_code)]
struct LinesScanner {
    #[serde(default)]
    max_buffer_size: u64,
}

fn no_source(_: &Json, _: &dyn Env) -> Result<Box<dyn Source>, BuildError> {
    Err(BuildError::new("not built here"))
}
fn no_operator(_: &Json, _: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
    Err(BuildError::new("not built here"))
}
fn no_sink(_: &Json, _: &dyn Env) -> Result<Box<dyn Sink>, BuildError> {
    Err(BuildError::new("not built here"))
}

macro_rules! spec {
    ($kind:ident, $name:literal, $config:ty, $build:ident) => {
        &$kind {
            name: $name,
            since: "0",
            category: "",
            summary: "",
            schema: schema_of::<$config>,
            examples: &[],
            build: $build,
        }
    };
}

static GENERATE: &SourceSpec = spec!(SourceSpec, "generate", Generate, no_source);
static STDIN: &SourceSpec = spec!(SourceSpec, "stdin", Empty, no_source);
static FILE_IN: &SourceSpec = spec!(SourceSpec, "file", FileIn, no_source);
static BROKER_IN: &SourceSpec = spec!(SourceSpec, "broker", Inputs, no_source);
static MAPPING: &OperatorSpec = spec!(OperatorSpec, "mapping", Mapping, no_operator);
static NOOP: &OperatorSpec = spec!(OperatorSpec, "noop", Empty, no_operator);
static TRY: &OperatorSpec = spec!(OperatorSpec, "try", Vec<Processor>, no_operator);
static DEDUPE: &OperatorSpec = spec!(OperatorSpec, "dedupe", CacheOp, no_operator);
static VAULT: &OperatorSpec = spec!(OperatorSpec, "vault", Vault, no_operator);
static DROP: &SinkSpec = spec!(SinkSpec, "drop", Empty, no_sink);
static STDOUT: &SinkSpec = spec!(SinkSpec, "stdout", Empty, no_sink);
static FILE_OUT: &SinkSpec = spec!(SinkSpec, "file", FileOut, no_sink);
static REJECT: &SinkSpec = spec!(SinkSpec, "reject", Interpolated, no_sink);
static BROKER_OUT: &SinkSpec = spec!(SinkSpec, "broker", Outputs, no_sink);
static SWITCH_OUT: &SinkSpec = spec!(SinkSpec, "switch", SwitchOut, no_sink);
static LINES: Part =
    Part { kind: "scanner", name: "lines", summary: "", schema: schema_of::<LinesScanner> };
static MEMORY: Part =
    Part { kind: "cache", name: "memory", summary: "", schema: schema_of::<FileOut> };

/// A language in which `@@line:column:text` anywhere is an error at that place.
struct Scripted;

impl Language for Scripted {
    fn name(&self) -> &'static str {
        crate::LANGUAGE
    }
    fn open(
        &self,
        _: Option<&Code>,
        _: Rc<dyn Services>,
    ) -> Result<Box<dyn Session>, Vec<Diagnostic>> {
        Ok(Box::new(Scripted))
    }
}

struct Never;

impl Expr for Never {
    fn class(&self) -> Class {
        Class::Stateless
    }
}

impl Session for Scripted {
    fn compile(&self, code: &Code, _: Form) -> Result<Box<dyn Expr>, Vec<Diagnostic>> {
        let Some((_, error)) = code.text.split_once("@@") else { return Ok(Box::new(Never)) };
        let mut parts = error.trim().splitn(3, ':');
        let mut number = || parts.next().unwrap_or_default().parse().unwrap_or_default();
        let span = Span { line: number(), column: number(), len: 1 };
        Err(vec![Diagnostic::error("x", parts.next().unwrap_or_default(), span)])
    }
}

/// A catalog of all these.
pub(crate) fn catalog() -> Catalog {
    Catalog::new(&registry())
}

/// A registry of all these.
pub(crate) fn registry() -> Registry {
    static LANGUAGE: Scripted = Scripted;
    Registry {
        sources: vec![GENERATE, STDIN, FILE_IN, BROKER_IN],
        operators: vec![MAPPING, NOOP, TRY, DEDUPE, VAULT],
        sinks: vec![DROP, STDOUT, FILE_OUT, REJECT, BROKER_OUT, SWITCH_OUT],
        languages: vec![&LANGUAGE],
        parts: vec![&LINES, &MEMORY],
        ..Registry::default()
    }
}
