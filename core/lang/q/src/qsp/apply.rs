//! `.qsp.apply`: a function that pushes what it wants to flow on.

use super::build::{Def, Kind, Node, maker};
use super::stage::{Output, Stage, call, handle};
use crate::error::Result;
use crate::session::Session;
use crate::verbs::Verb;
use formats::k::K;

static APPLY: Def = Def { name: "apply", kind: Kind::Operator, params: &["fn"], required: 1 };

/// Nothing flows on by itself.
pub(super) struct Apply;

impl Stage for Apply {
    fn batch(
        &mut self,
        cx: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        cx.qsp.pushed.clear();
        let result = call(cx, node, true, &metadata, data);
        // What was pushed before an error was pushed.
        out.append(&mut cx.qsp.pushed);
        result.map(|_| ())
    }

    fn finish(&mut self, cx: &mut Session, node: &Node, out: &mut Output) -> Result<()> {
        let Some(f) = node.option("onFinish").cloned() else { return Ok(()) };
        cx.qsp.pushed.clear();
        let result = cx.apply(&f, &[handle(node), K::Null]);
        out.append(&mut cx.qsp.pushed);
        result.map(|_| ())
    }
}

fn apply(cx: &mut Session, args: Vec<K>) -> Result {
    cx.operator(&APPLY, args)
}

pub(super) const VERBS: &[Verb] = &[maker(".qsp.apply", 2, apply)];
