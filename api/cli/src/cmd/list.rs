//! `mainstem list`: the components, functions and methods that there are.

use std::process::ExitCode;

use bloblang::{functions, methods, reference};
use config::{Catalog, Kind};
use plan::Json;
use plan::serde_json::Map;

use crate::output;

/// Options of `list`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Kinds to list, such as inputs, rate-limits or bloblang-methods; all unless some are given.
    /// With --format jsonschema also names of functions and methods, to list only those.
    kinds: Vec<String>,
    /// What to print: names as text or json, or jsonschema for all that is known of functions and
    /// methods.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// Names in indented lists.
    Text,
    /// An object of lists of names.
    Json,
    /// Parameters, examples and so on of functions and methods.
    Jsonschema,
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
const UNLISTED: [(Kind, &str); 7] = [
    (Kind::Input, "callback"),
    (Kind::Input, "evaluate"),
    (Kind::Input, "processed"),
    (Kind::Input, "repeat"),
    (Kind::Output, "console"),
    (Kind::Output, "processed"),
    (Kind::Output, "variable"),
];

/// Lists them.
///
/// # Errors
/// A word that is no kind.
pub(crate) fn run(args: &Args) -> Result<ExitCode, String> {
    if let Format::Jsonschema = args.format {
        output::print(&format!("{}\n", metadata(&args.kinds)?));
        return Ok(ExitCode::SUCCESS);
    }
    let lists = lists(&args.kinds)?;
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

/// The names of each wanted kind.
fn lists(wanted: &[String]) -> Result<Vec<(&'static str, Vec<String>)>, String> {
    let catalog = Catalog::new(&crate::registry::registry());
    let mut all: Vec<_> =
        KINDS.iter().map(|(word, kind)| (*word, components(&catalog, *kind))).collect();
    let functions = functions::ALL.iter().filter(|spec| !spec.deprecated).map(|spec| spec.name);
    let methods = methods::ALL.iter().filter(|spec| !spec.deprecated).map(|spec| spec.name);
    all.push((FUNCTIONS, functions.map(str::to_owned).collect()));
    all.push((METHODS, methods.map(str::to_owned).collect()));
    if let Some(word) = wanted.iter().find(|word| all.iter().all(|(kind, _)| kind != word)) {
        let kinds: Vec<&str> = all.iter().map(|(kind, _)| *kind).collect();
        return Err(format!("there is no kind '{word}'; there are {}", kinds.join(", ")));
    }
    all.retain(|(kind, _)| wanted.is_empty() || wanted.iter().any(|word| word == kind));
    Ok(all)
}

/// The components of a kind that users name in configurations.
fn components(catalog: &Catalog, kind: Kind) -> Vec<String> {
    let mut names = catalog.names(kind);
    let columnar = |name: &str| {
        let tables = ops::COLUMNAR.iter().copied().chain([ops::scanners::ALL]);
        tables.flatten().any(|spec| spec.name == name)
    };
    names.retain(|name| !UNLISTED.contains(&(kind, name)));
    names.retain(|name| kind != Kind::Processor || !columnar(name));
    names.into_iter().map(str::to_owned).collect()
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

/// All that is known of the wanted functions and methods.
fn metadata(words: &[String]) -> Result<Json, String> {
    let (kinds, names): (Vec<&str>, Vec<&str>) =
        words.iter().map(String::as_str).partition(|word| [FUNCTIONS, METHODS].contains(word));
    if kinds.is_empty() {
        return Err(format!("--format jsonschema lists {FUNCTIONS} and {METHODS} only"));
    }
    let wanted = |name: &str| names.is_empty() || names.contains(&name);
    let functions = functions::ALL.iter().filter(|spec| wanted(spec.name));
    let methods = methods::ALL.iter().filter(|spec| wanted(spec.name));
    let mut out = Map::new();
    if kinds.contains(&FUNCTIONS) {
        let list = functions.map(|spec| reference::function_metadata(spec));
        out.insert(FUNCTIONS.to_owned(), list.collect());
    }
    if kinds.contains(&METHODS) {
        let list = methods.map(|spec| reference::method_metadata(spec));
        out.insert(METHODS.to_owned(), list.collect());
    }
    Ok(Json::Object(out))
}
