//! The aggregation of ticks by key over tumbling windows, and the way from CSV to its columns.

use std::hint::black_box;
use std::sync::Arc;

use benches::ticks_csv;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use formats::columns::Column;
use formats::csv::CsvReader;
use ops::codecs::arrays::{column_type, to_array};
use ops::windows::window::{Config, Core};
use plan::serde_json::json;
use plan::{Columns, DataType, Field, Schema};

const ROWS: usize = 30_000;
const TYPES: [(&str, DataType); 3] =
    [("ts", DataType::U64), ("key", DataType::Text), ("v", DataType::F64)];

fn decode(text: &str, schema: &Arc<Schema>) -> Columns {
    let columns = TYPES.iter().map(|(name, ty)| Column::new(*name, column_type(*ty)));
    let mut reader = CsvReader::new(columns.collect(), b',', false);
    let mut data = reader.empty_columns();
    let read = reader.read(text.as_bytes(), true, &mut data);
    assert!(read.is_ok(), "the ticks are valid");
    let arrays = data.into_iter().zip(&TYPES).map(|(data, (_, ty))| to_array(data, *ty));
    Columns::new(Arc::clone(schema), arrays.collect())
}

fn config(keyed: bool, slide_ms: u64) -> Option<Config> {
    let keys = if keyed { json!([{"column": "key"}]) } else { json!([]) };
    plan::serde_json::from_value(json!({
        "size_ms": 10_000, "slide_ms": slide_ms, "start": "start", "end": "end",
        "clock": {"time": {"column": "ts"}, "watermark": {"time": {"column": "ts"}},
                  "origins": [{"id": 0, "buffer_rows": 204}]},
        "keys": keys,
        "aggregates": [
            {"function": "sum", "column": "v", "name": "s", "type": "f64"},
            {"function": "avg", "column": "v", "name": "a", "type": "f64"},
            {"function": "count", "name": "n", "type": "u64"}],
    }))
    .ok()
}

fn windows(c: &mut Criterion) {
    let mut group = c.benchmark_group("window");
    group.throughput(Throughput::Elements(ROWS as u64));
    let field = |(name, ty): &(&str, DataType)| Field { name: (*name).into(), ty: *ty };
    let schema = Arc::new(Schema { fields: TYPES.iter().map(field).collect() });
    let text = ticks_csv(ROWS);
    group.bench_function("csv to arrays", |b| {
        b.iter(|| black_box(decode(black_box(&text), &schema)).rows);
    });
    let columns = decode(&text, &schema);
    for (name, keyed, slide_ms) in [
        ("tumbling by key", true, 10_000),
        ("tumbling", false, 10_000),
        ("sliding by key", true, 2000),
    ] {
        let Some(config) = config(keyed, slide_ms) else { continue };
        group.bench_function(name, |b| {
            // The same rows again and again: their windows never fire, and the keys are known.
            let Ok(mut core) = Core::new(config.clone(), 1) else { return };
            let mut out = Vec::new();
            b.iter(|| {
                out.clear();
                black_box(core.add(black_box(&columns), 0, &mut out).is_ok())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, windows);
criterion_main!(benches);
