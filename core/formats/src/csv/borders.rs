//! SIMD search for delimiters and line ends.

use crate::places::places;

/// Appends the position of each byte that is `a` or `b`.
pub(super) fn find(bytes: &[u8], a: u8, b: u8, out: &mut Vec<u32>) {
    let (chunks, tail) = bytes.as_chunks::<64>();
    let mut base = 0u32;
    for chunk in chunks {
        push(places(chunk, a, b), base, out);
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
