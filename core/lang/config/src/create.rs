//! A configuration to begin with, from a line such as `stdin/mapping,log/file`.

use crate::catalog::{Catalog, Kind};
use crate::normal::{self, default_of, field};
use crate::schema::{Fields, Shape, View};
use crate::yaml::write::{Doc, Field, write};

/// How deep objects in objects are written out.
const DEPTH_MAX: usize = 16;

const REQUIRED: &str = "No default (required)";
const OPTIONAL: &str = "No default (optional)";

/// A configuration with the inputs, processors and outputs of an expression and all their fields:
/// three lists of names parted by commas, between them slashes. Several inputs or outputs stand in
/// a broker. With `small` it has no more than these sections, and no fields that few set.
///
/// # Errors
/// A name that is no component, or more than three lists.
pub fn create(catalog: &Catalog, expression: &str, small: bool) -> Result<String, String> {
    let parts: Vec<&str> = expression.split('/').collect();
    if parts.len() > 3 {
        return Err("generate error: more component separators than expected".to_owned());
    }
    let list = |at: usize, kind: Kind| -> Result<Vec<Doc>, String> {
        let names = parts.get(at).into_iter().flat_map(|part| part.split(','));
        let names = names.map(str::trim).filter(|name| !name.is_empty());
        names.map(|name| component(catalog, kind, name, small)).collect()
    };
    let inputs = list(0, Kind::Input)?;
    let processors = list(1, Kind::Processor)?;
    let outputs = list(2, Kind::Output)?;
    let plain = |name: &str| Doc::Map(vec![field(name, Doc::empty())]);
    let pipeline = vec![
        field("threads", normal::verbatim(&crate::yaml::Node::from_json(&(-1).into()))),
        field("processors", Doc::List(processors)),
    ];
    let stream = vec![
        field("input", brokered(inputs, "inputs").unwrap_or_else(|| plain("stdin"))),
        field("buffer", plain("none")),
        field("pipeline", Doc::Map(pipeline)),
        field("output", brokered(outputs, "outputs").unwrap_or_else(|| plain("stdout"))),
    ];
    if small {
        return Ok(write(&Doc::Map(stream)));
    }
    let mut rest = normal::sections(catalog);
    for new in stream {
        if let Some(old) = rest.iter_mut().find(|old| old.key == new.key) {
            *old = new;
        }
    }
    Ok(write(&Doc::Map(rest)))
}

/// One component as it is, several in a broker.
fn brokered(mut all: Vec<Doc>, key: &str) -> Option<Doc> {
    match all.len() {
        0 | 1 => all.pop(),
        _ => {
            let broker = Doc::Map(vec![field(key, Doc::List(all))]);
            Some(Doc::Map(vec![field("broker", broker)]))
        }
    }
}

fn component(catalog: &Catalog, kind: Kind, name: &str, small: bool) -> Result<Doc, String> {
    let unknown = || format!("generate error: unrecognised {} type '{name}'", kind.name());
    let schema = catalog.schema(kind, name).ok_or_else(unknown)?;
    let view = View::of(schema);
    let config = match view.shape() {
        Shape::Object(fields) => object(fields, small, 0),
        Shape::Text(_) | Shape::Code(_) => {
            let value = Field { comment: REQUIRED, ..field(name, default_of(view)) };
            return Ok(Doc::Map(vec![value]));
        }
        Shape::List(_) => {
            let value = Field { comment: REQUIRED, ..field(name, Doc::List(Vec::new())) };
            return Ok(Doc::Map(vec![value]));
        }
        _ => default_of(view),
    };
    Ok(Doc::Map(vec![field(name, config)]))
}

fn object(fields: Fields<'_>, small: bool, depth: usize) -> Doc {
    let hidden = |view: View<'_>| view.deprecated() || (small && view.advanced());
    let shown = fields.iter().filter(|(_, view)| !hidden(*view));
    let one = |(name, view): (&str, View<'_>)| {
        let required = fields.wants(name, view) || fields.names_required(name);
        let default = view.default().filter(|default| !default.is_null());
        let value = match (view.shape(), default) {
            (Shape::Object(inner), None) if depth < DEPTH_MAX => object(inner, small, depth + 1),
            _ => default_of(view),
        };
        let bare = !matches!(&value, Doc::Map(fields) if !fields.is_empty());
        let comment = match default {
            None if required && bare => REQUIRED,
            None if view.nullable() && bare => OPTIONAL,
            _ => "",
        };
        Field { comment, ..field(name, value) }
    };
    Doc::Map(shown.map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::catalog;

    #[test]
    fn an_expression_gives_a_config_with_all_fields() {
        let catalog = catalog();
        let got = create(&catalog, "generate,stdin/mapping/stdout", true).unwrap();
        let want = "input:\n  broker:\n    inputs:\n      - generate:\n          mapping: \"\" \
                    # No default (required)\n          interval: \"\"\n          count: 0\n          \
                    auto_replay_nacks: false\n      - stdin: {}\nbuffer:\n  none: {}\npipeline:\n  \
                    threads: -1\n  processors:\n    - mapping: \"\" # No default (required)\n\
                    output:\n  stdout: {}\n";
        assert_eq!(got, want);
        let whole = create(&catalog, "", false).unwrap();
        assert!(whole.starts_with("http:\n") && whole.ends_with("parallel: true\n"), "{whole}");
        assert!(whole.contains("\ninput:\n  stdin: {}\n"));
    }

    #[test]
    fn names_that_are_none_are_refused() {
        let error = |text| create(&catalog(), text, true).unwrap_err();
        assert_eq!(error("nope//"), "generate error: unrecognised input type 'nope'");
        assert_eq!(error("/nope/"), "generate error: unrecognised processor type 'nope'");
        assert_eq!(error("///"), "generate error: more component separators than expected");
    }
}
