//! Where a Java virtual machine is on this machine.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::subprocess::look_up;

/// Where systems put them.
const PLACES: [&str; 3] = ["/usr/lib/jvm", "/usr/java", "/opt/java"];
/// Where the library is within one, in newer and older ones.
const LIBRARIES: [&str; 4] = [
    "lib/server/libjvm.so",
    "jre/lib/amd64/server/libjvm.so",
    "jre/lib/aarch64/server/libjvm.so",
    "lib/amd64/server/libjvm.so",
];

/// The library to load: of `JAVA_HOME` where that is set, otherwise of the `java` that is found by
/// its name, otherwise of the usual places.
///
/// # Errors
/// There is none.
pub(super) fn library() -> Result<PathBuf, String> {
    let java = look_up("java".as_ref()).ok();
    library_of(std::env::var_os("JAVA_HOME"), java, &PLACES.map(Path::new))
}

fn library_of(
    home: Option<OsString>,
    java: Option<PathBuf>,
    places: &[&Path],
) -> Result<PathBuf, String> {
    if let Some(home) = home.filter(|home| !home.is_empty()) {
        // Whoever says which one wants no other.
        let none = || {
            format!("there is no Java virtual machine at JAVA_HOME, which is {}", home.display())
        };
        return within(Path::new(&home)).ok_or_else(none);
    }
    let of_java = java.and_then(|java| std::fs::canonicalize(java).ok());
    let of_java = of_java.and_then(|java| within(java.parent()?.parent()?));
    let usual = || places.iter().find_map(|place| first_in(place));
    let none = "there is no Java virtual machine: install one, or set JAVA_HOME to where one is";
    of_java.or_else(usual).ok_or_else(|| none.to_owned())
}

fn within(home: &Path) -> Option<PathBuf> {
    LIBRARIES.iter().map(|library| home.join(library)).find(|path| path.is_file())
}

fn first_in(place: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(place).ok()?;
    let mut homes: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    homes.sort();
    homes.iter().rev().find_map(|home| within(home))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_found_where_it_may_be() {
        let name = format!("mainstem-jvm-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let library = |home: &str, path: &str| {
            let path = folder.join(home).join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "").unwrap();
            std::fs::canonicalize(path).unwrap()
        };
        let new = library("usual/b-21", "lib/server/libjvm.so");
        let old = library("old", "jre/lib/amd64/server/libjvm.so");
        let java = library("mine", "bin/java");
        let mine = library("mine", "lib/server/libjvm.so");
        library("usual/a-8/empty", "x");
        let usual = folder.join("usual");
        let places = [Path::new("/no/such"), usual.as_path()];
        let home = |name: &str| Some(folder.join(name).into_os_string());
        assert_eq!(library_of(home("old"), Some(java.clone()), &places), Ok(old));
        assert_eq!(library_of(None, Some(java.clone()), &places), Ok(mine));
        assert_eq!(library_of(Some("".into()), None, &places), Ok(new.clone()));
        assert_eq!(library_of(None, Some("/bin/sh".into()), &places), Ok(new));
        let error = library_of(home("usual"), Some(java), &places).unwrap_err();
        let wanted = format!("at JAVA_HOME, which is {}", usual.display());
        assert!(error.ends_with(&wanted), "{error}");
        let error = library_of(None, None, &places[..1]).unwrap_err();
        assert!(error.contains("install one, or set JAVA_HOME"), "{error}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
