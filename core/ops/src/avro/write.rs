//! Documents by a schema, in either form.

use std::borrow::Cow;

use formats::value::{Object, Text, Value};

use super::decimal;
use super::error::Error;
use super::numbers::{bytes_for, double, integer, short_integer, stands_for};
use super::out::Out;
use super::schema::{Field, Kind, Place, Raw, Schema, Whole};
use super::textual::{latin, only_member};
use super::{Budget, deeper};

/// Integers up to here are the same as floats and as doubles.
const EXACT_IN_FLOAT: i64 = 1 << 24;
const EXACT_IN_DOUBLE: i64 = 1 << 53;

/// Writes a document. A branch of a union may be named or not; a field that is missing has its
/// default.
///
/// # Errors
/// When the document does not fit the schema; `out` has a part of it then.
pub(crate) fn write(schema: &Schema, value: &Value, out: &mut impl Out) -> Result<(), Error> {
    Writer { schema, out, budget: Budget::new(), by_schema: false }.value(schema.root, value)
}

struct Writer<'s, O> {
    schema: &'s Schema,
    out: &'s mut O,
    budget: Budget,
    /// Whether what is written is a default of the schema, which has a form of its own.
    by_schema: bool,
}

impl<O: Out> Writer<'_, O> {
    fn value(&mut self, place: Place, value: &Value) -> Result<(), Error> {
        self.budget.enter()?;
        let depth = self.budget.depth;
        let done = deeper(|| self.inner(place, value));
        self.budget.depth = depth;
        self.budget.leave();
        done
    }

    fn inner(&mut self, place: Place, value: &Value) -> Result<(), Error> {
        let schema = self.schema;
        let kind = &schema.node(place).kind;
        match (kind, value) {
            (Kind::Null, Value::Null) => self.out.null(),
            (Kind::Null, _) => return Err(Error::plain("cannot encode non-nil value as null")),
            (Kind::Boolean, Value::Bool(value)) => self.out.boolean(*value),
            (Kind::Int(whole), _) => {
                let n = self.whole(
                    value,
                    *whole,
                    kind,
                    short_integer(value).map(|n| n.map(i64::from)),
                )?;
                let n = i32::try_from(n);
                let n = n.map_err(|_| self.out.unfit(value, "int", "value overflows int32"))?;
                self.out.int(n.into());
            }
            (Kind::Long(whole), _) => {
                let n = self.whole(value, *whole, kind, integer(value))?;
                self.out.int(n);
            }
            (Kind::Float, _) => self.float(value)?,
            (Kind::Double, _) => {
                self.exact(
                    value,
                    EXACT_IN_DOUBLE,
                    kind,
                    "integer overflows float64 exact precision",
                )?;
                self.out.double(double(value).ok_or_else(|| self.out.unfit(value, "double", ""))?);
            }
            (Kind::String, Value::String(text)) => self.out.text(text.as_bytes()),
            (Kind::String, Value::Bytes(bytes)) => self.out.text(bytes),
            (Kind::String, Value::Timestamp(at)) => {
                let mut text = Vec::new();
                formats::rfc3339::write(&mut text, at);
                self.out.text(&text);
            }
            (Kind::Bytes(raw), _) => self.raw(value, *raw, None)?,
            (Kind::Fixed(size, raw), _) => self.raw(value, *raw, Some(*size))?,
            (Kind::Enum(symbols), _) => self.symbol(symbols, value)?,
            (Kind::Array(items), Value::Array(list)) => self.array(*items, list)?,
            (Kind::Map(values), Value::Object(members)) => self.map(*values, members)?,
            (Kind::Record(fields), Value::Object(members)) => {
                self.record(&schema.node(place).name, fields, members)?;
            }
            (Kind::Union(branches), _) => self.union(branches, value)?,
            _ => return Err(self.out.unfit(value, kind.name(), "")),
        }
        Ok(())
    }

    /// An integer, or what a value says that stands for one.
    fn whole(
        &self,
        value: &Value,
        whole: Whole,
        kind: &Kind,
        read: Option<Result<i64, String>>,
    ) -> Result<i64, Error> {
        if let Some(n) = stands_for(value, whole) {
            return Ok(n);
        }
        let read = read.ok_or_else(|| self.out.unfit(value, kind.name(), ""))?;
        read.map_err(|why| self.out.unfit(value, kind.name(), &why))
    }

    /// Refuses a computed integer that would not come back the same.
    fn exact(&self, value: &Value, max: i64, kind: &Kind, why: &str) -> Result<(), Error> {
        let fits = match value {
            Value::Int(n) => (-max..=max).contains(n),
            Value::Uint(n) => i64::try_from(*n).is_ok_and(|n| n <= max),
            _ => true,
        };
        if fits { Ok(()) } else { Err(self.out.unfit(value, kind.name(), why)) }
    }

    fn float(&mut self, value: &Value) -> Result<(), Error> {
        let why = "integer overflows float32 exact precision";
        self.exact(value, EXACT_IN_FLOAT, &Kind::Float, why)?;
        let x = double(value).ok_or_else(|| self.out.unfit(value, "float", ""))?;
        if x.is_finite() && (x as f32).is_infinite() {
            return Err(self.out.unfit(value, "float", &format!("value {x} overflows float32")));
        }
        self.out.float(x as f32);
        Ok(())
    }

    fn raw(&mut self, value: &Value, raw: Raw, size: Option<usize>) -> Result<(), Error> {
        let wanted = if size.is_some() { "fixed" } else { "bytes" };
        if let Raw::Decimal(scale) = raw
            && let Some(text) = number_text(value)
            && let Some(bytes) = decimal::bytes_of(&text, scale)
        {
            let bytes = match size {
                None => Some(bytes),
                Some(size) => decimal::padded(&bytes, size),
            };
            let bytes =
                bytes.ok_or_else(|| self.out.unfit(value, wanted, "the number is too large"))?;
            self.out.decimal(&text, &bytes, size.is_none());
            return Ok(());
        }
        let bytes = match (bytes_for(value, raw), value) {
            (Some(bytes), _) => Cow::Owned(bytes),
            (None, Value::String(text)) if self.by_schema => Cow::Owned(latin(text)?),
            (None, Value::String(text)) => Cow::Borrowed(text.as_bytes()),
            (None, Value::Bytes(bytes)) => Cow::Borrowed(&**bytes),
            _ => return Err(self.out.unfit(value, wanted, "")),
        };
        if let Some(size) = size.filter(|size| *size != bytes.len()) {
            let why = format!("got {} bytes, need {size}", bytes.len());
            return Err(self.out.unfit(value, wanted, &why));
        }
        self.out.raw(&bytes, size.is_none());
        Ok(())
    }

    fn symbol(&mut self, symbols: &[Text], value: &Value) -> Result<(), Error> {
        let index = match value {
            Value::String(text) => {
                symbols.iter().position(|symbol| symbol == text).ok_or_else(|| {
                    let why = format!("unknown symbol {:?}", text.to_str_lossy());
                    self.out.unfit(value, "enum", &why)
                })?
            }
            Value::Int(n) => usize::try_from(*n).unwrap_or(usize::MAX),
            _ => return Err(self.out.unfit(value, "enum", "")),
        };
        let symbol = symbols.get(index).ok_or_else(|| {
            let why = format!("index out of range [0, {})", symbols.len());
            self.out.unfit(value, "enum", &why)
        })?;
        self.out.symbol(index, symbol.as_bytes());
        Ok(())
    }

    fn array(&mut self, items: Place, list: &[Value]) -> Result<(), Error> {
        self.out.begin(list.len(), false);
        for (at, item) in list.iter().enumerate() {
            self.out.item(at == 0, None);
            self.value(items, item)?;
        }
        self.out.end(list.len(), false);
        Ok(())
    }

    fn map(&mut self, values: Place, members: &Object) -> Result<(), Error> {
        self.out.begin(members.len(), true);
        for (at, (name, value)) in members.iter().enumerate() {
            self.out.item(at == 0, Some(name.as_bytes()));
            self.value(values, value)?;
        }
        self.out.end(members.len(), true);
        Ok(())
    }

    fn record(&mut self, name: &Text, fields: &[Field], members: &Object) -> Result<(), Error> {
        self.out.record();
        for (at, field) in fields.iter().enumerate() {
            self.out.field(at == 0, field.name.as_bytes());
            let written = match (members.member(&field.name), &field.default) {
                (Some(value), _) => self.value(field.place, value),
                (None, Some(default)) => self.default(field.place, default),
                (None, None) => {
                    Err(self.out.missing(&name.to_str_lossy(), &field.name.to_str_lossy()))
                }
            };
            written.map_err(|error| self.out.in_field(error, &field.name.to_str_lossy()))?;
        }
        self.out.end_record();
        Ok(())
    }

    fn default(&mut self, place: Place, value: &Value) -> Result<(), Error> {
        if self.out.default(value).is_some() {
            return Ok(());
        }
        let before = std::mem::replace(&mut self.by_schema, true);
        let written = self.value(place, value);
        self.by_schema = before;
        written
    }

    fn union(&mut self, branches: &[Place], value: &Value) -> Result<(), Error> {
        let schema = self.schema;
        if let Some((name, inner)) = only_member(value)
            && !self.by_schema
            && let Some((index, place)) = schema.branch(branches, name.as_bytes())
            && self.branch(index, place, inner).is_ok()
        {
            return Ok(());
        }
        let mut wrong = None;
        for (index, place) in branches.iter().enumerate() {
            match self.branch(index, *place, value) {
                Ok(()) => return Ok(()),
                Err(error) if self.budget.steps == 0 => return Err(error),
                Err(_) if matches!(schema.node(*place).kind, Kind::Null) => {}
                Err(error) => wrong = Some(error),
            }
        }
        // With one branch besides nothing, that is the one that was meant.
        match wrong.filter(|_| branches.len() == 2 && self.has_null(branches)) {
            Some(error) => Err(error),
            None => Err(self.out.no_branch(value)),
        }
    }

    fn has_null(&self, branches: &[Place]) -> bool {
        branches.iter().any(|place| matches!(self.schema.node(*place).kind, Kind::Null))
    }

    /// Writes a value as a branch, or nothing.
    fn branch(&mut self, index: usize, place: Place, value: &Value) -> Result<(), Error> {
        let (schema, before) = (self.schema, self.out.bytes().len());
        let node = schema.node(place);
        self.out.branch(index, node);
        let written = self.value(place, value);
        match written {
            Ok(()) => self.out.end_branch(node),
            Err(_) => self.out.bytes().truncate(before),
        }
        written
    }
}

/// The text of a number with decimals.
fn number_text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Number(digits) => Some(Cow::Borrowed(digits)),
        Value::Int(n) => Some(Cow::Owned(n.to_string())),
        Value::Float(x) if x.is_finite() => Some(Cow::Owned(x.to_string())),
        Value::String(text) => std::str::from_utf8(text.as_bytes()).ok().map(Cow::Borrowed),
        _ => None,
    }
}
