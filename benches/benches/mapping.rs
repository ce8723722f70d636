//! Mappings over batches: each is one block of lines, as a file source makes it. Those of the
//! workloads read events of about 320 bytes; the twelve that `perf mappings` compares read messages
//! of their own.

use std::hint::black_box;
use std::rc::Rc;

use benches::events;
use bloblang::local::Local;
use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use formats::budget::Metered;
use plan::{Batch, Body, Code, Expr, Form, Language, Record, Records};
use serde_json::Value;

/// That of mainstem.
#[global_allocator]
static ALLOCATOR: Metered<mimalloc::MiMalloc> = Metered(mimalloc::MiMalloc);

/// Events of a batch.
const BATCH_EVENTS: usize = 1_000;
/// Messages of a batch of the twelve.
const BATCH_MESSAGES: usize = 64;

/// The twelve with their messages.
const TWELVE: &str = include_str!("../../perf/workloads/mappings.jsonl");

/// Those of the workloads.
const MAPPINGS: &[(&str, &str)] = &[
    (
        "w2 copy, three fields, filter",
        "root = this\nroot.level = this.level.lowercase()\nroot.total = this.value * this.count\n\
         root.origin = this.host + \"/\" + this.service\nroot = if !this.ok { deleted() }",
    ),
    (
        "w3 projection of ten fields",
        "root.id = this.id.uppercase()\nroot.ts = this.ts.ts_unix_milli()\n\
         root.day = this.ts.ts_format(\"2006-01-02\")\n\
         root.host = this.host.split(\"-\").index(1).number()\n\
         root.service = this.service.replace_all(\"svc-\", \"service/\")\n\
         root.level = this.level.lowercase()\n\
         root.path = this.msg.split(\" \").index(2).trim_prefix(\"path=\")\n\
         root.fahrenheit = (this.value * 1.8 + 32).round()\n\
         root.region = this.nested.region.slice(0, 2)\nroot.lat = this.nested.lat_ms.floor()",
    ),
    ("w4 payload in capitals", "root = content().uppercase()"),
];

fn batch(text: &Bytes) -> Batch {
    let mut start = 0;
    let recs = text.split(|b| *b == b'\n').filter(|line| !line.is_empty()).map(|line| {
        let body = Body::Range { start: start as u32, len: line.len() as u32 };
        start += line.len() + 1;
        Record { body, ..Record::default() }
    });
    Batch::records(Records { recs: recs.collect(), block: text.clone(), loose: true })
}

fn compile(mapping: &str) -> Option<Box<dyn Expr>> {
    let services = Local::setup().services;
    let session = bloblang::LANGUAGE.open(None, Rc::clone(&services)).ok()?;
    let code = Code { lang: bloblang::NAME.into(), text: mapping.into(), slot: None };
    session.compile(&code, Form::Mapping).ok()
}

fn measure(c: &mut Criterion, name: &str, mapping: &str, text: &Bytes) {
    let Some(mut expr) = compile(mapping) else { return };
    let batch = batch(text);
    let Some(records) = batch.as_records() else { return };
    let mut group = c.benchmark_group("mapping");
    group.throughput(Throughput::Elements(records.recs.len() as u64));
    group.bench_function(name, |b| {
        b.iter(|| {
            let mut out = Vec::with_capacity(1);
            let _ = expr.map(Batch::records(records.clone()), &mut out);
            black_box(out.len())
        });
    });
    group.finish();
    batch.ok();
}

fn mapping(c: &mut Criterion) {
    let text = Bytes::from(events(BATCH_EVENTS));
    for (name, mapping) in MAPPINGS {
        measure(c, name, mapping, &text);
    }
    for case in TWELVE.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let (id, mapping) = (case["id"].as_str(), case["mapping"].as_str());
        let (Some(id), Some(mapping), Some(payloads)) = (id, mapping, case["payloads"].as_array())
        else {
            continue;
        };
        let payloads = payloads.iter().filter_map(Value::as_str).cycle().take(BATCH_MESSAGES);
        measure(c, id, mapping, &payloads.collect::<Vec<_>>().join("\n").into());
    }
}

criterion_group!(benches, mapping);
criterion_main!(benches);
