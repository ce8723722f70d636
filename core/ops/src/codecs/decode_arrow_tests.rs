use arrow_array::types::{Int8Type, Int32Type};
use arrow_array::{
    DictionaryArray, Float32Array, Int8Array, Int32Array, Int64Array, StringArray,
    TimestampMillisecondArray, UInt16Array,
};
use arrow_ipc::writer::{FileWriter, StreamWriter};
use plan::serde_json::json;
use plan::{RawBlock, Record, Records};
use proptest::prelude::*;

use super::*;
use crate::columns::testing::{Fake, rows_of};

/// Batches of all that can be read: the number of each, and so many rows.
fn batch(number: i64, rows: usize) -> RecordBatch {
    let all = 0..rows;
    let texts = all.clone().map(|row| (!row.is_multiple_of(3)).then(|| format!("t{row}")));
    // A file has one dictionary for all batches.
    let words: ArrayRef = Arc::new(StringArray::from(vec!["x", "yy"]));
    let keys = Int8Array::from_iter_values(all.clone().map(|row| (row % 2) as i8));
    let words = DictionaryArray::<Int8Type>::try_new(keys, words).unwrap();
    let columns: [(&str, ArrayRef); 6] = [
        ("n", Arc::new(Int64Array::from(vec![number; rows]))),
        ("small", Arc::new(UInt16Array::from_iter_values(all.clone().map(|row| row as u16)))),
        ("f", Arc::new(Float32Array::from_iter_values(all.clone().map(|row| row as f32 / 2.0)))),
        ("text", Arc::new(texts.collect::<StringArray>())),
        ("word", Arc::new(words)),
        ("at", Arc::new(TimestampMillisecondArray::from_iter_values(all.map(|row| row as i64)))),
    ];
    // Columns may lack values in one batch and have all in another.
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

fn fields() -> Json {
    json!({"fields": [
        {"name": "n", "type": "i64"}, {"name": "small", "type": "u32", "to": "s$small"},
        {"name": "f", "type": "f64"}, {"name": "text", "type": "text", "null": "none"},
        {"name": "word", "type": "text"}, {"name": "at", "type": "u64"},
    ]})
}

/// The rows of a batch as the decoder gives them.
fn shown(number: i64, rows: usize) -> Vec<String> {
    let row = |row: usize| {
        let text = if row.is_multiple_of(3) { String::new() } else { format!("t{row}") };
        let (f, word) = (row as f64 / 2.0, ["x", "yy"][row % 2]);
        format!("{number},{row},{f},{text},{word},{row},{}", row.is_multiple_of(3))
    };
    (0..rows).map(row).collect()
}

fn written(batches: &[RecordBatch], file: bool) -> Vec<u8> {
    let (mut out, schema) = (Vec::new(), batches[0].schema());
    if file {
        let mut writer = FileWriter::try_new(&mut out, &schema).unwrap();
        batches.iter().for_each(|batch| writer.write(batch).unwrap());
        writer.finish().unwrap();
    } else {
        let mut writer = StreamWriter::try_new(&mut out, &schema).unwrap();
        batches.iter().for_each(|batch| writer.write(batch).unwrap());
        writer.finish().unwrap();
    }
    out
}

fn decoded(config: &Json, bytes: &[u8], size: usize, raw: bool) -> Result<Vec<String>, String> {
    let mut operator = build(config, &Fake::default()).unwrap();
    let mut out = Vec::new();
    let finished = |step: Step| match step {
        Step::Done(result) => result.map_err(|error| error.0),
        Step::Wait(_) => panic!("the operator waits"),
    };
    for part in bytes.chunks(size) {
        let batch = match raw {
            true => {
                let bytes = part.to_vec().into();
                Batch::new(Data::Raw(RawBlock { bytes, meta: None, offset: 0, only: None }))
            }
            false => {
                let recs = vec![Record::own(part.to_vec())];
                Batch::records(Records { recs, ..Records::default() })
            }
        };
        finished(operator.on_batch(batch, &mut out))?;
    }
    finished(operator.on_end(End::Drained, &mut out))?;
    Ok(rows_of(out).split_off(1))
}

proptest! {
    #[test]
    fn rows_do_not_depend_on_how_the_bytes_are_cut(
        counts in prop::collection::vec(0usize..9, 1..5), size in 1usize..2000,
        file in any::<bool>(), raw in any::<bool>(),
    ) {
        let numbered = (0..).zip(&counts);
        let batches: Vec<RecordBatch> =
            numbered.clone().map(|(number, rows)| batch(number, *rows)).collect();
        let expected: Vec<String> =
            numbered.flat_map(|(number, rows)| shown(number, *rows)).collect();
        prop_assert_eq!(decoded(&fields(), &written(&batches, file), size, raw), Ok(expected));
    }

    #[test]
    fn damage_is_an_error_or_other_rows_and_nothing_else(
        hits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(), size in 1usize..500, file in any::<bool>(),
    ) {
        let mut bytes = written(&[batch(1, 7), batch(2, 3)], file);
        for (at, byte) in hits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(1 + cut.index(bytes.len() * 2));
        // Whatever it is, the process lives.
        let _ = decoded(&fields(), &bytes, size, true);
    }
}

#[test]
fn some_of_the_columns_are_read() {
    let field = |name: &str, ty: &str| json!({"name": name, "type": ty});
    let config = json!({"fields": [field("word", "text"), field("n", "i64")]});
    let rows = decoded(&config, &written(&[batch(7, 2)], true), 64, true);
    assert_eq!(rows, Ok(vec!["x,7".to_owned(), "yy,7".to_owned()]));
}

#[test]
fn what_does_not_fit_is_an_error() {
    let whole = written(&[batch(300, 4)], false);
    let field = |name: &str, ty: &str| json!({"fields": [{"name": name, "type": ty}]});
    for (config, why) in [
        (field("other", "i64"), "Arrow: there is no column other"),
        (field("f", "i64"), "Arrow: f: a column of type Float32 cannot be read as i64"),
        (field("n", "text"), "Arrow: n: a column of type Int64 cannot be read as text"),
        (field("n", "u8"), "Arrow: n: Cast error: Can't cast value 300 to type UInt8"),
        (field("text", "text"), "Arrow: text: row 0 of a batch has no value"),
    ] {
        assert_eq!(decoded(&config, &whole, 100, true), Err(why.to_owned()));
    }
    let torn = decoded(&field("n", "i64"), &whole[..whole.len() - 60], 100, true);
    assert_eq!(torn, Err("Arrow: the input ends within a message".to_owned()));
    let other = decoded(&field("n", "i64"), b"ts,k\n1,2\n3,4\n", 100, true);
    assert!(other.is_err_and(|error| error.starts_with("Arrow: ")));
}

#[test]
fn a_message_has_a_limit() {
    // A head that announces 2 GB.
    let mut operator = build(&fields(), &Fake::default()).unwrap();
    let mut out = Vec::new();
    let block = |bytes: Vec<u8>| {
        let bytes = bytes.into();
        Batch::new(Data::Raw(RawBlock { bytes, meta: None, offset: 0, only: None }))
    };
    let head = [[0xff; 4], 0x7fff_fff0u32.to_le_bytes()].concat();
    let parts = (0..MESSAGE_BYTES_MAX / (16 << 20)).map(|_| vec![0; 16 << 20]);
    let mut refused = None;
    for part in std::iter::once(head).chain(parts) {
        assert!(refused.is_none(), "within the limit");
        if let Step::Done(Err(error)) = operator.on_batch(block(part), &mut out) {
            refused = Some(error);
        }
    }
    let error = refused.expect("there is a limit");
    assert!(error.0.ends_with("has more than 268435456 bytes"), "{}", error.0);
}

#[test]
fn texts_that_stand_for_many_have_a_limit() {
    let long = "x".repeat(16 << 20);
    let rows = DICTIONARY_BYTES_MAX / long.len() + 1;
    let keys = Int32Array::from(vec![0; rows]);
    let values = Arc::new(StringArray::from(vec![long]));
    let words = DictionaryArray::<Int32Type>::try_new(keys, values).unwrap();
    let batch = RecordBatch::try_from_iter([("word", Arc::new(words) as ArrayRef)]).unwrap();
    let config = json!({"fields": [{"name": "word", "type": "text"}]});
    let rows = decoded(&config, &written(&[batch], false), 1 << 20, true);
    let why = "Arrow: word: its texts may become more than 1073741824 bytes";
    assert_eq!(rows, Err(why.to_owned()));
}
