//! Any bytes as Avro of a schema with every type, in every form.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use ops::decoders::Avro;

const SCHEMA: &str = r#"{"type":"record","name":"Node","fields":[
    {"name":"next","type":["null","Node"],"default":null},
    {"name":"all","type":{"type":"array","items":["boolean","int","long","float","double",
        "string","bytes","Node",{"type":"map","values":"Node"},
        {"type":"enum","name":"E","symbols":["A","B"]},{"type":"fixed","name":"F","size":3}]}},
    {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
    {"name":"time","type":{"type":"long","logicalType":"time-micros"}},
    {"name":"price","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}}]}"#;

static AVRO: LazyLock<Avro> = LazyLock::new(|| Avro::new(SCHEMA).expect("a schema"));

fuzz_target!(|data: &[u8]| {
    for value in AVRO.read(data) {
        let mut out = Vec::new();
        formats::json::write_value(&mut out, &value).expect("it has a form");
    }
});
