//! Bytes to values.

use super::{DEPTH_MAX, Endian, IpcError, OBJECTS_MAX};
use crate::k::recent::{self, Recent};
use crate::k::{Attr, Data, Foreign, K, Scalar, Sym, Table, Type, Vector};
use crate::places::places;
use std::sync::Arc;

/// What a function takes of the objects of a body: it is larger than other values.
const FUNCTION_OBJECTS: usize = 4;
/// What the list of a call with one argument takes of them.
const CALL_OBJECTS: usize = 2;
/// Symbols that are read one by one: for so few it is not worth it to look for all their ends.
const FEW: usize = 16;
/// Symbols of one length in a row without which the next ones are not expected to be of one, too.
const ALIKE_MIN: usize = 64;

/// The content of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// A value.
    Value(K),
    /// The error that answers a request, without its quote mark.
    Error(String),
}

/// Decodes the body of a message: one object, or the error of a response.
///
/// # Errors
/// The bytes are no such object (spec/kdb-ipc.md §3).
pub fn decode_body(bytes: &[u8], endian: Endian) -> Result<Body, IpcError> {
    if let [0x80, rest @ ..] = bytes {
        let text = rest.split(|b| *b == 0).next().unwrap_or_default();
        return Ok(Body::Error(String::from_utf8_lossy(text).into_owned()));
    }
    decode(bytes, endian).map(Body::Value)
}

/// Decodes one object that takes all the bytes.
///
/// # Errors
/// The bytes are no object, or more than one.
pub fn decode(bytes: &[u8], endian: Endian) -> Result<K, IpcError> {
    decode_within(OBJECTS_MAX, bytes, endian)
}

/// The value of an object that this program has written itself, in bytes that it trusts: what
/// could be written can be read, of however many values it consists.
///
/// # Errors
/// As [`decode`].
pub fn decode_own(bytes: &[u8], endian: Endian) -> Result<K, IpcError> {
    decode_within(usize::MAX, bytes, endian)
}

fn decode_within(objects: usize, bytes: &[u8], endian: Endian) -> Result<K, IpcError> {
    let mut reader = Reader { rest: bytes, endian, objects };
    let value = reader.object(0)?;
    if reader.rest.is_empty() { Ok(value) } else { Err(IpcError::Trailing) }
}

/// The bytes in front of the argument of a call with one: those of a list of two whose first is a
/// symbol or a text. Another message that begins with the same bytes calls the same.
#[must_use]
pub fn head_bytes(bytes: &[u8], endian: Endian) -> Option<usize> {
    let mut reader = Reader { rest: bytes, endian, objects: OBJECTS_MAX };
    let (list, _attr) = (reader.byte().ok()?, reader.byte().ok()?);
    if list != 0 || reader.count(2).ok()? != 2 {
        return None;
    }
    match i8::from_ne_bytes([reader.byte().ok()?]) {
        -11 => drop(reader.text().ok()?),
        10 => {
            reader.byte().ok()?;
            let count = reader.count(1).ok()?;
            reader.take(count).ok()?;
        }
        _ => return None,
    }
    Some(bytes.len() - reader.rest.len())
}

/// Decodes the argument behind the head of a call ([`head_bytes`]), as it is read when all of the
/// call is.
///
/// # Errors
/// As [`decode`].
pub fn decode_argument(bytes: &[u8], endian: Endian) -> Result<K, IpcError> {
    let mut reader = Reader { rest: bytes, endian, objects: OBJECTS_MAX - CALL_OBJECTS };
    let value = reader.object(1)?;
    if reader.rest.is_empty() { Ok(value) } else { Err(IpcError::Trailing) }
}

struct Reader<'a> {
    rest: &'a [u8],
    endian: Endian,
    /// Objects that there may still be.
    objects: usize,
}

/// A number of the wire.
trait Number: Copy {
    /// The number that these bytes are, which must be as many as it has.
    fn one(bytes: &[u8], endian: Endian) -> Self;
    /// The numbers that these bytes are.
    fn all(bytes: &[u8], endian: Endian) -> Vec<Self>;
}

macro_rules! numbers {
    ($($t:ty),*) => {$(impl Number for $t {
        fn one(bytes: &[u8], endian: Endian) -> Self {
            let number = match endian {
                Endian::Little => bytes.try_into().map(Self::from_le_bytes),
                Endian::Big => bytes.try_into().map(Self::from_be_bytes),
            };
            number.unwrap_or_default()
        }
        fn all(bytes: &[u8], endian: Endian) -> Vec<Self> {
            let (items, _) = bytes.as_chunks();
            match endian {
                Endian::Little => items.iter().map(|item| Self::from_le_bytes(*item)).collect(),
                Endian::Big => items.iter().map(|item| Self::from_be_bytes(*item)).collect(),
            }
        }
    })*};
}
numbers!(i16, i32, i64, f32, f64);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], IpcError> {
        let (head, rest) = self.rest.split_at_checked(count).ok_or(IpcError::Truncated)?;
        self.rest = rest;
        Ok(head)
    }

    fn byte(&mut self) -> Result<u8, IpcError> {
        Ok(self.take(1)?.first().copied().unwrap_or_default())
    }

    fn number<T: Number>(&mut self) -> Result<T, IpcError> {
        let bytes = self.take(size_of::<T>())?;
        Ok(T::one(bytes, self.endian))
    }

    fn numbers<T: Number>(&mut self, count: usize) -> Result<Vec<T>, IpcError> {
        let bytes = count.checked_mul(size_of::<T>()).ok_or(IpcError::BadLength)?;
        let bytes = self.take(bytes).map_err(|_| IpcError::BadLength)?;
        Ok(T::all(bytes, self.endian))
    }

    /// The count of a list whose items take at least `least` bytes each.
    fn count(&mut self, least: usize) -> Result<usize, IpcError> {
        let count = usize::try_from(self.number::<i32>()?).map_err(|_| IpcError::BadLength)?;
        if count.saturating_mul(least) > self.rest.len() {
            return Err(IpcError::BadLength);
        }
        Ok(count)
    }

    /// Takes objects off those that there may be, before there is memory for them: the shortest
    /// has two bytes, its value many more.
    fn claim(&mut self, objects: usize) -> Result<(), IpcError> {
        self.objects = self.objects.checked_sub(objects).ok_or(IpcError::TooManyObjects)?;
        Ok(())
    }

    /// The objects of a list.
    fn objects(&mut self, depth: usize) -> Result<Vec<K>, IpcError> {
        // The shortest object has two bytes.
        let count = self.count(2)?;
        self.claim(count)?;
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(self.object(depth + 1)?);
        }
        Ok(items)
    }

    fn text(&mut self) -> Result<&'a [u8], IpcError> {
        let end = memchr::memchr(0, self.rest).ok_or(IpcError::Truncated)?;
        let text = self.take(end)?;
        self.take(1)?;
        Ok(text)
    }

    /// Symbols; those that were read lately are not looked up again.
    fn symbols(&mut self, count: usize, known: &mut Recent) -> Result<Vec<Sym>, IpcError> {
        let mut out = vec![Sym::default(); count];
        if count <= FEW {
            for slot in &mut out {
                *slot = self.recent(known)?;
            }
            return Ok(out);
        }
        let (mut slots, mut alike) = (out.as_mut_slice(), true);
        while !slots.is_empty() {
            if alike && let Some(len) = recent::length(self.rest) {
                let count = known.read_alike(self.rest, len, slots);
                self.rest = self.rest.get(count * (len + 1)..).unwrap_or_default();
                slots = slots.get_mut(count..).unwrap_or_default();
                alike = count >= ALIKE_MIN;
            }
            if let Some(group) = self.rest.first_chunk() {
                let (count, bytes) = known.read_ended(self.rest, places(group, 0, 0), slots);
                self.rest = self.rest.get(bytes..).unwrap_or_default();
                slots = slots.get_mut(count..).unwrap_or_default();
                if count > 0 {
                    continue;
                }
            }
            // The last ones, a long one, or one that is not known yet.
            let Some((first, others)) = slots.split_first_mut() else { break };
            *first = self.recent(known)?;
            slots = others;
        }
        Ok(out)
    }

    /// The next symbol.
    fn recent(&mut self, known: &mut Recent) -> Result<Sym, IpcError> {
        let all = self.rest;
        let len = recent::length(all).or_else(|| memchr::memchr(0, all));
        let len = len.ok_or(IpcError::Truncated)?;
        self.rest = all.get(len + 1..).unwrap_or_default();
        match known.read(all, len) {
            Some(symbol) => Ok(symbol),
            None => self.unknown(all, len, known),
        }
    }

    /// The symbol whose text has `len` bytes and was not read lately.
    #[cold]
    fn unknown(&self, bytes: &[u8], len: usize, known: &mut Recent) -> Result<Sym, IpcError> {
        let text = bytes.get(..len).unwrap_or_default();
        let symbol = Sym::intern(text).ok_or(IpcError::TooManySymbols)?;
        known.keep(bytes, len, symbol);
        Ok(symbol)
    }

    fn object(&mut self, depth: usize) -> Result<K, IpcError> {
        if depth >= DEPTH_MAX {
            return Err(IpcError::TooDeep);
        }
        let code = i8::from_ne_bytes([self.byte()?]);
        match code {
            ..0 => {
                let ty = Type::from_code(code.checked_neg().ok_or(IpcError::BadType(code))?);
                self.atom(ty.ok_or(IpcError::BadType(code))?)
            }
            0..=19 => self.vector(Type::from_code(code).ok_or(IpcError::BadType(code))?, depth),
            98 => self.table(depth),
            99 | 127 => self.dict(code == 127, depth),
            100..=112 => self.function(code, depth),
            _ => Err(IpcError::BadType(code)),
        }
    }

    fn atom(&mut self, ty: Type) -> Result<K, IpcError> {
        let scalar = match ty.null() {
            Scalar::U8(_) if ty == Type::Bool => Scalar::U8(u8::from(self.byte()? != 0)),
            Scalar::U8(_) => Scalar::U8(self.byte()?),
            Scalar::I16(_) => Scalar::I16(self.number()?),
            Scalar::I32(_) => Scalar::I32(self.number()?),
            Scalar::I64(_) => Scalar::I64(self.number()?),
            Scalar::F32(_) => Scalar::F32(self.number()?),
            Scalar::F64(_) => Scalar::F64(self.number()?),
            Scalar::Sym(_) => Scalar::Sym(recent::with(|known| self.recent(known))?),
            Scalar::Guid(_) => Scalar::Guid(self.take(16)?.try_into().unwrap_or_default()),
        };
        Ok(K::Atom(ty, scalar))
    }

    fn vector(&mut self, ty: Type, depth: usize) -> Result<K, IpcError> {
        let attr = Attr::from_code(self.byte()?);
        if ty == Type::List {
            return Ok(K::list(self.objects(depth)?).with_attr(attr));
        }
        let count = self.count(1)?;
        let data: Data = match ty.null() {
            Scalar::U8(_) if ty == Type::Bool => {
                self.take(count)?.iter().map(|b| u8::from(*b != 0)).collect::<Vec<_>>().into()
            }
            Scalar::U8(_) => self.take(count)?.to_vec().into(),
            Scalar::I16(_) => self.numbers::<i16>(count)?.into(),
            Scalar::I32(_) => self.numbers::<i32>(count)?.into(),
            Scalar::I64(_) => self.numbers::<i64>(count)?.into(),
            Scalar::F32(_) => self.numbers::<f32>(count)?.into(),
            Scalar::F64(_) => self.numbers::<f64>(count)?.into(),
            Scalar::Sym(_) => recent::with(|known| self.symbols(count, known))?.into(),
            Scalar::Guid(_) => {
                let bytes = count.checked_mul(16).ok_or(IpcError::BadLength)?;
                let items = self.take(bytes)?.chunks_exact(16);
                items.map(|c| c.try_into().unwrap_or_default()).collect::<Vec<[u8; 16]>>().into()
            }
        };
        Ok(K::Vec(Vector { ty, attr, data }))
    }

    fn dict(&mut self, sorted: bool, depth: usize) -> Result<K, IpcError> {
        self.claim(2)?;
        let keys = self.object(depth + 1)?;
        let values = self.object(depth + 1)?;
        let list = |k: &K| matches!(k, K::Vec(_) | K::Table(_) | K::Dict(_));
        if !list(&keys) || !list(&values) || keys.len() != values.len() {
            return Err(IpcError::BadShape);
        }
        Ok(if sorted { K::sorted_dict(keys, values) } else { K::dict(keys, values) })
    }

    fn table(&mut self, depth: usize) -> Result<K, IpcError> {
        self.byte()?;
        if !matches!(self.byte()?, 99 | 127) {
            return Err(IpcError::BadShape);
        }
        let names = self.names(depth)?;
        let columns = self.columns(depth)?;
        let (Some(names), Some(columns)) = (names, columns) else {
            return Err(IpcError::BadShape);
        };
        let rows = columns.first().map_or(0, K::len);
        let is_column = |k: &K| matches!(k, K::Vec(_)) && k.len() == rows;
        match names.len() == columns.len() && columns.iter().all(is_column) {
            true => Ok(K::Table(Arc::new(Table { names, columns }))),
            false => Err(IpcError::BadShape),
        }
    }

    /// The names of a table's columns; `None` where they are no symbols. Tables that follow each
    /// other share them.
    fn names(&mut self, depth: usize) -> Result<Option<Arc<Vec<Sym>>>, IpcError> {
        if let Some((names, len)) = recent::names(self.rest, self.endian) {
            self.rest = self.rest.get(len..).unwrap_or_default();
            return Ok(Some(names));
        }
        let all = self.rest;
        match self.object(depth + 1)? {
            K::Vec(Vector { data: Data::Sym(names), .. }) => {
                let len = all.len() - self.rest.len();
                recent::keep_names(all.get(..len).unwrap_or_default(), self.endian, &names);
                Ok(Some(names))
            }
            _ => Ok(None),
        }
    }

    /// The columns of a table; `None` where they are no general list.
    fn columns(&mut self, depth: usize) -> Result<Option<Vec<K>>, IpcError> {
        let depth = depth + 1;
        if self.rest.first() != Some(&0) || depth >= DEPTH_MAX {
            return self.object(depth).map(|_| None);
        }
        let (_list, _attr) = (self.byte()?, self.byte()?);
        self.objects(depth).map(Some)
    }

    fn function(&mut self, code: i8, depth: usize) -> Result<K, IpcError> {
        let mut func =
            Foreign { code, index: 0, context: Vec::new(), source: Vec::new(), items: Vec::new() };
        match code {
            100 => {
                func.context = self.text()?.to_vec();
                let source = self.object(depth + 1)?;
                func.source = source.as_text().ok_or(IpcError::BadShape)?.to_vec();
            }
            101..=103 => {
                func.index = self.byte()?;
                if code == 101 && func.index == 0 {
                    return Ok(K::Null);
                }
            }
            104 | 105 => func.items = self.objects(depth)?,
            106..=111 => func.items.push(self.object(depth + 1)?),
            _ => return Err(IpcError::BadType(code)),
        }
        self.claim(FUNCTION_OBJECTS)?;
        Ok(K::Func(Arc::new(func)))
    }
}
