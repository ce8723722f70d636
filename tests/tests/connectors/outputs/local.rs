//! Outputs into files and processes of this machine.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::spawn;

use serde_json::{Value, json};
use tests::program::{Folder, until};

use super::Target;
use crate::service::Service;

/// What is written to a file.
struct Written {
    config: Value,
    path: PathBuf,
}

impl Target for Written {
    fn config(&self) -> Value {
        self.config.clone()
    }

    fn arrived(&self) -> Vec<String> {
        whole_lines(&self.path)
    }
}

/// The lines of a file that are complete; none while it is not there.
pub(super) fn whole_lines(path: &PathBuf) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let end = text.rfind('\n').map_or(0, |end| end + 1);
    text[..end].lines().map(str::to_owned).collect()
}

pub(super) fn file(folder: &Folder) -> Box<dyn Target> {
    let path = folder.path("written");
    Box::new(Written { config: json!({"file": {"path": path, "codec": "lines"}}), path })
}

pub(super) fn stdout(folder: &Folder) -> Box<dyn Target> {
    Box::new(Written { config: json!({"stdout": {}}), path: folder.path("out") })
}

/// A FIFO that is read or not.
struct Fifo {
    path: PathBuf,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Target for Fifo {
    fn config(&self) -> Value {
        json!({"file": {"path": self.path, "codec": "lines"}})
    }

    fn arrived(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn block(&mut self, blocked: bool) {
        if blocked {
            return; // nobody reads yet
        }
        let (path, lines) = (self.path.clone(), Arc::clone(&self.lines));
        spawn(move || {
            let file = fs::File::open(path).expect("a FIFO");
            let read = std::io::BufRead::lines(std::io::BufReader::new(file));
            for line in read.map_while(Result::ok) {
                lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
    }
}

pub(super) fn fifo(folder: &Folder) -> Box<dyn Target> {
    let path = folder.path("fifo");
    let made = Command::new("mkfifo").arg(&path).status();
    assert!(made.is_ok_and(|status| status.success()), "a FIFO can be made");
    Box::new(Fifo { path, lines: Arc::default() })
}

/// A program that writes what it reads to a file.
struct Subprocess {
    out: PathBuf,
    pid: PathBuf,
}

impl Target for Subprocess {
    fn config(&self) -> Value {
        let (pid, out) = (self.pid.display(), self.out.display());
        let script = format!("echo $$ > {pid}; exec cat >> {out}");
        json!({"subprocess": {"name": "sh", "args": ["-c", script]}})
    }

    fn arrived(&self) -> Vec<String> {
        whole_lines(&self.out)
    }

    fn cut(&mut self) {
        let pid = until(|| fs::read_to_string(&self.pid).ok().filter(|pid| pid.ends_with('\n')));
        let pid = pid.expect("it runs");
        let killed = Command::new("kill").args(["-9", pid.trim()]).status();
        assert!(killed.is_ok_and(|status| status.success()), "it runs");
    }

    fn lost_by_the_kernel(&self) -> usize {
        1
    }
}

pub(super) fn subprocess(folder: &Folder) -> Box<dyn Target> {
    Box::new(Subprocess { out: folder.path("written"), pid: folder.path("pid") })
}

/// A cache whose values are files of a folder, by the number of the message.
struct Cache {
    directory: PathBuf,
    away: PathBuf,
}

impl Target for Cache {
    fn config(&self) -> Value {
        json!({"cache": {"target": "store", "key": "${! content() }"}})
    }

    fn prepare(&mut self, service: &Service) {
        fs::create_dir_all(&self.directory).expect("a folder");
        service.post("/resources/cache/store", &json!({"file": {"directory": self.directory}}));
    }

    fn arrived(&self) -> Vec<String> {
        let Ok(files) = fs::read_dir(&self.directory) else { return Vec::new() };
        files.flatten().filter_map(|file| fs::read_to_string(file.path()).ok()).collect()
    }

    fn is_ordered(&self) -> bool {
        false
    }

    fn cut(&mut self) {
        fs::rename(&self.directory, &self.away).expect("it is there");
        fs::write(&self.directory, "in the way").expect("it can be written");
    }

    fn mend(&mut self) {
        fs::remove_file(&self.directory).expect("it is there");
        fs::rename(&self.away, &self.directory).expect("it is there");
    }
}

pub(super) fn cache(folder: &Folder) -> Box<dyn Target> {
    Box::new(Cache { directory: folder.path("store"), away: folder.path("away") })
}
