//! The writers of a spec as sinks of a plan.

use super::lower::{labelled, symbol, text};
use super::readers::topic;
use crate::error::{QError, Result};
use crate::qsp::Node;
use crate::qsp::process::Calling;
use plan::Component;
use plan::secret::sealed;
use plan::serde_json::json;

/// The sink of a writer. What goes there was made in the program.
///
/// # Errors
/// What is wrong with its options.
pub(super) fn sink(node: &Node) -> Result<Component> {
    Ok(match node.op {
        "write.toConsole" => labelled("console", node, json!({ "stdout": true })),
        // What a variable collects is in the session, as everything else may use it there.
        "write.toVariable" => labelled("drop", node, json!({})),
        "write.toStream" => labelled("topic", node, json!({ "name": topic(node)? })),
        "write.toProcess" => process(node)?,
        "write.toDatabase" => database(node)?,
        other => return Err(QError::nyi(&format!(".qsp.{other}"))),
    })
}

fn process(node: &Node) -> Result<Component> {
    let Calling { place, sync, .. } = Calling::of(node)?;
    let mut config = json!({ "address": place.address, "sync": sync });
    if !place.user.is_empty() || !place.password.is_empty() {
        config["user"] = json!(place.user);
        config["password"] = sealed(json!(place.password));
    }
    Ok(labelled("ipc", node, config))
}

fn database(node: &Node) -> Result<Component> {
    let path = |name: &str| -> Result<String> {
        let given = node.option(name).and_then(text).unwrap_or_default();
        let path = given.trim_start_matches(':').to_owned();
        if path.is_empty() { Err(QError::new(format!("type: {name}"))) } else { Ok(path) }
    };
    let mut config = json!({ "directory": path("database")?, "table": path("table")? });
    if node.option("partition").is_some() {
        config["partition"] = json!(symbol(node, "partition")?);
    }
    Ok(labelled("arrow_files", node, config))
}

#[cfg(test)]
mod tests {
    use super::super::lower::lower;
    use plan::Role;
    use plan::serde_json::{Value, json};

    fn sink(writer: &str) -> (String, Value) {
        let spec = format!(".qsp.run .qsp.read.fromFile[`f] .qsp.write.{writer}");
        let plan = lower(&spec).unwrap();
        assert!(plan.check().is_ok());
        // The program, and what is for this writer.
        assert_eq!(plan.nodes.iter().filter(|n| n.role == Role::Operator).count(), 2);
        let sink = plan.nodes.into_iter().find(|n| n.role == Role::Sink).unwrap();
        (sink.component.name, sink.component.config)
    }

    #[test]
    fn writers_are_sinks() {
        let place = "`handle`target!(`:h:5010:me:pw;`f)";
        let call = sink(&format!("toProcess[.qsp.use {place}]"));
        let secret = json!({"!secret": "pw"});
        let config = json!({"address": "h:5010", "sync": false, "user": "me", "password": secret});
        assert_eq!(call, ("ipc".to_owned(), config));
        let plain = sink("toProcess[.qsp.use `handle`target`sync!(`::5010;`f;1b)]").1;
        assert_eq!(plain, json!({"address": "localhost:5010", "sync": true}));
        let stream = sink("toStream[`t; \"s\"; .qsp.use ``prefix!(::;\"p\")]");
        assert_eq!(stream, ("topic".to_owned(), json!({"name": "ps/t"})));
        let database = sink("toDatabase[`t; `:db/x; .qsp.use ``partition!``date]");
        let config = json!({"directory": "db/x", "table": "t", "partition": "date"});
        assert_eq!(database, ("arrow_files".to_owned(), config));
        assert_eq!(sink("toVariable[`v]").0, "drop");
    }

    #[test]
    fn what_a_writer_does_not_do_is_said() {
        let error = |writer: &str| {
            let spec = format!(".qsp.run .qsp.read.fromFile[`f] .qsp.write.{writer}");
            lower(&spec).unwrap_err()[0].message.clone()
        };
        assert_eq!(error("toVariable[`]"), "'type: variable");
        assert_eq!(error("toVariable[`v; .qsp.use ``mode!``x]"), "'mode: x");
        assert_eq!(error("toDatabase[`t; 1]"), "'type: database");
        let nyi = "'nyi: option overwrite of .qsp.write.toDatabase";
        assert_eq!(error("toDatabase[`t; `:d; .qsp.use ``overwrite!(::;1b)]"), nyi);
        let nyi = "'nyi: option deduplicate of .qsp.write.toStream";
        assert_eq!(error("toStream[`t; `s; .qsp.use ``deduplicate!(::;1b)]"), nyi);
        assert_eq!(error("toKafka[`t]"), "'nyi: .qsp.write.toKafka");
        assert!(error("toStream[`t; .qsp.use ``a!``b]").starts_with("'unknown option of "));
    }
}
