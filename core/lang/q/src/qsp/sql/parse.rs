//! A query as a tree.

use super::words::{Word, words};
use super::wrong;
use crate::error::{QError, Result};
use formats::k::{K, Sym};

/// Levels of an expression.
const DEPTH_MAX: usize = 100;
/// Operators of a query, each of which may be a level of the tree.
const OPERATORS_MAX: usize = 300;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expr {
    Column(Sym),
    /// A number, truth value or nothing.
    Value(K),
    Text(String),
    /// All rows, as in `count(*)`.
    Star,
    /// A function or operator by its name in lower case.
    Call(String, Vec<Expr>),
    /// What is counted or added once.
    Distinct(Box<Expr>),
    /// Conditions with values, and the value otherwise.
    Case(Vec<(Expr, Expr)>, Option<Box<Expr>>),
}

/// What is selected: an expression under a name, or everything.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    All,
    Named(Sym, Expr),
}

/// A whole query.
#[derive(Clone, Debug, Default)]
pub(super) struct Select {
    pub(super) distinct: bool,
    pub(super) items: Vec<Item>,
    pub(super) filter: Option<Expr>,
    pub(super) groups: Vec<Expr>,
    pub(super) having: Option<Expr>,
    /// What rows are ordered by, and whether it descends.
    pub(super) order: Vec<(Expr, bool)>,
    pub(super) limit: Option<i64>,
    pub(super) offset: i64,
}

/// The names that end an expression or a table.
const KEYWORDS: [&str; 30] = [
    "and", "as", "asc", "between", "by", "case", "cross", "desc", "distinct", "else", "end",
    "from", "full", "group", "having", "in", "inner", "is", "join", "left", "like", "limit", "not",
    "offset", "on", "or", "order", "select", "union", "where",
];

/// The query of a text.
pub(super) fn select(text: &str) -> Result<Select> {
    let mut parser = Parser { words: words(text)?, at: 0, depth: 0, operators: 0 };
    let query = parser.query()?;
    match parser.peek() {
        None => Ok(query),
        Some(word) => Err(parser.unexpected(word)),
    }
}

struct Parser {
    words: Vec<Word>,
    at: usize,
    depth: usize,
    operators: usize,
}

impl Parser {
    /// Counts operators.
    fn step(&mut self) -> Result<()> {
        self.operators += 1;
        if self.operators > OPERATORS_MAX { Err(QError::limit("limit")) } else { Ok(()) }
    }

    fn peek(&self) -> Option<&Word> {
        self.words.get(self.at)
    }

    fn unexpected(&self, word: &Word) -> QError {
        let text = match word {
            Word::Name(name) | Word::Quoted(name) => name.clone(),
            Word::Int(x) => x.to_string(),
            Word::Float(x) => x.to_string(),
            Word::Text(text) => format!("'{text}'"),
            Word::Parameter(name) => format!("${name}"),
            Word::Sign(sign) => (*sign).to_owned(),
        };
        wrong(format!("unexpected {text}"))
    }

    fn stuck(&self) -> QError {
        match self.peek() {
            Some(word) => self.unexpected(word),
            None => wrong("it ends too early"),
        }
    }

    fn is_key(&self, offset: usize, key: &str) -> bool {
        let word = self.words.get(self.at + offset);
        matches!(word, Some(Word::Name(name)) if name.eq_ignore_ascii_case(key))
    }

    fn key(&mut self, key: &str) -> bool {
        let found = self.is_key(0, key);
        self.at += usize::from(found);
        found
    }

    fn expect_key(&mut self, key: &str) -> Result<()> {
        if self.key(key) { Ok(()) } else { Err(self.stuck()) }
    }

    fn sign(&mut self, sign: &str) -> bool {
        let found = self.peek() == Some(&Word::Sign(known(sign)));
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Result<()> {
        if self.sign(sign) { Ok(()) } else { Err(self.stuck()) }
    }

    /// A name that is no keyword.
    fn name(&mut self) -> Option<String> {
        let name = match self.peek()? {
            Word::Name(name) if !KEYWORDS.contains(&name.to_ascii_lowercase().as_str()) => name,
            Word::Quoted(name) => name,
            _ => return None,
        };
        let name = name.clone();
        self.at += 1;
        Some(name)
    }

    fn query(&mut self) -> Result<Select> {
        self.expect_key("select")?;
        let mut query = Select { distinct: self.key("distinct"), ..Select::default() };
        query.items = self.list(Self::item)?;
        self.expect_key("from")?;
        match self.peek() {
            Some(Word::Parameter(number)) if number == "1" => self.at += 1,
            Some(_) => return Err(wrong("the table must be $1")),
            None => return Err(self.stuck()),
        }
        let _ = self.key("as");
        let _ = self.name();
        for join in ["join", "inner", "left", "cross", "full", "union"] {
            if self.is_key(0, join) {
                return Err(QError::nyi(&format!("sql: {join}")));
            }
        }
        if self.key("where") {
            query.filter = Some(self.expr()?);
        }
        if self.key("group") {
            self.expect_key("by")?;
            query.groups = self.list(Self::expr)?;
        }
        if self.key("having") {
            query.having = Some(self.expr()?);
        }
        if self.key("order") {
            self.expect_key("by")?;
            query.order = self.list(|p| {
                let by = p.expr()?;
                let down = p.key("desc");
                let _ = !down && p.key("asc");
                Ok((by, down))
            })?;
        }
        if self.key("limit") {
            query.limit = Some(self.count()?);
        }
        if self.key("offset") {
            query.offset = self.count()?;
        }
        Ok(query)
    }

    fn count(&mut self) -> Result<i64> {
        match self.peek() {
            Some(Word::Int(n)) => {
                let n = *n;
                self.at += 1;
                Ok(n)
            }
            _ => Err(self.stuck()),
        }
    }

    fn list<T>(&mut self, one: impl Fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut out = vec![one(self)?];
        while self.sign(",") {
            out.push(one(self)?);
        }
        Ok(out)
    }

    fn item(&mut self) -> Result<Item> {
        if self.sign("*") {
            return Ok(Item::All);
        }
        let expr = self.expr()?;
        let name = match (self.key("as"), self.name()) {
            (true, None) => return Err(self.stuck()),
            (_, Some(name)) => name,
            _ => title(&expr),
        };
        Ok(Item::Named(Sym::new(&name), expr))
    }

    pub(super) fn expr(&mut self) -> Result<Expr> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(QError::limit("limit"));
        }
        let made = self.either();
        self.depth -= 1;
        made
    }

    fn either(&mut self) -> Result<Expr> {
        let mut left = self.both()?;
        while self.key("or") {
            self.step()?;
            left = call("or", [left, self.both()?]);
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Expr> {
        let mut left = self.negated()?;
        while self.key("and") {
            self.step()?;
            left = call("and", [left, self.negated()?]);
        }
        Ok(left)
    }

    fn negated(&mut self) -> Result<Expr> {
        let mut times = 0;
        while self.key("not") {
            times += 1;
        }
        let made = self.compared()?;
        Ok(if times % 2 == 1 { call("not", [made]) } else { made })
    }

    fn compared(&mut self) -> Result<Expr> {
        let left = self.sum()?;
        for sign in ["=", "<>", "!=", "<=", ">=", "<", ">"] {
            if self.sign(sign) {
                let name = if sign == "!=" { "<>" } else { sign };
                return Ok(call(name, [left, self.sum()?]));
            }
        }
        if self.key("is") {
            let not = self.key("not");
            self.expect_key("null")?;
            let test = call("null", [left]);
            return Ok(if not { call("not", [test]) } else { test });
        }
        let not = self.key("not");
        let test = if self.key("in") {
            self.expect("(")?;
            let mut args = vec![left];
            args.extend(self.list(Self::expr)?);
            self.expect(")")?;
            Expr::Call("in".to_owned(), args)
        } else if self.key("between") {
            let low = self.sum()?;
            self.expect_key("and")?;
            let high = self.sum()?;
            call("and", [call(">=", [left.clone(), low]), call("<=", [left, high])])
        } else if self.key("like") {
            call("like", [left, self.sum()?])
        } else if not {
            return Err(self.stuck());
        } else {
            return Ok(left);
        };
        Ok(if not { call("not", [test]) } else { test })
    }

    fn sum(&mut self) -> Result<Expr> {
        let mut left = self.product()?;
        loop {
            let sign = ["+", "-", "||"].into_iter().find(|s| self.sign(s));
            let Some(sign) = sign else { return Ok(left) };
            self.step()?;
            left = call(sign, [left, self.product()?]);
        }
    }

    fn product(&mut self) -> Result<Expr> {
        let mut left = self.unary()?;
        loop {
            let sign = ["*", "/", "%"].into_iter().find(|s| self.sign(s));
            let Some(sign) = sign else { return Ok(left) };
            self.step()?;
            left = call(sign, [left, self.unary()?]);
        }
    }

    fn unary(&mut self) -> Result<Expr> {
        if self.sign("+") {
            return self.primary();
        }
        if !self.sign("-") {
            return self.primary();
        }
        Ok(match self.primary()? {
            Expr::Value(k) if k.as_long().is_some() => {
                Expr::Value(K::long(-k.as_long().unwrap_or_default()))
            }
            other => call("neg", [other]),
        })
    }

    fn primary(&mut self) -> Result<Expr> {
        if self.sign("(") {
            let inner = self.expr()?;
            self.expect(")")?;
            return Ok(inner);
        }
        for (word, value) in [("null", K::Null), ("true", K::bool(true)), ("false", K::bool(false))]
        {
            if self.key(word) {
                return Ok(Expr::Value(value));
            }
        }
        if self.key("case") {
            return self.case();
        }
        let literal = match self.peek() {
            Some(Word::Int(x)) => Expr::Value(K::long(*x)),
            Some(Word::Float(x)) => Expr::Value(K::float(*x)),
            Some(Word::Text(text)) => Expr::Text(text.clone()),
            _ => return self.named(),
        };
        self.at += 1;
        Ok(literal)
    }

    /// A column, perhaps with the name of the table before it, or a function.
    fn named(&mut self) -> Result<Expr> {
        let Some(name) = self.name() else { return Err(self.stuck()) };
        if self.sign(".") {
            let Some(column) = self.name() else { return Err(self.stuck()) };
            return Ok(Expr::Column(Sym::new(&column)));
        }
        if !self.sign("(") {
            return Ok(Expr::Column(Sym::new(&name)));
        }
        let name = name.to_ascii_lowercase();
        if name == "cast" {
            let value = self.expr()?;
            self.expect_key("as")?;
            let Some(ty) = self.name() else { return Err(self.stuck()) };
            self.expect(")")?;
            return Ok(call("cast", [value, Expr::Text(ty.to_ascii_lowercase())]));
        }
        if self.sign("*") {
            self.expect(")")?;
            return Ok(Expr::Call(name, vec![Expr::Star]));
        }
        if self.key("distinct") {
            let inner = Expr::Distinct(Box::new(self.expr()?));
            self.expect(")")?;
            return Ok(Expr::Call(name, vec![inner]));
        }
        if self.sign(")") {
            return Ok(Expr::Call(name, Vec::new()));
        }
        let args = self.list(|p| {
            p.step()?;
            p.expr()
        })?;
        self.expect(")")?;
        Ok(Expr::Call(name, args))
    }

    fn case(&mut self) -> Result<Expr> {
        let mut branches = Vec::new();
        while self.key("when") {
            self.step()?;
            let test = self.expr()?;
            self.expect_key("then")?;
            branches.push((test, self.expr()?));
        }
        if branches.is_empty() {
            return Err(self.stuck());
        }
        let otherwise = if self.key("else") { Some(Box::new(self.expr()?)) } else { None };
        self.expect_key("end")?;
        Ok(Expr::Case(branches, otherwise))
    }
}

fn call<const N: usize>(name: &str, args: [Expr; N]) -> Expr {
    Expr::Call(name.to_owned(), args.into())
}

/// The sign as the words have it.
fn known(sign: &str) -> &'static str {
    const ALL: [&str; 17] =
        ["<>", "!=", "<=", ">=", "||", "(", ")", ",", "+", "-", "*", "/", "%", "=", "<", ">", "."];
    ALL.into_iter().find(|s| *s == sign).unwrap_or_default()
}

/// The name of a column that was given none: that of the column it is about, else `x`.
fn title(expr: &Expr) -> String {
    match expr {
        Expr::Column(name) => name.as_str().to_owned(),
        Expr::Call(name, args) if args == &[Expr::Star] => name.clone(),
        Expr::Call(_, args) => args.iter().map(title).find(|t| t != "x").unwrap_or("x".to_owned()),
        Expr::Distinct(inner) => title(inner),
        _ => "x".to_owned(),
    }
}
