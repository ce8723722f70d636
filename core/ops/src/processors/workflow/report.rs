//! What a workflow did with the messages of a batch, as their documents record it.

use formats::json::write_string;
use formats::value::Value;
use plan::Batch;

use super::place::{PREVIOUS, Place};

/// What became of a branch for one message.
#[derive(Clone, PartialEq, Eq)]
enum Outcome {
    Succeeded,
    /// Not run, now or because an earlier run was done with it.
    Skipped,
    Failed(String),
}

/// What became of all branches for the messages of a batch.
pub(super) struct Reports {
    /// Number of branches, which are known by their place among the sorted names.
    branches: usize,
    /// Message by message, an outcome for each branch.
    outcomes: Vec<Outcome>,
}

impl Reports {
    /// Before any branch has run: those that the record of an earlier run leaves out are skipped.
    pub(super) fn of(batch: &Batch, place: Option<&mut Place>, names: &[String]) -> Self {
        let outcomes = vec![Outcome::Succeeded; batch.len() * names.len()];
        let mut reports = Reports { branches: names.len(), outcomes };
        let (Some(records), Some(place)) = (batch.as_records(), place) else { return reports };
        for (at, rec) in records.recs.iter().enumerate() {
            if let Some(record) = place.get(records, rec) {
                leave_out(&record, names, reports.row_mut(at));
            }
        }
        reports
    }

    fn row(&self, message: usize) -> &[Outcome] {
        let from = message * self.branches;
        self.outcomes.get(from..from + self.branches).unwrap_or_default()
    }

    fn row_mut(&mut self, message: usize) -> &mut [Outcome] {
        let from = message * self.branches;
        self.outcomes.get_mut(from..from + self.branches).unwrap_or_default()
    }

    fn set(&mut self, message: usize, branch: usize, outcome: Outcome) {
        if let Some(place) = self.row_mut(message).get_mut(branch) {
            *place = outcome;
        }
    }

    /// Whether a branch that has not run yet is to be run.
    pub(super) fn wants(&self, message: usize, branch: usize) -> bool {
        self.row(message).get(branch) == Some(&Outcome::Succeeded)
    }

    /// A branch was not run.
    pub(super) fn skip(&mut self, message: usize, branch: usize) {
        self.set(message, branch, Outcome::Skipped);
    }

    /// A branch failed.
    pub(super) fn fail(&mut self, message: usize, branch: usize, why: String) {
        self.set(message, branch, Outcome::Failed(why));
    }

    /// The branches that failed on a message, in words.
    pub(super) fn failed(&self, message: usize, names: &[String]) -> Option<String> {
        let failed = names.iter().zip(self.row(message));
        let failed = failed.filter(|(_, outcome)| matches!(outcome, Outcome::Failed(_)));
        let names: Vec<&str> = failed.map(|(name, _)| name.as_str()).collect();
        (!names.is_empty()).then(|| format!("workflow branches failed: [{}]", names.join(" ")))
    }

    /// Appends the record of a message as canonical JSON, with the text of the one before it.
    pub(super) fn write(
        &self,
        message: usize,
        names: &[String],
        previous: Option<&[u8]>,
        out: &mut Vec<u8>,
    ) {
        let row = || names.iter().zip(self.row(message));
        out.push(b'{');
        let mut failed = Members::new("failed", *b"{}");
        for (name, outcome) in row() {
            if let Outcome::Failed(why) = outcome {
                failed.push(name, out);
                out.push(b':');
                write_string(out, why.as_bytes(), false);
            }
        }
        failed.end(out);
        if let Some(previous) = previous {
            key(PREVIOUS, out);
            out.extend_from_slice(previous);
        }
        for (title, wanted) in [("skipped", Outcome::Skipped), ("succeeded", Outcome::Succeeded)] {
            let mut list = Members::new(title, *b"[]");
            row()
                .filter(|(_, outcome)| **outcome == wanted)
                .for_each(|(name, _)| list.push(name, out));
            list.end(out);
        }
        out.push(b'}');
    }
}

/// A list or an object of a record, which is left out when it is empty.
struct Members {
    title: &'static str,
    brackets: [u8; 2],
    any: bool,
}

impl Members {
    fn new(title: &'static str, brackets: [u8; 2]) -> Self {
        Members { title, brackets, any: false }
    }

    fn push(&mut self, name: &str, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.any, true) {
            out.push(b',');
        } else {
            key(self.title, out);
            out.push(self.brackets[0]);
        }
        write_string(out, name.as_bytes(), false);
    }

    fn end(self, out: &mut Vec<u8>) {
        if self.any {
            out.push(self.brackets[1]);
        }
    }
}

/// Appends the name of a member of the record.
fn key(name: &str, out: &mut Vec<u8>) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    write_string(out, name.as_bytes(), false);
    out.push(b':');
}

/// Marks the branches that the record of an earlier run leaves out.
fn leave_out(record: &Value, names: &[String], row: &mut [Outcome]) {
    let list = |field: &str| match record {
        Value::Object(record) => match record.get(field.as_bytes()) {
            Some(Value::Array(items)) => items.as_slice(),
            _ => &[],
        },
        _ => &[],
    };
    let has = |items: &[Value], name: &str| {
        let is = |item: &Value| matches!(item, Value::String(t) if t.as_bytes() == name.as_bytes());
        items.iter().any(is)
    };
    let (apply, skipped, succeeded) = (list("apply"), list("skipped"), list("succeeded"));
    for (name, outcome) in names.iter().zip(row) {
        let left_out = match apply {
            [] => has(skipped, name),
            _ => !has(apply, name),
        };
        if left_out || has(succeeded, name) {
            *outcome = Outcome::Skipped;
        }
    }
}
