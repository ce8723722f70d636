//! What is kept comes back.

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int8Array, Int16Array,
    Int32Array, Int64Array, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use formats::value::{Object, Text, Timestamp, Value};
use proptest::prelude::*;

use super::*;
use crate::columns::{Columns, DataType, Field, Schema};

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<u64>().prop_map(Value::Uint),
        any::<f64>().prop_map(Value::Float),
        any::<f32>().prop_map(Value::Float32),
        "-?[1-9][0-9]{0,30}(\\.[0-9]+)?"
            .prop_map(|text| formats::json::parse(text.as_bytes()).expect("a number")),
        prop::collection::vec(any::<u8>(), 0..40)
            .prop_map(|bytes| Value::String(Text::from(bytes.as_slice()))),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| Value::Bytes(bytes.into())),
        (any::<i128>(), any::<i32>(), ".{0,9}").prop_map(|(unix_ns, offset_s, zone)| {
            Value::Timestamp(Arc::new(Timestamp { unix_ns, offset_s, zone: zone.into() }))
        }),
    ];
    leaf.prop_recursive(4, 20, 5, |inner| {
        let member = (".{0,5}", inner.clone()).prop_map(|(k, v)| (Text::from(k), v));
        prop_oneof![
            prop::collection::vec(inner, 0..5).prop_map(Value::array),
            prop::collection::vec(member, 0..5)
                .prop_map(|members| Value::object(Object::from(members))),
        ]
    })
}

fn meta() -> impl Strategy<Value = Option<Arc<Meta>>> {
    let entries = prop::collection::vec((".{0,6}", value()), 0..4);
    prop::option::of(entries.prop_map(|entries| {
        let mut meta = Meta::new();
        entries.into_iter().for_each(|(key, value)| meta.set(key, value));
        Arc::new(meta)
    }))
}

fn record() -> impl Strategy<Value = Record> {
    let content = prop::collection::vec(any::<u8>(), 0..60);
    let fault = prop::option::of((".{0,9}", ".{0,9}", ".{0,9}", ".{0,9}"));
    (content, meta(), fault, 0..3_u32).prop_map(|(content, meta, fault, tag)| {
        let fault =
            fault.map(|(text, name, label, path)| Arc::new(Fault { text, name, label, path }));
        Record { meta, fault, origin: Origin { ack: 0, tag }, ..Record::own(content) }
    })
}

/// Columns of all types; what is sliced must not bring what was cut off.
fn columns() -> impl Strategy<Value = Columns> {
    let row = (any::<[u8; 8]>(), prop::collection::vec(any::<u8>(), 0..9));
    let rows = prop::collection::vec(row, 0..9);
    let places = prop::option::of(any::<u32>());
    let (mark, partition) = (prop::option::of(any::<u64>()), any::<u32>());
    (rows, any::<prop::sample::Index>(), places, mark, partition, any::<bool>(), any::<u16>())
        .prop_map(|(rows, from, places, watermark_ms, partition, last, source_rows)| {
            let numbers = || rows.iter().map(|(bytes, _)| u64::from_le_bytes(*bytes));
            macro_rules! array {
                ($array:ty, $as:ty) => {
                    Arc::new(<$array>::from_iter_values(numbers().map(|n| n as $as))) as ArrayRef
                };
            }
            let texts = || rows.iter().map(|(_, text)| text);
            let all = [
                (
                    DataType::Bool,
                    Arc::new(BooleanArray::from_iter(numbers().map(|n| Some(n > 9)))) as _,
                ),
                (DataType::I8, array!(Int8Array, i8)),
                (DataType::I16, array!(Int16Array, i16)),
                (DataType::I32, array!(Int32Array, i32)),
                (DataType::I64, array!(Int64Array, i64)),
                (DataType::U8, array!(UInt8Array, u8)),
                (DataType::U16, array!(UInt16Array, u16)),
                (DataType::U32, array!(UInt32Array, u32)),
                (DataType::U64, array!(UInt64Array, u64)),
                (DataType::F32, array!(Float32Array, f32)),
                (DataType::F64, array!(Float64Array, f64)),
                (DataType::Char, array!(UInt8Array, u8)),
                (DataType::Text, Arc::new(BinaryArray::from_iter_values(texts())) as _),
            ];
            let from = from.index(rows.len() + 1);
            let len = rows.len() - from;
            let field =
                |(ty, _): &(DataType, ArrayRef)| Field { name: format!("{ty:?}").into(), ty: *ty };
            let schema = Arc::new(Schema { fields: all.iter().map(field).collect() });
            let arrays = all.iter().map(|(_, array)| array.slice(from, len)).collect();
            let places =
                places.map(|at| Arc::new((0..len as u32).map(|n| at.wrapping_mul(n)).collect()));
            let source_rows = usize::from(source_rows);
            Columns {
                watermark_ms,
                partition,
                last,
                source_rows,
                places,
                ..Columns::new(schema, arrays)
            }
        })
}

/// All that must come back of messages.
fn shown(records: &Records) -> Vec<String> {
    let mut scratch = Vec::new();
    let mut lines = vec![format!("{}", records.loose)];
    for (index, record) in records.recs.iter().enumerate() {
        let content = records.bytes(index, &mut scratch).to_vec();
        let (meta, fault) = (&record.meta, &record.fault);
        let last = records.ends_batch(index);
        lines.push(format!("{content:?} {meta:?} {fault:?} {last}"));
    }
    lines
}

fn again(data: &Data) -> Data {
    let mut bytes = Vec::new();
    encode(data, &mut bytes).expect("kept");
    decode(&bytes.into()).expect("read")
}

proptest! {
    #[test]
    fn messages_come_back_as_they_were(
        recs in prop::collection::vec(record(), 0..6),
        loose: bool,
        share: bool,
    ) {
        let mut records = Records { recs, loose, ..Records::default() };
        if share && let Some(meta) = records.recs.first().map(|first| first.meta.clone()) {
            records.recs.iter_mut().for_each(|record| record.meta.clone_from(&meta));
        }
        let expected = shown(&records);
        let Data::Records(read) = again(&Data::Records(records)) else { panic!("messages") };
        prop_assert_eq!(shown(&read), expected);
        prop_assert!(!share || read.recs.windows(2).all(|two| {
            two[0].meta.as_ref().map(Arc::as_ptr) == two[1].meta.as_ref().map(Arc::as_ptr)
        }), "what is shared is shared");
    }

    #[test]
    fn lines_come_back_as_they_were(
        content in prop::collection::vec(any::<u8>(), 0..60),
        meta in meta(),
        offset: u64,
    ) {
        let raw = RawBlock { bytes: content.into(), meta, offset, only: None };
        let expected = format!("{raw:?}");
        let Data::Raw(read) = again(&Data::Raw(raw)) else { panic!("lines") };
        prop_assert_eq!(format!("{read:?}"), expected);
    }

    #[test]
    fn columns_come_back_as_they_were(columns in columns()) {
        let expected = format!("{columns:?}");
        let Data::Columns(read) = again(&Data::Columns(columns)) else { panic!("columns") };
        prop_assert_eq!(format!("{read:?}"), expected);
    }

    #[test]
    fn columns_that_are_cut_short_are_none(
        columns in columns(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = Vec::new();
        encode(&Data::Columns(columns), &mut bytes).expect("kept");
        bytes.truncate(cut.index(bytes.len()));
        prop_assert!(decode(&bytes.into()).is_err());
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for kind in 0..5 {
            let mut all = vec![kind];
            all.extend_from_slice(&bytes);
            let _ = decode(&all.into());
        }
    }

    #[test]
    fn what_is_cut_short_is_no_batch(
        recs in prop::collection::vec(record(), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = Vec::new();
        encode(&Data::Records(Records { recs, ..Records::default() }), &mut bytes).expect("kept");
        bytes.truncate(cut.index(bytes.len()));
        prop_assert!(decode(&bytes.into()).is_err());
    }
}

#[test]
fn documents_come_back_as_text() {
    let document = formats::json::parse(b"{\"b\":1.0,\"a\":[]}").expect("JSON");
    let record = Record { body: Body::Doc(Arc::new(document)), ..Record::default() };
    let data = Data::Records(Records { recs: vec![record], ..Records::default() });
    let Data::Records(read) = again(&data) else { panic!("messages") };
    assert_eq!(read.bytes(0, &mut Vec::new()), b"{\"a\":[],\"b\":1.0}");
}

#[test]
fn what_cannot_be_kept_is_refused() {
    let mut deep = Value::Null;
    for _ in 0..DEPTH_MAX {
        deep = Value::array(vec![deep]);
    }
    let data = |value: Value| {
        let mut record = Record::own(Vec::new());
        record.meta_mut().set("deep", value);
        Data::Records(Records { recs: vec![record], ..Records::default() })
    };
    let mut out = Vec::new();
    assert_eq!(encode(&data(deep.clone()), &mut out), Ok(()));
    assert!(decode(&out.into()).is_ok());
    let deeper = data(Value::array(vec![deep]));
    assert_eq!(encode(&deeper, &mut Vec::new()), Err(StoredError::TooDeep));
    let field = Field { name: "a".into(), ty: DataType::Text };
    let schema = Arc::new(Schema { fields: vec![field] });
    let numbers: ArrayRef = Arc::new(Int8Array::from_iter_values([1]));
    let wrong = Data::Columns(Columns::new(schema, vec![numbers]));
    assert_eq!(encode(&wrong, &mut Vec::new()), Err(StoredError::WrongType));
    let value = Data::Value(formats::k::K::Null);
    assert_eq!(encode(&value, &mut Vec::new()), Err(StoredError::NoMessages));
}
