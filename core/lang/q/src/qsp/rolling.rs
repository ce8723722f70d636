//! `.qsp.rolling`: a function of moving windows over batches as if they were one stream.

use super::build::{Def, Kind, Node, maker};
use super::kept::{self, Parts};
use super::stage::{Output, Stage};
use crate::error::{Result, domain_error, type_error};
use crate::session::Session;
use crate::verbs::{Verb, join};
use formats::k::K;

static ROLLING: Def =
    Def { name: "rolling", kind: Kind::Operator, params: &["n", "fn"], required: 2 };

/// The function gets the last `n-1` records before a batch and those of the batch; what it gives
/// for the latter is handed on.
#[derive(Clone, Default)]
pub(super) struct Rolling {
    before: Option<K>,
}

/// The last items of a list.
fn last(k: &K, count: usize) -> K {
    k.slice(k.len().saturating_sub(count), k.len())
}

impl Stage for Rolling {
    fn batch(
        &mut self,
        cx: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let n = usize::try_from(node.number("n", 0)?).ok().filter(|n| *n > 0);
        let n = n.ok_or_else(domain_error)?;
        let f = node.func.clone().ok_or_else(type_error)?;
        let data = if matches!(data, K::Dict(_)) || data.is_atom() { data.enlist() } else { data };
        let fresh = data.len();
        let all = match self.before.clone().filter(|b| !b.is_empty()) {
            Some(before) => {
                join::joinable(&before, &data)?;
                join::join(cx, before, data)?
            }
            None => data,
        };
        let kept = last(&all, n - 1);
        let whole = all.len();
        let made = cx.apply(&f, &[all])?;
        let made = if made.len() == whole && !made.is_atom() { last(&made, fresh) } else { made };
        self.before = Some(kept);
        out.push((metadata, made));
        Ok(())
    }

    fn state(&self) -> Option<K> {
        Some(K::list(vec![kept::held(self.before.as_ref())]))
    }

    fn resume(&mut self, state: K) -> Result<()> {
        self.before = Parts::of(&state).held()?;
        Ok(())
    }
}

fn rolling(cx: &mut Session, args: Vec<K>) -> Result {
    cx.operator(&ROLLING, args)
}

pub(super) const VERBS: &[Verb] = &[maker(".qsp.rolling", 3, rolling)];

#[cfg(test)]
mod tests {
    use crate::qsp::testing::Line;
    use formats::k::K;
    use proptest::prelude::*;

    #[test]
    fn a_function_sees_what_came_before_and_gives_what_is_new() {
        let mut line = Line::new(".qsp.rolling[2; {2 msum x}]");
        assert_eq!(line.give("1 2 3"), ["1 3 5"]);
        assert_eq!(line.give("10"), [",13"]);
        assert!(line.fails("([]a:1 2)"));
        assert_eq!(line.give("1 1"), ["11 2"]);
        let mut line = Line::new(".qsp.rolling[3; {max x}]");
        assert_eq!(
            (line.give("9 1"), line.give("2"), line.give("3")),
            (vec!["9".to_owned()], vec!["9".to_owned()], vec!["3".to_owned()],)
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn moving_functions_do_not_see_how_the_stream_is_cut(
            batches in prop::collection::vec(prop::collection::vec(-9i64..9, 1..5), 1..8),
            n in 1i64..6,
        ) {
            let mut line = Line::new(&format!(".qsp.rolling[{n}; {{{n} mmax x}}]"));
            let mut got = Vec::new();
            for batch in &batches {
                let out = line.value(K::longs(batch.clone())).unwrap();
                got.extend(out.iter().flat_map(K::items).collect::<Vec<_>>());
            }
            let f = line.cx.eval(&format!("{{{n} mmax x}}"), "f").unwrap();
            let want = line.cx.apply(&f, &[K::longs(batches.concat())]).unwrap();
            prop_assert_eq!(got, want.items().collect::<Vec<_>>());
        }
    }
}
