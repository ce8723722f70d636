//! `.qsp.split`: one stream for several operators.

use super::build::{Def, Kind, Node, maker};
use super::stage::{Output, Stage};
use crate::error::Result;
use crate::session::Session;
use crate::verbs::Verb;
use formats::k::K;

static SPLIT: Def = Def { name: "split", kind: Kind::Operator, params: &[], required: 0 };

/// Hands everything on; also what a union does.
pub(super) struct Pass;

impl Stage for Pass {
    fn batch(
        &mut self,
        _: &mut Session,
        _: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        out.push((metadata, data));
        Ok(())
    }
}

fn split(cx: &mut Session, args: Vec<K>) -> Result {
    cx.operator(&SPLIT, args)
}

pub(super) const VERBS: &[Verb] = &[maker(".qsp.split", 2, split)];
