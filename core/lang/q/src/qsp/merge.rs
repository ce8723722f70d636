//! `.qsp.merge`: two streams joined by a function.

use super::build::{Def, Kind, Node, maker};
use super::stage::Output;
use crate::error::{QError, Result, rank_error};
use crate::session::Session;
use crate::verbs::{Verb, join};
use formats::k::K;

static MERGE: Def =
    Def { name: "merge", kind: Kind::Operator, params: &["stream", "fn"], required: 2 };

/// What both sides have sent and not yet given to the function.
#[derive(Default)]
pub(crate) struct Merge {
    left: Option<K>,
    right: Option<K>,
}

fn side(node: &Node, name: &str, default: &str) -> Result<(bool, bool)> {
    let text = node.option(name).and_then(K::as_sym).map_or(default, |s| s.as_str());
    match text {
        "left" => Ok((true, false)),
        "right" => Ok((false, true)),
        "both" | "immediate" => Ok((true, true)),
        "none" => Ok((false, false)),
        other => Err(QError::new(format!("{name}: {other}"))),
    }
}

impl Merge {
    /// Takes data of the left (0) or right (1) side. The function gets what both sides hold, once
    /// what `trigger` names is there; then what `flush` names is forgotten.
    pub(crate) fn side(
        &mut self,
        cx: &mut Session,
        node: &Node,
        port: usize,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let slot = if port == 0 { &mut self.left } else { &mut self.right };
        let concat = node.flag("concat")?;
        *slot = Some(match slot.take() {
            Some(before) if concat => join::join(cx, before, data)?,
            _ => data,
        });
        let trigger = node.option("trigger").and_then(K::as_sym).map_or("both", |s| s.as_str());
        let ready = match trigger {
            "both" => self.left.is_some() && self.right.is_some(),
            "immediate" => true,
            "left" => port == 0,
            "right" => port == 1,
            other => return Err(QError::new(format!("trigger: {other}"))),
        };
        if !ready {
            return Ok(());
        }
        let f = node.func.clone().unwrap_or_default();
        let held = |k: &Option<K>| k.clone().unwrap_or_default();
        let joined = cx.apply(&f, &[held(&self.left), held(&self.right)])?;
        let (left, right) = side(node, "flush", "left")?;
        if left {
            self.left = None;
        }
        if right {
            self.right = None;
        }
        out.push((metadata, joined));
        Ok(())
    }
}

fn merge(cx: &mut Session, args: Vec<K>) -> Result {
    let stream = args.first().ok_or_else(rank_error)?;
    let other = Session::pipe(stream)?;
    let made = cx.operator(&MERGE, args)?;
    let node = Session::pipe(&made)?.first;
    cx.connect(other.last, node)?;
    Ok(made)
}

pub(super) const VERBS: &[Verb] = &[maker(".qsp.merge", 3, merge)];
