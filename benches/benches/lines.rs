//! Line splitting.

use std::hint::black_box;

use benches::{events, ticks_csv};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use formats::lines::LineSplitter;

fn split(c: &mut Criterion) {
    let mut group = c.benchmark_group("lines");
    for (name, text) in [("320 bytes", events(3_000)), ("27 bytes", ticks_csv(40_000))] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        let splitter = LineSplitter::new();
        let mut ranges = Vec::new();
        group.bench_function(name, |b| {
            b.iter(|| {
                ranges.clear();
                let _ = splitter.split(black_box(text.as_bytes()), true, &mut ranges);
                black_box(ranges.len())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, split);
criterion_main!(benches);
