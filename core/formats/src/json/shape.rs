//! The shape of a record: its tokens' kinds and its keys. Records of one stream nearly always
//! repeat the shape of one before them, and everything that follows from a shape (the grammar, the
//! nesting, where a path leads, the order of keys) is then not worked out again.

use super::canonical::decoded;
use super::path::Paths;
use super::reader::DEPTH_MAX;
use super::tokens::{Tokens, kind};

/// Shapes that one reader remembers.
pub(crate) const SHAPES_MAX: usize = 8;
/// A shape with more tokens gives its memory back when its place is taken.
const RETAINED_TOKENS_MAX: usize = 1 << 16;

/// Tells a shape from every other that a reader ever had: the number of the reader and that of the
/// shape within it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ShapeId(pub(crate) u64, pub(crate) u64);

impl ShapeId {
    /// The number of no shape.
    pub(crate) const NONE: ShapeId = ShapeId(0, 0);
}

/// The text is no single JSON document; why is worked out by the reader of documents.
pub(crate) struct Malformed;

/// A key that a record of the shape has, with its quotes.
struct Key {
    token: u32,
    /// Place in `key_text`.
    at: u32,
    len: u32,
    /// The first 16 bytes, and ones where they count.
    word: u128,
    mask: u128,
}

/// Where a value is in every text of the shape.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// Its first token.
    pub(crate) token: u32,
    /// The token behind it.
    pub(crate) end: u32,
    /// The kind of its first token.
    pub(crate) kind: u8,
}

/// A shape. See the head of the file.
#[derive(Default)]
pub(crate) struct Shape {
    /// [`ShapeId::NONE`] until the shape is that of a well-formed text.
    pub(crate) id: ShapeId,
    kinds: Vec<u8>,
    keys: Vec<Key>,
    key_text: Vec<u8>,
    /// Tokens of numbers and literals.
    scalars: Vec<u32>,
    /// For the first token of a value, the token behind the value.
    ends: Vec<u32>,
    /// For the first token of a value, whether the keys within it are sorted and unique.
    ordered: Vec<bool>,
    /// The value that each path leads to.
    slots: Vec<Option<Place>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Value,
    FirstElement,
    FirstKey,
    Key,
    Colon,
    AfterValue,
}

/// A container around the token that is looked at.
struct Open {
    token: u32,
    /// The key before, by its place in `keys`.
    last_key: Option<usize>,
    ordered: bool,
}

impl Shape {
    /// Whether a text with these tokens has this shape.
    pub(crate) fn matches(&self, text: &[u8], tokens: &Tokens) -> bool {
        self.kinds == tokens.kinds() && self.has_keys(text, tokens)
    }

    fn has_keys(&self, text: &[u8], tokens: &Tokens) -> bool {
        let mut differ = 0u128;
        for key in &self.keys {
            let start = tokens.start(key.token);
            let rest = text.get(start..).unwrap_or(&[]);
            if key.len <= 16
                && let Some(word) = rest.first_chunk::<16>()
            {
                differ |= (u128::from_le_bytes(*word) ^ key.word) & key.mask;
            } else if !rest.starts_with(self.key_text(key)) {
                return false;
            }
        }
        differ == 0
    }

    fn key_text(&self, key: &Key) -> &[u8] {
        self.key_text.get(key.at as usize..(key.at + key.len) as usize).unwrap_or(&[])
    }

    /// Tokens of the numbers and literals.
    pub(crate) fn scalars(&self) -> &[u32] {
        &self.scalars
    }

    /// The token behind the value that starts at `token`.
    #[inline]
    pub(crate) fn end(&self, token: u32) -> u32 {
        self.ends.get(token as usize).copied().unwrap_or(token)
    }

    /// Whether the keys of all objects within the value that starts at `token` are sorted.
    #[inline]
    pub(crate) fn is_ordered(&self, token: u32) -> bool {
        self.ordered.get(token as usize).copied().unwrap_or(false)
    }

    /// The value that a path leads to.
    #[inline]
    pub(crate) fn slot(&self, slot: usize) -> Option<Place> {
        self.slots.get(slot).copied().flatten()
    }

    /// Where the value is that starts at `token`.
    #[inline]
    pub(crate) fn place(&self, token: u32) -> Place {
        Place { token, end: self.end(token), kind: self.kind(token) }
    }

    /// The kind of a token.
    #[inline]
    pub(crate) fn kind(&self, token: u32) -> u8 {
        self.kinds.get(token as usize).copied().unwrap_or(kind::INVALID)
    }

    /// Becomes the shape of the text with these tokens.
    pub(crate) fn learn(
        &mut self,
        text: &[u8],
        tokens: &Tokens,
        paths: &Paths,
        id: ShapeId,
    ) -> Result<(), Malformed> {
        if self.kinds.capacity() > RETAINED_TOKENS_MAX {
            *self = Shape::default();
        }
        self.id = ShapeId::NONE; // until the text proves to be well-formed
        let count = tokens.kinds().len();
        self.kinds.clear();
        self.kinds.extend_from_slice(tokens.kinds());
        self.keys.clear();
        self.key_text.clear();
        self.scalars.clear();
        self.ends.clear();
        self.ends.resize(count, 0);
        self.ordered.clear();
        self.ordered.resize(count, true);
        self.walk(text, tokens)?;
        let mut slots = std::mem::take(&mut self.slots);
        slots.clear();
        let place = |token| self.place(token);
        slots.extend(paths.iter().map(|path| self.resolve(text, tokens, path).map(place)));
        self.slots = slots;
        self.id = id;
        Ok(())
    }

    /// Checks the grammar and notes what there is.
    fn walk(&mut self, text: &[u8], tokens: &Tokens) -> Result<(), Malformed> {
        let mut open: Vec<Open> = Vec::new();
        let mut state = State::Value;
        for (i, &kind) in tokens.kinds().iter().enumerate() {
            if i > 0 && open.is_empty() {
                return Err(Malformed); // something follows the document
            }
            let token = i as u32;
            let in_object = open.last().is_some_and(|top| self.kind(top.token) == kind::OBJECT);
            state = match (state, kind) {
                (State::Value | State::FirstElement, kind::STRING) => {
                    self.ends[i] = token + 1;
                    State::AfterValue
                }
                (State::Value | State::FirstElement, kind::SCALAR) => {
                    self.ends[i] = token + 1;
                    self.scalars.push(token);
                    State::AfterValue
                }
                (State::Value | State::FirstElement, kind::OBJECT | kind::ARRAY) => {
                    if open.len() >= DEPTH_MAX {
                        return Err(Malformed);
                    }
                    open.push(Open { token, last_key: None, ordered: true });
                    if kind == kind::OBJECT { State::FirstKey } else { State::FirstElement }
                }
                (State::FirstKey | State::Key, kind::STRING) => {
                    self.push_key(text, tokens, token, open.last_mut());
                    State::Colon
                }
                (State::Colon, kind::COLON) => State::Value,
                (State::AfterValue, kind::COMMA) if in_object => State::Key,
                (State::AfterValue, kind::COMMA) => State::Value,
                (State::FirstKey | State::AfterValue, kind::OBJECT_END) if in_object => {
                    self.close(&mut open, token)
                }
                (State::FirstElement | State::AfterValue, kind::ARRAY_END) if !in_object => {
                    self.close(&mut open, token)
                }
                _ => return Err(Malformed),
            };
        }
        if open.is_empty() && state == State::AfterValue { Ok(()) } else { Err(Malformed) }
    }

    fn close(&mut self, open: &mut Vec<Open>, token: u32) -> State {
        if let Some(closed) = open.pop() {
            self.ends[closed.token as usize] = token + 1;
            self.ordered[closed.token as usize] = closed.ordered;
            if let Some(parent) = open.last_mut() {
                parent.ordered &= closed.ordered;
            }
        }
        State::AfterValue
    }

    fn push_key(&mut self, text: &[u8], tokens: &Tokens, token: u32, object: Option<&mut Open>) {
        let quoted = token_text(text, tokens, token);
        let mut start = [0; 16];
        for (to, from) in start.iter_mut().zip(quoted) {
            *to = *from;
        }
        let key = Key {
            token,
            at: self.key_text.len() as u32,
            len: quoted.len() as u32,
            word: u128::from_le_bytes(start),
            mask: if quoted.len() < 16 { (1 << (8 * quoted.len())) - 1 } else { u128::MAX },
        };
        self.key_text.extend_from_slice(quoted);
        if let Some(object) = object {
            let last = object.last_key.and_then(|i| self.keys.get(i)).map(|key| self.key_text(key));
            // Escapes and invalid UTF-8 make the order that of what the texts stand for.
            let special = tokens.traits.escapes || tokens.traits.non_ascii;
            object.ordered &= last.is_none_or(|last| match (inside(last), inside(quoted)) {
                (last, this) if special => decoded(last) < decoded(this),
                (last, this) => last < this,
            });
            object.last_key = Some(self.keys.len());
        }
        self.keys.push(key);
    }

    /// The first token of the value that `path` leads to. Of equal keys the last counts. A segment
    /// on an array is an index.
    pub(crate) fn resolve(&self, text: &[u8], tokens: &Tokens, path: &[Vec<u8>]) -> Option<u32> {
        let mut value = 0;
        for segment in path {
            value = match self.kind(value) {
                kind::OBJECT => self.member(text, tokens, value, segment)?,
                kind::ARRAY => {
                    let digits = std::str::from_utf8(segment).ok()?;
                    let plain = digits.bytes().all(|c| c.is_ascii_digit());
                    let index: usize = digits.parse().ok().filter(|_| plain)?;
                    self.children(value).nth(index)?.1
                }
                _ => return None,
            };
        }
        Some(value)
    }

    fn member(&self, text: &[u8], tokens: &Tokens, object: u32, name: &[u8]) -> Option<u32> {
        let is_name = |key: u32| {
            let inside = inside(token_text(text, tokens, key));
            inside == name
                || ((tokens.traits.escapes || tokens.traits.non_ascii) && *decoded(inside) == *name)
        };
        self.children(object).filter(|&(key, _)| is_name(key)).last().map(|(_, value)| value)
    }

    /// The members of an object as (key token, value token), or the elements of an array with
    /// both the same.
    pub(crate) fn children(&self, container: u32) -> Children<'_> {
        let in_object = self.kind(container) == kind::OBJECT;
        let is_container = in_object || self.kind(container) == kind::ARRAY;
        let last = self.end(container).saturating_sub(1);
        let next = if is_container { container + 1 } else { last };
        Children { shape: self, next, last, in_object }
    }
}

/// See [`Shape::children`].
pub(crate) struct Children<'s> {
    shape: &'s Shape,
    next: u32,
    /// The bracket that closes the container.
    last: u32,
    in_object: bool,
}

impl Iterator for Children<'_> {
    type Item = (u32, u32);

    fn next(&mut self) -> Option<(u32, u32)> {
        if self.next >= self.last {
            return None;
        }
        let first = self.next;
        let value = if self.in_object { first + 2 } else { first };
        self.next = self.shape.end(value) + 1; // over the comma, or past the end
        Some((first, value))
    }
}

/// The text of a token, without the white space behind it.
#[inline]
pub(crate) fn token_text<'t>(text: &'t [u8], tokens: &Tokens, token: u32) -> &'t [u8] {
    tokens_text(text, tokens, token, token + 1)
}

/// The text from a token up to another, without the white space in front of that.
#[inline]
pub(crate) fn tokens_text<'t>(text: &'t [u8], tokens: &Tokens, first: u32, end: u32) -> &'t [u8] {
    let bytes = text.get(tokens.start(first)..tokens.start(end)).unwrap_or(&[]);
    if tokens.traits.spaces { trim_end(bytes) } else { bytes }
}

/// Without the white space of JSON at the end, of which Rust's idea differs.
#[inline]
fn trim_end(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    while let [before @ .., b' ' | b'\t' | b'\n' | b'\r'] = rest {
        rest = before;
    }
    rest
}

/// A string token without its quotes.
#[inline]
pub(crate) fn inside(quoted: &[u8]) -> &[u8] {
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or(&[])
}
