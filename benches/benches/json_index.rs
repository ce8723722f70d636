//! The JSON position index: reading records in place, fetching fields, splicing edits.

use std::hint::black_box;

use benches::events;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use formats::json::{Edits, Paths, RawKind, Reader, Splicer};

fn index(c: &mut Criterion) {
    let text = events(3_000);
    let lines: Vec<&[u8]> = text.lines().map(str::as_bytes).collect();
    let mut group = c.benchmark_group("json_index");
    group.throughput(Throughput::Bytes(text.len() as u64));

    let mut reader = Reader::new(Paths::new());
    group.bench_function("read", |b| {
        b.iter(|| lines.iter().filter(|line| reader.read(black_box(line)).is_ok()).count());
    });

    let mut paths = Paths::new();
    let (level, value, ok) =
        (paths.intern(&["level"]), paths.intern(&["value"]), paths.intern(&["ok"]));
    let mut reader = Reader::new(paths);
    let Ok(mut splicer) = Splicer::new(&[&["level"], &["origin"], &["total"]]) else { return };
    let (mut edits, mut out) = (Edits::default(), Vec::new());
    group.bench_function("read, splice three fields, sorted", |b| {
        b.iter(|| {
            out.clear();
            for line in &lines {
                let Ok(doc) = reader.read(black_box(line)) else { continue };
                let is_set = |id| doc.get(id).is_some_and(|v| v.kind != RawKind::Null);
                edits.clear();
                edits.replace(0, b"\"info\"");
                edits.replace(1, b"\"host-0001/svc-01\"");
                edits.replace(2, if is_set(level) && is_set(value) { b"12.5" } else { b"null" });
                if is_set(ok) {
                    let _ = splicer.splice(&doc, &edits, &mut out);
                }
                out.push(b'\n');
            }
            black_box(out.len())
        });
    });
    group.finish();
}

criterion_group!(benches, index);
criterion_main!(benches);
