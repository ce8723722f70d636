//! What is known of the values of one row: the bounds of its columns.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use plan::{DataType, Json};

/// Columns of which something is remembered; what is said of more is passed over.
pub(super) const COLUMNS_MAX: usize = 64;
/// Values that a column is remembered not to have.
pub(super) const OTHERS_MAX: usize = 16;

/// A constant of a condition.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Int(i128),
    Float(f64),
    Bool(bool),
    Text(String),
}

impl Value {
    /// A constant as a step has it, rounded as its type is.
    pub(super) fn of(value: &Json, ty: DataType) -> Option<Value> {
        let whole = || value.as_i64().map(i128::from).or(value.as_u64().map(i128::from));
        match ty {
            DataType::Bool => value.as_bool().map(Value::Bool),
            DataType::Text => value.as_str().map(|text| Value::Text(text.to_owned())),
            DataType::F32 => value.as_f64().map(|f| Value::Float(f64::from(f as f32))),
            DataType::F64 => value.as_f64().map(Value::Float),
            _ => whole().map(Value::Int),
        }
    }

    /// How two values are ordered, if they are of a kind.
    fn order(&self, other: &Value) -> Option<Ordering> {
        match (self, other) {
            (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
            (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
            (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
            (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Test {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Test {
    /// By the name of its step.
    pub(super) fn named(op: &str) -> Option<Test> {
        Some(match op {
            "eq" => Test::Eq,
            "ne" => Test::Ne,
            "lt" => Test::Lt,
            "le" => Test::Le,
            "gt" => Test::Gt,
            "ge" => Test::Ge,
            _ => return None,
        })
    }

    /// As users write it.
    pub(super) fn sign(self) -> &'static str {
        match self {
            Test::Eq => "==",
            Test::Ne => "!=",
            Test::Lt => "<",
            Test::Le => "<=",
            Test::Gt => ">",
            Test::Ge => ">=",
        }
    }

    /// The same with its sides changed.
    pub(super) fn flipped(self) -> Test {
        match self {
            Test::Lt => Test::Gt,
            Test::Le => Test::Ge,
            Test::Gt => Test::Lt,
            Test::Ge => Test::Le,
            same => same,
        }
    }

    /// What holds where this does not, among values that can be ordered.
    pub(super) fn opposite(self) -> Test {
        match self {
            Test::Eq => Test::Ne,
            Test::Ne => Test::Eq,
            Test::Lt => Test::Ge,
            Test::Le => Test::Gt,
            Test::Gt => Test::Le,
            Test::Ge => Test::Lt,
        }
    }

    /// Whether it holds between two constants, if that can be said.
    pub(super) fn holds(self, a: &Value, b: &Value) -> Option<bool> {
        let order = a.order(b)?;
        Some(match self {
            Test::Eq => order.is_eq(),
            Test::Ne => order.is_ne(),
            Test::Lt => order.is_lt(),
            Test::Le => order.is_le(),
            Test::Gt => order.is_gt(),
            Test::Ge => order.is_ge(),
        })
    }
}

/// The values that a column may have.
#[derive(Clone, Debug, Default)]
struct Range {
    /// The lowest, and whether it is one of them.
    low: Option<(Value, bool)>,
    /// The highest, and whether it is one of them.
    high: Option<(Value, bool)>,
    others: Vec<Value>,
}

impl Range {
    /// All values of a type.
    fn of(ty: DataType) -> Range {
        let between = |low: i128, high: i128| Range {
            low: Some((Value::Int(low), true)),
            high: Some((Value::Int(high), true)),
            others: Vec::new(),
        };
        match ty {
            DataType::I8 => between(i8::MIN.into(), i8::MAX.into()),
            DataType::I16 => between(i16::MIN.into(), i16::MAX.into()),
            DataType::I32 => between(i32::MIN.into(), i32::MAX.into()),
            DataType::I64 => between(i64::MIN.into(), i64::MAX.into()),
            DataType::U8 | DataType::Char => between(0, u8::MAX.into()),
            DataType::U16 => between(0, u16::MAX.into()),
            DataType::U32 => between(0, u32::MAX.into()),
            DataType::U64 => between(0, u64::MAX.into()),
            DataType::Bool => Range {
                low: Some((Value::Bool(false), true)),
                high: Some((Value::Bool(true), true)),
                others: Vec::new(),
            },
            DataType::F32 | DataType::F64 | DataType::Text => Range::default(),
        }
    }

    fn above(&mut self, value: &Value, itself: bool) {
        let tighter = self.low.as_ref().is_none_or(|(low, _)| {
            let order = value.order(low);
            order == Some(Ordering::Greater) || order == Some(Ordering::Equal) && !itself
        });
        if tighter {
            self.low = Some((value.clone(), itself));
        }
    }

    fn below(&mut self, value: &Value, itself: bool) {
        let tighter = self.high.as_ref().is_none_or(|(high, _)| {
            let order = value.order(high);
            order == Some(Ordering::Less) || order == Some(Ordering::Equal) && !itself
        });
        if tighter {
            self.high = Some((value.clone(), itself));
        }
    }

    fn add(&mut self, test: Test, value: &Value) {
        match test {
            Test::Eq => {
                self.above(value, true);
                self.below(value, true);
            }
            Test::Ne if self.others.len() < OTHERS_MAX => self.others.push(value.clone()),
            Test::Ne => {}
            Test::Lt => self.below(value, false),
            Test::Le => self.below(value, true),
            Test::Gt => self.above(value, false),
            Test::Ge => self.above(value, true),
        }
    }

    /// Whether there is no such value. `steps`: values are whole, or true or false.
    fn is_empty(&self, steps: bool) -> bool {
        let (Some((low, with_low)), Some((high, with_high))) = (&self.low, &self.high) else {
            return false;
        };
        let (low, with_low) = self.first(low, *with_low, steps);
        let (high, with_high) = self.last(high, *with_high, steps);
        match low.order(&high) {
            Some(Ordering::Greater) => true,
            Some(Ordering::Equal) => !with_low || !with_high || self.others.contains(&low),
            _ => false,
        }
    }

    /// The lowest value that is left. At most [`OTHERS_MAX`] values are left out.
    fn first(&self, low: &Value, itself: bool, steps: bool) -> (Value, bool) {
        let next = |value: &Value| match value {
            Value::Int(i) => Some(Value::Int(i + 1)),
            Value::Bool(false) => Some(Value::Bool(true)),
            _ => None,
        };
        self.edge(low, itself, steps, next)
    }

    /// The highest value that is left.
    fn last(&self, high: &Value, itself: bool, steps: bool) -> (Value, bool) {
        let next = |value: &Value| match value {
            Value::Int(i) => Some(Value::Int(i - 1)),
            Value::Bool(true) => Some(Value::Bool(false)),
            _ => None,
        };
        self.edge(high, itself, steps, next)
    }

    fn edge(
        &self,
        from: &Value,
        itself: bool,
        steps: bool,
        next: impl Fn(&Value) -> Option<Value>,
    ) -> (Value, bool) {
        let (mut value, mut itself) = (from.clone(), itself);
        let out = |value: &Value| self.others.contains(value);
        for _ in 0..=OTHERS_MAX {
            if !steps || itself && !out(&value) {
                break;
            }
            match next(&value) {
                Some(after) => (value, itself) = (after, true),
                None => return (value, false),
            }
        }
        (value, itself)
    }
}

/// What is known of the values of one row.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts(BTreeMap<String, (Range, DataType)>);

impl Facts {
    /// Adds that a comparison with a constant holds; false when no value is left.
    pub(super) fn add(&mut self, key: &str, ty: DataType, test: Test, value: &Value) -> bool {
        if !self.0.contains_key(key) && self.0.len() >= COLUMNS_MAX {
            return true;
        }
        let (range, ty) = self.0.entry(key.to_owned()).or_insert_with(|| (Range::of(ty), ty));
        range.add(test, value);
        !range.is_empty(!matches!(ty, DataType::F32 | DataType::F64 | DataType::Text))
    }

    /// Nothing is known of a column any more.
    pub(super) fn forget(&mut self, column: &str) {
        self.0.retain(|key, _| column_of(key) != column);
    }

    /// What is known when columns get other names and the others go away.
    pub(super) fn renamed(&self, pairs: &[(String, String)]) -> Facts {
        let mut facts = Facts::default();
        for (from, to) in pairs {
            for (key, known) in self.0.iter().filter(|(key, _)| column_of(key) == from) {
                let rest = key.get(from.len()..).unwrap_or_default();
                if facts.0.len() < COLUMNS_MAX {
                    facts.0.insert(format!("{to}{rest}"), known.clone());
                }
            }
        }
        facts
    }
}

/// What stands between a column and the type that it is converted to in a key.
const AS: char = '\0';

/// The key of a column that is converted to a type.
pub(super) fn converted(column: &str, ty: &str) -> String {
    format!("{column}{AS}{ty}")
}

fn column_of(key: &str) -> &str {
    key.split_once(AS).map_or(key, |(column, _)| column)
}
