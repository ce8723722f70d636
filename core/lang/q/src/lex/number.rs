//! Literals of numbers and times: a run of words is one vector (spec/kdb-q.md §2).

use crate::convert::tok::{self, tok};
use formats::k::{K, Scalar, Type};

/// The value of the words of one literal; `None` when they are no literal.
pub(super) fn literal(words: &[&str]) -> Option<K> {
    let last = words.last()?;
    if let Some(bits) = bits(last) {
        return if words.len() == 1 { Some(one_or_more(Type::Bool, bits)) } else { None };
    }
    if let Some(bytes) = last.strip_prefix("0x") {
        return if words.len() == 1 { hex(bytes) } else { None };
    }
    // The suffix of the last word is for all.
    if let Some((ty, _)) = suffix(last) {
        let items = words.iter().map(|w| word_as(ty, w)).collect::<Option<Vec<_>>>()?;
        return Some(vector(ty, items));
    }
    let items = words.iter().map(|w| word(w)).collect::<Option<Vec<_>>>()?;
    let widest = items.iter().map(|(ty, _)| *ty).max_by_key(|ty| rank(*ty))?;
    let items = words.iter().map(|w| word_as(widest, w)).collect::<Option<Vec<_>>>()?;
    Some(vector(widest, items))
}

/// Mixed words without suffix take the type that holds them all.
fn rank(ty: Type) -> u8 {
    match ty {
        Type::Long => 0,
        Type::Float => 1,
        Type::Minute => 2,
        Type::Second => 3,
        Type::Time => 4,
        Type::Timespan => 5,
        Type::Month => 6,
        Type::Date => 7,
        Type::Datetime => 8,
        _ => 9,
    }
}

fn vector(ty: Type, items: Vec<Scalar>) -> K {
    let mut atoms: Vec<K> = items.into_iter().map(|s| K::Atom(ty, s)).collect();
    if atoms.len() == 1 { atoms.pop().unwrap_or_default() } else { K::collapse(atoms) }
}

fn one_or_more(ty: Type, bytes: Vec<u8>) -> K {
    match bytes.as_slice() {
        [one] => K::Atom(ty, Scalar::U8(*one)),
        _ => K::vec(ty, bytes),
    }
}

fn bits(word: &str) -> Option<Vec<u8>> {
    let digits = word.strip_suffix('b')?;
    if digits.is_empty() || !digits.bytes().all(|b| matches!(b, b'0' | b'1')) {
        return None;
    }
    Some(digits.bytes().map(|b| b - b'0').collect())
}

fn hex(digits: &str) -> Option<K> {
    let padded = if digits.len() % 2 == 1 { format!("0{digits}") } else { digits.to_owned() };
    let byte = |i| padded.get(i..i + 2).and_then(|d| u8::from_str_radix(d, 16).ok());
    let bytes = (0..padded.len()).step_by(2).map(byte).collect::<Option<Vec<u8>>>()?;
    Some(one_or_more(Type::Byte, bytes))
}

/// The type that a word's last letter gives, and the word without it.
fn suffix(word: &str) -> Option<(Type, &str)> {
    let last = *word.as_bytes().last()?;
    if !last.is_ascii_alphabetic() {
        return None;
    }
    let body = word.get(..word.len() - 1)?;
    let special = matches!(body, "0N" | "0n" | "0W" | "0w" | "-0W" | "-0w");
    // `0n` and `0w` are floats by themselves; `D` and the like end a time, not a suffix.
    if matches!(word, "0n" | "0w" | "-0w" | "0N" | "0W" | "-0W") || last == b'D' {
        return None;
    }
    let ty = Type::from_letter(last).filter(|_| last.is_ascii_lowercase())?;
    if ty == Type::Symbol || ty == Type::Byte || ty == Type::Bool {
        return None;
    }
    let timed = body.contains([':', 'D', '.']) || special;
    let plain = body.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e'));
    (timed || plain).then_some((ty, body))
}

/// One word read as a type that another word of the vector has.
fn word_as(ty: Type, word: &str) -> Option<Scalar> {
    let body = match suffix(word) {
        Some((own, body)) if own == ty => body,
        Some(_) => return None,
        None => word,
    };
    if ty.is_floating() && ty != Type::Datetime || ty == Type::Long {
        return tok(ty, body);
    }
    if matches!(ty, Type::Short | Type::Int) {
        return tok(ty, body);
    }
    if body.bytes().all(|b| b.is_ascii_digit()) && ty.is_temporal() {
        return plain_temporal(ty, body);
    }
    tok(ty, body)
}

/// Digits with the suffix of a time: `20t`, `9u`, and with the count of units otherwise.
fn plain_temporal(ty: Type, body: &str) -> Option<Scalar> {
    let count: i64 = body.parse().ok()?;
    let narrow = |x: i64| i32::try_from(x).ok().map(Scalar::I32);
    match ty {
        Type::Time => narrow(count.checked_mul(3_600_000)?),
        Type::Second => narrow(count.checked_mul(3600)?),
        Type::Minute => narrow(count.checked_mul(60)?),
        Type::Timespan | Type::Timestamp => Some(Scalar::I64(count)),
        Type::Month => tok::month(body).map(Scalar::I32),
        Type::Date => narrow(count),
        _ => tok(ty, body),
    }
}

/// One word without a suffix.
fn word(word: &str) -> Option<(Type, Scalar)> {
    let ty = match word {
        "0N" | "0W" | "-0W" => Type::Long,
        "0n" | "0w" | "-0w" => Type::Float,
        _ => shape(word)?,
    };
    Some((ty, tok(ty, word)?))
}

/// The type that the look of a word has.
fn shape(word: &str) -> Option<Type> {
    let body = word.strip_prefix('-').unwrap_or(word);
    if let Some((before, _)) = body.split_once('D') {
        return Some(if before.contains('.') { Type::Timestamp } else { Type::Timespan });
    }
    if body.contains('T') {
        return Some(Type::Datetime);
    }
    if body.contains(':') {
        let fraction = body.split_once('.').map_or(0, |(_, f)| f.len());
        return Some(match (body.matches(':').count(), fraction) {
            (1, 0) => Type::Minute,
            (2, 0) => Type::Second,
            (2, 1..=3) => Type::Time,
            _ => Type::Timespan,
        });
    }
    match body.matches('.').count() {
        0 if body.bytes().all(|b| b.is_ascii_digit()) => Some(Type::Long),
        2 => Some(Type::Date),
        0 | 1 => tok::number(body).map(|_| Type::Float),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_make_vectors_of_one_type() {
        let lit = |s: &str| literal(&s.split(' ').collect::<Vec<_>>());
        assert_eq!(lit("1 2 3"), Some(K::longs(vec![1, 2, 3])));
        assert_eq!(lit("1 2.5"), Some(K::floats(vec![1.0, 2.5])));
        assert_eq!(lit("1 2f"), Some(K::floats(vec![1.0, 2.0])));
        assert_eq!(lit("0N 1"), Some(K::longs(vec![i64::MIN, 1])));
        assert_eq!(lit("0101b"), Some(K::bools(vec![0, 1, 0, 1])));
        assert_eq!(lit("0x0aff"), Some(K::vec(Type::Byte, vec![10u8, 255])));
        assert_eq!(lit("1h"), Some(K::Atom(Type::Short, Scalar::I16(1))));
        assert_eq!(lit("2024.01m"), Some(K::Atom(Type::Month, Scalar::I32(288))));
        assert_eq!(lit("09:30"), Some(K::Atom(Type::Minute, Scalar::I32(570))));
        assert_eq!(lit("1D"), Some(K::Atom(Type::Timespan, Scalar::I64(86_400_000_000_000))));
        assert_eq!(lit("0Nd"), Some(K::null(Type::Date)));
        assert_eq!(lit("13:30 20:00t").map(|k| k.code()), Some(19));
        assert_eq!(lit("12q"), None);
        assert_eq!(lit("1.2.3.4"), None);
    }
}
