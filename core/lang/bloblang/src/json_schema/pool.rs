//! The documents that a schema consists of: itself, those it refers to, and parts of them that have
//! addresses of their own.

use std::collections::HashMap;
use std::path::Path;

use formats::json;
use formats::value::{Object, Value};
use plan::Services;

use super::DEPTH_MAX;
use super::compile::draft_of;
use super::reference::Reference;
use crate::functions::read_file_as_named;

/// Documents that one schema may refer to.
pub(super) const DOCUMENTS_MAX: usize = 1_000;

/// A document or a part of one, and the draft that the document says it follows.
#[derive(Clone)]
pub(super) struct Document {
    pub(super) value: Value,
    pub(super) draft: Option<u8>,
}

/// The documents by their addresses.
pub(super) struct Pool<'s> {
    known: HashMap<String, Document>,
    /// What reads files.
    services: &'s dyn Services,
    loaded: usize,
}

impl<'s> Pool<'s> {
    /// A pool of one document, which has no address; returns it as well.
    pub(super) fn of(document: &Value, services: &'s dyn Services) -> (Self, Document) {
        let mut pool = Pool { known: HashMap::new(), services, loaded: 0 };
        let document = pool.add(document, &Reference::default());
        (pool, document)
    }

    /// Adds a document. Its references become whole addresses.
    fn add(&mut self, document: &Value, base: &Reference) -> Document {
        let draft = draft_of(document);
        let value = self.resolved(document, base, draft, 0);
        let document = Document { value, draft };
        self.known.insert(base.to_string(), document.clone());
        document
    }

    fn resolved(
        &mut self,
        value: &Value,
        base: &Reference,
        draft: Option<u8>,
        depth: usize,
    ) -> Value {
        if depth >= DEPTH_MAX {
            return value.clone(); // it is not compiled, either
        }
        match value {
            Value::Array(items) => {
                let items = items.iter().map(|item| self.resolved(item, base, draft, depth + 1));
                Value::array(items.collect())
            }
            Value::Object(object) => self.object(object, base, draft, depth),
            other => other.clone(),
        }
    }

    fn object(
        &mut self,
        object: &Object,
        base: &Reference,
        draft: Option<u8>,
        depth: usize,
    ) -> Value {
        let led = |base: &Reference, key: &str| {
            let text = object.get(key.as_bytes()).and_then(text_of)?;
            Some(base.lead(&Reference::parse(&text).ok()?))
        };
        let id = led(base, if object.get(b"id").is_some() { "id" } else { "$id" });
        if id.as_ref().is_some_and(|id| self.known.contains_key(&id.to_string())) {
            return Value::object(object.clone()); // the first one has the name
        }
        // What is within may not have the name, either.
        let name = id.as_ref().map(|id| {
            let document = Document { value: Value::Null, draft };
            self.known.insert(id.to_string(), document);
            id.to_string()
        });
        let base = id.as_ref().unwrap_or(base);
        let mut out = Object::new();
        for (key, member) in object.iter() {
            let member = match (key.as_bytes(), member) {
                (b"const" | b"enum", _) => member.clone(),
                (b"$ref", Value::String(_)) => match led(base, "$ref") {
                    Some(whole) => Value::text(whole.to_string()),
                    None => member.clone(),
                },
                // The names in these are no words of schemas.
                (b"properties" | b"dependencies" | b"patternProperties", Value::Object(named)) => {
                    let each = named.iter().map(|(name, value)| {
                        (name.clone(), self.resolved(value, base, draft, depth + 2))
                    });
                    Value::object(each.collect())
                }
                (_, member) => self.resolved(member, base, draft, depth + 1),
            };
            out.insert(key.clone(), member);
        }
        let value = Value::object(out);
        if let Some(name) = name {
            self.known.insert(name, Document { value: value.clone(), draft });
        }
        value
    }

    /// What an address leads to.
    ///
    /// # Errors
    /// It leads to nothing, or to something that cannot be read.
    pub(super) fn find(&mut self, address: &str) -> Result<Document, String> {
        if let Some(known) = self.known.get(address) {
            return Ok(known.clone());
        }
        let reference = Reference::parse(address)?;
        let whole = reference.document();
        let document = match self.known.get(&whole.to_string()) {
            Some(document) => document.clone(),
            None => self.load(&reference, &whole)?,
        };
        let mut value = &document.value;
        for name in reference.pointer() {
            value = step(value, &name)?;
        }
        Ok(Document { value: value.clone(), draft: document.draft })
    }

    fn load(&mut self, reference: &Reference, whole: &Reference) -> Result<Document, String> {
        if !reference.is_canonical() {
            return Err(format!("Reference {reference} must be canonical"));
        }
        self.loaded += 1;
        if self.loaded > DOCUMENTS_MAX {
            return Err(format!("the schema refers to more than {DOCUMENTS_MAX} documents"));
        }
        let bytes = match reference.file()? {
            Some(file) => read_file_as_named(self.services, Path::new(&file))?.into(),
            None => self.services.document(&whole.to_string())?,
        };
        let (document, _) = json::parse_prefix(&bytes).map_err(|error| error.to_string())?;
        Ok(self.add(&document, whole))
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.to_str_lossy().into_owned()),
        _ => None,
    }
}

/// What a name within a value leads to.
fn step<'v>(value: &'v Value, name: &str) -> Result<&'v Value, String> {
    match value {
        Value::Object(object) => {
            let name = name.replace("~1", "/").replace("~0", "~");
            object.get(name.as_bytes()).ok_or_else(|| format!("Object has no key '{name}'"))
        }
        Value::Array(items) => {
            let at: i64 = name.parse().map_err(|_| format!("Invalid array index '{name}'"))?;
            let found = usize::try_from(at).ok().and_then(|at| items.get(at));
            found.ok_or_else(|| format!("Out of bound array[0,{}] index '{at}'", items.len()))
        }
        _ => Err(format!("Invalid token reference '{name}'")),
    }
}
