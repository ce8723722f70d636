//! Lines of BSD syslog (RFC 3164), read as the program users know reads them.

use formats::value::Value;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::scan::{DateTime, Fields, Scan, Stop};

/// How lines are read.
pub(super) struct Options {
    /// Whether a line that ends too early still counts with what was read of it.
    pub(super) best_effort: bool,
    /// Whether dates with years are read too.
    pub(super) rfc3339: bool,
    /// The year of dates without one.
    pub(super) year: i64,
    /// Where the times are shown.
    pub(super) zone: Option<TimeZone>,
}

const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];
const HOSTNAME_MAX: usize = 255;
const TAG_MAX: usize = 32;

/// Reads a line.
pub(super) fn parse(line: &[u8], options: &Options) -> Result<Value, String> {
    let mut scan = Scan { line, at: 0 };
    let mut fields = Fields::of_priority(scan.priority()?);
    // What follows may end anywhere between its parts; the fields up to there are all there is.
    let ended = |fields: Fields, scan: &Scan<'_>| match options.best_effort {
        true => Ok(fields.into_value()),
        false => Err(scan.error("parsing error")),
    };
    match timestamp(&mut scan, options)? {
        Some(text) if scan.byte(b' ').is_ok() => fields.text("timestamp", text.as_bytes()),
        _ => return ended(fields, &scan),
    }
    let word = scan.word(HOSTNAME_MAX, |b| b.is_ascii_graphic());
    match word.and_then(|word| scan.byte(b' ').map(|()| word)) {
        Ok(hostname) => fields.named("hostname", hostname),
        Err(Stop) => {
            let what = "expecting an hostname (from 1 to max 255 US-ASCII characters)";
            return Err(scan.error(what));
        }
    }
    match message(&mut scan, &mut fields)? {
        true => Ok(fields.into_value()),
        false => ended(fields, &scan),
    }
}

/// The time of a line; nothing where it ends in a date with a year.
fn timestamp(scan: &mut Scan<'_>, options: &Options) -> Result<Option<String>, String> {
    let from = scan.at;
    if options.rfc3339 && scan.peek().is_some_and(|b| b.is_ascii_digit()) {
        let day = scan.date().and_then(|day| {
            scan.byte(b'T')?;
            scan.time()?;
            Ok(day)
        });
        let Ok((year, month, day)) = day else { return Ok(None) };
        if scan.offset().is_err() {
            return Err(scan.error("expecting a Stamp or a RFC3339 timestamp"));
        }
        let text = scan.line.get(from..scan.at).unwrap_or_default();
        if scan.peek() != Some(b' ') {
            return Ok(None);
        }
        let time = DateTime { text, year, month, day };
        time.checked(scan.at)?;
        return Ok(Some(time.written()));
    }
    let Ok((month, day)) = stamp(scan) else {
        return Err(scan.error("expecting a Stamp timestamp"));
    };
    let text = scan.line.get(from..scan.at).unwrap_or_default();
    if scan.peek() != Some(b' ') {
        return Ok(None);
    }
    // Without a year any day of a leap year is one.
    DateTime { text, year: 0, month, day }.checked(scan.at)?;
    let clock = text.get(text.len().saturating_sub(8)..).unwrap_or_default();
    placed(options, month, day, &String::from_utf8_lossy(clock)).map(Some)
}

/// A date and time as in `Oct 11 22:14:15`.
fn stamp(scan: &mut Scan<'_>) -> Result<(u32, u32), Stop> {
    let mut known: Vec<(u32, &[u8; 3])> = (1..).zip(MONTHS).collect();
    for at in 0..3 {
        let byte = scan.take(|byte| known.iter().any(|(_, name)| name.get(at) == Some(&byte)))?;
        known.retain(|(_, name)| name.get(at) == Some(&byte));
    }
    scan.byte(b' ')?;
    let day = scan.day(b' ')?;
    scan.byte(b' ')?;
    scan.time()?;
    known.first().map(|(month, _)| (*month, day)).ok_or(Stop)
}

/// The time in its year and zone.
fn placed(options: &Options, month: u32, day: u32, clock: &str) -> Result<String, String> {
    let year = options.year;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let (month, day) = if (month, day) == (2, 29) && !leap { (3, 1) } else { (month, day) };
    let text = format!("{year:04}-{month:02}-{day:02}T{clock}");
    let Some(zone) = &options.zone else { return Ok(format!("{text}Z")) };
    let part = |from: usize| clock.get(from..from + 2).and_then(|two| two.parse::<i8>().ok());
    let shown = i16::try_from(year)
        .ok()
        .and_then(|year| Date::new(year, month as i8, day as i8).ok())
        .zip(part(0).zip(part(3)).zip(part(6)))
        .map(|(date, ((hour, minute), second))| date.at(hour, minute, second, 0))
        .and_then(|time| time.to_zoned(TimeZone::UTC).ok())
        .map(|time| time.with_time_zone(zone.clone()));
    let shown = shown.ok_or_else(|| format!("the year {year} is in no time zone"))?;
    let offset = shown.offset().seconds();
    let local = shown.datetime().strftime("%Y-%m-%dT%H:%M:%S");
    let sign = if offset < 0 { '-' } else { '+' };
    let (hours, minutes) = (offset.abs() / 3600, offset.abs() / 60 % 60);
    Ok(match offset {
        0 => format!("{local}Z"),
        _ => format!("{local}{sign}{hours:02}:{minutes:02}"),
    })
}

fn is_print(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e)
}

/// What is left of a line: perhaps a tag, perhaps something in brackets, and the message. All ways
/// to read it are followed side by side, and they share one mark for where a part begins; that is
/// why the message may begin in the brackets when these do not end as they should. Returns whether
/// the line ended in a message.
fn message(scan: &mut Scan<'_>, fields: &mut Fields) -> Result<bool, String> {
    let (line, from) = (scan.line, scan.at);
    let part = |from: usize, to: usize| line.get(from..to).unwrap_or_default();
    let visible = |byte: u8| is_print(byte) || byte >= 0x80;
    let (mut mark, mut reads_message) = (from, true);
    if !scan.peek().is_some_and(visible) {
        return Err(scan.error("expecting an alphanumeric tag (max 32 characters)"));
    }
    // Ways that are open: within the tag, just before and within brackets, behind them, and
    // behind the colon and the space that end all this.
    let (mut in_tag, mut opens, mut inside) = (true, false, false);
    let (mut closed, mut colon, mut space) = (false, false, false);
    let (mut tag, mut content) = (&line[..0], &line[..0]);
    for (at, byte) in line.iter().copied().enumerate().skip(from) {
        let (was_closed, was_colon, was_space) = (closed, colon, space);
        (closed, colon, space) = (false, was_closed && byte == b':', was_colon && byte == b' ');
        if opens {
            (mark, opens, inside) = (at, false, true);
        }
        if inside && byte == b']' {
            (content, closed) = (part(mark, at), true);
        }
        if was_space && visible(byte) {
            (mark, reads_message) = (at, true);
        }
        reads_message &= visible(byte);
        if in_tag {
            let started = at > from;
            match byte {
                b'[' if started => (tag, opens) = (part(mark, at), true),
                b':' if started => (tag, colon) = (part(mark, at), true),
                _ => {}
            }
            in_tag = is_print(byte) && !matches!(byte, b' ' | b':' | b'[') && at - from < TAG_MAX;
        }
        if !(reads_message || in_tag || opens || inside || closed || colon || space) {
            scan.at = at;
            break;
        }
    }
    fields.named("appname", tag);
    fields.named("procid", content);
    if reads_message {
        fields.text("message", part(mark, line.len()));
    }
    Ok(reads_message)
}
