//! Randomness: one generator a thread, seeded by the machine or by a test.
//!
//! Not for secrets: the generator is fast and reproducible, not unpredictable.

use std::cell::Cell;

/// A xoshiro256++ generator. The same seed gives the same numbers on every machine.
#[derive(Clone, Debug)]
pub struct Rng([u64; 4]);

impl Rng {
    /// A generator whose state is drawn from `seed` by SplitMix64.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut state = seed;
        Self(std::array::from_fn(|_| split_mix(&mut state)))
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.0;
        let out = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        out
    }

    /// A number from 0 to `bound - 1`; 0 when `bound` is 0. The bias is below 2^-64 times `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A number from 0 (included) to 1 (excluded), in steps of 2^-53.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Fills `out` with random bytes.
    pub fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            let bytes = self.next_u64().to_le_bytes();
            for (to, from) in chunk.iter_mut().zip(bytes) {
                *to = from;
            }
        }
    }
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

thread_local! {
    static THREAD: Cell<Option<Rng>> = const { Cell::new(None) };
}

/// A seed from the operating system.
#[must_use]
pub fn machine_seed() -> u64 {
    let mut bytes = [0_u8; 8];
    // SAFETY: the pointer is to 8 writable bytes and the length is 8.
    let filled = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), 8, 0) };
    if filled == 8 {
        return u64::from_ne_bytes(bytes);
    }
    // Early in boot or under a strict filter: time and address are what is left.
    crate::clock::Clock::real().wall() as u64 ^ std::ptr::from_ref(&bytes) as u64
}

/// Seeds the calling thread's generator, so that a run can be repeated.
pub fn seed_thread(seed: u64) {
    THREAD.with(|slot| slot.set(Some(Rng::new(seed))));
}

/// Runs `f` with the calling thread's generator. Calls of this module inside `f` use another one.
pub fn with<T>(f: impl FnOnce(&mut Rng) -> T) -> T {
    THREAD.with(|slot| {
        let mut rng = slot.take().unwrap_or_else(|| Rng::new(machine_seed()));
        let out = f(&mut rng);
        slot.set(Some(rng));
        out
    })
}

/// 64 random bits of the calling thread's generator.
#[must_use]
pub fn next_u64() -> u64 {
    with(Rng::next_u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats() {
        seed_thread(7);
        let first: Vec<u64> = (0..4).map(|_| next_u64()).collect();
        seed_thread(7);
        let second: Vec<u64> = (0..4).map(|_| next_u64()).collect();
        assert_eq!(first, second);
        assert_ne!(first[0], first[1]);
    }

    #[test]
    fn ranges_hold() {
        let mut rng = Rng::new(1);
        for _ in 0..10_000 {
            assert!(rng.below(10) < 10);
            assert!((0.0..1.0).contains(&rng.unit()));
        }
        assert_eq!(rng.below(0), 0);
        let mut bytes = [0; 13];
        rng.fill(&mut bytes);
        assert_ne!(bytes, [0; 13]);
    }
}
