//! `.qsp.decode` and `.qsp.encode`: texts to values and back.

mod arrow;
mod csv;
mod gzip;
mod json;
mod protobuf;

pub(super) use arrow::{DecodeArrow, EncodeArrow};
pub(super) use csv::{DecodeCsv, EncodeCsv};
pub(super) use gzip::DecodeGzip;
pub(super) use json::{DecodeJson, EncodeJson};
pub(super) use protobuf::{DecodeProtobuf, EncodeProtobuf};

use super::build::{Def, Kind, absent, maker};
use crate::error::{Result, type_error};
use crate::session::Session;
use crate::verbs::Verb;
use formats::k::K;

static DECODE_JSON: Def =
    Def { name: "decode.json", kind: Kind::Operator, params: &[], required: 0 };
static ENCODE_JSON: Def =
    Def { name: "encode.json", kind: Kind::Operator, params: &[], required: 0 };
static DECODE_CSV: Def = Def {
    name: "decode.csv",
    kind: Kind::Operator,
    params: &["schema", "delimiter", "header"],
    required: 1,
};
static ENCODE_CSV: Def =
    Def { name: "encode.csv", kind: Kind::Operator, params: &["delimiter", "header"], required: 0 };

static DECODE_ARROW: Def =
    Def { name: "decode.arrow", kind: Kind::Operator, params: &[], required: 0 };
static ENCODE_ARROW: Def =
    Def { name: "encode.arrow", kind: Kind::Operator, params: &[], required: 0 };
static DECODE_GZIP: Def =
    Def { name: "decode.gzip", kind: Kind::Operator, params: &[], required: 0 };
static DECODE_PROTOBUF: Def = Def {
    name: "decode.protobuf",
    kind: Kind::Operator,
    params: &["message", "file"],
    required: 1,
};
static ENCODE_PROTOBUF: Def = Def {
    name: "encode.protobuf",
    kind: Kind::Operator,
    params: &["message", "file"],
    required: 1,
};

macro_rules! makers {
    ($($name:ident $def:ident),*) => {$(
        fn $name(cx: &mut Session, args: Vec<K>) -> Result {
            cx.operator(&$def, args)
        }
    )*};
}
makers!(
    decode_json DECODE_JSON, encode_json ENCODE_JSON,
    decode_csv DECODE_CSV, encode_csv ENCODE_CSV,
    decode_arrow DECODE_ARROW, encode_arrow ENCODE_ARROW, decode_gzip DECODE_GZIP
);

/// An operator whose definition is looked at now, so that what is wrong with it is said now.
fn defined(cx: &mut Session, def: &'static Def, args: Vec<K>) -> Result {
    let made = cx.operator(def, args)?;
    let id = Session::pipe(&made)?.first;
    if let Some(node) = cx.qsp.nodes.get(id) {
        protobuf::descriptor(node)?;
    }
    Ok(made)
}

fn decode_protobuf(cx: &mut Session, args: Vec<K>) -> Result {
    defined(cx, &DECODE_PROTOBUF, args)
}

fn encode_protobuf(cx: &mut Session, args: Vec<K>) -> Result {
    defined(cx, &ENCODE_PROTOBUF, args)
}

absent!(decode_pcap ".qsp.decode.pcap", decode_avro ".qsp.decode.avro");

/// The text of a batch: a text, or texts that are put together with line ends.
fn text_of(data: &K) -> Result<Vec<u8>> {
    if let Some(text) = data.as_text() {
        formats::budget::ask(text.len());
        return Ok(text.to_vec());
    }
    if let K::Vec(v) = data
        && v.ty == formats::k::Type::Byte
        && let formats::k::Data::U8(bytes) = &v.data
    {
        formats::budget::ask(bytes.len());
        return Ok(bytes.to_vec());
    }
    let mut out = Vec::new();
    for line in data.items() {
        let line = line.as_text().ok_or_else(type_error)?;
        formats::budget::ask(out.len() + line.len());
        out.extend_from_slice(line);
        if !line.ends_with(b"\n") {
            out.push(b'\n');
        }
    }
    Ok(out)
}

pub(super) const VERBS: &[Verb] = &[
    maker(".qsp.decode.json", 1, decode_json),
    maker(".qsp.encode.json", 1, encode_json),
    maker(".qsp.decode.csv", 4, decode_csv),
    maker(".qsp.encode.csv", 3, encode_csv),
    maker(".qsp.decode.arrow", 3, decode_arrow),
    maker(".qsp.decode.gzip", 3, decode_gzip),
    maker(".qsp.decode.pcap", 3, decode_pcap),
    maker(".qsp.decode.protobuf", 3, decode_protobuf),
    maker(".qsp.decode.avro", 3, decode_avro),
    maker(".qsp.encode.arrow", 3, encode_arrow),
    maker(".qsp.encode.protobuf", 3, encode_protobuf),
];
