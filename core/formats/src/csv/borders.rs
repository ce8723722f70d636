//! SIMD search for delimiters and line ends.

/// Which of 64 bytes are `a` or `b`, the first in the lowest bit.
#[inline]
fn matches(chunk: &[u8; 64], a: u8, b: u8) -> u64 {
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

/// Appends the position of each byte that is `a` or `b`.
pub(super) fn find(bytes: &[u8], a: u8, b: u8, out: &mut Vec<u32>) {
    let (chunks, tail) = bytes.as_chunks::<64>();
    let mut base = 0u32;
    for chunk in chunks {
        push(matches(chunk, a, b), base, out);
        base += 64;
    }
    for (i, &c) in tail.iter().enumerate() {
        if c == a || c == b {
            out.push(base + i as u32);
        }
    }
}

#[inline]
fn push(mut bits: u64, base: u32, out: &mut Vec<u32>) {
    out.reserve(64);
    while bits != 0 {
        out.push(base + bits.trailing_zeros());
        bits &= bits - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn simd_is_scalar(bytes in prop::collection::vec(
            prop::sample::select(b",\n\x00a\xac".to_vec()), 0..200,
        )) {
            let mut found = Vec::new();
            find(&bytes, b',', b'\n', &mut found);
            let expected: Vec<u32> =
                (0..bytes.len() as u32).filter(|&i| b",\n".contains(&bytes[i as usize])).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
