//! Joining documents of several sources by an id.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use formats::value::{Object, Text, Value};
use plan::{
    Batch, Body, BuildError, Emitted, LocalBoxFuture, Origin, Outcome, Record, Records,
    SourceContext, SourceError,
};

use super::ShardedJoin;
use crate::compose::leave_to;
use crate::compose::records::records_of;

/// Most documents that a join holds.
pub(super) const DOCUMENTS_MAX: usize = 10_000_000;
/// Documents of one batch of the result.
const BATCH: usize = 1024;

/// What becomes of two values under one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strategy {
    Array,
    Replace,
    Keep,
}

/// How documents are joined.
pub(super) struct Join {
    path: Vec<String>,
    strategy: Strategy,
    /// Whether documents whose id the first source does not have are kept.
    full: bool,
}

impl Join {
    /// The join that is asked for; none for the type `none`.
    pub(super) fn build(config: &ShardedJoin) -> Result<Option<Self>, BuildError> {
        let full = match config.kind.as_str() {
            "none" | "" => return Ok(None),
            "full-outer" => true,
            "outer" => false,
            other => {
                let text = format!("join type '{other}' was not recognized");
                return Err(BuildError::new(text));
            }
        };
        let strategy = match config.merge_strategy.as_str() {
            "array" => Strategy::Array,
            "replace" => Strategy::Replace,
            "keep" => Strategy::Keep,
            other => {
                let text = format!("merge strategy '{other}' was not recognised");
                return Err(BuildError::new(text));
            }
        };
        if config.id_path.is_empty() {
            return Err(BuildError::new("the id path must not be empty"));
        }
        if config.iterations == 0 {
            return Err(BuildError::new("invalid number of iterations: 0"));
        }
        let path = config.id_path.split('.').map(str::to_owned).collect();
        Ok(Some(Join { path, strategy, full }))
    }

    fn id(&self, document: &Value) -> Option<String> {
        let mut value = document;
        for part in &self.path {
            let Value::Object(object) = value else { return None };
            value = object.get(part.as_bytes())?;
        }
        match value {
            Value::Null | Value::Object(_) | Value::Array(_) => None,
            value => Some(crate::lookup::text_of(value)),
        }
    }

    /// Lays a document over the one that is there, except for its id.
    fn merge(&self, onto: &mut Value, from: &Value, depth: usize) {
        let (Value::Object(old), Value::Object(new)) = (&mut *onto, from) else { return };
        let old = Arc::make_mut(old);
        for (key, value) in new.iter() {
            let on_path = self.path.get(depth).is_some_and(|p| p.as_bytes() == key.as_bytes());
            if on_path && depth + 1 == self.path.len() {
                continue;
            }
            match old.get_mut(key.as_bytes()) {
                None => drop(old.insert(key.clone(), value.clone())),
                Some(known @ Value::Object(_)) if matches!(value, Value::Object(_)) => {
                    let below = if on_path { depth + 1 } else { usize::MAX - 1 };
                    self.merge(known, value, below);
                }
                Some(known) => self.collide(known, value),
            }
        }
    }

    fn collide(&self, known: &mut Value, value: &Value) {
        match self.strategy {
            Strategy::Keep => {}
            Strategy::Replace => *known = value.clone(),
            Strategy::Array => {
                let mut items = match std::mem::take(known) {
                    Value::Array(items) => items.to_vec(),
                    one => vec![one],
                };
                match value {
                    Value::Array(more) => items.extend(more.iter().cloned()),
                    one => items.push(one.clone()),
                }
                *known = Value::array(items);
            }
        }
    }
}

/// The context of the sources: their documents are collected.
pub(super) struct Collecting {
    outer: Rc<dyn SourceContext>,
    join: Join,
    documents: RefCell<Vec<(Value, Record)>>,
    by_id: RefCell<HashMap<String, usize>>,
    source: Cell<usize>,
    documents_max: usize,
}

impl Collecting {
    pub(super) fn new(outer: Rc<dyn SourceContext>, join: Join) -> Self {
        Collecting {
            outer,
            join,
            documents: RefCell::default(),
            by_id: RefCell::default(),
            source: Cell::new(0),
            documents_max: DOCUMENTS_MAX,
        }
    }

    /// Source number `source` is read from now on.
    pub(super) fn begin(&self, source: usize) {
        self.source.set(source);
    }

    fn collect(&self, batch: Batch) -> Result<(), SourceError> {
        let Ok(records) = records_of(batch.data) else { return Ok(()) };
        let mut scratch = Vec::new();
        for (index, record) in records.recs.iter().enumerate() {
            let document = match &record.body {
                Body::Doc(document) => Ok(document.as_ref().clone()),
                _ => formats::json::parse(records.bytes(index, &mut scratch)),
            };
            let document = match document {
                Ok(document) => document,
                Err(error) => {
                    self.outer.error(&format!("failed to parse message for join: {error}"));
                    continue;
                }
            };
            let Some(id) = self.join.id(&document) else {
                self.outer.error("failed to join message: the id is missing");
                continue;
            };
            self.add(id, document, record)?;
        }
        Ok(())
    }

    fn add(&self, id: String, document: Value, record: &Record) -> Result<(), SourceError> {
        let mut documents = self.documents.borrow_mut();
        let mut by_id = self.by_id.borrow_mut();
        if let Some((known, _)) = by_id.get(&id).and_then(|at| documents.get_mut(*at)) {
            self.join.merge(known, &document, 0);
            return Ok(());
        }
        if !self.join.full && self.source.get() > 0 {
            return Ok(());
        }
        let max = self.documents_max;
        if documents.len() >= max {
            let text = format!("a join holds {max} documents at most");
            return Err(SourceError::Fatal(text));
        }
        by_id.insert(id, documents.len());
        let document = match document {
            Value::Object(object) => Value::Object(object),
            other => Value::object([(Text::from("value"), other)].into_iter().collect::<Object>()),
        };
        documents.push((document, record.clone()));
        Ok(())
    }

    /// The joined documents.
    pub(super) fn finish(&self) -> Vec<Records> {
        let documents = self.documents.take();
        let batch = |part: &[(Value, Record)]| {
            let recs = part.iter().zip(0..).map(|((document, record), tag)| Record {
                body: Body::Doc(Arc::new(document.clone())),
                meta: record.meta.clone(),
                fault: record.fault.clone(),
                origin: Origin { ack: 0, tag },
            });
            Records { recs: recs.collect(), ..Records::default() }
        };
        documents.chunks(BATCH).map(batch).collect()
    }
}

impl SourceContext for Collecting {
    fn emit(&self, batch: Batch) -> LocalBoxFuture<'_, Result<Emitted, SourceError>> {
        let collected = match self.outer.is_stopping() {
            true => Err(SourceError::Stopped),
            false => self.collect(batch),
        };
        let done = || Emitted(Box::pin(std::future::ready(Outcome::default())));
        Box::pin(std::future::ready(collected.map(|()| done())))
    }

    leave_to!(outer);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Fake, batch, both_modes};

    #[test]
    fn a_join_holds_so_many_documents_and_no_more() {
        both_modes(|| async {
            let join = Join { path: vec!["id".to_owned()], strategy: Strategy::Keep, full: true };
            let collecting = Collecting { documents_max: 2, ..Collecting::new(Fake::new(), join) };
            let give = async |id: u32| {
                let document = format!("{{\"id\":{id}}}");
                collecting.emit(batch(&[document.as_str()])).await.map(|_| ())
            };
            assert_eq!((give(1).await, give(2).await, give(1).await), (Ok(()), Ok(()), Ok(())));
            let text = "a join holds 2 documents at most".to_owned();
            assert_eq!(give(3).await, Err(SourceError::Fatal(text)));
        });
    }
}
