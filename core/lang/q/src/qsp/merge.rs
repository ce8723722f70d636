//! `.qsp.merge`: two streams joined by a function.

#[cfg(test)]
mod tests;

use super::build::{Def, Kind, Node, maker};
use super::kept::{self, Parts};
use super::stage::{Output, handle};
use crate::error::{QError, Result, rank_error};
use crate::session::Session;
use crate::verbs::{Verb, join};
use formats::k::{K, Sym, Type};

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

/// What a side held before data came, for the case that the data is refused.
enum Before {
    Whole(Option<K>),
    /// So many items of what it holds now. A copy would keep the rest from growing in place.
    Cut(usize),
}

impl Before {
    fn of(held: Option<&K>, data: &K, concat: bool) -> Self {
        match held {
            Some(held) if concat && grows(held, data) => Self::Cut(held.len()),
            held => Self::Whole(held.cloned()),
        }
    }

    fn back(self, held: Option<K>) -> Option<K> {
        match self {
            Self::Whole(before) => before,
            Self::Cut(count) => held.map(|held| held.slice(0, count)),
        }
    }
}

/// Whether data is put after what is held so that its beginning is what was there before.
fn grows(held: &K, data: &K) -> bool {
    match (held, data) {
        (K::Vec(v), K::Vec(w)) => v.ty == w.ty && v.ty != Type::List,
        (K::Table(t), K::Table(u)) => {
            let grows = |(name, column)| u.column(name).is_some_and(|other| grows(column, other));
            t.names.len() == u.names.len() && t.iter().all(grows)
        }
        _ => false,
    }
}

impl Merge {
    /// Takes data of the left (0) or right (1) side. The function gets what both sides hold, once
    /// what `trigger` names is there; then what `flush` names is forgotten. Where something fails
    /// both sides hold what they held before.
    pub(crate) fn side(
        &mut self,
        cx: &mut Session,
        node: &Node,
        port: usize,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let (flush_left, flush_right) = side(node, "flush", "left")?;
        let concat = node.flag("concat")?;
        let trigger = node.option("trigger").and_then(K::as_sym).map_or("both", |s| s.as_str());
        let other = if port == 0 { &self.right } else { &self.left };
        let ready = match trigger {
            "both" => other.is_some(),
            "immediate" => true,
            "left" => port == 0,
            "right" => port == 1,
            other => return Err(QError::new(format!("trigger: {other}"))),
        };
        let before = Before::of(self.slot(port).as_ref(), &data, concat);
        let made = self.put(cx, port, data, concat).and_then(|()| {
            let f = node.func.as_ref().filter(|_| ready);
            f.map(|f| cx.apply(f, &self.arguments(node, &metadata)?)).transpose()
        });
        match made {
            Ok(None) => Ok(()),
            Ok(Some(joined)) => {
                if flush_left {
                    self.left = None;
                }
                if flush_right {
                    self.right = None;
                }
                out.push((metadata, joined));
                Ok(())
            }
            Err(error) => {
                let slot = self.slot(port);
                *slot = before.back(slot.take());
                Err(error)
            }
        }
    }

    /// What both sides hold.
    pub(crate) fn state(&self) -> K {
        K::list([&self.left, &self.right].map(|side| kept::held(side.as_ref())).to_vec())
    }

    /// Goes on from what [`Merge::state`] gave.
    pub(crate) fn resume(&mut self, state: &K) -> Result<()> {
        let mut parts = Parts::of(state);
        (self.left, self.right) = (parts.held()?, parts.held()?);
        Ok(())
    }

    /// What the function gets: both sides, after the operator and the metadata where there is a
    /// state, or what `params` name, of which `data` is both sides.
    fn arguments(&self, node: &Node, metadata: &K) -> Result<Vec<K>> {
        let given = match node.option("params") {
            Some(k) => super::transform::names(k)?,
            None if node.option("state").is_some() => {
                ["operator", "metadata", "data"].map(Sym::new).to_vec()
            }
            None => vec![Sym::new("data")],
        };
        let held = |k: &Option<K>| k.clone().unwrap_or_default();
        let mut args = Vec::with_capacity(given.len() + 1);
        for name in given {
            match name.as_str() {
                "operator" => args.push(handle(node)),
                "metadata" => args.push(metadata.clone()),
                "left" => args.push(held(&self.left)),
                "right" => args.push(held(&self.right)),
                "data" => args.extend([held(&self.left), held(&self.right)]),
                other => return Err(QError::new(format!("params: {other}"))),
            }
        }
        Ok(args)
    }

    fn slot(&mut self, port: usize) -> &mut Option<K> {
        if port == 0 { &mut self.left } else { &mut self.right }
    }

    fn put(&mut self, cx: &mut Session, port: usize, data: K, concat: bool) -> Result<()> {
        let slot = self.slot(port);
        *slot = Some(match slot.take() {
            Some(before) if concat => join::join(cx, before, data)?,
            _ => data,
        });
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
