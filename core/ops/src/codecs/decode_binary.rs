//! `decode_binary`: rows of one width, packed one behind the other, to typed columns.

use std::slice::ChunksExact;
use std::sync::Arc;

use formats::columns::ColumnData;
use plan::batch::body_bytes;
use plan::env::read_config;
use plan::{
    Batch, BuildError, Class, Columns, Data, DataType, End, Env, Example, Json, Operator,
    OperatorError, OperatorSpec, Schema, Step,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::arrays::{to_array, with_room};
use super::decode::{FieldConfig, Skipped, ended, schema_of, wanted};
use crate::columns::select::keep;

/// Most bytes of a row.
pub const ROW_BYTES_MAX: usize = 16 << 20;

/// Configuration of `decode_binary`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The columns of a row, in order and without gaps. Numbers have their lowest byte first.
    fields: Vec<PackedField>,
    /// Names of the columns that are wanted; the others are passed over. All by default.
    #[serde(default)]
    select: Option<Vec<String>>,
    /// Number of the partition that the rows are.
    #[serde(default)]
    partition: u32,
}

/// A column and its place in a row.
#[derive(Deserialize, JsonSchema)]
struct PackedField {
    /// The column.
    #[serde(flatten)]
    column: FieldConfig,
    /// Bytes of a text. The zeros at its end are none of it. Other types know how many they have.
    #[serde(default)]
    bytes: Option<u32>,
}

impl PackedField {
    /// Bytes of it in a row.
    fn width(&self) -> Result<usize, BuildError> {
        Ok(match self.column.ty {
            DataType::Bool | DataType::Char | DataType::I8 | DataType::U8 => 1,
            DataType::I16 | DataType::U16 => 2,
            DataType::I32 | DataType::U32 | DataType::F32 => 4,
            DataType::I64 | DataType::U64 | DataType::F64 => 8,
            DataType::Text => match self.bytes {
                Some(bytes) => bytes as usize,
                None => {
                    let name = &self.column.name;
                    let text = format!("fields: {name}: a text needs its number of bytes");
                    return Err(BuildError::new(text));
                }
            },
        })
    }
}

/// Where a column stands in a row.
struct Place {
    at: usize,
    bytes: usize,
}

impl Place {
    /// Appends the values of some rows.
    fn read(
        &self,
        rows: ChunksExact<'_, u8>,
        column: &mut ColumnData,
    ) -> Result<(), OperatorError> {
        let at = self.at;
        match column {
            ColumnData::I8(v) => v.extend(rows.map(|row| i8::from_le_bytes(item(row, at)))),
            ColumnData::I16(v) => v.extend(rows.map(|row| i16::from_le_bytes(item(row, at)))),
            ColumnData::I32(v) => v.extend(rows.map(|row| i32::from_le_bytes(item(row, at)))),
            ColumnData::I64(v) => v.extend(rows.map(|row| i64::from_le_bytes(item(row, at)))),
            ColumnData::U8(v) => v.extend(rows.map(|row| u8::from_le_bytes(item(row, at)))),
            ColumnData::U16(v) => v.extend(rows.map(|row| u16::from_le_bytes(item(row, at)))),
            ColumnData::U32(v) => v.extend(rows.map(|row| u32::from_le_bytes(item(row, at)))),
            ColumnData::U64(v) => v.extend(rows.map(|row| u64::from_le_bytes(item(row, at)))),
            ColumnData::F32(v) => v.extend(rows.map(|row| f32::from_le_bytes(item(row, at)))),
            ColumnData::F64(v) => v.extend(rows.map(|row| f64::from_le_bytes(item(row, at)))),
            ColumnData::Bool(v) => v.extend(rows.map(|row| item::<1>(row, at) != [0])),
            ColumnData::Text { offsets, bytes } => {
                for row in rows {
                    let text = row.get(at..at + self.bytes).unwrap_or_default();
                    let length = text.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
                    bytes.extend_from_slice(text.get(..length).unwrap_or_default());
                    let end = i32::try_from(bytes.len());
                    let full = |_| OperatorError::new("the texts of a block exceed 2 GiB");
                    offsets.push(end.map_err(full)?);
                }
            }
        }
        Ok(())
    }
}

/// The bytes of a value in a row.
fn item<const N: usize>(row: &[u8], at: usize) -> [u8; N] {
    row.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}

/// A column with room for `rows` rows; characters are read as the bytes that they are.
fn room(ty: DataType, rows: usize) -> ColumnData {
    if ty == DataType::Char {
        ColumnData::U8(Vec::with_capacity(rows))
    } else {
        with_room(ty, rows)
    }
}

struct DecodeBinary {
    /// Bytes of a row.
    row: usize,
    /// Of the columns that are wanted. Behind them, the schema has those that say where there is
    /// no value: in packed rows, there always is one.
    places: Vec<Place>,
    schema: Arc<Schema>,
    partition: u32,
    skipped: Skipped,
}

impl DecodeBinary {
    fn room(&self, bytes: usize) -> Vec<ColumnData> {
        self.schema.fields.iter().map(|f| room(f.ty, bytes / self.row)).collect()
    }

    /// Appends the rows of some bytes. What is left behind the last whole row is none.
    fn read(&self, bytes: &[u8], columns: &mut [ColumnData]) -> Result<(), OperatorError> {
        let rows = bytes.chunks_exact(self.row);
        let torn = rows.remainder().len();
        if torn > 0 {
            self.skipped.add(|| format!("a row has {} bytes, and only {torn} came", self.row));
        }
        for (place, column) in self.places.iter().zip(&mut *columns) {
            place.read(rows.clone(), column)?;
        }
        for column in columns.iter_mut().skip(self.places.len()) {
            if let ColumnData::Bool(flags) = column {
                flags.extend(rows.clone().map(|_| false));
            }
        }
        Ok(())
    }

    fn columns(&self, data: Vec<ColumnData>) -> Columns {
        let fields = data.into_iter().zip(&self.schema.fields);
        let arrays = fields.map(|(data, field)| to_array(data, field.ty)).collect();
        let mut columns = Columns::new(Arc::clone(&self.schema), arrays);
        columns.partition = self.partition;
        columns
    }

    fn take(&self, batch: Batch, out: &mut Vec<Batch>) -> Result<(), OperatorError> {
        let columns = match &batch.data {
            Data::Raw(raw) => {
                let mut data = self.room(raw.bytes.len());
                self.read(&raw.bytes, &mut data)?;
                match &raw.only {
                    Some(only) => keep(self.columns(data), only.to_vec()),
                    None => self.columns(data),
                }
            }
            Data::Records(records) => {
                let (mut data, mut scratch) = (self.room(records.block.len()), Vec::new());
                for record in &records.recs {
                    let bytes = body_bytes(&records.block, &record.body, &mut scratch);
                    self.read(bytes, &mut data)?;
                }
                self.columns(data)
            }
            _ => return Err(OperatorError::new("a decoder works on bytes")),
        };
        out.push(batch.with_data(Data::Columns(columns)));
        Ok(())
    }
}

impl Operator for DecodeBinary {
    fn class(&self) -> Class {
        Class::Stateless
    }

    fn on_batch<'a>(&'a mut self, batch: Batch, out: &'a mut Vec<Batch>) -> Step<'a> {
        Step::Done(self.take(batch, out))
    }

    fn on_end<'a>(&'a mut self, end: End, out: &'a mut Vec<Batch>) -> Step<'a> {
        ended(&self.schema, self.partition, end, out);
        Step::Done(Ok(()))
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Operator>, BuildError> {
    let config: Config = read_config(config)?;
    let (mut all, mut row) = (Vec::new(), 0usize);
    for field in &config.fields {
        let bytes = field.width()?;
        all.push(Place { at: row, bytes });
        row = row.saturating_add(bytes);
    }
    if row == 0 || row > ROW_BYTES_MAX {
        let text = format!("fields: a row must have 1 to {ROW_BYTES_MAX} bytes, and has {row}");
        return Err(BuildError::new(text));
    }
    let names: Vec<&str> = config.fields.iter().map(|f| f.column.name.as_str()).collect();
    let wanted = wanted(&names, config.select.as_deref());
    let chosen: Vec<&FieldConfig> =
        wanted.iter().filter_map(|at| Some(&config.fields.get(*at)?.column)).collect();
    let place = |at: &usize| all.get(*at).map(|p| Place { at: p.at, bytes: p.bytes });
    Ok(Box::new(DecodeBinary {
        row,
        places: wanted.iter().filter_map(place).collect(),
        schema: Arc::new(schema_of(&chosen)),
        partition: config.partition,
        skipped: Skipped::new(env),
    }))
}

/// The operator.
pub static SPEC: OperatorSpec = OperatorSpec {
    name: "decode_binary",
    since: "0.1.0",
    category: "codecs",
    summary: "Packed rows of one width to typed columns.",
    schema: plan::schema_of::<Config>,
    examples: &[
        Example {
            title: "two letters and the byte behind them",
            config: r#"{"fields": [{"name": "k", "type": "text", "bytes": 2},
                               {"name": "end", "type": "u8"}]}"#,
            input: &["ab", "cd"],
            output: &["k:text,end:u8", "ab,10", "cd,10"],
        },
        Example {
            title: "one of three columns, and a row that is torn",
            config: r#"{"fields": [{"name": "a", "type": "u16"}, {"name": "b", "type": "char"},
                               {"name": "end", "type": "u8"}],
                    "select": ["a"]}"#,
            input: &["01x", "02y", "0"],
            output: &["a:u16", "12592", "12848"],
        },
    ],
    build,
};

#[cfg(test)]
mod tests {
    use plan::serde_json::json;
    use plan::{Body, RawBlock, Record, Records};
    use proptest::prelude::*;

    use super::*;
    use crate::columns::testing::{Fake, done, rows_of};

    /// Bytes of a row of all types.
    const ROW: usize = 48;

    type Row = (bool, u8, (i8, i16, u16), (i32, u32), (i64, u64), (f32, f64), String);

    fn all_types() -> Json {
        let types =
            ["bool", "char", "i8", "i16", "u16", "i32", "u32", "i64", "u64", "f32", "f64", "text"];
        let field = |ty: &&str| match *ty {
            "text" => json!({"name": "text", "type": "text", "bytes": 5, "null": "none"}),
            ty => json!({"name": ty, "type": ty}),
        };
        json!({"fields": types.iter().map(field).collect::<Vec<_>>()})
    }

    fn pack(
        (flag, char, (i8, i16, u16), (i32, u32), (i64, u64), (f32, f64), text): &Row,
    ) -> Vec<u8> {
        let mut row = vec![u8::from(*flag), *char];
        row.extend(i8.to_le_bytes());
        row.extend(i16.to_le_bytes());
        row.extend(u16.to_le_bytes());
        row.extend(i32.to_le_bytes());
        row.extend(u32.to_le_bytes());
        row.extend(i64.to_le_bytes());
        row.extend(u64.to_le_bytes());
        row.extend(f32.to_le_bytes());
        row.extend(f64.to_le_bytes());
        row.extend(text.bytes().chain(std::iter::repeat(0)).take(5));
        row
    }

    fn shown((flag, char, (a, b, c), (d, e), (f, g), (h, i), text): &Row) -> String {
        format!("{flag},{char},{a},{b},{c},{d},{e},{f},{g},{h},{i},{text},false")
    }

    /// Blocks of so many bytes, as raw ones or as messages over a shared block.
    fn batches(bytes: &[u8], size: usize, raw: bool) -> Vec<Batch> {
        let block = |part: &[u8]| RawBlock {
            bytes: part.to_vec().into(),
            meta: None,
            offset: 0,
            only: None,
        };
        if raw {
            return bytes.chunks(size).map(|p| Batch::new(Data::Raw(block(p)))).collect();
        }
        let starts = (0..bytes.len()).step_by(size);
        let recs = starts.map(|start| {
            let len = size.min(bytes.len() - start) as u32;
            Record { body: Body::Range { start: start as u32, len }, ..Record::default() }
        });
        let block = bytes.to_vec().into();
        vec![Batch::records(Records { recs: recs.collect(), block, ..Records::default() })]
    }

    /// The rows, and what the log was told.
    fn decoded(config: &Json, batches: Vec<Batch>) -> (Vec<String>, Vec<String>) {
        let fake = Fake::default();
        let mut operator = build(config, &fake).unwrap();
        let mut out = Vec::new();
        for batch in batches {
            done(operator.on_batch(batch, &mut out));
        }
        done(operator.on_end(End::Drained, &mut out));
        (rows_of(out), fake.logged.take())
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back(
            rows in prop::collection::vec(
                (any::<bool>(), any::<u8>(), any::<(i8, i16, u16)>(), any::<(i32, u32)>(),
                 any::<(i64, u64)>(), any::<(f32, f64)>(), "[a-z]{0,5}"),
                0..20,
            ),
            per_block in 1usize..8,
            torn in 0..ROW,
            raw: bool,
        ) {
            let mut bytes: Vec<u8> = rows.iter().flat_map(pack).collect();
            bytes.extend(vec![7; torn]);
            let (got, told) = decoded(&all_types(), batches(&bytes, per_block * ROW, raw));
            let want: Vec<String> = rows.iter().map(shown).collect();
            prop_assert_eq!(&got[1..], &want[..]);
            prop_assert_eq!(told.len(), usize::from(torn > 0));
            if torn > 0 {
                let why = format!("a row has {ROW} bytes, and only {torn} came");
                prop_assert!(told[0].contains(&why), "{}", told[0]);
            }
        }

        #[test]
        fn no_bytes_are_a_panic(bytes: Vec<u8>, size in 1usize..60, raw: bool) {
            let (rows, _) = decoded(&all_types(), batches(&bytes, size, raw));
            prop_assert!(rows.len() <= 1 + bytes.len() / ROW);
        }
    }

    #[test]
    fn columns_that_nobody_wants_are_passed_over() {
        let mut config = json!({"fields": [{"name": "a", "type": "u16"},
            {"name": "b", "type": "text", "bytes": 3, "to": "s$b"}, {"name": "c", "type": "i8"}]});
        config["select"] = json!(["c", "b"]);
        let (rows, told) = decoded(&config, batches(b"\x01\x02x\0z\xff\x03\x04yy\0\x05", 6, false));
        assert_eq!(rows, ["c:i8,s$b:text", "-1,x\0z", "5,yy"]);
        assert!(told.is_empty());
        // Rows are counted by a column, also where none is wanted.
        config["select"] = json!([]);
        let (rows, _) = decoded(&config, batches(b"\x01\x02xyz\xff", 6, true));
        assert_eq!(rows, ["a:u16", "513"]);
    }

    #[test]
    fn a_replay_wants_some_rows_only() {
        let mut batch = batches(b"abc", 3, true).remove(0);
        if let Data::Raw(raw) = &mut batch.data {
            raw.only = Some(Arc::new(vec![0, 2]));
        }
        let config = json!({"fields": [{"name": "a", "type": "u8"}]});
        assert_eq!(decoded(&config, vec![batch]).0, ["a:u8", "97", "99"]);
    }

    #[test]
    fn rows_without_a_width_are_refused() {
        let refused = |fields: Json| {
            let built = build(&json!({"fields": fields}), &Fake::default());
            built.err().map(|e| e.text).unwrap_or_default()
        };
        let text = |bytes: u64| json!([{"name": "a", "type": "text", "bytes": bytes}]);
        assert_eq!(
            refused(json!([{"name": "note", "type": "text"}])),
            "fields: note: a text needs its number of bytes"
        );
        for (fields, bytes) in [(json!([]), 0), (text(0), 0), (text(16_777_217), 16_777_217)] {
            let want = format!("fields: a row must have 1 to 16777216 bytes, and has {bytes}");
            assert_eq!(refused(fields), want);
        }
        assert_eq!(refused(text(16_777_216)), "");
    }
}
