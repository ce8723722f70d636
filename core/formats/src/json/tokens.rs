//! The structural positions of a JSON text: where each bracket, colon, comma, string and scalar
//! begins. 64 bytes are classified at a time, by AVX2 where the processor has it.

/// What a token is, by its first byte.
pub(crate) mod kind {
    pub(crate) const INVALID: u8 = 0;
    pub(crate) const OBJECT: u8 = 1;
    pub(crate) const OBJECT_END: u8 = 2;
    pub(crate) const ARRAY: u8 = 3;
    pub(crate) const ARRAY_END: u8 = 4;
    pub(crate) const COLON: u8 = 5;
    pub(crate) const COMMA: u8 = 6;
    pub(crate) const STRING: u8 = 7;
    /// A number or a literal, by its first character only.
    pub(crate) const SCALAR: u8 = 8;
}

const KINDS: [u8; 256] = {
    let mut kinds = [kind::INVALID; 256];
    kinds[b'{' as usize] = kind::OBJECT;
    kinds[b'}' as usize] = kind::OBJECT_END;
    kinds[b'[' as usize] = kind::ARRAY;
    kinds[b']' as usize] = kind::ARRAY_END;
    kinds[b':' as usize] = kind::COLON;
    kinds[b',' as usize] = kind::COMMA;
    kinds[b'"' as usize] = kind::STRING;
    let scalars = b"-0123456789tfn";
    let mut i = 0;
    while i < scalars.len() {
        kinds[scalars[i] as usize] = kind::SCALAR;
        i += 1;
    }
    kinds
};

/// What the text holds besides tokens.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(crate) struct Traits {
    /// A string is not closed, or holds a bare control character.
    pub(crate) broken: bool,
    /// White space stands between tokens.
    pub(crate) spaces: bool,
    /// There are backslashes.
    pub(crate) escapes: bool,
    /// There are bytes above ASCII.
    pub(crate) non_ascii: bool,
}

/// The tokens of one text; reused from text to text.
#[derive(Default)]
pub(crate) struct Tokens {
    /// Start of each token, and the length of the text behind the last.
    starts: Vec<u32>,
    kinds: Vec<u8>,
    pub(crate) traits: Traits,
}

/// One bit for each of 64 bytes, the lowest for the first.
struct Classes {
    quote: u64,
    backslash: u64,
    /// Brackets, colons and commas; also two control characters, which their kind refuses later.
    operator: u64,
    space: u64,
    control: u64,
    non_ascii: u64,
}

/// An instruction set.
trait Isa {
    /// # Safety
    /// The processor must have the instructions.
    unsafe fn classify(chunk: &[u8; 64]) -> Classes;
    /// Each bit becomes the parity of itself and those below.
    ///
    /// # Safety
    /// The processor must have the instructions.
    unsafe fn prefix_xor(bits: u64) -> u64;
}

struct Scalar;

impl Isa for Scalar {
    #[inline(always)]
    unsafe fn classify(chunk: &[u8; 64]) -> Classes {
        let mut classes =
            Classes { quote: 0, backslash: 0, operator: 0, space: 0, control: 0, non_ascii: 0 };
        for (i, &c) in chunk.iter().enumerate() {
            let bit = |is: bool| u64::from(is) << i;
            classes.quote |= bit(c == b'"');
            classes.backslash |= bit(c == b'\\');
            classes.operator |= bit(matches!(c, b'{' | b'}' | b'[' | b']' | b':' | b','));
            classes.space |= bit(matches!(c, b' ' | b'\t' | b'\n' | b'\r'));
            classes.control |= bit(c < 0x20);
            classes.non_ascii |= bit(c >= 0x80);
        }
        classes
    }

    #[inline(always)]
    unsafe fn prefix_xor(mut bits: u64) -> u64 {
        for shift in [1, 2, 4, 8, 16, 32] {
            bits ^= bits << shift;
        }
        bits
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Classes, Isa};
    use std::arch::x86_64::{
        __m256i, _mm_clmulepi64_si128, _mm_cvtsi128_si64, _mm_set_epi64x, _mm_set1_epi8,
        _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_min_epu8, _mm256_movemask_epi8,
        _mm256_or_si256, _mm256_set1_epi8, _mm256_setr_epi8, _mm256_shuffle_epi8,
    };

    pub(super) struct Avx2;

    impl Isa for Avx2 {
        #[inline(always)]
        unsafe fn classify(chunk: &[u8; 64]) -> Classes {
            // SAFETY: the caller has AVX2, and both loads lie within the 64 bytes of `chunk`.
            unsafe {
                let low = _mm256_loadu_si256(chunk.as_ptr().cast());
                let high = _mm256_loadu_si256(chunk.as_ptr().add(32).cast());
                // Looked up by its low nibble, a space is the entry itself, and an operator is
                // the entry once bit 5 makes `[` and `{` one character. A zero entry is none.
                #[rustfmt::skip]
                let spaces = _mm256_setr_epi8(
                    0x20, 0, 0, 0, 0, 0, 0, 0, 0, 9, 10, 0, 0, 13, 0, 0,
                    0x20, 0, 0, 0, 0, 0, 0, 0, 0, 9, 10, 0, 0, 13, 0, 0,
                );
                #[rustfmt::skip]
                let operators = _mm256_setr_epi8(
                    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x3a, 0x7b, 0x2c, 0x7d, 0, 0,
                    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x3a, 0x7b, 0x2c, 0x7d, 0, 0,
                );
                let bit5 = _mm256_set1_epi8(0x20);
                let space = |v| _mm256_cmpeq_epi8(_mm256_shuffle_epi8(spaces, v), v);
                let operator = |v| {
                    _mm256_cmpeq_epi8(_mm256_shuffle_epi8(operators, v), _mm256_or_si256(v, bit5))
                };
                let control = |v| _mm256_cmpeq_epi8(_mm256_min_epu8(v, _mm256_set1_epi8(0x1f)), v);
                let is = |v, c: u8| _mm256_cmpeq_epi8(v, _mm256_set1_epi8(c as i8));
                Classes {
                    quote: mask(is(low, b'"'), is(high, b'"')),
                    backslash: mask(is(low, b'\\'), is(high, b'\\')),
                    operator: mask(operator(low), operator(high)),
                    space: mask(space(low), space(high)),
                    control: mask(control(low), control(high)),
                    non_ascii: mask(low, high),
                }
            }
        }

        #[inline(always)]
        unsafe fn prefix_xor(bits: u64) -> u64 {
            // SAFETY: the caller has PCLMULQDQ. A carry-less product with all ones is the parity.
            unsafe {
                let product =
                    _mm_clmulepi64_si128(_mm_set_epi64x(0, bits as i64), _mm_set1_epi8(-1), 0);
                _mm_cvtsi128_si64(product) as u64
            }
        }
    }

    /// The top bits of 64 bytes.
    #[inline(always)]
    unsafe fn mask(low: __m256i, high: __m256i) -> u64 {
        // SAFETY: the caller has AVX2.
        let (low, high) = unsafe { (_mm256_movemask_epi8(low), _mm256_movemask_epi8(high)) };
        u64::from(low as u32) | u64::from(high as u32) << 32
    }

    /// Whether [`scan`] may be called.
    #[inline]
    pub(super) fn is_supported() -> bool {
        std::arch::is_x86_feature_detected!("avx2")
            && std::arch::is_x86_feature_detected!("pclmulqdq")
            && std::arch::is_x86_feature_detected!("bmi1")
            && std::arch::is_x86_feature_detected!("bmi2")
            && std::arch::is_x86_feature_detected!("popcnt")
    }

    #[target_feature(enable = "avx2,pclmulqdq,bmi1,bmi2,popcnt")]
    pub(super) fn scan(text: &[u8], starts: &mut Vec<u32>) -> super::Traits {
        // SAFETY: this function has the features that `Avx2` needs.
        unsafe { super::scan_with::<Avx2>(text, starts) }
    }
}

/// What one chunk leaves for the next.
#[derive(Default)]
struct Carry {
    /// All ones within a string.
    in_string: u64,
    /// One when the first byte of the next chunk is escaped.
    escaped: u64,
    /// One when the last byte belongs to a scalar.
    scalar: u64,
    broken: u64,
    spaces: u64,
    escapes: u64,
    non_ascii: u64,
}

/// The bytes that a backslash before them escapes. Backslashes are rare, so they are walked.
#[cold]
fn escaped_bits(mut backslash: u64, carry: &mut u64) -> u64 {
    let mut escaped = std::mem::take(carry);
    backslash &= !escaped;
    while backslash != 0 {
        let at = backslash.trailing_zeros();
        if at == 63 {
            *carry = 1;
            break;
        }
        escaped |= 2 << at;
        backslash &= !(3 << at);
    }
    escaped
}

/// # Safety
/// The processor must have the instructions of `I`.
#[inline(always)]
unsafe fn scan_with<I: Isa>(text: &[u8], starts: &mut Vec<u32>) -> Traits {
    let mut carry = Carry::default();
    let (chunks, tail) = text.as_chunks::<64>();
    let mut base = 0u32;
    for chunk in chunks {
        // SAFETY: as the caller promises.
        unsafe { step::<I>(chunk, u64::MAX, base, &mut carry, starts) };
        base += 64;
    }
    if !tail.is_empty() {
        let mut chunk = [b' '; 64];
        for (to, from) in chunk.iter_mut().zip(tail) {
            *to = *from;
        }
        let valid = u64::MAX >> (64 - tail.len());
        // SAFETY: as the caller promises.
        unsafe { step::<I>(&chunk, valid, base, &mut carry, starts) };
    }
    Traits {
        broken: carry.broken != 0 || carry.in_string != 0,
        spaces: carry.spaces != 0,
        escapes: carry.escapes != 0,
        non_ascii: carry.non_ascii != 0,
    }
}

/// # Safety
/// The processor must have the instructions of `I`.
#[inline(always)]
unsafe fn step<I: Isa>(
    chunk: &[u8; 64],
    valid: u64,
    base: u32,
    carry: &mut Carry,
    starts: &mut Vec<u32>,
) {
    // SAFETY: as the caller promises.
    let classes = unsafe { I::classify(chunk) };
    let mut quote = classes.quote;
    if classes.backslash | carry.escaped != 0 {
        quote &= !escaped_bits(classes.backslash, &mut carry.escaped);
        carry.escapes |= classes.backslash;
    }
    // From an opening quote up to, not including, the closing one.
    // SAFETY: as the caller promises.
    let in_string = unsafe { I::prefix_xor(quote) } ^ carry.in_string;
    carry.in_string = ((in_string as i64) >> 63) as u64;
    let scalar = !(classes.operator | classes.space);
    let unquoted = scalar & !quote;
    let follows_scalar = unquoted << 1 | carry.scalar;
    carry.scalar = unquoted >> 63;
    let tail_of_string = in_string ^ quote;
    let token = (classes.operator | (scalar & !follows_scalar)) & !tail_of_string & valid;
    carry.broken |= in_string & classes.control & valid;
    carry.spaces |= classes.space & !in_string & valid;
    carry.non_ascii |= classes.non_ascii;
    push_bits(token, base, starts);
}

/// Appends `base` plus the place of each bit.
#[inline(always)]
fn push_bits(mut bits: u64, base: u32, out: &mut Vec<u32>) {
    let count = bits.count_ones() as usize;
    // Written eight at a time, so up to seven places behind the last are written too.
    out.reserve(64 + 8);
    let mut at = out.spare_capacity_mut().as_mut_ptr().cast::<u32>();
    while bits != 0 {
        for _ in 0..8 {
            // SAFETY: at most 64 bits in steps of eight stay within the room reserved.
            unsafe {
                at.write(base.wrapping_add(bits.trailing_zeros()));
                at = at.add(1);
            }
            bits &= bits.wrapping_sub(1);
        }
    }
    // SAFETY: `count` places were written, and the room for them was reserved.
    unsafe { out.set_len(out.len() + count) }
}

impl Tokens {
    /// Finds the tokens of `text`.
    pub(crate) fn scan(&mut self, text: &[u8]) {
        self.starts.clear();
        #[cfg(target_arch = "x86_64")]
        if x86::is_supported() {
            // SAFETY: the features were just detected.
            self.traits = unsafe { x86::scan(text, &mut self.starts) };
            self.finish(text);
            return;
        }
        self.scan_scalar(text);
    }

    fn scan_scalar(&mut self, text: &[u8]) {
        self.starts.clear();
        // SAFETY: the scalar form needs no special instructions.
        self.traits = unsafe { scan_with::<Scalar>(text, &mut self.starts) };
        self.finish(text);
    }

    fn finish(&mut self, text: &[u8]) {
        self.kinds.clear();
        self.kinds.extend(self.starts.iter().map(|&start| {
            debug_assert!((start as usize) < text.len(), "a token lies outside of the text");
            // SAFETY: a start is the place of a bit for a valid byte of the text.
            KINDS[usize::from(unsafe { *text.get_unchecked(start as usize) })]
        }));
        self.starts.push(text.len() as u32);
    }

    /// The kind of each token.
    #[inline]
    pub(crate) fn kinds(&self) -> &[u8] {
        &self.kinds
    }

    /// Where token `i` starts; the length of the text for the one behind the last.
    #[inline]
    pub(crate) fn start(&self, i: u32) -> usize {
        self.starts.get(i as usize).map_or(0, |&start| start as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn starts(text: &str) -> Vec<u32> {
        let mut tokens = Tokens::default();
        tokens.scan(text.as_bytes());
        tokens.starts
    }

    #[test]
    fn tokens_begin_where_they_should() {
        assert_eq!(starts(r#"{"a":1}"#), [0, 1, 4, 5, 6, 7]);
        assert_eq!(starts(r#" [ "x\"{," , -1.5e3 ]"#), [1, 3, 11, 13, 20, 21]);
        assert_eq!(starts(r#"1 2"a""b"x"#), [0, 2, 6, 9, 10]);
        assert_eq!(starts(""), [0]);
    }

    #[test]
    fn traits_are_seen() {
        let traits = |text: &[u8]| {
            let mut tokens = Tokens::default();
            tokens.scan(text);
            tokens.traits
        };
        assert_eq!(traits(b"{\"a b\":[1]}"), Traits::default());
        assert!(traits(b"[1, 2]").spaces);
        assert!(traits(b"\"\\n\"").escapes);
        assert!(traits("\"é\"".as_bytes()).non_ascii);
        for broken in ["\"a", "\"a\\\"", "\"a\nb\""] {
            assert!(traits(broken.as_bytes()).broken, "{broken}");
        }
    }

    proptest! {
        #[test]
        fn simd_is_scalar(text in prop::collection::vec(
            prop_oneof![prop::sample::select(b"\"\\{}[]:, \n\t1ae\x0c\x1a".to_vec()), any::<u8>()],
            0..300,
        )) {
            let (mut simd, mut scalar) = (Tokens::default(), Tokens::default());
            simd.scan(&text);
            scalar.scan_scalar(&text);
            prop_assert_eq!(simd.traits, scalar.traits);
            // Where SIMD takes a control character for an operator, the kind refuses it, and the
            // text is no JSON in either case.
            if !text.iter().any(|c| matches!(c, 0x0c | 0x1a)) {
                prop_assert_eq!(&simd.starts, &scalar.starts);
            }
        }
    }
}
