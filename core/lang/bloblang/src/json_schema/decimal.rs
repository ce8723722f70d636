//! Exact decimal numbers, as far as 38 digits go.

use std::cmp::Ordering;
use std::fmt;

use formats::value::Value;

/// `digits * 10^exponent`, or a double where that does not fit.
#[derive(Clone, Copy, Debug)]
pub(super) enum Decimal {
    Exact { digits: i128, exponent: i32 },
    Double(f64),
}

impl Decimal {
    /// The number of a value.
    pub(super) fn of(value: &Value) -> Option<Decimal> {
        match value {
            Value::Int(_)
            | Value::Uint(_)
            | Value::Float(_)
            | Value::Float32(_)
            | Value::Number(_) => {
                let mut text = Vec::new();
                formats::json::write_value(&mut text, value).ok()?;
                Decimal::parse(std::str::from_utf8(&text).ok()?)
            }
            _ => None,
        }
    }

    fn parse(text: &str) -> Option<Decimal> {
        let double: f64 = text.parse().ok()?;
        Some(Decimal::exact(text).unwrap_or(Decimal::Double(double)))
    }

    fn exact(text: &str) -> Option<Decimal> {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut digits: i128 = format!("{whole}{fraction}").parse().ok()?;
        let places = i32::try_from(fraction.len()).ok()?;
        let mut exponent = exponent.parse::<i32>().ok()?.checked_sub(places)?;
        if digits == 0 {
            exponent = 0;
        }
        while digits != 0 && digits % 10 == 0 {
            digits /= 10;
            exponent = exponent.checked_add(1)?;
        }
        Some(Decimal::Exact { digits, exponent })
    }

    fn double(self) -> f64 {
        match self {
            Decimal::Exact { digits, exponent } => {
                format!("{digits}e{exponent}").parse().unwrap_or(f64::NAN)
            }
            Decimal::Double(x) => x,
        }
    }

    /// Whether it has no fraction.
    pub(super) fn is_whole(self) -> bool {
        match self {
            Decimal::Exact { exponent, .. } => exponent >= 0,
            Decimal::Double(x) => x.fract() == 0.0,
        }
    }

    /// Whether it is more than nothing.
    pub(super) fn is_positive(self) -> bool {
        self.double() > 0.0
    }

    /// The same number as a count.
    pub(super) fn count(self) -> Option<usize> {
        match self {
            Decimal::Exact { digits, exponent } => {
                let power = 10i128.checked_pow(u32::try_from(exponent).ok()?)?;
                usize::try_from(digits.checked_mul(power)?).ok()
            }
            Decimal::Double(_) => None,
        }
    }

    /// Both with the same exponent.
    fn aligned(self, other: Decimal) -> Option<(i128, i128)> {
        let (
            Decimal::Exact { digits: a, exponent: a_exponent },
            Decimal::Exact { digits: b, exponent: b_exponent },
        ) = (self, other)
        else {
            return None;
        };
        let lower = a_exponent.min(b_exponent);
        let raise = |digits: i128, exponent: i32| {
            let power = 10i128.checked_pow(u32::try_from(exponent.checked_sub(lower)?).ok()?)?;
            digits.checked_mul(power)
        };
        Some((raise(a, a_exponent)?, raise(b, b_exponent)?))
    }

    pub(super) fn compare(self, other: Decimal) -> Ordering {
        match self.aligned(other) {
            Some((a, b)) => a.cmp(&b),
            None => self.double().total_cmp(&other.double()),
        }
    }

    /// Whether it is so many times another one, which is positive.
    pub(super) fn is_multiple_of(self, unit: Decimal) -> bool {
        match self.aligned(unit) {
            Some((a, b)) => b != 0 && a % b == 0,
            None => (self.double() / unit.double()).fract() == 0.0,
        }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = Value::Float(self.double());
        f.write_str(&crate::text::go_plain(&value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn exact_where_doubles_are_not() {
        assert!(decimal("0.3").is_multiple_of(decimal("0.1")));
        assert!(!decimal("0.35").is_multiple_of(decimal("0.1")));
        assert_eq!(decimal("1e400").compare(decimal("1e399")), Ordering::Greater);
        assert_eq!(decimal("1.0").compare(decimal("1")), Ordering::Equal);
        assert!(decimal("12e1").is_whole() && decimal("1.50e1").is_whole());
        assert_eq!(decimal("0e999999999999").compare(decimal("0")), Ordering::Equal);
        assert_eq!(decimal("-3").count(), None);
        assert_eq!(decimal("30").count(), Some(30));
    }
}
