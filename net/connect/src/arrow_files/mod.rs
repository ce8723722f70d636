//! Sink `arrow_files`: tables as files of Arrow in a directory.
//!
//! ```text
//! directory / table / part-....arrow
//! directory / table / column=value / part-....arrow      with a partition
//! ```
//!
//! Each batch makes a file of its own in each partition that it has rows of. A file has its name
//! only when it is whole and on disk, so that whoever reads the directory sees no half of one. A
//! batch is acknowledged when all its files have their names, and those are on disk, too; one that
//! comes again after a crash in between is there twice.
//!
//! While the disk refuses to take it, a batch is written again and again, and what is behind waits:
//! what operators have put together to make it does not come a second time.

mod columns;
mod parts;
#[cfg(test)]
mod tests;

use std::io::ErrorKind;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::writer::FileWriter;
use formats::k::{K, Table};
use plan::env::{fault_of, read_config};
use plan::{
    Batch, BuildError, Component, Data, Env, Example, Fault, Json, LocalBoxFuture, Services, Sink,
    SinkError, SinkSpec, schema_of,
};
use rt::file::{OpenOptions, create_dir_all, remove, rename, sync_dir};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::path_text;
use parts::escaped;

/// Keeps tables as files of Arrow, which others read as one table.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where tables are; made when it is missing.
    pub directory: String,
    /// Name of the table: of a folder there.
    pub table: String,
    /// The column by whose values rows are put into folders, which tell that value instead of the
    /// files. Its values are texts, whole numbers, booleans, dates or months.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
}

/// A running `arrow_files` sink.
pub struct ArrowFiles {
    component: Component,
    services: Rc<dyn Services>,
    /// The folder of the table.
    folder: String,
    partition: Option<String>,
}

/// A file that is to be.
struct NewFile {
    folder: String,
    name: String,
    bytes: Vec<u8>,
}

impl NewFile {
    fn path(&self) -> String {
        format!("{}/{}", self.folder, self.name)
    }

    /// Where it is until it is whole; those who read the directory pass over such names.
    fn draft(&self) -> String {
        format!("{}/.{}.tmp", self.folder, self.name)
    }

    async fn write(&mut self) -> Result<(), String> {
        create_dir_all(&self.folder).await.map_err(|e| path_text("mkdir", &self.folder, &e))?;
        let path = self.draft();
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path).await;
        let file = file.map_err(|e| path_text("open", &path, &e))?;
        let bytes = std::mem::take(&mut self.bytes);
        file.write_all(bytes).await.0.map_err(|e| path_text("write", &path, &e))?;
        file.sync().await.map_err(|e| path_text("sync", &path, &e))
    }

    async fn publish(&self) -> Result<(), String> {
        let path = self.draft();
        rename(&path, self.path()).await.map_err(|e| path_text("rename", &path, &e))?;
        kept_names(&self.folder).await
    }
}

/// Returns once the names in a folder are on disk.
async fn kept_names(folder: &str) -> Result<(), String> {
    sync_dir(folder).await.map_err(|e| path_text("sync", folder, &e))
}

/// Whether the disk refused a batch, and may take it later, or it cannot be kept at all.
enum Refusal {
    Disk(String),
    Batch(String),
}

/// A batch as a file of Arrow.
fn file(batch: &RecordBatch) -> Result<Vec<u8>, String> {
    let text = |error: arrow_schema::ArrowError| error.to_string();
    let mut writer = FileWriter::try_new(Vec::new(), &batch.schema()).map_err(text)?;
    writer.write(batch).map_err(text)?;
    writer.finish().map_err(text)?;
    writer.into_inner().map_err(text)
}

impl ArrowFiles {
    /// Makes the folder of the table.
    async fn make(&self) -> Result<(), String> {
        let folder = self.folder.as_str();
        create_dir_all(folder).await.map_err(|e| path_text("mkdir", folder, &e))?;
        // Its name stands in the directory, and the name of that one a level above.
        let above = Path::new(folder).ancestors().skip(1).take(2).filter_map(Path::to_str);
        for folder in above.map(|folder| if folder.is_empty() { "." } else { folder }) {
            match sync_dir(folder).await {
                // What may not be read was not made here either.
                Err(error) if error.kind() != ErrorKind::PermissionDenied => {
                    return Err(path_text("sync", folder, &error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A name that no other file has.
    fn name(&self) -> String {
        let (now, random) = (self.services.wall_ns(), self.services.random());
        format!("part-{now:020}-{random:016x}.arrow")
    }

    fn files(&self, table: &Table) -> Result<Vec<NewFile>, String> {
        let partition = self.partition.as_deref();
        let new = |folder: String, rows: &Table| -> Result<NewFile, String> {
            let bytes = file(&columns::batch(rows, partition)?)?;
            Ok(NewFile { folder, name: self.name(), bytes })
        };
        let Some(column) = partition else { return Ok(vec![new(self.folder.clone(), table)?]) };
        let parts = parts::parts(table, column)?;
        let file = |part: parts::Part| new(format!("{}/{}", self.folder, part.folder), &part.rows);
        parts.into_iter().map(file).collect()
    }

    async fn keep(&self, batch: &Batch) -> Result<(), Refusal> {
        let table = match &batch.data {
            Data::Value(K::Table(table)) if table.rows() == 0 => return Ok(()),
            Data::Value(K::Table(table)) => table,
            _ => return Err(Refusal::Batch("only tables can be kept".to_owned())),
        };
        let files = self.files(table).map_err(Refusal::Batch)?;
        self.store(files).await.map_err(Refusal::Disk)
    }

    /// Writes files, then gives them their names: all or none.
    async fn store(&self, mut files: Vec<NewFile>) -> Result<(), String> {
        let mut kept = Ok(());
        for new in &mut files {
            kept = kept.and(new.write().await);
            if kept.is_err() {
                break;
            }
        }
        if kept.is_ok() && self.partition.is_some() {
            // Folders of partitions may be new.
            kept = kept_names(&self.folder).await;
        }
        let mut published = 0;
        for new in &files {
            if kept.is_ok() {
                published += 1;
                kept = new.publish().await;
            }
        }
        if kept.is_err() {
            // The batch is written again as a whole.
            for (at, new) in files.iter().enumerate() {
                // What is not there needs not be removed.
                let _ = remove(new.draft()).await;
                if at < published {
                    let _ = remove(new.path()).await;
                }
            }
        }
        kept
    }
}

impl Sink for ArrowFiles {
    fn open<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(async move { self.make().await.map_err(|text| fault_of(&self.component, text)) })
    }

    fn write<'a>(&'a self, batch: &'a Batch) -> LocalBoxFuture<'a, Result<(), SinkError>> {
        Box::pin(async move {
            self.keep(batch).await.map_err(|refusal| match refusal {
                Refusal::Disk(text) => SinkError::NotConnected(fault_of(&self.component, text)),
                Refusal::Batch(text) => SinkError::Refused(fault_of(&self.component, text)),
            })
        })
    }

    fn close<'a>(&'a self) -> LocalBoxFuture<'a, Result<(), Arc<Fault>>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Sink>, BuildError> {
    let Config { directory, table, partition } = read_config(config)?;
    for (field, text) in [("directory", Some(&directory)), ("table", Some(&table))]
        .into_iter()
        .chain([("partition", partition.as_ref())])
    {
        if text.is_some_and(String::is_empty) {
            return Err(BuildError::new(format!("field '{field}': must not be empty")));
        }
    }
    Ok(Box::new(ArrowFiles {
        component: env.component().clone(),
        services: env.services(),
        folder: format!("{}/{}", directory.trim_end_matches('/'), escaped(&table)),
        partition,
    }))
}

/// Registration.
pub static SPEC: SinkSpec = SinkSpec {
    name: "arrow_files",
    since: "0.1.0",
    category: "local",
    summary: "Keeps tables as files of Arrow in a directory.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "trades by their day",
        config: r#"{"directory":"./db","table":"trade","partition":"date"}"#,
        input: &[],
        output: &[],
    }],
    build,
};
