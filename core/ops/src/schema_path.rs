//! Schemas that are read from files, or fetched from other servers, when a processor is built.

use plan::{BuildError, Env};

/// Refuses what is no path of a schema.
///
/// # Errors
/// It begins neither as a file nor as an address of the web.
pub(crate) fn check(path: &str) -> Result<(), BuildError> {
    match path.starts_with("file://") || path.starts_with("http://") {
        true => Ok(()),
        false => {
            let text = "invalid schema_path provided, must start with file:// or http://";
            Err(BuildError::new(text))
        }
    }
}

/// Reads the schema of a path such as `file:///schema.json`; `failed` begins what is said when it
/// cannot be read.
///
/// # Errors
/// When it cannot, or the path is no such.
pub(crate) fn read(path: &str, failed: &str, env: &dyn Env) -> Result<String, BuildError> {
    check(path)?;
    let not_loaded = |why: &str| BuildError::new(format!("{failed}: {why}"));
    let Some(file) = path.strip_prefix("file://") else {
        let bytes = env.services().document(path).map_err(|why| not_loaded(&why))?;
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    };
    let bytes = env.services().read_file(file).map_err(|why| {
        let why = why.split(" (os error").next().unwrap_or_default().to_lowercase();
        not_loaded(&format!("open {file}: {why}"))
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
