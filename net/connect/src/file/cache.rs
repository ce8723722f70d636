//! Cache `file`: each value is a file of a directory (spec/benthos-components.md §E).

use std::io::{self, ErrorKind};
use std::path::{Component as Part, Path, PathBuf};
use std::rc::Rc;

use plan::env::read_config;
use plan::shared::{CacheError, CacheOp, CacheResult};
use plan::{BuildError, Cache, CacheSpec, Json, LocalBoxFuture, Services, schema_of};
use rt::file::{File, OpenOptions, remove, rename};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::io_text;

/// Largest file that is read as a value, in bytes.
pub const VALUE_BYTES_MAX: usize = 1 << 30;
/// Bytes that are read at once.
const READ_BYTES: usize = 64 << 10;

/// Keeps each value in a file, whose path in the directory is its key. Nothing is too old ever.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// The directory; it must be there.
    directory: String,
}

struct FileCache {
    directory: PathBuf,
    value_bytes_max: usize,
}

fn other(error: &io::Error) -> CacheError {
    CacheError::Other(io_text(error))
}

impl FileCache {
    fn build(config: &Json, _: Rc<dyn Services>) -> Result<Rc<dyn Cache>, BuildError> {
        let config: Config = read_config(config)?;
        let directory = config.directory.into();
        Ok(Rc::new(FileCache { directory, value_bytes_max: VALUE_BYTES_MAX }))
    }

    /// Where a value is. A key must not lead out of the directory.
    fn path(&self, key: &[u8]) -> Result<PathBuf, CacheError> {
        let key = std::str::from_utf8(key)
            .map_err(|_| CacheError::Other("a key of a file cache must be UTF-8".to_owned()))?;
        let named = |part: Part<'_>| matches!(part, Part::Normal(_) | Part::CurDir);
        if key.is_empty() || key.contains('\0') || !Path::new(key).components().all(named) {
            let text = format!("key '{key}' is not the path of a file in the directory");
            return Err(CacheError::Other(text));
        }
        Ok(self.directory.join(key))
    }

    async fn one(&self, op: CacheOp) -> CacheResult {
        match op {
            CacheOp::Get { key } => match self.read(&self.path(&key)?).await {
                Err(error) if error.kind() == ErrorKind::NotFound => Err(CacheError::NotFound),
                read => read.map(Some).map_err(|error| other(&error)),
            },
            CacheOp::Set { key, value, .. } => {
                let path = self.path(&key)?;
                replace(&path, value).await.map(|()| None).map_err(|error| other(&error))
            }
            CacheOp::Add { key, value, .. } => {
                let path = self.path(&key)?;
                let new = OpenOptions::new().write(true).create_new(true).open(&path).await;
                let file = match new {
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                        return Err(CacheError::Exists);
                    }
                    new => new.map_err(|error| other(&error))?,
                };
                if let Err(error) = file.write_all(value).await.0 {
                    // Half a value is none.
                    let _ = remove(&path).await;
                    return Err(other(&error));
                }
                Ok(None)
            }
            CacheOp::Delete { key } => match remove(&self.path(&key)?).await {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(other(&error)),
                _ => Ok(None),
            },
        }
    }

    async fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = File::open(path).await?;
        let mut value = Vec::new();
        loop {
            value.reserve(READ_BYTES);
            let (read, buffer) = file.read(value).await;
            value = buffer;
            if read? == 0 {
                return Ok(value);
            }
            if value.len() > self.value_bytes_max {
                let max = self.value_bytes_max;
                return Err(io::Error::other(format!("a value may have {max} bytes at most")));
            }
        }
    }
}

/// Writes a file over what is there, all of it or nothing.
async fn replace(path: &Path, value: Vec<u8>) -> io::Result<()> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{:016x}", rt::rng::next_u64()));
    let beside = path.with_file_name(name);
    let written = match File::create(&beside).await {
        Ok(file) => file.write_all(value).await.0,
        Err(error) => return Err(error),
    };
    let done = match written {
        Ok(()) => rename(&beside, path).await,
        failed => failed,
    };
    if done.is_err() {
        let _ = remove(&beside).await;
    }
    done
}

impl Cache for FileCache {
    fn run(&self, ops: Vec<CacheOp>) -> LocalBoxFuture<'_, Vec<CacheResult>> {
        Box::pin(async move {
            let mut results = Vec::with_capacity(ops.len());
            for op in ops {
                results.push(self.one(op).await);
            }
            results
        })
    }
}

/// The cache `file`.
pub static SPEC: CacheSpec = CacheSpec {
    name: "file",
    since: "0.1.0",
    category: "cache",
    summary: "Keeps each value in a file of a directory.",
    schema: schema_of::<Config>,
    examples: &[],
    build: FileCache::build,
};

#[cfg(test)]
mod tests {
    use rt::testing::TempDir;

    use super::*;
    use crate::testing::both_modes;

    fn set(key: &str, value: &str) -> CacheOp {
        CacheOp::Set { key: key.into(), value: value.into(), ttl_ns: None }
    }

    fn add(key: &str, value: &str) -> CacheOp {
        CacheOp::Add { key: key.into(), value: value.into(), ttl_ns: None }
    }

    fn get(key: &str) -> CacheOp {
        CacheOp::Get { key: key.into() }
    }

    fn cache(dir: &TempDir) -> FileCache {
        let directory = dir.join("values");
        std::fs::create_dir_all(directory.join("sub")).unwrap();
        FileCache { directory, value_bytes_max: 100_000 }
    }

    #[test]
    fn values_are_files() {
        both_modes(|| async {
            let dir = TempDir::new().unwrap();
            let cache = cache(&dir);
            let big = "x".repeat(100_000);
            let ops =
                vec![get("a"), add("a", "1"), add("a", "2"), get("a"), set("a", ""), get("a")];
            let results = cache.run(ops).await;
            assert_eq!(results[0], Err(CacheError::NotFound));
            assert_eq!(results[2], Err(CacheError::Exists));
            assert_eq!(results[3], Ok(Some(b"1".to_vec())));
            assert_eq!(results[5], Ok(Some(Vec::new())));
            let results = cache.run(vec![set("sub/b", &big), get("sub/b")]).await;
            assert_eq!(results, [Ok(None), Ok(Some(big.into_bytes()))]);
            let gone = CacheOp::Delete { key: b"a".to_vec() };
            let results = cache.run(vec![gone.clone(), gone, get("a")]).await;
            assert_eq!(results, [Ok(None), Ok(None), Err(CacheError::NotFound)]);
            let folder = CacheOp::Delete { key: b"sub".to_vec() };
            let results = cache.run(vec![folder]).await;
            assert!(matches!(results[..], [Err(CacheError::Other(_))]), "{results:?}");
            let left: Vec<_> = std::fs::read_dir(dir.join("values")).unwrap().collect();
            assert_eq!(left.len(), 1, "only the folder: {left:?}");
        });
    }

    #[test]
    fn a_key_stays_in_the_directory() {
        both_modes(|| async {
            let dir = TempDir::new().unwrap();
            let cache = cache(&dir);
            std::fs::write(dir.join("secret"), "s").unwrap();
            let outside = dir.join("secret").to_str().unwrap().to_owned();
            for key in ["../secret", "sub/../../secret", "", "a\0b", &outside] {
                let result = cache.run(vec![get(key), set(key, "x")]).await;
                assert!(
                    result.iter().all(|r| matches!(r, Err(CacheError::Other(_)))),
                    "{key}: {result:?}"
                );
            }
            assert_eq!(std::fs::read(dir.join("secret")).unwrap(), b"s");
        });
    }

    #[test]
    fn a_file_that_is_too_large_is_no_value() {
        both_modes(|| async {
            let dir = TempDir::new().unwrap();
            let cache = cache(&dir);
            std::fs::write(dir.join("values/big"), vec![b'x'; 100_001]).unwrap();
            let result = cache.run(vec![get("big"), set("none/a", "1")]).await;
            let text = "a value may have 100000 bytes at most";
            assert_eq!(result[0], Err(CacheError::Other(text.to_owned())));
            assert!(matches!(result[1], Err(CacheError::Other(_))), "no such directory");
        });
    }
}
