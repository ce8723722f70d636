//! `.qsp.accumulate`: a value that each batch changes, and that flows on after each.

use super::build::{Def, Kind, Node, maker};
use super::kept::{self, Parts};
use super::stage::{Output, Stage};
use crate::error::Result;
use crate::session::Session;
use crate::verbs::Verb;
use formats::k::K;

static ACCUMULATE: Def = Def {
    name: "accumulate",
    kind: Kind::Operator,
    params: &["fn", "initial", "output"],
    required: 2,
};

/// Keeps the value; `fn` gets metadata, data and the value so far.
#[derive(Default)]
pub(super) struct Accumulate {
    value: Option<K>,
}

impl Stage for Accumulate {
    fn batch(
        &mut self,
        cx: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let initial = || node.option("initial").cloned().unwrap_or_default();
        let before = self.value.take().unwrap_or_else(initial);
        let f = node.func.clone().unwrap_or_default();
        let args = [metadata.clone(), data, before.clone()];
        let made = cx.apply(&f, &args).and_then(|after| {
            let shown = match node.option("output") {
                Some(output) => cx.apply(output, std::slice::from_ref(&after))?,
                None => after.clone(),
            };
            Ok((after, shown))
        });
        match made {
            Ok((after, shown)) => {
                self.value = Some(after);
                out.push((metadata, shown));
                Ok(())
            }
            Err(error) => {
                self.value = Some(before);
                Err(error)
            }
        }
    }

    fn state(&self) -> Option<K> {
        Some(K::list(vec![kept::held(self.value.as_ref())]))
    }

    fn resume(&mut self, state: K) -> Result<()> {
        self.value = Parts::of(&state).held()?;
        Ok(())
    }
}

fn accumulate(cx: &mut Session, args: Vec<K>) -> Result {
    cx.operator(&ACCUMULATE, args)
}

pub(super) const VERBS: &[Verb] = &[maker(".qsp.accumulate", 4, accumulate)];

#[cfg(test)]
mod tests {
    use crate::qsp::testing::Line;

    #[test]
    fn an_empty_list_takes_what_is_added_to_it() {
        let f = "{[md;data;acc] acc[`total]+:count data; acc[`sum]+:sum data; acc}";
        let mean = "{enlist x[`sum]%x`total}";
        let mut line = Line::new(&format!(".qsp.accumulate[{f}; `total`sum!(0;()); {mean}]"));
        assert_eq!(line.give("([]x:1 2 3;y:4 5 6)"), ["+`x`y!(,2f;,5f)"]);
        assert_eq!(line.give("([]x:enlist 6;y:enlist 9)"), ["+`x`y!(,3f;,6f)"]);
    }

    #[test]
    fn a_value_stays_where_its_function_signals() {
        let mut line = Line::new(".qsp.accumulate[{[md;x;y] y+x`v}; 1; {-x}]");
        assert_eq!(line.give("([]v:enlist 2)"), [",-3"]);
        assert!(line.fails("([]w:enlist 2)"));
        assert!(line.fails("([]v:enlist `a)"));
        assert_eq!(line.give("([]v:enlist 4)"), [",-7"]);
    }
}
