//! Numbers and their text, by Go's rules: what users of the languages see in documents and errors.

mod format;
mod hex;
mod parse;

pub use format::{
    FloatSize, write_e, write_f, write_fixed6, write_g, write_int, write_json, write_uint, write_v,
};
pub(crate) use parse::short_decimal;
pub use parse::{
    NumberError, is_json_number, json_number_f64, json_number_i64, parse_float, parse_int,
    parse_int_any_base, parse_uint, parse_uint_any_base,
};
