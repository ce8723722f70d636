//! The binary form into a document.

use formats::value::{Object, Text, Value};

use super::error::Error;
use super::numbers::{content, float, meaning};
use super::schema::{Field, Kind, Place, Schema};
use super::{Budget, deeper};

/// Items for which there is room before they were read, whatever a block says of itself.
const ITEMS_AHEAD_MAX: usize = 1 << 10;

/// Reads the value at the beginning; what follows it does not count.
///
/// # Errors
/// When the bytes do not fit the schema.
pub(crate) fn read(schema: &Schema, bytes: &[u8]) -> Result<Value, Error> {
    Reader { schema, rest: bytes, budget: Budget::new() }.value(schema.root)
}

/// The same behind the mark of single objects.
///
/// # Errors
/// When the mark is missing or of another schema too.
pub(crate) fn read_single(schema: &Schema, bytes: &[u8]) -> Result<Value, Error> {
    let Some((mark, rest)) = bytes.split_first_chunk::<10>() else {
        let have = bytes.len();
        return Err(Error::plain(format!(
            "avro: single-object encoding too short: need at least 10 bytes, have {have}"
        )));
    };
    match mark {
        mark if *mark == schema.mark => read(schema, rest),
        [0xc3, 0x01, ..] => Err(Error::plain("avro: single-object encoding fingerprint mismatch")),
        [a, b, ..] => Err(Error::plain(format!(
            "avro: invalid single-object encoding magic: got [{a:#x}, {b:#x}], want [0xc3, 0x01]"
        ))),
    }
}

struct Reader<'s, 'b> {
    schema: &'s Schema,
    rest: &'b [u8],
    budget: Budget,
}

impl<'s, 'b> Reader<'s, 'b> {
    fn take(&mut self, len: usize, what: &str) -> Result<&'b [u8], Error> {
        let short = || Error::short(what, len, self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(len).ok_or_else(short)?;
        self.rest = rest;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self, what: &str) -> Result<[u8; N], Error> {
        let bytes = self.take(N, what)?;
        bytes.first_chunk().copied().ok_or_else(|| Error::short(what, N, bytes.len()))
    }

    /// An integer of so many bits, in groups of seven from the lowest.
    fn varint(&mut self, bits: u32, name: &str) -> Result<i64, Error> {
        let mut value = 0_u64;
        for at in 0..bits.div_ceil(7) {
            let Some((byte, rest)) = self.rest.split_first() else {
                return Err(Error::plain(format!("avro: short buffer for {name}")));
            };
            self.rest = rest;
            let (group, shift) = (u64::from(byte & 0x7f), at * 7);
            if shift + 7 > bits && group >> (bits - shift) != 0 {
                break;
            }
            value |= group << shift;
            if byte & 0x80 == 0 {
                return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
            }
        }
        Err(Error::plain(format!("{name} overflows {bits} bits")))
    }

    fn int(&mut self) -> Result<i64, Error> {
        self.varint(32, "uvarint")
    }

    fn long(&mut self) -> Result<i64, Error> {
        self.varint(64, "uvarlong")
    }

    /// Bytes behind their length.
    fn counted(&mut self, what: &'static str) -> Result<&'b [u8], Error> {
        let len = self.long()?;
        let bad = || Error::plain(format!("invalid negative {what} length {len}"));
        self.take(usize::try_from(len).map_err(|_| bad())?, what)
    }

    /// How many items the next block has.
    fn block(&mut self, what: &str) -> Result<usize, Error> {
        let mut count = self.long()?;
        if count < 0 {
            let bad = || Error::plain(format!("invalid {what} block count"));
            count = count.checked_neg().ok_or_else(bad)?;
            self.long()?; // its length in bytes
        }
        let have = self.rest.len();
        match usize::try_from(count) {
            Ok(count) if count <= have => Ok(count),
            _ => Err(Error::plain(format!(
                "{what} block count {count} exceeds remaining buffer length {have}"
            ))),
        }
    }

    fn value(&mut self, place: Place) -> Result<Value, Error> {
        self.budget.enter()?;
        let value = deeper(|| self.inner(place))?;
        self.budget.leave();
        Ok(value)
    }

    fn inner(&mut self, place: Place) -> Result<Value, Error> {
        let schema = self.schema;
        match &schema.node(place).kind {
            Kind::Null => Ok(Value::Null),
            Kind::Boolean => match self.rest.split_first() {
                Some((byte, rest)) => {
                    self.rest = rest;
                    Ok(Value::Bool(*byte != 0))
                }
                None => Err(Error::plain("avro: short buffer for boolean")),
            },
            Kind::Int(whole) => meaning(self.int()?, *whole),
            Kind::Long(whole) => meaning(self.long()?, *whole),
            Kind::Float => {
                let x = f32::from_le_bytes(self.fixed("uint32")?);
                Ok(float(x.into(), Value::Float32(x)))
            }
            Kind::Double => {
                let x = f64::from_le_bytes(self.fixed("uint64")?);
                Ok(float(x, Value::Float(x)))
            }
            Kind::String => Ok(Value::text(self.counted("string")?)),
            Kind::Bytes(raw) => Ok(content(self.counted("bytes")?, *raw)),
            Kind::Fixed(size, raw) => Ok(content(self.take(*size, "fixed")?, *raw)),
            Kind::Enum(symbols) => {
                let index = self.int()?;
                let symbol = usize::try_from(index).ok().and_then(|at| symbols.get(at));
                symbol.map(|symbol| Value::String(symbol.clone())).ok_or_else(|| {
                    let len = symbols.len();
                    Error::plain(format!("enum index {index} out of range [0, {len})"))
                })
            }
            Kind::Array(items) => self.array(*items),
            Kind::Map(values) => self.map(*values),
            Kind::Record(fields) => self.record(fields),
            Kind::Union(branches) => self.union(branches),
        }
    }

    fn array(&mut self, items: Place) -> Result<Value, Error> {
        let mut all = Vec::new();
        loop {
            let count = self.block("array")?;
            if count == 0 {
                return Ok(Value::array(all));
            }
            all.reserve(count.min(ITEMS_AHEAD_MAX));
            for _ in 0..count {
                all.push(self.value(items)?);
            }
        }
    }

    fn map(&mut self, values: Place) -> Result<Value, Error> {
        let mut all = Vec::new();
        loop {
            let count = self.block("map")?;
            if count == 0 {
                return Ok(Value::object(Object::from(all)));
            }
            all.reserve(count.min(ITEMS_AHEAD_MAX));
            for _ in 0..count {
                let name = Text::from(self.counted("string")?);
                all.push((name, self.value(values)?));
            }
        }
    }

    fn record(&mut self, fields: &[Field]) -> Result<Value, Error> {
        let mut members = Vec::with_capacity(fields.len());
        for field in fields {
            let value = self.value(field.place);
            let value = value.map_err(|e| e.in_field(&field.name.to_str_lossy(), None))?;
            members.push((field.name.clone(), value));
        }
        Ok(Value::object(Object::from(members)))
    }

    fn union(&mut self, branches: &[Place]) -> Result<Value, Error> {
        let index = self.int()?;
        let place = usize::try_from(index).ok().and_then(|at| branches.get(at).copied());
        let place = place.ok_or_else(|| {
            let len = branches.len();
            Error::plain(format!("union index {index} out of range [0, {len})"))
        })?;
        let value = self.value(place)?;
        Ok(tagged(self.schema, place, value))
    }
}

/// A value as a branch of a union: named, unless it is nothing.
pub(super) fn tagged(schema: &Schema, place: Place, value: Value) -> Value {
    if matches!(value, Value::Null) {
        return value;
    }
    let tag = schema.node(place).tag.clone();
    Value::object(Object::from(vec![(tag, value)]))
}
