//! Other names and labels for the series of some components, where a plan wants them.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use plan::{Batch, Expr, Form, Meta, Plan, Record, Records, Registry, Services};

use formats::value::Value;

/// The mappings of one instance.
pub(crate) struct Names {
    /// The path of the components that each is for.
    mappings: Vec<(String, RefCell<Box<dyn Expr>>)>,
}

/// A series as a mapping has it.
type Named = (String, Vec<(String, String)>);

impl Names {
    /// The mappings of a plan; nothing when it has none. One that cannot be used is left aside.
    pub(crate) fn of(
        plan: &Plan,
        registry: &Registry,
        services: &Rc<dyn Services>,
    ) -> Option<Rc<Self>> {
        let mut mappings = Vec::new();
        for mapping in &plan.metrics {
            let language = registry.languages.iter().find(|l| l.name() == mapping.code.lang)?;
            let session = language.open(None, Rc::clone(services));
            let compiled = session.and_then(|s| s.compile(&mapping.code, Form::Mapping));
            match compiled {
                Ok(expr) => mappings.push((mapping.path.clone(), RefCell::new(expr))),
                Err(errors) => {
                    let text = errors.first().map_or("", |e| &e.message);
                    tracing::error!(path = mapping.path, "metrics are not mapped: {text}");
                }
            }
        }
        (!mappings.is_empty()).then(|| Rc::new(Names { mappings }))
    }

    /// What a series is called; nothing when it is not wanted.
    pub(crate) fn map(&self, name: &str, labels: &[(&str, &str)]) -> Option<Named> {
        let owned = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let mut series = (name.to_owned(), owned.collect::<Vec<_>>());
        let path = labels.iter().find(|(k, _)| *k == "path").map_or("", |(_, path)| path);
        for (within, mapping) in &self.mappings {
            let rest = path.strip_prefix(within.as_str());
            if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.')) {
                series = apply(&mut **mapping.borrow_mut(), series)?;
            }
        }
        Some(series)
    }
}

/// Runs one mapping over a name as content and labels as metadata. A series on which it fails
/// stays as it is.
fn apply(mapping: &mut dyn Expr, (name, labels): Named) -> Option<Named> {
    let mut meta = Meta::new();
    for (key, value) in &labels {
        meta.set(key.as_str(), Value::text(value.as_str()));
    }
    let content = serde_json::to_vec(&name).unwrap_or_default();
    let record = Record { meta: Some(Arc::new(meta)), ..Record::own(content) };
    let batch = Batch::records(Records { recs: vec![record], ..Records::default() });
    let mut out = Vec::new();
    if let Err(error) = mapping.map(batch, &mut out) {
        tracing::error!("failed to apply path mapping on '{name}': {error}");
        return Some((name, labels));
    }
    let records = out.first().and_then(Batch::as_records)?;
    let record = records.recs.first()?;
    if let Some(fault) = &record.fault {
        tracing::error!("failed to apply path mapping on '{name}': {}", fault.text);
        return Some((name, labels));
    }
    let mut scratch = Vec::new();
    let bytes = records.bytes(0, &mut scratch);
    let text = String::from_utf8_lossy(bytes).into_owned();
    // A name that was left alone is still the document it went in as.
    let mapped = serde_json::from_str::<String>(&text).unwrap_or(text);
    let metas = record.meta.iter().flat_map(|meta| meta.iter());
    let labels = metas.map(|(key, value)| (key.to_owned(), label(value))).collect();
    Some((mapped, labels))
}

fn label(value: &Value) -> String {
    let mut bytes = Vec::new();
    plan::batch::print_payload(value, &mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}
