//! Items of vectors of numbers in the two domains of kernels, read where they are: narrow columns
//! need not be widened first.

use crate::convert::numeric::{NULL, to_float, to_int, widen16, widen32};

/// An item of a vector of numbers or times.
pub(crate) trait Item: Copy {
    /// As an integer; nulls are [`NULL`].
    fn int(self) -> i64;
    /// As a float; nulls are NaN.
    fn float(self) -> f64;
}

macro_rules! items {
    ($($t:ty, $x:ident, $int:expr, $float:expr;)*) => {$(
        impl Item for $t {
            fn int(self) -> i64 {
                let $x = self;
                $int
            }
            fn float(self) -> f64 {
                let $x = self;
                $float
            }
        }
    )*};
}
items!(
    u8, x, i64::from(x), f64::from(x);
    i16, x, widen16(x), if x == i16::MIN { f64::NAN } else { f64::from(x) };
    i32, x, widen32(x), if x == i32::MIN { f64::NAN } else { f64::from(x) };
    i64, x, x, to_float(x);
    f32, x, to_int(f64::from(x)), f64::from(x);
    f64, x, to_int(x), x;
);

/// Whether an integer is the null.
pub(crate) fn is_null(x: i64) -> bool {
    x == NULL
}

/// Evaluates an expression with `$v` bound to the items of a vector of numbers; another one for
/// symbols, guids and general lists.
macro_rules! on_numbers {
    ($data:expr, $v:ident => $e:expr, _ => $other:expr) => {
        match $data {
            formats::k::Data::U8($v) => $e,
            formats::k::Data::I16($v) => $e,
            formats::k::Data::I32($v) => $e,
            formats::k::Data::I64($v) => $e,
            formats::k::Data::F32($v) => $e,
            formats::k::Data::F64($v) => $e,
            formats::k::Data::Sym(_) | formats::k::Data::Guid(_) | formats::k::Data::List(_) => {
                $other
            }
        }
    };
}
pub(crate) use on_numbers;
