//! Functions and methods as JSON, with the fields that editors and other tools read.

use plan::Json;
use plan::serde_json::{Map, json};

use super::Item;
use crate::spec::{Absent, Example, Function, Method, Param, Params};

/// A function as JSON.
#[must_use]
pub fn function_metadata(spec: &'static Function) -> Json {
    let item = Item::from(spec);
    json!({
        "status": status(&item),
        "category": item.heading(),
        "name": item.name,
        "description": item.summary,
        "params": params(item.params),
        "examples": examples(item.examples),
        "impure": spec.reads_surroundings(),
        "version": item.since,
    })
}

/// A method as JSON.
#[must_use]
pub fn method_metadata(spec: &'static Method) -> Json {
    let item = Item::from(spec);
    json!({
        "status": status(&item),
        "name": item.name,
        "description": item.summary,
        "params": params(item.params),
        "examples": examples(item.examples),
        "categories": [{"Category": item.heading(), "Examples": examples(item.examples)}],
        "impure": false,
        "version": item.since,
    })
}

fn status(item: &Item) -> &'static str {
    if item.deprecated { "deprecated" } else { "stable" }
}

fn params(params: &Params) -> Json {
    match params {
        Params::Variadic(_) => json!({"variadic": true}),
        Params::Fixed([]) => json!({}),
        Params::Fixed(params) => json!({"named": params.iter().map(param).collect::<Vec<_>>()}),
    }
}

fn param(param: &Param) -> Json {
    let mut fields = Map::new();
    fields.insert("name".into(), param.name.into());
    fields.insert("description".into(), param.doc.into());
    fields.insert("type".into(), param.kind.name().into());
    let absent = match param.absent {
        Absent::Refused => None,
        Absent::Missing => Some(("is_optional", Json::Bool(true))),
        Absent::Str(text) => Some(("default", text.into())),
        Absent::Int(n) => Some(("default", n.into())),
        Absent::Float(x) => Some(("default", x.into())),
        Absent::Bool(b) => Some(("default", b.into())),
    };
    fields.extend(absent.map(|(key, value)| (key.to_owned(), value)));
    Json::Object(fields)
}

fn examples(examples: &[Example]) -> Json {
    let example = |e: &Example| json!({"mapping": e.mapping, "results": e.cases});
    examples.iter().map(example).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_say_what_they_are_when_left_out() {
        let spec = crate::functions::find("counter").unwrap();
        let shown = function_metadata(spec);
        let named = &shown["params"]["named"];
        assert_eq!(named[0]["default"], json!(1));
        assert_eq!(named[2]["is_optional"], json!(true));
        assert_eq!(named[2]["type"], json!("query expression"));
        assert_eq!(shown["impure"], json!(false));
        assert_eq!(shown["examples"][0]["results"][1], json!(["{}", "{\"id\":2}"]));
    }

    #[test]
    fn old_names_have_a_status_and_a_category_of_their_own() {
        let spec = crate::methods::find("parse_timestamp").unwrap();
        let shown = method_metadata(spec);
        assert_eq!(shown["status"], json!("deprecated"));
        assert_eq!(shown["categories"][0]["Category"], json!("Deprecated"));
        let concat = method_metadata(crate::methods::find("concat").unwrap());
        assert_eq!(concat["params"], json!({"variadic": true}));
    }
}
