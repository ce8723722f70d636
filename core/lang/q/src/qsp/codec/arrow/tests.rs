//! Tables there and back, and what is wrong.

use super::read::COLUMNS_MAX;
use crate::qsp::testing::Line;
use formats::k::{K, Sym, Type};
use proptest::prelude::*;

const BOTH: &str = ".qsp.encode.arrow[] .qsp.decode.arrow[]";

#[test]
fn tables_come_back_as_they_were() {
    let mut line = Line::new(BOTH);
    for table in [
        "([]a:1 0N 3;b:1.5 0n 2;c:(enlist\"x\";\"\";\"long\"))",
        "([]a:101b;b:0x0102ff;c:1 0N 3h;d:1 0N 3i;e:1 0N 3e)",
        "([]a:2024.01.01D10:00:00.000000001 0N;b:2024.02.29 0Nd;c:0D00:00:01 0N)",
        "([]a:10:00:01 0N;b:10:00:00.123 0N)",
        "([]a:(enlist 0x01;0x0203;`byte$()))",
        "([]a:`long$();b:`float$())",
    ] {
        let k = line.cx.eval(table, "table").unwrap();
        let want = crate::display::text(&k);
        assert_eq!(line.give(table), [want], "{table}");
    }
    let guids = K::vec(Type::Guid, vec![[1; 16], [0; 16]]);
    let table = K::table(vec![Sym::new("a")], vec![guids]).unwrap();
    assert_eq!(line.value(table.clone()).unwrap(), [table]);
}

#[test]
fn columns_have_a_limit() {
    let mut line = Line::new(BOTH);
    let table = |columns: usize| {
        let names = (0..columns).map(|i| Sym::new(&format!("c{i}"))).collect();
        K::table(names, vec![K::longs(vec![1, 2]); columns]).unwrap()
    };
    let most = table(COLUMNS_MAX);
    assert_eq!(line.value(most.clone()), Ok(vec![most]));
    let error = line.value(table(COLUMNS_MAX + 1)).unwrap_err();
    assert_eq!((error.text.as_str(), error.fatal), ("limit", true));
}

#[test]
fn types_without_a_counterpart_become_the_nearest() {
    let mut line = Line::new(&format!("{BOTH} .qsp.map[{{x`a}}]"));
    assert_eq!(line.give("([]a:`x`y)"), ["(,\"x\";,\"y\")"]);
    assert_eq!(line.give("([]a:\"xy\")"), ["(,\"x\";,\"y\")"]);
    assert_eq!(line.give("([]a:2024.03 0Nm)"), ["2024.03.01 0N"]);
    assert_eq!(line.give("([]a:10:30 0N)"), ["10:30:00 0N"]);
    assert!(line.fails("([]a:(1 2;3 4))"));
    assert!(line.fails("1"));
}

#[test]
fn columns_come_as_lists_where_that_is_asked() {
    let mut line = Line::new(".qsp.encode.arrow[] .qsp.decode.arrow[.qsp.use ``asList!(::;1b)]");
    assert_eq!(line.give("([]a:1 2;b:3 4f)"), ["(1 2;3 4f)"]);
    assert_eq!(line.give("(1 2;3 4f)"), ["(1 2;3 4f)"]);
}

#[test]
fn a_schema_orders_and_converts() {
    let schema = "schema!(::;([]b:`float$();a:`long$()))";
    let mut line =
        Line::new(&format!(".qsp.encode.arrow[.qsp.use ``{schema}] .qsp.decode.arrow[]"));
    assert_eq!(line.give("([]a:1 2;b:3 4)"), ["+`b`a!(3 4f;1 2)"]);
    assert_eq!(line.give("(3 4;1 2)"), ["+`b`a!(3 4f;1 2)"]);
    assert!(line.fails("([]a:1 2)"));
    assert!(line.fails("([]a:1 2;c:3 4)"));
    let fixed = "`schema`matchCols`payloadType!(([]b:`float$();a:`long$());0b;`table)";
    let mut line = Line::new(&format!(".qsp.encode.arrow[.qsp.use {fixed}]"));
    assert!(line.fails("([]a:1 2;b:3 4)"));
    assert!(line.fails("(3 4;1 2)"));
    assert_eq!(line.give("([]b:1 2;a:3 4)").len(), 1);
    assert!(Line::new(".qsp.encode.arrow[.qsp.use ``payloadType!(::;`x)]").fails("([]a:1 2)"));
}

#[test]
fn bytes_that_are_no_stream_are_an_error() {
    let mut encode = Line::new(".qsp.encode.arrow[]");
    let table = encode.cx.eval("([]a:til 100;b:100#enlist\"text\")", "table").unwrap();
    let K::Vec(v) = encode.value(table).unwrap().remove(0) else { panic!("no bytes") };
    let formats::k::Data::U8(bytes) = v.data else { panic!("no bytes") };
    let mut decode = Line::new(".qsp.decode.arrow[]");
    assert!(decode.value(K::vec(Type::Byte, b"garbage and more".to_vec())).is_err());
    for cut in (0..bytes.len()).step_by(97) {
        // A stream that ends between two messages is one; nothing else may come of it.
        let _ = decode.value(K::vec(Type::Byte, bytes[..cut].to_vec()));
    }
    for at in (0..bytes.len()).step_by(13) {
        let mut wrong = bytes.to_vec();
        wrong[at] ^= 0x81;
        let _ = decode.value(K::vec(Type::Byte, wrong));
    }
    let two = K::list(vec![K::vec(Type::Byte, bytes.to_vec()), K::vec(Type::Byte, bytes.to_vec())]);
    assert_eq!(decode.value(two).unwrap().len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn decoding_undoes_encoding(
        rows in prop::collection::vec((any::<i64>(), any::<f64>(), "[a-zé]{0,5}"), 0..20),
    ) {
        let names = ["a", "b", "c"].map(Sym::new).to_vec();
        let texts: Vec<K> = rows.iter().map(|r| K::str(&r.2)).collect();
        let columns = vec![
            K::longs(rows.iter().map(|r| r.0).collect()),
            K::floats(rows.iter().map(|r| r.1).collect()),
            K::list(texts),
        ];
        let table = K::table(names, columns).unwrap();
        prop_assert_eq!(Line::new(BOTH).value(table.clone()).unwrap(), [table]);
    }
}
