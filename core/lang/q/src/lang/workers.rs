//! How many workers a spec may have: each is an environment of its own, and all of them share what
//! the readers of the spec are called with.

use formats::k::K;
use plan::{Component, Json, Plan, Role};

use super::NAME;
use crate::session::{Options, Session};
use crate::verbs::join::join;

/// Most workers that the plan of a spec may have. There are several only where all of its readers
/// are callbacks with partitions; one more than there are partitions would have nothing to do. A
/// callback with `replay` has one journal, and so one worker.
#[must_use]
pub fn workers_max(plan: &Plan) -> usize {
    let spec = plan.prelude.as_ref().is_some_and(|prelude| prelude.lang == NAME);
    let readers = plan.nodes.iter().filter(|node| node.role == Role::Source);
    let each = readers.map(|node| of_reader(&node.component)).collect::<Option<Vec<usize>>>();
    each.filter(|_| spec).and_then(|each| each.into_iter().max()).unwrap_or(1)
}

/// Workers that may share a reader; nothing where it belongs to one.
fn of_reader(reader: &Component) -> Option<usize> {
    let config = &reader.config;
    let replays = config.get("replay").and_then(Json::as_bool).unwrap_or(false);
    if reader.name != "callback" || replays {
        return None;
    }
    match (config.get("key"), config.get("partitions")) {
        (Some(_), None) => Some(usize::MAX),
        (_, Some(Json::Array(names))) => Some(names.len()),
        (_, Some(_)) => Some(1),
        (None, None) => None,
    }
}

/// What the workers of a pipeline have of one variable, joined as by `,`. What does not fit to what
/// comes before it is left out; nothing where nobody has any.
#[must_use]
pub fn together(values: Vec<K>) -> Option<K> {
    let mut cx = Session::new(Options::default());
    values.into_iter().reduce(|all, more| match (&all, &more) {
        (K::Null, _) => more,
        (_, K::Null) => all,
        _ => join(&mut cx, all.clone(), more).unwrap_or(all),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{display, lower};

    #[test]
    fn variables_of_all_workers_are_joined() {
        let joined = |text: &str| {
            let values = Session::new(Options::default()).eval(text, "test").unwrap();
            together(values.items().collect()).map(|value| display::text(&value))
        };
        assert_eq!(joined("(1 2;3 4;enlist 5)").as_deref(), Some("1 2 3 4 5"));
        let tables = "(([]x:1 2);([]x:enlist 3))";
        assert_eq!(joined(tables).as_deref(), Some("+(,`x)!,1 2 3"));
        assert_eq!(joined("(([]x:1 2);([]y:enlist 3))").as_deref(), Some("+(,`x)!,1 2"));
        assert_eq!(joined("(::;1 2;::)").as_deref(), Some("1 2"));
        let keyed = "(([k:`a`b]x:1 2);([k:`c`a]x:3 4))";
        assert_eq!(joined(keyed).as_deref(), Some("(+(,`k)!,`a`b`c)!+(,`x)!,4 2 3"));
        assert_eq!(together(Vec::new()), None);
    }

    /// Most workers of a spec with these readers.
    fn most(readers: &[&str]) -> usize {
        let line =
            |(at, reader): (usize, &&str)| format!("r{at}:{reader} .qsp.write.toConsole[]\n");
        let lines: String = readers.iter().enumerate().map(line).collect();
        let all: Vec<String> = (0..readers.len()).map(|at| format!("r{at}")).collect();
        let spec = format!("{lines}.qsp.run ({})", all.join(";"));
        workers_max(&lower(&spec).expect(&spec))
    }

    #[test]
    fn callbacks_with_partitions_have_several() {
        let callback = |options: &str| format!(".qsp.read.fromCallback[`p; .qsp.use {options}]");
        let one = |options: &str| most(&[&callback(options)]);
        assert_eq!(one("enlist[`partitions]!enlist `a`b`c"), 3);
        assert_eq!(one("enlist[`partitions]!enlist 1 2"), 2);
        assert_eq!(one("enlist[`partitions]!enlist `a"), 1);
        assert_eq!(one("enlist[`key]!enlist `sym"), usize::MAX);
        assert_eq!(one("`key`partitions!(`sym;`a`b)"), 2);
        assert_eq!(one("`key`replay!(`sym;1b)"), 1, "one journal");
        assert_eq!(most(&[".qsp.read.fromCallback[`p]"]), 1);
    }

    #[test]
    fn all_readers_must_have_partitions() {
        let with = ".qsp.read.fromCallback[`p; .qsp.use enlist[`partitions]!enlist `a`b`c]";
        let keyed = ".qsp.read.fromCallback[`q; .qsp.use enlist[`key]!enlist `sym]";
        assert_eq!(most(&[with, keyed]), usize::MAX);
        assert_eq!(most(&[with, ".qsp.read.fromCallback[`q]"]), 1);
        assert_eq!(most(&[with, ".qsp.read.fromExpr[\"til 3\"]"]), 1);
        assert_eq!(workers_max(&Plan::default()), 1);
    }
}
