//! Source `csv`: rows of files as structured messages.

use plan::env::read_config;
use plan::fields::Scanner;
use plan::serde_json::json;
use plan::{BuildError, Component, Env, Example, Json, Source, SourceSpec, schema_of};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::file::input::{Config as FileConfig, FileSource};
use crate::policy::Config as Policy;
use crate::scanners::Cut;
use crate::text::Bytesize;

/// Reads files of comma-separated values, a message for each row.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
pub struct Config {
    /// Files to read, in this order; patterns as in `file`.
    pub paths: Vec<String>,
    /// Takes the first row of a file as names: rows become objects. Without it they become arrays.
    #[serde(default = "crate::yes")]
    pub parse_header_row: bool,
    /// Separates fields.
    #[serde(default = "comma")]
    pub delimiter: String,
    /// Accepts quotes in unquoted fields and single quotes in quoted ones.
    #[serde(default)]
    pub lazy_quotes: bool,
    /// Removes a file when all its messages were delivered.
    #[serde(default)]
    #[schemars(extend("advanced" = true))]
    pub delete_on_finish: bool,
    /// Rows of one batch.
    #[serde(default = "one")]
    #[schemars(extend("advanced" = true))]
    pub batch_count: usize,
    /// Sends a message again when it could not be delivered.
    #[serde(default = "crate::yes")]
    pub auto_replay_nacks: bool,
}

fn comma() -> String {
    ",".to_owned()
}

fn one() -> usize {
    1
}

fn build(config: &Json, env: &dyn Env) -> Result<Box<dyn Source>, BuildError> {
    let config: Config = read_config(config)?;
    if config.batch_count == 0 {
        return Err(BuildError::new("field 'batch_count': must be at least 1"));
    }
    let scanner = json!({
        "custom_delimiter": config.delimiter,
        "parse_header_row": config.parse_header_row,
        "lazy_quotes": config.lazy_quotes,
    });
    let source = FileSource::new(FileConfig {
        paths: config.paths,
        cut: Cut { scanner: Scanner(Component::new("csv", scanner)), ..Cut::default() },
        delete_on_finish: config.delete_on_finish,
        auto_replay_nacks: config.auto_replay_nacks,
        block: Bytesize::default(),
        offset: 0,
        watch: false,
        literal: false,
        strict: false,
        retries: None,
    })?;
    let policy = Policy { count: config.batch_count, ..Policy::default() };
    crate::batched::wrap(Box::new(source), &policy, env)
}

/// Registration.
pub static SPEC: SourceSpec = SourceSpec {
    name: "csv",
    since: "0.1.0",
    category: "local",
    summary: "Reads rows of comma-separated values from files.",
    schema: schema_of::<Config>,
    examples: &[Example {
        title: "tables of a directory",
        config: r#"{"paths":["./tables/*.csv"],"delimiter":";"}"#,
        input: &[],
        output: &[],
    }],
    build,
};

#[cfg(test)]
mod tests {
    use rt::testing::TempDir;

    use super::*;
    use crate::testing::{Fake, TestEnv, both_modes};

    #[test]
    fn rows_with_metadata_and_batches() {
        both_modes(|| async {
            let dir = TempDir::new().unwrap();
            let path = dir.join("d.csv").to_str().unwrap().to_owned();
            std::fs::write(&path, "id,name\n1,ada\n2,\"b, b\"\n3,\n").unwrap();
            for (count, sizes) in [(1, vec![3]), (2, vec![2, 1])] {
                let config = json!({"paths": [path], "batch_count": count});
                let fake = Fake::new();
                let mut source = (SPEC.build)(&config, &TestEnv::new()).unwrap();
                source.run(fake.clone()).await.unwrap();
                assert_eq!(fake.sizes(), sizes);
                assert_eq!(fake.texts()[1], r#"{"id":"2","name":"b, b"}"#);
                assert_eq!(fake.meta("path"), [path.clone(), path.clone(), path.clone()]);
            }
        });
    }

    #[test]
    fn a_bad_row_ends_its_file() {
        both_modes(|| async {
            let dir = TempDir::new().unwrap();
            let path = dir.join("d.csv").to_str().unwrap().to_owned();
            std::fs::write(&path, "a,b\n1,2\n3\n4,5\n").unwrap();
            let fake = Fake::new();
            let config = json!({"paths": [path]});
            let mut source = (SPEC.build)(&config, &TestEnv::new()).unwrap();
            source.run(fake.clone()).await.unwrap();
            assert_eq!(fake.texts(), [r#"{"a":"1","b":"2"}"#]);
            assert!(fake.errors()[0].ends_with("record on line 3: wrong number of fields"));
        });
    }
}
