//! What stages remember, as values: a list of parts that is read back in the same order.

use crate::error::{QError, Result};
use formats::k::{Data, K, Sym, Vector};
use std::collections::HashMap;

/// Something that may be there, as a list of none or one.
pub(crate) fn held(held: Option<&K>) -> K {
    K::list(held.cloned().into_iter().collect())
}

/// Numbers that may be there.
pub(crate) fn number(number: Option<i64>) -> K {
    held(number.map(K::long).as_ref())
}

/// Values by name, in an order that says nothing.
pub(crate) fn by_name(values: &HashMap<Sym, K>) -> K {
    let entries = values.iter().map(|(n, k)| K::list(vec![K::sym(*n), K::list(vec![k.clone()])]));
    K::list(entries.collect())
}

/// What [`by_name`] has written.
///
/// # Errors
/// It is no such thing.
pub(crate) fn named(state: &K) -> Result<HashMap<Sym, K>> {
    let entry = |k: K| {
        let mut parts = Parts::of(&k);
        let name = parts.next()?.as_sym().ok_or_else(foreign)?;
        Ok((name, parts.held()?.ok_or_else(foreign)?))
    };
    state.items().map(entry).collect()
}

/// The parts of a state, one after the other.
pub(crate) struct Parts(std::vec::IntoIter<K>);

/// The error about a state that this program has not written.
pub(crate) fn foreign() -> QError {
    QError::new("the state is not one of this operator")
}

impl Parts {
    pub(crate) fn of(state: &K) -> Self {
        Parts(state.items().collect::<Vec<_>>().into_iter())
    }

    /// The next part.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn next(&mut self) -> Result {
        self.0.next().ok_or_else(foreign)
    }

    /// The next part, which [`held`] has written.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn held(&mut self) -> Result<Option<K>> {
        Ok(self.next()?.items().next())
    }

    /// The next part, which [`number`] has written.
    ///
    /// # Errors
    /// There is none, or it is no number.
    pub(crate) fn number(&mut self) -> Result<Option<i64>> {
        self.held()?.map(|k| k.as_long().ok_or_else(foreign)).transpose()
    }

    /// The next part, bytes.
    ///
    /// # Errors
    /// There is none, or it is something else.
    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>> {
        match self.next()? {
            K::Vec(Vector { data: Data::U8(bytes), .. }) => Ok(bytes.to_vec()),
            _ => Err(foreign()),
        }
    }

    /// The next part, numbers.
    ///
    /// # Errors
    /// There is none, or it is something else.
    pub(crate) fn longs(&mut self) -> Result<Vec<i64>> {
        self.next()?.as_longs().map(<[i64]>::to_vec).ok_or_else(foreign)
    }

    /// The next part, a number.
    ///
    /// # Errors
    /// There is none, or it is no number.
    pub(crate) fn long(&mut self) -> Result<i64> {
        self.next()?.as_long().ok_or_else(foreign)
    }
}
