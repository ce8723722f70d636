//! Dates as `"D"$text` reads them, in more forms than a literal has.

use super::{date, digits};
use crate::convert::calendar::{days, month_length};

/// The names of the months.
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// The first year that two digits stand for; the last one is 99 years later.
const FIRST_OF_TWO_DIGITS: i64 = 1950;

/// Days of what [`date`] reads, of `240115`, `15Jan2024` or `15Jan24`, and with slashes of years
/// first, `2024/Jan/15`, or last, `Jan/15/2024` or `01/15/24`.
pub(super) fn any(text: &str) -> Option<i64> {
    date(text).or_else(|| {
        let (year, month, day) = parts(text)?;
        let (year, month, day) = (self::year(year)?, self::month(month)?, digits(day, 2)?);
        let fits = year >= 1 && day >= 1 && day <= month_length(year, month);
        fits.then(|| days(year, month, day))
    })
}

/// The texts of year, month and day.
fn parts(text: &str) -> Option<(&str, &str, &str)> {
    if text.contains('/') {
        let mut parts = text.split('/');
        let (first, second, third) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let year_first = first.len() == 4;
        return Some(if year_first { (first, second, third) } else { (third, first, second) });
    }
    match text.find(|c: char| c.is_ascii_alphabetic()) {
        Some(at) => Some((text.get(at + 3..)?, text.get(at..at + 3)?, text.get(..at)?)),
        None if text.len() == 6 => Some((text.get(..2)?, text.get(2..4)?, text.get(4..)?)),
        None => None,
    }
}

/// A year of two or four digits.
fn year(text: &str) -> Option<i64> {
    let year = digits(text, 4)?;
    match text.len() {
        4 => Some(year),
        2 => Some(FIRST_OF_TWO_DIGITS + (year - FIRST_OF_TWO_DIGITS).rem_euclid(100)),
        _ => None,
    }
}

/// A month by its number or the first letters of its name.
fn month(text: &str) -> Option<i64> {
    let named = MONTHS.iter().zip(1..).find(|(name, _)| name.eq_ignore_ascii_case(text));
    named.map(|(_, month)| month).or_else(|| digits(text, 2))
}

#[cfg(test)]
mod tests {
    use crate::transcript::check;

    #[test]
    fn dates_are_read_in_all_forms() {
        check(
            "q)\"D\"$(\"240115\";\"15Jan2024\";\"15Jan24\";\"2024/Jan/15\";\"Jan/15/2024\")\n\
             2024.01.15 2024.01.15 2024.01.15 2024.01.15 2024.01.15\n\
             q)\"D\"$(\"01/15/24\";\"jan/15/24\";\"2024/01/15\";\"01/15/2024\";\"20240115\")\n\
             2024.01.15 2024.01.15 2024.01.15 2024.01.15 2024.01.15\n\
             q)\"D\"$(\"491231\";\"500101\";\"29FEB00\")\n2049.12.31 1950.01.01 2000.02.29\n\
             q)(\"DJ\";\",\")0:(\"15Jan24,1\";\"240116,2\")\n2024.01.15 2024.01.16\n1          2",
        )
        .unwrap();
    }

    #[test]
    fn what_is_no_date_is_null() {
        check(
            "q)all null \"D\"$(\"241315\";\"240230\";\"15Foo2024\";\"15Jan024\";\"13/15/24\";\"01/15\")\n\
             1b\nq)all null \"D\"$(\"01/15/24/1\";\"Jan2024\";\"15Jan\";\"15-Jan-2024\";\"2401155\";\"0\")\n\
             1b\nq)all null \"D\"$(\"15J\\303\\244n24\";\"/\";\"//\";\"a\";\"\";\"2147483648\")\n1b\n\
             q)29Feb00\n'29Feb00",
        )
        .unwrap();
    }
}
