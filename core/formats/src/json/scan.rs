//! SIMD search for the first byte of a string that needs attention. SSE2 belongs to every x86-64;
//! other processors take the scalar form.

#[cfg(target_arch = "x86_64")]
use crate::short;

/// Which bytes stop a scan. A quote, a backslash and a control character always do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stops {
    /// Also bytes above ASCII.
    pub(crate) non_ascii: bool,
    /// Also `<`, `>` and `&`.
    pub(crate) html: bool,
}

/// Stops of a reader: the end of the string, an escape, or an error.
pub(crate) const READ: Stops = Stops { non_ascii: false, html: false };

/// Length of the part of a string before its end, its first escape or a control character.
#[inline]
pub(crate) fn plain_string_len(bytes: &[u8]) -> usize {
    plain_len(bytes, READ)
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn stops_at(c: u8, stops: Stops) -> bool {
    c < 0x20
        || c == b'"'
        || c == b'\\'
        || (stops.non_ascii && c >= 0x80)
        || (stops.html && matches!(c, b'<' | b'>' | b'&'))
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn scalar(bytes: &[u8], stops: Stops) -> usize {
    bytes.iter().position(|&c| stops_at(c, stops)).unwrap_or(bytes.len())
}

/// Number of leading bytes that do not stop.
#[inline]
pub(crate) fn plain_len(bytes: &[u8], stops: Stops) -> usize {
    #[cfg(target_arch = "x86_64")]
    {
        sse2(bytes, stops)
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        scalar(bytes, stops)
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn sse2(bytes: &[u8], stops: Stops) -> usize {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_cmplt_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8,
        _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8,
    };
    let stop_mask = |v: __m128i| {
        // SAFETY: SSE2 is part of the x86-64 baseline.
        unsafe {
            let is = |v: __m128i, c: u8| _mm_cmpeq_epi8(v, _mm_set1_epi8(c as i8));
            let low = if stops.non_ascii {
                // As signed bytes, those above ASCII are below the space too.
                _mm_cmplt_epi8(v, _mm_set1_epi8(0x20))
            } else {
                _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v)
            };
            let mut stop = _mm_or_si128(low, _mm_or_si128(is(v, b'"'), is(v, b'\\')));
            if stops.html {
                let html = _mm_or_si128(is(v, b'<'), _mm_or_si128(is(v, b'>'), is(v, b'&')));
                stop = _mm_or_si128(stop, html);
            }
            _mm_movemask_epi8(stop) as u32
        }
    };
    // SAFETY: as above, and the load reads the 16 bytes of `chunk`.
    let load = |chunk: &[u8; 16]| unsafe { _mm_loadu_si128(chunk.as_ptr().cast()) };
    if let Some([low, high]) = short::words(bytes) {
        // SAFETY: as above.
        let word = unsafe { _mm_set_epi64x(high as i64, low as i64) };
        // The zeros behind the end stop, too.
        return bytes.len().min(stop_mask(word).trailing_zeros() as usize);
    }
    let (chunks, tail) = bytes.as_chunks::<16>();
    for (i, chunk) in chunks.iter().enumerate() {
        let mask = stop_mask(load(chunk));
        if mask != 0 {
            return i * 16 + mask.trailing_zeros() as usize;
        }
    }
    match bytes.last_chunk::<16>() {
        // The last 16 bytes overlap those already found plain, whose bits are zero.
        Some(last) if !tail.is_empty() => match stop_mask(load(last)) {
            0 => bytes.len(),
            mask => bytes.len() - 16 + mask.trailing_zeros() as usize,
        },
        _ => bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn simd_is_scalar(
            bytes in prop::collection::vec(prop_oneof![8 => 0x20u8..0x7f, 1 => any::<u8>()], 0..80),
            non_ascii: bool, html: bool,
        ) {
            let stops = Stops { non_ascii, html };
            prop_assert_eq!(plain_len(&bytes, stops), scalar(&bytes, stops));
        }
    }
}
