//! SIMD search for bytes.

/// Which of 64 bytes are `a` or `b`, the first in the lowest bit.
#[inline]
pub(crate) fn places(chunk: &[u8; 64], a: u8, b: u8) -> u64 {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{
            _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8,
        };
        let (quarters, _) = chunk.as_chunks::<16>();
        let mut mask = 0;
        for (i, quarter) in quarters.iter().enumerate() {
            // SAFETY: SSE2 is part of the x86-64 baseline, and the load reads 16 bytes of an
            // array of that size.
            let bits = unsafe {
                let v = _mm_loadu_si128(quarter.as_ptr().cast());
                let is_a = _mm_cmpeq_epi8(v, _mm_set1_epi8(a as i8));
                let is_b = _mm_cmpeq_epi8(v, _mm_set1_epi8(b as i8));
                _mm_movemask_epi8(_mm_or_si128(is_a, is_b))
            };
            mask |= u64::from(bits as u16) << (16 * i);
        }
        mask
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let bit = |(i, &c): (usize, &u8)| u64::from(c == a || c == b) << i;
        chunk.iter().enumerate().map(bit).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn places_are_those_of_the_bytes(chunk in prop::array::uniform32(0u8..4), a in 0u8..4) {
            let chunk: [u8; 64] = std::array::from_fn(|i| chunk[i / 2] ^ (i % 2) as u8);
            let want = (0..64).filter(|i| [a, 2].contains(&chunk[*i]));
            prop_assert_eq!(places(&chunk, a, 2), want.map(|i| 1u64 << i).sum::<u64>());
        }
    }
}
