use plan::serde_json::{self, json};
use plan::{Batch, Data, End, Json, Operator, OperatorSpec, RawBlock, Step};
use proptest::prelude::*;

use super::*;
use crate::columns::testing::{Fake, columns, done, rows_of};

fn raw(text: &str, offset: u64) -> Batch {
    let bytes = text.as_bytes().to_vec().into();
    Batch::new(Data::Raw(RawBlock { bytes, meta: None, offset, only: None }))
}

/// Runs an operator over batches and returns raw bytes as lines, columns as in `rows_of`.
fn through(spec: &OperatorSpec, config: &Json, batches: Vec<Batch>) -> Result<Vec<String>, String> {
    let mut operator: Box<dyn Operator> = (spec.build)(config, &Fake::default()).unwrap();
    let mut out = Vec::new();
    for batch in batches {
        match operator.on_batch(batch, &mut out) {
            Step::Done(result) => result.map_err(|e| e.0)?,
            Step::Wait(_) => panic!("the operator waits"),
        }
    }
    done(operator.on_end(End::Drained, &mut out));
    let mut text = String::new();
    for batch in &out {
        if let Data::Raw(raw) = &batch.data {
            text.push_str(std::str::from_utf8(&raw.bytes).unwrap());
        }
    }
    if text.is_empty() {
        return Ok(rows_of(out));
    }
    Ok(text.strip_suffix('\n').unwrap().split('\n').map(String::from).collect())
}

#[test]
fn the_examples_hold() {
    for spec in ALL {
        assert!(!spec.examples.is_empty() || spec.name == "decode_arrow", "{}", spec.name);
        for example in spec.examples {
            let lines = example.input.join("\n") + "\n";
            let input = if spec.name.starts_with("encode") {
                Batch::new(Data::Columns(columns(example.input)))
            } else {
                raw(&lines, 0)
            };
            let config = serde_json::from_str(example.config).unwrap();
            let got = through(spec, &config, vec![input]).unwrap();
            assert_eq!(got, example.output, "{}: {}", spec.name, example.title);
        }
    }
}

fn two_fields(more: &Json) -> Json {
    let mut config =
        json!({"fields": [{"name": "a", "type": "u64"}, {"name": "b", "type": "char"}]});
    for (key, value) in more.as_object().unwrap() {
        config[key] = value.clone();
    }
    config
}

#[test]
fn the_header_is_that_of_the_first_block() {
    let config = two_fields(&json!({"skip_header": true, "delimiter": ";"}));
    let batches = vec![raw("a;b\n1;x\n", 0), raw("2;y\n3;z", 8)];
    let got = through(&decode_csv::SPEC, &config, batches).unwrap();
    assert_eq!(got, ["a:u64,b:char", "1,120", "2,121", "3,122"]);
}

#[test]
fn a_bad_row_fails_the_pipeline_or_is_counted() {
    let text = "1,x\n2\n\n3,y,z\nfour,x\n5,y\n";
    let error = through(&decode_csv::SPEC, &two_fields(&json!({})), vec![raw(text, 0)]);
    let error = error.unwrap_err();
    let want = "CSVParser: The input line does not contain the right number of delimited fields.";
    assert!(error.starts_with(want), "{error}");
    let config = two_fields(&json!({"on_error": "skip"}));
    let got = through(&decode_csv::SPEC, &config, vec![raw(text, 0)]).unwrap();
    assert_eq!(got, ["a:u64,b:char", "1,120", "5,121"]);
}

#[test]
fn rows_that_are_left_out_are_told_each_time_their_number_has_doubled() {
    let fake = Fake::default();
    let config = two_fields(&json!({"on_error": "skip"}));
    let mut operator = (decode_csv::SPEC.build)(&config, &fake).unwrap();
    let mut out = Vec::new();
    for block in ["1,x\n2\nx,y\n", "3\n4\n", "5,a,b\n6,y\n7\n"] {
        done(operator.on_batch(raw(block, 0), &mut out));
    }
    assert_eq!(rows_of(out), ["a:u64,b:char", "1,120", "6,121"]);
    let told = fake.logged.take();
    let starts: Vec<&str> = told.iter().filter_map(|line| Some(line.split_once("; ")?.0)).collect();
    assert_eq!(
        starts,
        [1, 2, 4].map(|rows| format!("rows left out so far: {rows}")),
        "of six that do not fit"
    );
    assert!(told[0].ends_with("Fields: 1, expected: 2, line: 2"), "{}", told[0]);
    assert!(told[1].contains("field a"), "{}", told[1]);
}

#[test]
fn a_value_of_the_wrong_type_names_its_column() {
    let error = through(&decode_csv::SPEC, &two_fields(&json!({})), vec![raw("x,y\n", 0)]);
    assert!(error.unwrap_err().contains("field a"));
    let config = json!({"fields": [{"name": "a", "type": "u64"}]});
    let error = through(&decode_ndjson::SPEC, &config, vec![raw("{\"a\":\"x\"}\n", 0)]);
    assert!(error.unwrap_err().contains("field a"));
}

#[test]
fn texts_of_a_width_are_read_whole_or_not_at_all() {
    let fields =
        json!([{"name": "k", "type": "text", "bytes_max": 3}, {"name": "c", "type": "char"}]);
    let config = json!({"fields": fields});
    for (text, why) in [
        ("abcd,x\n", "field k: a value has at most 3 bytes, and not 4 bytes: abcd"),
        ("ab\u{e9},x\n", "field k: a value has at most 3 bytes, and not 4 bytes: ab\u{e9}"),
        ("a,xy\n", "field c: a value has one character of one byte, and not 2 bytes: xy"),
        ("a,\u{20ac}\n", "field c: a value has one character of one byte, and not 3 bytes"),
    ] {
        let error = through(&decode_csv::SPEC, &config, vec![raw(text, 0)]).unwrap_err();
        assert!(error.starts_with(why), "{error}");
    }
    let skip = json!({"fields": fields, "on_error": "skip"});
    let text = "abc,x\nabcd,x\na,xyz\nabcd,xyz\n,\nb,\u{e9}\n";
    let rows = ["k:text,c:char", "abc,120", ",0", "b,233"];
    assert_eq!(through(&decode_csv::SPEC, &skip, vec![raw(text, 0)]).unwrap(), rows);
    let lines = "{\"k\":\"abcd\",\"c\":\"x\"}\n{\"k\":\"a\",\"c\":\"\u{e9}\"}\n";
    let got = through(&decode_ndjson::SPEC, &skip, vec![raw(lines, 0)]).unwrap();
    assert_eq!(got, ["k:text,c:char", "a,233"]);
    // A replay counts the rows that were read.
    let mut again = raw(text, 0);
    if let Data::Raw(raw) = &mut again.data {
        raw.only = Some(std::sync::Arc::new(vec![2]));
    }
    let got = through(&decode_csv::SPEC, &skip, vec![again]).unwrap();
    assert_eq!(got, ["k:text,c:char", "b,233"]);
}

#[test]
fn a_character_is_written_as_it_was_read() {
    let config = json!({"fields": [{"name": "c", "type": "char"}]});
    let mut operator = (decode_csv::SPEC.build)(&config, &Fake::default()).unwrap();
    let mut out = Vec::new();
    done(operator.on_batch(raw("x\n\u{e9}\n", 0), &mut out));
    let Data::Columns(read) = out.remove(0).data else { panic!("columns") };
    let batch = || vec![Batch::new(Data::Columns(read.clone()))];
    assert_eq!(through(&encode_csv::SPEC, &json!({}), batch()).unwrap(), ["x", "\u{e9}"]);
    let json = through(&encode_json::SPEC, &json!({}), batch()).unwrap();
    assert_eq!(json, [r#"{"c":"x"}"#, "{\"c\":\"\u{e9}\"}"]);
}

#[test]
fn rows_get_the_time_at_which_they_are_written() {
    let fake = Fake::default();
    fake.wall_ms.set(1500);
    let input = columns(&["a:u8,b:u8", "1,2", "3,4"]);
    let written = |spec: &OperatorSpec, config: &Json| {
        let mut operator = (spec.build)(config, &fake).unwrap();
        let mut out = Vec::new();
        done(operator.on_batch(Batch::new(Data::Columns(input.clone())), &mut out));
        let Data::Raw(raw) = &out[0].data else { panic!("bytes") };
        String::from_utf8(raw.bytes.to_vec()).unwrap()
    };
    let csv = written(&encode_csv::SPEC, &json!({"stamp": true}));
    assert_eq!(csv, "1,2,1500\n3,4,1500\n");
    let table = json!({"stamp": true, "edges": true, "delimiter": "|"});
    assert_eq!(written(&encode_csv::SPEC, &table), "|1|2|1500|\n|3|4|1500|\n");
    let json = written(&encode_json::SPEC, &json!({"stamp": "timestamp"}));
    assert_eq!(
        json,
        "{\"a\":1,\"b\":2,\"timestamp\":1500}\n{\"a\":3,\"b\":4,\"timestamp\":1500}\n"
    );
}

#[test]
fn an_empty_file_gets_a_header() {
    let got = through(&frame::SPEC, &json!({"before": "h\n"}), vec![]).unwrap();
    assert_eq!(got, ["h"]);
}

#[test]
fn a_replay_wants_some_rows_only() {
    let mut batch = raw("1,x\n2,y\n3,z\n", 0);
    if let Data::Raw(raw) = &mut batch.data {
        raw.only = Some(std::sync::Arc::new(vec![0, 2]));
    }
    let got = through(&decode_csv::SPEC, &two_fields(&json!({})), vec![batch]).unwrap();
    assert_eq!(got, ["a:u64,b:char", "1,120", "3,122"]);
}

proptest! {
    #[test]
    fn decoding_inverts_encoding(
        rows in prop::collection::vec((any::<i64>(), any::<f64>(), any::<bool>()), 1..30),
    ) {
        let lines: Vec<String> = std::iter::once("a:i64,b:f64,c:bool".to_owned())
            .chain(rows.iter().map(|(a, b, c)| format!("{a},{b},{c}")))
            .collect();
        let input = columns(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        let csv = through(&encode_csv::SPEC, &json!({}),
            vec![Batch::new(Data::Columns(input.clone()))]).unwrap().join("\n");
        let config = json!({"fields": [{"name": "a", "type": "i64"}, {"name": "b", "type": "f64"},
            {"name": "c", "type": "bool"}]});
        let back = through(&decode_csv::SPEC, &config, vec![raw(&csv, 0)]).unwrap();
        prop_assert_eq!(&back, &rows_of(vec![Batch::new(Data::Columns(input.clone()))]));
        let json = through(&encode_json::SPEC, &json!({}),
            vec![Batch::new(Data::Columns(input))]).unwrap().join("\n");
        let back_json = through(&decode_ndjson::SPEC, &config, vec![raw(&json, 0)]).unwrap();
        prop_assert_eq!(back_json, back);
    }

    #[test]
    fn no_bytes_are_a_panic(text in "[a0,;{}\":\n.-]{0,60}", skip: bool) {
        let on_error = if skip { "skip" } else { "fail" };
        let _ = through(&decode_csv::SPEC, &two_fields(&json!({"on_error": on_error})),
            vec![raw(&text, 0)]);
        let config = json!({"fields": [{"name": "a", "type": "u64"}], "on_error": on_error});
        let _ = through(&decode_ndjson::SPEC, &config, vec![raw(&text, 0)]);
    }
}

#[test]
fn a_decoder_tells_the_end_of_its_partition() {
    for spec in [&decode_binary::SPEC, &decode_csv::SPEC, &decode_ndjson::SPEC] {
        for (end, told) in [(End::Drained, 1), (End::Stopped, 0)] {
            let config = two_fields(&json!({"partition": 3}));
            let mut operator = (spec.build)(&config, &Fake::default()).unwrap();
            let mut out = Vec::new();
            done(operator.on_end(end, &mut out));
            assert_eq!(out.len(), told, "{end:?}");
            for batch in out {
                let Data::Columns(columns) = batch.data else { panic!("columns") };
                assert!(columns.last && columns.partition == 3 && columns.rows == 0);
            }
        }
    }
}
