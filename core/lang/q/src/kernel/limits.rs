//! Comparison of columns with an atom, in the layout that the column has.
//!
//! What is within the tolerance of a float is an interval. Its ends are found once, and then each
//! item takes one comparison or two without a tolerance.

use super::compare::{Compare, near};

/// The least and the greatest float that count as equal to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    low: f64,
    high: f64,
}

/// Steps from a float to the next that are looked at for the ends: more than twice as many as are
/// within the tolerance.
const STEPS: i64 = 1 << 12;

/// Numbers in the order of floats, and back.
fn turned(bits: i64) -> i64 {
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

impl Limits {
    /// The limits of an atom; `None` for the null.
    pub(super) fn of(x: f64) -> Option<Self> {
        if x.is_nan() {
            return None;
        }
        Some(Self { low: end(x, -1), high: end(x, 1) })
    }

    fn equal(self, x: f64) -> bool {
        (x >= self.low) & (x <= self.high)
    }

    /// The null is less than all others.
    fn less(self, x: f64) -> bool {
        (x < self.low) | x.is_nan()
    }

    fn greater(self, x: f64) -> bool {
        x > self.high
    }
}

/// The last float in a direction that is the same as another within the tolerance.
fn end(x: f64, direction: i64) -> f64 {
    let own = turned(x.to_bits().cast_signed());
    let float = |steps: i64| {
        let bits = turned(own.saturating_add(direction * steps));
        f64::from_bits(bits.cast_unsigned())
    };
    // The former is the same, the latter is not: infinities and nulls never are.
    let (mut same, mut other) = (0, STEPS);
    while other - same > 1 {
        let middle = same + (other - same) / 2;
        if near(float(middle), x) {
            same = middle;
        } else {
            other = middle;
        }
    }
    float(same)
}

impl Compare {
    /// The comparison with both sides changed about.
    pub(super) fn turned(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::Greater => Self::Less,
            Self::UpTo => Self::AtLeast,
            Self::AtLeast => Self::UpTo,
            same => same,
        }
    }
}

/// Evaluates an expression with `$f` bound to the comparison of a float with an atom of which these
/// are the limits.
macro_rules! each_limit {
    ($op:expr, $limits:ident, |$f:ident| $e:expr) => {
        match $op {
            Compare::Equal => {
                let $f = |x| u8::from($limits.equal(x));
                $e
            }
            Compare::NotEqual => {
                let $f = |x| u8::from(!$limits.equal(x));
                $e
            }
            Compare::Less => {
                let $f = |x| u8::from($limits.less(x));
                $e
            }
            Compare::AtLeast => {
                let $f = |x| u8::from(!$limits.less(x));
                $e
            }
            Compare::Greater => {
                let $f = |x| u8::from($limits.greater(x));
                $e
            }
            Compare::UpTo => {
                let $f = |x| u8::from(!$limits.greater(x));
                $e
            }
        }
    };
}

/// Compares floats, each as `float` makes it of an item, with an atom that has these limits.
pub(super) fn floats<T: Copy>(
    op: Compare,
    items: &[T],
    limits: Limits,
    float: impl Fn(T) -> f64,
) -> Vec<u8> {
    each_limit!(op, limits, |f| items.iter().map(|x| f(float(*x))).collect())
}

/// Compares items that are in the order of what they stand for: the null is the least.
pub(super) fn items<T: Copy + PartialOrd>(
    op: Compare,
    pairs: impl Iterator<Item = (T, T)>,
) -> Vec<u8> {
    match op {
        Compare::Equal => pairs.map(|(x, y)| u8::from(x == y)).collect(),
        Compare::NotEqual => pairs.map(|(x, y)| u8::from(x != y)).collect(),
        Compare::Less => pairs.map(|(x, y)| u8::from(x < y)).collect(),
        Compare::Greater => pairs.map(|(x, y)| u8::from(x > y)).collect(),
        Compare::UpTo => pairs.map(|(x, y)| u8::from(x <= y)).collect(),
        Compare::AtLeast => pairs.map(|(x, y)| u8::from(x >= y)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::compare::compare;
    use super::*;
    use formats::k::{K, Type};
    use proptest::prelude::*;

    const ALL: [Compare; 6] = [
        Compare::Equal,
        Compare::NotEqual,
        Compare::Less,
        Compare::Greater,
        Compare::UpTo,
        Compare::AtLeast,
    ];

    /// A column compared with an atom, on either side, is compared as its atoms are.
    fn as_atoms(column: &K, atom: &K) -> Result<(), TestCaseError> {
        for op in ALL {
            let (Ok(left), Ok(right)) = (compare(op, column, atom), compare(op, atom, column))
            else {
                continue;
            };
            for (at, item) in column.items().enumerate() {
                let one = compare(op, &item, atom).unwrap();
                prop_assert_eq!(left.at(at), one, "{:?} {:?} {:?}", &item, op, atom);
                let one = compare(op, atom, &item).unwrap();
                prop_assert_eq!(right.at(at), one, "{:?} {:?} {:?}", atom, op, &item);
            }
        }
        Ok(())
    }

    /// Floats about another: the next ones, and those about the ends of the tolerance.
    fn about(x: f64) -> Vec<f64> {
        let own = turned(x.to_bits().cast_signed());
        let near = [0, 1, 2, 255, 256, 257, 511, 512, 513, 1023, 1024, 1025, 2048, 4096, 5000];
        let both =
            near.iter().flat_map(|step| [own.saturating_add(*step), own.saturating_sub(*step)]);
        let floats = both.map(|key| f64::from_bits(turned(key).cast_unsigned()));
        let tolerance = x.abs() / (1u64 << 43) as f64;
        let far = [x + tolerance, x - tolerance, -x, 0.0, -0.0, x * 2.0, x / 2.0];
        let ends = [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, f64::MAX, f64::MIN_POSITIVE];
        floats.chain(far).chain(ends).collect()
    }

    proptest! {
        #[test]
        fn floats_are_compared_with_an_atom_as_one_by_one(bits in any::<u64>(), whole in -9i64..9) {
            for x in [f64::from_bits(bits), whole as f64] {
                as_atoms(&K::floats(about(x)), &K::Atom(Type::Float, formats::k::Scalar::F64(x)))?;
            }
        }

        #[test]
        fn narrow_columns_are_compared_with_an_atom_as_one_by_one(
            seeds in prop::collection::vec(any::<i16>(), 1..20), other in any::<i64>(),
        ) {
            use crate::kernel::tests::{TYPES, atom};
            for ty in TYPES {
                let items: Vec<K> = seeds.iter().map(|seed| atom(ty, *seed)).collect();
                let column = K::collapse(items);
                for with in [atom(ty, seeds[0]), K::null(ty)] {
                    as_atoms(&column, &with)?;
                }
                if ty.is_numeric() {
                    let edges = [i64::from(i32::MIN), i64::from(i16::MIN), -1, 256, i64::MIN];
                    for with in edges.into_iter().chain([other]) {
                        as_atoms(&column, &K::long(with))?;
                    }
                }
            }
        }
    }

    #[test]
    fn ends_of_floats_are_compared() {
        for x in [
            0.0,
            -0.0,
            1.0,
            -1.0,
            f64::MAX,
            f64::MIN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NAN,
            f64::MIN_POSITIVE,
            5e-324,
            1e-300,
            -3e-310,
            1e300,
        ] {
            let atom = K::Atom(Type::Float, formats::k::Scalar::F64(x));
            as_atoms(&K::floats(about(x)), &atom).unwrap();
        }
    }
}
