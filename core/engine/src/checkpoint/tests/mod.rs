//! The wrapper as a driver and a disk see it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow_array::UInt64Array;
use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use plan::{
    Ack, AckPort, Acks, Batch, Class, Columns, Component, Data, DataType, End, Fault, Field, Json,
    LocalBoxFuture, Operator, OperatorError, Plan, Role, Schema, Step,
};

use super::record::Record;
use super::skip::Skip;
use super::{Around, Checkpointed, Keeper, Limits};

mod crashes;
mod parts;
mod rounds;

const MARK: [u8; 32] = [1; 32];
const PARTITION: u32 = 3;

/// Limits under which everything is due at once.
fn eager() -> Limits {
    Limits {
        age_ns: 0,
        idle_ns: 0,
        share: 0,
        pause_min_ns: 1,
        pause_max_ns: 1000,
        ..Limits::default()
    }
}

/// Rows that are there behind a filter: those whose numbers are no multiples of 7.
fn columns(rows: &[u64]) -> Columns {
    let schema = Schema { fields: vec![Field { name: "v".into(), ty: DataType::U64 }] };
    let kept = rows.iter().zip(0_u32..).filter(|(row, _)| *row % 7 != 0);
    let (values, places): (Vec<u64>, Vec<u32>) = kept.unzip();
    let filtered = values.len() < rows.len();
    let mut columns = Columns::new(Arc::new(schema), vec![Arc::new(UInt64Array::from(values))]);
    columns.source_rows = rows.len();
    columns.places = filtered.then(|| Arc::new(places));
    columns.partition = PARTITION;
    columns
}

fn values(data: &Data) -> Vec<u64> {
    let Data::Columns(columns) = data else { panic!("columns") };
    columns.arrays[0].as_primitive::<UInt64Type>().values().to_vec()
}

/// A plan of a source that begins anew, or not, and an operator behind something in between.
fn plan(anew: bool) -> Plan {
    let mut plan = Plan::default();
    let component = || Component::new("x", Json::Null);
    let source = plan.add(Role::Source, component(), vec![]);
    plan.nodes[source].anew = anew.then_some(PARTITION);
    let filter = plan.add(Role::Operator, component(), vec![source]);
    let window = plan.add(Role::Operator, component(), vec![filter]);
    plan.add(Role::Operator, component(), vec![window]);
    plan
}

/// Hands rows on in groups of five, and what is left at the end.
#[derive(Default)]
struct Fives(Vec<u64>);

impl Fives {
    fn out(&mut self, count: usize, out: &mut Vec<Batch>) {
        let group: Vec<u64> = self.0.drain(..count).collect();
        out.push(Batch::new(Data::Columns(columns(&group))));
    }
}

impl Operator for Fives {
    fn class(&self) -> Class {
        Class::Bound
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        self.0.extend(values(&batch.data));
        while self.0.len() >= 5 {
            self.out(5, out);
        }
        batch.ok();
        Step::Done(Ok(()))
    }

    fn on_end<'a>(&'a mut self, _: End, out: &'a mut Vec<Batch>) -> Step<'a> {
        self.out(self.0.len(), out);
        Step::Done(Ok(()))
    }

    fn snapshot(&self) -> Result<Option<Vec<u8>>, OperatorError> {
        Ok(Some(self.0.iter().flat_map(|row| row.to_le_bytes()).collect()))
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), OperatorError> {
        self.0 = state.as_chunks().0.iter().map(|row| u64::from_le_bytes(*row)).collect();
        Ok(())
    }
}

/// What was saved last, and how many times nothing can be.
#[derive(Clone, Default)]
struct Shelf {
    saved: Rc<RefCell<Option<Vec<u8>>>>,
    saves: Rc<Cell<usize>>,
    full: Rc<Cell<usize>>,
}

impl Keeper for Shelf {
    fn save(&self, content: Vec<u8>) -> LocalBoxFuture<'static, Result<(), String>> {
        let shelf = self.clone();
        Box::pin(async move {
            rt::yield_now().await;
            if shelf.full.get() > 0 {
                shelf.full.set(shelf.full.get() - 1);
                return Err("no space left".to_owned());
            }
            shelf.saves.set(shelf.saves.get() + 1);
            *shelf.saved.borrow_mut() = Some(content);
            Ok(())
        })
    }
}

/// A source's side: what was acknowledged, and what was not.
#[derive(Default)]
struct Acked {
    failed: Mutex<BTreeSet<u64>>,
    done: Mutex<BTreeSet<u64>>,
}

impl AckPort for Acked {
    fn fail(&self, id: u64, _: Option<u32>, _: Arc<Fault>) {
        self.failed.lock().unwrap().insert(id);
    }
    fn reply(&self, _: u64, _: Vec<(plan::Record, Vec<u8>)>) {}
    fn done(&self, id: u64) {
        if !self.failed.lock().unwrap().contains(&id) {
            self.done.lock().unwrap().insert(id);
        }
    }
}

/// Whether the operator is busy.
#[derive(Clone, Default)]
struct Busy(Rc<Cell<bool>>);

impl Around for Busy {
    fn nudge(&self) {}
    fn busy(&self, busy: bool) {
        assert_ne!(self.0.replace(busy), busy);
    }
    fn delivered(&self, _: u64) {}
}

fn in_reactor(test: impl AsyncFnOnce() + Send + 'static) {
    let config = rt::ReactorConfig::new(rt::IoMode::Auto, "checkpoints");
    rt::run_reactor(config, move || test()).unwrap();
}

fn durable(shelf: &Shelf, limits: Limits, anew: bool) -> Checkpointed {
    durable_in(shelf, limits, anew, &Busy::default())
}

fn durable_in(shelf: &Shelf, limits: Limits, anew: bool, busy: &Busy) -> Checkpointed {
    let mut skip = Skip::new(&plan(anew), 2, &[2]);
    let mut operator = Fives::default();
    if let Some(saved) = &*shelf.saved.borrow() {
        let record = Record::read(saved, &MARK).unwrap();
        operator.restore(record.state).unwrap();
        skip.resume(record.consumed);
    }
    let (keeper, around) = (Box::new(shelf.clone()), Rc::new(busy.clone()));
    Checkpointed::new(Box::new(operator), (MARK, skip), limits, keeper, around)
}

fn source_batch(acked: &Arc<Acked>, id: u64, rows: &[u64]) -> Batch {
    let acks = Acks::one(Ack::new(acked.clone(), id));
    Batch { acks, ..Batch::new(Data::Columns(columns(rows))) }
}

/// Lets other tasks run, and calls the operator when it wants to be.
async fn turn(operator: &mut Checkpointed, out: &mut Vec<Batch>) {
    for _ in 0..8 {
        rt::yield_now().await;
    }
    let now_ns = rt::now().0;
    if operator.due_ns().is_some_and(|due_ns| due_ns <= now_ns) {
        Operator::on_time(operator, now_ns, out).finish().await.unwrap();
    }
}

async fn until(
    operator: &mut Checkpointed,
    out: &mut Vec<Batch>,
    mut there: impl FnMut(&mut Vec<Batch>) -> bool,
) {
    let wait = async {
        while !there(out) {
            turn(operator, out).await;
            rt::sleep(Duration::from_millis(1)).await;
        }
    };
    rt::timeout(Duration::from_secs(20), wait).await.expect("it comes to that");
}

#[test]
fn a_row_is_acknowledged_when_it_is_kept_and_what_came_before_is_delivered() {
    in_reactor(async || {
        let (shelf, acked, mut out) = (Shelf::default(), Arc::new(Acked::default()), Vec::new());
        let done = || acked.done.lock().unwrap().len();
        let mut operator = durable(&shelf, eager(), false);
        shelf.full.set(1);
        for (id, rows) in [[1, 2, 3], [4, 5, 6]].iter().enumerate() {
            let batch = source_batch(&acked, id as u64, rows);
            operator.on_batch(batch, &mut out).finish().await.unwrap();
        }
        let first = out.pop().unwrap();
        assert_eq!(values(&first.data), [1, 2, 3, 4, 5]);
        // The first checkpoint was taken before there was a result, and cannot be written.
        until(&mut operator, &mut out, |_| shelf.full.get() == 0).await;
        for _ in 0..20 {
            turn(&mut operator, &mut out).await;
        }
        assert_eq!(done(), 0, "the snapshot that replaces it is of after the result");
        first.fail(&Arc::new(Fault::new("refused")));
        until(&mut operator, &mut out, |out| !out.is_empty()).await;
        assert_eq!((values(&out[0].data), out.len(), done()), (vec![1, 2, 3, 4, 5], 1, 0));
        out.pop().unwrap().ok();
        until(&mut operator, &mut out, |_| done() == 2).await;
        let saved = shelf.saved.borrow().clone().unwrap();
        assert_eq!(Record::read(&saved, &MARK).unwrap().state, 6_u64.to_le_bytes());
        // Nothing more is to be kept, and a forced end leaves nothing acknowledged that is not.
        assert_eq!((operator.due_ns(), shelf.saves.get()), (None, 1));
        shelf.full.set(usize::MAX);
        let batch = source_batch(&acked, 2, &[8]);
        operator.on_batch(batch, &mut out).finish().await.unwrap();
        turn(&mut operator, &mut out).await;
        drop(operator);
        until(&mut durable(&shelf, eager(), false), &mut out, |_| {
            acked.failed.lock().unwrap().contains(&2)
        })
        .await;
        assert_eq!(done(), 2);
    });
}

#[test]
fn a_stop_waits_until_the_state_knows_of_all_results() {
    in_reactor(async || {
        let (shelf, busy, mut out) = (Shelf::default(), Busy::default(), Vec::new());
        // Nothing is due but at the end.
        let limits = Limits { idle_ns: u64::MAX / 4, age_ns: u64::MAX / 4, ..eager() };
        let mut operator = durable_in(&shelf, limits, false, &busy);
        let rows = Batch::new(Data::Columns(columns(&[1, 2, 3, 4, 5, 6])));
        operator.on_batch(rows, &mut out).finish().await.unwrap();
        out.pop().unwrap().ok();
        until(&mut operator, &mut out, |_| !busy.0.get()).await;
        assert_eq!(shelf.saves.get(), 0);
        shelf.full.set(2);
        let first = out.len();
        operator.on_end(End::Stopped, &mut out).finish().await.unwrap();
        assert!(busy.0.get());
        out.drain(first..).for_each(Batch::ok);
        until(&mut operator, &mut out, |_| !busy.0.get()).await;
        assert_eq!((shelf.full.get(), shelf.saves.get()), (0, 1));
    });
}

#[test]
fn nobody_waits_for_the_state_of_rows_that_come_again() {
    in_reactor(async || {
        let (shelf, acked, mut out) = (Shelf::default(), Arc::new(Acked::default()), Vec::new());
        let limits = Limits { idle_ns: u64::MAX / 4, age_ns: u64::MAX / 4, ..eager() };
        for (anew, done) in [(true, 1), (false, 0)] {
            let mut operator = durable(&shelf, Limits { bytes_max: 1 << 30, ..limits }, anew);
            let batch = source_batch(&acked, u64::from(anew), &[1, 2]);
            operator.on_batch(batch, &mut out).finish().await.unwrap();
            turn(&mut operator, &mut out).await;
            assert_eq!(acked.done.lock().unwrap().len(), done, "{anew}");
            assert!(operator.due_ns().is_some(), "a snapshot is due some time");
            acked.done.lock().unwrap().clear();
        }
        assert_eq!(shelf.saves.get(), 0);
    });
}

#[test]
fn what_goes_in_waits_while_many_results_are_not_delivered() {
    in_reactor(async || {
        let (shelf, acked, mut out) = (Shelf::default(), Arc::new(Acked::default()), Vec::new());
        let limits = Limits { results_max: 2, ..eager() };
        let mut operator = durable(&shelf, limits, false);
        let rows: Vec<u64> = (0..70).filter(|row| row % 7 != 0).collect();
        for (id, rows) in (0..).zip(rows.chunks(5)) {
            let batch = source_batch(&acked, id, rows);
            operator.on_batch(batch, &mut out).finish().await.unwrap();
            turn(&mut operator, &mut out).await;
        }
        assert_eq!(out.len(), 2, "the others wait");
        let mut seen = Vec::new();
        until(&mut operator, &mut out, |out| {
            for batch in out.drain(..) {
                seen.extend(values(&batch.data));
                batch.ok();
            }
            acked.done.lock().unwrap().len() == 12
        })
        .await;
        assert_eq!(seen, rows, "in order, and nothing is lost");
        // At the end nothing waits.
        for id in 20..24 {
            let batch = source_batch(&acked, id, &[1, 2, 3, 4, 5]);
            operator.on_batch(batch, &mut out).finish().await.unwrap();
        }
        assert_eq!(out.len(), 2);
        operator.on_end(End::Stopped, &mut out).finish().await.unwrap();
        assert_eq!(out.iter().map(Batch::len).sum::<usize>(), 20);
    });
}

#[test]
fn a_state_has_a_limit() {
    in_reactor(async || {
        let acked = Arc::new(Acked::default());
        let limits = Limits { state_bytes_max: 23, ..eager() };
        let mut operator = durable(&Shelf::default(), limits, false);
        let batch = source_batch(&acked, 0, &[1, 2, 3]);
        let error = operator.on_batch(batch, &mut Vec::new()).finish().await.unwrap_err();
        assert!(error.0.contains("has 24 bytes, and at most 23 are kept"), "{error}");
    });
}
