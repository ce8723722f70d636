//! Values to bytes.

use super::{BYTES_MAX, DEPTH_MAX, Endian, IpcError};
use crate::budget;
use crate::k::{Attr, Data, Function, K, Scalar, Table};
use crate::on_k_data;

/// Appends the object of a value.
///
/// # Errors
/// The value is nested too deep, has too long a list, takes more than [`BYTES_MAX`], or holds a
/// function of this process only; `out` then holds a part of it.
pub fn encode(value: &K, endian: Endian, out: &mut Vec<u8>) -> Result<(), IpcError> {
    let most = out.len().saturating_add(BYTES_MAX);
    Writer { out, endian, most }.object(value, 0)
}

/// Appends the body of a response that reports an error.
pub fn encode_error(text: &str, out: &mut Vec<u8>) {
    out.push(0x80);
    out.extend(text.bytes().filter(|b| *b != 0));
    out.push(0);
}

struct Writer<'a> {
    out: &'a mut Vec<u8>,
    endian: Endian,
    /// Bytes that `out` may have. A value that holds another again and again takes little memory
    /// and has no end here.
    most: usize,
}

/// Appends numbers in the wanted order.
macro_rules! put {
    ($self:ident, $items:expr) => {
        if $self.endian == Endian::Little {
            $items.for_each(|x| $self.out.extend_from_slice(&x.to_le_bytes()))
        } else {
            $items.for_each(|x| $self.out.extend_from_slice(&x.to_be_bytes()))
        }
    };
}

impl Writer<'_> {
    fn code(&mut self, code: i8) {
        self.out.push(code.to_ne_bytes()[0]);
    }

    fn count(&mut self, count: usize) -> Result<(), IpcError> {
        let count = i32::try_from(count).map_err(|_| IpcError::TooLong)?;
        put!(self, std::iter::once(count));
        Ok(())
    }

    /// Asks for room for so many bytes.
    fn room(&self, bytes: usize) -> Result<(), IpcError> {
        budget::check();
        let all = self.out.len().saturating_add(bytes);
        if all > self.most { Err(IpcError::TooLarge) } else { Ok(()) }
    }

    fn object(&mut self, value: &K, depth: usize) -> Result<(), IpcError> {
        if depth >= DEPTH_MAX {
            return Err(IpcError::TooDeep);
        }
        self.room(0)?;
        match value {
            K::Atom(ty, scalar) => {
                self.code(-ty.code());
                self.scalar(*scalar);
            }
            K::Vec(v) => self.vector(v.ty.code(), v.attr, &v.data, depth)?,
            K::Dict(d) => {
                self.code(if d.sorted { 127 } else { 99 });
                self.object(&d.keys, depth + 1)?;
                self.object(&d.values, depth + 1)?;
            }
            K::Table(t) => self.table(t, depth)?,
            K::Func(f) => self.function(f.as_ref(), depth)?,
            K::Null => self.out.extend_from_slice(&[101, 0]),
        }
        Ok(())
    }

    fn scalar(&mut self, scalar: Scalar) {
        match scalar {
            Scalar::U8(x) => self.out.push(x),
            Scalar::I16(x) => put!(self, std::iter::once(x)),
            Scalar::I32(x) => put!(self, std::iter::once(x)),
            Scalar::I64(x) => put!(self, std::iter::once(x)),
            Scalar::F32(x) => put!(self, std::iter::once(x)),
            Scalar::F64(x) => put!(self, std::iter::once(x)),
            Scalar::Sym(x) => {
                self.out.extend_from_slice(x.as_bytes());
                self.out.push(0);
            }
            Scalar::Guid(x) => self.out.extend_from_slice(&x),
        }
    }

    fn vector(&mut self, code: i8, attr: Attr, data: &Data, depth: usize) -> Result<(), IpcError> {
        self.code(code);
        self.out.push(attr.code());
        self.count(data.len())?;
        self.room(on_k_data!(data, v => size_of_val(v.as_slice())))?;
        match data {
            Data::U8(v) => self.out.extend_from_slice(v),
            Data::I16(v) => put!(self, v.iter()),
            Data::I32(v) => put!(self, v.iter()),
            Data::I64(v) => put!(self, v.iter()),
            Data::F32(v) => put!(self, v.iter()),
            Data::F64(v) => put!(self, v.iter()),
            Data::Sym(v) => {
                for symbol in v.iter() {
                    self.scalar(Scalar::Sym(*symbol));
                    if self.out.len() > self.most {
                        return Err(IpcError::TooLarge);
                    }
                }
            }
            Data::Guid(v) => v.iter().for_each(|g| self.out.extend_from_slice(g)),
            Data::List(v) => {
                for item in v.iter() {
                    self.object(item, depth + 1)?;
                }
            }
        }
        Ok(())
    }

    fn table(&mut self, table: &Table, depth: usize) -> Result<(), IpcError> {
        self.out.extend_from_slice(&[98, 0, 99]);
        self.object(&K::syms(table.names.to_vec()), depth + 1)?;
        self.code(0);
        self.out.push(0);
        self.count(table.columns.len())?;
        for column in &table.columns {
            self.object(column, depth + 2)?;
        }
        Ok(())
    }

    fn function(&mut self, func: &dyn Function, depth: usize) -> Result<(), IpcError> {
        let code = func.code();
        self.code(code);
        match code {
            100 => {
                self.out.extend_from_slice(&func.context());
                self.out.push(0);
                self.object(&K::str(func.source()), depth + 1)
            }
            101..=103 => {
                self.out.push(func.index().ok_or(IpcError::NotPortable)?);
                Ok(())
            }
            104 | 105 => {
                let items = func.items();
                self.count(items.len())?;
                items.iter().try_for_each(|item| self.object(item, depth + 1))
            }
            106..=111 => match func.items().first() {
                Some(item) => self.object(item, depth + 1),
                None => Err(IpcError::NotPortable),
            },
            _ => Err(IpcError::NotPortable),
        }
    }
}
