//! Types of fields and the rules by which operations choose theirs (spec/nes-query-language.md §4).

use std::fmt;

use plan::DataType;
use serde::{Deserialize, Serialize};

/// Type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    /// An integer.
    Int {
        /// 8, 16, 32 or 64.
        bits: u8,
        /// Whether it may be negative.
        signed: bool,
    },
    /// A float of 32 or 64 bits.
    Float {
        /// 32 or 64.
        bits: u8,
    },
    /// `BOOLEAN`.
    Boolean,
    /// One character.
    Char,
    /// Text of exactly so many bytes.
    FixedChar(u32),
    /// Text of any length.
    Text,
}

/// `INT32`, the type of a plain integer constant.
pub const INT32: Type = Type::Int { bits: 32, signed: true };
/// `INT64`.
pub const INT64: Type = Type::Int { bits: 64, signed: true };
/// `UINT64`, the type of times and counts.
pub const UINT64: Type = Type::Int { bits: 64, signed: false };
/// `FLOAT64`.
pub const FLOAT64: Type = Type::Float { bits: 64 };

impl Type {
    /// The type of this name, as `BasicType::` and configuration files have it.
    #[must_use]
    pub fn named(name: &str) -> Option<Type> {
        let name = name.to_ascii_uppercase();
        let int = |bits, signed| Some(Type::Int { bits, signed });
        match name.as_str() {
            "INT8" => int(8, true),
            "INT16" => int(16, true),
            "INT32" => int(32, true),
            "INT64" => int(64, true),
            "UINT8" => int(8, false),
            "UINT16" => int(16, false),
            "UINT32" => int(32, false),
            "UINT64" => int(64, false),
            "FLOAT32" | "FLOAT" => Some(Type::Float { bits: 32 }),
            "FLOAT64" | "DOUBLE" => Some(Type::Float { bits: 64 }),
            "BOOLEAN" | "BOOL" => Some(Type::Boolean),
            "CHAR" => Some(Type::Char),
            "TEXT" | "VARSIZED" => Some(Type::Text),
            _ => None,
        }
    }

    /// How columns store it.
    #[must_use]
    pub fn stored(self) -> DataType {
        match self {
            Type::Int { bits: 8, signed: true } => DataType::I8,
            Type::Int { bits: 16, signed: true } => DataType::I16,
            Type::Int { bits: 32, signed: true } => DataType::I32,
            Type::Int { signed: true, .. } => DataType::I64,
            Type::Int { bits: 8, .. } => DataType::U8,
            Type::Int { bits: 16, .. } => DataType::U16,
            Type::Int { bits: 32, .. } => DataType::U32,
            Type::Int { .. } => DataType::U64,
            Type::Float { bits: 32 } => DataType::F32,
            Type::Float { .. } => DataType::F64,
            Type::Boolean => DataType::Bool,
            Type::Char => DataType::Char,
            Type::FixedChar(_) | Type::Text => DataType::Text,
        }
    }

    /// Bytes of it in a row of a logical buffer (spec/nes-system.md §9).
    #[must_use]
    pub fn row_bytes(self) -> u64 {
        match self {
            Type::Int { bits, .. } | Type::Float { bits } => u64::from(bits) / 8,
            Type::Boolean | Type::Char => 1,
            Type::FixedChar(len) => len.into(),
            Type::Text => 4,
        }
    }

    /// Whether arithmetic works on it.
    #[must_use]
    pub fn is_number(self) -> bool {
        matches!(self, Type::Int { .. } | Type::Float { .. })
    }

    /// Its name in the SQL dialect.
    #[must_use]
    pub fn sql_name(self) -> String {
        match self {
            Type::Int { bits, signed: true } => format!("INT{bits}"),
            Type::Int { bits, signed: false } => format!("UINT{bits}"),
            Type::Float { bits } => format!("FLOAT{bits}"),
            Type::Boolean => "BOOLEAN".to_owned(),
            Type::Char => "CHAR".to_owned(),
            Type::FixedChar(_) | Type::Text => "VARSIZED".to_owned(),
        }
    }

    /// Whether it is text of any kind.
    #[must_use]
    pub fn is_text(self) -> bool {
        matches!(self, Type::FixedChar(_) | Type::Text)
    }
}

/// The type of an operation on two numbers: the widest, signed if one of them is, floating if one
/// of them is.
#[must_use]
pub fn join(a: Type, b: Type) -> Option<Type> {
    match (a, b) {
        (Type::Int { bits: x, signed: s }, Type::Int { bits: y, signed: t }) => {
            Some(Type::Int { bits: x.max(y), signed: s || t })
        }
        (Type::Float { bits: x }, Type::Float { bits: y } | Type::Int { bits: y, .. })
        | (Type::Int { bits: y, .. }, Type::Float { bits: x }) => {
            Some(Type::Float { bits: if x.max(y) > 32 { 64 } else { 32 } })
        }
        _ => None,
    }
}

/// The type of an operation on two numbers by the rules of C++: integers count as at least 32 bits,
/// the wider wins, and of two of a width the unsigned; a float wins over integers of any width.
#[must_use]
pub fn promote(a: Type, b: Type) -> Option<Type> {
    match (a, b) {
        (Type::Int { bits: x, signed: s }, Type::Int { bits: y, signed: t }) => {
            let (left, right) = (promoted(x, s), promoted(y, t));
            let bits = left.0.max(right.0);
            let unsigned = [left, right].contains(&(bits, false));
            Some(Type::Int { bits, signed: !unsigned })
        }
        (Type::Float { bits: x }, Type::Float { bits: y }) => Some(Type::Float { bits: x.max(y) }),
        (float @ Type::Float { .. }, Type::Int { .. })
        | (Type::Int { .. }, float @ Type::Float { .. }) => Some(float),
        _ => None,
    }
}

/// Bits and sign of an integer in arithmetic: what is smaller than 32 bits fits the signed ones.
fn promoted(bits: u8, signed: bool) -> (u8, bool) {
    if bits < 32 { (32, true) } else { (bits, signed) }
}

impl fmt::Display for Type {
    /// As headers of CSV files and schemas show it (spec/nes-query-language.md §7).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Int { bits, .. } => write!(f, "INTEGER({bits} bits)"),
            Type::Float { bits } => write!(f, "Float({bits} bits)"),
            Type::Boolean => f.write_str("Boolean"),
            Type::Char => f.write_str("Char"),
            Type::FixedChar(_) => f.write_str("ArrayType"),
            Type::Text => f.write_str("Text"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_join_to_the_widest() {
        let u32 = Type::Int { bits: 32, signed: false };
        let f32 = Type::Float { bits: 32 };
        assert_eq!(join(u32, UINT64), Some(UINT64));
        assert_eq!(join(UINT64, INT32), Some(INT64));
        assert_eq!(join(u32, f32), Some(f32));
        assert_eq!(join(UINT64, f32), Some(FLOAT64));
        assert_eq!(join(Type::Boolean, u32), None);
    }

    #[test]
    fn promotion_is_that_of_cpp() {
        let int = |bits, signed| Type::Int { bits, signed };
        let cases = [
            (int(8, true), int(8, true), INT32),
            (int(16, false), int(8, true), INT32),
            (INT32, int(32, false), int(32, false)),
            (int(8, true), int(32, false), int(32, false)),
            (INT64, int(32, false), INT64),
            (INT64, UINT64, UINT64),
            (int(8, true), UINT64, UINT64),
            (INT64, Type::Float { bits: 32 }, Type::Float { bits: 32 }),
            (Type::Float { bits: 32 }, FLOAT64, FLOAT64),
        ];
        for (a, b, result) in cases {
            assert_eq!(promote(a, b), Some(result), "{} {}", a.sql_name(), b.sql_name());
            assert_eq!(promote(b, a), Some(result));
        }
        assert_eq!(promote(Type::Text, INT32), None);
    }

    #[test]
    fn names_and_texts() {
        assert_eq!(Type::named("UINT16").unwrap().to_string(), "INTEGER(16 bits)");
        assert_eq!(Type::named("float32").unwrap().to_string(), "Float(32 bits)");
        assert_eq!(Type::named("TEXT").unwrap().to_string(), "Text");
        assert_eq!(Type::named("INT128"), None);
    }
}
