//! The handlers of a spec, and its readers called by the spec itself.

use super::super::program::LAST_CALLS_MAX;
use super::*;

const MAP: &str = ".qsp.map[{x+1}; .qsp.use ``name!``add] .qsp.write.toVariable[`v]";

impl Rig {
    /// What the time of the program gives.
    fn tick(&mut self) -> Vec<K> {
        let mut out = Vec::new();
        self.exprs[0].on_time(&mut out).unwrap();
        delivered(out)
    }

    fn end(&mut self, end: End) -> Vec<K> {
        let mut out = Vec::new();
        self.exprs[0].end(end, &mut out).unwrap();
        delivered(out)
    }

    fn says(&self, line: &str) -> usize {
        self.logs().iter().filter(|l| l.contains(line)).count()
    }

    /// Another process that goes on with the same spec.
    fn again(&self, spec: &str) -> Rig {
        let state = self.exprs[0].snapshot().unwrap().unwrap();
        let mut next = Rig::new(spec);
        next.exprs[0].restore(&state).unwrap();
        next
    }
}

#[test]
fn handlers_are_called_once_at_their_moments() {
    let mut rig = Rig::new(&format!(
        ".qsp.onSetup {{-1 \"setup\";}}\n.qsp.onStart {{-1 \"start\";}}\n\
         .qsp.onTeardown {{-1 \"teardown\";}}\n\
         .qsp.onFinish[`add;{{[op;md] -1 \"finish \",string op`name;}}]\n{READ} {MAP}"
    ));
    assert_eq!(rig.logs(), ["setup"], "nothing has started");
    assert_eq!(rig.exprs[0].due_ns(), Some(0));
    rig.tick();
    assert_eq!(rig.logs(), ["setup", "start"]);
    assert_eq!(rig.exprs[0].due_ns(), None);
    assert_eq!(rig.value(0, K::long(1)), Ok(vec![K::long(2)]));
    assert_eq!(rig.says("teardown"), 0);
    rig.end(End::Stopped);
    assert_eq!(rig.logs(), ["setup", "start", "finish add", "teardown"]);
    let around = Rc::clone(&rig.around);
    drop(rig);
    assert_eq!(around.logged(), ["setup", "start", "finish add", "teardown"], "not again");
}

#[test]
fn it_starts_before_the_first_data_and_is_torn_down_when_it_is_dropped() {
    let spec = format!(
        ".qsp.onStart {{a::10}}\n.qsp.onTeardown {{-1 \"teardown\";}}\n\
         {READ} .qsp.map[{{x+a}}] .qsp.write.toVariable[`v]"
    );
    let mut rig = Rig::new(&spec);
    assert_eq!(rig.value(0, K::long(1)), Ok(vec![K::long(11)]));
    let around = Rc::clone(&rig.around);
    drop(rig);
    assert_eq!(around.logged(), ["teardown"]);
    let rig = Rig::new(&spec);
    let around = Rc::clone(&rig.around);
    drop(rig);
    assert!(around.logged().is_empty(), "it was only looked at");
}

#[test]
fn a_process_that_ends_is_no_end_of_a_pipeline_that_goes_on() {
    let spec = format!(
        ".qsp.onTeardown {{-1 \"teardown\";}}\n.qsp.onFinish[`add;{{[op;md] -1 \"finish\";}}]\n\
         {READ} {MAP}"
    );
    let mut rig = Rig::new(&spec);
    assert_eq!(rig.value(0, K::long(1)), Ok(vec![K::long(2)]));
    rig.end(End::Suspended);
    let around = Rc::clone(&rig.around);
    drop(rig);
    assert!(around.logged().is_empty(), "{:?}", around.logged());
}

#[test]
fn what_the_spec_wants_to_keep_is_there_when_it_goes_on() {
    let spec = format!(
        "n:0\n.qsp.onCheckpoint {{10*n}}\n.qsp.onRecover {{n::x}}\n\
         {READ} .qsp.map[{{n+:x;n}}] .qsp.write.toVariable[`v]"
    );
    let mut rig = Rig::new(&spec);
    assert_eq!(rig.value(0, K::long(3)), Ok(vec![K::long(3)]));
    assert_eq!(rig.again(&spec).value(0, K::long(1)), Ok(vec![K::long(31)]));
    let bad = format!(".qsp.onCheckpoint {{1+`a}}\n.qsp.onRecover {{-1 (-3!x);}}\n{READ} {MAP}");
    let mut rig = Rig::new(&bad);
    rig.value(0, K::long(1)).unwrap();
    let next = rig.again(&bad);
    assert_eq!((rig.says("operator=onCheckpoint"), rig.around.failed.get()), (1, 1));
    assert_eq!(next.logs(), ["::"], "nothing was kept");
}

#[test]
fn nothing_is_kept_before_anything_has_begun() {
    let spec = format!(
        "n:0\n.qsp.onCheckpoint {{-1 \"kept\";n}}\n.qsp.onRecover {{n::x}}\n\
         {READ} .qsp.map[{{n+:x;n}}] .qsp.write.toVariable[`v]"
    );
    let mut rig = Rig::new(&spec);
    assert!(rig.exprs[0].snapshot().unwrap().is_some(), "there are states");
    assert!(rig.logs().is_empty(), "{:?}", rig.logs());
    rig.value(0, K::long(3)).unwrap();
    let next = rig.again(&spec);
    assert_eq!(rig.logs(), ["kept"]);
    // What is kept of a pipeline that nothing has come to yet is what it went on from.
    assert_eq!(next.again(&spec).value(0, K::long(1)), Ok(vec![K::long(4)]));
}

#[test]
fn an_error_of_a_handler_is_counted_and_the_pipeline_lives() {
    let mut rig = Rig::new(&format!(".qsp.onStart {{1+`a}}\n{READ} {MAP}"));
    assert_eq!(rig.value(0, K::long(1)), Ok(vec![K::long(2)]));
    assert_eq!(rig.around.failed.get(), 1);
    assert!(rig.logs()[0].contains("operator=onStart"), "{:?}", rig.logs());
}

#[test]
fn the_handler_of_errors_gets_what_failed() {
    let mut rig = Rig::new(&format!(
        ".qsp.onError {{[error;op;msg] -1 (string op`name),\" \",(-3!msg`data),\" \",error;}}\n\
         {READ} {MAP}"
    ));
    assert_eq!(rig.value(0, K::sym("a")), Ok(vec![]));
    assert_eq!(rig.says("add `a type"), 1, "{:?}", rig.logs());
    assert_eq!((rig.heard(), rig.around.failed.get()), ((0, 1), 1), "counted and done with");
}

#[test]
fn what_a_handler_of_the_end_pushes_flows_on() {
    let mut rig =
        Rig::new(&format!(".qsp.onFinish[`add;{{[op;md] .qsp.push[op;md;7]}}]\n{READ} {MAP}"));
    assert_eq!(rig.end(End::Drained), [K::long(7)]);
}

#[test]
fn what_a_handler_of_a_readers_end_pushes_flows_through_the_pipeline() {
    let mut rig = Rig::new(&format!(
        ".qsp.onFinish[`r;{{[op;md] .qsp.push[op;md;7]}}]\n\
         .qsp.run .qsp.read.fromCallback[`p; .qsp.use ``name!``r] {MAP}"
    ));
    assert_eq!(rig.end(End::Drained), [K::long(8)]);
}

#[test]
fn a_spec_that_ends_in_a_teardown_does_what_there_is_to_do_and_ends() {
    let mut rig = Rig::new(&format!(
        ".qsp.onTeardown {{-1 \"teardown\";}}\n{READ} .qsp.window.count[2] \
         .qsp.write.toVariable[`v]\np 1 2 3\n.qsp.teardown[]"
    ));
    assert_eq!(rig.value(0, K::Null), Ok(vec![]), "nothing comes to its reader");
    let mut out = Vec::new();
    rig.exprs[1].end(End::Drained, &mut out).unwrap();
    assert_eq!(delivered(out), [K::longs(vec![1, 2]), K::longs(vec![3])]);
    assert_eq!(rig.logs(), ["teardown"]);
    let trigger = ".qsp.use ``trigger!``api";
    let plan = lower(&format!(
        ".qsp.run .qsp.read.fromExpr[\"1\"; {trigger}] .qsp.write.toConsole[]\n.qsp.teardown[]"
    ));
    assert_eq!(plan.unwrap().nodes[0].component.name, "evaluate", "it reads once");
}

#[test]
fn timers_call_functions_while_the_pipeline_runs() {
    let mut rig = Rig::new(&format!(
        "pub:{{p x}}\n.qsp.onStart {{.tm.add[`pub;(`pub;7);100;0]; \
         .tm.add1shot[`bad;({{1+`a}};0);250]}}\n{READ} {MAP}"
    ));
    let at = |ms: u64| ms * 1_000_000;
    assert!(rig.tick().is_empty(), "it starts");
    assert_eq!(rig.exprs[0].due_ns(), Some(at(100)));
    for (ms, due) in [(100, 200), (250, 300)] {
        rig.around.now_ns.set(at(ms));
        assert_eq!(rig.tick(), [K::long(8)]);
        assert_eq!(rig.exprs[0].due_ns(), Some(at(due)));
    }
    assert_eq!((rig.says("'type operator=.tm bad"), rig.around.failed.get()), (1, 1));
    rig.end(End::Stopped);
    assert_eq!(rig.exprs[0].due_ns(), None, "nothing is called any more");
}

#[test]
fn what_an_error_of_the_setup_is_has_its_name() {
    let plan = lower(&format!(".qsp.onSetup {{1+`a}}\n{READ} {MAP}")).unwrap();
    let opened = LANGUAGE.open(plan.prelude.as_ref(), Rc::<Around>::default());
    let error = opened.err().unwrap();
    assert_eq!((error[0].message.as_str(), error[0].span), ("onSetup: 'type", Span::default()));
}

#[test]
fn what_the_spec_calls_its_reader_with_comes_in_order() {
    let mut rig = Rig::new(&format!(
        ".qsp.onStart {{p 2}}\n{READ} .qsp.map[{{if[x=2;p 3];x}}] .qsp.write.toVariable[`v]\np 1"
    ));
    assert_eq!(rig.tick(), [K::long(1), K::long(2)], "of the script and of the start");
    assert_eq!(rig.exprs[0].due_ns(), Some(0), "an operator has called it");
    assert_eq!(rig.value(0, K::long(9)), Ok(vec![K::long(3), K::long(9)]), "before what follows");
    assert_eq!(rig.exprs[0].due_ns(), None);
    rig.value(0, K::long(2)).unwrap();
    assert_eq!(rig.end(End::Drained), [K::long(3)]);
    assert_eq!(rig.exprs[0].due_ns(), None);
}

#[test]
fn nobody_takes_what_the_spec_calls_its_reader_with_when_that_has_ended() {
    let mut rig = Rig::new(&format!(".qsp.onFinish[`add;{{[op;md] p 1}}]\n{READ} {MAP}"));
    assert!(rig.end(End::Drained).is_empty());
    assert!(rig.logs()[0].contains("p: its reader takes nothing"), "{:?}", rig.logs());
}

#[test]
fn what_calls_its_own_reader_comes_to_an_end() {
    let spec = format!("{READ} .qsp.map[{{if[x<3;p x+1];x}}] .qsp.write.toVariable[`v]");
    let mut rig = Rig::new(&spec);
    rig.value(0, K::long(1)).unwrap();
    assert_eq!(rig.end(End::Drained), [K::long(2), K::long(3)]);
    let mut rig = Rig::new(&format!("{READ} .qsp.map[{{p x;x}}] .qsp.write.toVariable[`v]"));
    assert_eq!(rig.value(0, K::long(1)), Ok(vec![K::long(1)]));
    assert!(rig.end(End::Drained).len() >= LAST_CALLS_MAX);
    assert_eq!(rig.around.failed.get(), 1);
    assert!(rig.logs()[0].contains("1 values come after its end"), "{:?}", rig.logs());
}

#[test]
fn what_a_reader_was_called_with_and_has_not_been_taken_in_is_in_the_state() {
    let spec = format!("{READ} .qsp.map[{{if[x=2;p 3];x}}] .qsp.write.toVariable[`v]\np 1");
    let mut rig = Rig::new(&spec);
    assert_eq!(rig.value(0, K::long(2)), Ok(vec![K::long(1), K::long(2)]));
    let mut next = rig.again(&spec);
    assert_eq!(next.exprs[0].due_ns(), Some(0));
    assert_eq!(next.tick(), [K::long(3)], "and not again what the script has called");
}

#[test]
fn a_reader_with_several_names_ends_when_all_of_them_have() {
    let mut rig =
        Rig::new(&format!("{READ} .qsp.window.count[9] .qsp.write.toVariable[`v]\nupd:`a`b!(p;p)"));
    let mut out = Vec::new();
    for port in 0..3 {
        let batch = rig.batch(Data::Value(K::longs(vec![port as i64])));
        rig.exprs[0].map_port(port, batch, &mut out).unwrap();
    }
    rig.exprs[0].end_port(0, End::Drained, &mut out).unwrap();
    rig.exprs[0].end_port(2, End::Drained, &mut out).unwrap();
    assert!(out.is_empty(), "one is open");
    assert_eq!(rig.end(End::Drained), [K::longs(vec![0, 1, 2])]);
}

#[test]
fn files_that_are_no_lines_become_values_in_the_program() {
    let read = ".qsp.run .qsp.read.fromFile[\"f\"; .qsp.use";
    let records = || Data::Records(plan::Records::from_bodies([b"a\nb".to_vec(), b"c".to_vec()]));
    let mut rig = Rig::new(&format!("{read} ``chunking!(::;0b)] .qsp.write.toVariable[`v]"));
    let lines = |text: &[&str]| K::list(text.iter().map(|line| K::str(*line)).collect());
    let want = vec![lines(&["a", "b"]), lines(&["c"])];
    assert_eq!(rig.give(0, records()), Ok(want));
    let mut rig = Rig::new(&format!("{read} ``mode!``binary] .qsp.write.toVariable[`v]"));
    assert_eq!(rig.give(0, records()), Ok(vec![bytes(b"a\nb"), bytes(b"c")]));
}

#[test]
fn what_comes_again_after_the_end_of_its_reader_flows_on_and_is_flushed() {
    let window = ".qsp.window.count[3] .qsp.write.toVariable[`v]";
    let mut rig = Rig::new(&format!(
        ".qsp.onFinish[`r;{{[op;md] -1 \"finish\";}}]\n.qsp.onTeardown {{-1 \"teardown\";}}\n\
         .qsp.run .qsp.read.fromCallback[`p; .qsp.use ``name!``r] {window}"
    ));
    assert_eq!(rig.value(0, K::longs(vec![1, 2])), Ok(vec![]), "the window waits");
    assert_eq!(rig.end(End::Drained), [K::longs(vec![1, 2])]);
    // A writer could not deliver it, so that it comes again.
    assert_eq!(rig.value(0, K::longs(vec![1, 2])), Ok(vec![K::longs(vec![1, 2])]));
    assert_eq!(rig.logs(), ["finish", "teardown"], "each once");
    let mut rig = Rig::new(&format!("{READ} {window}"));
    rig.end(End::Suspended);
    assert_eq!(rig.value(0, K::long(1)), Ok(vec![]), "the window goes on elsewhere");
}
