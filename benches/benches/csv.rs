//! Ticks to typed columns, from CSV and from lines of JSON.

use std::hint::black_box;

use benches::{ticks_csv, ticks_ndjson};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use formats::columns::{Column, ColumnData, ColumnType};
use formats::csv::{CsvReader, CsvWriter, FloatText};
use formats::ndjson::NdjsonReader;

const ROWS: usize = 30_000;

fn schema() -> Vec<Column> {
    vec![
        Column::new("ts", ColumnType::U64),
        Column::new("key", ColumnType::Text),
        Column::new("v", ColumnType::F64),
    ]
}

fn columns(c: &mut Criterion) {
    let mut group = c.benchmark_group("columns");
    group.throughput(Throughput::Elements(ROWS as u64));
    let csv = ticks_csv(ROWS);
    for (name, wanted) in [("csv", &[0, 1, 2][..]), ("csv, one of three columns", &[2][..])] {
        let mut reader = CsvReader::new(schema(), b',', false).with_projection(wanted);
        let mut columns = reader.empty_columns();
        group.bench_function(name, |b| {
            b.iter(|| {
                columns.iter_mut().for_each(ColumnData::clear);
                black_box(reader.read(black_box(csv.as_bytes()), true, &mut columns).is_ok())
            });
        });
    }
    let json = ticks_ndjson(ROWS);
    let mut reader = NdjsonReader::new(schema());
    let mut columns = reader.empty_columns();
    group.bench_function("ndjson", |b| {
        b.iter(|| {
            columns.iter_mut().for_each(ColumnData::clear);
            black_box(reader.read(black_box(json.as_bytes()), true, &mut columns).is_ok())
        });
    });
    for (name, floats) in
        [("write csv, %f", FloatText::Fixed6), ("write csv, shortest", FloatText::Shortest)]
    {
        let writer = CsvWriter::new(b',', floats);
        let mut out = Vec::new();
        group.bench_function(name, |b| {
            b.iter(|| {
                out.clear();
                writer.write_rows(black_box(&columns), 0, ROWS, &mut out);
                black_box(out.len())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, columns);
criterion_main!(benches);
