//! Handlers for moments in the life of a pipeline (spec/kdb-qsp.md §5).

use super::build::{Pipe, absent, maker};
use crate::error::{QError, Result, rank_error, type_error};
use crate::session::Session;
use crate::verbs::{Class, Run, Verb};
use formats::k::K;

/// What a spec wants to be called, and when.
#[derive(Clone, Debug, Default)]
pub(crate) struct Handlers {
    /// The operators are there, and nothing has started.
    pub(crate) setup: Option<K>,
    /// Everything has started, and nothing has flown yet.
    pub(crate) start: Option<K>,
    /// The pipeline ends.
    pub(crate) teardown: Option<K>,
    /// An operator has signalled an error.
    pub(crate) error: Option<K>,
    /// A state is about to be written; what it gives is kept in it.
    pub(crate) checkpoint: Option<K>,
    /// The pipeline goes on from a state, with what was kept in it.
    pub(crate) recover: Option<K>,
    /// An operator, by its name, has ended.
    pub(crate) finish: Vec<(String, K)>,
}

impl Handlers {
    /// What is called when the operator of this name has ended.
    pub(crate) fn finished(&self, name: &str) -> Option<&K> {
        self.finish.iter().find(|(n, _)| n == name).map(|(_, f)| f)
    }
}

/// A handler must be a function.
fn function(name: &str, f: K) -> Result {
    match f {
        f @ K::Func(_) => Ok(f),
        _ => Err(QError::new(format!("type: {name} takes a function"))),
    }
}

macro_rules! setters {
    ($($name:ident $text:literal $field:ident),*) => {$(
        fn $name(cx: &mut Session, f: K) -> Result {
            cx.qsp.handlers.$field = Some(function($text, f)?);
            Ok(K::Null)
        }
    )*};
}
setters!(
    on_setup "onSetup" setup, on_start "onStart" start, on_teardown "onTeardown" teardown,
    on_error "onError" error, on_checkpoint "onCheckpoint" checkpoint,
    on_recover "onRecover" recover
);

/// The name of an operator that is given by it, or as a value.
fn operator(cx: &Session, op: &K) -> Result<String> {
    if let Some(name) = op.as_sym() {
        return Ok(name.as_str().to_owned());
    }
    let Pipe { last, .. } = Session::pipe(op)?;
    cx.qsp.nodes.get(last).map(|n| n.name.clone()).ok_or_else(type_error)
}

fn on_finish(cx: &mut Session, args: Vec<K>) -> Result {
    let [op, f] = args.as_slice() else { return Err(rank_error()) };
    let name = operator(cx, op)?;
    let f = function("onFinish", f.clone())?;
    cx.qsp.handlers.finish.retain(|(n, _)| *n != name);
    cx.qsp.handlers.finish.push((name, f));
    Ok(K::Null)
}

macro_rules! unreached {
    ($($name:ident $text:literal),*) => {$(
        fn $name(cx: &mut Session, _: Vec<K>) -> Result {
            cx.warn(concat!($text, " is never called"));
            Ok(K::Null)
        }
    )*};
}
unreached!(
    on_post_checkpoint "onPostCheckpoint", on_operator_checkpoint "onOperatorCheckpoint",
    on_operator_recover "onOperatorRecover",
    on_operator_post_checkpoint "onOperatorPostCheckpoint"
);

absent!(
    finish ".qsp.finish", finish_task ".qsp.finishTask", register_task ".qsp.registerTask",
    subscribe ".qsp.subscribe", unsubscribe ".qsp.unsubscribe"
);

/// States are kept at their own times, and at a call of the API.
fn checkpoint(cx: &mut Session, _: Vec<K>) -> Result {
    let text = ".qsp.checkpoint means nothing here: states are kept as often as was asked for";
    if cx.warn(text) && cx.qsp.calls.live {
        cx.print(text);
    }
    Ok(K::Null)
}

/// Forgets what the spec has made so far, so that it can make and run something else.
fn teardown(cx: &mut Session, _: Vec<K>) -> Result {
    if cx.qsp.calls.live {
        return Err(QError::nyi(".qsp.teardown while the pipeline runs"));
    }
    cx.qsp.forget();
    Ok(K::Null)
}

const fn handler(name: &'static str, run: Run) -> Verb {
    let summary = "Calls a function at a moment in the life of a pipeline.";
    Verb { name, infix: false, class: Class::Other, run, summary, example: "" }
}

const fn of_operator(name: &'static str, run: crate::verbs::Polyad) -> Verb {
    handler(name, Run::Many { min: 2, max: 2, run })
}

pub(super) const VERBS: &[Verb] = &[
    handler(".qsp.onSetup", Run::Monad(on_setup)),
    handler(".qsp.onStart", Run::Monad(on_start)),
    handler(".qsp.onTeardown", Run::Monad(on_teardown)),
    handler(".qsp.onError", Run::Monad(on_error)),
    of_operator(".qsp.onFinish", on_finish),
    handler(".qsp.onCheckpoint", Run::Monad(on_checkpoint)),
    maker(".qsp.onPostCheckpoint", 1, on_post_checkpoint),
    handler(".qsp.onRecover", Run::Monad(on_recover)),
    of_operator(".qsp.onOperatorCheckpoint", on_operator_checkpoint),
    of_operator(".qsp.onOperatorRecover", on_operator_recover),
    of_operator(".qsp.onOperatorPostCheckpoint", on_operator_post_checkpoint),
    maker(".qsp.checkpoint", 1, checkpoint),
    maker(".qsp.finish", 1, finish),
    maker(".qsp.finishTask", 2, finish_task),
    maker(".qsp.registerTask", 1, register_task),
    maker(".qsp.subscribe", 8, subscribe),
    maker(".qsp.unsubscribe", 8, unsubscribe),
    maker(".qsp.teardown", 1, teardown),
];

#[cfg(test)]
mod tests {
    use super::super::build::load;

    const WRITE: &str = ".qsp.write.toConsole[]";
    const RUN: &str = ".qsp.run .qsp.read.fromCallback[`p] .qsp.map[{x};.qsp.use ``name!``m] \
                       .qsp.write.toConsole[]";

    #[test]
    fn handlers_are_kept_by_their_moment() {
        let spec = format!(
            ".qsp.onStart {{1}}\n.qsp.onTeardown[{{2}}]\n.qsp.onFinish[`m;{{[op;md] 3}}]\n{RUN}"
        );
        let handlers = load(&spec).unwrap().handlers;
        assert!(handlers.start.is_some() && handlers.teardown.is_some());
        assert!(handlers.setup.is_none() && handlers.error.is_none());
        assert!(handlers.finished("m").is_some() && handlers.finished("p").is_none());
    }

    #[test]
    fn what_is_wrong_with_a_handler_is_said() {
        let error = |line: &str| load(&format!("{line}\n{RUN}")).unwrap_err().text.clone();
        assert_eq!(error(".qsp.onStart 1"), "type: onStart takes a function");
        assert_eq!(error(".qsp.onFinish[`x;{x}]"), "onFinish: there is no operator x");
        assert_eq!(error(".qsp.finish[`m]"), "nyi: .qsp.finish");
    }

    #[test]
    fn handlers_that_are_never_called_are_a_warning() {
        let pipeline =
            load(&format!(".qsp.onPostCheckpoint[{{}}]\n.qsp.onOperatorRecover[`m;{{x}}]\n{RUN}"));
        let want = ["onPostCheckpoint", "onOperatorRecover"];
        assert_eq!(pipeline.unwrap().warnings, want.map(|name| format!("{name} is never called")));
    }

    #[test]
    fn what_is_torn_down_at_the_end_of_a_spec_runs_and_ends() {
        for end in [".qsp.teardown[]", ".qsp.teardown[];.qsp.teardown[]"] {
            let pipeline = load(&format!("{RUN}\np 1\n{end}")).unwrap();
            assert_eq!(pipeline.nodes.len(), 3);
            assert_eq!(pipeline.nodes[1].name, "m");
            assert!(pipeline.ends);
        }
        assert!(!load(RUN).unwrap().ends);
        let error = |spec: &str| load(spec).unwrap_err().text.clone();
        assert_eq!(error(&format!("{RUN}\n.qsp.teardown[]\np 1")), "p: its reader takes nothing");
        let nothing = "nothing runs: the spec does not call .qsp.run";
        assert_eq!(error(".qsp.teardown[]"), nothing);
        let made = ".qsp.teardown[]\n.qsp.read.fromCallback[`other]";
        assert_eq!(error(&format!("{RUN}\n{made}")), nothing, "it wants to run something else");
        let lost = load(&format!("{RUN}\np 1\n.qsp.teardown[]\n{RUN}")).unwrap();
        let text = "what readers were called with before .qsp.teardown is not taken in";
        assert_eq!((lost.ends, lost.warnings), (false, vec![text.to_owned()]));
    }

    #[test]
    fn what_is_not_there_is_refused_wherever_its_name_is() {
        let error = |f: &str| {
            let spec = format!(".qsp.run .qsp.read.fromCallback[`p] .qsp.map[{f}] {WRITE}");
            load(&spec).unwrap_err().text.clone()
        };
        for name in [".qsp.registerTask", ".qsp.finish", ".qsp.subscribe", ".qsp.decode.avro"] {
            assert_eq!(error(&format!("{{{name}[`a];x}}")), format!("nyi: {name}"));
        }
        let name = ".qsp.v2.read.fromAmazonS3";
        assert_eq!(error(&format!("{{f:{name};x}}")), format!("nyi: {name}"));
        for name in [".tm.addAt", ".kurl.async", ".ml.kmeans"] {
            assert_eq!(error(&format!("{{if[x~1;{name}[`a]];x}}")), format!("nyi: {name}"));
        }
        let own = ".ml.twice:{2*x}\n";
        let spec = ".qsp.run .qsp.read.fromCallback[`p] .qsp.map[{.ml.twice x}]";
        assert!(load(&format!("{own}{spec} {WRITE}")).is_ok(), "its own");
    }

    #[test]
    fn misspelt_and_needless_names_are_taken_with_a_warning() {
        let spec = format!(
            ".u.end:{{.qsp.checkpoint[]}}\n.qsp.checkpoint[]\n.qsp.checkpoint[]\n\
             .qsp.run .qsp.read.fromCalback[`p] {WRITE}"
        );
        let pipeline = load(&spec).unwrap();
        assert_eq!(pipeline.nodes[0].op, "read.fromCallback");
        let [checkpoint, callback] = &*pipeline.warnings else { panic!("{:?}", pipeline.warnings) };
        assert!(checkpoint.starts_with(".qsp.checkpoint means nothing here"), "{checkpoint}");
        assert_eq!(callback, ".qsp.read.fromCalback is taken for .qsp.read.fromCallback");
    }

    #[test]
    fn after_a_teardown_something_else_runs() {
        let names: Vec<String> = load(&format!("{RUN}\n.qsp.teardown[]\n{RUN}"))
            .unwrap()
            .nodes
            .iter()
            .map(|n| n.op.to_owned())
            .collect();
        assert_eq!(names, ["read.fromCallback", "map", "write.toConsole"].map(str::to_owned));
    }
}
