//! What a workflow did with one message, as its document records it.

use std::collections::{BTreeMap, BTreeSet};

use formats::value::{Object, Text, Value};
use plan::Batch;

use crate::batches::document_of;
use crate::paths;

/// What became of the branches for one message.
#[derive(Default)]
pub(super) struct Report {
    /// Those that an earlier run was done with.
    earlier: BTreeSet<String>,
    succeeded: BTreeSet<String>,
    skipped: BTreeSet<String>,
    failed: BTreeMap<String, String>,
}

/// A report for each message, from what its document says of earlier runs.
pub(super) fn of(batch: &Batch, path: &[Text], names: &[&str]) -> Vec<Report> {
    let Some(records) = batch.as_records() else { return Vec::new() };
    let reports = records.recs.iter().map(|rec| {
        let succeeded = names.iter().map(|name| (*name).to_owned()).collect();
        let document = Some(path).filter(|path| !path.is_empty());
        let document = document.and_then(|_| document_of(records, rec).ok());
        let record = document.as_ref().and_then(|document| paths::get(document, path));
        let earlier = record.map(|record| earlier(record, names)).unwrap_or_default();
        Report { earlier, succeeded, ..Report::default() }
    });
    reports.collect()
}

/// The branches that the record of an earlier run leaves out.
fn earlier(record: &Value, names: &[&str]) -> BTreeSet<String> {
    let list = |field: &str| match record {
        Value::Object(record) => match record.get(field.as_bytes()) {
            Some(Value::Array(items)) => items.as_slice(),
            _ => &[],
        },
        _ => &[],
    };
    let known = |item: &Value| match item {
        Value::String(text) => {
            names.iter().find(|name| name.as_bytes() == text.as_bytes()).map(|s| (*s).to_owned())
        }
        _ => None,
    };
    let apply = list("apply");
    let mut left_out: BTreeSet<String> = match apply {
        [] => list("skipped").iter().filter_map(known).collect(),
        _ => names.iter().map(|name| (*name).to_owned()).collect(),
    };
    for name in apply.iter().filter_map(known) {
        left_out.remove(&name);
    }
    left_out.extend(list("succeeded").iter().filter_map(known));
    left_out
}

impl Report {
    /// Whether a branch is to be run.
    pub(super) fn wants(&self, name: &str) -> bool {
        !self.earlier.contains(name)
    }

    /// A branch was not run.
    pub(super) fn skip(&mut self, name: &str) {
        self.succeeded.remove(name);
        self.skipped.insert(name.to_owned());
    }

    /// A branch failed.
    pub(super) fn fail(&mut self, name: &str, why: &str) {
        self.succeeded.remove(name);
        self.skipped.remove(name);
        self.failed.insert(name.to_owned(), why.to_owned());
    }

    /// The branches that failed, in words.
    pub(super) fn failed(&self) -> Option<String> {
        let names: Vec<&str> = self.failed.keys().map(String::as_str).collect();
        (!names.is_empty()).then(|| format!("workflow branches failed: [{}]", names.join(" ")))
    }

    /// The record, over that of an earlier run.
    pub(super) fn into_value(self, previous: Option<Value>) -> Value {
        let list = |names: BTreeSet<String>| Value::array(names.into_iter().map(text).collect());
        let mut record = Object::new();
        if !self.succeeded.is_empty() {
            record.insert(Text::from("succeeded"), list(self.succeeded));
        }
        if !self.skipped.is_empty() {
            record.insert(Text::from("skipped"), list(self.skipped));
        }
        if !self.failed.is_empty() {
            let failed = self.failed.into_iter().map(|(name, why)| (Text::from(name), text(why)));
            record.insert(Text::from("failed"), Value::object(failed.collect()));
        }
        if let Some(previous) = previous.filter(|value| !matches!(value, Value::Null)) {
            record.insert(Text::from("previous"), previous);
        }
        Value::object(record)
    }
}

fn text(text: String) -> Value {
    Value::text(text)
}
