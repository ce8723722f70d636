//! Reading records in place: one validating pass over the text, then fields by number.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};

use super::canonical::{self, Escapes};
use super::error::JsonError;
use super::parse::{parse_prefix, trailing};
use super::path::{PathId, Paths};
use super::program::Program;
use super::reader::{Visit, document_len};
use super::shape::{Children, Place, SHAPES_MAX, Shape, ShapeId, inside, token_text, tokens_text};
use super::tokens::{Tokens, kind};
use super::tree;
use crate::number::is_json_number;
use crate::value::Value;

/// Reads the records of one stream. It remembers the shapes of the last few, so that a record like
/// one before it costs no more than the search for its tokens. Nothing is allocated per record
/// once the buffers have grown to the records' size.
pub struct Reader {
    /// Number that no other reader has.
    id: u64,
    paths: Paths,
    tokens: Tokens,
    shapes: Vec<Shape>,
    /// The shape that matched last.
    current: usize,
    /// Shapes learned so far.
    learned: u64,
    /// Records in a row whose shape was learned.
    new_shapes: u32,
}

impl Reader {
    /// A reader that answers for these paths without a search.
    #[must_use]
    pub fn new(paths: Paths) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Reader {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            paths,
            tokens: Tokens::default(),
            shapes: Vec::new(),
            current: 0,
            learned: 0,
            new_shapes: 0,
        }
    }

    /// Reads one record, which must be one valid document.
    ///
    /// # Errors
    /// As [`super::parse`] does.
    #[inline]
    pub fn read<'a>(&'a mut self, text: &'a [u8]) -> Result<Doc<'a>, JsonError> {
        self.tokens.scan(text);
        match self.accept(text) {
            Some(clean) => Ok(Doc { text, tokens: &self.tokens, shape: self.shape()?, clean }),
            None => Err(refusal(text)),
        }
    }

    /// Visits one record without its shape, for records that hardly ever have the shape of one
    /// before them. Whether it is one valid document; if not, only a part of it was visited.
    pub fn visit<'t>(&mut self, text: &'t [u8], visit: &mut impl Visit<'t>) -> bool {
        self.tokens.scan(text);
        tree::whole(text, &self.tokens, visit)
    }

    /// How many records in a row had a shape that was not remembered.
    #[must_use]
    pub fn new_shapes(&self) -> u32 {
        self.new_shapes
    }

    fn shape(&self) -> Result<&Shape, JsonError> {
        self.shapes.get(self.current).ok_or(JsonError::Eof)
    }

    /// Whether everything but the order of keys is canonical, if the text is valid at all.
    #[inline]
    fn accept(&mut self, text: &[u8]) -> Option<bool> {
        let traits = self.tokens.traits;
        if traits.broken {
            return None;
        }
        let mut clean = !traits.spaces;
        if traits.escapes {
            match canonical::escapes(text) {
                Escapes::Invalid => return None,
                Escapes::Other => clean = false,
                Escapes::Canonical => {}
            }
        }
        if traits.non_ascii && !canonical::is_canonical_utf8(text) {
            clean = false;
        }
        self.find_shape(text)?;
        let shape = self.shapes.get(self.current)?;
        let valid = |&token: &u32| is_scalar(token_text(text, &self.tokens, token));
        shape.scalars().iter().all(valid).then_some(clean)
    }

    /// Makes the text's shape the current one.
    #[inline]
    fn find_shape(&mut self, text: &[u8]) -> Option<()> {
        let fits = |shape: &Shape| shape.id != ShapeId::NONE && shape.matches(text, &self.tokens);
        if self.shapes.get(self.current).is_some_and(fits) {
            self.new_shapes = 0;
            return Some(());
        }
        if let Some(at) = self.shapes.iter().position(fits) {
            self.current = at;
            self.new_shapes = 0;
            return Some(());
        }
        self.new_shapes = self.new_shapes.saturating_add(1);
        self.learn(text)
    }

    #[cold]
    fn learn(&mut self, text: &[u8]) -> Option<()> {
        let known = self.shapes.len();
        let at = if known < SHAPES_MAX {
            self.shapes.push(Shape::default());
            known
        } else {
            (self.current + SHAPES_MAX - 1) % SHAPES_MAX // the longest unused, or nearly so
        };
        let id = ShapeId(self.id, self.learned + 1);
        self.shapes.get_mut(at)?.learn(text, &self.tokens, &self.paths, id).ok()?;
        self.learned += 1;
        self.current = at;
        Some(())
    }
}

/// Why a text that the index refused is no document.
#[cold]
fn refusal(text: &[u8]) -> JsonError {
    match document_len(text) {
        Ok(len) => {
            let error = trailing(text.get(len..).unwrap_or(&[]));
            debug_assert!(error.is_some(), "the index refused a valid document");
            error.unwrap_or(JsonError::UnexpectedEof)
        }
        Err(error) => error,
    }
}

/// Whether a text is a number or a literal.
#[inline]
pub(crate) fn is_scalar(text: &[u8]) -> bool {
    match text.first() {
        Some(b't') => text == b"true",
        Some(b'f') => text == b"false",
        Some(b'n') => text == b"null",
        _ => is_json_number(text),
    }
}

/// What a value in a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawKind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// What a value is whose first token is of a kind and begins with a byte.
#[inline]
fn kind_of(kind: u8, first: Option<&u8>) -> RawKind {
    match (kind, first) {
        (kind::OBJECT, _) => RawKind::Object,
        (kind::ARRAY, _) => RawKind::Array,
        (kind::STRING, _) => RawKind::String,
        (_, Some(b't' | b'f')) => RawKind::Bool,
        (_, Some(b'n')) => RawKind::Null,
        _ => RawKind::Number,
    }
}

/// A value in the text of a record.
#[derive(Clone, Copy, Debug)]
pub struct RawValue<'a> {
    /// What it is.
    pub kind: RawKind,
    /// Its whole text: a string with its quotes, a container with its brackets.
    pub text: &'a [u8],
    pub(crate) token: u32,
}

impl<'a> RawValue<'a> {
    /// The bytes of a string, escapes resolved. `None` for another kind.
    #[must_use]
    pub fn string(&self) -> Option<Cow<'a, [u8]>> {
        (self.kind == RawKind::String).then(|| canonical::decoded(inside(self.text)))
    }

    /// The value as a document of its own.
    #[must_use]
    pub fn to_value(&self) -> Value {
        // The text was found valid when the record was read.
        parse_prefix(self.text).map(|(value, _)| value).unwrap_or_default()
    }
}

/// One record that was read.
#[derive(Clone, Copy)]
pub struct Doc<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) tokens: &'a Tokens,
    pub(crate) shape: &'a Shape,
    /// Whether only the order of keys can keep the text from being canonical.
    pub(crate) clean: bool,
}

impl<'a> Doc<'a> {
    /// The text of the record.
    #[must_use]
    pub fn text(&self) -> &'a [u8] {
        self.text
    }

    /// The whole document.
    #[must_use]
    pub fn root(&self) -> RawValue<'a> {
        self.value(0)
    }

    /// The value that one of the reader's paths leads to.
    #[inline]
    #[must_use]
    pub fn get(&self, path: PathId) -> Option<RawValue<'a>> {
        self.shape.slot(path.0 as usize).map(|place| self.at(place))
    }

    /// The bytes of a string of the record, escapes resolved.
    #[inline]
    #[must_use]
    pub fn string(&self, value: &RawValue<'a>) -> Cow<'a, [u8]> {
        let traits = self.tokens.traits;
        match traits.escapes || traits.non_ascii {
            true => canonical::decoded(inside(value.text)),
            false => Cow::Borrowed(inside(value.text)),
        }
    }

    /// The value that any path leads to, searched for. Of equal keys the last one counts.
    #[must_use]
    pub fn find<S: AsRef<[u8]>>(&self, segments: &[S]) -> Option<RawValue<'a>> {
        let path: Vec<Vec<u8>> = segments.iter().map(|s| s.as_ref().to_vec()).collect();
        self.shape.resolve(self.text, self.tokens, &path).map(|token| self.value(token))
    }

    /// The members of an object in the order of the text, repeated keys included.
    #[must_use]
    pub fn members(&self, object: &RawValue<'a>) -> Members<'a> {
        let is_object = object.kind == RawKind::Object;
        Members { doc: *self, children: is_object.then(|| self.shape.children(object.token)) }
    }

    /// The elements of an array.
    pub fn elements(&self, array: &RawValue<'a>) -> impl Iterator<Item = RawValue<'a>> {
        let doc = *self;
        let is_array = array.kind == RawKind::Array;
        let children = is_array.then(|| self.shape.children(array.token));
        children.into_iter().flatten().map(move |(_, value)| doc.value(value))
    }

    /// Whether the record is what [`Doc::write_canonical`] would write.
    #[must_use]
    pub fn is_canonical(&self) -> bool {
        self.clean && self.shape.is_ordered(0)
    }

    /// Whether a value of the record is in canonical form.
    #[must_use]
    pub fn is_canonical_value(&self, value: &RawValue<'a>) -> bool {
        self.clean && self.shape.is_ordered(value.token)
    }

    /// Visits a value of the record and all that is in it.
    pub fn visit(&self, value: &RawValue<'a>, visit: &mut impl Visit<'a>) {
        tree::visit(self.text, self.tokens, value.token, visit);
    }

    /// A value of the record as a document of its own.
    #[must_use]
    pub fn to_value(&self, value: &RawValue<'a>) -> Value {
        tree::part(self.text, self.tokens, value.token).unwrap_or_default()
    }

    /// Appends the record in canonical form (spec/bloblang.md §8): keys sorted, of equal ones the
    /// last, no white space, escapes normalised, numbers by their text.
    pub fn write_canonical(&self, out: &mut Vec<u8>) {
        self.write_value(&self.root(), out);
    }

    /// Appends a value of the record in canonical form.
    pub fn write_value(&self, value: &RawValue<'a>, out: &mut Vec<u8>) {
        if self.is_canonical_value(value) {
            out.extend_from_slice(value.text);
        } else {
            Program::of_value(self, value.token).write(self, out);
        }
    }

    /// What the whole document is.
    #[inline]
    #[must_use]
    pub fn kind_of_root(&self) -> RawKind {
        kind_of(self.shape.kind(0), self.text.get(self.tokens.start(0)))
    }

    #[inline]
    pub(crate) fn value(&self, token: u32) -> RawValue<'a> {
        self.at(self.shape.place(token))
    }

    #[inline]
    fn at(&self, place: Place) -> RawValue<'a> {
        let text = tokens_text(self.text, self.tokens, place.token, place.end);
        RawValue { kind: kind_of(place.kind, text.first()), text, token: place.token }
    }
}

/// A member of an object in the text.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// The inside of the key, as it stands.
    pub key: &'a [u8],
    /// Whether the key holds escapes.
    pub key_has_escapes: bool,
    /// The value.
    pub value: RawValue<'a>,
}

impl<'a> Member<'a> {
    /// The key, escapes resolved.
    #[must_use]
    pub fn name(&self) -> Cow<'a, [u8]> {
        canonical::decoded(self.key)
    }
}

/// See [`Doc::members`].
pub struct Members<'a> {
    doc: Doc<'a>,
    children: Option<Children<'a>>,
}

impl<'a> Iterator for Members<'a> {
    type Item = Member<'a>;

    fn next(&mut self) -> Option<Member<'a>> {
        let (key, value) = self.children.as_mut()?.next()?;
        let key = inside(token_text(self.doc.text, self.doc.tokens, key));
        let key_has_escapes = self.doc.tokens.traits.escapes && key.contains(&b'\\');
        Some(Member { key, key_has_escapes, value: self.doc.value(value) })
    }
}
