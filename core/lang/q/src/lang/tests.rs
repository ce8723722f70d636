//! Operators as the engine drives them: what becomes of batches, acks and errors.

use super::errors::{BURST_MAX, PERIOD_NS};
use super::*;
use crate::qsp::batch::{bytes, open, untagged};
use plan::env::Request;
use plan::{Ack, AckPort, Acks, BuildError, Data, End, Fault, Json, RawBlock};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

mod lifecycle;
mod limits;
mod refused;
mod restarts;
mod state;

/// Surroundings with a clock that is set by hand.
#[derive(Default)]
struct Around {
    now_ns: Cell<u64>,
    failed: Cell<u64>,
    logs: RefCell<Vec<String>>,
    published: RefCell<BTreeMap<String, K>>,
    bells: RefCell<BTreeMap<String, plan::Bell>>,
}

impl Around {
    fn logged(&self) -> Vec<String> {
        self.logs.borrow().clone()
    }
}

impl Services for Around {
    fn now_ns(&self) -> u64 {
        self.now_ns.get()
    }
    fn wall_ns(&self) -> i128 {
        i128::from(self.now_ns.get())
    }
    fn sleep(&self, _: u64) -> plan::LocalBoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
    fn random(&self) -> u64 {
        4
    }
    fn env_var(&self, _: &str) -> Option<String> {
        None
    }
    fn read_file(&self, path: &str) -> Result<Vec<u8>, String> {
        Err(path.to_owned())
    }
    fn hostname(&self) -> String {
        "test".to_owned()
    }
    fn log(&self, _: Log, text: &str, fields: &[(&str, &str)]) {
        let fields: Vec<String> = fields.iter().map(|(n, v)| format!(" {n}={v}")).collect();
        self.logs.borrow_mut().push(format!("{text}{}", fields.concat()));
    }
    fn count(&self, _: &str) -> u64 {
        1
    }
    fn open_port(
        &self,
        _: &str,
        _: &str,
        _: &Json,
    ) -> Result<flume::Receiver<Request>, BuildError> {
        Err(BuildError::new("no ports"))
    }
    fn publish(&self, name: &str, value: K) {
        self.published.borrow_mut().insert(name.to_owned(), value);
    }
    fn bell(&self, name: &str) -> plan::Bell {
        self.bells.borrow_mut().entry(name.to_owned()).or_default().clone()
    }
    fn failed(&self) {
        self.failed.set(self.failed.get() + 1);
    }
    fn console(&self, _: &str) {}
}

/// What sources hear.
#[derive(Default)]
struct Heard {
    failed: AtomicU64,
    done: AtomicU64,
}

impl AckPort for Heard {
    fn fail(&self, _: u64, _: Option<u32>, _: Arc<Fault>) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }
    fn reply(&self, _: u64, _: Vec<(plan::Record, Vec<u8>)>) {}
    fn done(&self, _: u64) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }
}

/// The operators of q of a spec, in the order of the plan.
struct Rig {
    around: Rc<Around>,
    heard: Arc<Heard>,
    exprs: Vec<Box<dyn Expr>>,
}

impl Rig {
    fn new(spec: &str) -> Self {
        let around = Rc::<Around>::default();
        let plan = lower(spec).unwrap();
        let session = LANGUAGE.open(plan.prelude.as_ref(), around.clone()).unwrap();
        let codes = plan.nodes.iter().filter_map(|node| {
            let config = &node.component.config;
            let slot = config.get("slot").or_else(|| config["code"].get("slot"))?.as_u64()?;
            let slot = Some(u32::try_from(slot).unwrap());
            Some(Code { lang: NAME.into(), text: String::new(), slot })
        });
        let exprs = codes.map(|code| session.compile(&code, Form::Mapping).unwrap()).collect();
        Rig { around, heard: Arc::default(), exprs }
    }

    fn batch(&self, data: Data) -> Batch {
        let ack = Ack::new(self.heard.clone(), 1);
        Batch { acks: Acks::one(ack), ..Batch::new(data) }
    }

    /// What the operator at a place makes of a value; what it makes is delivered.
    fn give(&mut self, at: usize, data: Data) -> Result<Vec<K>, OperatorError> {
        let batch = self.batch(data);
        let mut out = Vec::new();
        self.exprs[at].map(batch, &mut out)?;
        Ok(delivered(out))
    }

    fn value(&mut self, at: usize, value: K) -> Result<Vec<K>, OperatorError> {
        self.give(at, Data::Value(value))
    }

    /// Batches that sources have heard of as failed, and as done.
    fn heard(&self) -> (u64, u64) {
        let read = |cell: &AtomicU64| cell.load(Ordering::Relaxed);
        (read(&self.heard.failed), read(&self.heard.done))
    }

    fn logs(&self) -> Vec<String> {
        self.around.logs.borrow().clone()
    }
}

fn delivered(out: Vec<Batch>) -> Vec<K> {
    out.into_iter()
        .map(|batch| {
            let data = untagged(&batch.data, 0).unwrap_or_else(|| batch.data.clone());
            batch.ok();
            open(data).unwrap().1
        })
        .collect()
}

const READ: &str = ".qsp.run .qsp.read.fromCallback[`p] ";

#[test]
fn a_batch_whose_function_signals_is_counted_and_done_with() {
    for read in [".qsp.read.fromCallback[`p]", ".qsp.read.fromFile[\"f\"]"] {
        let spec = format!(
            ".qsp.run {read} .qsp.map[{{x+1}}; .qsp.use ``name!``add] .qsp.write.toVariable[`v]"
        );
        let mut rig = Rig::new(&spec);
        assert_eq!(rig.value(0, K::sym("a")), Ok(vec![]));
        // No source hears of a failure: it would send the same again, for ever.
        assert_eq!((rig.heard(), rig.around.failed.get()), ((0, 1), 1));
        let logs = rig.logs();
        assert!(logs[0].starts_with("'type operator=add"), "{logs:?}");
        assert_eq!(rig.value(0, K::long(1)), Ok(vec![K::long(2)]), "and it lives");
        assert_eq!((rig.heard(), rig.around.failed.get()), ((0, 2), 1));
    }
}

#[test]
fn events_with_keys_have_states_of_their_own() {
    let mut rig = Rig::new(
        ".qsp.run .qsp.read.fromCallback[`p; .qsp.use ``key!``sym] \
         .qsp.map[{[op;md;x] .qsp.set[op;md;.qsp.get[op;md],x`size]}; .qsp.use ``params!(::;\
         `operator`metadata`data)] .qsp.write.toVariable[`v]",
    );
    let mut give = |sym: &str, size: i64| {
        let names = K::syms(vec!["sym".into(), "size".into()]);
        let event = K::dict(names, K::list(vec![K::sym(sym), K::long(size)]));
        rig.value(0, event).unwrap().iter().map(crate::display::text).collect::<Vec<_>>()
    };
    assert_eq!(give("a", 1), [",1"]);
    assert_eq!(give("b", 2), [",2"]);
    assert_eq!(give("a", 3), ["1 3"]);
}

#[test]
fn a_spec_lets_its_readers_read_again() {
    let mut rig = Rig::new(
        ".qsp.onStart {[] .qsp.triggerRead`r}\n\
         x:.qsp.read.fromExpr[\"1\"; .qsp.use `name`trigger!`r`api] .qsp.write.toVariable[`w]\n\
         .qsp.run (.qsp.read.fromCallback[`p] .qsp.map[{.qsp.triggerRead[]; x}] \
         .qsp.write.toVariable[`v]; x)",
    );
    let heard = |rig: &Rig| {
        let bell = rig.around.bell("r");
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        std::pin::pin!(bell.heard()).poll(&mut context).is_ready()
    };
    assert!(!heard(&rig), "nothing has started");
    let program = rig.exprs.len() - 3;
    rig.exprs[program].on_time(&mut Vec::new()).unwrap();
    assert!(heard(&rig) && !heard(&rig));
    let batch = rig.batch(Data::Value(K::long(1)));
    let mut out = Vec::new();
    // The other reader was made first.
    rig.exprs[program].map_port(1, batch, &mut out).unwrap();
    assert!(heard(&rig));
    delivered(out);
}

#[test]
fn what_was_pushed_before_an_error_flows_on() {
    let mut rig = Rig::new(&format!(
        "{READ} .qsp.apply[{{[op;md;x] .qsp.push[op;md;x]; '\"no\"}}] .qsp.write.toVariable[`v]"
    ));
    assert_eq!(rig.value(0, K::long(1)), Ok(vec![K::long(1)]));
    assert_eq!((rig.heard(), rig.around.failed.get()), ((0, 1), 1));
}

#[test]
fn limits_fail_the_pipeline_and_name_the_operator() {
    let mut rig = Rig::new(&format!(
        "{READ} .qsp.map[{{@[til;x;0]}}; .qsp.use ``name!``big] .qsp.write.toVariable[`v]"
    ));
    let error = rig.value(0, K::long(1 << 40)).unwrap_err();
    assert_eq!(error, OperatorError::new("big: 'wsfull"));
    assert_eq!(rig.around.failed.get(), 1);
}

#[test]
fn a_reader_whose_expression_signals_fails_the_pipeline() {
    let mut rig = Rig::new(
        ".qsp.run .qsp.read.fromExpr[\"1+`a\"; .qsp.use ``name!``one] .qsp.write.toVariable[`v]",
    );
    assert_eq!(rig.value(0, K::Null), Err(OperatorError::new("one: 'type")));
}

#[test]
fn an_error_in_what_a_window_emits_is_counted() {
    let mut rig = Rig::new(&format!(
        "{READ} .qsp.window.count[2] .qsp.map[{{'\"no\"}}; .qsp.use ``name!``m] \
         .qsp.write.toVariable[`v]"
    ));
    assert_eq!(rig.value(0, K::longs(vec![1])), Ok(vec![]));
    let mut pieces = Vec::new();
    rig.exprs[0].end(End::Drained, &mut pieces).unwrap();
    assert!(pieces.is_empty());
    assert_eq!(rig.around.failed.get(), 1);
    assert!(rig.logs()[0].starts_with("'no operator=m"), "{:?}", rig.logs());
}

#[test]
fn an_error_at_the_end_is_counted_and_the_pipeline_lives() {
    let mut rig = Rig::new(&format!(
        "{READ} .qsp.apply[{{[op;md;x]}}; .qsp.use `onFinish`name!({{[op;md] \
         .qsp.push[op;md;7]; '\"end\"}};`last)] .qsp.write.toVariable[`v]"
    ));
    let mut out = Vec::new();
    assert_eq!(rig.exprs[0].end(End::Stopped, &mut out), Ok(()));
    assert_eq!(delivered(out), [K::long(7)]);
    assert_eq!(rig.around.failed.get(), 1);
    assert!(rig.logs()[0].starts_with("'end operator=last"), "{:?}", rig.logs());
}

#[test]
fn an_error_of_a_tick_is_counted_and_not_due_again_at_once() {
    let mut rig = Rig::new(&format!(
        "{READ} .qsp.window.timer[0D00:00:01; .qsp.use `skipEmptyWindows`name!(\"no\";`w)] \
         .qsp.write.toVariable[`v]"
    ));
    rig.value(0, K::longs(vec![1])).unwrap();
    let mut out = Vec::new();
    for second in 1..=2 {
        rig.around.now_ns.set(second * 1_000_000_000);
        assert_eq!(rig.exprs[0].due_ns(), Some(rig.around.now_ns.get()));
        assert_eq!(rig.exprs[0].on_time(&mut out), Ok(()));
    }
    assert_eq!(delivered(out), [K::longs(vec![1])]);
    assert_eq!(rig.around.failed.get(), 1, "of the second tick, which had nothing to emit");
    assert!(rig.logs()[0].contains("operator=w"), "{:?}", rig.logs());
    assert_eq!(rig.exprs[0].due_ns(), Some(3_000_000_000));
}

#[test]
fn many_errors_are_counted_and_not_said() {
    let mut rig = Rig::new(&format!("{READ} .qsp.map[{{x+`a}}] .qsp.write.toVariable[`v]"));
    for _ in 0..1000 {
        rig.value(0, K::long(1)).unwrap();
    }
    assert_eq!(rig.around.failed.get(), 1000);
    assert_eq!(rig.logs().len(), BURST_MAX as usize);
    rig.around.now_ns.set(PERIOD_NS);
    rig.value(0, K::long(1)).unwrap();
    let told = format!("{} more errors were not logged", 1000 - BURST_MAX);
    assert_eq!(rig.logs()[BURST_MAX as usize], told);
    for _ in 0..BURST_MAX {
        rig.value(0, K::long(1)).unwrap();
    }
    let around = Rc::clone(&rig.around);
    drop(rig);
    let last = around.logs.borrow().last().cloned();
    assert_eq!(last.as_deref(), Some("1 more errors were not logged"), "at the end at the latest");
}

#[test]
fn blocks_of_a_file_are_lines_or_bytes() {
    let raw = || {
        let bytes = b"ab\r\nc\n".as_slice().into();
        Data::Raw(RawBlock { bytes, meta: None, offset: 0, only: None })
    };
    let read = ".qsp.run .qsp.read.fromFile";
    let mut rig = Rig::new(&format!("{read}[\"f\"] .qsp.write.toVariable[`v]"));
    assert_eq!(rig.give(0, raw()), Ok(vec![K::list(vec![K::str("ab"), K::str("c")])]));
    let mode = ".qsp.use ``mode!``binary";
    let mut rig = Rig::new(&format!("{read}[\"f\"; {mode}] .qsp.write.toVariable[`v]"));
    assert_eq!(rig.give(0, raw()), Ok(vec![bytes(b"ab\r\nc\n")]));
}

#[test]
fn the_clock_ends_a_window_of_event_time_when_nothing_comes() {
    let mut rig =
        Rig::new(&format!("{READ} .qsp.window.tumbling[0D00:00:01;`t] .qsp.write.toVariable[`v]"));
    // Half a second after 1970 began, as the clock of the test has it.
    let time = 500_000_000 - 10_957 * 86_400_000_000_000i64;
    let times = K::vec(formats::k::Type::Timestamp, vec![time]);
    let table = K::table(vec![formats::k::Sym::new("t")], vec![times]).unwrap();
    assert_eq!(rig.value(0, table.clone()), Ok(vec![]));
    let mut out = Vec::new();
    for (second, count) in [(1, 0), (2, 1)] {
        rig.around.now_ns.set(second * 1_000_000_000);
        assert_eq!(rig.exprs[0].due_ns(), Some(rig.around.now_ns.get()));
        assert_eq!(rig.exprs[0].on_time(&mut out), Ok(()));
        assert_eq!(out.len(), count);
    }
    assert_eq!(delivered(out), [table]);
    assert_eq!(rig.exprs[0].due_ns(), None);
}
