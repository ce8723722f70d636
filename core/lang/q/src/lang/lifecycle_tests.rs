//! The handlers of a spec, and its readers called by the spec itself.

use super::tests::{READ, Rig, delivered};
use formats::k::K;

const MAP: &str = ".qsp.map[{x+1}; .qsp.use ``name!``add] .qsp.write.toVariable[`v]";

impl Rig {
    /// What the time of an operator gives.
    fn tick(&mut self, at: usize) -> Vec<K> {
        let mut out = Vec::new();
        self.exprs[at].on_time(&mut out).unwrap();
        delivered(out)
    }

    fn end(&mut self, at: usize) -> Vec<K> {
        let mut out = Vec::new();
        self.exprs[at].end(&mut out).unwrap();
        delivered(out)
    }

    fn says(&self, line: &str) -> usize {
        self.logs().iter().filter(|l| l.contains(line)).count()
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
    rig.tick(0);
    assert_eq!(rig.logs(), ["setup", "start"]);
    assert_eq!(rig.exprs[0].due_ns(), None);
    assert_eq!(rig.value(1, K::long(1)), Ok(vec![K::long(2)]));
    for at in 0..rig.exprs.len() {
        assert_eq!(rig.says("teardown"), 0);
        rig.end(at);
    }
    assert_eq!(rig.logs(), ["setup", "start", "finish add", "teardown"]);
    let around = std::rc::Rc::clone(&rig.around);
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
    assert_eq!(rig.value(1, K::long(1)), Ok(vec![K::long(11)]));
    let around = std::rc::Rc::clone(&rig.around);
    drop(rig);
    assert_eq!(around.logged(), ["teardown"]);
    let rig = Rig::new(&spec);
    let around = std::rc::Rc::clone(&rig.around);
    drop(rig);
    assert!(around.logged().is_empty(), "it was only looked at");
}

#[test]
fn an_error_of_a_handler_is_counted_and_the_pipeline_lives() {
    let mut rig = Rig::new(&format!(".qsp.onStart {{1+`a}}\n{READ} {MAP}"));
    assert_eq!(rig.value(1, K::long(1)), Ok(vec![K::long(2)]));
    assert_eq!(rig.around.failed.get(), 1);
    assert!(rig.logs()[0].contains("operator=onStart"), "{:?}", rig.logs());
}

#[test]
fn the_handler_of_errors_gets_what_failed() {
    let mut rig = Rig::new(&format!(
        ".qsp.onError {{[op;msg;error] -1 (string op`name),\" \",(-3!msg`data),\" \",error;}}\n\
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
    assert_eq!(rig.end(0), [K::long(7)]);
}

#[test]
fn what_the_spec_calls_its_reader_with_comes_in_order() {
    let mut rig = Rig::new(&format!(
        ".qsp.onStart {{p 2}}\n{READ} .qsp.map[{{if[x=2;p 3];x}}] .qsp.write.toVariable[`v]\np 1"
    ));
    assert_eq!(rig.tick(0), [K::long(1), K::long(2)], "of the script and of the start");
    assert_eq!(rig.exprs[0].due_ns(), None);
    assert_eq!(rig.value(1, K::long(2)), Ok(vec![K::long(2)]));
    assert_eq!(rig.exprs[0].due_ns(), Some(0), "an operator has called it");
    assert_eq!(rig.value(0, K::long(9)), Ok(vec![K::long(3), K::long(9)]), "before what follows");
    rig.end(0);
    assert_eq!(rig.value(1, K::long(2)), Ok(vec![]));
    assert!(rig.logs()[0].contains("p: its reader takes nothing"), "{:?}", rig.logs());
}
