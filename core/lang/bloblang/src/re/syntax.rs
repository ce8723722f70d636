//! Expressions in Go's syntax, turned into those of our engine, with Go's words for what is wrong.
//! The two differ in classes (ours have sets within sets), escapes, flags and repetition.

use std::fmt::Write;

/// Times that something may be repeated, repetitions of repetitions multiplied.
const REPEAT_MAX: u32 = 1_000;

/// The general categories that have names.
const CATEGORIES: &[&str] = &[
    "C", "Cc", "Cf", "Cn", "Co", "Cs", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn",
    "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm",
    "So", "Z", "Zl", "Zp", "Zs",
];

/// The classes of POSIX.
const POSIX: &[&str] = &[
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// The expression in the syntax of our engine.
pub(super) fn translate(pattern: &str) -> Result<String, String> {
    let mut translator = Translator {
        pattern,
        at: 0,
        out: String::with_capacity(pattern.len() + 8),
        groups: vec![Group::default()],
        repeat_from: None,
    };
    while let Some(c) = translator.peek() {
        translator.part(c)?;
    }
    match translator.groups.len() {
        1 => Ok(translator.out),
        _ => Err(format!("missing closing ): `{pattern}`")),
    }
}

/// What is known of a group that is open; the whole expression is the outermost.
#[derive(Default)]
struct Group {
    /// How often the last part is repeated by repetitions within it; 0 when there is none.
    last: u32,
    /// The highest of the parts so far.
    most: u32,
}

struct Translator<'p> {
    pattern: &'p str,
    at: usize,
    out: String,
    groups: Vec<Group>,
    /// Where the repetition began that the last part ends with.
    repeat_from: Option<usize>,
}

/// A part of a class, or a character outside of one.
enum Piece {
    Char(char),
    /// Ready for a class.
    Set(String),
}

impl<'p> Translator<'p> {
    fn rest(&self) -> &'p str {
        self.pattern.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    /// What was read from a place on.
    fn since(&self, from: usize) -> &'p str {
        self.pattern.get(from..self.at).unwrap_or_default()
    }

    fn group(&mut self) -> Option<&mut Group> {
        self.groups.last_mut()
    }

    /// Notes a part that can be repeated.
    fn added(&mut self, weight: u32) {
        self.repeat_from = None;
        if let Some(group) = self.group() {
            group.last = weight;
            group.most = group.most.max(weight);
        }
    }

    fn part(&mut self, c: char) -> Result<(), String> {
        match c {
            '\\' => self.escape()?,
            '[' => self.class()?,
            '(' => self.open()?,
            ')' => self.close()?,
            '*' | '+' | '?' => {
                let from = self.at;
                self.next();
                self.repeat(from, None)?;
            }
            '{' => match self.counts() {
                Some((from, counts)) => self.repeat(from, Some(counts))?,
                None => self.literal(c),
            },
            '|' => {
                self.next();
                self.out.push(c);
                self.repeat_from = None;
                if let Some(group) = self.group() {
                    group.last = 0;
                }
            }
            '^' | '$' | '.' => {
                self.next();
                self.out.push(c);
                self.added(1);
            }
            _ => self.literal(c),
        }
        Ok(())
    }

    fn literal(&mut self, c: char) {
        self.next();
        push_char(&mut self.out, c);
        self.added(1);
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<(), String> {
        let known = [("\\A", "\\A"), ("\\z", "\\z"), ("\\b", "(?-u:\\b)"), ("\\B", "(?-u:\\B)")];
        if let Some((_, ours)) = known.into_iter().find(|(theirs, _)| self.eat(theirs)) {
            self.out.push_str(ours);
            self.added(1);
            return Ok(());
        }
        if self.eat("\\Q") {
            let rest = self.rest();
            let (text, behind) = rest.split_once("\\E").unwrap_or((rest, ""));
            text.chars().for_each(|c| push_char(&mut self.out, c));
            if !text.is_empty() {
                self.added(1);
            }
            self.at = self.pattern.len() - behind.len();
            return Ok(());
        }
        match self.piece(self.at)? {
            Piece::Char(c) => push_char(&mut self.out, c),
            Piece::Set(set) => {
                let _ = write!(self.out, "[{set}]");
            }
        }
        self.added(1);
        Ok(())
    }

    /// One character or set of a class, or an escape outside of one.
    fn piece(&mut self, class_from: usize) -> Result<Piece, String> {
        let from = self.at;
        match self.peek() {
            None => return Err(format!("missing closing ]: `{}`", &self.pattern[class_from..])),
            Some('\\') => {}
            Some(c) => {
                self.next();
                return Ok(Piece::Char(c));
            }
        }
        self.next();
        let Some(c) = self.next() else {
            return Err("trailing backslash at end of expression: ``".into());
        };
        let set = match c {
            'd' => "0-9",
            'D' => "[^0-9]",
            'w' => "0-9A-Za-z_",
            'W' => "[^0-9A-Za-z_]",
            's' => "\\t\\n\\f\\r ",
            'S' => "[^\\t\\n\\f\\r ]",
            'p' | 'P' => return self.property(from, c == 'P').map(Piece::Set),
            _ => return self.escaped_char(from, c).map(Piece::Char),
        };
        Ok(Piece::Set(set.to_owned()))
    }

    fn escaped_char(&mut self, from: usize, c: char) -> Result<char, String> {
        let octal = |c: Option<char>| c.and_then(|c| c.to_digit(8));
        let code = match c {
            // One digit alone would refer to a group.
            '0' => Some(0),
            '1'..='7' if octal(self.peek()).is_some() => c.to_digit(8),
            'x' => {
                let hex = self.hex();
                let found = hex.and_then(char::from_u32);
                return found.ok_or_else(|| self.bad_escape(from));
            }
            _ => None,
        };
        if let Some(mut code) = code {
            for _ in 0..2 {
                let Some(digit) = octal(self.peek()) else { break };
                self.next();
                code = code * 8 + digit;
            }
            return char::from_u32(code).ok_or_else(|| self.bad_escape(from));
        }
        match c {
            'a' => Ok('\u{7}'),
            'f' => Ok('\u{c}'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            'v' => Ok('\u{b}'),
            _ if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok(c),
            _ => Err(self.bad_escape(from)),
        }
    }

    fn bad_escape(&self, from: usize) -> String {
        format!("invalid escape sequence: `{}`", self.since(from))
    }

    /// The number behind `\x`.
    fn hex(&mut self) -> Option<u32> {
        let digits = if self.eat("{") {
            let (digits, _) = self.rest().split_once('}')?;
            self.at += digits.len() + 1;
            digits
        } else {
            let digits = self.rest().get(..2)?;
            self.at += 2;
            digits
        };
        let hex = digits.len() <= 8 && digits.chars().all(|c| c.is_ascii_hexdigit());
        hex.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
    }

    /// `\pL`, `\p{Greek}`, `\p{^Lu}`
    fn property(&mut self, from: usize, mut negated: bool) -> Result<String, String> {
        let name = if self.eat("{") {
            let end = self.rest().find('}');
            let name = end.and_then(|end| self.rest().get(..end));
            self.at += end.map_or(self.rest().len(), |end| end + 1);
            name
        } else {
            let start = self.at;
            self.next();
            Some(self.since(start))
        };
        let bad = || format!("invalid character class range: `{}`", self.since(from));
        let name = name.ok_or_else(bad)?;
        let name = match name.strip_prefix('^') {
            Some(name) => {
                negated = !negated;
                name
            }
            None => name,
        };
        let kind = match name {
            "Any" => "",
            _ if CATEGORIES.contains(&name) => "gc=",
            _ if name.len() > 2 && name.starts_with(|c: char| c.is_ascii_uppercase()) => "sc=",
            _ => return Err(bad()),
        };
        let letter = if negated { 'P' } else { 'p' };
        let ours = format!("\\{letter}{{{kind}{name}}}");
        // Whether there is such a script only the engine knows.
        regex::Regex::new(&ours).map(|_| ours).map_err(|_| bad())
    }

    /// `[...]`
    fn class(&mut self) -> Result<(), String> {
        let class_from = self.at;
        self.next();
        self.out.push('[');
        if self.eat("^") {
            self.out.push('^');
        }
        let mut first = true;
        while first || !self.rest().starts_with(']') {
            first = false;
            if !self.posix()? {
                self.range(class_from)?;
            }
        }
        self.next();
        self.out.push(']');
        self.added(1);
        Ok(())
    }

    /// `[:alpha:]` within a class.
    fn posix(&mut self) -> Result<bool, String> {
        let inside = self.rest().strip_prefix("[:");
        let Some(end) = inside.and_then(|rest| rest.find(":]")) else { return Ok(false) };
        let from = self.at;
        self.at += end + 4;
        let named = self.since(from);
        let name = named.trim_matches(['[', ':', ']']);
        if !POSIX.contains(&name.strip_prefix('^').unwrap_or(name)) {
            return Err(format!("invalid character class range: `{named}`"));
        }
        self.out.push_str(named);
        Ok(true)
    }

    /// A set, a character, or the range from it to another.
    fn range(&mut self, class_from: usize) -> Result<(), String> {
        let from = self.at;
        let low = match self.piece(class_from)? {
            Piece::Set(set) => {
                self.out.push_str(&set);
                return Ok(());
            }
            Piece::Char(c) => c,
        };
        let rest = self.rest();
        let _ = write!(self.out, "\\x{{{:x}}}", u32::from(low));
        if !rest.starts_with('-') || rest.len() == 1 || rest.starts_with("-]") {
            return Ok(());
        }
        self.next();
        let high_from = self.at;
        match self.piece(class_from)? {
            Piece::Char(high) if high < low => {
                Err(format!("invalid character class range: `{}`", self.since(from)))
            }
            Piece::Char(high) => {
                let _ = write!(self.out, "-\\x{{{:x}}}", u32::from(high));
                Ok(())
            }
            Piece::Set(_) => {
                let shown: String = self.since(high_from).chars().take(2).collect();
                Err(format!("invalid escape sequence: `{shown}`"))
            }
        }
    }

    /// `(`, with flags or a name.
    fn open(&mut self) -> Result<(), String> {
        let from = self.at;
        self.next();
        self.repeat_from = None;
        if !self.eat("?") {
            self.out.push('(');
            self.groups.push(Group::default());
            return Ok(());
        }
        if self.eat("P<") || self.eat("<") {
            return self.named(from);
        }
        let (mut negative, mut flagged) = (false, false);
        loop {
            match self.next() {
                Some('i' | 'm' | 's' | 'U') => flagged = true,
                Some('-') if !negative => (negative, flagged) = (true, false),
                Some(end @ (':' | ')')) if flagged || !negative => {
                    self.out.push_str(self.since(from));
                    if end == ':' {
                        self.groups.push(Group::default());
                    }
                    return Ok(());
                }
                _ => {
                    let shown = self.since(from);
                    return Err(format!("invalid or unsupported Perl syntax: `{shown}`"));
                }
            }
        }
    }

    fn named(&mut self, from: usize) -> Result<(), String> {
        let start = self.at;
        let Some(length) = self.rest().find('>') else {
            return Err(format!("invalid named capture: `{}`", &self.pattern[from..]));
        };
        self.at += length;
        let name = self.since(start);
        self.next();
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(word) {
            return Err(format!("invalid named capture: `{}`", self.since(from)));
        }
        let _ = write!(self.out, "(?P<{name}>");
        self.groups.push(Group::default());
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        self.next();
        match self.groups.pop() {
            Some(group) if !self.groups.is_empty() => {
                self.out.push(')');
                self.added(group.most.max(1));
                Ok(())
            }
            _ => Err(format!("unexpected ): `{}`", self.pattern)),
        }
    }

    /// `{2}`, `{2,}` or `{2,5}`, with where it began; anything else is text.
    fn counts(&mut self) -> Option<(usize, (u32, Option<u32>))> {
        let from = self.at;
        let (inside, _) = self.rest().get(1..)?.split_once('}')?;
        let number = |digits: &str| {
            let plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.is_empty();
            let zeros = digits.len() > 1 && digits.starts_with('0');
            (plain && !zeros).then(|| digits.parse().unwrap_or(u32::MAX))
        };
        let counts = match inside.split_once(',') {
            None => number(inside).map(|n| (n, Some(n)))?,
            Some((min, "")) => (number(min)?, None),
            Some((min, max)) => (number(min)?, Some(number(max)?)),
        };
        self.at += inside.len() + 2;
        Some((from, counts))
    }

    /// A repetition of the last part, which began at a place.
    fn repeat(&mut self, from: usize, counts: Option<(u32, Option<u32>)>) -> Result<(), String> {
        let written = self.since(from);
        if let Some((min, max)) = counts {
            let most = max.unwrap_or(min);
            if min > REPEAT_MAX || most > REPEAT_MAX || most < min {
                return Err(format!("invalid repeat count: `{written}`"));
            }
        }
        let lazy = self.eat("?");
        let last = self.group().map_or(0, |group| group.last);
        if last == 0 {
            let shown = self.since(from);
            return Err(format!("missing argument to repetition operator: `{shown}`"));
        }
        if let Some(before) = self.repeat_from {
            let shown = self.since(before);
            return Err(format!("invalid nested repetition operator: `{shown}`"));
        }
        let times = counts.map_or(1, |(min, max)| max.unwrap_or(min).max(1));
        let weight = last.saturating_mul(times);
        if weight > REPEAT_MAX {
            return Err(format!("invalid repeat count: `{written}`"));
        }
        self.out.push_str(written);
        if lazy {
            self.out.push('?');
        }
        self.added(weight);
        self.repeat_from = Some(from);
        Ok(())
    }
}

/// A character that stands for itself.
fn push_char(out: &mut String, c: char) {
    if c.is_ascii() && !c.is_ascii_alphanumeric() {
        let _ = write!(out, "\\x{{{:x}}}", u32::from(c));
    } else {
        out.push(c);
    }
}

#[cfg(test)]
mod tests;
