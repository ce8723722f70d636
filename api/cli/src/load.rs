//! Files that hold pipelines: which language they are in, and what they lower to.

use std::fs;
use std::path::{Path, PathBuf};

use config::service::Service;
use config::{Catalog, Lint, Resources, Root, parse_file};
use plan::{Diagnostic, Plan};

use crate::output;

/// Options that concern Benthos configs.
#[derive(clap::Args, Clone, Default)]
pub(crate) struct ConfigOptions {
    /// Read resources from a file; may be given several times.
    #[arg(short, long = "resources", value_name = "FILE")]
    pub(crate) resources: Vec<PathBuf>,
    /// Read environment variables from a dotenv file; may be given several times.
    #[arg(short, long = "env-file", value_name = "FILE")]
    pub(crate) env_file: Vec<PathBuf>,
    /// Run although the config has linting errors.
    #[arg(long)]
    pub(crate) chilled: bool,
}

/// A file that was read.
pub(crate) struct Loaded {
    /// What to run.
    pub(crate) plan: Plan,
    /// The service's settings, where the file has such.
    pub(crate) service: Option<Service>,
}

/// Variables of dotenv files, looked at before those of the process.
#[derive(Default)]
pub(crate) struct Environment(Vec<(String, String)>);

impl Environment {
    /// Reads dotenv files: lines of `NAME=value`; a value ends at the first space unless it is
    /// quoted (spec/benthos-components.md §H).
    ///
    /// # Errors
    /// A file that cannot be read, or a line that is none of these.
    pub(crate) fn read(files: &[PathBuf]) -> Result<Self, String> {
        let mut all = Vec::new();
        for file in files {
            let text = read(file)?;
            for (number, line) in text.lines().enumerate() {
                let line = line.trim();
                if line.is_empty() || line.starts_with('#') {
                    continue;
                }
                let line = line.strip_prefix("export ").unwrap_or(line);
                let wrong = || format!("{}:{}: expected NAME=value", file.display(), number + 1);
                let (name, value) = line.split_once('=').ok_or_else(wrong)?;
                all.push((name.trim().to_owned(), unquote(value.trim()).to_owned()));
            }
        }
        Ok(Environment(all))
    }

    /// The value of a variable.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let own = self.0.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.clone());
        own.or_else(|| std::env::var(name).ok())
    }
}

fn unquote(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote)
            && let Some((inner, _)) = rest.split_once(quote)
        {
            return inner;
        }
    }
    value.split([' ', '\t']).next().unwrap_or_default()
}

/// Reads a text file.
///
/// # Errors
/// What the system says, with the file's name.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    let bytes = fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    String::from_utf8(bytes).map_err(|_| format!("{}: the text is not UTF-8", path.display()))
}

/// Reads a file and lowers it by the language its ending names.
///
/// # Errors
/// What is wrong with it, ready to be printed.
pub(crate) fn file(path: Option<&Path>, options: &ConfigOptions) -> Result<Loaded, String> {
    let ending = path.and_then(|p| p.extension()).map(|e| e.to_string_lossy().into_owned());
    let bare = |plan| Loaded { plan, service: None };
    match (path, ending.as_deref()) {
        (Some(path), Some("q")) => {
            let text = read(path)?;
            q::lower(&text).map(bare).map_err(|d| rendered(path, &text, &d))
        }
        (Some(path), Some("nes")) => {
            let text = read(path)?;
            nes::lower_file(&text).map(bare).map_err(|d| rendered(path, &text, &d))
        }
        _ => stream(path, options),
    }
}

fn rendered(path: &Path, text: &str, diagnostics: &[Diagnostic]) -> String {
    let name = path.display().to_string();
    let all: Vec<String> = diagnostics.iter().map(|d| d.render(&name, text)).collect();
    all.join("\n")
}

/// Prints complaints about a file as the program does; tells whether there were any.
pub(crate) fn report(path: &Path, lints: &[Lint]) -> bool {
    for lint in lints {
        output::error(&format!("{}{lint}", path.display()));
    }
    !lints.is_empty()
}

/// The resources of files, and whether there were complaints.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn resources(
    catalog: &Catalog,
    options: &ConfigOptions,
    environment: &Environment,
) -> Result<(Resources, bool), String> {
    let mut resources = Resources::new();
    let mut complained = false;
    for path in &options.resources {
        let lookup = |name: &str| environment.get(name);
        let doc = parse_file(catalog, &read(path)?, Root::Resources, &lookup)
            .map_err(|e| format!("{}: {e}", path.display()))?;
        complained |= report(path, &doc.lints);
        doc.add_resources(&mut resources).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok((resources, complained))
}

fn stream(path: Option<&Path>, options: &ConfigOptions) -> Result<Loaded, String> {
    let catalog = Catalog::new(&crate::registry::registry());
    let environment = Environment::read(&options.env_file)?;
    let (mut resources, mut complained) = resources(&catalog, options, &environment)?;
    let name = path.unwrap_or(Path::new("defaults"));
    let text = path.map_or(Ok("{}\n".to_owned()), read)?;
    let lookup = |name: &str| environment.get(name);
    let doc = parse_file(&catalog, &text, Root::Config, &lookup)
        .map_err(|e| format!("{}: {e}", name.display()))?;
    complained |= report(name, &doc.lints);
    if complained && !options.chilled {
        return Err("shutting down due to linter errors, to prevent shutdown run mainstem with \
                    --chilled"
            .to_owned());
    }
    doc.add_resources(&mut resources).map_err(|e| format!("{}: {e}", name.display()))?;
    let plan = doc.lower(&catalog, &resources).map_err(|e| format!("{}: {e}", name.display()))?;
    Ok(Loaded { plan, service: Some(doc.service) })
}
