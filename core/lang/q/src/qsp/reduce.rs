//! `.qsp.reduce`: one value for each window.

use super::build::{Def, Kind, Node, maker};
use super::stage::{Output, Stage};
use crate::error::Result;
use crate::session::Session;
use crate::verbs::Verb;
use formats::k::K;

static REDUCE: Def =
    Def { name: "reduce", kind: Kind::Operator, params: &["fn", "initial", "output"], required: 2 };

/// Windows hand on whole windows, so that each batch is one window.
pub(super) struct Reduce;

impl Stage for Reduce {
    fn batch(
        &mut self,
        cx: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let initial = node.option("initial").cloned().unwrap_or_default();
        let f = node.func.clone().unwrap_or_default();
        let value = cx.apply(&f, &[metadata.clone(), data, initial])?;
        let shown = match node.option("output") {
            Some(output) => cx.apply(output, &[value])?,
            None => value,
        };
        out.push((metadata, shown));
        Ok(())
    }
}

fn reduce(cx: &mut Session, args: Vec<K>) -> Result {
    cx.operator(&REDUCE, args)
}

pub(super) const VERBS: &[Verb] = &[maker(".qsp.reduce", 4, reduce)];
