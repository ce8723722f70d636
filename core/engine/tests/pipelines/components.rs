//! Components made for the purpose: a source with partitions, operators and sinks that tell what
//! they saw.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use plan::{
    Batch, BuildError, Class, Data, End, Env, Fault, Json, LocalBoxFuture, Operator, OperatorError,
    RawBlock, Record, Records, Registry, Sink, SinkError, Source, SourceContext, SourceError, Spec,
    Step,
};

/// What the components of one test tell.
#[derive(Default)]
pub(crate) struct Shelf {
    /// Lines that arrived at the sink.
    pub(crate) lines: Mutex<Vec<String>>,
    /// Messages that arrived at sinks of which each shard has one.
    pub(crate) count: AtomicUsize,
    /// Threads on which they did.
    pub(crate) threads: Mutex<BTreeSet<String>>,
    /// Lines of which the sink refuses the first delivery.
    pub(crate) refuse: AtomicBool,
    pub(crate) refused: Mutex<BTreeSet<String>>,
    /// Instances of the source that ran, with how many there are.
    pub(crate) instances: Mutex<BTreeSet<(usize, usize)>>,
    /// Sources that are built and not yet dropped.
    pub(crate) alive: AtomicUsize,
    pub(crate) built: AtomicUsize,
    pub(crate) emitted: AtomicUsize,
    pub(crate) acked: AtomicUsize,
    /// How often an operator was called because its time had come.
    pub(crate) called: AtomicUsize,
    /// Results of operators whose state belongs to keys.
    pub(crate) made: AtomicUsize,
}

static SHELVES: Mutex<Vec<(String, Arc<Shelf>)>> = Mutex::new(Vec::new());

/// The shelf of this name.
pub(crate) fn shelf(name: &str) -> Arc<Shelf> {
    let mut shelves = SHELVES.lock().unwrap();
    if let Some((_, shelf)) = shelves.iter().find(|(n, _)| n == name) {
        return shelf.clone();
    }
    shelves.push((name.to_owned(), Arc::default()));
    shelves.last().unwrap().1.clone()
}

fn number(config: &Json, name: &str) -> Option<u64> {
    config.get(name).and_then(Json::as_u64)
}

fn shelf_of(config: &Json) -> Arc<Shelf> {
    shelf(config.get("shelf").and_then(Json::as_str).unwrap_or_default())
}

/// Emits, for each of its partitions, `blocks` blocks of lines `partition:number`.
struct Parted {
    partitions: u64,
    blocks: u64,
    lines: u64,
    /// The instance that fails for good behind its last block.
    fatal: Option<u64>,
    shelf: Arc<Shelf>,
}

impl Parted {
    fn block(&self, partition: u64, block: u64) -> Batch {
        let lines = block * self.lines..(block + 1) * self.lines;
        let text: String = lines.map(|line| format!("{partition}:{line}\n")).collect();
        let raw = RawBlock { bytes: text.into(), meta: None, offset: 0, only: None };
        Batch::new(Data::Raw(raw))
    }

    async fn read(&self, context: Rc<dyn SourceContext>) -> Result<(), SourceError> {
        let (index, count) = context.instance();
        self.shelf.instances.lock().unwrap().insert((index, count));
        context.connected(true);
        let mut outcomes = Vec::new();
        let mine = |p: &u64| p % count as u64 == index as u64;
        'reading: for block in 0..self.blocks {
            for partition in (0..self.partitions).filter(mine) {
                match context.emit(self.block(partition, block)).await {
                    Ok(emitted) => outcomes.push(emitted),
                    Err(_) => break 'reading,
                }
                self.shelf.emitted.fetch_add(1, Ordering::SeqCst);
            }
        }
        for outcome in outcomes {
            assert!(outcome.outcome().await.is_ok());
            self.shelf.acked.fetch_add(1, Ordering::SeqCst);
        }
        match self.fatal {
            Some(fatal) if fatal == index as u64 => Err(SourceError::Fatal("it is broken".into())),
            Some(_) => {
                context.stopping().await;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Source for Parted {
    fn run<'a>(
        &'a mut self,
        context: Rc<dyn SourceContext>,
    ) -> LocalBoxFuture<'a, Result<(), SourceError>> {
        Box::pin(self.read(context))
    }

    fn partitions(&self) -> usize {
        self.partitions as usize
    }
}

impl Drop for Parted {
    fn drop(&mut self) {
        self.shelf.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

fn parted(config: &Json, _: &dyn Env) -> Result<Box<dyn Source>, BuildError> {
    let shelf = shelf_of(config);
    let before = shelf.built.fetch_add(1, Ordering::SeqCst) as u64;
    if number(config, "build_once").is_some() && before > 0 {
        return Err(BuildError::new("it can be built only once"));
    }
    shelf.alive.fetch_add(1, Ordering::SeqCst);
    Ok(Box::new(Parted {
        partitions: number(config, "partitions").unwrap_or(6),
        blocks: number(config, "blocks").unwrap_or(u64::MAX),
        lines: number(config, "lines").unwrap_or(50),
        fatal: number(config, "fatal"),
        shelf,
    }))
}

/// Splits raw blocks into lines; panics at a given one.
struct Split {
    panics_at: Option<String>,
}

impl Operator for Split {
    fn class(&self) -> Class {
        Class::Stateless
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        let Data::Raw(raw) = &batch.data else { panic!("raw blocks only") };
        let mut records = Records::default();
        for (tag, line) in raw.bytes.split(|b| *b == b'\n').enumerate() {
            let wanted = raw.only.as_ref().is_none_or(|o| o.contains(&(tag as u32)));
            if self.panics_at.as_ref().is_some_and(|text| text.as_bytes() == line) {
                panic!("this line is too much");
            }
            if !line.is_empty() && wanted {
                let mut record = Record::own(line.to_vec());
                record.origin.tag = tag as u32;
                records.recs.push(record);
            }
        }
        out.push(batch.with_data(Data::Records(records)));
        Step::Done(Ok(()))
    }
}

/// Lets everything pass, on one shard and in order.
struct Together;

impl Operator for Together {
    fn class(&self) -> Class {
        Class::Bound
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        out.push(batch);
        Step::Done(Ok(()))
    }
}

/// Lets everything pass and is always due.
struct Always(Arc<Shelf>);

impl Operator for Always {
    fn class(&self) -> Class {
        Class::Bound
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        out.push(batch);
        Step::Done(Ok(()))
    }

    fn due_ns(&self) -> Option<u64> {
        Some(rt::now().0)
    }

    fn on_time<'a>(&'a mut self, _: u64, _: &'a mut Vec<Batch>) -> Step<'a> {
        self.0.called.fetch_add(1, Ordering::SeqCst);
        Step::Done(Ok(()))
    }
}

/// Lets the lines pass whose number is its own; behind its end it has `more` lines, one at a time.
struct Keyed {
    shelf: Arc<Shelf>,
    own: Option<u8>,
    more: u64,
    ended: bool,
}

impl Keyed {
    fn line(&self, text: String, out: &mut Vec<Batch>) {
        self.shelf.made.fetch_add(1, Ordering::SeqCst);
        out.push(Batch::records(Records::from_bodies([text.into_bytes()])));
    }
}

impl Operator for Keyed {
    fn class(&self) -> Class {
        Class::Keyed
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        self.on_own(0, batch, &[], 0, out)
    }

    fn owners(&mut self, _: usize, batch: &Batch, parts: usize) -> Result<Vec<u8>, OperatorError> {
        Ok((0..batch.len()).map(|row| (row % parts) as u8).collect())
    }

    fn on_own<'a>(
        &'a mut self,
        port: usize,
        batch: Batch,
        owners: &'a [u8],
        own: u8,
        out: &'a mut Vec<Batch>,
    ) -> Step<'a> {
        self.own = Some(own);
        let records = batch.as_records().expect("records");
        let mut lines = Vec::new();
        for row in (0..records.recs.len()).filter(|row| owners.get(*row) == Some(&own)) {
            let mut scratch = Vec::new();
            let line = String::from_utf8_lossy(records.bytes(row, &mut scratch)).into_owned();
            lines.push(format!("{port}/{line}"));
        }
        self.shelf.made.fetch_add(1, Ordering::SeqCst);
        let bodies = lines.into_iter().map(String::into_bytes);
        out.push(Batch::records(Records::from_bodies(bodies)));
        batch.ok();
        Step::Done(Ok(()))
    }

    fn on_end<'a>(&'a mut self, _: End, out: &'a mut Vec<Batch>) -> Step<'a> {
        self.ended = true;
        self.line(format!("end of {:?}", self.own), out);
        Step::Done(Ok(()))
    }

    fn due_ns(&self) -> Option<u64> {
        (self.ended && self.more > 0).then_some(0)
    }

    fn on_time<'a>(&'a mut self, _: u64, out: &'a mut Vec<Batch>) -> Step<'a> {
        self.more -= 1;
        self.line(format!("{} more of {:?}", self.more, self.own), out);
        Step::Done(Ok(()))
    }
}

/// Lets everything pass and tells its end in a line.
struct Flush(String);

impl Operator for Flush {
    fn class(&self) -> Class {
        Class::Bound
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        out.push(batch);
        Step::Done(Ok(()))
    }

    fn on_end<'a>(&'a mut self, end: End, out: &'a mut Vec<Batch>) -> Step<'a> {
        let line = format!("{} {end:?}", self.0);
        out.push(Batch::records(Records::from_bodies([line.into_bytes()])));
        Step::Done(Ok(()))
    }
}

/// Collects lines, or only counts them where every shard has a sink, or never finishes a write.
struct Kept {
    shelf: Arc<Shelf>,
    spreads: bool,
    stuck: bool,
}

impl Kept {
    async fn take(&self, batch: &Batch) -> Result<(), SinkError> {
        if self.stuck {
            std::future::pending::<()>().await;
        }
        let records = batch.as_records().ok_or(SinkError::all("not records"))?;
        let thread = std::thread::current().name().unwrap_or_default().to_owned();
        self.shelf.threads.lock().unwrap().insert(thread);
        if self.spreads {
            self.shelf.count.fetch_add(records.recs.len(), Ordering::SeqCst);
            return Ok(());
        }
        let mut failed = Vec::new();
        for i in 0..records.recs.len() {
            let mut scratch = Vec::new();
            let line = String::from_utf8_lossy(records.bytes(i, &mut scratch)).into_owned();
            let refuse = self.shelf.refuse.load(Ordering::SeqCst) && line.ends_with('7');
            if refuse && self.shelf.refused.lock().unwrap().insert(line.clone()) {
                failed.push((i, Arc::new(Fault::new("not at once"))));
            } else {
                self.shelf.lines.lock().unwrap().push(line);
            }
        }
        if failed.is_empty() { Ok(()) } else { Err(SinkError::Some(failed)) }
    }
}

impl Sink for Kept {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async { Ok(()) })
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(self.take(batch))
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async { Ok(()) })
    }

    fn spreads(&self) -> bool {
        self.spreads
    }
}

fn kept(config: &Json, spreads: bool, stuck: bool) -> Result<Box<dyn Sink>, BuildError> {
    Ok(Box::new(Kept { shelf: shelf_of(config), spreads, stuck }))
}

static PARTED: plan::SourceSpec = Spec::undocumented("parted", parted);
static SPLIT: plan::OperatorSpec = Spec::undocumented("split", |c: &Json, _: &dyn Env| {
    let panics_at = c.get("panics_at").and_then(Json::as_str).map(str::to_owned);
    Ok(Box::new(Split { panics_at }))
});
static TOGETHER: plan::OperatorSpec = Spec::undocumented("together", |_, _| Ok(Box::new(Together)));
static ALWAYS: plan::OperatorSpec =
    Spec::undocumented("always", |c: &Json, _: &dyn Env| Ok(Box::new(Always(shelf_of(c)))));
static KEYED: plan::OperatorSpec = Spec::undocumented("keyed", |c: &Json, _: &dyn Env| {
    let more = number(c, "more").unwrap_or_default();
    Ok(Box::new(Keyed { shelf: shelf_of(c), own: None, more, ended: false }))
});
static FLUSH: plan::OperatorSpec = Spec::undocumented("flush", |c: &Json, _: &dyn Env| {
    let text = c.get("text").and_then(Json::as_str).unwrap_or_default();
    Ok(Box::new(Flush(text.to_owned())))
});
static COLLECT: plan::SinkSpec =
    Spec::undocumented("collect", |c: &Json, _: &dyn Env| kept(c, false, false));
static EVERYWHERE: plan::SinkSpec =
    Spec::undocumented("everywhere", |c: &Json, _: &dyn Env| kept(c, true, false));
static STUCK: plan::SinkSpec =
    Spec::undocumented("stuck", |c: &Json, _: &dyn Env| kept(c, false, true));

/// All of them.
pub(crate) fn registry() -> Registry {
    Registry {
        sources: vec![&PARTED],
        operators: vec![&SPLIT, &TOGETHER, &ALWAYS, &KEYED, &FLUSH],
        sinks: vec![&COLLECT, &EVERYWHERE, &STUCK],
        ..Registry::default()
    }
}
