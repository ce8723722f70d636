//! What code gets that is only checked, never run: no time, no ports, no logs.

use std::rc::Rc;

use formats::k::K;
use plan::env::{Request, Services};
use plan::{BuildError, Json, LocalBoxFuture, Log};

/// Surroundings without anything in them. Files can be read, because a mapping may import others.
#[derive(Default)]
pub(crate) struct Offline {
    /// Variables that go before those of the process; of a name that comes twice the last counts.
    pub(crate) variables: Vec<(String, String)>,
}

/// Longest file that a mapping may import while it is checked, in bytes.
const IMPORT_MAX: u64 = 16 << 20;

impl Services for Offline {
    fn now_ns(&self) -> u64 {
        0
    }

    fn wall_ns(&self) -> i128 {
        0
    }

    fn sleep(&self, _: u64) -> LocalBoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }

    fn random(&self) -> u64 {
        0
    }

    fn env_var(&self, name: &str) -> Option<String> {
        let own = self.variables.iter().rev().find(|(known, _)| known == name);
        own.map(|(_, value)| value.clone()).or_else(|| std::env::var(name).ok())
    }

    fn read_file(&self, path: &str) -> Result<Vec<u8>, String> {
        let fail = |e: std::io::Error| match e.kind() {
            std::io::ErrorKind::NotFound => format!("open {path}: no such file or directory"),
            _ => format!("open {path}: {e}"),
        };
        let length = std::fs::metadata(path).map_err(fail)?.len();
        if length > IMPORT_MAX {
            return Err(format!("open {path}: the file is longer than {IMPORT_MAX} bytes"));
        }
        std::fs::read(path).map_err(fail)
    }

    fn hostname(&self) -> String {
        String::new()
    }

    fn log(&self, _: Log, _: &str, _: &[(&str, &str)]) {}

    fn count(&self, _: &str) -> u64 {
        1
    }

    fn open_port(
        &self,
        kind: &str,
        name: &str,
        _: &Json,
    ) -> Result<flume::Receiver<Request>, BuildError> {
        Err(BuildError::new(format!("there is no {kind} port {name} while code is checked")))
    }

    fn publish(&self, _: &str, _: K) {}

    fn console(&self, _: &str) {}
}

/// The services as a shared handle.
pub(crate) type Shared = Rc<dyn Services>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_imported_has_a_limit() {
        let path = std::env::temp_dir().join(format!("import-{}", std::process::id()));
        let name = path.display().to_string();
        let file = std::fs::File::create(&path).unwrap();
        // Of a length without content, so it takes no room.
        file.set_len(IMPORT_MAX + 1).unwrap();
        let long = format!("open {name}: the file is longer than {IMPORT_MAX} bytes");
        assert_eq!(Offline::default().read_file(&name).unwrap_err(), long);
        file.set_len(IMPORT_MAX).unwrap();
        assert!(Offline::default().read_file(&name).is_ok());
        std::fs::remove_file(&path).unwrap();
    }
}
