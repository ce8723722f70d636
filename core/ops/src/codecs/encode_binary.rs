//! `encode_binary`: typed columns to rows of one width, packed one behind the other.

use arrow_array::ArrayRef;
use arrow_array::types::UInt8Type;
use formats::columns::ColumnData;
use plan::env::read_config;
use plan::{
    Batch, BuildError, Class, Columns, DataType, Env, Example, Json, Operator, OperatorError,
    OperatorSpec, Step,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::arrays::to_column;
use super::encode_csv::encoded;
use crate::columns::types::values;

/// Most bytes that the rows of a batch may have.
pub const BATCH_BYTES_MAX: usize = if cfg!(test) { 1 << 10 } else { 1 << 30 };

/// Configuration of `encode_binary`. Columns are written in order and without gaps, numbers with
/// their lowest byte first.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// How many bytes the columns of texts have in a row.
    #[serde(default)]
    texts: Vec<Width>,
}

/// The bytes that a text has in a row; a shorter one ends with zeros.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Width {
    /// The column.
    column: String,
    /// How many.
    bytes: u32,
}

struct EncodeBinary {
    texts: Vec<Width>,
}

/// A column and its place in a row.
struct Place<'c> {
    name: &'c str,
    data: ColumnData,
    at: usize,
    bytes: usize,
}

impl EncodeBinary {
    fn encode(&self, columns: &Columns) -> Result<Vec<u8>, OperatorError> {
        let (mut places, mut width) = (Vec::new(), 0usize);
        for (field, array) in columns.schema.fields.iter().zip(&columns.arrays) {
            let name: &str = &field.name;
            let bytes = match (field.ty, self.texts.iter().find(|t| t.column == name)) {
                (DataType::Bool | DataType::Char | DataType::I8 | DataType::U8, _) => 1,
                (DataType::I16 | DataType::U16, _) => 2,
                (DataType::I32 | DataType::U32 | DataType::F32, _) => 4,
                (DataType::I64 | DataType::U64 | DataType::F64, _) => 8,
                (DataType::Text, Some(text)) => text.bytes as usize,
                (DataType::Text, None) => {
                    let text = format!("texts: {name}: a text needs its number of bytes");
                    return Err(OperatorError(text));
                }
            };
            places.push(Place { name, data: data(array, field.ty), at: width, bytes });
            width += bytes;
        }
        let size = width.checked_mul(columns.rows).filter(|size| *size <= BATCH_BYTES_MAX);
        let Some(size) = size else {
            let text = format!("packed rows of a batch have more than {BATCH_BYTES_MAX} bytes");
            return Err(OperatorError(text));
        };
        let mut out = vec![0; size];
        if width > 0 {
            places.iter().try_for_each(|place| place.write(&mut out, width))?;
        }
        Ok(out)
    }
}

/// The values of a column; characters are the bytes that they are.
fn data(array: &ArrayRef, ty: DataType) -> ColumnData {
    match ty {
        DataType::Char => ColumnData::U8(values::<UInt8Type>(array).to_vec()),
        ty => to_column(array, ty),
    }
}

impl Place<'_> {
    /// Writes the column into rows of so many bytes.
    fn write(&self, out: &mut [u8], width: usize) -> Result<(), OperatorError> {
        macro_rules! numbers {
            ($values:expr) => {
                for (row, value) in out.chunks_exact_mut(width).zip($values) {
                    self.put(row, &value.to_le_bytes());
                }
            };
        }
        match &self.data {
            ColumnData::I8(v) => numbers!(v),
            ColumnData::I16(v) => numbers!(v),
            ColumnData::I32(v) => numbers!(v),
            ColumnData::I64(v) => numbers!(v),
            ColumnData::U8(v) => numbers!(v),
            ColumnData::U16(v) => numbers!(v),
            ColumnData::U32(v) => numbers!(v),
            ColumnData::U64(v) => numbers!(v),
            ColumnData::F32(v) => numbers!(v),
            ColumnData::F64(v) => numbers!(v),
            ColumnData::Bool(v) => numbers!(v.iter().map(|on| u8::from(*on))),
            ColumnData::Text { .. } => {
                for (at, row) in out.chunks_exact_mut(width).enumerate() {
                    let text = self.data.text(at).unwrap_or_default();
                    if text.len() > self.bytes {
                        let shown = String::from_utf8_lossy(text.get(..100).unwrap_or(text));
                        return Err(OperatorError(format!(
                            "{}: '{shown}' has {} bytes, and there is room for {}",
                            self.name,
                            text.len(),
                            self.bytes
                        )));
                    }
                    self.put(row, text);
                }
            }
        }
        Ok(())
    }

    fn put(&self, row: &mut [u8], bytes: &[u8]) {
        if let Some(place) = row.get_mut(self.at..self.at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }
}

impl Operator for EncodeBinary {
    fn class(&self) -> Class {
        Class::Stateless
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        Step::Done(encoded(batch, out, |columns| self.encode(columns)))
    }
}

fn build(config: &Json, _env: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
    let Config { texts } = read_config(config)?;
    Ok(Box::new(EncodeBinary { texts }))
}

/// The operator.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "encode_binary",
    since: "0.1.0",
    category: "codecs",
    summary: "Typed columns to packed rows of one width.",
    schema: plan::schema_of::<Config>,
    examples: &[Example {
        title: "a text of two bytes and a byte, which is that of the end of a line",
        config: r#"{"texts": [{"column": "k", "bytes": 2}]}"#,
        input: &["k:text,n:u8", "ab,10", "c,10"],
        output: &["ab", "c\0"],
    }],
    build,
};

#[cfg(test)]
mod tests {
    use plan::serde_json::json;
    use plan::{Data, RawBlock};

    use super::super::decode_binary;
    use super::*;
    use crate::columns::testing::{Fake, columns, done, rows_of};

    fn packed(config: &Json, lines: &[&str]) -> Result<Vec<u8>, String> {
        let operator = EncodeBinary { texts: read_config::<Config>(config).unwrap().texts };
        operator.encode(&columns(lines)).map_err(|error| error.0)
    }

    #[test]
    fn what_is_packed_is_what_decode_binary_reads() {
        let lines = [
            "a:bool,b:char,c:i8,d:i16,e:u16,f:i32,g:u32,h:i64,i:u64,j:f32,k:f64,l:text",
            "true,65,-1,-2,65535,-3,4000000000,-4,18446744073709551615,1.5,-2.25,abc",
            "false,0,127,300,0,7,8,9,10,0,0.5,",
        ];
        let bytes = packed(&json!({"texts": [{"column": "l", "bytes": 4}]}), &lines).unwrap();
        assert_eq!(bytes.len(), 2 * (1 + 1 + 1 + 2 + 2 + 4 + 4 + 8 + 8 + 4 + 8 + 4));
        let fields: Vec<Json> = lines[0]
            .split(',')
            .filter_map(|field| field.split_once(':'))
            .map(|(name, ty)| match ty {
                "text" => json!({"name": name, "type": ty, "bytes": 4}),
                ty => json!({"name": name, "type": ty}),
            })
            .collect();
        let mut decoder =
            (decode_binary::SPEC.build)(&json!({"fields": fields}), &Fake::default()).unwrap();
        let mut out = Vec::new();
        let raw = RawBlock { bytes: bytes.into(), meta: None, offset: 0, only: None };
        done(decoder.on_batch(Batch::new(Data::Raw(raw)), &mut out));
        assert_eq!(rows_of(out)[1..], lines[1..]);
    }

    #[test]
    fn what_has_no_room_is_an_error() {
        let config = json!({"texts": [{"column": "k", "bytes": 2}]});
        let error = packed(&config, &["k:text", "abc"]).unwrap_err();
        assert_eq!(error, "k: 'abc' has 3 bytes, and there is room for 2");
        let error = packed(&json!({}), &["k:text", "abc"]).unwrap_err();
        assert_eq!(error, "texts: k: a text needs its number of bytes");
        for (bytes, fits) in [(BATCH_BYTES_MAX, true), (BATCH_BYTES_MAX + 1, false)] {
            let config = json!({"texts": [{"column": "k", "bytes": bytes}]});
            let made = packed(&config, &["k:text", "abc"]);
            assert_eq!(made.is_ok(), fits, "{bytes}");
        }
    }
}
