//! What the calls of this dialect are, as an OpenAPI 3.0 document for programs and as a page for
//! people.

use std::fmt::Write as _;

use plan::Json;
use serde_json::{Map, json};

use crate::exchange::Reply;

/// What a body or an answer consists of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Media {
    Json,
    Protobuf,
    Text,
}

impl Media {
    fn name(self) -> &'static str {
        match self {
            Media::Json => "application/json",
            Media::Protobuf => "application/octet-stream",
            Media::Text => "text/plain",
        }
    }
}

/// A parameter or a field: its name, its type, whether it must be there.
type Field = (&'static str, &'static str, bool);

/// One call. Parts of a path in braces are parameters.
struct Call {
    verb: &'static str,
    path: &'static str,
    about: &'static str,
    query: &'static [Field],
    /// The fields of a JSON body, or the message that a Protobuf body is.
    body: Option<(Media, &'static [Field])>,
    answers: Media,
    codes: &'static [u16],
}

const NONE: &[Field] = &[];
const ID: &[Field] = &[("queryId", "integer", true)];
const SOURCE: &[Field] = &[("logicalSourceName", "string", true)];
const UDF: &[Field] = &[("udfName", "string", true)];
const NODE: &[Field] = &[("nodeId", "integer", true)];
const LINK: &[Field] = &[("parentId", "integer", true), ("childId", "integer", true)];
const SCHEMA: &[Field] = &[("logicalSourceName", "string", true), ("schema", "string", true)];
const NAMED_SCHEMA: &[Field] = &[("SerializableNamedSchema", "message", true)];

const fn get(path: &'static str, about: &'static str, query: &'static [Field]) -> Call {
    Call { verb: "get", path, about, query, body: None, answers: Media::Json, codes: &[200] }
}

const fn post(path: &'static str, about: &'static str, fields: &'static [Field]) -> Call {
    let body = Some((Media::Json, fields));
    Call { verb: "post", path, about, query: NONE, body, answers: Media::Json, codes: &[200, 400] }
}

const fn delete(path: &'static str, about: &'static str, query: &'static [Field]) -> Call {
    let codes = &[200, 400];
    Call { verb: "delete", path, about, query, body: None, answers: Media::Json, codes }
}

impl Call {
    const fn codes(self, codes: &'static [u16]) -> Self {
        Call { codes, ..self }
    }

    const fn protobuf(self, fields: &'static [Field]) -> Self {
        Call { body: Some((Media::Protobuf, fields)), ..self }
    }

    const fn answers(self, answers: Media) -> Self {
        Call { answers, ..self }
    }
}

const CALLS: &[Call] = &[
    post(
        "/query/execute-query",
        "Runs a query, in the C++-like language or in SQL.",
        &[
            ("userQuery", "string", true),
            ("placement", "string", true),
            ("faultTolerance", "string", false),
            ("lineage", "string", false),
        ],
    )
    .codes(&[202, 400, 503]),
    get("/query/query-plan", "The operators of a query and their order.", ID)
        .codes(&[200, 400, 404]),
    get("/query/execution-plan", "Which node runs which part of a query.", ID)
        .codes(&[200, 400, 404]),
    get("/query/optimization-phase", "The plan of a query after each phase.", ID)
        .codes(&[200, 400, 404]),
    get("/query/query-status", "The state of a query.", ID).codes(&[200, 400, 404]),
    delete("/query/stop-query", "Stops a query.", ID).codes(&[202, 400, 404]),
    get("/queryCatalog/allRegisteredQueries", "All queries.", NONE).codes(&[200, 204]),
    get("/queryCatalog/queries", "All queries in a state.", &[("status", "string", true)])
        .codes(&[200, 204, 400]),
    get("/queryCatalog/status", "The state of a query.", ID).codes(&[200, 400]),
    get("/queryCatalog/getNumberOfProducedBuffers", "How many buffers a query has made.", ID)
        .codes(&[200, 400, 404]),
    get("/topology", "All nodes and how they are linked.", NONE),
    post("/topology/addParent", "Links a node to a parent.", LINK),
    post("/topology/removeParent", "Takes a link away.", LINK),
    get("/sourceCatalog/allLogicalSource", "All logical sources with their schemas.", NONE)
        .codes(&[200, 404]),
    get("/sourceCatalog/allPhysicalSource", "What feeds a logical source.", SOURCE)
        .codes(&[200, 400, 404]),
    get("/sourceCatalog/schema", "The schema of a logical source.", SOURCE)
        .answers(Media::Protobuf)
        .codes(&[200, 400, 404]),
    post("/sourceCatalog/addLogicalSource", "Makes a logical source.", SCHEMA),
    post("/sourceCatalog/addLogicalSource-ex", "The same by Protobuf.", NONE)
        .protobuf(NAMED_SCHEMA),
    post("/sourceCatalog/updateLogicalSource", "Gives a logical source another schema.", SCHEMA),
    post("/sourceCatalog/updateLogicalSource-ex", "The same by Protobuf.", NONE)
        .protobuf(NAMED_SCHEMA),
    delete("/sourceCatalog/deleteLogicalSource", "Removes a logical source.", SOURCE),
    get("/monitoring/metrics", "Processor, memory, disk and network of all nodes.", NONE),
    get("/monitoring/metrics/{nodeId}", "The same of one node.", NODE).codes(&[200, 400]),
    get("/monitoring/start", "Begins to collect metrics.", NONE).codes(&[200, 500]),
    get("/monitoring/stop", "Ends that.", NONE).codes(&[200, 500]),
    get("/monitoring/streams", "What is being collected.", NONE).codes(&[200, 500]),
    get("/monitoring/storage", "What has been collected.", NONE).codes(&[200, 500]),
    post("/udf-catalog/registerJavaUdf", "Registers a Java UDF.", NONE)
        .protobuf(&[("RegisterJavaUdfRequest", "message", true)])
        .answers(Media::Text),
    get("/udf-catalog/getUdfDescriptor", "What is known of a UDF.", UDF)
        .answers(Media::Protobuf)
        .codes(&[200, 400]),
    get("/udf-catalog/listUdfs", "The names of all UDFs.", NONE),
    delete("/udf-catalog/removeUdf", "Removes a UDF.", UDF),
    get("/location", "Where a node is.", NODE).codes(&[200, 400, 404]),
    get("/location/allMobile", "Where all nodes are that move.", NONE),
    post(
        "/maintenance/mark",
        "Prepares a node for maintenance.",
        &[("id", "integer", true), ("migrationType", "string", true)],
    )
    .codes(&[200, 400, 404]),
    get("/connectivity/check", "Whether the coordinator answers.", NONE),
    get("/openapi.json", "This document.", NONE),
    get("/docs", "This document, as a page.", NONE),
];

/// What an answer with a status means.
fn meaning(code: u16) -> &'static str {
    match code {
        200 => "Done",
        202 => "Accepted",
        204 => "There is none",
        400 => "The request is wrong; `message` and `detail` say why",
        404 => "What is asked for is not there",
        503 => "The engine has too much to do",
        _ => "It failed; `message` and `detail` say why",
    }
}

fn content(media: Media, schema: &Json) -> Json {
    let mut content = Map::new();
    content.insert(media.name().to_owned(), json!({ "schema": schema }));
    Json::Object(content)
}

fn operation(call: &Call) -> Json {
    let parameters = call.query.iter().map(|(name, kind, required)| {
        let place = match call.path.contains(&format!("{{{name}}}")) {
            true => "path",
            false => "query",
        };
        json!({"name": name, "in": place, "required": required, "schema": {"type": kind}})
    });
    let answers = call.codes.iter().map(|code| {
        let mut answer = json!({ "description": meaning(*code) });
        match code {
            200 | 202 => answer["content"] = content(call.answers, &json!({})),
            204 => {}
            _ => {
                let error = json!({"$ref": "#/components/schemas/Error"});
                answer["content"] = content(Media::Json, &error);
            }
        }
        (code.to_string(), answer)
    });
    let tag = call.path.trim_start_matches('/').split('/').next().unwrap_or_default();
    let mut operation = json!({
        "tags": [tag],
        "summary": call.about,
        "parameters": parameters.collect::<Vec<Json>>(),
        "responses": answers.collect::<Map<String, Json>>(),
    });
    if let Some((media, fields)) = call.body {
        let schema = match media {
            Media::Json => object(fields),
            _ => json!({"type": "string", "format": "binary", "description": message(fields)}),
        };
        operation["requestBody"] = json!({"required": true, "content": content(media, &schema)});
    }
    operation
}

/// Which Protobuf message a body is.
fn message(fields: &[Field]) -> String {
    fields.first().map_or_else(String::new, |(name, ..)| format!("The Protobuf message {name}"))
}

fn object(fields: &[Field]) -> Json {
    let properties =
        fields.iter().map(|(name, kind, _)| ((*name).to_owned(), json!({"type": kind})));
    let required = fields.iter().filter(|(_, _, required)| *required).map(|(name, ..)| *name);
    json!({
        "type": "object",
        "properties": properties.collect::<Map<String, Json>>(),
        "required": required.collect::<Vec<&str>>(),
    })
}

/// The document.
pub(super) fn document() -> Reply {
    let mut paths = Map::new();
    for call in CALLS {
        let path = paths.entry(call.path).or_insert_with(|| json!({}));
        path[call.verb] = operation(call);
    }
    let text = json!({"type": "string"});
    let error = json!({"type": "object", "properties": {
        "status": text, "code": {"type": "integer"}, "message": text, "detail": text,
    }});
    Reply::json(
        200,
        &json!({
            "openapi": "3.0.3",
            "info": {"title": "NebulaStream coordinator", "version": env!("CARGO_PKG_VERSION")},
            "servers": [{"url": "/v1/nes"}],
            "paths": paths,
            "components": {"schemas": {"Error": error}},
        }),
    )
}

/// The page.
pub(super) fn page() -> Reply {
    let mut rows = String::new();
    for call in CALLS {
        let fields = call.query.iter().chain(call.body.map_or(NONE, |(_, fields)| fields));
        let named = fields.map(|(name, _, required)| {
            let mark = if *required { "" } else { "?" };
            format!("<code>{name}{mark}</code>")
        });
        let named = named.collect::<Vec<String>>().join(", ");
        let codes = call.codes.iter().map(u16::to_string).collect::<Vec<String>>().join(", ");
        let (verb, path, about) = (call.verb.to_uppercase(), call.path, call.about);
        // Writing to a text cannot fail.
        let _ = writeln!(
            rows,
            "<tr><td>{verb}</td><td><code>/v1/nes{path}</code></td><td>{named}</td>\
             <td>{codes}</td><td>{about}</td></tr>"
        );
    }
    let page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <title>NebulaStream coordinator</title>\n\
         <style>body{{font-family:sans-serif;margin:2em}}td,th{{padding:.2em .8em;\
         text-align:left;border-bottom:1px solid #ddd}}</style></head>\n\
         <body><h1>NebulaStream coordinator</h1>\n\
         <p>For programs: <a href=\"openapi.json\">openapi.json</a> (OpenAPI 3.0). Names with \
         <code>?</code> may be left out.</p>\n\
         <table><tr><th>Verb</th><th>Path</th><th>Parameters and fields</th><th>Status</th>\
         <th>What it does</th></tr>\n{rows}</table></body></html>\n"
    );
    Reply::empty(200)
        .header("Content-Type", "text/html; charset=utf-8")
        .with_body(page.into_bytes())
}
