use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_ipc::reader::FileReader;
use formats::k::{Sym, Type};
use rt::testing::TempDir;
use serde_json::json;

use super::*;
use crate::testing::{TestEnv, both_modes};

fn sink(directory: &Path, partition: Option<&str>) -> Box<dyn Sink> {
    let directory = directory.to_str().unwrap();
    let mut config = json!({"directory": directory, "table": "t"});
    if let Some(column) = partition {
        config["partition"] = json!(column);
    }
    (SPEC.build)(&config, &TestEnv::new()).unwrap()
}

fn table(dates: Vec<i32>, prices: Vec<i64>) -> Batch {
    let names = vec![Sym::new("date"), Sym::new("price")];
    let columns = vec![K::vec(Type::Date, dates), K::longs(prices)];
    Batch::new(Data::Value(K::table(names, columns).unwrap()))
}

/// The files below a folder, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// The prices in a file, and the names of its columns.
fn read(path: &Path) -> (Vec<i64>, Vec<String>) {
    let reader = FileReader::try_new(std::fs::File::open(path).unwrap(), None).unwrap();
    let names = reader.schema().fields().iter().map(|f| f.name().clone()).collect();
    let mut prices = Vec::new();
    for batch in reader {
        let batch = batch.unwrap();
        let column = batch.column_by_name("price").unwrap().as_primitive::<Int64Type>();
        prices.extend(column.values().iter().copied());
    }
    (prices, names)
}

#[test]
fn every_batch_is_a_file() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let sink = sink(&dir.join("db"), None);
        sink.open().await.unwrap();
        sink.write(&table(vec![1, 2], vec![10, 20])).await.unwrap();
        sink.write(&table(vec![3], vec![30])).await.unwrap();
        sink.write(&table(vec![], vec![])).await.unwrap();
        let found = files(&dir.join("db/t"));
        assert_eq!(found.len(), 2, "nothing is no file: {found:?}");
        let names = vec!["date".to_owned(), "price".to_owned()];
        assert_eq!(read(&found[0]), (vec![10, 20], names));
        assert_eq!(read(&found[1]).0, [30]);
    });
}

#[test]
fn partitions_are_folders_and_no_columns() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let sink = sink(dir.path(), Some("date"));
        sink.open().await.unwrap();
        sink.write(&table(vec![8825, 1, 8825], vec![1, 2, 3])).await.unwrap();
        let found = files(&dir.join("t"));
        let folders: Vec<_> = found
            .iter()
            .map(|path| path.parent().unwrap().file_name().unwrap().to_str().unwrap())
            .collect();
        assert_eq!(folders, ["date=2000-01-02", "date=2024-02-29"]);
        assert_eq!(read(&found[0]), (vec![2], vec!["price".to_owned()]));
        assert_eq!(read(&found[1]).0, [1, 3]);
    });
}

#[test]
fn what_cannot_be_kept_leaves_nothing() {
    both_modes(|| async {
        let dir = TempDir::new().unwrap();
        let refused = async |sink: &dyn Sink, batch: &Batch| match sink.write(batch).await {
            Err(SinkError::Refused(fault)) => fault.text.clone(),
            other => panic!("{other:?}"),
        };
        let plain = sink(dir.path(), None);
        plain.open().await.unwrap();
        let text = refused(&*plain, &Batch::new(Data::Value(K::long(1)))).await;
        assert_eq!(text, "only tables can be kept");
        let by = sink(dir.path(), Some("sym"));
        let text = refused(&*by, &table(vec![1], vec![1])).await;
        assert_eq!(text, "there is no column sym");
        // The folder of the second partition is a file: the first one is taken back.
        let by = sink(dir.path(), Some("date"));
        std::fs::write(dir.join("t/date=2000-01-03"), "").unwrap();
        let some = table(vec![1, 2], vec![1, 2]);
        let Err(SinkError::NotConnected(fault)) = by.write(&some).await else {
            panic!("it may be kept later")
        };
        assert!(fault.text.starts_with("mkdir "), "{}", fault.text);
        assert_eq!(files(&dir.join("t")), [dir.join("t/date=2000-01-03")]);
        std::fs::remove_file(dir.join("t/date=2000-01-03")).unwrap();
        by.write(&some).await.unwrap();
        assert_eq!(files(&dir.join("t")).len(), 2);
    });
}

#[test]
fn names_must_be_there() {
    for field in ["directory", "table", "partition"] {
        let mut config = json!({"directory": "d", "table": "t", "partition": "p"});
        config[field] = json!("");
        let error = (SPEC.build)(&config, &TestEnv::new()).err().unwrap();
        assert_eq!(error.text, format!("field '{field}': must not be empty"));
    }
}

/// Runs a test of this file in a process of its own; what it is told is the number of an error.
fn alone(test: &str, error: i32) {
    let exe = std::env::current_exe().unwrap();
    let mut child = std::process::Command::new(exe);
    child.args(["--exact", &format!("arrow_files::tests::{test}"), "--nocapture"]);
    let output = child.env(REFUSED, error.to_string()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// Tells a process of [`alone`] what becomes of the names in directories; the others do nothing.
const REFUSED: &str = "MAINSTEM_TEST_FSYNC";
/// A directory may not be read.
const NOT_PERMITTED: i32 = 1;
/// The device is broken.
const IO_ERROR: i32 = 5;

#[test]
fn no_batch_is_delivered_whose_names_are_not_on_disk() {
    alone("names_that_are_not_kept", NOT_PERMITTED);
    alone("names_that_are_not_kept", IO_ERROR);
}

#[test]
fn names_that_are_not_kept() {
    let Ok(error) = std::env::var(REFUSED) else { return };
    let error: i32 = error.parse().unwrap();
    rt::testing::refuse_fsync(error).unwrap();
    both_modes(move || async move {
        let dir = TempDir::new().unwrap();
        for partition in [None, Some("date")] {
            let sink = sink(dir.path(), partition);
            let opened = sink.open().await;
            if error == IO_ERROR {
                let text = opened.unwrap_err().text.clone();
                assert!(text.starts_with(&format!("sync {}:", dir.path().display())), "{text}");
                continue;
            }
            opened.unwrap();
            let Err(SinkError::NotConnected(fault)) = sink.write(&table(vec![1], vec![2])).await
            else {
                panic!("its names are not on disk")
            };
            // The folder of a new partition stands in that of the table.
            let wanted = format!("sync {}:", dir.join("t").display());
            assert!(fault.text.starts_with(&wanted), "{}", fault.text);
            assert_eq!(files(&dir.join("t")), Vec::<PathBuf>::new(), "it is taken back");
        }
    });
}
