//! Trees of values from the tokens of a text: what the index of tokens found is not searched for
//! again.

use std::cell::RefCell;
use std::vec::Drain;

use super::canonical::{Escapes, decoded, escapes};
use super::doc::is_scalar;
use super::reader::DEPTH_MAX;
use super::shape::{inside, token_text};
use super::tokens::{Tokens, kind};
use crate::value::{Digits, Object, Text, Value};

/// Longest text whose tokens are searched for, in bytes: their places are 32 bits.
const TEXT_BYTES_MAX: usize = u32::MAX as usize;
/// Buffers of a larger document are given back.
const RETAINED_TOKENS_MAX: usize = 1 << 16;

/// Makes the values of a tree, from its leaves to its root.
pub trait Grow<'t> {
    /// A value.
    type Value;
    /// The name of a member.
    type Key;

    /// A string by its inside; a `plain` one is ASCII without escapes.
    fn string(&mut self, inside: &'t [u8], plain: bool) -> Self::Value;
    /// The same for the name of a member.
    fn key(&mut self, inside: &'t [u8], plain: bool) -> Self::Key;
    /// A number by its text.
    fn number(&mut self, text: &'t [u8]) -> Self::Value;
    /// A truth value.
    fn boolean(&mut self, value: bool) -> Self::Value;
    /// `null`.
    fn null(&mut self) -> Self::Value;
    /// An array of these elements.
    fn array(&mut self, items: Drain<'_, Self::Value>) -> Self::Value;
    /// An object of these members in the order of the text, repeated names included.
    fn object(&mut self, keys: Drain<'_, Self::Key>, values: Drain<'_, Self::Value>)
    -> Self::Value;
}

/// What waits for the end of its container, on one stack.
struct Stacks<V, K> {
    values: Vec<V>,
    keys: Vec<K>,
    open: Vec<Open>,
}

/// A container around the token that is looked at.
struct Open {
    object: bool,
    /// Where its values and keys begin.
    values: usize,
    keys: usize,
}

impl<V, K> Default for Stacks<V, K> {
    fn default() -> Self {
        Stacks { values: Vec::new(), keys: Vec::new(), open: Vec::new() }
    }
}

thread_local! {
    static KIT: RefCell<(Tokens, Stacks<Value, Text>)> = RefCell::default();
}

/// The value of a text that is one valid document; `None` for any other, and where nothing is
/// searched for.
pub(super) fn document(text: &[u8]) -> Option<Value> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    KIT.with_borrow_mut(|(tokens, stacks)| {
        tokens.scan(text);
        let value = whole(text, tokens, &mut Values, stacks);
        if tokens.kinds().len() > RETAINED_TOKENS_MAX {
            (*tokens, *stacks) = Default::default();
        }
        value
    })
}

/// The value that begins at a token of a valid document.
pub(super) fn part(text: &[u8], tokens: &Tokens, token: u32) -> Option<Value> {
    KIT.with_borrow_mut(|(_, stacks)| {
        let mut walk = Walk { text, tokens, grow: &mut Values, stacks, at: token };
        walk.value()
    })
}

/// The same for other values.
pub(super) fn grown_part<'t, G: Grow<'t>>(
    text: &'t [u8],
    tokens: &Tokens,
    token: u32,
    grow: &mut G,
) -> Option<G::Value> {
    let stacks = &mut Stacks::default();
    Walk { text, tokens, grow, stacks, at: token }.value()
}

/// The value of a text that is one valid document.
pub(super) fn grown<'t, G: Grow<'t>>(
    text: &'t [u8],
    tokens: &Tokens,
    grow: &mut G,
) -> Option<G::Value> {
    whole(text, tokens, grow, &mut Stacks::default())
}

fn whole<'t, G: Grow<'t>>(
    text: &'t [u8],
    tokens: &Tokens,
    grow: &mut G,
    stacks: &mut Stacks<G::Value, G::Key>,
) -> Option<G::Value> {
    let traits = tokens.traits;
    if traits.broken || traits.escapes && escapes(text) == Escapes::Invalid {
        return None;
    }
    let mut walk = Walk { text, tokens, grow, stacks, at: 0 };
    let value = walk.value()?;
    (walk.at as usize == tokens.kinds().len()).then_some(value)
}

/// A way through the tokens of a value.
struct Walk<'w, 't, G: Grow<'t>> {
    text: &'t [u8],
    tokens: &'w Tokens,
    grow: &'w mut G,
    stacks: &'w mut Stacks<G::Value, G::Key>,
    /// The token that comes next.
    at: u32,
}

impl<'t, G: Grow<'t>> Walk<'_, 't, G> {
    /// The value that begins here, of which nothing comes next then; `None` when it is not valid.
    fn value(&mut self) -> Option<G::Value> {
        self.stacks.values.clear();
        self.stacks.keys.clear();
        self.stacks.open.clear();
        loop {
            if self.begin()? && self.end()? {
                return self.stacks.values.pop();
            }
        }
    }

    #[inline]
    fn kind(&self, at: u32) -> u8 {
        self.tokens.kinds().get(at as usize).copied().unwrap_or(kind::INVALID)
    }

    /// Takes the value that begins here, or the beginning of one that contains others. Whether it
    /// ended.
    #[inline]
    fn begin(&mut self) -> Option<bool> {
        let (kind, next) = (self.kind(self.at), self.kind(self.at + 1));
        if matches!(kind, kind::OBJECT | kind::ARRAY) && self.stacks.open.len() >= DEPTH_MAX {
            return None;
        }
        let value = match kind {
            kind::STRING => {
                let inside = inside(token_text(self.text, self.tokens, self.at));
                let plain = self.is_plain();
                self.grow.string(inside, plain)
            }
            kind::SCALAR => self.scalar()?,
            kind::OBJECT if next == kind::OBJECT_END => {
                self.at += 1;
                let Stacks { keys, values, .. } = &mut *self.stacks;
                self.grow.object(keys.drain(keys.len()..), values.drain(values.len()..))
            }
            kind::ARRAY if next == kind::ARRAY_END => {
                self.at += 1;
                let values = &mut self.stacks.values;
                self.grow.array(values.drain(values.len()..))
            }
            kind::OBJECT | kind::ARRAY => {
                let Stacks { values, keys, open } = &mut *self.stacks;
                let object = kind == kind::OBJECT;
                open.push(Open { object, values: values.len(), keys: keys.len() });
                self.at += 1;
                if object {
                    self.key()?;
                }
                return Some(false);
            }
            _ => return None,
        };
        self.at += 1;
        self.stacks.values.push(value);
        Some(true)
    }

    /// Goes on behind a value: to the next one, or up to the end of all. Whether it was that.
    #[inline]
    fn end(&mut self) -> Option<bool> {
        while let Some(Open { object, .. }) = self.stacks.open.last() {
            let kind = (self.kind(self.at), *object);
            self.at += 1;
            match kind {
                (kind::COMMA, true) => {
                    self.key()?;
                    return Some(false);
                }
                (kind::COMMA, false) => return Some(false),
                (kind::OBJECT_END, true) | (kind::ARRAY_END, false) => self.close()?,
                _ => return None,
            }
        }
        Some(true)
    }

    fn close(&mut self) -> Option<()> {
        let Stacks { values, keys, open } = &mut *self.stacks;
        let Open { object, values: first, keys: first_key } = open.pop()?;
        let value = match object {
            true => self.grow.object(keys.drain(first_key..), values.drain(first..)),
            false => self.grow.array(values.drain(first..)),
        };
        values.push(value);
        Some(())
    }

    #[inline]
    fn key(&mut self) -> Option<()> {
        if self.kind(self.at) != kind::STRING || self.kind(self.at + 1) != kind::COLON {
            return None;
        }
        let inside = inside(token_text(self.text, self.tokens, self.at));
        let plain = self.is_plain();
        let key = self.grow.key(inside, plain);
        self.stacks.keys.push(key);
        self.at += 2;
        Some(())
    }

    #[inline]
    fn is_plain(&self) -> bool {
        !self.tokens.traits.escapes && !self.tokens.traits.non_ascii
    }

    #[inline]
    fn scalar(&mut self) -> Option<G::Value> {
        let text = token_text(self.text, self.tokens, self.at);
        if !is_scalar(text) {
            return None;
        }
        Some(match text.first() {
            Some(b't') => self.grow.boolean(true),
            Some(b'f') => self.grow.boolean(false),
            Some(b'n') => self.grow.null(),
            _ => self.grow.number(text),
        })
    }
}

/// Makes values of documents.
struct Values;

fn text(inside: &[u8], plain: bool) -> Text {
    match plain {
        true => Text::from(inside),
        false => Text::from(&*decoded(inside)),
    }
}

impl<'t> Grow<'t> for Values {
    type Value = Value;
    type Key = Text;

    fn string(&mut self, inside: &'t [u8], plain: bool) -> Value {
        Value::String(text(inside, plain))
    }

    fn key(&mut self, inside: &'t [u8], plain: bool) -> Text {
        text(inside, plain)
    }

    fn number(&mut self, text: &'t [u8]) -> Value {
        Value::Number(Digits::of_number(text))
    }

    fn boolean(&mut self, value: bool) -> Value {
        Value::Bool(value)
    }

    fn null(&mut self) -> Value {
        Value::Null
    }

    fn array(&mut self, items: Drain<'_, Value>) -> Value {
        Value::array(items.collect())
    }

    fn object(&mut self, keys: Drain<'_, Text>, values: Drain<'_, Value>) -> Value {
        Value::object(Object::from(keys.zip(values).collect::<Vec<_>>()))
    }
}
