//! Which files have tests, and where these stand.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use config::Catalog;
use config::cases::{self, Case};

use crate::paths::{clean, expand, read_text, reason};

/// Files whose names end so, before their ending, hold the tests of the file without it.
const SUFFIX: &str = "_benthos_test";

/// A file with tests.
pub(crate) struct Target {
    /// The file that is tested.
    pub(crate) path: String,
    /// Its tests.
    pub(crate) cases: Vec<Case>,
}

/// All files with tests that paths stand for, in the order of their names.
///
/// # Errors
/// A file that cannot be read, or that holds tests that are none.
pub(crate) fn find(catalog: &Catalog, paths: &[String]) -> Result<Vec<Target>, String> {
    let mut found = BTreeMap::new();
    for path in expand(paths)? {
        let (target, definition) = pair(&path);
        if found.contains_key(&target) {
            continue;
        }
        let cases = definition_of(catalog, &target, &definition)?;
        found.insert(target, cases);
    }
    let found = found.into_iter().map(|(path, cases)| Target { path, cases });
    Ok(found.filter(|target| !target.cases.is_empty()).collect())
}

/// The file that is tested and the file with its tests, of a path to either.
fn pair(path: &str) -> (String, String) {
    let path = Path::new(path);
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (stem, ending) = match name.rfind('.') {
        Some(at) => name.split_at(at),
        None => (name.as_str(), ""),
    };
    match stem.strip_suffix(SUFFIX) {
        Some(bare) => (clean(&path.with_file_name(format!("{bare}{ending}"))), clean(path)),
        None => (clean(path), clean(&path.with_file_name(format!("{stem}{SUFFIX}{ending}")))),
    }
}

fn definition_of(catalog: &Catalog, target: &str, definition: &str) -> Result<Vec<Case>, String> {
    if let Err(error) = fs::metadata(target) {
        let why = reason("stat", Path::new(target), &error);
        return Err(format!("unable to access target config file '{target}': {why}"));
    }
    let place = match fs::metadata(definition) {
        Ok(_) => definition,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if ![".yaml", ".yml"].iter().any(|ending| target.ends_with(ending)) {
                return Ok(Vec::new());
            }
            target
        }
        Err(error) => {
            let why = reason("stat", Path::new(definition), &error);
            return Err(format!("unable to access test definition file '{definition}': {why}"));
        }
    };
    let text = read_text(place)
        .map_err(|e| format!("failed to read test definition from '{place}': {e}"))?;
    cases::read(catalog, &text)
        .map_err(|e| format!("failed to parse test definition from '{place}': {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_and_its_tests_are_a_pair() {
        for (path, target, definition) in [
            ("a.yaml", "a.yaml", "a_benthos_test.yaml"),
            ("./x/a_benthos_test.yml", "x/a.yml", "x/a_benthos_test.yml"),
            ("a", "a", "a_benthos_test"),
            ("a.b.yaml", "a.b.yaml", "a.b_benthos_test.yaml"),
        ] {
            assert_eq!(pair(path), (target.to_owned(), definition.to_owned()));
        }
    }
}
