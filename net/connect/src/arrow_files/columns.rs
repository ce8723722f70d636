//! Columns of values as columns of Arrow. Nulls, which are certain values there, become nulls.

use std::sync::Arc;

use arrow_array::builder::FixedSizeBinaryBuilder;
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, DurationMillisecondArray, DurationNanosecondArray,
    DurationSecondArray, Float32Array, Float64Array, Int16Array, Int32Array, Int64Array,
    RecordBatch, StringArray, TimestampMillisecondArray, TimestampNanosecondArray, UInt8Array,
};
use arrow_schema::{Field, Schema};
use formats::k::{Data, K, Table, Type, Vector};

/// Days from 1970-01-01 to 2000-01-01, where the times of values begin.
const DAYS: i32 = 10_957;
/// Bytes that the texts of a column may have: their places are numbers of 32 bits.
const TEXT_BYTES_MAX: usize = i32::MAX as usize;
/// Seconds of a day.
const DAY_SECONDS: i64 = 86_400;

/// A table without one of its columns as a batch of Arrow.
///
/// # Errors
/// A column that Arrow has nothing for, or a time that it cannot tell.
pub(super) fn batch(table: &Table, without: Option<&str>) -> Result<RecordBatch, String> {
    let columns = table.iter().filter(|(name, _)| Some(name.as_str()) != without);
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    for (name, column) in columns {
        let K::Vec(vector) = column else { return Err(format!("column {name}: it is no vector")) };
        let array = array(vector).map_err(|text| format!("column {name}: {text}"))?;
        fields.push(Field::new(name.as_str(), array.data_type().clone(), true));
        arrays.push(array);
    }
    let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(table.rows()));
    let schema = Arc::new(Schema::new(fields));
    RecordBatch::try_new_with_options(schema, arrays, &options).map_err(|e| e.to_string())
}

fn array(vector: &Vector) -> Result<ArrayRef, String> {
    Ok(match (&vector.data, vector.ty) {
        (Data::U8(v), Type::Bool) => {
            Arc::new(v.iter().map(|x| Some(*x != 0)).collect::<BooleanArray>())
        }
        (Data::U8(v), Type::Char) => {
            Arc::new(v.iter().map(|x| Some(char::from(*x).to_string())).collect::<StringArray>())
        }
        (Data::U8(v), _) => Arc::new(UInt8Array::from(v.to_vec())),
        (Data::I16(v), _) => {
            Arc::new(v.iter().map(|x| (*x != i16::MIN).then_some(*x)).collect::<Int16Array>())
        }
        (Data::I32(v), ty) => ints(v, ty)?,
        (Data::I64(v), ty) => longs(v, ty)?,
        (Data::F32(v), _) => {
            Arc::new(v.iter().map(|x| (!x.is_nan()).then_some(*x)).collect::<Float32Array>())
        }
        (Data::F64(v), Type::Datetime) => {
            Arc::new(v.iter().map(|x| datetime(*x)).collect::<TimestampMillisecondArray>())
        }
        (Data::F64(v), _) => {
            Arc::new(v.iter().map(|x| (!x.is_nan()).then_some(*x)).collect::<Float64Array>())
        }
        (Data::Sym(v), _) => {
            let text = |s: &formats::k::Sym| {
                let text = (!s.is_null()).then(|| std::str::from_utf8(s.as_bytes()));
                text.transpose().map_err(|_| "a symbol is not UTF-8")
            };
            Arc::new(strings(v.iter().map(text).collect::<Result<Vec<_>, _>>()?.into_iter())?)
        }
        (Data::Guid(v), _) => {
            let mut out = FixedSizeBinaryBuilder::with_capacity(v.len(), 16);
            for guid in v.iter() {
                match guid {
                    [0, ..] if *guid == [0; 16] => out.append_null(),
                    guid => out.append_value(guid).map_err(|e| e.to_string())?,
                }
            }
            Arc::new(out.finish())
        }
        (Data::List(items), _) => Arc::new(texts(items)?),
    })
}

fn ints(v: &[i32], ty: Type) -> Result<ArrayRef, String> {
    let known = |x: &i32| (*x != i32::MIN).then_some(*x);
    Ok(match ty {
        Type::Date => {
            let day = |x: &i32| known(x).map(|x| x.checked_add(DAYS)).map(whole).transpose();
            Arc::new(v.iter().map(day).collect::<Result<Date32Array, _>>()?)
        }
        Type::Month => {
            let day = |x: &i32| known(x).map(first_day).map(whole).transpose();
            Arc::new(v.iter().map(day).collect::<Result<Date32Array, _>>()?)
        }
        Type::Minute | Type::Second => {
            let unit = if ty == Type::Minute { 60 } else { 1 };
            let seconds = |x: &i32| known(x).map(|x| i64::from(x) * unit);
            Arc::new(v.iter().map(seconds).collect::<DurationSecondArray>())
        }
        Type::Time => {
            let ms = |x: &i32| known(x).map(i64::from);
            Arc::new(v.iter().map(ms).collect::<DurationMillisecondArray>())
        }
        _ => Arc::new(v.iter().map(known).collect::<Int32Array>()),
    })
}

fn longs(v: &[i64], ty: Type) -> Result<ArrayRef, String> {
    let known = |x: &i64| (*x != i64::MIN).then_some(*x);
    Ok(match ty {
        Type::Timestamp => {
            let since = i64::from(DAYS) * DAY_SECONDS * 1_000_000_000;
            let ns = |x: &i64| known(x).map(|x| x.checked_add(since)).map(whole).transpose();
            Arc::new(v.iter().map(ns).collect::<Result<TimestampNanosecondArray, _>>()?)
        }
        Type::Timespan => Arc::new(v.iter().map(known).collect::<DurationNanosecondArray>()),
        _ => Arc::new(v.iter().map(known).collect::<Int64Array>()),
    })
}

fn whole<T>(x: Option<T>) -> Result<T, String> {
    x.ok_or_else(|| "a time is out of range".to_owned())
}

/// The days from 1970 to the first of a month, which is counted from 2000 on.
pub(super) fn first_day(month: i32) -> Option<i32> {
    let year = i64::from(month.div_euclid(12)) + 2000;
    let month = i64::from(month.rem_euclid(12)) + 1;
    // Years begin in March, so that the day of February comes last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let days = year * 365 + leap + (month * 153 + 2) / 5 - 719_468;
    i32::try_from(days).ok()
}

/// Milliseconds since 1970 of days since 2000.
fn datetime(days: f64) -> Option<i64> {
    let ms = (days + f64::from(DAYS)) * 86_400_000.0;
    (ms.is_finite() && ms.abs() < 9e18).then(|| ms.round() as i64)
}

fn texts(items: &[K]) -> Result<StringArray, String> {
    let text = |item| {
        let text = K::as_text(item).ok_or("lists of other values than texts cannot be kept")?;
        std::str::from_utf8(text).map(Some).map_err(|_| "a text is not UTF-8")
    };
    strings(items.iter().map(text).collect::<Result<Vec<_>, _>>()?.into_iter())
}

fn strings<'a>(
    texts: impl Iterator<Item = Option<&'a str>> + Clone,
) -> Result<StringArray, String> {
    let bytes: usize = texts.clone().flatten().map(str::len).sum();
    if bytes > TEXT_BYTES_MAX {
        return Err(format!("its texts have {bytes} bytes, more than {TEXT_BYTES_MAX}"));
    }
    Ok(texts.collect())
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    use arrow_array::types::{
        Date32Type, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
        Float64Type, Int64Type, TimestampMillisecondType, TimestampNanosecondType,
    };
    use formats::k::Sym;

    use super::*;

    fn column(k: K) -> ArrayRef {
        let K::Vec(vector) = k else { panic!("a vector") };
        array(&vector).unwrap()
    }

    #[test]
    fn nulls_are_nulls() {
        let longs = column(K::longs(vec![1, i64::MIN]));
        assert_eq!((longs.as_primitive::<Int64Type>().value(0), longs.is_null(1)), (1, true));
        let floats = column(K::floats(vec![1.5, f64::NAN]));
        assert_eq!((floats.as_primitive::<Float64Type>().value(0), floats.is_null(1)), (1.5, true));
        let symbols = column(K::syms(vec!["a".into(), Sym::default()]));
        assert_eq!((symbols.as_string::<i32>().value(0), symbols.is_null(1)), ("a", true));
        let guids = column(K::vec(Type::Guid, vec![[1; 16], [0; 16]]));
        assert_eq!((guids.as_fixed_size_binary().value(0), guids.is_null(1)), (&[1; 16][..], true));
        for ty in [Type::Short, Type::Int, Type::Date, Type::Month, Type::Time, Type::Timestamp] {
            let null = column(K::repeat(ty, ty.null(), 2));
            assert_eq!(null.null_count(), 2, "{ty:?}");
        }
    }

    #[test]
    fn times_begin_in_1970() {
        // 2000-01-02, and 2024-02-29.
        let dates = column(K::vec(Type::Date, vec![1, 8825]));
        assert_eq!(dates.as_primitive::<Date32Type>().values(), &[10_958, 19_782]);
        assert_eq!(first_day(0), Some(10_957));
        assert_eq!([first_day(24 * 12 + 2), first_day(-1)], [Some(19_783), Some(10_926)]);
        let stamps = column(K::vec(Type::Timestamp, vec![1i64]));
        let ns = stamps.as_primitive::<TimestampNanosecondType>().value(0);
        assert_eq!(ns, 946_684_800_000_000_001);
        let datetime = column(K::vec(Type::Datetime, vec![0.5, f64::NAN]));
        let ms = datetime.as_primitive::<TimestampMillisecondType>();
        assert_eq!((ms.value(0), ms.is_null(1)), (946_728_000_000, true));
        let minutes = column(K::vec(Type::Minute, vec![90]));
        assert_eq!(minutes.as_primitive::<DurationSecondType>().value(0), 5400);
        let time = column(K::vec(Type::Time, vec![7]));
        assert_eq!(time.as_primitive::<DurationMillisecondType>().value(0), 7);
        let span = column(K::vec(Type::Timespan, vec![7i64]));
        assert_eq!(span.as_primitive::<DurationNanosecondType>().value(0), 7);
    }

    #[test]
    fn what_arrow_has_nothing_for_is_said() {
        let table = |name: &str, column: K| {
            let Ok(K::Table(table)) = K::table(vec![Sym::new(name)], vec![column]) else {
                panic!("a table")
            };
            batch(&table, None).unwrap_err()
        };
        let error = table("a", K::list(vec![K::longs(vec![1])]));
        assert_eq!(error, "column a: lists of other values than texts cannot be kept");
        assert_eq!(table("a", K::list(vec![K::str([0xff])])), "column a: a text is not UTF-8");
        let symbols = K::syms(vec![Sym::intern(&[0xff]).unwrap()]);
        assert_eq!(table("a", symbols), "column a: a symbol is not UTF-8");
        let long = Sym::new(&"x".repeat(1 << 20));
        let most = TEXT_BYTES_MAX >> 20;
        let error = table("a", K::syms(vec![long; most + 1]));
        assert_eq!(error, "column a: its texts have 2147483648 bytes, more than 2147483647");
        let late = K::vec(Type::Timestamp, vec![i64::MAX]);
        assert_eq!(table("a", late), "column a: a time is out of range");
    }
}
