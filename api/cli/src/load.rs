//! Files that hold pipelines: which language they are in, and what they lower to.

use std::fs;
use std::path::{Path, PathBuf};

use config::service::Service;
use config::template::{TemplateDoc, parse_template};
use config::{Catalog, FileDoc, Lint, Override, Reading, Resources, Root};
use plan::{Diagnostic, Json, Plan, Span};

use crate::paths::{globs, read_text};
use crate::{output, paths};

/// Options that concern Benthos configs that are run.
#[derive(clap::Args, Clone, Default)]
pub(crate) struct ConfigOptions {
    #[command(flatten)]
    pub(crate) read: ReadOptions,
    /// Run although the config has linting errors.
    #[arg(long)]
    pub(crate) chilled: bool,
}

/// Options that say what is read besides a Benthos config.
#[derive(clap::Args, Clone, Default)]
pub(crate) struct ReadOptions {
    /// Set a field of the config, such as logger.level=DEBUG or pipeline.processors.0.label=a; may
    /// be given several times.
    #[arg(short, long = "set", value_name = "PATH=VALUE")]
    pub(crate) set: Vec<String>,
    /// Read resources from a file, or from those that a pattern matches; may be given several
    /// times.
    #[arg(short, long = "resources", value_name = "FILE")]
    pub(crate) resources: Vec<String>,
    #[command(flatten)]
    pub(crate) environment: EnvironmentOptions,
    #[command(flatten)]
    pub(crate) templates: TemplateOptions,
}

/// Options that concern variables of the environment.
#[derive(clap::Args, Clone, Default)]
pub(crate) struct EnvironmentOptions {
    /// Read environment variables from a dotenv file; may be given several times.
    #[arg(short, long = "env-file", value_name = "FILE")]
    env_file: Vec<PathBuf>,
}

/// Options that concern templates.
#[derive(clap::Args, Clone, Default)]
pub(crate) struct TemplateOptions {
    /// Read templates of components from a file, also a pattern; may be given several times.
    #[arg(short, long = "templates", value_name = "FILE")]
    templates: Vec<String>,
}

impl TemplateOptions {
    /// Everything that configs may name: what this binary knows, and the templates. Complaints
    /// about these are let pass where it is `chilled`.
    ///
    /// # Errors
    /// A template that cannot be used, or that has complaints.
    pub(crate) fn catalog(&self, chilled: bool) -> Result<Catalog, String> {
        let mut catalog = Catalog::new(&crate::registry::registry());
        let unread = |text: String| format!("template file read error: {text}");
        let mut complained = false;
        for path in globs(self.templates.iter()).map_err(unread)? {
            let text = read_text(&path).map_err(|e| unread(format!("template {path}: {e}")))?;
            let TemplateDoc { lints, template } = parse_template(&catalog, &text);
            for lint in lints.iter().filter(|_| !chilled) {
                output::error(&format!("template file {path}: {lint}"));
                complained = true;
            }
            let template = template.map_err(|e| {
                let span = Span { line: e.line, column: e.column, len: 1 };
                let excerpt = Diagnostic::error("template", "", span).excerpt(&text);
                let (line, column) = (e.line, e.column);
                unread(format!("template {path}: {e}\n --> {path}:{line}:{column}{excerpt}"))
            })?;
            let added = catalog.add_template(template);
            added.map_err(|e| unread(format!("template {path}: {e}")))?;
        }
        if complained {
            return Err(CHILL.to_owned());
        }
        Ok(catalog)
    }
}

/// What is said when complaints keep the service from starting.
const CHILL: &str = "shutting down due to linter errors, to prevent shutdown run mainstem with \
                     --chilled";

/// Where a config is looked for when none is named.
const SEARCHED: [&str; 3] = ["/benthos.yaml", "/etc/benthos/config.yaml", "/etc/benthos.yaml"];

/// The config that is run when none is named, if there is one where it is looked for.
pub(crate) fn searched() -> Option<PathBuf> {
    SEARCHED.iter().map(PathBuf::from).find(|path| path.is_file())
}

/// A file that was read.
pub(crate) struct Loaded {
    /// What to run.
    pub(crate) plan: Plan,
    /// The service's settings, where the file has such, and the whole file as a document.
    pub(crate) service: Option<(Service, Json)>,
}

/// Variables of dotenv files, looked at before those of the process.
#[derive(Default)]
pub(crate) struct Environment(Vec<(String, String)>);

impl EnvironmentOptions {
    /// Reads dotenv files: lines of `NAME=value`; a value ends at the first space unless it is
    /// quoted (spec/benthos-components.md §H).
    ///
    /// # Errors
    /// A file that cannot be read, or a line that is none of these.
    pub(crate) fn read(&self) -> Result<Environment, String> {
        let mut all = Vec::new();
        for file in &self.env_file {
            let text = read(file).map_err(|e| format!("failed to read dotenv file: {e}"))?;
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
}

impl Environment {
    /// The variables of the files, those of later lines behind those of earlier ones.
    pub(crate) fn into_variables(self) -> Vec<(String, String)> {
        self.0
    }

    /// The variables of the files, as [`Environment::into_variables`] gives them.
    pub(crate) fn variables(&self) -> &[(String, String)] {
        &self.0
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
/// What the system says, with the file's name; or where the text is not UTF-8.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    let bytes = fs::read(path).map_err(|e| paths::reason("open", path, &e))?;
    String::from_utf8(bytes).map_err(|error| {
        let (line, column) = plan::place_of(error.as_bytes(), error.utf8_error().valid_up_to());
        let span = Span { line, column, len: 1 };
        let text = String::from_utf8_lossy(error.as_bytes());
        let wrong = Diagnostic::error("utf-8", "the text is not UTF-8", span);
        wrong.render(&path.display().to_string(), &text)
    })
}

/// Reads a file and lowers it by the language its ending names.
///
/// # Errors
/// What is wrong with it, ready to be printed.
pub(crate) fn file(path: Option<&Path>, options: &ConfigOptions) -> Result<Loaded, String> {
    match path.and_then(spec) {
        Some(lowered) => lowered.map(|plan| Loaded { plan, service: None }),
        None => stream(path, options),
    }
}

/// The plan of a q spec or of a file with a query; nothing for a file that is a config.
pub(crate) fn spec(path: &Path) -> Option<Result<Plan, String>> {
    let lower = match path.extension()?.to_str()? {
        "q" => q::lower,
        "nes" => nes::lower_file,
        _ => return None,
    };
    Some(read(path).and_then(|text| lower(&text).map_err(|d| rendered(path, &text, &d))))
}

fn rendered(path: &Path, text: &str, diagnostics: &[Diagnostic]) -> String {
    let name = path.display().to_string();
    let all: Vec<String> = diagnostics.iter().map(|d| d.render(&name, text)).collect();
    all.join("\n")
}

fn diagnostic(lint: &Lint) -> Diagnostic {
    let span = Span { line: lint.line.max(1), column: lint.caret.max(1), len: 1 };
    Diagnostic::error("config", lint.text.clone(), span)
}

/// Prints complaints about a file as the program does, each with its place in the text; tells
/// whether there were any.
pub(crate) fn report(path: &Path, text: &str, lints: &[Lint]) -> bool {
    let name = path.display();
    for lint in lints {
        let shown = diagnostic(lint);
        let (Span { line, column, .. }, excerpt) = (shown.span, shown.excerpt(text));
        output::error(&format!("{name}{lint}\n --> {name}:{line}:{column}{excerpt}"));
    }
    !lints.is_empty()
}

/// Reads a config file; also gives its text.
///
/// # Errors
/// A file that cannot be read, or a text that is no config, with the place.
pub(crate) fn config(
    catalog: &Catalog,
    path: &Path,
    root: Root,
    environment: &Environment,
) -> Result<(String, FileDoc), String> {
    let lookup = |name: &str| environment.get(name);
    let text = config_text(path)?;
    let doc = doc(catalog, path, &text, &Reading::new(root, &lookup))?;
    Ok((text, doc))
}

/// The text of a config file.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn config_text(path: &Path) -> Result<String, String> {
    read(path).map_err(|e| format!("configuration file read error: {}: {e}", path.display()))
}

/// Reads the text of a config file.
///
/// # Errors
/// A text that is no config, with the place; or a field that cannot be set.
pub(crate) fn doc(
    catalog: &Catalog,
    path: &Path,
    text: &str,
    reading: &Reading<'_>,
) -> Result<FileDoc, String> {
    let name = path.display().to_string();
    reading.read(catalog, text).map_err(|lint| match lint.line {
        // What the command line sets has no place in the file.
        0 => format!("{name}: {}", lint.text),
        _ => diagnostic(&lint).render(&name, text),
    })
}

/// Fields that the command line sets.
///
/// # Errors
/// One that is not of the form `path=value`.
pub(crate) fn overrides(set: &[String]) -> Result<Vec<Override>, String> {
    set.iter().map(|text| Override::parse(text)).collect()
}

/// The resources of files, and whether there were complaints.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn resources(
    catalog: &Catalog,
    options: &ReadOptions,
    environment: &Environment,
) -> Result<(Resources, bool), String> {
    let mut resources = Resources::new();
    let mut complained = false;
    for path in &paths::files(&options.resources)? {
        let (text, doc) = config(catalog, path, Root::Resources, environment)?;
        complained |= report(path, &text, &doc.lints);
        doc.add_resources(&mut resources).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok((resources, complained))
}

fn stream(path: Option<&Path>, options: &ConfigOptions) -> Result<Loaded, String> {
    let (read, chilled) = (&options.read, options.chilled);
    let catalog = read.templates.catalog(chilled)?;
    let environment = read.environment.read()?;
    let (mut resources, mut complained) = resources(&catalog, read, &environment)?;
    let name = path.unwrap_or(Path::new("defaults"));
    let (overrides, lookup) = (overrides(&read.set)?, |name: &str| environment.get(name));
    let reading = Reading { overrides: &overrides, ..Reading::new(Root::Config, &lookup) };
    let text = path.map_or_else(|| Ok("{}\n".to_owned()), config_text)?;
    let doc = doc(&catalog, name, &text, &reading)?;
    complained |= report(name, &text, &doc.lints);
    if complained && !chilled {
        return Err(CHILL.to_owned());
    }
    doc.add_resources(&mut resources).map_err(|e| format!("{}: {e}", name.display()))?;
    let plan = doc.lower(&catalog, &resources).map_err(|e| format!("{}: {e}", name.display()))?;
    let settings = doc.config();
    Ok(Loaded { plan, service: Some((doc.service, settings)) })
}
