//! The types of q, by the numbers and letters that the language and the wire use.

use super::data::Scalar;
use super::sym::Sym;

/// A globally unique identifier, in the order of its text.
pub type Guid = [u8; 16];

/// The type of an atom or of the items of a vector (spec/kdb-ipc.md §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Type {
    /// Items of any type: a general list.
    List = 0,
    /// `0b` or `1b`.
    Bool = 1,
    /// Sixteen bytes.
    Guid = 2,
    /// `0x00` to `0xff`.
    Byte = 4,
    /// Sixteen-bit integer.
    Short = 5,
    /// Thirty-two-bit integer.
    Int = 6,
    /// Sixty-four-bit integer.
    Long = 7,
    /// Single-precision float.
    Real = 8,
    /// Double-precision float.
    Float = 9,
    /// One byte of text.
    Char = 10,
    /// Interned text.
    Symbol = 11,
    /// Nanoseconds since 2000-01-01.
    Timestamp = 12,
    /// Months since 2000-01.
    Month = 13,
    /// Days since 2000-01-01.
    Date = 14,
    /// Days and their fraction since 2000-01-01.
    Datetime = 15,
    /// Nanoseconds.
    Timespan = 16,
    /// Minutes.
    Minute = 17,
    /// Seconds.
    Second = 18,
    /// Milliseconds.
    Time = 19,
}

/// All types that have atoms, by rising code.
pub(crate) const ATOMIC: [Type; 18] = [
    Type::Bool,
    Type::Guid,
    Type::Byte,
    Type::Short,
    Type::Int,
    Type::Long,
    Type::Real,
    Type::Float,
    Type::Char,
    Type::Symbol,
    Type::Timestamp,
    Type::Month,
    Type::Date,
    Type::Datetime,
    Type::Timespan,
    Type::Minute,
    Type::Second,
    Type::Time,
];

impl Type {
    /// The type of a vector's code, 0 to 19.
    #[must_use]
    pub fn from_code(code: i8) -> Option<Self> {
        if code == 0 {
            return Some(Self::List);
        }
        ATOMIC.into_iter().find(|t| *t as i8 == code)
    }

    /// The type of a letter such as `j`, in either case; `*` is the general list.
    #[must_use]
    pub fn from_letter(letter: u8) -> Option<Self> {
        if letter == b'*' {
            return Some(Self::List);
        }
        ATOMIC.into_iter().find(|t| t.letter() == letter.to_ascii_lowercase())
    }

    /// The type of a name such as `long`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        ATOMIC.into_iter().find(|t| t.name() == name)
    }

    /// The code of a vector of this type; an atom has its negative.
    #[must_use]
    pub fn code(self) -> i8 {
        self as i8
    }

    /// The letter of the type, as `meta` shows it; a blank for the general list.
    #[must_use]
    pub fn letter(self) -> u8 {
        *b" bg xhijefcspmdznuvt".get(self as usize).unwrap_or(&b' ')
    }

    /// The name of the type, as a cast takes it; empty for the general list.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::List => "",
            Self::Bool => "boolean",
            Self::Guid => "guid",
            Self::Byte => "byte",
            Self::Short => "short",
            Self::Int => "int",
            Self::Long => "long",
            Self::Real => "real",
            Self::Float => "float",
            Self::Char => "char",
            Self::Symbol => "symbol",
            Self::Timestamp => "timestamp",
            Self::Month => "month",
            Self::Date => "date",
            Self::Datetime => "datetime",
            Self::Timespan => "timespan",
            Self::Minute => "minute",
            Self::Second => "second",
            Self::Time => "time",
        }
    }

    /// The null of the type; for the general list it is a null long, which nothing stores.
    #[must_use]
    pub fn null(self) -> Scalar {
        match self {
            Self::Bool | Self::Byte => Scalar::U8(0),
            Self::Char => Scalar::U8(b' '),
            Self::Guid => Scalar::Guid([0; 16]),
            Self::Short => Scalar::I16(i16::MIN),
            Self::Real => Scalar::F32(f32::NAN),
            Self::Float | Self::Datetime => Scalar::F64(f64::NAN),
            Self::Symbol => Scalar::Sym(Sym::default()),
            Self::List | Self::Long | Self::Timestamp | Self::Timespan => Scalar::I64(i64::MIN),
            Self::Int | Self::Month | Self::Date | Self::Minute | Self::Second | Self::Time => {
                Scalar::I32(i32::MIN)
            }
        }
    }

    /// Whether the type is a point or a length of time.
    #[must_use]
    pub fn is_temporal(self) -> bool {
        self >= Self::Timestamp
    }

    /// Whether arithmetic has a meaning: everything but lists, guids, characters and symbols.
    #[must_use]
    pub fn is_numeric(self) -> bool {
        !matches!(self, Self::List | Self::Guid | Self::Char | Self::Symbol)
    }

    /// Whether the numbers are stored as floats.
    #[must_use]
    pub fn is_floating(self) -> bool {
        matches!(self, Self::Real | Self::Float | Self::Datetime)
    }
}

/// What the owner of a vector promises about it; a hint that writing removes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attr {
    /// Nothing.
    #[default]
    None,
    /// Ascending.
    Sorted,
    /// Without repetition.
    Unique,
    /// Equal items are neighbours.
    Parted,
    /// Indexed by value.
    Grouped,
    /// Enumerated: items of the variable of this name, or of its key when it is a keyed table.
    Domain(Sym),
    /// Linked: numbers of rows of the table of this name.
    Linked(Sym),
}

impl Attr {
    /// The byte of the wire, where an enumeration travels as what its items are.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::None | Self::Domain(_) | Self::Linked(_) => 0,
            Self::Sorted => 1,
            Self::Unique => 2,
            Self::Parted => 3,
            Self::Grouped => 4,
        }
    }

    /// The name of the variable that the items are from.
    #[must_use]
    pub fn domain(self) -> Option<Sym> {
        match self {
            Self::Domain(name) | Self::Linked(name) => Some(name),
            _ => None,
        }
    }

    /// The attribute of a byte of the wire; unknown ones are none, since they only are hints.
    #[must_use]
    pub fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Sorted,
            2 => Self::Unique,
            3 => Self::Parted,
            4 => Self::Grouped,
            _ => Self::None,
        }
    }

    /// The letter of the attribute, as in `` `s# ``.
    #[must_use]
    pub fn letter(self) -> Option<char> {
        match self {
            Self::None | Self::Domain(_) | Self::Linked(_) => None,
            Self::Sorted => Some('s'),
            Self::Unique => Some('u'),
            Self::Parted => Some('p'),
            Self::Grouped => Some('g'),
        }
    }
}
