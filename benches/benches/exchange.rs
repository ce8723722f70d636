//! The way of a block from one shard to another and back, between two pinned reactors: as a part
//! of a pipeline hands its results home and hears of their acks. A block is a batch of lines of
//! about 320 bytes; the head's work, where it is done, is to split it and to map each line.

use std::hint::black_box;
use std::time::{Duration, Instant};

use benches::events;
use bloblang::local::Local;
use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use plan::{Batch, Body, Code, Data, Expr, Form, Language, RawBlock, Record, Records};

/// Blocks that are on the way at once: one shows the latency, more the cost.
const IN_FLIGHT: &[u64] = &[1, 32];

const MAPPING: &str = "root = this\nroot.level = this.level.lowercase()\n\
                       root.total = this.value * this.count\nroot = if !this.ok { deleted() }";

/// Splits blocks into lines and maps them.
struct Head(Box<dyn Expr>);

impl Head {
    fn new() -> Option<Self> {
        let session = bloblang::LANGUAGE.open(None, Local::setup().services).ok()?;
        let code = Code { lang: bloblang::NAME.into(), text: MAPPING.into(), slot: None };
        session.compile(&code, Form::Mapping).ok().map(Head)
    }

    fn run(&mut self, batch: &Batch) -> Batch {
        let Data::Raw(RawBlock { bytes, .. }) = &batch.data else { return records(&Bytes::new()) };
        let mut out = Vec::with_capacity(1);
        let _ = self.0.map(records(bytes), &mut out);
        out.pop().unwrap_or_else(|| records(&Bytes::new()))
    }
}

fn records(text: &Bytes) -> Batch {
    let mut start = 0;
    let recs = text.split(|b| *b == b'\n').filter(|line| !line.is_empty()).map(|line| {
        let body = Body::Range { start: start as u32, len: line.len() as u32 };
        start += line.len() + 1;
        Record { body, ..Record::default() }
    });
    Batch::records(Records { recs: recs.collect(), block: text.clone(), loose: true })
}

fn block(text: &Bytes) -> Batch {
    let raw = RawBlock { bytes: text.clone(), meta: None, offset: 0, only: None };
    Batch::new(Data::Raw(raw))
}

/// A number of trips to make, and where the time they took goes.
struct Trips {
    count: u64,
    in_flight: u64,
    block: Bytes,
    reply: flume::Sender<Duration>,
}

/// A reactor on a core of its own, where the machine has one for it.
fn reactor(core: usize) -> rt::ReactorConfig {
    let config = rt::ReactorConfig::new(rt::IoMode::Auto, &format!("shard-{core}"));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if core < cores { config.on_core(core) } else { config }
}

/// One shard sends blocks and takes them back.
async fn home(
    orders: flume::Receiver<Trips>,
    there: flume::Sender<Batch>,
    back: flume::Receiver<Batch>,
) {
    while let Ok(Trips { count, in_flight, block: text, reply }) = orders.recv_async().await {
        let start = Instant::now();
        let mut sent = 0;
        for done in 0..count {
            while sent < count.min(done + in_flight) {
                let _ = there.send(block(&text));
                sent += 1;
            }
            let Ok(batch) = back.recv_async().await else { return };
            black_box(batch.len());
            batch.ok();
        }
        let _ = reply.send(start.elapsed());
    }
}

/// The other gives each back, as it is or behind the head.
async fn away(head: bool, there: flume::Receiver<Batch>, back: flume::Sender<Batch>) {
    let mut head = if head { Head::new() } else { None };
    while let Ok(batch) = there.recv_async().await {
        let result = head.as_mut().map(|head| head.run(&batch));
        let _ = back.send(result.unwrap_or(batch));
    }
}

fn exchange(c: &mut Criterion) {
    for (name, head) in [("exchange", false), ("exchange with head", true)] {
        let (orders, ordered) = flume::unbounded();
        let ((there, arrived), (back, returned)) = (flume::unbounded(), flume::unbounded());
        let one = rt::start_thread(reactor(0), move || home(ordered, there, returned));
        let other = rt::start_thread(reactor(1), move || away(head, arrived, back));
        let (Ok(one), Ok(other)) = (one, other) else { continue };
        let mut group = c.benchmark_group(name);
        for count in [1, 16, 256] {
            let text = Bytes::from(events(count));
            group.throughput(Throughput::Elements(count as u64));
            for in_flight in IN_FLIGHT.iter().copied() {
                let id = BenchmarkId::new(format!("{in_flight} on the way"), count);
                group.bench_function(id, |b| {
                    b.iter_custom(|count| {
                        let (reply, took) = flume::bounded(1);
                        let block = text.clone();
                        let _ = orders.send(Trips { count, in_flight, block, reply });
                        took.recv().unwrap_or_default()
                    });
                });
            }
        }
        group.finish();
        drop(orders);
        let _ = (one.join(), other.join());
    }
}

criterion_group!(benches, exchange);
criterion_main!(benches);
