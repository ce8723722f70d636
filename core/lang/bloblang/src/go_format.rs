//! Go's `fmt.Sprintf` over values of the language. Numbers of a message are texts, as they are in
//! the original.

use formats::number::{self, FloatSize};
use formats::value::Value;

use crate::error::Error;
use crate::text::{go_type, push_go};
use crate::time;
use crate::val::Val;

/// Widest field that a verb may ask for.
pub const WIDTH_MAX: usize = 1_000_000;
/// Bytes that a result may have.
pub const RESULT_BYTES_MAX: usize = 64 << 20;

/// What stands between `%` and the verb.
#[derive(Clone, Copy, Default)]
struct Flags {
    plus: bool,
    minus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// Fills `vals` into a format.
///
/// # Errors
/// The result would exceed [`RESULT_BYTES_MAX`].
pub fn format(text: &[u8], vals: &[Val]) -> Result<Vec<u8>, Error> {
    let mut state = State { rest: text, vals, next: 0, reordered: false, out: Vec::new() };
    while let Some((&c, rest)) = state.rest.split_first() {
        state.rest = rest;
        if c == b'%' {
            state.verb();
        } else {
            state.out.push(c);
        }
        if state.out.len() > RESULT_BYTES_MAX {
            return Err(Error::new(format!("the text exceeds {RESULT_BYTES_MAX} bytes")));
        }
    }
    state.extra();
    Ok(state.out)
}

struct State<'a> {
    rest: &'a [u8],
    vals: &'a [Val],
    next: usize,
    reordered: bool,
    out: Vec<u8>,
}

impl State<'_> {
    fn eat(&mut self, byte: u8) -> bool {
        let found = self.rest.first() == Some(&byte);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    fn digits(&mut self) -> Option<usize> {
        let count = self.rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let (digits, rest) = self.rest.split_at(count);
        if count == 0 {
            return None;
        }
        self.rest = rest;
        let n: usize = std::str::from_utf8(digits).ok()?.parse().unwrap_or(usize::MAX);
        (n <= WIDTH_MAX).then_some(n)
    }

    /// `[n]`: the argument to take next.
    fn position(&mut self) {
        if self.rest.first() != Some(&b'[') {
            return;
        }
        let Some(end) = self.rest.iter().position(|&b| b == b']') else { return };
        let inside = std::str::from_utf8(&self.rest[1..end]).unwrap_or("");
        if let Ok(n) = inside.parse::<usize>()
            && n >= 1
        {
            self.next = n - 1;
            self.reordered = true;
            self.rest = &self.rest[end + 1..];
        }
    }

    /// A width or precision that is the next argument.
    fn star(&mut self, bad: &str) -> Option<i64> {
        let val = self.vals.get(self.next);
        self.next += 1;
        match val.and_then(Val::value) {
            Some(Value::Int(n)) if n.unsigned_abs() <= WIDTH_MAX as u64 => Some(*n),
            _ => {
                self.out.extend_from_slice(bad.as_bytes());
                None
            }
        }
    }

    fn verb(&mut self) {
        let mut flags = Flags::default();
        loop {
            match self.rest.first() {
                Some(b'+') => flags.plus = true,
                Some(b'-') => (flags.minus, flags.zero) = (true, false),
                Some(b'#') => flags.sharp = true,
                Some(b' ') => flags.space = true,
                Some(b'0') => flags.zero = !flags.minus,
                _ => break,
            }
            self.rest = &self.rest[1..];
        }
        self.position();
        if self.eat(b'*') {
            let width = self.star("%!(BADWIDTH)");
            flags.minus |= width.is_some_and(|w| w < 0);
            flags.width = width.map(|w| w.unsigned_abs() as usize);
        } else {
            flags.width = self.digits();
        }
        if self.eat(b'.') {
            flags.precision = if self.eat(b'*') {
                self.star("%!(BADPREC)").and_then(|p| usize::try_from(p).ok())
            } else {
                Some(self.digits().unwrap_or(0))
            };
        }
        self.position();
        let Some(verb) = crate::cases::chars(self.rest).next() else {
            self.out.extend_from_slice(b"%!(NOVERB)");
            return;
        };
        self.rest = &self.rest[verb.len()..];
        if verb == b"%" {
            self.out.push(b'%');
            return;
        }
        let Some(val) = self.vals.get(self.next) else {
            self.out.extend_from_slice(b"%!");
            self.out.extend_from_slice(verb);
            self.out.extend_from_slice(b"(MISSING)");
            return;
        };
        self.next += 1;
        push_val(&mut self.out, flags, verb, val);
    }

    /// What Go says about arguments that no verb took.
    fn extra(&mut self) {
        if self.reordered || self.next >= self.vals.len() {
            return;
        }
        self.out.extend_from_slice(b"%!(EXTRA ");
        for (i, val) in self.vals[self.next..].iter().enumerate() {
            if i > 0 {
                self.out.extend_from_slice(b", ");
            }
            if val.value().is_none_or(|v| matches!(v, Value::Null)) {
                self.out.extend_from_slice(b"<nil>");
                continue;
            }
            self.out.extend_from_slice(go_type(val).as_bytes());
            self.out.push(b'=');
            push_val(&mut self.out, Flags::default(), b"v", val);
        }
        self.out.push(b')');
    }
}

/// The verb does not fit the value: `%!d(string=x)`.
fn push_bad(out: &mut Vec<u8>, flags: Flags, verb: &[u8], val: &Val) {
    out.extend_from_slice(b"%!");
    out.extend_from_slice(verb);
    out.push(b'(');
    match val.value() {
        None | Some(Value::Null) => out.extend_from_slice(b"<nil>"),
        Some(_) => {
            out.extend_from_slice(go_type(val).as_bytes());
            out.push(b'=');
            push_val(out, flags, b"v", val);
        }
    }
    out.push(b')');
}

fn push_val(out: &mut Vec<u8>, flags: Flags, verb: &[u8], val: &Val) {
    if verb == b"T" {
        return pad(out, flags, go_type(val).as_bytes(), false);
    }
    let Some(value) = val.value() else { return push_none(out, flags, verb, val) };
    match value {
        Value::Null => push_none(out, flags, verb, val),
        Value::Bool(b) if matches!(verb, b"t" | b"v") => {
            pad(out, flags, if *b { b"true" } else { b"false" }, false);
        }
        Value::Int(n) => push_int(out, flags, verb, val, i128::from(*n)),
        Value::Uint(n) => push_int(out, flags, verb, val, i128::from(*n)),
        Value::Float(x) => push_float(out, flags, verb, val, *x),
        Value::Float32(x) => push_float(out, flags, verb, val, f64::from(*x)),
        Value::Number(text) => push_text(out, flags, verb, val, text.as_bytes()),
        Value::String(text) => push_text(out, flags, verb, val, text.as_bytes()),
        Value::Bytes(bytes) if matches!(verb, b"s" | b"q" | b"x" | b"X") => {
            push_text(out, flags, verb, val, bytes);
        }
        Value::Timestamp(at) if matches!(verb, b"v" | b"s") => {
            let shown = time::format("2006-01-02 15:04:05.999999999 -0700 MST", at);
            pad(out, flags, shown.as_bytes(), false);
        }
        Value::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b' ');
                }
                push_val(out, flags, verb, &Val::Data(item.clone()));
            }
            out.push(b']');
        }
        Value::Object(object) => {
            out.extend_from_slice(b"map[");
            for (i, (key, item)) in object.iter().enumerate() {
                if i > 0 {
                    out.push(b' ');
                }
                push_val(out, flags, verb, &Val::text(key.clone()));
                out.push(b':');
                push_val(out, flags, verb, &Val::Data(item.clone()));
            }
            out.push(b']');
        }
        Value::Bytes(_) if matches!(verb, b"v" | b"d") => {
            let mut text = Vec::new();
            push_go(&mut text, value);
            pad(out, flags, &text, false);
        }
        _ => push_bad(out, flags, verb, val),
    }
}

fn push_none(out: &mut Vec<u8>, flags: Flags, verb: &[u8], val: &Val) {
    if verb == b"v" { pad(out, flags, b"<nil>", false) } else { push_bad(out, flags, verb, val) }
}

/// Pads to the width in characters; with zeros only where `number` says that these fit.
fn pad(out: &mut Vec<u8>, flags: Flags, text: &[u8], number: bool) {
    let len = crate::cases::chars(text).count();
    let missing = flags.width.unwrap_or(0).saturating_sub(len);
    if flags.minus {
        out.extend_from_slice(text);
        out.extend(std::iter::repeat_n(b' ', missing));
    } else if flags.zero && number {
        let signed = matches!(text.first(), Some(b'-' | b'+' | b' '));
        let (sign, digits) = text.split_at(usize::from(signed));
        out.extend_from_slice(sign);
        out.extend(std::iter::repeat_n(b'0', missing));
        out.extend_from_slice(digits);
    } else {
        out.extend(std::iter::repeat_n(if flags.zero { b'0' } else { b' ' }, missing));
        out.extend_from_slice(text);
    }
}

fn push_text(out: &mut Vec<u8>, flags: Flags, verb: &[u8], val: &Val, text: &[u8]) {
    let cut: Vec<u8> = match flags.precision {
        Some(most) => crate::cases::chars(text).take(most).flatten().copied().collect(),
        None => text.to_vec(),
    };
    match verb {
        b"s" => pad(out, flags, &cut, false),
        b"v" if flags.sharp => pad(out, flags, quote(&cut).as_bytes(), false),
        b"v" => pad(out, flags, &cut, false),
        b"q" => pad(out, flags, quote(&cut).as_bytes(), false),
        b"x" | b"X" => {
            let hex: String = cut.iter().map(|b| format!("{b:02x}")).collect();
            let hex = if verb == b"X" { hex.to_uppercase() } else { hex };
            pad(out, flags, hex.as_bytes(), false);
        }
        _ => push_bad(out, flags, verb, val),
    }
}

/// A text as a Go string literal (`strconv.Quote`).
#[must_use]
pub fn quote(text: &[u8]) -> String {
    let mut out = String::from("\"");
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' => {
                    out.push('\\');
                    out.push(c);
                }
                '\x07' => out.push_str("\\a"),
                '\x08' => out.push_str("\\b"),
                '\x0c' => out.push_str("\\f"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\x0b' => out.push_str("\\v"),
                '\0'..' ' | '\x7f' => out.push_str(&format!("\\x{:02x}", u32::from(c))),
                _ if is_printable(c) => out.push(c),
                _ if u32::from(c) < 0x1_0000 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
                _ => out.push_str(&format!("\\U{:08x}", u32::from(c))),
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out.push('"');
    out
}

/// Whether Go prints a character as it is: no controls, no spaces but the ASCII one, no private or
/// unassigned ranges that are commonly met.
fn is_printable(c: char) -> bool {
    !c.is_control()
        && (c == ' ' || !c.is_whitespace())
        && !matches!(u32::from(c), 0xad | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x206f
            | 0xe000..=0xf8ff | 0xfeff | 0xfff0..=0xfffb | 0xfffe | 0xffff | 0xe0000..)
}

fn push_int(out: &mut Vec<u8>, flags: Flags, verb: &[u8], val: &Val, n: i128) {
    let magnitude = n.unsigned_abs();
    let (prefix, digits) = match verb {
        b"d" | b"v" => ("", magnitude.to_string()),
        b"b" => (if flags.sharp { "0b" } else { "" }, format!("{magnitude:b}")),
        b"o" => (if flags.sharp { "0" } else { "" }, format!("{magnitude:o}")),
        b"O" => ("0o", format!("{magnitude:o}")),
        b"x" => (if flags.sharp { "0x" } else { "" }, format!("{magnitude:x}")),
        b"X" => (if flags.sharp { "0X" } else { "" }, format!("{magnitude:X}")),
        b"c" | b"q" | b"U" => {
            let c = u32::try_from(n).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
            let shown = match verb {
                b"c" => c.to_string(),
                b"q" if c == '\'' => "'\\''".into(),
                b"q" => {
                    let quoted = quote(c.to_string().as_bytes());
                    format!("'{}'", quoted.trim_matches('"').replace("\\\"", "\""))
                }
                _ => format!("U+{magnitude:04X}"),
            };
            return pad(out, flags, shown.as_bytes(), false);
        }
        b"e" | b"E" | b"f" | b"F" | b"g" | b"G" => return push_bad(out, flags, verb, val),
        _ => return push_bad(out, flags, verb, val),
    };
    let sign = sign(flags, n < 0);
    let zeros = flags.precision.unwrap_or(0).saturating_sub(digits.len());
    let text = format!("{sign}{prefix}{}{digits}", "0".repeat(zeros));
    pad(out, flags, text.as_bytes(), flags.precision.is_none());
}

fn sign(flags: Flags, negative: bool) -> &'static str {
    match (negative, flags.plus, flags.space) {
        (true, ..) => "-",
        (_, true, _) => "+",
        (_, _, true) => " ",
        _ => "",
    }
}

fn push_float(out: &mut Vec<u8>, flags: Flags, verb: &[u8], val: &Val, x: f64) {
    let magnitude = x.abs();
    let mut digits = Vec::new();
    match verb {
        _ if x.is_nan() => digits.extend_from_slice(b"NaN"),
        _ if x.is_infinite() => digits.extend_from_slice(b"Inf"),
        b"f" | b"F" => {
            let precision = flags.precision.unwrap_or(6);
            digits = format!("{magnitude:.precision$}").into_bytes();
        }
        b"e" | b"E" => digits = exponent(magnitude, flags.precision.unwrap_or(6)),
        b"g" | b"G" => match flags.precision {
            None => number::write_v(&mut digits, magnitude, FloatSize::F64),
            Some(precision) => digits = shortest(magnitude, precision.max(1)),
        },
        b"v" => number::write_v(&mut digits, magnitude, FloatSize::F64),
        _ => return push_bad(out, flags, verb, val),
    }
    if matches!(verb, b"E" | b"G") {
        digits.make_ascii_uppercase();
    }
    let plus = Flags { plus: flags.plus || (x.is_infinite() && !flags.space), ..flags };
    let mut text = sign(plus, x.is_sign_negative() && !x.is_nan()).as_bytes().to_vec();
    text.extend_from_slice(&digits);
    let flags = Flags { zero: flags.zero && x.is_finite(), ..flags };
    pad(out, flags, &text, true);
}

/// `d.ddde+XX` with so many digits behind the point.
fn exponent(x: f64, precision: usize) -> Vec<u8> {
    let text = format!("{x:.precision$e}");
    let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, power) = match power.strip_prefix('-') {
        Some(power) => ('-', power),
        None => ('+', power),
    };
    format!("{digits}e{sign}{power:0>2}").into_bytes()
}

/// `%g` with so many digits in all, trailing zeros removed.
fn shortest(x: f64, digits: usize) -> Vec<u8> {
    let text = exponent(x, digits - 1);
    let text = String::from_utf8_lossy(&text).into_owned();
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "+00"));
    let power: i32 = power.parse().unwrap_or(0);
    let trim = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if power < -4 || power >= digits as i32 {
        let tail = text.split_once('e').map_or("+00", |(_, tail)| tail);
        return format!("{}e{tail}", trim(mantissa)).into_bytes();
    }
    let precision = usize::try_from(digits as i32 - 1 - power).unwrap_or(0);
    trim(&format!("{x:.precision$}")).into_bytes()
}
