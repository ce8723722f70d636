//! Functions as values: opaque, but printable and fit for the wire.

use super::K;
use std::any::Any;
use std::borrow::Cow;
use std::fmt;

/// A function value. Whoever made it finds its own type again by [`Function::as_any`].
pub trait Function: fmt::Debug + Send + Sync {
    /// The type code, 100 to 112 (spec/kdb-ipc.md §3).
    fn code(&self) -> i8;
    /// The text of a lambda or the name of a primitive.
    fn source(&self) -> Cow<'_, [u8]>;
    /// The namespace of a lambda, without its dot; usually empty.
    fn context(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(b"")
    }
    /// The number of a primitive or iterator on the wire; `None` when it has no such number.
    fn index(&self) -> Option<u8> {
        None
    }
    /// The parts of a projection, composition or derived function.
    fn items(&self) -> Vec<K> {
        Vec::new()
    }
    /// Gives the parts away before the function is dropped, see [`super::unwind`].
    fn take_items(&mut self) -> Vec<K> {
        Vec::new()
    }
    /// About how many bytes it takes besides its parts and what it shares.
    fn bytes(&self) -> usize {
        FUNCTION_BYTES + self.source().len()
    }
    /// The address and the bytes of what it shares with other functions.
    fn shared(&self) -> Option<(usize, usize)> {
        None
    }
    /// The value itself, to be recognised by its maker.
    fn as_any(&self) -> &dyn Any;
}

/// Bytes that any function takes.
const FUNCTION_BYTES: usize = 128;

/// A function that came over the wire and that nothing here has compiled.
#[derive(Clone, Debug, PartialEq)]
pub struct Foreign {
    /// The type code, 100 to 112.
    pub code: i8,
    /// The number of a primitive or iterator.
    pub index: u8,
    /// The namespace of a lambda.
    pub context: Vec<u8>,
    /// The text of a lambda.
    pub source: Vec<u8>,
    /// The parts of a projection, composition or derived function.
    pub items: Vec<K>,
}

impl Function for Foreign {
    fn code(&self) -> i8 {
        self.code
    }
    fn source(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.source)
    }
    fn context(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.context)
    }
    fn index(&self) -> Option<u8> {
        Some(self.index)
    }
    fn items(&self) -> Vec<K> {
        self.items.clone()
    }
    fn take_items(&mut self) -> Vec<K> {
        std::mem::take(&mut self.items)
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        super::unwind(std::mem::take(&mut self.items));
    }
}
