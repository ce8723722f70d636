//! Once its buffers have grown, the work on a record allocates nothing.

use formats::columns::{Column, ColumnData, ColumnType};
use formats::csv::CsvReader;
use formats::json::{Edits, Paths, RawWriter, Reader, Splicer};
use formats::lines::LineSplitter;
use formats::ndjson::NdjsonReader;
use formats::testing::{Counting, calls_of};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Calls of the allocator in the second of two equal runs.
fn calls_when_warm(mut run: impl FnMut()) -> u64 {
    run();
    calls_of(run)
}

fn records() -> String {
    let record = |i: usize| match i % 3 {
        0 => format!("{{\"b\":{i},\"a\":\"x{i:04}\",\"n\":{{\"z\":1,\"y\":[{i}]}}}}\n"),
        1 => format!("{{\"b\": {i}, \"a\": \"é\\n{i:04}\"}}\n"),
        _ => format!("{{\"c\":null,\"b\":{i}}}\n"),
    };
    (0..600).map(record).collect()
}

#[test]
fn splicing_records() {
    let text = records();
    let mut paths = Paths::new();
    let b = paths.intern(&["b"]);
    let (mut reader, mut writer) = (Reader::new(paths), RawWriter::new());
    let mut splicer = Splicer::new(&[&["a"][..], &["n", "q"], &["c"]]).unwrap();
    let (mut edits, mut out, mut lines) = (Edits::default(), Vec::new(), Vec::new());
    let calls = calls_when_warm(|| {
        out.clear();
        lines.clear();
        LineSplitter::new().split(text.as_bytes(), true, &mut lines).unwrap();
        for &(start, len) in &lines {
            let doc = reader.read(&text.as_bytes()[start as usize..][..len as usize]).unwrap();
            edits.clear();
            edits.replace(0, doc.get(b).unwrap().text);
            edits.replace(1, b"true");
            edits.delete(2);
            splicer.splice(&doc, &edits, &mut out).unwrap();
            writer.write_document(&doc, &mut out);
        }
    });
    assert_eq!(calls, 0);
}

#[test]
fn reading_columns() {
    let schema = vec![
        Column::new("b", ColumnType::I64),
        Column::new("a", ColumnType::Text),
        Column::new("v", ColumnType::F64),
    ];
    let csv: String = (0..5000).map(|i| format!("{i},k{i},{i}.5\n")).collect();
    let mut reader = CsvReader::new(schema.clone(), b',', false);
    let mut columns = reader.empty_columns();
    let calls = calls_when_warm(|| {
        columns.iter_mut().for_each(ColumnData::clear);
        reader.read(csv.as_bytes(), true, &mut columns).unwrap();
    });
    assert_eq!(calls, 0);

    let line = |i| format!("{{\"b\":{i},\"a\":\"k{i}\",\"v\":{i}.5}}\n");
    let json: String = (0..5000).map(line).collect();
    let mut reader = NdjsonReader::new(schema);
    let calls = calls_when_warm(|| {
        columns.iter_mut().for_each(ColumnData::clear);
        reader.read(json.as_bytes(), true, &mut columns).unwrap();
    });
    assert_eq!(calls, 0);
    assert_eq!(columns[0].len(), 5000);
}
