//! Iterators: functions derived from functions.

mod each;
mod fold;
mod prior;
mod sides;

pub(crate) use each::each;
pub(crate) use fold::{over, scan};
pub(crate) use prior::prior;

use crate::error::Result;
use crate::lex::Adverb;
use crate::session::Session;
use formats::k::K;

/// Applies a derived function.
pub(crate) fn apply(cx: &mut Session, adverb: Adverb, f: &K, args: Vec<K>) -> Result {
    match adverb {
        Adverb::Each => each(cx, f, args),
        Adverb::Over => over(cx, f, args),
        Adverb::Scan => scan(cx, f, args),
        Adverb::Prior => prior(cx, f, args),
        Adverb::EachRight => sides::right(cx, f, args),
        Adverb::EachLeft => sides::left(cx, f, args),
    }
}

/// The iterator of a derived function's type code.
pub(crate) fn by_code(code: i8) -> Option<Adverb> {
    Some(match code {
        106 => Adverb::Each,
        107 => Adverb::Over,
        108 => Adverb::Scan,
        109 => Adverb::Prior,
        110 => Adverb::EachRight,
        111 => Adverb::EachLeft,
        _ => return None,
    })
}
