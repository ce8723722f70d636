//! `.qsp.parallel`: several functions of each batch.

use super::build::{Def, Kind, Node, maker};
use super::stage::{Output, Stage, call};
use crate::error::{Result, type_error};
use crate::session::Session;
use crate::verbs::Verb;
use formats::k::K;

static PARALLEL: Def = Def { name: "parallel", kind: Kind::Operator, params: &["fn"], required: 1 };

/// What the functions give flows on as a list, or as a dictionary when they are in one; `merge`
/// makes one value of it. A worker has one core, so that they run one after the other.
pub(super) struct Parallel;

impl Stage for Parallel {
    fn batch(
        &mut self,
        cx: &mut Session,
        node: &Node,
        metadata: K,
        data: K,
        out: &mut Output,
    ) -> Result<()> {
        let (names, functions) = match node.option("fn") {
            Some(K::Dict(d)) => (Some(d.keys.clone()), d.values.clone()),
            Some(one @ K::Func(_)) => (None, K::list(vec![one.clone()])),
            Some(several) => (None, several.clone()),
            None => return Err(type_error()),
        };
        let mut made = Vec::with_capacity(functions.len());
        let mut one = node.clone();
        for function in functions.items() {
            one.func = Some(function);
            made.push(call(cx, &one, false, &metadata, data.clone())?);
        }
        let made = K::collapse(made);
        let made = names.map_or(made.clone(), |names| K::dict(names, made));
        let made = match node.option("merge") {
            Some(merge) => cx.apply(merge, &[made])?,
            None => made,
        };
        out.push((metadata, made));
        Ok(())
    }
}

fn parallel(cx: &mut Session, args: Vec<K>) -> Result {
    cx.operator(&PARALLEL, args)
}

pub(super) const VERBS: &[Verb] = &[maker(".qsp.parallel", 2, parallel)];

#[cfg(test)]
mod tests {
    use crate::qsp::testing::Line;

    #[test]
    fn each_function_gets_the_batch() {
        let mut line = Line::new(".qsp.parallel[({sum x};max;{x})]");
        assert_eq!(line.give("1 2 3"), ["(6;3;1 2 3)"]);
        assert!(line.fails("`a`b"));
        assert_eq!(Line::new(".qsp.parallel[avg]").give("1 2 3"), [",2f"]);
    }

    #[test]
    fn functions_with_names_give_a_dictionary_and_merge_makes_one_value() {
        let mut line = Line::new(".qsp.parallel[`low`high!(min;max)]");
        assert_eq!(line.give("3 1 2"), ["`low`high!1 3"]);
        let merge = ".qsp.parallel[(min;max); .qsp.use ``merge!(::;{last[x]-first x})]";
        assert_eq!(Line::new(merge).give("3 1 2"), ["2"]);
        let params = ".qsp.parallel[({[md;x] count x};{[md;x] md~(::)}); \
            .qsp.use ``params!(::;`metadata`data)]";
        assert_eq!(Line::new(params).give("3 1 2"), ["(3;1b)"]);
    }
}
