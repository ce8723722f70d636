//! Directories in which sources keep what must not be lost: one for each pipeline, below the state
//! directory, for as long as the pipeline is there.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::api::Key;
use crate::checkpoint::prefix_of;

/// Where all of them are.
pub(crate) fn below(state_dir: &Path) -> PathBuf {
    state_dir.join("journals")
}

/// The name of the directory of a pipeline.
fn name_of(key: &Key) -> String {
    prefix_of(key).trim_end_matches('.').to_owned()
}

/// The directory of a pipeline.
pub(crate) fn of(journals: &Path, key: &Key) -> PathBuf {
    journals.join(name_of(key))
}

/// Removes what a pipeline has kept.
pub(crate) async fn clear(journals: PathBuf, key: &Key) {
    let dir = of(&journals, key);
    let removed = rt::blocking(move || match std::fs::remove_dir_all(&dir) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(format!("{}: {error}", dir.display()))
        }
        _ => Ok(()),
    });
    complain(removed.await.unwrap_or_else(|error| Err(error.to_string())));
}

/// Removes what all other pipelines than these have kept: the process was killed before.
pub(crate) async fn keep_only(journals: PathBuf, keys: impl Iterator<Item = &Key>) {
    let kept: HashSet<String> = keys.map(name_of).collect();
    let swept = rt::blocking(move || sweep(&journals, &kept));
    complain(swept.await.unwrap_or_else(|error| Err(error.to_string())));
}

fn sweep(journals: &Path, kept: &HashSet<String>) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{}: {error}", journals.display());
    let entries = match std::fs::read_dir(journals) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(told)?,
    };
    for entry in entries {
        let entry = entry.map_err(told)?;
        if !entry.file_name().to_str().is_some_and(|name| kept.contains(name)) {
            std::fs::remove_dir_all(entry.path()).map_err(told)?;
        }
    }
    Ok(())
}

fn complain(result: Result<(), String>) {
    if let Err(text) = result {
        tracing::error!("A journal that is not needed any more stays: {text}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_belongs_to_a_pipeline_stays() {
        let dir = std::env::temp_dir().join(format!("mainstem-journals-{}", std::process::id()));
        let (one, two) = (Key::new("o", "1"), Key::new("o", "2"));
        for key in [&one, &two] {
            std::fs::create_dir_all(of(&dir, key).join("sub")).unwrap();
        }
        sweep(&dir, &HashSet::from([name_of(&one)])).unwrap();
        assert!(of(&dir, &one).exists() && !of(&dir, &two).exists());
        std::fs::remove_dir_all(&dir).unwrap();
        assert_eq!(sweep(&dir, &HashSet::new()), Ok(()), "there is none");
    }
}
