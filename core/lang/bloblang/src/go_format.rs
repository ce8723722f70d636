//! Go's `fmt.Sprintf` over values of the language. Numbers of a message are texts, as they are in
//! the original.

mod float;

use formats::value::Value;

use crate::error::Error;
use crate::text::go_type;
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
    /// `%#v`, where `sharp` is not set: as Go source.
    source: bool,
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
        if verb == b"v" {
            flags = Flags { source: flags.sharp, sharp: false, plus: false, ..flags };
        }
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
        return push_text(out, flags, b"s", val, go_type(val).as_bytes());
    }
    let Some(value) = val.value() else { return push_none(out, flags, verb, val) };
    match value {
        Value::Null => push_none(out, flags, verb, val),
        Value::Bool(b) if matches!(verb, b"t" | b"v") => {
            pad(out, flags, if *b { b"true" } else { b"false" }, false);
        }
        Value::Int(n) => push_int(out, flags, verb, val, i128::from(*n)),
        Value::Uint(n) => push_int(out, flags, verb, val, i128::from(*n)),
        Value::Float(x) => float::push(out, flags, verb, val, *x),
        Value::Float32(x) => float::push(out, flags, verb, val, f64::from(*x)),
        Value::Number(text) => push_text(out, flags, verb, val, text.as_bytes()),
        Value::String(text) => push_text(out, flags, verb, val, text.as_bytes()),
        Value::Bytes(bytes) if matches!(verb, b"s" | b"q" | b"x" | b"X") => {
            push_text(out, flags, verb, val, bytes);
        }
        Value::Timestamp(at) if matches!(verb, b"v" | b"s") => {
            let shown = time::format("2006-01-02 15:04:05.999999999 -0700 MST", at);
            pad(out, flags, shown.as_bytes(), false);
        }
        Value::Array(_) | Value::Object(_) if verb == b"w" => push_bad(out, flags, verb, val),
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
        Value::Bytes(bytes) => push_bytes(out, flags, verb, bytes),
        _ => push_bad(out, flags, verb, val),
    }
}

/// Bytes as the list of numbers that they are.
fn push_bytes(out: &mut Vec<u8>, flags: Flags, verb: &[u8], bytes: &[u8]) {
    let (open, between, close) =
        if flags.source { ("[]byte{", ", ", "}") } else { ("[", " ", "]") };
    out.extend_from_slice(open.as_bytes());
    for (i, byte) in bytes.iter().enumerate() {
        if i > 0 {
            out.extend_from_slice(between.as_bytes());
        }
        let (val, n) = (Val::int(i64::from(*byte)), i128::from(*byte));
        match verb {
            _ if flags.source => out.extend_from_slice(format!("0x{n:x}").as_bytes()),
            b"v" | b"d" | b"b" | b"o" | b"O" | b"c" | b"U" => {
                push_int(out, flags, verb, &val, n);
            }
            _ => {
                out.extend_from_slice(b"%!");
                out.extend_from_slice(verb);
                out.extend_from_slice(b"(uint8=");
                push_int(out, flags, b"v", &val, n);
                out.push(b')');
            }
        }
    }
    out.extend_from_slice(close.as_bytes());
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
        b"v" if flags.source => pad(out, flags, quote(&cut).as_bytes(), false),
        b"v" => pad(out, flags, &cut, false),
        b"q" if flags.sharp && is_raw(&cut) => {
            let raw = [b"`", &*cut, b"`"].concat();
            pad(out, flags, &raw, false);
        }
        b"q" => pad(out, flags, quote(&cut).as_bytes(), false),
        b"x" | b"X" => {
            let digits = cut.iter().map(|b| format!("{b:02x}"));
            let hex = match (flags.space, flags.sharp && !cut.is_empty()) {
                (false, false) => digits.collect(),
                (false, true) => format!("0x{}", digits.collect::<String>()),
                (true, false) => digits.collect::<Vec<_>>().join(" "),
                (true, true) => digits.map(|d| format!("0x{d}")).collect::<Vec<_>>().join(" "),
            };
            let hex = if verb == b"X" { hex.to_uppercase() } else { hex };
            pad(out, flags, hex.as_bytes(), false);
        }
        _ => push_bad(out, flags, verb, val),
    }
}

/// Whether a text can stand between backquotes.
fn is_raw(text: &[u8]) -> bool {
    let plain = |c: char| c == '\t' || !c.is_ascii_control() && c != '`' && c != '\u{feff}';
    std::str::from_utf8(text).is_ok_and(|text| text.chars().all(plain))
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
                _ => {
                    let code = if n < 0 { n as u64 as u128 } else { magnitude };
                    let width = flags.precision.unwrap_or(0).max(4);
                    match flags.sharp && is_printable(c) && u128::from(u32::from(c)) == code {
                        true => format!("U+{code:0width$X} '{c}'"),
                        false => format!("U+{code:0width$X}"),
                    }
                }
            };
            return pad(out, flags, shown.as_bytes(), false);
        }
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
