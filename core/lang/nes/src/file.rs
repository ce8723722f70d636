//! Query files: sources and one query, to be tried without a coordinator.
//!
//! ```text
//! LOGICAL name Schema::create()->addField("a", BasicType::UINT64);
//! CSV name path
//! JSON name path
//! Query::from("name")...;
//! ```
//!
//! Or a script of the SQL dialect: statements that create sources and sinks, and one query.

use plan::serde_json::json;
use plan::{Diagnostic, Plan, Span};

use crate::catalog::{Physical, SinkCatalog, SourceCatalog};
use crate::lower::lower;
use crate::parse::parse_schema;
use crate::sql::{is_sql, lower_script};

/// Lowers a query file. Diagnostics count lines of the file.
///
/// # Errors
/// A line that is none of the above, or what is wrong with the query.
pub fn lower_file(text: &str) -> Result<Plan, Vec<Diagnostic>> {
    if is_sql(text) {
        return lower_script(text).map_err(|error| vec![error]);
    }
    let mut sources = SourceCatalog::empty();
    let mut query = String::new();
    let mut begun = false;
    let mut errors = Vec::new();
    for (number, line) in (1u32..).zip(text.lines()) {
        // Lines of the query stay where they are, so that places count from the top of the file.
        match declaration(line) {
            Some((keyword, rest)) if !begun => {
                let result = declare(&mut sources, keyword, rest);
                if let Err(error) = result {
                    let shift = u32::try_from(line.chars().count()).unwrap_or(0);
                    let left = u32::try_from(rest.chars().count()).unwrap_or(0);
                    let span = match error.span {
                        Span { line: 1, column, len } => {
                            Span { line: number, column: column + shift - left, len }
                        }
                        _ => Span { line: number, column: 1, len: shift.max(1) },
                    };
                    errors.push(Diagnostic { span, ..error });
                }
            }
            _ => {
                let code = line.trim_start();
                begun |= !code.is_empty() && !code.starts_with("//");
                query.push_str(line);
            }
        }
        query.push('\n');
    }
    if !begun && errors.is_empty() {
        let text = "the file has no query";
        errors.push(Diagnostic::error("no-query", text, Span::default()));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    lower(&query, &sources, &SinkCatalog::default()).map(|lowered| lowered.plan)
}

/// The keyword of a declaration and what follows it.
fn declaration(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start();
    let (keyword, rest) = line.split_once(char::is_whitespace)?;
    matches!(keyword, "LOGICAL" | "CSV" | "JSON").then_some((keyword, rest.trim_start()))
}

fn declare(sources: &mut SourceCatalog, keyword: &str, rest: &str) -> Result<(), Diagnostic> {
    let wrong = |text: String| Diagnostic::error("declaration", text, Span::default());
    let Some((name, value)) = rest.split_once(char::is_whitespace) else {
        return Err(wrong(format!("{keyword} needs a name and what it stands for")));
    };
    let value = value.trim();
    if keyword == "LOGICAL" {
        let schema = parse_schema(value).map_err(|error| {
            let shift = u32::try_from(rest.chars().count() - value.chars().count()).unwrap_or(0);
            let Span { line, column, len } = error.span;
            Diagnostic { span: Span { line, column: column + shift, len }, ..error }
        })?;
        let twice = |_| wrong(format!("the source {name} is there twice"));
        return sources.add(name, schema).map_err(twice);
    }
    let count = sources.physical(name).len();
    let format = json!({"filePath": value, "inputFormat": keyword});
    let physical = Physical {
        logical: name.to_owned(),
        name: format!("{name}_{count}"),
        kind: "CSV_SOURCE".to_owned(),
        node: crate::catalog::ROOT,
        config: format,
    };
    sources.add_physical(physical).map_err(|_| wrong("there are too many sources".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGICAL: &str = r#"LOGICAL a Schema::create()->addField("x", BasicType::UINT64);"#;

    #[test]
    fn a_file_becomes_a_plan() {
        let text = format!(
            "{LOGICAL}\nCSV a /tmp/a.csv\n\nQuery::from(\"a\")\n  .filter(Attribute(\"x\") > 1)\n  \
             .sink(FileSinkDescriptor::create(\"o.csv\"));\n"
        );
        let plan = lower_file(&text).unwrap();
        let names: Vec<&str> = plan.nodes.iter().map(|n| n.component.name.as_str()).collect();
        assert_eq!(names, ["file", "decode_csv", "filter_rows", "encode_csv", "frame", "file"]);
    }

    #[test]
    fn errors_have_places_in_the_file() {
        let place = |text: &str| {
            let error = &lower_file(text).unwrap_err()[0];
            (error.span.line, error.span.column)
        };
        assert_eq!(place("LOGICAL a Schema::make()\nQuery"), (1, 19));
        assert_eq!(place(&format!("{LOGICAL}\n  CSV a\n")), (2, 1));
        let text = format!(
            "{LOGICAL}\nCSV a p\nQuery::from(\"a\").filter(Attribute(\"y\") > 1)\
             .sink(PrintSinkDescriptor::create());"
        );
        assert_eq!(place(&text), (3, 25));
        assert_eq!(lower_file("").unwrap_err()[0].code, "no-query");
    }
}
