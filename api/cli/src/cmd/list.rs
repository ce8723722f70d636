//! `mainstem list`: the components, functions and methods that there are.

use std::process::ExitCode;

use bloblang::{functions, methods, reference};
use clap::ValueEnum;
use config::{Catalog, Kind, component_schema, editor_schema};
use plan::Json;
use plan::serde_json::Map;

use crate::load::TemplateOptions;
use crate::output;

/// Options of `list`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Kinds to list, such as inputs, rate-limits or bloblang-methods; all unless some are given.
    /// With --format jsonschema also names of functions and methods, to list only those.
    kinds: Vec<String>,
    /// What to print: names as text or json, or jsonschema: without kinds the JSON Schema of whole
    /// configs for editors, with kinds the fields of their components, and all that is known of
    /// functions and methods.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// List only what has this status, which says how firm a promise is: everything here is stable,
    /// except for what is deprecated and templates that say otherwise.
    #[arg(long, value_enum)]
    status: Option<Status>,
    #[command(flatten)]
    templates: TemplateOptions,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Status {
    Stable,
    Beta,
    Experimental,
    Deprecated,
}

impl Status {
    /// The status that a schema names.
    fn of(schema: &Json) -> Self {
        let word = schema.get("status").and_then(Json::as_str).unwrap_or_default();
        Status::from_str(word, false).unwrap_or(Status::Stable)
    }

    fn of_code(deprecated: bool) -> Self {
        if deprecated { Status::Deprecated } else { Status::Stable }
    }
}

/// What is listed: everything that is known, and what of it.
struct Listing {
    catalog: Catalog,
    status: Option<Status>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// Names in indented lists.
    Text,
    /// An object of lists of names.
    Json,
    /// Schemas, and parameters, examples and so on of functions and methods.
    Jsonschema,
    /// Not supported; there is jsonschema.
    #[value(hide = true)]
    Cue,
}

const FUNCTIONS: &str = "bloblang-functions";
const METHODS: &str = "bloblang-methods";

/// The kinds of components, as they are called here, in the order of lists.
const KINDS: [(&str, Kind); 9] = [
    ("inputs", Kind::Input),
    ("processors", Kind::Processor),
    ("outputs", Kind::Output),
    ("caches", Kind::Cache),
    ("rate-limits", Kind::RateLimit),
    ("buffers", Kind::Buffer),
    ("metrics", Kind::Metrics),
    ("tracers", Kind::Tracer),
    ("scanners", Kind::Scanner),
];

/// Components that only other languages and lowerings name, not users of configurations.
const UNLISTED: [(Kind, &str); 21] = [
    (Kind::Input, "callback"),
    (Kind::Input, "disk_buffer"),
    (Kind::Input, "evaluate"),
    (Kind::Input, "exchange"),
    (Kind::Input, "fan_out"),
    (Kind::Input, "memory_buffer"),
    (Kind::Input, "mqtt"),
    (Kind::Input, "processed"),
    (Kind::Input, "repeat"),
    (Kind::Input, "system_window_buffer"),
    (Kind::Input, "topic"),
    (Kind::Input, "triggered"),
    (Kind::Output, "arrow_files"),
    (Kind::Output, "console"),
    (Kind::Output, "exchange"),
    (Kind::Output, "ipc"),
    (Kind::Output, "mqtt"),
    (Kind::Output, "processed"),
    (Kind::Output, "topic"),
    (Kind::Processor, "fan_out"),
    (Kind::Processor, "java_udf"),
];

/// Lists them.
///
/// # Errors
/// A word that is no kind.
pub(crate) fn run(args: &Args) -> Result<ExitCode, String> {
    let listing = Listing { catalog: args.templates.catalog(false)?, status: args.status };
    match args.format {
        Format::Cue => {
            let text = "--format cue is not supported: --format jsonschema gives the same as JSON \
                        Schema, which cue reads with 'cue import jsonschema:'";
            return Err(text.to_owned());
        }
        Format::Jsonschema => {
            output::print(&format!("{}\n", schemas(&listing.catalog, &args.kinds)?));
            return Ok(ExitCode::SUCCESS);
        }
        Format::Text | Format::Json => {}
    }
    let lists = listing.lists(&args.kinds)?;
    if let Format::Text = args.format {
        let lists: Vec<String> = lists.iter().map(|(kind, names)| text(kind, names)).collect();
        output::print(&lists.join("\n"));
    } else {
        let mut lists = lists;
        lists.sort_by_key(|(kind, _)| *kind);
        let lists = lists.into_iter().map(|(kind, names)| (kind.to_owned(), names.into()));
        output::print(&format!("{}\n", Json::Object(lists.collect())));
    }
    Ok(ExitCode::SUCCESS)
}

impl Listing {
    /// The names of each wanted kind.
    fn lists(&self, wanted: &[String]) -> Result<Vec<(&'static str, Vec<String>)>, String> {
        refuse_unknown(wanted)?;
        let mut all = Vec::new();
        for (word, kind) in KINDS {
            let mut names = components(&self.catalog, kind);
            names.retain(|name| {
                let schema = self.catalog.schema(kind, name);
                self.status.is_none_or(|status| Status::of(schema.unwrap_or_default()) == status)
            });
            all.push((word, names));
        }
        let functions = functions::ALL.iter().map(|spec| (spec.name, spec.deprecated));
        let methods = methods::ALL.iter().map(|spec| (spec.name, spec.deprecated));
        all.push((FUNCTIONS, self.code(functions)));
        all.push((METHODS, self.code(methods)));
        all.retain(|(kind, _)| wanted.is_empty() || wanted.iter().any(|word| word == kind));
        Ok(all)
    }

    /// The names of functions or methods; those that are deprecated only when asked for.
    fn code(&self, all: impl Iterator<Item = (&'static str, bool)>) -> Vec<String> {
        let status = self.status.unwrap_or(Status::Stable);
        let listed = all.filter(|(_, deprecated)| Status::of_code(*deprecated) == status);
        listed.map(|(name, _)| name.to_owned()).collect()
    }
}

/// Whether words are kinds.
fn refuse_unknown(words: &[String]) -> Result<(), String> {
    let kinds: Vec<&str> =
        KINDS.iter().map(|(word, _)| *word).chain([FUNCTIONS, METHODS]).collect();
    match words.iter().find(|word| !kinds.contains(&word.as_str())) {
        Some(word) => Err(format!("there is no kind '{word}'; there are {}", kinds.join(", "))),
        None => Ok(()),
    }
}

/// The components of a kind that users name in configurations.
fn components(catalog: &Catalog, kind: Kind) -> Vec<String> {
    let mut names = catalog.names(kind);
    names.retain(|name| is_listed(kind, name));
    names.into_iter().map(str::to_owned).collect()
}

/// Whether users name a component in configurations.
fn is_listed(kind: Kind, name: &str) -> bool {
    let columnar = || {
        let tables = ops::COLUMNAR.iter().copied().chain([ops::scanners::ALL]);
        tables.flatten().any(|spec| spec.name == name)
    };
    !UNLISTED.contains(&(kind, name)) && (kind != Kind::Processor || !columnar())
}

fn text(kind: &str, names: &[String]) -> String {
    let title: Vec<String> = kind.split('-').map(capital).collect();
    let names: String = names.iter().map(|name| format!("  - {name}\n")).collect();
    format!("{}:\n{names}", title.join(" "))
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect()
}

/// The schema of whole configurations, or all that is known of the wanted components, functions
/// and methods.
fn schemas(catalog: &Catalog, words: &[String]) -> Result<Json, String> {
    if words.is_empty() {
        return Ok(editor_schema(catalog, &is_listed));
    }
    let kind_of = |word: &str| KINDS.iter().find(|(known, _)| *known == word);
    let code = |word: &str| [FUNCTIONS, METHODS].contains(&word);
    let (kinds, names): (Vec<&str>, Vec<&str>) =
        words.iter().map(String::as_str).partition(|word| code(word) || kind_of(word).is_some());
    if !kinds.iter().any(|kind| code(kind)) && !names.is_empty() {
        // There is nothing of which these could be names.
        refuse_unknown(words)?;
    }
    let wanted = |name: &str| names.is_empty() || names.contains(&name);
    let mut out = Map::new();
    for word in kinds {
        let list: Json = match (word, kind_of(word)) {
            (FUNCTIONS, _) => {
                let all = functions::ALL.iter().filter(|spec| wanted(spec.name));
                all.map(|spec| reference::function_metadata(spec)).collect()
            }
            (_, Some((_, kind))) => {
                let schema =
                    |name: &str| component_schema(catalog, *kind, name).unwrap_or_default();
                let names = components(catalog, *kind);
                Json::Object(names.into_iter().map(|n| (n.clone(), schema(&n))).collect())
            }
            _ => {
                let all = methods::ALL.iter().filter(|spec| wanted(spec.name));
                all.map(|spec| reference::method_metadata(spec)).collect()
            }
        };
        out.insert(word.to_owned(), list);
    }
    Ok(Json::Object(out))
}
