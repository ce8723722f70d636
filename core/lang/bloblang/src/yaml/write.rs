//! Values as YAML, in the form that Go users know: four spaces a level, list items two, names in
//! an order that counts numbers in them.

use std::cmp::Ordering;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use formats::value::{Object, Text, Value};

use super::scalar::stays_text;
use crate::text;

const STEP: usize = 4;
/// Bytes of a name that still stands before its `:` on one line.
const NAME_BYTES_MAX: usize = 128;
const LEVEL_BYTES: usize = 64 << 10;
const GROWTH_BYTES: usize = 2 << 20;

/// Writes a document.
pub(crate) fn write(value: &Value) -> Vec<u8> {
    let mut writer = Writer { out: Vec::new() };
    writer.node(value, Place::Root);
    if writer.out.last() != Some(&b'\n') {
        writer.out.push(b'\n');
    }
    writer.out
}

/// Where a node begins.
#[derive(Clone, Copy)]
enum Place {
    /// At the start of the document.
    Root,
    /// Behind the `- ` of a list at this column.
    Item(usize),
    /// Behind the `name:` of a mapping at this column.
    Member(usize),
    /// Behind the `:` of a mapping at this column whose name stands above.
    Below(usize),
}

impl Place {
    /// The column of the lines within.
    fn inner(self) -> usize {
        let level = |column: usize| STEP * ((column + STEP) / STEP);
        match self {
            Place::Root => 0,
            Place::Item(column) => column + 2,
            Place::Member(column) | Place::Below(column) => level(column),
        }
    }

    /// The column of the lines of a text.
    fn text(self) -> usize {
        if let Place::Root = self { STEP } else { self.inner() }
    }
}

struct Writer {
    out: Vec<u8>,
}

impl Writer {
    fn spaces(&mut self, count: usize) {
        self.out.resize(self.out.len() + count, b' ');
    }

    fn line(&mut self, column: usize) {
        if self.out.last().is_some_and(|last| *last != b'\n') {
            self.out.push(b'\n');
        }
        self.spaces(column);
    }

    /// What stands between a `:` or `-` and a scalar.
    fn gap(&mut self, place: Place) {
        if !matches!(place, Place::Root | Place::Item(_)) {
            self.out.push(b' ');
        }
    }

    fn node(&mut self, value: &Value, place: Place) {
        match value {
            Value::Array(items) if !items.is_empty() => {
                self.list(items.iter(), place, |writer, item, at| writer.inside(item, at));
            }
            Value::Object(object) if !object.is_empty() => self.mapping(object, place),
            Value::Bytes(bytes) if !bytes.is_empty() => {
                self.list(bytes.iter(), place, |writer, byte, _| {
                    writer.out.extend_from_slice(byte.to_string().as_bytes());
                });
            }
            Value::String(text) => {
                self.gap(place);
                self.text(text, place.text(), false);
            }
            other => {
                self.gap(place);
                self.scalar(other);
            }
        }
    }

    fn inside(&mut self, value: &Value, place: Place) {
        stacker::maybe_grow(LEVEL_BYTES, GROWTH_BYTES, || self.node(value, place));
    }

    fn list<T>(
        &mut self,
        items: impl Iterator<Item = T>,
        place: Place,
        mut item: impl FnMut(&mut Self, T, Place),
    ) {
        let column = place.inner();
        for (i, value) in items.enumerate() {
            self.first_or_next(i, place, column);
            self.out.extend_from_slice(b"- ");
            item(self, value, Place::Item(column));
        }
    }

    /// Goes to the column of the next item; the first one may stand on the line that is begun.
    fn first_or_next(&mut self, i: usize, place: Place, column: usize) {
        match place {
            Place::Root | Place::Item(_) if i == 0 => {}
            Place::Below(outer) if i == 0 => self.spaces(column - outer - 1),
            _ => self.line(column),
        }
    }

    fn mapping(&mut self, object: &Object, place: Place) {
        let column = place.inner();
        let mut members: Vec<(&Text, &Value)> = object.iter().collect();
        members.sort_by(|(a, _), (b, _)| natural(&a.to_str_lossy(), &b.to_str_lossy()));
        for (i, (name, value)) in members.into_iter().enumerate() {
            self.first_or_next(i, place, column);
            let bytes = name.as_bytes();
            let below = bytes.len() > NAME_BYTES_MAX || bytes.contains(&b'\n');
            if below {
                self.out.extend_from_slice(b"? ");
                self.text(name, Place::Member(column).inner(), false);
                self.line(column);
            } else {
                self.text(name, column, true);
            }
            self.out.push(b':');
            self.inside(value, if below { Place::Below(column) } else { Place::Member(column) });
        }
    }

    fn scalar(&mut self, value: &Value) {
        match value {
            Value::Null => self.out.extend_from_slice(b"null"),
            Value::Float(x) if !x.is_finite() => self.infinite(*x),
            Value::Float32(x) if !x.is_finite() => self.infinite(f64::from(*x)),
            Value::Array(_) | Value::Bytes(_) => self.out.extend_from_slice(b"[]"),
            Value::Object(_) => self.out.extend_from_slice(b"{}"),
            // Numbers of a message are texts here.
            Value::Number(number) => self.text(&Text::from(&**number), 0, true),
            other => text::push_value(&mut self.out, other),
        }
    }

    fn infinite(&mut self, x: f64) {
        let word = if x.is_nan() {
            ".nan"
        } else if x > 0.0 {
            ".inf"
        } else {
            "-.inf"
        };
        self.out.extend_from_slice(word.as_bytes());
    }

    /// A text; its lines, should it be written as such, begin at a column.
    fn text(&mut self, text: &Text, column: usize, one_line: bool) {
        let Ok(plain) = std::str::from_utf8(text.as_bytes()) else {
            let packed = STANDARD.encode(text.as_bytes());
            self.out.extend_from_slice(b"!!binary ");
            self.out.extend_from_slice(packed.as_bytes());
            return;
        };
        match Look::at(plain) {
            Look { special: false, blank_break: false, blank_end: false, .. }
                if plain.contains('\n') && !one_line =>
            {
                self.lines(plain, column);
            }
            look if plain.contains('\n') || !look.single() => self.escaped(plain),
            _ if plain != "<<" && !stays_text(plain) => self.escaped(plain),
            look if look.plain() => self.out.extend_from_slice(plain.as_bytes()),
            _ => {
                let quoted = plain.replace('\'', "''");
                self.out.push(b'\'');
                self.out.extend_from_slice(quoted.as_bytes());
                self.out.push(b'\'');
            }
        }
    }

    /// A text as its lines behind a `|`.
    fn lines(&mut self, text: &str, column: usize) {
        self.out.push(b'|');
        if text.starts_with([' ', '\n']) {
            self.out.extend_from_slice(STEP.to_string().as_bytes());
        }
        let body = text.strip_suffix('\n');
        match body {
            None => self.out.push(b'-'),
            Some(body) if body.is_empty() || body.ends_with('\n') => self.out.push(b'+'),
            Some(_) => {}
        }
        for line in body.unwrap_or(text).split('\n') {
            self.out.push(b'\n');
            if !line.is_empty() {
                self.spaces(column);
                self.out.extend_from_slice(line.as_bytes());
            }
        }
        if body.is_some() {
            self.out.push(b'\n');
        }
    }

    fn escaped(&mut self, text: &str) {
        let mut quoted = String::from("\"");
        for c in text.chars() {
            let short = match c {
                '\0' => '0',
                '\u{7}' => 'a',
                '\u{8}' => 'b',
                '\t' => 't',
                '\n' => 'n',
                '\u{b}' => 'v',
                '\u{c}' => 'f',
                '\r' => 'r',
                '\u{1b}' => 'e',
                '"' | '\\' => c,
                '\u{85}' => 'N',
                '\u{2028}' => 'L',
                '\u{2029}' => 'P',
                _ if is_printable(c) => {
                    quoted.push(c);
                    continue;
                }
                _ => {
                    let code = u32::from(c);
                    let _ = match code {
                        0..=0xff => write!(quoted, "\\x{code:02X}"),
                        0x100..=0xffff => write!(quoted, "\\u{code:04X}"),
                        _ => write!(quoted, "\\U{code:08X}"),
                    };
                    continue;
                }
            };
            quoted.push('\\');
            quoted.push(short);
        }
        quoted.push('"');
        self.out.extend_from_slice(quoted.as_bytes());
    }
}

fn is_printable(c: char) -> bool {
    let wide = matches!(c, '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}');
    wide || matches!(c, ' '..='~' | '\u{a0}'..='\u{d7ff}')
}

/// What a text's characters allow.
#[derive(Default)]
struct Look {
    /// Something must be escaped.
    special: bool,
    tab: bool,
    /// It would be read as something else without quotes.
    indicator: bool,
    blank_start: bool,
    blank_end: bool,
    /// A line ends with a space.
    blank_break: bool,
}

impl Look {
    fn at(text: &str) -> Look {
        let mut look = Look {
            indicator: text.starts_with("---") || text.starts_with("..."),
            blank_start: text.starts_with([' ', '\n']),
            blank_end: text.ends_with(' '),
            blank_break: text.contains(" \n"),
            ..Look::default()
        };
        let mut before = ' ';
        let mut chars = text.chars().enumerate().peekable();
        while let Some((i, c)) = chars.next() {
            let blank = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r');
            let blank_behind = chars.peek().is_none_or(|(_, c)| blank(*c));
            look.indicator |= match c {
                '#' => blank(before),
                ':' => blank_behind,
                '?' | '-' => i == 0 && blank_behind,
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
                | '@' | '`' => i == 0,
                _ => false,
            };
            look.tab |= c == '\t';
            look.special |=
                c != '\t' && c != '\n' && !is_printable(c) || matches!(c, '\u{2028}' | '\u{2029}');
            before = c;
        }
        look
    }

    /// Whether it may stand between single quotes.
    fn single(&self) -> bool {
        !self.special && !self.tab && !self.blank_break
    }

    /// Whether it may stand without quotes.
    fn plain(&self) -> bool {
        self.single() && !self.indicator && !self.blank_start && !self.blank_end
    }
}

/// The order of names: letters behind everything else unless a number ends there, numbers by
/// their size.
fn natural(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let Some(at) = a.iter().zip(&b).position(|(x, y)| x != y) else {
        return a.len().cmp(&b.len());
    };
    let (x, y) = (a[at], b[at]);
    let is_digit = |c: &char| c.is_numeric();
    let within_number = at > 0 && is_digit(&a[at - 1]);
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => return x.cmp(&y),
        (true, false) if within_number => return Ordering::Less,
        (true, false) => return Ordering::Greater,
        (false, true) if within_number => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    // Behind other digits a zero counts as one of them, not as the start of a number.
    let begun = (x == '0' || y == '0')
        && a[..at].iter().rev().take_while(|c| is_digit(c)).any(|c| *c != '0');
    let number = |chars: &[char]| {
        let digits = chars[at..].iter().take_while(|c| is_digit(c));
        let start = i64::from(begun);
        digits.fold((start, 0usize), |(n, len), c| {
            let digit = i64::from(u32::from(*c)) - i64::from(u32::from('0'));
            (n.wrapping_mul(10).wrapping_add(digit), len + 1)
        })
    };
    let ((n, n_len), (m, m_len)) = (number(&a), number(&b));
    n.cmp(&m).then(n_len.cmp(&m_len)).then(x.cmp(&y))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn yaml(json: &str) -> String {
        let value = formats::json::parse(json.as_bytes()).unwrap();
        String::from_utf8(write(&value)).unwrap()
    }

    #[test]
    fn recorded_forms() {
        for (json, expected) in [
            ("null", "null\n"),
            ("[[]]", "- []\n"),
            (r#"{"a":{},"n":1.5}"#, "a: {}\n\"n\": \"1.5\"\n"),
            (
                r#"{"a":[{"k":[1,{"z":[]}],"b":{"c":"x\ny"}}]}"#,
                "a:\n    - b:\n        c: |-\n            x\n            y\n      k:\n        - \"1\"\n        - z: []\n",
            ),
            (r#"[[["x"]],[{"a":[{"b":null}]}]]"#, "- - - x\n- - a:\n        - b: null\n"),
            (r#""multi\nline\n""#, "|\n    multi\n    line\n"),
            (r#""\nlead""#, "|4-\n\n    lead\n"),
            (r#"["a\nb\n\n"]"#, "- |+\n  a\n  b\n\n"),
            (
                r#"["trail ","- x","a:b","a: b","'q'","<<","\u0001","😀","a \nb","yes","2001-1-2"]"#,
                "- 'trail '\n- '- x'\n- a:b\n- 'a: b'\n- '''q'''\n- <<\n- \"\\x01\"\n- \"\\U0001F600\"\n- \"a \\nb\"\n- \"yes\"\n- \"2001-1-2\"\n",
            ),
            (r#"{"k\nx":"v","m\n":["z"]}"#, "? |-\n    k\n    x\n: v\n? |\n    m\n:   - z\n"),
        ] {
            assert_eq!(yaml(json), expected, "{json}");
        }
        assert_eq!(write(&Value::text(b"a\xffb".to_vec())), b"!!binary Yf9i\n");
    }

    #[test]
    fn names_are_in_natural_order() {
        let json = r#"{"a10":"","a9":"","A":"","_":"","a":"","1":"","10":"","9":"","a-b":"","a1b":"","a01":""}"#;
        let names: Vec<String> =
            yaml(json).lines().map(|l| l.replace(['"', ':', ' '], "")).collect();
        assert_eq!(names, ["_", "1", "9", "10", "A", "a", "a-b", "a1b", "a01", "a9", "a10"]);
    }

    proptest::proptest! {
        #[test]
        fn texts_read_back(text in "([!-~é][ -~\n\té]{0,40})?", name in "[!-~][ -~\né]{0,12}") {
            let member = (Text::from(name.as_str()), Value::text(text));
            let object: Object = [member].into_iter().collect();
            let value = Value::array(vec![Value::object(object)]);
            let written = write(&value);
            let back = super::super::read(&written);
            let form = |value: &Value| text::of(&value.clone().into());
            let shown = String::from_utf8_lossy(&written);
            proptest::prop_assert_eq!(back.map(|back| form(&back)), Ok(form(&value)), "{}", shown);
        }
    }
}
