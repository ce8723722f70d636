//! The declarative form: `PATTERN name := (A SEQ B) FROM ... INTO ...` (spec/nes-query-language.md
//! §10). It becomes the query that the other form would have written.

use plan::{Diagnostic, Span};

use super::{Parsed, Parser};
use crate::ast::{Attr, Occurrences, Op, OpKind, Query, Sink, TimeWindow};
use crate::lex::Token;
use crate::schema::SEPARATOR;

/// The field that orders events within a window.
const TIME: &str = "timestamp";

/// Units of `WITHIN` and their milliseconds.
const UNITS: &[(&str, u64)] =
    &[("SECOND", 1000), ("MINUTE", 60_000), ("HOUR", 3_600_000), ("DAY", 86_400_000)];

/// Most sinks of a pattern.
pub(crate) const SINKS_MAX: usize = 100;

/// A pattern of events.
enum Pattern {
    Event(String, Span, Option<Occurrences>),
    Both(Box<Pattern>, &'static str, Box<Pattern>, Span),
}

/// Reads a pattern.
///
/// # Errors
/// The first place that does not fit the grammar, or what is known and not supported.
pub fn parse_pattern(text: &str) -> Result<Query, Diagnostic> {
    let mut parser = Parser::new(text)?;
    parser.word("PATTERN")?;
    parser.any_word("a name")?;
    parser.sign(":=")?;
    let pattern = parser.nested(Parser::pattern)?;
    parser.word("FROM")?;
    parser.aliases = parser.list(|p| {
        let source = p.any_word("a source")?;
        p.word("AS")?;
        Ok((p.any_word("a name")?, source))
    })?;
    let condition = if parser.word_if("WHERE") { Some(parser.expr()?) } else { None };
    let window = if parser.word_if("WITHIN") { Some(parser.within()?) } else { None };
    if parser.word_if("CONSUMING") {
        parser.any_word("'ALL' or 'NONE'")?;
    }
    let span = parser.span();
    let result = if parser.word_if("RETURN") { Some((parser.event()?, span)) } else { None };
    parser.word("INTO")?;
    let span = parser.span();
    let sinks = parser.list(Parser::pattern_sink)?;
    if sinks.len() > SINKS_MAX {
        let text = format!("a pattern has at most {SINKS_MAX} sinks");
        return Err(Diagnostic::error("too-long", text, span));
    }
    parser.sign_if(";");
    parser.end()?;
    let mut query = parser.events(&pattern, window.as_ref())?;
    if let Some(condition) = condition {
        let span = condition.span;
        query.ops.push(Op { kind: OpKind::Filter(condition), span });
    }
    if let Some((items, span)) = result {
        query.ops.push(Op { kind: OpKind::Project(items), span });
    }
    query.ops.push(Op { kind: OpKind::Sinks(sinks), span });
    Ok(query)
}

fn unsupported(what: &str, span: Span) -> Diagnostic {
    Diagnostic::error("unsupported", format!("{what} is not supported"), span)
}

fn unknown_event(name: &str, span: Span) -> Diagnostic {
    let text = format!("no source of FROM is called '{name}'");
    Diagnostic::error("unknown-source", text, span)
}

impl Parser {
    fn pattern(&mut self) -> Parsed<Pattern> {
        self.sign("(")?;
        let mut left = self.pattern_term()?;
        loop {
            let span = self.span();
            let sign = match self.peek() {
                Token::Word(word) if word == "OR" => "OR",
                Token::Word(word) if word == "AND" => "AND",
                Token::Word(word) if word == "SEQ" => "SEQ",
                Token::Word(word) if word == "NEXT" || word == "ANY" || word == "NOT" => {
                    return Err(unsupported(word, span));
                }
                _ => break,
            };
            self.next();
            let right = self.pattern_term()?;
            left = Pattern::Both(Box::new(left), sign, Box::new(right), span);
        }
        self.sign(")")?;
        Ok(left)
    }

    fn pattern_term(&mut self) -> Parsed<Pattern> {
        if matches!(self.peek(), Token::Sign("(")) {
            return self.nested(Parser::pattern);
        }
        let span = self.span();
        let name = self.any_word("an event")?;
        if name == "NOT" {
            return Err(unsupported("NOT", span));
        }
        let times = if self.sign_if("+") || self.sign_if("*") {
            Some(Occurrences { min: None, max: None })
        } else if self.sign_if("[") {
            let min = Some(self.int()?);
            let max = if self.sign_if("+") {
                Some(0)
            } else if self.sign_if(":") {
                Some(self.int()?)
            } else {
                None
            };
            self.sign("]")?;
            Some(Occurrences { min, max })
        } else {
            None
        };
        Ok(Pattern::Event(name, span, times))
    }

    fn within(&mut self) -> Parsed<TimeWindow> {
        self.sign("[")?;
        let span = self.span();
        let count = self.int()?;
        let unit = self.any_word("a unit of time")?;
        self.sign("]")?;
        let unit = unit.to_ascii_uppercase();
        let known = UNITS.iter().find(|(name, _)| unit.trim_end_matches('S') == *name);
        let Some((_, ms)) = known else { return Err(unsupported(&unit, span)) };
        let size_ms = count.checked_mul(*ms).filter(|ms| *ms > 0);
        let wrong = || Diagnostic::error("window", "the window is empty or too long", span);
        let size_ms = size_ms.ok_or_else(wrong)?;
        let time = Attr { name: TIME.to_owned(), span };
        Ok(TimeWindow { time: Some((time, 1)), size_ms, slide_ms: size_ms })
    }

    /// `name := [field = value, ...]`: what the result consists of. A value `A.x` is that field
    /// of an event, under the new name; the original passes over any other word and takes the
    /// field that is called as what is before it.
    fn event(&mut self) -> Parsed<Vec<(Attr, Option<String>)>> {
        self.any_word("a name")?;
        self.sign(":=")?;
        self.sign("[")?;
        let items = self.list(|p| {
            let span = p.span();
            let name = p.any_word("a field")?;
            p.sign("=")?;
            let value = p.any_word("a field of an event such as 'A.x'")?;
            if !p.sign_if(".") {
                return Ok((Attr { name, span }, None));
            }
            let Some(source) = p.alias(&value).map(str::to_owned) else {
                return Err(unknown_event(&value, span));
            };
            let field = p.any_word("a field")?;
            let alias = (field != name).then_some(name);
            Ok((Attr { name: format!("{source}{SEPARATOR}{field}"), span }, alias))
        })?;
        self.sign("]")?;
        Ok(items)
    }

    /// `Print :: name`, or `File :: path`, where the path may be a text.
    fn pattern_sink(&mut self) -> Parsed<Sink> {
        let kind = self.any_word("a sink such as 'Print'")?;
        self.sign("::")?;
        let name = match self.peek() {
            Token::Text(_) if kind == "File" => self.text()?,
            _ => self.any_word("a name")?,
        };
        Ok(match kind.as_str() {
            "Print" => Sink::Print,
            "NullOutput" => Sink::Null,
            "File" => {
                let format = "CSV_FORMAT".to_owned();
                Sink::File { path: name, format, append: false, timestamp: false }
            }
            _ => Sink::Unsupported(kind),
        })
    }

    fn events(&self, pattern: &Pattern, window: Option<&TimeWindow>) -> Parsed<Query> {
        let needed = |what: &str, span: Span| {
            let text = format!("{what} needs a window: WITHIN [3 MINUTE]");
            window.cloned().ok_or_else(|| Diagnostic::error("window", text, span))
        };
        match pattern {
            Pattern::Event(name, span, times) => {
                let Some(source) = self.alias(name) else {
                    return Err(unknown_event(name, *span));
                };
                let mut ops = Vec::new();
                if let Some(times) = times {
                    let kind = OpKind::Times(*times, needed("a number of events", *span)?);
                    ops.push(Op { kind, span: *span });
                }
                Ok(Query { source: source.to_owned(), span: *span, ops })
            }
            Pattern::Both(left, sign, right, span) => {
                let mut left = self.events(left, window)?;
                let right = self.events(right, window)?;
                let kind = match *sign {
                    "OR" => OpKind::Union(right),
                    sign => OpKind::Pattern(right, sign == "SEQ", needed(sign, *span)?),
                };
                left.ops.push(Op { kind, span: *span });
                Ok(left)
            }
        }
    }

    /// The source that a name of `FROM` stands for.
    pub(crate) fn alias(&self, name: &str) -> Option<&str> {
        self.aliases.iter().find(|(alias, _)| alias == name).map(|(_, source)| source.as_str())
    }
}
