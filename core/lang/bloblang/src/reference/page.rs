//! The reference page of functions and methods, in Markdown.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use super::Item;
use crate::spec::{Absent, Example, Param, Params};
use crate::{functions, methods};

const HEAD: &str = "\
# Bloblang functions and methods

What a mapping may call. A function stands alone, as in `uuid_v4()`. A method is called on a value,
as in `this.name.uppercase()`. Arguments are given by position, or by name as in
`counter(min: 5)`. Where a parameter is a query expression, it may be a lambda such as
`item -> item.id`.

An example shows a mapping, and below it documents and what the mapping makes of each. All examples
are tests.

`mainstem list --format jsonschema bloblang-functions bloblang-methods` prints this page for
programs.
";

/// Heading of what is kept for old mappings; it stands last.
const DEPRECATED: &str = "Deprecated";

/// The page. It depends on the tables of functions and methods only.
#[must_use]
pub fn page() -> String {
    let mut out = HEAD.to_owned();
    let functions: Vec<Item> = functions::ALL.iter().map(|spec| Item::from(*spec)).collect();
    let methods: Vec<Item> = methods::ALL.iter().map(|spec| Item::from(*spec)).collect();
    // Writing to a string never fails.
    let _ = section(&mut out, "Functions", "", &functions);
    let _ = section(&mut out, "Methods", "value.", &methods);
    out
}

fn section(out: &mut String, title: &str, before: &str, items: &[Item]) -> fmt::Result {
    let mut categories: BTreeMap<(bool, String), Vec<&Item>> = BTreeMap::new();
    for item in items {
        let heading = item.heading();
        categories.entry((heading == DEPRECATED, heading)).or_default().push(item);
    }
    writeln!(out, "\n## {title}\n")?;
    for ((_, heading), items) in &categories {
        let names: Vec<String> = items.iter().map(|item| format!("`{}`", item.name)).collect();
        writeln!(out, "- {heading}: {}", names.join(", "))?;
    }
    for ((_, heading), items) in &categories {
        writeln!(out, "\n### {title}: {heading}")?;
        for item in items {
            describe(out, before, item)?;
        }
    }
    Ok(())
}

fn describe(out: &mut String, before: &str, item: &Item) -> fmt::Result {
    let Item { name, summary, params, since, .. } = item;
    writeln!(out, "\n#### `{name}`\n\n`{before}{name}({})`\n", signature(params))?;
    writeln!(out, "{summary} Since version {since}.")?;
    match params {
        Params::Variadic(doc) => writeln!(out, "\nArguments: {doc}")?,
        Params::Fixed([]) => {}
        Params::Fixed(params) => {
            writeln!(out, "\n| parameter | type | default | |\n|---|---|---|---|")?;
            for param in *params {
                let (name, kind, doc) = (param.name, param.kind.name(), cell(param.doc));
                writeln!(out, "| `{name}` | {kind} | {} | {doc} |", default(param))?;
            }
        }
    }
    item.examples.iter().try_for_each(|example| show(out, example))
}

fn signature(params: &Params) -> String {
    let Params::Fixed(params) = params else { return "...".into() };
    let shown = |param: &Param| match literal(param.absent) {
        _ if param.absent == Absent::Missing => format!("[{}]", param.name),
        Some(literal) => format!("{}: {literal}", param.name),
        None => param.name.to_owned(),
    };
    params.iter().map(shown).collect::<Vec<_>>().join(", ")
}

/// A default as a mapping would write it.
fn literal(absent: Absent) -> Option<String> {
    match absent {
        Absent::Refused | Absent::Missing => None,
        Absent::Str(text) => Some(format!("{text:?}")),
        Absent::Int(n) => Some(n.to_string()),
        Absent::Float(x) => Some(format!("{x:?}")),
        Absent::Bool(b) => Some(b.to_string()),
    }
}

/// The table's cell for what a parameter is when it is left out.
fn default(param: &Param) -> String {
    match literal(param.absent) {
        Some(literal) => format!("`{}`", cell(&literal)),
        None if param.absent == Absent::Missing => "optional".into(),
        None => "required".into(),
    }
}

/// A text within a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn show(out: &mut String, example: &Example) -> fmt::Result {
    let mapping = example.mapping.trim_matches('\n');
    writeln!(out, "\n```coffee\n{mapping}\n```\n\n```text")?;
    for (input, output) in example.cases {
        writeln!(out, "in:  {}", aligned(input))?;
        writeln!(out, "out: {}", aligned(output))?;
    }
    writeln!(out, "```")
}

/// A text whose later lines stand under its first.
fn aligned(text: &str) -> String {
    text.trim_end_matches('\n').replace('\n', "\n     ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Kind;

    #[test]
    fn everything_has_its_place() {
        let page = page();
        for name in functions::ALL.iter().map(|s| s.name).chain(methods::ALL.iter().map(|s| s.name))
        {
            assert!(page.contains(&format!("\n#### `{name}`\n")), "{name}");
        }
        assert!(page.lines().filter(|line| line.starts_with("```")).count() % 2 == 0);
    }

    #[test]
    fn signatures_show_what_may_be_left_out() {
        const PARAMS: &[Param] = &[
            Param::new("a", Kind::Any, "."),
            Param::new("b", Kind::Any, ".").optional(),
            Param::new("c", Kind::String, ".").or(Absent::Str("|")),
        ];
        assert_eq!(signature(&Params::Fixed(PARAMS)), "a, [b], c: \"|\"");
        assert_eq!(signature(&Params::Variadic("any")), "...");
        let cells: Vec<String> = PARAMS.iter().map(default).collect();
        assert_eq!(cells, ["required", "optional", "`\"\\|\"`"]);
    }
}
