//! Literals (spec/bloblang.md §2.1).

use formats::value::{Object, Text, Value};

use super::cursor::Parser;
use super::error::{Fail, Parsed};
use crate::node::{Key, Node};
use crate::text::go_type;
use crate::val::Val;

impl Parser<'_> {
    /// A literal.
    pub(super) fn literal(&mut self) -> Parsed<Node> {
        self.one_of(&mut [
            &mut Parser::keyword,
            &mut Parser::number,
            &mut |p| p.triple().map(|t| Node::Literal(Val::text(t))),
            &mut |p| p.quoted("quoted string").map(|t| Node::Literal(Val::text(t))),
            &mut Parser::array,
            &mut Parser::object,
        ])
    }

    /// `true`, `false`, `null`, also as the beginning of something else.
    fn keyword(&mut self) -> Parsed<Node> {
        for (text, val) in
            [("true", Val::bool(true)), ("false", Val::bool(false)), ("null", Val::NULL)]
        {
            if self.term(text).is_ok() {
                return Ok(Node::Literal(val));
            }
        }
        self.miss("literal")
    }

    fn digits(&mut self) -> Parsed<String> {
        self.run("number", |c| c.is_ascii_digit())
    }

    fn number(&mut self) -> Parsed<Node> {
        let start = self.pos;
        let negative = self.peek() == Some('-');
        if negative {
            self.pos += 1;
        }
        let digits = self.digits()?;
        if self.peek() == Some('.') && self.peek_at(1).is_some_and(|c| c.is_ascii_digit()) {
            self.pos += 1;
            self.digits()?;
            let text = self.text(start, self.pos);
            let x = formats::number::parse_float(text.as_bytes()).map_err(|e| {
                let why = format!("strconv.ParseFloat: parsing \"{text}\": {e}");
                Fail::fatal(start, format!("failed to parse '{text}' as float: {why}"))
            })?;
            return Ok(Node::Literal(Val::float(x)));
        }
        let n: i64 = digits.parse().map_err(|_| {
            Fail::fatal(
                start + usize::from(negative),
                format!(
                    "failed to parse '{digits}' as integer: \
                     strconv.ParseInt: parsing \"{digits}\": value out of range"
                ),
            )
        })?;
        Ok(Node::Literal(Val::int(if negative { -n } else { n })))
    }

    /// `"""..."""`
    fn triple(&mut self) -> Parsed<String> {
        const QUOTES: &str = "\"\"\"";
        self.term_as(QUOTES, "quoted string")?;
        let start = self.pos;
        while !self.at_end() {
            if self.term_as(QUOTES, "").is_ok() {
                return Ok(self.text(start, self.pos - QUOTES.len()));
            }
            self.pos += 1;
        }
        Err(Fail::expected(self.pos, "end triple-quote").must())
    }

    /// `"..."` with the escapes of Go.
    pub(super) fn quoted(&mut self, what: &'static str) -> Parsed<Text> {
        let start = self.pos;
        if self.peek() != Some('"') {
            return self.miss(what);
        }
        self.pos += 1;
        let mut escaped = false;
        loop {
            match self.peek() {
                None => return Err(Fail::expected(self.pos, "end quote").must()),
                Some('"') if !escaped => break,
                Some(c) => escaped = c == '\\' && !escaped,
            }
            self.pos += 1;
        }
        let inside = self.chars.get(start + 1..self.pos).unwrap_or_default();
        self.pos += 1;
        unquote(inside).map(Text::from).ok_or_else(|| {
            Fail::fatal(start, "failed to unescape quoted string contents: invalid syntax")
        })
    }

    fn array(&mut self) -> Parsed<Node> {
        self.term("[")?;
        self.blank();
        let mut items = Vec::new();
        self.delimited("]", "array", |p| {
            items.push(p.query()?);
            Ok(())
        })?;
        if items.iter().all(|node| node.literal().is_some()) {
            let values = items.iter().filter_map(|node| node.literal()?.value().cloned());
            let values: Vec<Value> = values.collect();
            return Ok(Node::Literal(match values.is_empty() {
                true => Val::NilArray,
                false => Val::array(values),
            }));
        }
        Ok(Node::Array(items.into()))
    }

    /// Items up to a closing bracket: separated by commas, a last comma is allowed, a line break
    /// before a comma is not.
    fn delimited(
        &mut self,
        close: &'static str,
        what: &'static str,
        mut item: impl FnMut(&mut Self) -> Parsed<()>,
    ) -> Parsed<()> {
        let stop = |p: &mut Self| {
            p.attempt(|p| {
                p.blank();
                p.term(close)
            })
        };
        loop {
            if let Err(fail) = self.attempt(|p| item(p)) {
                if fail.is_fatal() || stop(self).is_err() {
                    return Err(fail);
                }
                return Ok(());
            }
            let comma = self.attempt(|p| {
                p.spaces();
                p.term(",")
            });
            if let Err(fail) = comma {
                return stop(self).map_err(|_| fail.rename(what));
            }
            self.blank();
        }
    }

    fn object(&mut self) -> Parsed<Node> {
        let start = self.pos;
        self.term("{")?;
        self.blank();
        let mut members: Vec<(Key, Node)> = Vec::new();
        self.delimited("}", "object", |p| {
            let key = match p.peek() {
                Some('"') => Key::Static(p.quoted("object key")?),
                _ => Key::Dynamic(p.query()?),
            };
            p.spaces();
            p.term(":")?;
            p.blank();
            members.push((key, p.query()?));
            Ok(())
        })?;
        for (key, _) in &mut members {
            let Key::Dynamic(node) = key else { continue };
            let Some(val) = node.literal().cloned() else { continue };
            match &val {
                Val::Data(Value::String(text)) => *key = Key::Static(text.clone()),
                other => {
                    let kind = go_type(other);
                    return Err(Fail::fatal(
                        start,
                        format!("object keys must be strings, received: {kind}"),
                    ));
                }
            }
        }
        if let Some(object) = constant(&members) {
            return Ok(Node::Literal(Val::object(object)));
        }
        Ok(Node::Object(members.into()))
    }
}

/// The object, when all of it is constant.
fn constant(members: &[(Key, Node)]) -> Option<Object> {
    let literal = |(key, node): &(Key, Node)| match key {
        Key::Static(text) => Some((text.clone(), node.literal()?.value()?.clone())),
        Key::Dynamic(_) => None,
    };
    members.iter().map(literal).collect()
}

/// The bytes of a Go string literal; `None` where Go refuses it.
fn unquote(inside: &[char]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(inside.len());
    let push = |out: &mut Vec<u8>, c: char| {
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    };
    let mut chars = inside.iter().copied();
    while let Some(c) = chars.next() {
        if c == '\n' {
            return None;
        }
        if c != '\\' {
            push(&mut out, c);
            continue;
        }
        match chars.next()? {
            'a' => out.push(7),
            'b' => out.push(8),
            'f' => out.push(12),
            'n' => out.push(b'\n'),
            'r' => out.push(b'\r'),
            't' => out.push(b'\t'),
            'v' => out.push(11),
            '\\' => out.push(b'\\'),
            '"' => out.push(b'"'),
            'x' => out.push(u8::try_from(digits(&mut chars, 2, 16, 0)?).ok()?),
            'u' => push(&mut out, char::from_u32(digits(&mut chars, 4, 16, 0)?)?),
            'U' => push(&mut out, char::from_u32(digits(&mut chars, 8, 16, 0)?)?),
            c @ '0'..='7' => {
                out.push(u8::try_from(digits(&mut chars, 2, 8, c.to_digit(8)?)?).ok()?);
            }
            _ => return None,
        }
    }
    Some(out)
}

fn digits(
    chars: &mut impl Iterator<Item = char>,
    count: usize,
    radix: u32,
    first: u32,
) -> Option<u32> {
    (0..count)
        .try_fold(first, |n, _| n.checked_mul(radix)?.checked_add(chars.next()?.to_digit(radix)?))
}
