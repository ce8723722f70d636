//! `ksuid`

use plan::Services;

use crate::spec::{Example, Function, Purity, RunFn};
use crate::time::NS_PER_S;
use crate::val::Val;

pub(super) static SPEC: Function = Function {
    name: "ksuid",
    category: "general",
    summary: "A new identifier of 27 letters and digits that begins with the time in seconds, so \
              that later ones sort behind earlier ones.",
    examples: &[Example {
        mapping: "root.long = ksuid().length()",
        cases: &[("{}", r#"{"long":27}"#)],
    }],
    purity: Purity::Environment,
    run: RunFn::Simple(|_, cx| Ok(Val::text(ksuid(cx.ex.services())))),
    ..Function::BASE
};

/// Time zero of these identifiers, in seconds of Unix time.
const EPOCH_S: i128 = 1_400_000_000;
/// Length of the text; 62^27 is just above 2^160.
const LEN: usize = 27;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// 4 bytes of time and 16 of chance as a number to the base 62.
fn ksuid(services: &dyn Services) -> Vec<u8> {
    let seconds = services.wall_ns().div_euclid(NS_PER_S) - EPOCH_S;
    let mut number = [0u32; 5];
    number[0] = seconds as u32;
    for pair in number[1..].chunks_mut(2) {
        let random = services.random();
        pair[0] = (random >> 32) as u32;
        pair[1] = random as u32;
    }
    encode(number)
}

/// Divides the number again and again; the rests are the digits from the last on.
fn encode(mut number: [u32; 5]) -> Vec<u8> {
    let mut text = vec![b'0'; LEN];
    for digit in text.iter_mut().rev() {
        let mut rest = 0u64;
        for word in &mut number {
            let value = (rest << 32) | u64::from(*word);
            *word = (value / 62) as u32;
            rest = value % 62;
        }
        *digit = DIGITS[rest as usize];
    }
    text
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn smallest_and_largest() {
        assert_eq!(encode([0; 5]), b"000000000000000000000000000");
        assert_eq!(encode([u32::MAX; 5]), b"aWgEPTl1tmebfsQzFP4bxwgy80V");
    }
}
