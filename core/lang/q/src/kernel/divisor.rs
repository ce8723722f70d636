//! Whole numbers divided by one that stays the same, without dividing: by the upper half of a
//! product with a number that is found once.

use crate::convert::numeric::NULL;

/// A positive number that others are divided by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Divisor {
    by: i64,
    /// 2^(65+shift) by the divisor, rounded up, without its highest bit, which is 2^64.
    factor: u64,
    /// 2^(1+shift) is the divisor at least, and less than twice as much.
    shift: u32,
}

impl Divisor {
    /// The divisor; `None` for one that is not positive.
    pub(crate) fn new(by: i64) -> Option<Self> {
        let number = u128::from(u64::try_from(by).ok().filter(|by| *by > 1)?);
        let bits = u128::BITS - (number - 1).leading_zeros();
        let factor = (((1 << bits) - number) << 64) / number + 1;
        Some(Self { by, factor: u64::try_from(factor).ok()?, shift: bits - 1 })
    }

    /// The whole number below the quotient; that of the null is of no use.
    #[inline]
    fn quotient(self, x: i64) -> i64 {
        // Of negative numbers all bits are turned about, before and after.
        let sign = x >> 63;
        let n = (x ^ sign).cast_unsigned();
        let high = ((u128::from(self.factor) * u128::from(n)) >> 64) as u64;
        let quotient = (high + ((n - high) >> 1)) >> self.shift;
        quotient.cast_signed() ^ sign
    }

    /// `x div by`.
    #[inline]
    pub(crate) fn div(self, x: i64) -> i64 {
        if x == NULL { NULL } else { self.quotient(x) }
    }

    /// `by xbar x`.
    #[inline]
    pub(crate) fn bar(self, x: i64) -> i64 {
        if x == NULL { NULL } else { self.by.wrapping_mul(self.quotient(x)) }
    }

    /// `x mod by`.
    #[inline]
    pub(crate) fn modulo(self, x: i64) -> i64 {
        if x == NULL { NULL } else { x.wrapping_sub(self.by.wrapping_mul(self.quotient(x))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn quotients_are_those_of_a_division(
            x in any::<i64>(), by in any::<i64>(), bits in 1u32..64, near in -3i64..4,
        ) {
            let by = (by & i64::MAX) >> (63 - bits);
            let powers = [1i64 << (bits - 1), (1i64 << (bits - 1)) + 1];
            for by in powers.into_iter().chain([by, i64::MAX]) {
                let Some(divisor) = Divisor::new(by) else {
                    prop_assert!(by <= 1);
                    continue;
                };
                let multiple = (x / by).wrapping_mul(by).wrapping_add(near);
                for x in [x, near, multiple, i64::MAX, -i64::MAX, i64::MAX - 1] {
                    if x == NULL {
                        continue;
                    }
                    let below = x.div_euclid(by);
                    prop_assert_eq!(divisor.div(x), below, "{} {}", x, by);
                    prop_assert_eq!(divisor.bar(x), by.wrapping_mul(below), "{} {}", x, by);
                    prop_assert_eq!(divisor.modulo(x), x.rem_euclid(by), "{} {}", x, by);
                }
                prop_assert_eq!(divisor.div(NULL), NULL);
                prop_assert_eq!(divisor.bar(NULL), NULL);
                prop_assert_eq!(divisor.modulo(NULL), NULL);
            }
        }
    }
}
