//! The way to a process and back, with programs that are none of ours in its place, and columns to
//! rows and back without any process.

use std::sync::Arc;
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt64Type};
use arrow_array::{ArrayRef, BinaryArray, Int64Array, UInt64Array};
use plan::serde_json::json;
use plan::{Batch, Columns, Data, DataType, Field, Json, Schema};
use proptest::prelude::*;

use super::config::Config;
use super::convert::Converter;
use super::operator::testing::over;
use super::process::{Launch, Process};
use super::setup::Setup;

fn described(flat: bool) -> Json {
    json!({
        "name": "f", "class": "F", "method": "map", "classes": [], "flat": flat,
        "input": {"class": "In", "fields": [
            {"column": "n", "name": "n", "java": "long"},
            {"column": "t", "name": "t", "java": "text"},
        ]},
        "output": [
            {"column": "m", "name": "n", "java": "long", "type": "u64"},
            {"column": "t", "name": "t", "java": "text", "type": "text"},
        ],
        "carry": ["#time"],
    })
}

fn config(flat: bool) -> Config {
    Config::read(&described(flat)).unwrap()
}

/// Another program in the place of ours.
fn launch(script: &str, timeout_ms: u64) -> Launch {
    Launch {
        program: "sh".into(),
        args: vec!["-c".into(), script.into()],
        timeout: Duration::from_millis(timeout_ms),
        name: "f".to_owned(),
    }
}

/// What a thread is started with.
pub(super) fn nothing() -> (Launch, Setup, Converter) {
    let config = config(false);
    (launch("exit 0", 1000), Setup::of(&config).unwrap(), Converter::new(&config))
}

/// Rows of a number, a text and a time.
fn columns(numbers: &[u64]) -> Columns {
    let field = |name: &str, ty| Field { name: name.into(), ty };
    let fields =
        vec![field("#time", DataType::I64), field("n", DataType::U64), field("t", DataType::Text)];
    let texts: Vec<String> = numbers.iter().map(|n| "x".repeat((n % 7) as usize)).collect();
    let times = numbers.iter().map(|n| (*n % 1000) as i64);
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(times.collect::<Int64Array>()),
        Arc::new(numbers.iter().copied().collect::<UInt64Array>()),
        Arc::new(BinaryArray::from_vec(texts.iter().map(String::as_bytes).collect())),
    ];
    Columns::new(Arc::new(Schema { fields }), arrays)
}

/// What the other side does in these tests: each row as often as its number says, up to 3 times,
/// or once.
fn worked(rows: &[u8], count: u32, flat: bool) -> Vec<u8> {
    let (mut rest, mut out) = (rows, Vec::new());
    for row in 0..count {
        let (number, after) = rest.split_first_chunk::<8>().unwrap();
        let (length, after) = after.split_first_chunk::<4>().unwrap();
        let (text, after) = after.split_at(u32::from_le_bytes(*length) as usize);
        rest = after;
        let times = if flat { u64::from_le_bytes(*number) % 4 } else { 1 };
        for _ in 0..times {
            out.extend(row.to_le_bytes());
            out.extend(number);
            out.extend(length);
            out.extend(text);
        }
    }
    assert!(rest.is_empty(), "{} bytes are left", rest.len());
    out
}

fn convert(converter: &Converter, columns: Columns, flat: bool) -> Result<Columns, String> {
    converter.pieces(columns, &mut |rows, count, take| take(&worked(rows, count, flat)))
}

fn numbers(columns: &Columns, name: &str) -> Vec<u64> {
    let array = &columns.arrays[columns.schema.index_of(name).unwrap()];
    match array.as_primitive_opt::<UInt64Type>() {
        Some(array) => array.values().to_vec(),
        None => array.as_primitive::<Int64Type>().values().iter().map(|n| *n as u64).collect(),
    }
}

proptest! {
    #[test]
    fn pieces_change_nothing(
        all in prop::collection::vec(0u64..1 << 60, 0..50), area in 18usize..200, flat: bool,
        filtered: bool,
    ) {
        let mut columns = columns(&all);
        columns.source_rows = 500;
        columns.last = true;
        let places: Vec<u32> = (0..all.len() as u32).map(|row| row * 3).collect();
        columns.places = filtered.then(|| Arc::new(places));
        let converter = Converter::new(&config(flat)).with_limits(area, 1 << 20);
        let made = convert(&converter, columns, flat).unwrap();
        let times = |n: &u64| if flat { (n % 4) as usize } else { 1 };
        let wanted: Vec<u64> =
            all.iter().flat_map(|n| std::iter::repeat_n(*n, times(n))).collect();
        prop_assert_eq!(numbers(&made, "m"), wanted.clone());
        prop_assert_eq!(made.rows, wanted.len());
        let carried: Vec<u64> = wanted.iter().map(|n| n % 1000).collect();
        prop_assert_eq!(numbers(&made, "#time"), carried);
        let text = made.arrays[1].as_binary::<i32>();
        prop_assert!(text.iter().zip(&wanted).all(|(t, n)| t.unwrap().len() == (n % 7) as usize));
        prop_assert_eq!((made.source_rows, made.last), (500, true));
        // The places of rows are those of the rows that they came from.
        let factor = if filtered { 3 } else { 1 };
        let rows = all.iter().enumerate();
        let places: Vec<u32> = rows
            .flat_map(|(at, n)| std::iter::repeat_n(at as u32 * factor, times(n)))
            .collect();
        match &made.places {
            Some(made) => prop_assert_eq!(&**made, &places),
            None => prop_assert!(!filtered && places.iter().zip(0..).all(|(p, at)| *p == at)),
        }
    }

    #[test]
    fn no_answer_is_a_panic(bytes: Vec<u8>, flat: bool) {
        let converter = Converter::new(&config(flat));
        let _ = converter.pieces(columns(&[1, 2, 3]), &mut |_, _, take| take(&bytes));
    }
}

#[test]
fn what_cannot_be_a_row_is_an_error_with_its_place() {
    let refused = |columns: Columns, area: usize, most: usize| {
        let converter = Converter::new(&config(true)).with_limits(area, most);
        convert(&converter, columns, true).unwrap_err()
    };
    let (large, much) = (1 << 20, 1 << 20);
    assert_eq!(
        refused(columns(&[1, u64::MAX]), large, much),
        "row 1, column n: 18446744073709551615 is too large for a long of Java"
    );
    let mut bad = columns(&[1]);
    bad.arrays[2] = Arc::new(BinaryArray::from_vec(vec![b"\xff"]));
    let text = "row 0, column t: it is no text in UTF-8, and a String of Java cannot hold it";
    assert_eq!(refused(bad, large, much), text);
    let text = "a row of its input has more than 17 bytes";
    assert_eq!(refused(columns(&[6]), 17, much), text);
    let text = "what it gives for one batch has more than 40 bytes";
    assert_eq!(refused(columns(&[7, 7]), large, 40), text);
    let mut other = columns(&[1]);
    other.schema = Arc::new(Schema::default());
    assert_eq!(refused(other, large, much), "there is no column n of a type that it takes");

    let converter = Converter::new(&config(false));
    let answered = |bytes: &[u8]| {
        let columns = columns(&[1, 2]);
        converter.pieces(columns, &mut |_, _, take| take(bytes)).map(|made| made.rows)
    };
    let row = |row: u32, number: i64| {
        [&row.to_le_bytes()[..], &number.to_le_bytes(), &[1, 0, 0, 0, b'a']].concat()
    };
    assert_eq!(answered(&[row(0, 1), row(1, 2)].concat()), Ok(2));
    let error = answered(&[row(0, 1), row(1, -2)].concat()).unwrap_err();
    assert_eq!(error, "the column m: it cannot hold -2");
    let error = answered(&row(0, 1)).unwrap_err();
    assert_eq!(error, "its process gave another number of rows than it was given");
    for broken in [[row(1, 1), row(0, 2)].concat(), row(2, 1), row(0, 1)[..16].to_vec()] {
        let error = answered(&broken).unwrap_err();
        assert_eq!(error, "its process answered what nobody understands");
    }
}

fn started(script: &str, timeout_ms: u64) -> Result<Process, String> {
    Process::start(&launch(script, timeout_ms), vec![0; 8], &|| true)
}

#[test]
fn a_process_that_ends_or_says_nothing_is_told_of() {
    for (script, expected) in [
        ("exit 3", "its process has ended: exit status 3"),
        (
            "echo oops >&2; kill -9 $$",
            "its process has ended: signal: killed. It said at last:\noops",
        ),
        ("echo garbage >&0; sleep 9", "its process answered what nobody understands"),
        ("printf 'M\\0\\0\\0\\0' >&0; sleep 9", "its process answered what nobody understands"),
        ("printf 'F\\0\\0\\0\\002no' >&0; sleep 9", "no"),
        (
            "printf 'D\\0\\0\\0\\004\\0\\0\\0\\0' >&0; sleep 9",
            "its process answered what was not asked",
        ),
        (
            "exec sleep 9",
            "it took longer for one row, or to get ready, than the 0.2 s that it may take",
        ),
    ] {
        let timeout = if script.starts_with("exec") { 200 } else { 20_000 };
        assert_eq!(started(script, timeout).err().as_deref(), Some(expected), "{script}");
    }
    let mut none = launch("", 1000);
    none.program = "/no/such".into();
    let error = Process::start(&none, Vec::new(), &|| true).err().unwrap();
    assert!(error.starts_with("its process cannot be started: "), "{error}");
    let error = Process::start(&launch("exec sleep 9", 20_000), vec![0; 8], &|| false);
    assert_eq!(error.err().as_deref(), Some("nobody waits for it any more"));
}

#[test]
fn a_function_that_gets_on_may_take_as_long_as_it_wants() {
    let script =
        "for n in 1 2 3 4; do sleep 0.6; printf x; done; printf 'R\\0\\0\\0\\0' >&0; sleep 9";
    assert!(started(script, 1500).is_ok());
}

#[test]
fn results_are_as_long_as_there_is_room() {
    let ready = "printf 'R\\0\\0\\0\\0P\\0\\0\\0\\004\\0\\0\\0\\0D\\0\\0\\0\\004\\001\\0\\0\\001' >&0; sleep 9";
    let mut process = started(ready, 20_000).unwrap();
    let mut parts = Vec::new();
    let error = process.work(b"rows", 1, &|| true, &mut |part| {
        parts.push(part.len());
        Ok(())
    });
    let text = "its process says that it wrote more than there is room";
    assert_eq!((error.unwrap_err().as_str(), parts), (text, vec![0]));
}

#[test]
fn a_batch_behind_a_failed_start_says_why_there_is_none() {
    crate::testing::both_modes(|| async {
        let config = config(false);
        let mut operator = over(&config, launch("exit 3", 20_000));
        let batch = Batch::new(Data::Columns(columns(&[1])));
        let error = operator.on_batch(batch, &mut Vec::new()).finish().await.unwrap_err();
        assert_eq!(error.0, "UDF 'f': its process has ended: exit status 3");
        // Without any batch it is found by looking.
        let mut operator = over(&config, launch("exit 4", 20_000));
        let error = loop {
            let due = operator.due_ns().expect("it looks until it knows");
            if let Err(error) = operator.on_time(due, &mut Vec::new()).finish().await {
                break error;
            }
            rt::sleep(Duration::from_millis(5)).await;
        };
        assert_eq!(error.0, "UDF 'f': its process has ended: exit status 4");
    });
}

#[test]
fn batches_pass_with_their_acks_and_watermarks() {
    crate::testing::both_modes(|| async {
        // It says that it is ready, and of each of two orders that nothing came of it.
        let script = "printf 'R\\0\\0\\0\\0D\\0\\0\\0\\004\\0\\0\\0\\0' >&0; sleep 9";
        let mut operator = over(&config(true), launch(script, 20_000));
        let mut empty = columns(&[]);
        (empty.watermark_ms, empty.partition, empty.last) = (Some(70), 3, true);
        let mut out = Vec::new();
        for columns in [empty, columns(&[1, 2])] {
            let batch = Batch { seq: 9, born_ns: 8, ..Batch::new(Data::Columns(columns)) };
            operator.on_batch(batch, &mut out).finish().await.unwrap();
        }
        let shown = out.iter().map(|batch| {
            let Data::Columns(columns) = &batch.data else { panic!("columns") };
            let fields: Vec<&str> = columns.schema.fields.iter().map(|f| &*f.name).collect();
            assert_eq!(fields, ["m", "t", "#time"]);
            assert_eq!((batch.seq, batch.born_ns), (9, 8));
            (columns.rows, columns.watermark_ms, columns.partition, columns.last)
        });
        let shown: Vec<_> = shown.collect();
        assert_eq!(shown, [(0, Some(70), 3, true), (0, None, 0, false)]);
    });
}

#[test]
fn a_configuration_is_checked() {
    let refused = |key: &str, value: Json| {
        let mut config = described(false);
        config[key] = value;
        match Config::read(&config) {
            Ok(config) => Setup::of(&config).err().map(|error| error.text),
            Err(error) => Some(error.text),
        }
        .unwrap_or_default()
    };
    assert_eq!(refused("timeout", json!("0s")), "timeout must be more than 0s");
    assert!(refused("output", json!([])).contains("needs fields that it takes and gives"));
    assert!(refused("instance", json!("!")).contains("the instance is not in base64"));
    let class = json!([{"name": "C", "code": "!"}]);
    assert!(refused("classes", class).contains("the class C is not in base64"));
    let large = "A".repeat(super::control::MESSAGE_BYTES_MAX / 3 * 4 + 4);
    assert!(refused("instance", json!(large)).contains("more than 33554432 bytes"));
}
