//! Running one test.

use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bloblang::local::Local;
use config::Catalog;
use config::cases::{Case, Content, Input, Target, file_of};
use engine::chain::Chain;
use plan::{Batch, Code, Expr, Form, Meta, Origin, Record, Records, Registry};

use crate::load::Environment;
use crate::paths::{beside, read, read_text};
use crate::testing::conditions::{self, Around};

/// How long a test may take.
const CASE_TIME_MAX: Duration = Duration::from_secs(300);

/// One thing that was not as expected.
pub(crate) struct Failure(pub(crate) String);

/// What tests run on.
pub(crate) struct Bench {
    registry: Rc<Registry>,
    catalog: Catalog,
    environment: Environment,
    /// Names and texts of the files with resources.
    resources: Vec<(String, String)>,
    /// Texts of the files that were read.
    files: HashMap<String, String>,
}

/// What is tested.
enum Subject {
    Processors(Chain),
    Mapping(Box<dyn Expr>),
}

impl Bench {
    /// A bench with these resources.
    pub(crate) fn new(
        registry: Registry,
        catalog: Catalog,
        environment: Environment,
        resources: Vec<(String, String)>,
    ) -> Self {
        let registry = Rc::new(registry);
        Bench { registry, catalog, environment, resources, files: HashMap::new() }
    }

    /// What configurations may name.
    pub(crate) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The value of a variable.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        self.environment.get(name)
    }

    /// The text of a file.
    ///
    /// # Errors
    /// That it cannot be read.
    pub(crate) fn text(&mut self, path: &str) -> Result<String, String> {
        if let Some(text) = self.files.get(path) {
            return Ok(text.clone());
        }
        let text = read_text(path)?;
        self.files.insert(path.to_owned(), text.clone());
        Ok(text)
    }

    /// Runs a test of the file at `path`.
    ///
    /// # Errors
    /// What keeps it from running at all.
    pub(crate) async fn run(&mut self, path: &str, case: &Case) -> Result<Vec<Failure>, String> {
        let mut variables = self.environment.variables().to_vec();
        variables.extend(case.environment.iter().cloned());
        let mut subject = self.subject(path, case, &variables)?;
        let mut batches = Vec::new();
        for inputs in &case.inputs {
            batches.push(batch(path, inputs)?);
        }
        let mut failures = Vec::new();
        let ended = rt::timeout(CASE_TIME_MAX, subject.run(batches)).await;
        let ended = ended.unwrap_or_else(|_| {
            Err(format!("the test did not end within {} seconds", CASE_TIME_MAX.as_secs()))
        });
        let out = ended.unwrap_or_else(|error| {
            failures.push(Failure(format!("processors resulted in error: {error}")));
            Vec::new()
        });
        let session = bloblang::session(Local::setup_in(Path::new(""), variables));
        compare(&Around { session: &*session, path }, case, &out, &mut failures);
        Ok(failures)
    }

    fn subject(
        &mut self,
        path: &str,
        case: &Case,
        variables: &[(String, String)],
    ) -> Result<Subject, String> {
        if case.mapping.is_empty() {
            return self
                .processors(path, case, variables)
                .map(Subject::Processors)
                .map_err(|e| format!("failed to initialise processors '{}': {e}", case.target));
        }
        mapping(&beside(path, &case.mapping), variables)
            .map(Subject::Mapping)
            .map_err(|e| format!("failed to initialise Bloblang mapping '{}': {e}", case.mapping))
    }

    fn processors(
        &mut self,
        path: &str,
        case: &Case,
        variables: &[(String, String)],
    ) -> Result<Chain, String> {
        let (file, _) = file_of(&case.target).map_err(|e| e.to_string())?;
        let file = file.map_or_else(|| path.to_owned(), |file| beside(path, file));
        let text =
            self.text(&file).map_err(|e| format!("failed to parse config file '{file}': {e}"))?;
        let lookup = |name: &str| {
            let own = variables.iter().rev().find(|(known, _)| known == name);
            own.map(|(_, value)| value.clone()).or_else(|| self.environment.get(name))
        };
        let target = Target::find(&self.catalog, case, (&file, &text), &self.resources, &lookup);
        let components = target.map_err(|e| e.to_string())?.components;
        Chain::build(&self.registry, &components, variables.to_vec()).map_err(|e| {
            let label =
                if e.label.is_empty() { "<no label>".into() } else { format!("'{}'", e.label) };
            format!("failed to init processor {label} path {}: {}", e.path, e.text)
        })
    }
}

/// The mapping of a file. What it imports is looked for beside it.
fn mapping(path: &str, variables: &[(String, String)]) -> Result<Box<dyn Expr>, String> {
    let text = read_text(path)?;
    let dir = Path::new(path).parent().unwrap_or(Path::new(""));
    let session = bloblang::session(Local::setup_in(dir, variables.to_vec()));
    let code = Code { lang: bloblang::NAME.to_owned(), text, slot: None };
    session.compile(&code, Form::Mapping).map_err(|errors| {
        let first = errors.first().map(|e| (e.span, e.message.clone()));
        let (span, message) = first.unwrap_or_default();
        format!("line {} char {}: {message}", span.line, span.column)
    })
}

impl Subject {
    async fn run(&mut self, batches: Vec<Batch>) -> Result<Vec<Batch>, String> {
        match self {
            Subject::Processors(chain) => chain.run(batches).await,
            Subject::Mapping(mapping) => {
                let mut out = Vec::new();
                for batch in batches {
                    mapping.map(batch, &mut out).map_err(|e| e.to_string())?;
                }
                Ok(out)
            }
        }
    }
}

/// The batch of a test's messages.
fn batch(path: &str, inputs: &[Input]) -> Result<Batch, String> {
    let mut recs = Vec::with_capacity(inputs.len());
    for (tag, input) in (0..).zip(inputs) {
        let bytes = match &input.content {
            Content::Text(text) => text.clone().into_bytes(),
            Content::File(file) => read(&beside(path, file))
                .map_err(|e| format!("failed to create test input {tag}: {e}"))?,
        };
        let mut record = Record { origin: Origin { ack: 0, tag }, ..Record::own(bytes) };
        if !input.metadata.is_empty() {
            let mut meta = Meta::new();
            for (key, value) in &input.metadata {
                meta.set(key.as_str(), conditions::value_of(value)?);
            }
            record.meta = Some(Arc::new(meta));
        }
        recs.push(record);
    }
    Ok(Batch::records(Records { recs, ..Records::default() }))
}

/// The content of every message of a batch, as one text.
fn contents(records: &Records) -> String {
    let mut scratch = Vec::new();
    let texts: Vec<String> = (0..records.recs.len())
        .map(|at| String::from_utf8_lossy(records.bytes(at, &mut scratch)).into_owned())
        .collect();
    format!("[{}]", texts.join(" "))
}

fn compare(around: &Around<'_>, case: &Case, out: &[Batch], failures: &mut Vec<Failure>) {
    let mut fail = |text: String| failures.push(Failure(text));
    let out: Vec<&Records> = out.iter().filter_map(Batch::as_records).collect();
    if out.len() < case.outputs.len() {
        let (expected, got) = (case.outputs.len(), out.len());
        fail(format!("wrong batch count, expected {expected}, got {got}"));
    }
    for (i, records) in out.into_iter().enumerate() {
        let Some(expected) = case.outputs.get(i) else {
            fail(format!("unexpected batch: {}", contents(records)));
            continue;
        };
        let (want, got) = (expected.len(), records.recs.len());
        if want != got {
            fail(format!(
                "mismatch of output batch {i} message counts, expected {want}, got {got}"
            ));
        }
        for (j, record) in records.recs.iter().enumerate() {
            let alone = records.like().with(vec![record.clone()]);
            let Some(conditions) = expected.get(j) else {
                let text = conditions::text(&alone);
                fail(format!("unexpected message from batch {i}: {text}"));
                continue;
            };
            let before = conditions.iter().filter_map(|condition| {
                let checked = conditions::check(around, condition, &alone);
                checked.err().map(|e| format!("batch {i} message {j}: {}: {e}", condition.name()))
            });
            let mut wrong: Vec<String> = before.collect();
            if let Some(fault) = record.fault.as_ref().filter(|_| !wrong.is_empty()) {
                wrong.push(format!("batch {i} message {j}: {}", fault.text));
            }
            wrong.into_iter().for_each(&mut fail);
        }
    }
}
