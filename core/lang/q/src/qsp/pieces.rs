//! The records of a window on their way to a function that takes them in pieces: what it computes
//! of them needs no copy that has them end to end.

use super::build::Node;
use super::window::concat;
use crate::error::Result;
use crate::session::Session;
use crate::sql::{Pieced, same_columns};
use formats::k::{Function, K, Table};
use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

/// Tables that belong together, in order. Only what has said that it takes pieces sees one.
#[derive(Clone, Debug)]
pub(crate) struct Pieces(Vec<K>);

impl Function for Pieces {
    fn code(&self) -> i8 {
        112
    }
    fn source(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(b"pieces")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn tables(pieces: &[K]) -> Option<Vec<&Table>> {
    fn table(piece: &K) -> Option<&Table> {
        match piece {
            K::Table(table) => Some(table.as_ref()),
            _ => None,
        }
    }
    pieces.iter().map(table).collect()
}

impl Pieces {
    /// Records in pieces as a value, if they are tables with the same columns.
    pub(crate) fn join(pieces: Vec<K>) -> Option<K> {
        let same = tables(&pieces).is_some_and(|tables| same_columns(&tables));
        same.then(|| K::Func(Arc::new(Self(pieces))))
    }

    fn of(data: &K) -> Option<&Self> {
        match data {
            K::Func(f) => f.as_any().downcast_ref(),
            _ => None,
        }
    }
}

/// Data as everybody takes it.
pub(super) fn whole(cx: &mut Session, data: K) -> Result {
    match Pieces::of(&data) {
        Some(Pieces(pieces)) => Ok(concat(cx, pieces.clone(), false)?.unwrap_or_default()),
        None => Ok(data),
    }
}

/// The query that an operator's function is, if it is one that takes pieces.
pub(super) fn query(node: &Node) -> Option<Pieced> {
    let plain = |(name, _): &(String, K)| name != "params" && name != "state";
    node.func.as_ref().filter(|_| node.options.iter().all(plain)).and_then(Pieced::of)
}

/// The result of such a query, if data is in pieces and needs not be put together for it.
pub(super) fn result(cx: &mut Session, query: Option<&Pieced>, data: &K) -> Option<K> {
    let Pieces(pieces) = Pieces::of(data)?;
    query?.run(cx, &tables(pieces)?)
}
