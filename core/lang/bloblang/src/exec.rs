//! What an expression sees while it is evaluated: the message and its batch, the context value,
//! variables, the document being built.

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use formats::json::{self, PathId, RawKind};
use formats::value::{Object, Text, Value};
use plan::batch::body_bytes;
use plan::{Body, Fault, Meta, Records, Services};

use crate::error::Error;
use crate::growth::Growth;
use crate::node::Seg;
use crate::program::Maps;
use crate::val::Val;

/// Steps (calls and evaluations of query arguments) that one message may take: a mapping that
/// wants more fails instead of stopping its shard.
pub const STEPS_MAX: u64 = 20_000_000;
/// Named maps that may be entered inside each other (spec/bloblang.md §6).
pub const MAP_DEPTH_MAX: u32 = 5_000;

/// What a program gets while it is parsed.
#[derive(Clone)]
pub struct Setup {
    /// Clock, randomness, environment, files.
    pub services: Rc<dyn Services>,
    /// Directory that relative imports and `file_rel` start from; empty is the working directory.
    pub dir: Rc<str>,
}

/// The document of the mapped message, parsed when first read.
#[derive(Default)]
pub(crate) enum Doc<'m> {
    /// Not read yet.
    #[default]
    Unread,
    /// Read as text: fields are taken where they stand.
    Raw(json::Doc<'m>),
    /// Read.
    Is(Value),
    /// Not JSON, and why.
    Bad(String),
    /// The document is the one being built (mutations).
    Root,
}

/// What `root` is to a query.
#[derive(Clone, Debug)]
pub(crate) enum Root {
    /// There is none: the query belongs to no mapping.
    Absent,
    /// What was built so far.
    Is(Val),
}

/// Where metadata is read and written.
#[derive(Clone, Debug)]
pub(crate) enum MetaOut {
    /// Nowhere: the mapping is detached from its message.
    Detached,
    /// That of the message, until it is written.
    Shared,
    /// Written.
    Own(Meta),
}

/// The state of one execution for one message.
pub struct Exec<'m> {
    pub(crate) records: &'m Records,
    /// The message that is mapped.
    pub(crate) mapped: usize,
    /// The message that functions look at; `.from(i)` moves it.
    pub(crate) index: Option<usize>,
    pub(crate) services: &'m Rc<dyn Services>,
    pub(crate) doc: Doc<'m>,
    /// Containers of a document that is there as text, once they were read.
    fields: Vec<(PathId, Value)>,
    pub(crate) root: Root,
    pub(crate) meta: MetaOut,
    /// Slots of variables; `None` where there are no variables at all.
    pub(crate) vars: Option<Vec<Option<Val>>>,
    /// First slot of the running map.
    pub(crate) frame: usize,
    /// Slots of the running map by name.
    pub(crate) names: Option<&'m HashMap<Rc<str>, usize>>,
    pub(crate) maps: Option<&'m Maps>,
    pub(crate) depth: u32,
    /// Height of the tallest expression of the program.
    pub(crate) height: u32,
    /// Whether something was assigned to the document being built.
    pub(crate) touched: bool,
    /// How many mappings given as text run around this one.
    pub(crate) nested: u32,
    pub(crate) steps: u64,
    pub(crate) growth: Growth,
    scratch: Vec<u8>,
}

impl<'m> Exec<'m> {
    /// An execution for message `index`, without root, variables and maps.
    pub(crate) fn new(records: &'m Records, index: usize, services: &'m Rc<dyn Services>) -> Self {
        Exec {
            records,
            mapped: index,
            index: Some(index),
            services,
            doc: Doc::Unread,
            fields: Vec::new(),
            root: Root::Absent,
            meta: MetaOut::Shared,
            vars: None,
            frame: 0,
            names: None,
            maps: None,
            depth: 0,
            height: 0,
            touched: false,
            nested: 0,
            steps: 0,
            growth: Growth::default(),
            scratch: Vec::new(),
        }
    }

    /// The document, or why there is none.
    pub(crate) fn document(&mut self) -> Result<&Value, &str> {
        if matches!(self.doc, Doc::Unread) {
            self.doc = match parse_body(self.records, self.mapped, &mut self.scratch) {
                Ok(value) => Doc::Is(value),
                Err(text) => Doc::Bad(text),
            };
        }
        if let Doc::Raw(doc) = &self.doc {
            self.doc = Doc::Is(doc.to_value(&doc.root()));
        }
        match &self.doc {
            Doc::Is(value) => Ok(value),
            Doc::Bad(text) => Err(text),
            Doc::Root => match &self.root {
                Root::Is(val) => Ok(val.value().unwrap_or(&Value::Null)),
                Root::Absent => Ok(&Value::Null),
            },
            Doc::Unread | Doc::Raw(_) => Err(""),
        }
    }

    /// Takes a document that was read.
    pub(crate) fn take_document(&mut self) -> Option<Value> {
        match std::mem::take(&mut self.doc) {
            Doc::Is(value) => Some(value),
            _ => None,
        }
    }

    /// A field of a document that is there as text; `None` where it is not.
    pub(crate) fn raw_field(&mut self, path: PathId) -> Option<Value> {
        let Doc::Raw(doc) = &self.doc else { return None };
        let Some(raw) = doc.get(path) else { return Some(Value::Null) };
        if !matches!(raw.kind, RawKind::Array | RawKind::Object) {
            return Some(doc.to_value(&raw));
        }
        if let Some((_, value)) = self.fields.iter().find(|(known, _)| *known == path) {
            return Some(value.clone());
        }
        let value = doc.to_value(&raw);
        self.fields.push((path, value.clone()));
        Some(value)
    }

    /// A field of the message that functions look at, where its document is there as text.
    pub(crate) fn raw_json(&self, path: &[Seg]) -> Option<Value> {
        let Doc::Raw(doc) = &self.doc else { return None };
        if self.index != Some(self.mapped) || path.is_empty() || !path.iter().all(Seg::is_plain) {
            return None;
        }
        let keys: Vec<&[u8]> = path.iter().map(|seg| seg.key.as_bytes()).collect();
        Some(doc.find(&keys).map_or(Value::Null, |raw| doc.to_value(&raw)))
    }

    /// Why there is no document, in the words of a failed statement.
    pub(crate) fn document_error(&mut self) -> Option<String> {
        let text = self.document().err()?.to_owned();
        let empty = self.records.bytes(self.mapped, &mut Vec::new()).is_empty();
        Some(if empty { "message is empty".into() } else { format!("parse as json: {text}") })
    }

    /// The content of the message that functions look at.
    pub fn content(&mut self) -> Cow<'_, [u8]> {
        let Some(index) = self.index else { return Cow::Borrowed(&[]) };
        if index == self.mapped
            && matches!(self.doc, Doc::Root)
            && let Root::Is(val) = &self.root
            && let Some(value) = val.value()
        {
            let mut out = Vec::new();
            write_payload(&mut out, value);
            return Cow::Owned(out);
        }
        Cow::Borrowed(self.records.bytes(index, &mut self.scratch))
    }

    /// The document of the message that functions look at.
    ///
    /// # Errors
    /// It is no JSON, or there is no such message.
    pub fn json(&mut self) -> Result<Value, Error> {
        let missing = || Error::new("target message part does not exist");
        let index = self.index.ok_or_else(missing)?;
        let failed = if index == self.mapped {
            match self.document() {
                Ok(value) => return Ok(value.clone()),
                Err(text) => text.to_owned(),
            }
        } else {
            match parse_body(self.records, index, &mut self.scratch) {
                Ok(value) => return Ok(value),
                Err(text) => text,
            }
        };
        // An empty content and a missing message are the same to the original.
        Err(if self.content().is_empty() { missing() } else { Error::new(failed) })
    }

    /// The metadata of the message that functions look at, as it came in.
    #[must_use]
    pub fn meta_in(&self) -> Option<&'m Meta> {
        self.records.recs.get(self.index?)?.meta.as_deref()
    }

    /// The metadata of the mapped message, as changed so far.
    ///
    /// # Errors
    /// The mapping is detached from its message.
    pub(crate) fn meta_out(&self) -> Result<Option<&Meta>, Error> {
        match &self.meta {
            MetaOut::Detached => Err(Error::new("metadata cannot be queried in this context")),
            MetaOut::Shared => {
                Ok(self.records.recs.get(self.mapped).and_then(|r| r.meta.as_deref()))
            }
            MetaOut::Own(meta) => Ok(Some(meta)),
        }
    }

    /// The metadata of the mapped message, to change it.
    pub(crate) fn meta_mut(&mut self) -> Result<&mut Meta, Error> {
        if let MetaOut::Shared = self.meta {
            let meta = self.records.recs.get(self.mapped).and_then(|r| r.meta.as_deref());
            self.meta = MetaOut::Own(meta.cloned().unwrap_or_default());
        }
        match &mut self.meta {
            MetaOut::Own(meta) => Ok(meta),
            _ => Err(Error::new("unable to assign metadata in the current context")),
        }
    }

    /// The fault of the message that functions look at.
    #[must_use]
    pub fn fault(&self) -> Option<&'m Fault> {
        self.records.recs.get(self.index?)?.fault.as_deref()
    }

    /// Position of the message that functions look at; 0 outside of the batch.
    #[must_use]
    pub fn batch_index(&self) -> usize {
        self.index.unwrap_or(0)
    }

    /// Number of messages in the batch.
    #[must_use]
    pub fn batch_size(&self) -> usize {
        self.records.recs.len()
    }

    /// Clock, randomness, environment, files.
    #[must_use]
    pub fn services(&self) -> &dyn Services {
        &**self.services
    }

    pub(crate) fn services_rc(&self) -> Rc<dyn Services> {
        Rc::clone(self.services)
    }

    /// The value of a variable by its name; `None` when it is not set.
    ///
    /// # Errors
    /// There are no variables here.
    pub fn var(&self, name: &str) -> Result<Option<&Val>, Error> {
        match (&self.vars, self.names) {
            (Some(vars), Some(names)) => Ok(names
                .get(name)
                .and_then(|slot| vars.get(self.frame + slot))
                .and_then(Option::as_ref)),
            _ => Err(Error::new("variables were undefined")),
        }
    }
}

/// Parses a message's content.
fn parse_body(records: &Records, index: usize, scratch: &mut Vec<u8>) -> Result<Value, String> {
    match records.recs.get(index).map(|r| &r.body) {
        Some(Body::Doc(value)) => Ok(Value::clone(value)),
        Some(body) => {
            let bytes = body_bytes(&records.block, body, scratch);
            json::parse(bytes).map_err(|e| e.to_string())
        }
        None => Err("EOF".into()),
    }
}

/// Appends a value as a payload: texts and bytes raw, anything else as JSON; nothing when a
/// number in it is not finite (spec/bloblang.md §8).
pub fn write_payload(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::String(text) => out.extend_from_slice(text.as_bytes()),
        Value::Bytes(bytes) => out.extend_from_slice(bytes),
        _ => {
            let _ = json::write_value(out, value);
        }
    }
}

/// All metadata as an object.
#[must_use]
pub fn meta_object(meta: Option<&Meta>) -> Val {
    let members = meta.into_iter().flat_map(Meta::iter);
    Val::object(members.map(|(k, v)| (Text::from(k), v.clone())).collect::<Object>())
}

/// A name given by a lambda, and the one around it.
pub(crate) struct Named<'a> {
    value: &'a Val,
    outer: Option<&'a Named<'a>>,
}

/// Where an expression is evaluated: the execution and the context value.
pub struct Ctx<'a, 'm> {
    /// The execution.
    pub ex: &'a mut Exec<'m>,
    /// `this`, where it is not the document.
    pub(crate) value: Option<&'a Val>,
    /// What `this` is again inside a lambda.
    next: Option<&'a Val>,
    named: Option<&'a Named<'a>>,
}

impl<'a, 'm> Ctx<'a, 'm> {
    /// The context of a whole message.
    pub(crate) fn new(ex: &'a mut Exec<'m>) -> Self {
        Ctx { ex, value: None, next: None, named: None }
    }

    /// The context of a whole message that is to the mapping what `value` says.
    pub(crate) fn over(ex: &'a mut Exec<'m>, value: &'a Val) -> Self {
        Ctx { ex, value: Some(value), next: Some(value), named: None }
    }

    /// The same with another `this`.
    pub(crate) fn with<'b>(&'b mut self, value: &'b Val) -> Ctx<'b, 'm> {
        Ctx { value: Some(value), next: self.value, named: self.named, ex: &mut *self.ex }
    }

    /// The context of a named map: nothing of the caller is seen but `this`.
    pub(crate) fn map_body<'b>(&'b mut self, value: &'b Val) -> Ctx<'b, 'm> {
        Ctx { value: Some(value), next: None, named: None, ex: &mut *self.ex }
    }

    /// Runs `body` inside a lambda: `this` is handed on under a name (or dropped), and is again
    /// what it was outside.
    pub(crate) fn lambda<T>(
        &mut self,
        name: bool,
        body: impl FnOnce(&mut Ctx<'_, 'm>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if !name {
            let (value, named) = (self.next, self.named);
            return body(&mut Ctx { ex: &mut *self.ex, value, next: None, named });
        }
        let own;
        let value = match self.value {
            Some(value) => value,
            None => {
                own = self.this()?;
                &own
            }
        };
        let named = Named { value, outer: self.named };
        let (value, named) = (self.next, Some(&named));
        body(&mut Ctx { ex: &mut *self.ex, value, next: None, named })
    }

    /// The value that a lambda gave a name, `hops` lambdas outwards.
    pub(crate) fn named(&self, hops: usize) -> Option<&'a Val> {
        let mut at = self.named?;
        for _ in 0..hops {
            at = at.outer?;
        }
        Some(at.value)
    }

    /// The context value.
    ///
    /// # Errors
    /// There is none and the message is no JSON.
    pub fn this(&mut self) -> Result<Val, Error> {
        match self.value {
            Some(value) => Ok(value.clone()),
            None => match self.ex.document() {
                Ok(value) => Ok(Val::Data(value.clone())),
                Err(_) => Err(Error::no_context(String::new())),
            },
        }
    }

    /// Counts a step of the message.
    ///
    /// # Errors
    /// It took [`STEPS_MAX`] already.
    #[inline]
    pub fn step(&mut self) -> Result<(), Error> {
        self.ex.steps += 1;
        if self.ex.steps > STEPS_MAX {
            return Err(Error::new(format!(
                "the mapping took more than {STEPS_MAX} steps for one message"
            )));
        }
        Ok(())
    }

    /// Counts many steps at once, for work that grows with the data.
    ///
    /// # Errors
    /// The message took [`STEPS_MAX`] already.
    pub fn steps(&mut self, n: usize) -> Result<(), Error> {
        self.ex.steps = self.ex.steps.saturating_add(n as u64);
        self.step()
    }

    /// A variable by its slot.
    pub(crate) fn var(&self, slot: usize) -> Result<Option<&Val>, Error> {
        match &self.ex.vars {
            None => Err(Error::new("variables were undefined")),
            Some(vars) => Ok(vars.get(self.ex.frame + slot).and_then(Option::as_ref)),
        }
    }
}

/// A shared empty batch, for expressions without a message.
#[must_use]
pub fn no_records() -> Arc<Records> {
    Arc::new(Records::default())
}
