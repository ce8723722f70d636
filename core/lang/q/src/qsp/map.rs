//! `.qsp.map`: a function of each batch.

use super::build::{Def, Kind, Node, maker};
use super::stage::{Output, Stage, call};
use crate::error::Result;
use crate::session::Session;
use crate::verbs::Verb;
use formats::k::K;

static MAP: Def = Def { name: "map", kind: Kind::Operator, params: &["fn"], required: 1 };

/// What the function gives flows on.
pub(super) struct Map;

impl Stage for Map {
    fn batch(
        &mut self,
        cx: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let data = call(cx, node, false, &metadata, data)?;
        out.push((metadata, data));
        Ok(())
    }
}

fn map(cx: &mut Session, args: Vec<K>) -> Result {
    cx.operator(&MAP, args)
}

pub(super) const VERBS: &[Verb] = &[maker(".qsp.map", 2, map)];
