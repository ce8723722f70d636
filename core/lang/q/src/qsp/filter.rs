//! `.qsp.filter`: keeps records, or whole batches, for which a function holds.

use super::build::{Def, Kind, Node, maker};
use super::feed::Feed;
use super::stage::{Output, Stage, call, calls_with_data};
use crate::error::{Result, length_error, type_error};
use crate::session::Session;
use crate::verbs::{Verb, where_true};
use formats::k::{K, Type};

static FILTER: Def = Def { name: "filter", kind: Kind::Operator, params: &["fn"], required: 1 };

/// A vector of flags keeps records, an atom the batch; a batch left empty flows on unless
/// `dropEmptyBatches` is set.
pub(super) struct Filter {
    /// What the function does, where it only puts rows into a table.
    feed: Option<Feed>,
}

impl Filter {
    pub(super) fn new(node: &Node) -> Self {
        let func = node.func.as_ref().filter(|_| calls_with_data(node));
        Self { feed: func.and_then(Feed::of) }
    }
}

impl Stage for Filter {
    fn batch(
        &mut self,
        cx: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let flags = call(cx, node, false, &metadata, data.clone())?;
        if flags.is_atom() {
            let kept = crate::eval::truth(&flags)?;
            if kept && !(data.is_empty() && node.flag("dropEmptyBatches")?) {
                out.push((metadata, data));
            }
            return Ok(());
        }
        if flags.ty() != Some(Type::Bool) {
            return Err(type_error());
        }
        if flags.len() != data.len() {
            return Err(length_error());
        }
        let places = where_true(cx, flags)?;
        let kept = data.gather(places.as_longs().unwrap_or_default());
        if !(kept.is_empty() && node.flag("dropEmptyBatches")?) {
            out.push((metadata, kept));
        }
        Ok(())
    }

    fn values(&mut self, cx: &mut Session, _: &Node, values: &[K]) -> usize {
        // Of what fails nothing was done: it fails again when it comes alone.
        self.feed.as_ref().map_or(0, |feed| feed.take(cx, values).unwrap_or(0))
    }
}

fn filter(cx: &mut Session, args: Vec<K>) -> Result {
    cx.operator(&FILTER, args)
}

pub(super) const VERBS: &[Verb] = &[maker(".qsp.filter", 2, filter)];

#[cfg(test)]
mod tests {
    use crate::qsp::testing::Line;

    #[test]
    fn a_batch_without_records_is_dropped_where_that_is_wanted_also_by_an_atom() {
        let empty = "0#([]a:1 2)";
        let mut line = Line::new(".qsp.filter[{[x] 1b}]");
        assert_eq!(line.give(empty).len(), 1);
        let drops = ".qsp.use (!) . flip ((`dropEmptyBatches;1b);(`allowPartials;1b))";
        let mut line = Line::new(&format!(".qsp.filter[{{[x] 1b}}; {drops}]"));
        assert_eq!(line.give(empty).len(), 0);
        assert_eq!(line.give("([]a:1 2)"), ["+(,`a)!,1 2"]);
        assert_eq!(line.give("7"), ["7"]);
        let mut line = Line::new(&format!(".qsp.filter[{{x>1}}; {drops}]"));
        assert_eq!(line.give("0 1").len(), 0);
    }
}
