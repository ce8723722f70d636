use super::*;
use crate::columns::ColumnType;
use proptest::prelude::*;

fn schema() -> Vec<Column> {
    vec![
        Column::new("ts", ColumnType::U64),
        Column::new("key", ColumnType::Text),
        Column::new("v", ColumnType::F64),
    ]
}

fn read_all(bytes: &[u8]) -> (Vec<ColumnData>, Vec<(u64, String)>) {
    let mut reader = NdjsonReader::new(schema());
    let mut columns = reader.empty_columns();
    let (mut at, mut errors) = (0, Vec::new());
    loop {
        match reader.read(&bytes[at..], true, &mut columns) {
            Ok(len) => {
                assert_eq!(at + len, bytes.len());
                return (columns, errors);
            }
            Err(error) => {
                at += error.next;
                errors.push((error.line, error.cause.to_string()));
            }
        }
    }
}

#[test]
fn records_become_columns() {
    let lines = br#"{"ts":1767225600000,"key":"k0001","v":1.234}
{"ts":2,"key":"a\"b","v":-1e3}

{ "v" : 0, "other": [1, {}], "key": "", "ts": 3.9 }
{"ts":4,"key":"k","v":4}
{"ts":5,"key":"k","v":5}"#;
    let (columns, errors) = read_all(lines);
    assert_eq!(errors, []);
    assert_eq!(columns[0], ColumnData::U64(vec![1_767_225_600_000, 2, 3, 4, 5]));
    assert_eq!(columns[1].text(1), Some(&b"a\"b"[..]));
    assert_eq!(columns[2], ColumnData::F64(vec![1.234, -1000.0, 0.0, 4.0, 5.0]));
}

#[test]
fn bad_records_are_named_and_can_be_skipped() {
    let good = "{\"ts\":1,\"key\":\"k\",\"v\":1}\n";
    let lines = format!(
        "{good}{good}{{\"ts\":01,\"key\":\"k\",\"v\":1}}\n{{\"ts\":1,\"v\":1}}\n{good}\
         {{\"ts\":\"1\",\"key\":\"k\",\"v\":1}}\n{{\"ts\":-1,\"key\":\"k\",\"v\":1}}\n[1]\n\
         {{\"ts\":1e2,\"key\":\"k\",\"v\":1}}\n{{\"ts\":1,\"key\":\"k\",\"v\":nul}}"
    );
    let (columns, errors) = read_all(lines.as_bytes());
    let expected = [
        (3, "invalid character '1' after object key:value pair"),
        (4, "field key is missing"),
        (6, "field ts: cannot read \"1\" as U64: invalid syntax"),
        (7, "field ts: cannot read \"-1\" as U64: value out of range"),
        (8, "field ts is missing"),
        (10, "invalid character '}' in literal null (expecting 'l')"),
    ];
    let expected: Vec<_> = expected.map(|(line, text)| (line, text.to_string())).into();
    assert_eq!(errors, expected);
    assert_eq!(columns[0], ColumnData::U64(vec![1, 1, 1, 100]));
}

#[test]
fn invalid_utf8_is_replaced_in_every_line() {
    let line = b"{\"ts\":1,\"key\":\"\xff\",\"v\":1}\n";
    let (columns, _) = read_all(&line.repeat(3));
    assert!((0..3).all(|row| columns[1].text(row) == Some("\u{fffd}".as_bytes())));
}

#[test]
fn records_with_more_values_than_a_template_holds() {
    let more: String = (0..100).map(|i| format!(",\"m{i}\":{i}")).collect();
    let line = format!("{{\"ts\":1,\"key\":\"k\",\"v\":1{more}}}\n");
    let (columns, errors) = read_all(line.repeat(30).as_bytes());
    assert_eq!(errors, []);
    assert_eq!(columns[0].len(), 30);
}

#[test]
fn open_lines_wait_for_their_end() {
    let mut reader = NdjsonReader::new(schema());
    let mut columns = reader.empty_columns();
    let line = b"{\"ts\":1,\"key\":\"k\",\"v\":1}\n";
    let two = [&line[..], &line[..line.len() - 1]].concat();
    assert_eq!(reader.read(&two, false, &mut columns), Ok(line.len()));
    assert_eq!(columns[1].len(), 1);
}

proptest! {
    #[test]
    fn the_template_changes_nothing(
        rows in prop::collection::vec(
            (0u64..1000, "[a-z\\\\\"é]{0,5}", -1e3f64..1e3, 0u8..4),
            0..20,
        ),
    ) {
        let mut lines = String::new();
        for (ts, key, v, form) in &rows {
            let key = key.replace('\\', "\\\\").replace('"', "\\\"");
            lines += &match form {
                0 => format!("{{\"v\":{v},\"ts\":{ts},\"key\":\"{key}\"}}\r\n"),
                1 => format!("{{\"ts\": {ts},\"key\":\"{key}\",\"v\":{v}}}\n"),
                _ => format!("{{\"ts\":{ts},\"key\":\"{key}\",\"v\":{v}}}\n"),
            };
        }
        let (columns, errors) = read_all(lines.as_bytes());
        prop_assert_eq!(errors, []);
        prop_assert_eq!(&columns[0], &ColumnData::U64(rows.iter().map(|r| r.0).collect()));
        for (row, (_, key, v, _)) in rows.iter().enumerate() {
            prop_assert_eq!(columns[1].text(row), Some(key.as_bytes()));
            if let ColumnData::F64(values) = &columns[2] {
                prop_assert_eq!(values[row], *v);
            }
        }
    }

    #[test]
    fn no_bytes_panic(bytes: Vec<u8>, text in "[{}\":,0-9tsvkey\n]{0,60}") {
        let _ = (read_all(&bytes), read_all(text.as_bytes()));
    }
}

#[test]
fn columns_may_be_missing_or_null_where_that_is_said() {
    let schema = vec![Column::new("a", ColumnType::I64), Column::new("b", ColumnType::Text)];
    let mut reader = NdjsonReader::new(schema.clone()).with_nullable(&[1, 0]);
    let mut columns = reader.empty_columns();
    let lines = "{\"a\":1,\"b\":\"x\"}\n".repeat(8)
        + "{\"a\":null,\"b\":\"y\"}\n{\"a\":3}\n{\"a\":4,\"b\":\"z\"}\n";
    reader.read(lines.as_bytes(), true, &mut columns).unwrap();
    assert_eq!(columns[0], ColumnData::I64(vec![1, 1, 1, 1, 1, 1, 1, 1, 0, 3, 4]));
    let ColumnData::Bool(b_null) = &columns[2] else { panic!("no booleans") };
    let ColumnData::Bool(a_null) = &columns[3] else { panic!("no booleans") };
    let rows = |flags: &[bool]| -> Vec<usize> { (0..11).filter(|row| flags[*row]).collect() };
    assert_eq!((rows(a_null), rows(b_null)), (vec![8], vec![9]));
    assert!(reader.read(b"{\"a\":[]}\n", true, &mut columns).is_err());
    assert!(columns.iter().all(|column| column.len() == 11), "a bad row leaves nothing");
    let mut strict = NdjsonReader::new(schema);
    let mut columns = strict.empty_columns();
    assert!(strict.read(b"{\"a\":null,\"b\":\"\"}\n", true, &mut columns).is_err());
}
