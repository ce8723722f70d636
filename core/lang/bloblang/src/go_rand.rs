//! The additive lagged Fibonacci generator behind `random_int`: the sequence of a seed is the same
//! as in the original (spec/bloblang.md §11), whose state begins as that of a generator that ran
//! for long. That start is computed here, not stored.

use std::sync::LazyLock;

/// Numbers that the state holds.
const LEN: usize = 607;
/// Distance of the second summand.
const TAP: usize = 273;
/// Steps that the shared start is away from its seed, 1.
const WARM_UP: u64 = 7_800_000_000_000;
/// Modulus of the generator that spreads a seed, a Mersenne prime.
const SEED_MODULUS: i64 = (1 << 31) - 1;
const SEED_FACTOR: i64 = 48_271;
/// What stands for the seed 0, which would give zeros only.
const SEED_OF_ZERO: i64 = 89_482_311;

/// The start that all seeds are mixed with.
static START: LazyLock<Vec<u64>> = LazyLock::new(start);

/// Spreads a seed over a state: three steps a number, the first two shifted.
fn spread(seed: i64, shifts: [u32; 2]) -> Vec<u64> {
    let mut x = seed.rem_euclid(SEED_MODULUS);
    if x == 0 {
        x = SEED_OF_ZERO;
    }
    let mut next = || {
        x = x * SEED_FACTOR % SEED_MODULUS;
        x as u64
    };
    for _ in 0..20 {
        next();
    }
    let mut number = || (next() << shifts[0]) ^ (next() << shifts[1]) ^ next();
    (0..LEN).map(|_| number()).collect()
}

/// Where the state holds the number of a step; steps before the first are counted from `-LEN`.
fn place(step: u64) -> usize {
    let (len, step) = (LEN as u64, step % LEN as u64);
    usize::try_from((len + len - TAP as u64 - 1 - step) % len).unwrap_or(0)
}

/// Multiplies two polynomials over wrapping integers and reduces them by `x^607 = x^334 + 1`,
/// which is the recurrence: a number is the sum of those 607 and 273 steps before.
fn multiply(a: &[u64], b: &[u64]) -> Vec<u64> {
    let mut product = vec![0u64; 2 * LEN - 1];
    for (i, a) in a.iter().enumerate().filter(|(_, a)| **a != 0) {
        for (sum, b) in product.iter_mut().skip(i).zip(b) {
            *sum = sum.wrapping_add(a.wrapping_mul(*b));
        }
    }
    for high in (LEN..product.len()).rev() {
        let factor = product[high];
        for low in [high - LEN, high - TAP] {
            product[low] = product[low].wrapping_add(factor);
        }
    }
    product.truncate(LEN);
    product
}

/// The state after [`WARM_UP`] steps, by powers of the recurrence instead of step by step.
fn start() -> Vec<u64> {
    let seeded = spread(1, [20, 10]);
    // By age: the number of step `i - LEN`.
    let first: Vec<u64> = (0..LEN).map(|i| seeded[place(i as u64)]).collect();
    let power_of_x = |n: usize| {
        let mut power = vec![0u64; LEN];
        power[n] = 1;
        power
    };
    let (x, mut power) = (power_of_x(1), power_of_x(0));
    for bit in (0..u64::BITS).rev() {
        power = multiply(&power, &power);
        if WARM_UP >> bit & 1 == 1 {
            power = multiply(&power, &x);
        }
    }
    let mut state = vec![0; LEN];
    for i in 0..LEN as u64 {
        let sum =
            power.iter().zip(&first).fold(0u64, |s, (c, n)| s.wrapping_add(c.wrapping_mul(*n)));
        state[place(WARM_UP + i)] = sum;
        power = multiply(&power, &x);
    }
    state
}

/// A generator with its state.
pub(crate) struct Random {
    state: Vec<u64>,
    tap: usize,
    feed: usize,
}

impl Random {
    /// The generator of a seed.
    pub(crate) fn new(seed: i64) -> Self {
        let spread = spread(seed, [40, 20]);
        let state = spread.iter().zip(START.iter()).map(|(a, b)| a ^ b).collect();
        Random { state, tap: 0, feed: LEN - TAP }
    }

    /// The next number, of 63 bits.
    fn next(&mut self) -> i64 {
        self.tap = (self.tap + LEN - 1) % LEN;
        self.feed = (self.feed + LEN - 1) % LEN;
        let sum = self.state[self.feed].wrapping_add(self.state[self.tap]);
        self.state[self.feed] = sum;
        (sum & (u64::MAX >> 1)) as i64
    }

    /// The next number below `n`, each as likely as the other. `n` must be positive.
    pub(crate) fn below(&mut self, n: i64) -> i64 {
        let n = n.max(1);
        if n & (n - 1) == 0 {
            return self.next() & (n - 1);
        }
        let excess = ((1u64 << 63) % n as u64) as i64;
        let last = i64::MAX - excess;
        loop {
            let number = self.next();
            if number <= last {
                return number % n;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_of_known_seeds() {
        let known = [
            (0, [8_717_895_732_742_165_505, 2_259_404_117_704_393_152]),
            (1, [5_577_006_791_947_779_410, 8_674_665_223_082_153_551]),
            (42, [3_440_579_354_231_278_675, 608_747_136_543_856_411]),
            (-5, [1_811_683_815_564_572_222, 4_427_849_682_616_757_295]),
        ];
        for (seed, numbers) in known {
            let mut random = Random::new(seed);
            assert_eq!([random.next(), random.next()], numbers, "seed {seed}");
        }
        let mut random = Random::new(0);
        let _ = (random.next(), random.next());
        assert_eq!(random.below(i64::MAX), 6_050_128_673_802_995_827);
        assert_eq!(random.below(10), 4);
        assert_eq!(random.below(1 << 20), 732_490);
    }
}
