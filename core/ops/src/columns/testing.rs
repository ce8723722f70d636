//! Helpers of tests: columns from lines of text and back, a small surrounding for operators, and
//! examples of columnar operators as tests.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BinaryArray, BooleanArray};
use futures_util::FutureExt;
use plan::env::{Request, Services};
use plan::{
    Batch, BuildError, Code, Columns, Component, Data, DataType, End, Env, Expr, Extent, Field,
    Form, Json, Log, Operator, OperatorSpec, Schema, Scratch, Sink, Source, StateBudget, Step,
};

use super::types::{FromNumber, array_from, bools, texts, values, with_primitive};

/// A surrounding whose clock stands still unless it is moved.
#[derive(Clone, Default)]
pub(crate) struct Fake {
    pub(crate) wall_ms: Rc<Cell<u64>>,
    /// Bytes of state that may be in memory, where the rest can go to a disk.
    state_bytes: Option<usize>,
    /// What stands on that disk.
    pub(crate) disk: Rc<FakeDisk>,
    /// What was told to the log.
    pub(crate) logged: Rc<RefCell<Vec<String>>>,
    component: Component,
}

/// A disk that is none.
#[derive(Default)]
pub(crate) struct FakeDisk {
    bytes: RefCell<Vec<u8>>,
    pub(crate) in_use: Cell<usize>,
    /// Whether it takes no more.
    pub(crate) full: Cell<bool>,
}

struct FakeScratch(Rc<FakeDisk>);

impl Scratch for FakeScratch {
    fn write(&self, bytes: Vec<u8>) -> plan::LocalBoxFuture<'_, Result<Extent, String>> {
        let mut all = self.0.bytes.borrow_mut();
        let extent = Extent { offset: all.len() as u64, len: bytes.len() };
        self.0.in_use.set(self.0.in_use.get() + bytes.len());
        all.extend(bytes);
        let full = self.0.full.get();
        Box::pin(async move { if full { Err("the disk is full".into()) } else { Ok(extent) } })
    }
    fn read(&self, extent: Extent) -> plan::LocalBoxFuture<'_, Result<Vec<u8>, String>> {
        let start = extent.offset as usize;
        let bytes = self.0.bytes.borrow()[start..start + extent.len].to_vec();
        Box::pin(std::future::ready(Ok(bytes)))
    }
    fn free(&self, extent: Extent) {
        self.0.in_use.set(self.0.in_use.get() - extent.len);
    }
}

impl Fake {
    /// With a disk for what is beyond these bytes of state.
    pub(crate) fn with_state(bytes: usize) -> Self {
        Fake { state_bytes: Some(bytes), ..Fake::default() }
    }
}

impl Services for Fake {
    fn state_budget(&self) -> StateBudget {
        StateBudget::new(self.state_bytes.unwrap_or(usize::MAX))
    }
    fn scratch(&self) -> Option<Rc<dyn Scratch>> {
        self.state_bytes.map(|_| Rc::new(FakeScratch(Rc::clone(&self.disk))) as Rc<dyn Scratch>)
    }
    fn now_ns(&self) -> u64 {
        self.wall_ms.get() * 1_000_000
    }
    fn sleep(&self, _: u64) -> plan::LocalBoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
    fn wall_ns(&self) -> i128 {
        i128::from(self.wall_ms.get()) * 1_000_000
    }
    fn random(&self) -> u64 {
        4
    }
    fn env_var(&self, _: &str) -> Option<String> {
        None
    }
    fn read_file(&self, _: &str) -> Result<Vec<u8>, String> {
        Err("no files".into())
    }
    fn hostname(&self) -> String {
        "host".into()
    }
    fn log(&self, _: Log, text: &str, _: &[(&str, &str)]) {
        self.logged.borrow_mut().push(text.to_owned());
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
    fn publish(&self, _: &str, _: formats::k::K) {}
    fn console(&self, _: &str) {}
}

impl Env for Fake {
    fn operator(&self, _: &Component) -> Result<Box<dyn Operator>, BuildError> {
        Err(BuildError::new("no operators"))
    }
    fn source(&self, _: &Component) -> Result<Box<dyn Source>, BuildError> {
        Err(BuildError::new("no sources"))
    }
    fn sink(&self, _: &Component) -> Result<Box<dyn Sink>, BuildError> {
        Err(BuildError::new("no sinks"))
    }
    fn expr(&self, _: &Code, _: Form) -> Result<Box<dyn Expr>, BuildError> {
        Err(BuildError::new("no expressions"))
    }
    fn component(&self) -> &Component {
        &self.component
    }
    fn services(&self) -> Rc<dyn Services> {
        Rc::new(self.clone())
    }
}

/// Waits for nothing: operators that only compute are done at once, and so is a fake disk.
pub(crate) fn done(step: Step) {
    step.finish().now_or_never().expect("the operator waits").unwrap();
}

/// Ends an operator and takes what it still has from disk.
pub(crate) fn end(operator: &mut dyn Operator, out: &mut Vec<Batch>) {
    done(operator.on_end(End::Drained, out));
    rest(operator, out);
}

/// Takes what an operator has on disk and is due.
pub(crate) fn rest(operator: &mut dyn Operator, out: &mut Vec<Batch>) {
    while operator.due_ns() == Some(0) {
        done(operator.on_time(0, out));
    }
}

/// Columns from lines: the first has names and types (`k:text,v:i64`), the others values.
pub(crate) fn columns(lines: &[&str]) -> Columns {
    let fields: Vec<Field> = lines[0]
        .split(',')
        .map(|f| {
            let (name, ty) = f.split_once(':').unwrap();
            let ty = plan::serde_json::from_value(Json::String(ty.into())).unwrap();
            Field { name: name.into(), ty }
        })
        .collect();
    let rows: Vec<Vec<&str>> = lines[1..].iter().map(|l| l.split(',').collect()).collect();
    let arrays = fields
        .iter()
        .enumerate()
        .map(|(i, f)| parse(f.ty, rows.iter().map(|r| r[i]).collect()))
        .collect();
    Columns::new(Arc::new(Schema { fields }), arrays)
}

fn parse(ty: DataType, items: Vec<&str>) -> ArrayRef {
    fn numbers<T: arrow_array::ArrowPrimitiveType>(items: &[&str]) -> ArrayRef
    where
        T::Native: FromNumber,
    {
        let one = |s: &&str| match (s.parse::<i64>(), s.parse::<u64>()) {
            (Ok(i), _) => T::Native::from_i64(i),
            (_, Ok(u)) => T::Native::from_u64(u),
            _ => T::Native::from_f64(s.parse().unwrap()),
        };
        array_from::<T>(items.iter().map(one).collect())
    }
    with_primitive!(ty, T => numbers::<T>(&items), _ => {
        if ty == DataType::Bool {
            let flags: Vec<bool> = items.iter().map(|s| *s == "true").collect();
            Arc::new(BooleanArray::from(flags))
        } else {
            Arc::new(BinaryArray::from_vec(items.iter().map(|s| s.as_bytes()).collect()))
        }
    })
}

/// Columns as lines, in the form [`columns`] takes.
pub(crate) fn lines(columns: &Columns) -> Vec<String> {
    let name = |ty: DataType| plan::serde_json::to_value(ty).unwrap();
    let head: Vec<String> = columns
        .schema
        .fields
        .iter()
        .map(|f| format!("{}:{}", f.name, name(f.ty).as_str().unwrap()))
        .collect();
    let mut out = vec![head.join(",")];
    for row in 0..columns.rows {
        let cells: Vec<String> = columns.arrays.iter().map(|a| item(a, row)).collect();
        out.push(cells.join(","));
    }
    out
}

fn item(array: &ArrayRef, row: usize) -> String {
    let ty = super::types::type_of(array).unwrap();
    with_primitive!(ty, T => values::<T>(array)[row].to_string(), _ => {
        match (bools(array), texts(array)) {
            (Some(flags), _) => flags.value(row).to_string(),
            (_, Some(text)) => String::from_utf8_lossy(text.value(row)).into_owned(),
            _ => panic!("{:?}", array.data_type()),
        }
    })
}

/// Runs an operator over batches to the end and returns its results as lines.
pub(crate) fn run(spec: &OperatorSpec, config: &Json, batches: Vec<Columns>) -> Vec<String> {
    run_within(spec, config, &Fake::default(), batches)
}

/// The same in some surroundings.
pub(crate) fn run_within(
    spec: &OperatorSpec,
    config: &Json,
    fake: &Fake,
    batches: Vec<Columns>,
) -> Vec<String> {
    let mut operator = (spec.build)(config, fake).unwrap();
    let mut out = Vec::new();
    for batch in batches {
        done(operator.on_batch(Batch::new(Data::Columns(batch)), &mut out));
    }
    end(&mut *operator, &mut out);
    rows_of(out)
}

/// The rows of several batches of one schema as lines.
pub(crate) fn rows_of(batches: Vec<Batch>) -> Vec<String> {
    let mut all = Vec::new();
    for batch in batches {
        if let Data::Columns(columns) = &batch.data {
            let text = lines(columns);
            all.extend(text.into_iter().skip(usize::from(!all.is_empty())));
        }
        batch.ok();
    }
    all
}

/// Runs the examples of an operator over columns.
pub(crate) fn examples(spec: &OperatorSpec) {
    assert!(!spec.examples.is_empty(), "{} has no example", spec.name);
    for example in spec.examples {
        let config = plan::serde_json::from_str(example.config).unwrap();
        let got = run(spec, &config, vec![columns(example.input)]);
        assert_eq!(got, example.output, "{}: {}", spec.name, example.title);
    }
}
