//! The methods of the language, one a file.
//!
//! # How to write a method
//! A file `methods/<name>.rs` with one `pub(super) static SPEC: Method`, a line in the `mod` list
//! and one in [`ALL`] below (both sorted; a test compares them with the folder). A function is the
//! same with [`crate::spec::Function`] under `functions/`. Fill in name, category, a summary in
//! your own words, the parameters with their names and types, examples (they run as tests), and
//! leave the rest to `..Method::CORE` or `..Method::PLUGIN`. The difference between these two is
//! whether errors name the expression the method was called on: `field `this.v`: bad` (core) or
//! just `bad` (plugin); which is which stands in spec/bloblang.md §7. Annotations are added by the
//! evaluator, never in the method: return `Error::new("bad")`, or the error that
//! `target.as_text()?`, `as_array()?`, ... give, which says `expected string value, got ...`.
//!
//! The work is a [`crate::spec::Run`]:
//! - `Run::Simple(fn(Val, &Args) -> Result<Val, Error>)`: a result from target and arguments. See
//!   [`length`](mod@length) (no arguments), [`trim_prefix`](mod@trim_prefix) (with one). Arguments
//!   were checked against the parameters: `args.text(0)`, `args.int(1)`, `args.opt_bool(2)`.
//! - `Run::Prepared(fn(&Args) -> Result<Prepared, Error>)`: checks arguments and prepares something
//!   (a compiled expression, a table) and returns a closure. For literal arguments this happens at
//!   parse time and its error is a parse error; what dynamic arguments prepared last is kept. See
//!   [`re_match`](mod@re_match), [`slice`](mod@slice).
//! - `Run::Lambda(fn(Val, &Args, &mut Ctx) -> Result<Val, Error>)`: evaluates query arguments
//!   (`Kind::Query`) with `args.query(0)?.call(cx, &element)`. See [`map_each`](mod@map_each).
//! - `Run::Raw(fn(&Node, &Args, &mut Ctx) -> Result<Val, Error>)`: evaluates its target itself, to
//!   look at its errors, and annotates for itself. See [`catch`](mod@catch),
//!   [`number`](mod@number).
//!
//! `folds: true` lets a literal target be evaluated at parse time (all `ts_*` and
//! `parse_duration*`), see [`ts_parse`](mod@ts_parse).
//!
//! `quick` is optional: the same on borrowed values, for hot methods. A [`crate::spec::Hook`] takes
//! arguments that are known ([`length`](mod@length), [`split`](mod@split)), prepares them
//! ([`re_match`](mod@re_match)), takes any arguments ([`merge`](mod@merge)) or evaluates a query
//! ([`map_each`](mod@map_each)). It returns `None` for whatever it leaves to `run`, every error
//! included.
//!
//! A target is a [`Val`](crate::val::Val): data, or deleted/nothing, which every accessor refuses
//! with the right words. Methods on texts that also take bytes give bytes back: use
//! [`text_method`]. Growth that a mapping controls needs a named limit and its error.

mod abs;
mod all;
mod any;
mod append;
mod apply;
mod array;
mod assign;
mod bitwise_and;
mod bitwise_or;
mod bitwise_xor;
mod bloblang;
mod bool;
mod bytes;
mod capitalize;
mod catch;
mod ceil;
mod collapse;
mod compress;
mod concat;
mod contains;
mod cos;
mod decode;
mod decompress;
mod decrypt_aes;
mod encode;
mod encrypt_aes;
mod enumerated;
mod escape_html;
mod escape_url_path;
mod escape_url_query;
mod exists;
mod explode;
mod filepath_join;
mod filepath_split;
mod filter;
mod find;
mod find_all;
mod find_all_by;
mod find_by;
mod flatten;
mod float32;
mod float64;
mod floor;
mod fold;
mod format;
mod format_json;
mod format_msgpack;
mod format_timestamp;
mod format_timestamp_strftime;
mod format_timestamp_unix;
mod format_timestamp_unix_micro;
mod format_timestamp_unix_milli;
mod format_timestamp_unix_nano;
mod format_xml;
mod format_yaml;
mod from;
mod from_all;
mod get;
mod has_prefix;
mod has_suffix;
mod hash;
mod index;
mod index_of;
mod infer_schema;
mod int16;
mod int32;
mod int64;
mod int8;
mod join;
mod json_schema;
mod key_values;
mod keys;
mod length;
mod log;
mod log10;
mod lowercase;
mod map;
mod map_each;
mod map_each_key;
mod max;
mod merge;
mod min;
mod not;
mod not_empty;
mod not_null;
mod number;
mod or;
mod parse_csv;
mod parse_duration;
mod parse_duration_iso8601;
mod parse_form_url_encoded;
mod parse_json;
mod parse_logfmt;
mod parse_msgpack;
mod parse_timestamp;
mod parse_timestamp_strptime;
mod parse_url;
mod parse_xml;
mod parse_yaml;
mod pow;
mod quote;
mod re_find_all;
mod re_find_all_object;
mod re_find_all_submatch;
mod re_find_object;
mod re_match;
mod re_replace;
mod re_replace_all;
mod repeat;
mod replace;
mod replace_all;
mod replace_all_many;
mod replace_many;
mod reverse;
mod round;
mod sin;
mod slice;
mod sort;
mod sort_by;
mod split;
mod squash;
mod string;
mod sum;
mod tan;
mod timestamp;
mod trim;
mod trim_prefix;
mod trim_suffix;
mod ts_add_iso8601;
mod ts_format;
mod ts_parse;
mod ts_round;
mod ts_strftime;
mod ts_strptime;
mod ts_sub;
mod ts_sub_iso8601;
mod ts_tz;
mod ts_unix;
mod ts_unix_micro;
mod ts_unix_milli;
mod ts_unix_nano;
mod r#type;
mod uint16;
mod uint32;
mod uint64;
mod uint8;
mod unescape_html;
mod unescape_url_path;
mod unescape_url_query;
mod unique;
mod unquote;
mod uppercase;
mod uuid_v5;
mod values;
mod with;
mod without;
mod zip;

use std::sync::Arc;

use formats::value::{Text, Value};

use crate::error::Error;
use crate::spec::Method;
use crate::val::Val;

/// All methods, sorted by name.
pub static ALL: &[&Method] = &[
    &abs::SPEC,
    &all::SPEC,
    &any::SPEC,
    &append::SPEC,
    &apply::SPEC,
    &array::SPEC,
    &assign::SPEC,
    &bitwise_and::SPEC,
    &bitwise_or::SPEC,
    &bitwise_xor::SPEC,
    &bloblang::SPEC,
    &bool::SPEC,
    &bytes::SPEC,
    &capitalize::SPEC,
    &catch::SPEC,
    &ceil::SPEC,
    &collapse::SPEC,
    &compress::SPEC,
    &concat::SPEC,
    &contains::SPEC,
    &cos::SPEC,
    &decode::SPEC,
    &decompress::SPEC,
    &decrypt_aes::SPEC,
    &encode::SPEC,
    &encrypt_aes::SPEC,
    &enumerated::SPEC,
    &escape_html::SPEC,
    &escape_url_path::SPEC,
    &escape_url_query::SPEC,
    &exists::SPEC,
    &explode::SPEC,
    &filepath_join::SPEC,
    &filepath_split::SPEC,
    &filter::SPEC,
    &find::SPEC,
    &find_all::SPEC,
    &find_all_by::SPEC,
    &find_by::SPEC,
    &flatten::SPEC,
    &float32::SPEC,
    &float64::SPEC,
    &floor::SPEC,
    &fold::SPEC,
    &format::SPEC,
    &format_json::SPEC,
    &format_msgpack::SPEC,
    &format_timestamp::SPEC,
    &format_timestamp_strftime::SPEC,
    &format_timestamp_unix::SPEC,
    &format_timestamp_unix_micro::SPEC,
    &format_timestamp_unix_milli::SPEC,
    &format_timestamp_unix_nano::SPEC,
    &format_xml::SPEC,
    &format_yaml::SPEC,
    &from::SPEC,
    &from_all::SPEC,
    &get::SPEC,
    &has_prefix::SPEC,
    &has_suffix::SPEC,
    &hash::SPEC,
    &index::SPEC,
    &index_of::SPEC,
    &infer_schema::SPEC,
    &int16::SPEC,
    &int32::SPEC,
    &int64::SPEC,
    &int8::SPEC,
    &join::SPEC,
    &json_schema::SPEC,
    &key_values::SPEC,
    &keys::SPEC,
    &length::SPEC,
    &log::SPEC,
    &log10::SPEC,
    &lowercase::SPEC,
    &map::SPEC,
    &map_each::SPEC,
    &map_each_key::SPEC,
    &max::SPEC,
    &merge::SPEC,
    &min::SPEC,
    &not::SPEC,
    &not_empty::SPEC,
    &not_null::SPEC,
    &number::SPEC,
    &or::SPEC,
    &parse_csv::SPEC,
    &parse_duration::SPEC,
    &parse_duration_iso8601::SPEC,
    &parse_form_url_encoded::SPEC,
    &parse_json::SPEC,
    &parse_logfmt::SPEC,
    &parse_msgpack::SPEC,
    &parse_timestamp::SPEC,
    &parse_timestamp_strptime::SPEC,
    &parse_url::SPEC,
    &parse_xml::SPEC,
    &parse_yaml::SPEC,
    &pow::SPEC,
    &quote::SPEC,
    &re_find_all::SPEC,
    &re_find_all_object::SPEC,
    &re_find_all_submatch::SPEC,
    &re_find_object::SPEC,
    &re_match::SPEC,
    &re_replace::SPEC,
    &re_replace_all::SPEC,
    &repeat::SPEC,
    &replace::SPEC,
    &replace_all::SPEC,
    &replace_all_many::SPEC,
    &replace_many::SPEC,
    &reverse::SPEC,
    &round::SPEC,
    &sin::SPEC,
    &slice::SPEC,
    &sort::SPEC,
    &sort_by::SPEC,
    &split::SPEC,
    &squash::SPEC,
    &string::SPEC,
    &sum::SPEC,
    &tan::SPEC,
    &timestamp::SPEC,
    &trim::SPEC,
    &trim_prefix::SPEC,
    &trim_suffix::SPEC,
    &ts_add_iso8601::SPEC,
    &ts_format::SPEC,
    &ts_parse::SPEC,
    &ts_round::SPEC,
    &ts_strftime::SPEC,
    &ts_strptime::SPEC,
    &ts_sub::SPEC,
    &ts_sub_iso8601::SPEC,
    &ts_tz::SPEC,
    &ts_unix::SPEC,
    &ts_unix_micro::SPEC,
    &ts_unix_milli::SPEC,
    &ts_unix_nano::SPEC,
    &r#type::SPEC,
    &uint16::SPEC,
    &uint32::SPEC,
    &uint64::SPEC,
    &uint8::SPEC,
    &unescape_html::SPEC,
    &unescape_url_path::SPEC,
    &unescape_url_query::SPEC,
    &unique::SPEC,
    &unquote::SPEC,
    &uppercase::SPEC,
    &uuid_v5::SPEC,
    &values::SPEC,
    &with::SPEC,
    &without::SPEC,
    &zip::SPEC,
];

/// The method with this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Method> {
    ALL.binary_search_by(|spec| spec.name.cmp(name)).ok().map(|at| ALL[at])
}

/// Applies a change to the bytes of a string or of raw bytes; the result is of the same kind.
///
/// # Errors
/// `expected string value, got ...`
pub fn text_method(target: &Val, change: impl FnOnce(&[u8]) -> Vec<u8>) -> Result<Val, Error> {
    let changed = change(target.as_text()?);
    Ok(same_kind(target, &changed))
}

/// Bytes as a string, or as raw bytes when that is what `like` is.
#[must_use]
pub fn same_kind(like: &Val, bytes: &[u8]) -> Val {
    match like {
        Val::Data(Value::Bytes(_)) => Val::Data(Value::Bytes(Arc::from(bytes))),
        _ => Val::Data(Value::String(Text::from(bytes))),
    }
}
