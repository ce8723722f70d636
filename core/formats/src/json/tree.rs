//! A way through the tokens of a text: what the index of tokens found is not searched for again.

use std::cell::RefCell;

use super::canonical::{Escapes, escapes};
use super::doc::is_scalar;
use super::parse::Builder;
use super::reader::{DEPTH_MAX, Visit};
use super::shape::{inside, token_text};
use super::tokens::{Tokens, kind};
use crate::value::Value;

/// Longest text whose tokens are searched for, in bytes: their places are 32 bits.
const TEXT_BYTES_MAX: usize = u32::MAX as usize;
/// Buffers of a larger document are given back.
const RETAINED_TOKENS_MAX: usize = 1 << 16;

thread_local! {
    static KIT: RefCell<(Tokens, Builder)> = RefCell::default();
}

/// The value of a text that is one valid document; `None` for any other, and where nothing is
/// searched for.
pub(super) fn document(text: &[u8]) -> Option<Value> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    KIT.with_borrow_mut(|(tokens, builder)| {
        tokens.scan(text);
        let valid = whole(text, tokens, builder);
        let value = builder.take();
        if tokens.kinds().len() > RETAINED_TOKENS_MAX {
            (*tokens, *builder) = Default::default();
        }
        value.filter(|_| valid)
    })
}

/// The value that begins at a token of a valid document.
pub(super) fn part(text: &[u8], tokens: &Tokens, token: u32) -> Option<Value> {
    KIT.with_borrow_mut(|(_, builder)| {
        visit(text, tokens, token, builder);
        builder.take()
    })
}

/// Visits the value that begins at a token. Whether it is valid, as it is in a valid document.
pub(super) fn visit<'t>(
    text: &'t [u8],
    tokens: &Tokens,
    token: u32,
    visit: &mut impl Visit<'t>,
) -> bool {
    Walk { text, tokens, visit, open: Open::default(), at: token }.value().is_some()
}

/// Visits a text. Whether it is one valid document; if not, only a part of it was visited.
pub(super) fn whole<'t>(text: &'t [u8], tokens: &Tokens, visit: &mut impl Visit<'t>) -> bool {
    let traits = tokens.traits;
    if traits.broken || traits.escapes && escapes(text) == Escapes::Invalid {
        return false;
    }
    let mut walk = Walk { text, tokens, visit, open: Open::default(), at: 0 };
    walk.value().is_some() && walk.at as usize == tokens.kinds().len()
}

/// Which of the containers around a token are objects, a bit for each.
struct Open {
    depth: usize,
    objects: [u64; DEPTH_MAX / 64 + 1],
}

impl Default for Open {
    fn default() -> Self {
        Open { depth: 0, objects: [0; DEPTH_MAX / 64 + 1] }
    }
}

impl Open {
    /// Whether the innermost container is an object; `None` outside of all.
    #[inline]
    fn in_object(&self) -> Option<bool> {
        let at = self.depth.checked_sub(1)?;
        Some(self.objects.get(at / 64)? >> (at % 64) & 1 == 1)
    }

    /// Goes into a container; `None` when there are too many around it.
    #[inline]
    fn push(&mut self, object: bool) -> Option<()> {
        let at = self.depth;
        if at >= DEPTH_MAX {
            return None;
        }
        let word = self.objects.get_mut(at / 64)?;
        *word = *word & !(1 << (at % 64)) | u64::from(object) << (at % 64);
        self.depth += 1;
        Some(())
    }
}

/// A way through the tokens of a value.
struct Walk<'w, 't, V> {
    text: &'t [u8],
    tokens: &'w Tokens,
    visit: &'w mut V,
    open: Open,
    /// The token that comes next.
    at: u32,
}

impl<'t, V: Visit<'t>> Walk<'_, 't, V> {
    /// Visits the value that begins here; `None` when it is not valid.
    fn value(&mut self) -> Option<()> {
        loop {
            if self.begin()? && self.end()? {
                return Some(());
            }
        }
    }

    #[inline]
    fn kind(&self, at: u32) -> u8 {
        self.tokens.kinds().get(at as usize).copied().unwrap_or(kind::INVALID)
    }

    /// Visits the value that begins here, or the beginning of one that contains others. Whether it
    /// ended.
    #[inline]
    fn begin(&mut self) -> Option<bool> {
        let kind = self.kind(self.at);
        match kind {
            kind::STRING => {
                let plain = self.is_plain();
                self.visit.string(inside(token_text(self.text, self.tokens, self.at)), plain);
            }
            kind::SCALAR => self.scalar()?,
            kind::OBJECT | kind::ARRAY => {
                let object = kind == kind::OBJECT;
                self.open.push(object)?;
                self.visit.begin();
                self.at += 1;
                return match self.kind(self.at) {
                    kind::OBJECT_END if object => Some(true),
                    kind::ARRAY_END if !object => Some(true),
                    _ if object => self.key().map(|()| false),
                    _ => Some(false),
                };
            }
            _ => return None,
        }
        self.at += 1;
        Some(true)
    }

    /// Goes on behind a value: to the next one, or up to the end of all. Whether it was that.
    #[inline]
    fn end(&mut self) -> Option<bool> {
        while let Some(object) = self.open.in_object() {
            let kind = self.kind(self.at);
            self.at += 1;
            match (kind, object) {
                (kind::COMMA, true) => {
                    self.key()?;
                    return Some(false);
                }
                (kind::COMMA, false) => return Some(false),
                (kind::OBJECT_END, true) => self.visit.end_object(),
                (kind::ARRAY_END, false) => self.visit.end_array(),
                _ => return None,
            }
            self.open.depth -= 1;
        }
        Some(true)
    }

    #[inline]
    fn key(&mut self) -> Option<()> {
        if self.kind(self.at) != kind::STRING || self.kind(self.at + 1) != kind::COLON {
            return None;
        }
        let plain = self.is_plain();
        self.visit.key(inside(token_text(self.text, self.tokens, self.at)), plain);
        self.at += 2;
        Some(())
    }

    #[inline]
    fn is_plain(&self) -> bool {
        !self.tokens.traits.escapes && !self.tokens.traits.non_ascii
    }

    #[inline]
    fn scalar(&mut self) -> Option<()> {
        let text = token_text(self.text, self.tokens, self.at);
        if !is_scalar(text) {
            return None;
        }
        match text.first() {
            Some(b't') => self.visit.boolean(true),
            Some(b'f') => self.visit.boolean(false),
            Some(b'n') => self.visit.null(),
            _ => self.visit.number(text),
        }
        Some(())
    }
}
