//! `.qsp.map`: a function of each batch.

use super::build::{Def, Kind, Node, maker};
use super::pieces;
use super::stage::{Output, Stage, call};
use crate::error::Result;
use crate::session::Session;
use crate::sql::Pieced;
use crate::verbs::Verb;
use formats::k::K;

static MAP: Def = Def { name: "map", kind: Kind::Operator, params: &["fn"], required: 1 };

/// What the function gives flows on.
pub(super) struct Map {
    /// What the function is, if it takes windows in pieces.
    query: Option<Pieced>,
}

impl Map {
    pub(super) fn new(node: &Node) -> Self {
        Self { query: pieces::query(node) }
    }
}

impl Stage for Map {
    fn batch(
        &mut self,
        cx: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let data = match pieces::result(cx, self.query.as_ref(), &data) {
            Some(result) => result,
            None => {
                let data = pieces::whole(cx, data)?;
                call(cx, node, false, &metadata, data)?
            }
        };
        out.push((metadata, data));
        Ok(())
    }

    fn takes_pieces(&self) -> bool {
        self.query.is_some()
    }
}

fn map(cx: &mut Session, args: Vec<K>) -> Result {
    cx.operator(&MAP, args)
}

pub(super) const VERBS: &[Verb] = &[maker(".qsp.map", 2, map)];
