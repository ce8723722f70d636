//! Canonical JSON: from text, through a document in memory, and of sorted text.

use std::hint::black_box;

use benches::events;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use formats::json::{Paths, RawWriter, Reader, parse, write_value};

fn writer(c: &mut Criterion) {
    let text = events(3_000);
    let lines: Vec<&[u8]> = text.lines().map(str::as_bytes).collect();
    let mut reader = Reader::new(Paths::new());
    let mut sorted = Vec::new();
    for line in &lines {
        let mut out = Vec::new();
        if let Ok(doc) = reader.read(line) {
            doc.write_canonical(&mut out);
        }
        sorted.push(out);
    }
    let spaced: Vec<String> =
        text.lines().map(|line| line.replace("\":", "\": ").replace(",\"", ", \"")).collect();
    let mut group = c.benchmark_group("canonical_writer");
    group.throughput(Throughput::Bytes(text.len() as u64));

    let mut out = Vec::new();
    let mut from_text = |name: &str, lines: &[&[u8]]| {
        let (mut reader, mut writer) = (Reader::new(Paths::new()), RawWriter::new());
        group.bench_function(name, |b| {
            b.iter(|| {
                out.clear();
                for line in lines {
                    if let Ok(doc) = reader.read(black_box(line)) {
                        writer.write_document(&doc, &mut out);
                    }
                }
                black_box(out.len())
            });
        });
    };
    from_text("unsorted text", &lines);
    from_text("sorted text", &sorted.iter().map(Vec::as_slice).collect::<Vec<_>>());
    from_text("spaced text", &spaced.iter().map(String::as_bytes).collect::<Vec<_>>());

    group.bench_function("parse", |b| {
        b.iter(|| lines.iter().filter(|line| parse(black_box(line)).is_ok()).count());
    });
    let values: Vec<_> = lines.iter().filter_map(|line| parse(line).ok()).collect();
    group.bench_function("write a document", |b| {
        b.iter(|| {
            out.clear();
            for value in &values {
                let _ = write_value(&mut out, black_box(value));
            }
            black_box(out.len())
        });
    });
    group.finish();
}

criterion_group!(benches, writer);
criterion_main!(benches);
