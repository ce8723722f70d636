//! The partitions of a table: its rows by the values of a column, and the names of their folders.

use formats::k::{Data, K, Scalar, Table, Type};

use super::columns::first_day;

/// Partitions that one batch may have rows of.
pub(super) const PARTITIONS_MAX: usize = 1000;
/// Bytes that the name of a folder may have on the usual file systems.
const FOLDER_BYTES_MAX: usize = 255;
/// What a folder is called whose rows have no value there, as others who write such files call it.
const NO_VALUE: &str = "__HIVE_DEFAULT_PARTITION__";

/// The rows of a partition, and its folder below that of the table.
pub(super) struct Part {
    pub(super) folder: String,
    pub(super) rows: Table,
}

/// The partitions of a table by a column.
///
/// # Errors
/// There is no such column, its type has no names for folders, or there are too many partitions.
pub(super) fn parts(table: &Table, column: &str) -> Result<Vec<Part>, String> {
    let found = table.iter().find(|(name, _)| name.as_str() == column).map(|(_, values)| values);
    let Some(K::Vec(values)) = found else { return Err(format!("there is no column {column}")) };
    let mut found: Vec<(String, Vec<i64>)> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for row in 0..values.data.len() {
        let value = named(values.ty, &values.data, row).ok_or_else(|| {
            format!("column {column}: {} do not name partitions", described(values.ty))
        })?;
        let place = *places.entry(value).or_insert_with_key(|value| {
            found.push((format!("{}={value}", escaped(column)), Vec::new()));
            found.len() - 1
        });
        if place >= PARTITIONS_MAX {
            return Err(format!("a batch has rows of more than {PARTITIONS_MAX} partitions"));
        }
        if let (Some((_, rows)), Ok(row)) = (found.get_mut(place), i64::try_from(row)) {
            rows.push(row);
        }
    }
    if let Some((folder, _)) = found.iter().find(|(folder, _)| folder.len() > FOLDER_BYTES_MAX) {
        let start: String = folder.chars().take(40).collect();
        return Err(format!("folder {start}...: its name exceeds {FOLDER_BYTES_MAX} bytes"));
    }
    let rows = |(folder, rows): (String, Vec<i64>)| Part { folder, rows: picked(table, &rows) };
    Ok(found.into_iter().map(rows).collect())
}

/// Some rows of a table.
fn picked(table: &Table, rows: &[i64]) -> Table {
    let column = |column: &K| match column {
        K::Vec(vector) => {
            let data = vector.data.gather(rows, &K::null(vector.ty));
            K::Vec(formats::k::Vector { ty: vector.ty, attr: Default::default(), data })
        }
        other => other.clone(),
    };
    let columns = table.columns.iter().map(column).collect();
    Table { names: table.names.clone(), columns }
}

fn described(ty: Type) -> String {
    if ty == Type::List { "lists".to_owned() } else { format!("values of type {}", ty.name()) }
}

/// What stands for a value in the name of a folder.
fn named(ty: Type, data: &Data, row: usize) -> Option<String> {
    let value = match (ty, data.scalar(row)?) {
        (Type::Bool, Scalar::U8(x)) => {
            return Some(if x == 0 { "false" } else { "true" }.to_owned());
        }
        (Type::Symbol, Scalar::Sym(s)) if s.is_null() => None,
        (Type::Symbol, Scalar::Sym(s)) => return Some(escaped(s.as_bytes())),
        (Type::Short, Scalar::I16(x)) => (x != i16::MIN).then(|| x.to_string()),
        (Type::Int, Scalar::I32(x)) => (x != i32::MIN).then(|| x.to_string()),
        (Type::Long, Scalar::I64(x)) => (x != i64::MIN).then(|| x.to_string()),
        (Type::Date, Scalar::I32(x)) => match (x != i32::MIN).then(|| x.checked_add(10_957)) {
            None => None,
            Some(days) => Some(date(days?)),
        },
        (Type::Month, Scalar::I32(x)) => match (x != i32::MIN).then(|| first_day(x)) {
            None => None,
            // Without the day.
            Some(day) => Some(date(day?).rsplit_once('-')?.0.to_owned()),
        },
        _ => return None,
    };
    Some(value.unwrap_or_else(|| NO_VALUE.to_owned()))
}

/// A day, counted from 1970 on, as a text.
fn date(days: i32) -> String {
    let seconds = i64::from(days) * 86_400;
    match jiff::Timestamp::from_second(seconds) {
        Ok(time) => time.strftime("%Y-%m-%d").to_string(),
        // Before or after what calendars tell.
        Err(_) => days.to_string(),
    }
}

/// A text as part of a path: whatever could mean something there is escaped.
pub(super) fn escaped(text: impl AsRef<[u8]>) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');
    percent_encode(text.as_ref(), KEPT).to_string()
}

#[cfg(test)]
mod tests {
    use formats::k::Sym;

    use super::*;

    fn by(column: K) -> Result<Vec<(String, K)>, String> {
        let count = column.len() as i64;
        let rows = K::longs((0..count).collect());
        let table = K::table(vec![Sym::new("p"), Sym::new("row")], vec![column, rows]).unwrap();
        let K::Table(table) = table else { panic!("a table") };
        let rows = |part: Part| (part.folder, part.rows.columns[1].clone());
        Ok(parts(&table, "p")?.into_iter().map(rows).collect())
    }

    #[test]
    fn rows_are_put_together_by_their_value() {
        let some = by(K::syms(vec!["b".into(), "a/..".into(), "b".into(), Sym::default()]));
        let want = [
            ("p=b".to_owned(), K::longs(vec![0, 2])),
            ("p=a%2F%2E%2E".to_owned(), K::longs(vec![1])),
            (format!("p={NO_VALUE}"), K::longs(vec![3])),
        ];
        assert_eq!(some.unwrap(), want);
        let folders = |column: K| {
            by(column).unwrap().into_iter().map(|(folder, _)| folder).collect::<Vec<_>>()
        };
        assert_eq!(folders(K::vec(Type::Date, vec![8825])), ["p=2024-02-29"]);
        assert_eq!(folders(K::vec(Type::Month, vec![24 * 12 + 1])), ["p=2024-02"]);
        assert_eq!(folders(K::longs(vec![-7])), ["p=-7"]);
        assert_eq!(folders(K::bools(vec![1])), ["p=true"]);
        let bytes = Sym::intern(&[0xff, b'a']).unwrap();
        assert_eq!(folders(K::syms(vec![bytes])), ["p=%FFa"]);
    }

    #[test]
    fn what_names_no_partitions_is_said() {
        let error = by(K::floats(vec![1.5])).unwrap_err();
        assert_eq!(error, "column p: values of type float do not name partitions");
        let long = |bytes: usize| by(K::syms(vec![Sym::new(&"x".repeat(bytes))]));
        assert!(long(FOLDER_BYTES_MAX - "p=".len()).is_ok());
        let error = long(FOLDER_BYTES_MAX - 1).unwrap_err();
        assert!(error.ends_with("its name exceeds 255 bytes"), "{error}");
        let many = (0..=PARTITIONS_MAX as i64).collect();
        let error = by(K::longs(many)).unwrap_err();
        assert_eq!(error, "a batch has rows of more than 1000 partitions");
        assert!(by(K::longs((0..PARTITIONS_MAX as i64).collect())).is_ok());
    }
}
