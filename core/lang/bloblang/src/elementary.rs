//! Elementary functions to the last digit. Every digit of a result shows in a document, and
//! libraries differ in the last one, so these follow the evaluation that recorded results have
//! (spec/bloblang.md §11): polynomials of Cephes for angles and of fdlibm for logarithms, without
//! fused steps where those had none.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI, FRAC_PI_4, LOG2_E, LOG10_E};

const MANTISSA_BITS: u32 = 52;
const MANTISSA: u64 = (1 << MANTISSA_BITS) - 1;
const EXPONENT: u64 = 0x7ff;
const BIAS: i32 = 1023;
/// Bits of 0.5.
const HALF: u64 = 0x3fe0_0000_0000_0000;

/// Angles from here on are reduced with as many digits of 4/π as they need.
const WIDE_ANGLE: f64 = (1u64 << 29) as f64;

/// π/4 in three parts, the first two with so few digits that products with octants are exact.
const PI_4_PARTS: [f64; 3] =
    [7.853_981_256_484_985e-1, 3.774_894_707_930_798e-8, 2.695_151_429_079_059_5e-15];

/// The binary digits of 4/π, 64 each; the first word is the whole part.
const FOUR_OVER_PI: [u64; 20] = [
    0x0000_0000_0000_0001,
    0x45f3_06dc_9c88_2a53,
    0xf84e_afa3_ea69_bb81,
    0xb6c5_2b32_7887_2083,
    0xfca2_c757_bd77_8ac3,
    0x6e48_dc74_849b_a5c0,
    0x0c92_5dd4_13a3_2439,
    0xfc3b_d639_6253_4e7d,
    0xd104_6bea_5d76_8909,
    0xd338_e04d_68be_fc82,
    0x7323_ac73_06a6_73e9,
    0x3908_bf17_7bf2_5076,
    0x3ff1_2fff_bc0b_301f,
    0xde5e_2316_b414_da3e,
    0xda6c_fd9e_4f96_136e,
    0x9e8c_7ecd_3cbf_d45a,
    0xea4f_758f_d7cb_e2f6,
    0x7a0e_73ef_14a5_25d4,
    0xd7f6_bf62_3f1a_ba10,
    0xac06_608d_f8f6_d757,
];

const SIN: [f64; 6] = [
    1.589_623_015_765_465_6e-10,
    -2.505_074_776_285_780_7e-8,
    2.755_731_362_138_572_4e-6,
    -1.984_126_982_958_954e-4,
    8.333_333_333_322_118e-3,
    -1.666_666_666_666_663e-1,
];
const COS: [f64; 6] = [
    -1.135_853_652_138_768_2e-11,
    2.087_570_084_197_473e-9,
    -2.755_731_417_929_674e-7,
    2.480_158_728_885_170_5e-5,
    -1.388_888_888_887_305_6e-3,
    4.166_666_666_666_659_3e-2,
];
const TAN_P: [f64; 3] =
    [-1.309_369_391_813_837_8e4, 1.153_516_648_385_874_2e6, -1.795_652_519_764_848_8e7];
const TAN_Q: [f64; 5] = [
    1.0,
    1.368_129_634_706_929_5e4,
    -1.320_892_344_402_109_7e6,
    2.500_838_018_233_579e7,
    -5.386_957_559_294_546_4e7,
];
/// Odd and even coefficients of the logarithm's series.
const LN_ODD: [f64; 4] =
    [1.479_819_860_511_658_6e-1, 1.818_357_216_161_805e-1, 2.857_142_874_366_239e-1, 0.0];
const LN_FIRST: f64 = 6.666_666_666_666_735e-1;
const LN_EVEN: [f64; 3] =
    [1.531_383_769_920_937_3e-1, 2.222_219_843_214_978_4e-1, 3.999_999_999_940_942e-1];
const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// A polynomial by Horner's rule, highest coefficient first.
fn poly(x: f64, coefficients: &[f64]) -> f64 {
    coefficients.iter().fold(0.0, |sum, c| sum * x + c)
}

/// An angle that is not negative as an even octant (of 8) and what remains around its origin.
fn reduce(x: f64) -> (u64, f64) {
    if x >= WIDE_ANGLE {
        return reduce_wide(x);
    }
    let mut octant = (x * (2.0 * FRAC_2_PI)) as u64;
    octant += octant & 1;
    let y = octant as f64;
    let [a, b, c] = PI_4_PARTS;
    (octant & 7, ((x - y * a) - y * b) - y * c)
}

/// The same for any angle, after Payne and Hanek: the mantissa is multiplied with those digits of
/// 4/π that decide the octant and the fraction.
fn reduce_wide(x: f64) -> (u64, f64) {
    let bits = x.to_bits();
    let exponent = ((bits >> MANTISSA_BITS) & EXPONENT) as i32 - BIAS - MANTISSA_BITS as i32;
    let mantissa = (bits & MANTISSA) | (1 << MANTISSA_BITS);
    let first = usize::try_from(exponent + 61).unwrap_or(0);
    let (word, shift) = (first / 64, (first % 64) as u32);
    let digits = |at: usize| {
        let get = |i| FOUR_OVER_PI.get(i).copied().unwrap_or(0);
        let pair = (u128::from(get(at)) << 64) | u128::from(get(at + 1));
        ((pair << shift) >> 64) as u64
    };
    let wide = |digit: u64| u128::from(digit) * u128::from(mantissa);
    let low = wide(digits(word + 2)) >> 64;
    let middle = wide(digits(word + 1));
    let high = u128::from(digits(word).wrapping_mul(mantissa)) << 64;
    let product = high.wrapping_add(middle).wrapping_add(low);
    let mut octant = (product >> 125) as u64;
    // The fraction's leading one is implied in a double; what is behind its 52 digits is cut off.
    // Where it begins with so many zeros that more digits are needed, these are taken three places
    // too early, as recorded results have it.
    let (top, rest) = ((product << 3 >> 64) as u64, product as u64);
    let skip = top.leading_zeros() + 1;
    let digits =
        top.checked_shl(skip).unwrap_or(0) | rest.checked_shr(64 - skip.min(64)).unwrap_or(0);
    let exponent = (BIAS as u64).saturating_sub(u64::from(skip));
    let digits = digits >> (64 - MANTISSA_BITS);
    let mut z = f64::from_bits((exponent << MANTISSA_BITS) | digits);
    if octant & 1 == 1 {
        octant = (octant + 1) & 7;
        z -= 1.0;
    }
    (octant, z * FRAC_PI_4)
}

fn sin_near(z: f64) -> f64 {
    let zz = z * z;
    z + z * zz * poly(zz, &SIN)
}

fn cos_near(z: f64) -> f64 {
    let zz = z * z;
    1.0 - 0.5 * zz + zz * zz * poly(zz, &COS)
}

/// The sine of an angle in radians.
#[must_use]
pub(crate) fn sin(x: f64) -> f64 {
    if x == 0.0 || x.is_nan() {
        return x;
    }
    if x.is_infinite() {
        return f64::NAN;
    }
    let (octant, z) = reduce(x.abs());
    let y = if matches!(octant & 3, 1 | 2) { cos_near(z) } else { sin_near(z) };
    if (x < 0.0) != (octant > 3) { -y } else { y }
}

/// The cosine of an angle in radians.
#[must_use]
pub(crate) fn cos(x: f64) -> f64 {
    if !x.is_finite() {
        return f64::NAN;
    }
    let (octant, z) = reduce(x.abs());
    let quarter = octant & 3;
    let y = if matches!(quarter, 1 | 2) { sin_near(z) } else { cos_near(z) };
    if (octant > 3) != (quarter > 1) { -y } else { y }
}

/// The tangent of an angle in radians.
#[must_use]
pub(crate) fn tan(x: f64) -> f64 {
    if x == 0.0 || x.is_nan() {
        return x;
    }
    if x.is_infinite() {
        return f64::NAN;
    }
    let (octant, z) = reduce(x.abs());
    let zz = z * z;
    let mut y = z;
    if zz > 1e-14 {
        y = z + z * (zz * poly(zz, &TAN_P) / poly(zz, &TAN_Q));
    }
    if octant & 2 == 2 {
        y = -1.0 / y;
    }
    if x < 0.0 { -y } else { y }
}

/// The natural logarithm. A subnormal number counts with the exponent that is written in it.
#[must_use]
pub(crate) fn ln(x: f64) -> f64 {
    if x == 0.0 {
        return f64::NEG_INFINITY;
    }
    if x.is_nan() || x < 0.0 {
        return f64::NAN;
    }
    if x.is_infinite() {
        return x;
    }
    let bits = x.to_bits();
    let mut fraction = f64::from_bits((bits & MANTISSA) | HALF);
    let mut k = f64::from(((bits >> MANTISSA_BITS) & EXPONENT) as i32 - (BIAS - 1));
    if fraction <= FRAC_1_SQRT_2 {
        fraction *= 2.0;
        k -= 1.0;
    }
    let f = fraction - 1.0;
    let s = f / (2.0 + f);
    let s2 = s * s;
    let s4 = s2 * s2;
    let odd = s2 * (LN_FIRST + poly(s4, &LN_ODD));
    let even = s4 * poly(s4, &LN_EVEN);
    let half = 0.5 * f * f;
    k * LN_2_HIGH - ((half - (s * (half + (odd + even)) + k * LN_2_LOW)) - f)
}

/// The decimal logarithm.
#[must_use]
pub(crate) fn log10(x: f64) -> f64 {
    ln(x) * LOG10_E
}

/// e to a power; here the recorded evaluation has fused steps.
fn exp(x: f64) -> f64 {
    const OVERFLOW: f64 = 7.097_827_128_933_84e2;
    const LN_2_UPPER: f64 = 0.693_147_180_559_662_956_511_601_805_686_950_683_593_75;
    const LN_2_LOWER: f64 = 0.282_352_905_630_315_771_225_884_481_750_134_360_255_254_120_68e-12;
    /// 1/8!, 1/7!, ... 1/1!
    const SERIES: [f64; 8] = [
        2.480_158_730_158_73e-5,
        1.984_126_984_126_984e-4,
        1.388_888_888_888_889e-3,
        8.333_333_333_333_333e-3,
        4.166_666_666_666_666_4e-2,
        1.666_666_666_666_666_6e-1,
        0.5,
        1.0,
    ];
    if x.is_nan() {
        return x;
    }
    if x > OVERFLOW {
        return f64::INFINITY;
    }
    let n = (LOG2_E * x).round_ties_even() as i32;
    if x == f64::NEG_INFINITY || n < -BIAS - 52 {
        return 0.0;
    }
    let k = f64::from(n);
    let rest = (-k).mul_add(LN_2_LOWER, (-k).mul_add(LN_2_UPPER, x)) * 0.0625;
    let series = SERIES.iter().skip(1).fold(SERIES[0], |sum, c| sum.mul_add(rest, *c));
    let mut y = rest * series;
    for _ in 0..3 {
        y *= y + 2.0;
    }
    scale(y.mul_add(y + 2.0, 1.0), n)
}

/// `x * 2^n` for `x` around 1 and `n` in the range of doubles; below the normal ones in two steps.
fn scale(x: f64, n: i32) -> f64 {
    let power = |exponent: i32| f64::from_bits((exponent as u64) << MANTISSA_BITS);
    let exponent = n + BIAS;
    if exponent >= EXPONENT as i32 {
        f64::INFINITY
    } else if exponent > 0 {
        x * power(exponent)
    } else {
        x * power(exponent + BIAS - 1) * power(1)
    }
}

/// A finite number that is not 0 as a fraction of `[0.5, 1)` and a power of 2.
fn split(x: f64) -> (f64, i32) {
    let (x, below) =
        if x.abs() < f64::MIN_POSITIVE { (x * (1u64 << 52) as f64, -52) } else { (x, 0) };
    let bits = x.to_bits();
    let exponent = ((bits >> MANTISSA_BITS) & EXPONENT) as i32 - (BIAS - 1) + below;
    (f64::from_bits((bits & !(EXPONENT << MANTISSA_BITS)) | HALF), exponent)
}

/// `fraction * 2^exponent`, rounded once.
fn join(fraction: f64, exponent: i64) -> f64 {
    if fraction == 0.0 || !fraction.is_finite() {
        return fraction;
    }
    let (fraction, own) = split(fraction);
    let mut exponent = exponent.saturating_add(i64::from(own) - 1);
    if exponent < -1075 {
        return 0.0f64.copysign(fraction);
    }
    if exponent > i64::from(BIAS) {
        return f64::INFINITY.copysign(fraction);
    }
    let mut factor = 1.0;
    if exponent < -1022 {
        exponent += 53;
        factor = 1.0 / (1u64 << 53) as f64;
    }
    let exponent = (exponent + i64::from(BIAS)) as u64;
    let bits = fraction.to_bits() & !(EXPONENT << MANTISSA_BITS);
    factor * f64::from_bits(bits | (exponent << MANTISSA_BITS))
}

fn is_odd(y: f64) -> bool {
    y.abs() < (1u64 << 53) as f64 && y.trunc() == y && (y as i64) & 1 == 1
}

/// The power where base or exponent is no ordinary number.
fn special_power(x: f64, y: f64) -> Option<f64> {
    Some(if y == 0.0 || x == 1.0 {
        1.0
    } else if y == 1.0 {
        x
    } else if x.is_nan() || y.is_nan() {
        f64::NAN
    } else if x == 0.0 {
        let signed = x.is_sign_negative() && is_odd(y);
        let size = if y < 0.0 { f64::INFINITY } else { 0.0 };
        if signed { -size } else { size }
    } else if y.is_infinite() {
        if x == -1.0 {
            1.0
        } else if (x.abs() < 1.0) == (y > 0.0) {
            0.0
        } else {
            f64::INFINITY
        }
    } else if x.is_infinite() {
        let size = if y < 0.0 { 0.0 } else { f64::INFINITY };
        if x < 0.0 && is_odd(y) { -size } else { size }
    } else if y == 0.5 {
        x.sqrt()
    } else if y == -0.5 {
        1.0 / x.sqrt()
    } else {
        return None;
    })
}

/// `x` to the power of `y`: the whole part of the exponent by squaring, its rest by logarithm.
#[must_use]
pub(crate) fn pow(x: f64, y: f64) -> f64 {
    if let Some(result) = special_power(x, y) {
        return result;
    }
    let (mut whole, mut rest) = (y.abs().trunc(), y.abs().fract());
    if rest != 0.0 && x < 0.0 {
        return f64::NAN;
    }
    if whole >= 9_223_372_036_854_775_808.0 {
        return match (x == -1.0, (x.abs() < 1.0) == (y > 0.0)) {
            (true, _) => 1.0,
            (false, true) => 0.0,
            (false, false) => f64::INFINITY,
        };
    }
    let mut result = 1.0;
    let mut exponent = 0i64;
    if rest != 0.0 {
        if rest > 0.5 {
            rest -= 1.0;
            whole += 1.0;
        }
        result = exp(rest * ln(x));
    }
    let (mut base, base_exponent) = split(x);
    let mut base_exponent = i64::from(base_exponent);
    let mut left = whole as i64;
    while left != 0 {
        // So far out only zero or infinity can come of it.
        if base_exponent.abs() > 1 << 12 {
            exponent += base_exponent;
            break;
        }
        if left & 1 == 1 {
            result *= base;
            exponent += base_exponent;
        }
        base *= base;
        base_exponent <<= 1;
        if base < 0.5 {
            base += base;
            base_exponent -= 1;
        }
        left >>= 1;
    }
    if y < 0.0 { join(1.0 / result, -exponent) } else { join(result, exponent) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_digits() {
        assert_eq!(sin(12.0), -0.536_572_918_000_434_9);
        assert_eq!(sin(std::f64::consts::FRAC_PI_4), 0.707_106_781_186_547_5);
        assert_eq!(cos(1e10), 0.873_119_622_676_856);
        assert_eq!(tan(1.0), 1.557_407_724_654_902);
        assert_eq!(tan(100.0), -0.587_213_915_156_929);
        assert_eq!(ln(1e300), 690.775_527_898_213_7);
        assert_eq!(log10(1000.0), 3.0);
        assert_eq!(log10(5e-324), -307.953_685_564_252_8);
        assert_eq!(pow(2.0, -2.0), 0.25);
        assert_eq!(pow(10.0, 21.0), 1e21);
    }

    proptest::proptest! {
        #[test]
        fn close_to_the_library(x in -1e18f64..1e18, y in -40f64..40.0, base in 1e-6f64..1e6) {
            let near = |a: f64, b: f64| (a - b).abs() <= 1e-13 * b.abs().max(1e-3) || a == b;
            proptest::prop_assert!(near(sin(x), x.sin()), "sin {x}");
            proptest::prop_assert!(near(cos(x), x.cos()), "cos {x}");
            proptest::prop_assert!(near(ln(base), base.ln()), "ln {base}");
            proptest::prop_assert!(near(pow(base, y), base.powf(y)), "{base} ^ {y}");
        }
    }
}
