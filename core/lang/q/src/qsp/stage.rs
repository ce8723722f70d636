//! What an operator does with data on a shard.

use super::build::Node;
use super::kept::foreign;
use crate::error::Result;
use crate::session::Session;
use formats::k::{K, Sym};

/// Pieces of data with their metadata, in order.
pub(crate) type Output = Vec<(K, K)>;

/// A running operator.
pub(crate) trait Stage {
    /// Takes data and appends what becomes of it.
    ///
    /// # Errors
    /// What the user's function signals. The operator is then as it was before, but for what it has
    /// appended.
    fn batch(
        &mut self,
        cx: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()>;

    /// Takes values that came together and have no metadata: as many of the first of them as it can
    /// take at once so that nobody can tell, and of which nothing is handed on.
    fn values(&mut self, cx: &mut Session, node: &Node, values: &[K]) -> usize {
        let _ = (cx, node, values);
        0
    }

    /// No more data comes: appends what is held back.
    ///
    /// # Errors
    /// What the user's function signals.
    fn finish(&mut self, cx: &mut Session, node: &Node, out: &mut Output) -> Result<()> {
        let _ = (cx, node, out);
        Ok(())
    }

    /// Whether it takes windows in pieces.
    fn takes_pieces(&self) -> bool {
        false
    }

    /// What comes behind it takes windows in pieces, and nobody else sees them.
    fn give_pieces(&mut self) {}

    /// Nanoseconds of the clock at which [`Stage::tick`] wants to be called.
    fn due(&self) -> Option<i64> {
        None
    }

    /// The time of [`Stage::due`] has come.
    ///
    /// # Errors
    /// What the user's function signals.
    fn tick(&mut self, cx: &mut Session, node: &Node, now: i64, out: &mut Output) -> Result<()> {
        let _ = (cx, node, now, out);
        Ok(())
    }

    /// What it remembers between two batches, for [`Stage::resume`]; `None` when that is nothing,
    /// whatever it has seen.
    fn state(&self) -> Option<K> {
        None
    }

    /// What it holds between two batches: values, and bytes besides.
    fn held(&self) -> (Vec<K>, usize) {
        (self.state().into_iter().collect(), 0)
    }

    /// Goes on from what [`Stage::state`] gave. It has seen nothing so far.
    ///
    /// # Errors
    /// It is no state of this operator.
    fn resume(&mut self, state: K) -> Result<()> {
        let _ = state;
        Err(foreign())
    }
}

/// An operator whose state is small: where a batch fails half-way, it is put back as it was.
pub(super) struct Whole<S>(pub(super) S);

impl<S: Stage + Clone> Stage for Whole<S> {
    fn batch(
        &mut self,
        cx: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let before = self.0.clone();
        let done = self.0.batch(cx, node, metadata, data, out);
        if done.is_err() {
            self.0 = before;
        }
        done
    }

    fn state(&self) -> Option<K> {
        self.0.state()
    }

    fn resume(&mut self, state: K) -> Result<()> {
        self.0.resume(state)
    }

    fn finish(&mut self, cx: &mut Session, node: &Node, out: &mut Output) -> Result<()> {
        self.0.finish(cx, node, out)
    }

    fn due(&self) -> Option<i64> {
        self.0.due()
    }

    fn tick(&mut self, cx: &mut Session, node: &Node, now: i64, out: &mut Output) -> Result<()> {
        self.0.tick(cx, node, now, out)
    }
}

/// The dictionary that stands for an operator in calls of the user's function.
pub(crate) fn handle(node: &Node) -> K {
    let names = ["id", "name", "type"].map(Sym::new).to_vec();
    let values = vec![K::long(node.id as i64), K::sym(node.name.as_str()), K::sym(node.op)];
    K::dict(K::syms(names), K::list(values))
}

/// Whether the user's function is called with the data alone.
pub(super) fn calls_with_data(node: &Node) -> bool {
    !node.options.iter().any(|(name, _)| name == "params" || name == "state")
}

/// Calls the user's function with what its `params` ask for, in that order.
///
/// # Errors
/// What the function signals, or `params` that there are not.
pub(super) fn call(cx: &mut Session, node: &Node, all: bool, metadata: &K, data: K) -> Result {
    let Some(f) = &node.func else { return Ok(data) };
    if !all && calls_with_data(node) {
        return cx.apply_to(f, vec![data]);
    }
    let wanted: Vec<Sym> = match node.option("params") {
        Some(k) => match (k.as_sym(), k.as_syms()) {
            // The metadata alone implies the data after it.
            (Some(one), _) if one.as_str() == "metadata" => {
                ["metadata", "data"].map(Sym::new).to_vec()
            }
            (Some(one), _) => vec![one],
            (_, Some(several)) => several.to_vec(),
            _ => return Err(crate::error::QError::new("type: params")),
        },
        None if all || node.option("state").is_some() => {
            ["operator", "metadata", "data"].map(Sym::new).to_vec()
        }
        None => vec![Sym::new("data")],
    };
    let mut args = Vec::with_capacity(wanted.len());
    for name in wanted {
        args.push(match name.as_str() {
            "operator" => handle(node),
            "metadata" => metadata.clone(),
            "data" => data.clone(),
            other => return Err(crate::error::QError::new(format!("params: {other}"))),
        });
    }
    cx.apply_to(f, args)
}
