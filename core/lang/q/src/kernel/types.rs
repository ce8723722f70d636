//! The type of a result by the types of the operands.

use formats::k::Type;

/// The letter tables below have a row for each left type and a column for each right type.
const LETTERS: &[u8; 18] = b"bgxhijefcspmdznuvt";

/// The result of a row and column of a table; `None` where it has a dot.
fn look(table: &[&[u8; 18]; 18], a: Type, b: Type) -> Option<Type> {
    let place = |t: Type| LETTERS.iter().position(|l| *l == t.letter());
    Type::from_letter(*table.get(place(a)?)?.get(place(b)?)?)
}

/// Addition.
const ADD: [&[u8; 18]; 18] = [
    b"i.iiijef..pmdznuvt",
    b"..................",
    b"i.iiijef..pmdznuvt",
    b"i.iiijef..pmdznuvt",
    b"i.iiijef..pmdznuvt",
    b"j.jjjjef..pmdznuvt",
    b"e.eeeeef..pmdznuvt",
    b"f.fffffff.ffzzffff",
    b".......f..pmdznuvt",
    b"..................",
    b"p.pppppfp.n...pppp",
    b"m.mmmmmfm..i..pppp",
    b"d.dddddzd...i.pppp",
    b"z.zzzzzzz....fpzzz",
    b"n.nnnnnfn.ppppnnnn",
    b"u.uuuuufu.pppznuvt",
    b"v.vvvvvfv.pppznvvt",
    b"t.tttttft.pppznttt",
];

/// Lesser, greater and fill.
const LESSER: [&[u8; 18]; 18] = [
    b"b.xhijefc.pmdznuvt",
    b"..................",
    b"x.xhijefc.pmdznuvt",
    b"h.hhijefc.pmdznuvt",
    b"i.iiijefc.pmdznuvt",
    b"j.jjjjefc.pmdznuvt",
    b"e.eeeeefc.pmdznuvt",
    b"f.ffffffc.pmdznuvt",
    b"c.ccccccc.pmdznuvt",
    b"..................",
    b"p.ppppppp.ppppnuvt",
    b"m.mmmmmmm.pmd.....",
    b"d.ddddddd.pddz....",
    b"z.zzzzzzz.p.zznuvt",
    b"n.nnnnnnn.n..nnnnn",
    b"u.uuuuuuu.u..unuvt",
    b"v.vvvvvvv.v..vnvvt",
    b"t.ttttttt.t..tnttt",
];

/// The sum of two types.
pub(crate) fn add(a: Type, b: Type) -> Option<Type> {
    look(&ADD, a, b)
}

/// The difference of two types: as the sum, and characters count as integers.
pub(crate) fn subtract(a: Type, b: Type) -> Option<Type> {
    match (a, b) {
        (Type::Bool | Type::Byte | Type::Short | Type::Int, Type::Char) => Some(Type::Int),
        (Type::Long | Type::Real, Type::Char) => Some(a),
        _ => add(a, b),
    }
}

/// The product of two types: times with numbers only.
pub(crate) fn multiply(a: Type, b: Type) -> Option<Type> {
    if a.is_temporal() && b.is_temporal() { None } else { add(a, b) }
}

/// The lesser, the greater or the filling of two types.
pub(crate) fn lesser(a: Type, b: Type) -> Option<Type> {
    look(&LESSER, a, b)
}

/// The quotient of integers: the left type, at least an int.
pub(crate) fn div(a: Type, b: Type) -> Option<Type> {
    let known = |t: Type| !matches!(t, Type::List | Type::Guid | Type::Symbol);
    if !known(a) || !known(b) {
        return None;
    }
    Some(match a {
        Type::Bool | Type::Byte | Type::Short | Type::Int | Type::Char => Type::Int,
        Type::Real => Type::Float,
        _ => a,
    })
}

/// The remainder: that of a date or month is an int, of a timestamp a timespan.
pub(crate) fn modulo(a: Type, b: Type) -> Option<Type> {
    if a.is_temporal() && b.is_temporal() {
        return None;
    }
    Some(match (a, b) {
        (Type::Timestamp, _) if !b.is_floating() => Type::Timespan,
        (Type::Month | Type::Date, _) if !b.is_floating() => Type::Int,
        (Type::Datetime, _) => Type::Float,
        (Type::Real, _) => add(Type::Float, b)?,
        _ => add(a, b)?,
    })
}

/// The multiple that `xbar` rounds down to: what is rounded keeps its type.
pub(crate) fn xbar(a: Type, b: Type) -> Option<Type> {
    if a.is_temporal() && b.is_temporal() {
        return Some(b);
    }
    match (a, b) {
        (_, Type::Char) => None,
        (_, _) if b.is_temporal() => add(a, b),
        (Type::Real, _) | (_, Type::Real) => Some(Type::Float),
        _ => add(a, b),
    }
}

/// The type in which two values are compared; `None` where they cannot be.
pub(crate) fn comparison(a: Type, b: Type) -> Option<Type> {
    if a == b {
        return Some(a);
    }
    if matches!(a, Type::Guid | Type::Symbol | Type::List)
        || matches!(b, Type::Guid | Type::Symbol | Type::List)
    {
        return None;
    }
    lesser(a, b)
}
