//! The readers of a spec as sources of a plan.

use super::lower::{code, labelled, plain, symbol, text};
use crate::error::{QError, Result};
use crate::qsp::files::Reading;
use crate::qsp::trigger::{Start, Trigger};
use crate::qsp::{Node, Pipeline};
use formats::k::{K, Type};
use plan::serde_json::json;
use plan::{Component, Json};

/// Bytes of the longest line of a file.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// How often a file that cannot be opened is tried again, as a request of `fromHTTP` is.
const FILE_RETRIES: u32 = 3;

/// A source of a reader.
pub(super) struct Source {
    pub(super) component: Component,
    /// Whether it begins at each start with the same data.
    pub(super) begins_anew: bool,
}

/// The sources of a reader: one, and another one for each further name that it is called under.
///
/// # Errors
/// What is wrong with its options.
pub(super) fn sources(pipeline: &Pipeline, node: &Node) -> Result<Vec<Source>> {
    if pipeline.ends && is_endless(node) {
        // What the spec has called it with is there, and nothing else comes.
        let nothing = || labelled("evaluate", node, json!({ "code": code(node) }));
        let names = 1 + pipeline.aliases_of(node).count();
        let each = (0..names).map(|_| Source { component: nothing(), begins_anew: true });
        return Ok(each.collect());
    }
    let (component, begins_anew) = match node.op {
        "read.fromCallback" => {
            let own = symbol(node, "callback")?;
            // What is kept of calls comes again, with the numbers that they had.
            let begins_anew = node.flag("replay")?;
            let names = std::iter::once(own.as_str()).chain(pipeline.aliases_of(node));
            let each = |name: &str| -> Result<Source> {
                Ok(Source { component: callback(node, name)?, begins_anew })
            };
            return names.map(each).collect();
        }
        "read.fromExpr" => (labelled("evaluate", node, json!({ "code": code(node) })), true),
        "read.fromFile" => {
            let reading = Reading::of(node)?;
            let reading = Reading { watch: reading.watch && !pipeline.ends, ..reading };
            (file(node, reading)?, !reading.watch)
        }
        "read.fromHTTP" => (http(node)?, true),
        "read.fromMQTT" => (mqtt(node)?, false),
        "read.fromStream" => (labelled("topic", node, json!({ "name": topic(node)? })), false),
        other => return Err(QError::nyi(&format!(".qsp.{other}"))),
    };
    let component = if pipeline.ends { component } else { triggered(node, component)? };
    Ok(vec![Source { component, begins_anew }])
}

/// Whether there is no end to what a reader gives, whatever its options say.
pub(super) fn is_endless(node: &Node) -> bool {
    matches!(node.op, "read.fromCallback" | "read.fromMQTT" | "read.fromStream")
}

/// A source that reads again and again where a reader has a trigger.
fn triggered(node: &Node, input: Component) -> Result<Component> {
    let (every, start) = match Trigger::of(node)? {
        Trigger::Once => return Ok(input),
        Trigger::Call => (0, None),
        Trigger::Timer { period, start } => (period, start),
    };
    let mut config = json!({ "name": node.name, "input": input });
    if every > 0 {
        config["every_ns"] = json!(every);
    }
    match start {
        Some(Start::At(ns)) => config["start_ns"] = json!(ns),
        Some(Start::OfDay(ns)) => config["of_day_ns"] = json!(ns),
        None => {}
    }
    Ok(labelled("triggered", node, config))
}

fn callback(node: &Node, name: &str) -> Result<Component> {
    let mut config = json!({ "name": name });
    for name in ["key", "partitions"] {
        if let (Some(value), Some(members)) = (node.option(name), config.as_object_mut())
            && !value.is_empty()
        {
            members.insert(name.to_owned(), plain(value)?);
        }
    }
    if node.flag("replay")? {
        config["replay"] = json!(true);
    }
    Ok(labelled("callback", node, config))
}

fn file(node: &Node, how: Reading) -> Result<Component> {
    let path = |k: &K| -> Result<String> {
        let text = text(k).ok_or_else(|| QError::new("type: path"))?;
        Ok(text.trim_start_matches(':').to_owned())
    };
    let given = node.option("path").cloned().unwrap_or_default();
    let several = given.as_syms().is_some() || given.ty() == Some(Type::List);
    let paths = if several {
        given.items().map(|k| path(&k)).collect::<Result<Vec<_>>>()?
    } else {
        vec![path(&given)?]
    };
    let mut config = json!({ "paths": paths });
    reading(&mut config, how);
    Ok(labelled("file", node, config))
}

/// How files are cut; what is as by default is left out.
fn reading(config: &mut Json, Reading { binary, chunk, offset, watch }: Reading) {
    let cut = match (binary, chunk) {
        (false, Some(_)) => {
            ("lines", json!({ "max_buffer_size": LINE_BYTES_MAX, "whole_end": true }))
        }
        (true, Some(bytes)) => ("chunker", json!({ "size": bytes })),
        (_, None) => ("to_the_end", json!({})),
    };
    config["scanner"] = json!({ "name": cut.0, "config": cut.1 });
    if let Some(bytes) = chunk {
        config["block"] = json!(bytes);
    }
    if offset > 0 {
        config["offset"] = json!(offset);
    }
    if watch {
        config["watch"] = json!(true);
    } else {
        config["retries"] = json!(FILE_RETRIES);
    }
}

/// A text that must be given.
fn wanted(node: &Node, name: &str) -> Result<String> {
    let given = node.option(name).and_then(text).filter(|text| !text.is_empty());
    given.ok_or_else(|| QError::new(format!("type: {name}")))
}

/// A text that may be given.
fn optional(node: &Node, name: &str) -> Result<Option<String>> {
    node.option(name).map(|_| wanted(node, name)).transpose()
}

/// A number that may be given, from 0 on.
fn count(node: &Node, name: &str) -> Result<Option<u64>> {
    let Some(given) = node.option(name) else { return Ok(None) };
    let number = given.as_long().and_then(|n| u64::try_from(n).ok());
    number.map(Some).ok_or_else(|| QError::new(format!("{name} must be a number from 0 on")))
}

/// A text of a configuration that stands for itself.
fn literal(text: &str) -> Json {
    json!({ "lang": "", "text": text })
}

/// One request; its answer is one message, and then there is nothing more.
fn http(node: &Node) -> Result<Component> {
    let method = optional(node, "method")?.unwrap_or_else(|| "GET".to_owned());
    let mut config = json!({
        "url": literal(&wanted(node, "url")?),
        "verb": method.to_ascii_uppercase(),
        "drop_empty_bodies": false,
        "stream": {
            "enabled": true,
            "reconnect": false,
            "gives_up": true,
            "scanner": { "name": "to_the_end", "config": {} },
        },
    });
    if let Some(body) = optional(node, "body")? {
        config["payload"] = literal(&body);
    }
    if let Some(headers) = node.option("header") {
        config["headers"] = headers_of(headers)?;
    }
    if node.option("followRedirects").is_some() {
        config["follow_redirects"] = json!(node.flag("followRedirects")?);
    }
    for attempts in ["maxRetryAttempts", "tenacity"] {
        if let Some(count) = count(node, attempts)? {
            config["retries"] = json!(count);
        }
    }
    if let Some(ms) = count(node, "timeout")? {
        config["timeout"] = json!(format!("{ms}ms"));
    }
    if node.flag("insecure")? {
        config["tls"] = json!({ "enabled": true, "skip_cert_verify": true });
    }
    Ok(labelled("http_client", node, config))
}

/// A dictionary of names and texts.
fn headers_of(k: &K) -> Result<Json> {
    let wrong = || QError::new("header must be a dictionary of names and texts");
    let K::Dict(dict) = k else { return Err(wrong()) };
    let mut headers = plan::serde_json::Map::new();
    for (name, value) in dict.keys.items().zip(dict.values.items()) {
        let (Some(name), Some(value)) = (text(&name), text(&value)) else { return Err(wrong()) };
        if !name.is_empty() {
            headers.insert(name, literal(&value));
        }
    }
    Ok(Json::Object(headers))
}

fn mqtt(node: &Node) -> Result<Component> {
    let broker = optional(node, "broker")?.or(optional(node, "host")?);
    let broker = broker.ok_or_else(|| QError::new("fromMQTT needs a broker"))?;
    let url = if broker.contains("://") { broker } else { format!("tcp://{broker}") };
    let mut config = json!({ "url": url, "topic": wanted(node, "topic")? });
    for (name, field) in [("clientName", "client_id"), ("username", "user")] {
        if let Some(text) = optional(node, name)? {
            config[field] = json!(text);
        }
    }
    if let Some(password) = optional(node, "password")? {
        if config.get("user").is_none() {
            return Err(QError::new("password needs a username"));
        }
        config["password"] = plan::secret::sealed(json!(password));
    }
    if let Some(qos) = count(node, "qos")? {
        config["qos"] = json!(u8::try_from(qos).unwrap_or(u8::MAX));
    }
    Ok(labelled("mqtt", node, config))
}

/// The name of what is sent from one pipeline of the process to others: a table of a stream.
pub(super) fn topic(node: &Node) -> Result<String> {
    let mut name = optional(node, "prefix")?.unwrap_or_default();
    name.push_str(&optional(node, "stream")?.unwrap_or_default());
    Ok(format!("{name}/{}", optional(node, "table")?.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::super::lower::lower;
    use super::{FILE_RETRIES, LINE_BYTES_MAX};
    use plan::serde_json::json;
    use plan::{Json, Plan, Role};

    const TO: &str = ".qsp.write.toVariable[`v]";

    fn plan(reader: &str) -> Plan {
        let plan = lower(&format!(".qsp.run {reader} {TO}")).unwrap();
        assert!(plan.check().is_ok());
        plan
    }

    fn source(reader: &str) -> (String, Json) {
        let plan = plan(reader);
        let source = plan.nodes.into_iter().find(|n| n.role == Role::Source).unwrap();
        (source.component.name, source.component.config)
    }

    fn refused(reader: &str) -> String {
        lower(&format!(".qsp.run {reader} {TO}")).unwrap_err()[0].message.clone()
    }

    #[test]
    fn files_are_cut_as_the_options_say() {
        let config = |options: &str| {
            let (name, config) =
                source(&format!(".qsp.read.fromFile[`:dir/f; .qsp.use {options}]"));
            assert_eq!((name.as_str(), &config["paths"][0]), ("file", &Json::from("dir/f")));
            config
        };
        let text = config("``mode!``text");
        assert_eq!((&text["scanner"]["name"], &text["block"]), (&"lines".into(), &1048576.into()));
        assert_eq!(text["scanner"]["config"]["max_buffer_size"], LINE_BYTES_MAX);
        assert_eq!(text["scanner"]["config"]["whole_end"], true);
        assert_eq!((text.get("offset"), text.get("watch")), (None, None));
        assert_eq!(text["retries"], FILE_RETRIES);
        let binary = config("`mode`chunkSize!(`binary;\"2KB\")");
        assert_eq!(binary["scanner"]["name"], "chunker");
        assert_eq!(binary["scanner"]["config"]["size"], 2048);
        let whole = config("`chunking`offset`watch!(0b;12;1b)");
        assert_eq!(whole["scanner"]["name"], "to_the_end");
        assert_eq!((&whole["offset"], &whole["watch"]), (&12.into(), &true.into()));
        assert_eq!(whole.get("retries"), None, "it may come");
        assert_eq!(whole.get("block"), None);
    }

    #[test]
    fn several_paths_and_patterns() {
        let paths =
            |given: &str| source(&format!(".qsp.read.fromFile[{given}]")).1["paths"].clone();
        assert_eq!(paths("`:a`:b"), Json::from(vec!["a", "b"]));
        assert_eq!(paths("(\"a*.csv\";`:b)"), Json::from(vec!["a*.csv", "b"]));
    }

    #[test]
    fn one_request_is_made_and_its_answer_is_a_text() {
        let (name, config) = source(
            ".qsp.read.fromHTTP[\"http://h/${! x }\";`post; .qsp.use \
             `body`header`tenacity`timeout`insecure!(\"b\";`A`B!(\"1\";\"2\");3;250;1b)]",
        );
        assert_eq!(name, "http_client");
        assert_eq!(config["url"], json!({"lang": "", "text": "http://h/${! x }"}));
        assert_eq!((&config["verb"], &config["retries"]), (&"POST".into(), &3.into()));
        assert_eq!(config["payload"], json!({"lang": "", "text": "b"}));
        assert_eq!(config["headers"]["B"]["text"], "2");
        assert_eq!(config["timeout"], "250ms");
        assert_eq!(config["tls"]["skip_cert_verify"], true);
        assert_eq!(plan(".qsp.read.fromHTTP[\"http://h\"]").nodes.len(), 4);
        let error = refused(".qsp.read.fromHTTP[\"h\"; \"GET\"; .qsp.use ``header!(::;1)]");
        assert_eq!(error, "'header must be a dictionary of names and texts");
        let error = refused(".qsp.read.fromHTTP[\"h\"; \"GET\"; .qsp.use ``timeout!(::;-1)]");
        assert_eq!(error, "'timeout must be a number from 0 on");
        let error = refused(".qsp.read.fromHTTP[\"h\"; \"GET\"; .qsp.use ``onResponse!(::;{x})]");
        assert_eq!(error, "'nyi: option onResponse of .qsp.read.fromHTTP");
    }

    #[test]
    fn topics_of_a_broker() {
        let (name, config) = source(
            ".qsp.read.fromMQTT[`a; \"h:1884\"; .qsp.use \
             `clientName`username`password`qos!(`me;`bob;\"pw\";1)]",
        );
        let want = json!({"url": "tcp://h:1884", "topic": "a", "client_id": "me", "user": "bob",
            "password": {"!secret": "pw"}, "qos": 1});
        assert_eq!((name.as_str(), config), ("mqtt", want));
        let config = source(".qsp.read.fromMQTT[\"a/#\"; .qsp.use ``host!(::;\"ws://h\")]").1;
        assert_eq!((&config["url"], &config["topic"]), (&"ws://h".into(), &"a/#".into()));
        assert_eq!(refused(".qsp.read.fromMQTT[`a]"), "'fromMQTT needs a broker");
        let error = refused(".qsp.read.fromMQTT[`a; \"h\"; .qsp.use ``password!(::;\"pw\")]");
        assert_eq!(error, "'password needs a username");
    }

    #[test]
    fn streams_are_names_of_the_process() {
        let name = |arguments: &str| {
            let (name, config) = source(&format!(".qsp.read.fromStream[{arguments}]"));
            assert_eq!(name, "topic");
            config["name"].as_str().unwrap().to_owned()
        };
        assert_eq!(name("`trade"), "/trade");
        assert_eq!(name("`trade; \"data\"; .qsp.use ``prefix!(::;\"rt-\")"), "rt-data/trade");
        assert_eq!(name("::; `data"), "data/", "a stream that is no table");
        assert_eq!(name(""), "/");
        let other = source(".qsp.v2.read.fromStream[`trade; `data]").1;
        assert_eq!(other["name"], "data/trade");
        assert_eq!(refused(".qsp.read.fromStream[1]"), "'type: table");
    }

    #[test]
    fn options_that_there_are_not_are_refused() {
        let error = refused(".qsp.read.fromFile[`f; .qsp.use ``chunks!(::;1)]");
        assert_eq!(error, "'unknown option of .qsp.read.fromFile: chunks");
        let error = refused(".qsp.read.fromFile[`f; .qsp.use ``pollInterval!(::;1)]");
        assert_eq!(error, "'nyi: option pollInterval of .qsp.read.fromFile");
        let error = refused(".qsp.read.fromExpr[\"1\"; .qsp.use ``trigger!(::;`timer)]");
        assert_eq!(error, "'trigger: a timer needs a period");
        assert_eq!(source(".qsp.read.fromExpr[\"1\"; .qsp.use ``trigger!``once]").0, "evaluate");
    }

    #[test]
    fn a_reader_with_a_trigger_reads_again_and_again() {
        let config = |trigger: &str| {
            let options = format!(".qsp.use `name`trigger!(`r;{trigger})");
            let (name, config) = source(&format!(".qsp.read.fromExpr[\"1+1\"; {options}]"));
            assert_eq!((name.as_str(), &config["name"]), ("triggered", &Json::from("r")));
            assert_eq!(config["input"]["name"], "evaluate");
            config
        };
        let called = config("`api");
        assert_eq!((called.get("every_ns"), called.get("start_ns")), (None, None));
        let timed = config("(`timer;0D00:00:01;2000.01.01D00:00:01)");
        assert_eq!(timed["every_ns"], 1_000_000_000);
        assert_eq!(timed["start_ns"], 946_684_801_000_000_000_i64);
        let daily = config("(`timer;0D01;00:00:30.000)");
        assert_eq!(
            (daily.get("start_ns"), &daily["of_day_ns"]),
            (None, &30_000_000_000_i64.into())
        );
        let file = source(".qsp.read.fromFile[`f; .qsp.use ``trigger!``api]").1;
        assert_eq!(file["input"]["config"]["paths"][0], "f");
        let http = source(".qsp.read.fromHTTP[\"http://h\"; `GET; .qsp.use ``trigger!``api]").1;
        assert_eq!(http["input"]["name"], "http_client");
    }

    #[test]
    fn a_dictionary_of_callbacks_is_called_with_its_key() {
        let spec = format!(
            ".qsp.run .qsp.read.fromCallback[`f] {TO}\nupd:`trade`quote!(f;f)\nother:`a`b!1 2"
        );
        let plan = lower(&spec).unwrap();
        assert!(plan.check().is_ok());
        let sources = plan.nodes.iter().filter(|n| n.role == Role::Source);
        let names: Vec<_> = sources.map(|n| n.component.config["name"].clone()).collect();
        assert_eq!(names, ["f", "upd.quote", "upd.trade"]);
        let program = plan.nodes.iter().find(|n| n.inputs.len() == 3).unwrap();
        assert_eq!(program.component.name, "mapping");
    }

    #[test]
    fn what_begins_anew_at_each_start_says_so() {
        let anew = |reader: &str| {
            let plan = plan(&format!(".qsp.read.{reader}"));
            let source = plan.nodes.iter().find(|n| n.role == Role::Source).unwrap();
            source.anew == Some(0)
        };
        assert!(anew("fromFile[`f]") && anew("fromFile[`f; .qsp.use ``chunking!(::;0b)]"));
        assert!(anew("fromExpr[\"1\"]") && anew("fromHTTP[\"http://h\"]"));
        assert!(anew("fromCallback[`f; .qsp.use ``replay!(::;1b)]"));
        assert!(anew("fromExpr[\"1\"; .qsp.use ``trigger!``api]"));
        assert!(!anew("fromCallback[`f]") && !anew("fromStream[`t]"));
        assert!(!anew("fromFile[`f; .qsp.use ``watch!(::;1b)]"));
        assert!(!anew("fromMQTT[`a; \"h\"]"));
        let error = refused(".qsp.read.fromFile[`f; .qsp.use ``mode!``x]");
        assert_eq!(error, "'mode: x");
    }
}
