//! Events: about 320 bytes of nested JSON a line, one every millisecond.

use std::io::{self, Write};

use super::calendar::date_of;
use super::sequence::Sequence;
use super::{MS_PER_DAY, START_MS};

const LEVELS: [&str; 4] = ["INFO", "WARN", "ERROR", "DEBUG"];
const REGIONS: [&str; 4] = ["eu-west-1", "us-east-1", "ap-south-1", "eu-central-1"];
const ZONES: [&str; 3] = ["a", "b", "c"];

/// A member of a fixed list, chosen by the sequence.
fn one_of<'a>(sequence: &mut Sequence, list: &[&'a str]) -> &'a str {
    list.get(sequence.below(list.len() as u64) as usize).copied().unwrap_or_default()
}

/// `2026-01-01T00:00:00.000Z` of a time in ms since 1970.
fn write_time(out: &mut impl Write, ms: i64) -> io::Result<()> {
    let (year, month, day) = date_of(ms.div_euclid(MS_PER_DAY));
    let of_day = ms.rem_euclid(MS_PER_DAY);
    let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
    let (second, milli) = (of_day / 1000 % 60, of_day % 1000);
    write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// Writes one event. The order of the calls of `below` is part of the definition of the data:
/// `value` is drawn first, then the other fields in the order of the line.
fn write_event(out: &mut impl Write, number: u64, s: &mut Sequence) -> io::Result<()> {
    let value = s.below(100_000);
    write!(out, "{{\"id\":\"evt-{number:09}\",\"ts\":\"")?;
    write_time(out, START_MS + number as i64)?;
    write!(out, "\",\"host\":\"host-{:04}\",\"service\":\"svc-", s.below(1000))?;
    write!(out, "{:02}\",\"level\":\"", s.below(40))?;
    write!(out, "{}\",\"msg\":\"request handled path=/api/v1/items/", one_of(s, &LEVELS))?;
    write!(out, "{} user=u", s.below(10_000))?;
    write!(out, "{}\",\"value\":", s.below(100_000))?;
    write!(out, "{}.{:03},\"count\":", value / 1000, value % 1000)?;
    write!(out, "{},\"ok\":", s.below(100))?;
    write!(out, "{},\"nested\":{{\"region\":\"", s.below(2) == 0)?;
    write!(out, "{}\",\"zone\":\"", one_of(s, &REGIONS))?;
    write!(out, "{}\",\"lat_ms\":", one_of(s, &ZONES))?;
    let latency = s.below(50_000);
    write!(out, "{}.{:02},\"meta\":{{\"build\":\"", latency / 100, latency % 100)?;
    write!(out, "{:06x}\",\"retries\":", s.below(0xFF_FFFF))?;
    writeln!(out, "{}}}}},\"tags\":[\"t{}\",\"prod\"]}}", s.below(5), s.below(10))
}

/// Writes the first `count` events, each as one line.
pub(crate) fn write(out: &mut impl Write, count: u64) -> io::Result<()> {
    let mut sequence = Sequence::new();
    (0..count).try_for_each(|number| write_event(out, number, &mut sequence))
}

#[cfg(test)]
mod tests {
    /// Lines 1, 2 and 100,000 of the recorded data.
    #[test]
    fn the_recorded_lines() {
        let mut text = Vec::new();
        super::write(&mut text, 2).unwrap();
        let want = concat!(
            r#"{"id":"evt-000000000","ts":"2026-01-01T00:00:00.000Z","host":"host-0572","#,
            r#""service":"svc-20","level":"WARN","#,
            r#""msg":"request handled path=/api/v1/items/1865 user=u81887","value":27.657,"#,
            r#""count":26,"ok":true,"nested":{"region":"eu-west-1","zone":"c","lat_ms":221.49,"#,
            r#""meta":{"build":"c08b91","retries":1}},"tags":["t4","prod"]}"#,
            "\n",
            r#"{"id":"evt-000000001","ts":"2026-01-01T00:00:00.001Z","host":"host-0320","#,
            r#""service":"svc-20","level":"DEBUG","#,
            r#""msg":"request handled path=/api/v1/items/2313 user=u36435","value":6.274,"#,
            r#""count":44,"ok":false,"nested":{"region":"eu-west-1","zone":"b","lat_ms":245.45,"#,
            r#""meta":{"build":"b96f8d","retries":1}},"tags":["t3","prod"]}"#,
            "\n",
        );
        assert_eq!(String::from_utf8(text).unwrap(), want);
    }
}
