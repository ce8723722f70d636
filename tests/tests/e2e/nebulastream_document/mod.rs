//! The REST document of NebulaStream, call by call in its order: every code that it lists, and
//! what surrounds them: other versions, ids that are no numbers, bodies that are none.

mod failures;
pub(crate) mod udfs;

use std::cell::RefCell;
use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::program::{Answer, Folder, Program, http, until};

use crate::bad_input::post;

/// Longest text of a query.
const QUERY_BYTES_MAX: usize = 1 << 20;
const ENDLESS: &str = "Query::from(\"endless\").sink(NullOutputSinkDescriptor::create());";
const LONELY: &str = "Schema::create()->addField(\"id\", BasicType::UINT32);";

/// A coordinator with a source that never ends and one that nothing feeds.
struct Coordinator {
    program: Program,
    address: String,
    /// Calls that were answered, by verb and path.
    answered: RefCell<BTreeSet<(String, String)>>,
}

impl Coordinator {
    fn start(folder: &Folder) -> Self {
        let fields = "    fields:\n      - {name: id, type: UINT32}\n";
        let config = format!(
            "restPort: 0\nlogicalSources:\n  - logicalSourceName: endless\n{fields}\
             \x20 - logicalSourceName: lonely\n{fields}worker:\n  physicalSources:\n\
             \x20   - logicalSourceName: endless\n      physicalSourceName: endless1\n\
             \x20     type: DEFAULT_SOURCE\n      configuration:\n\
             \x20       sourceGatheringInterval: 50\n"
        );
        let config = format!("--configPath={}", folder.write("coordinator.yaml", config));
        Coordinator::of(Program::start(&["nes", "coordinator", &config]))
    }

    fn of(program: Program) -> Self {
        let address = program.address("requests: nes");
        Coordinator { program, address, answered: RefCell::default() }
    }

    /// Asks for a path behind the prefix of the version, and for this code.
    fn ask(&self, verb: &str, path: &str, body: &str, code: u16) -> Answer {
        let answer = http(&self.address, verb, &format!("/v1/nes{path}"), body);
        assert_eq!(answer.status, code, "{verb} {path} {body}: {}", answer.text());
        if code >= 400 && !answer.body.is_empty() && !path.starts_with("/monitoring") {
            // Whatever generation a client is of, it finds the text.
            let error = answer.json();
            assert!(error["message"].is_string() && error["detail"].is_string(), "{error}");
            assert_eq!(error["code"], code, "{error}");
        }
        if code != 404 {
            let path = path.split('?').next().unwrap_or_default();
            self.answered.borrow_mut().insert((verb.to_lowercase(), path.to_owned()));
        }
        answer
    }

    fn get(&self, path: &str, code: u16) -> Answer {
        self.ask("GET", path, "", code)
    }

    fn submit(&self, body: &Value, code: u16) -> Value {
        self.ask("POST", "/query/execute-query", &body.to_string(), code).json()
    }

    /// A call whose only parameter is an id: it is missing, no number, and unknown.
    fn wrong_ids(&self, verb: &str, path: &str, unknown: u16) {
        for (query, code, why) in [
            ("", 400, "Parameter queryId must be provided"),
            ("?queryId=", 400, "Parameter queryId must be provided"),
            ("?queryId=one", 400, "Expected type is 'UInt64'"),
            ("?queryId=-1", 400, "Expected type is 'UInt64'"),
            ("?queryId=1.5", 400, "Expected type is 'UInt64'"),
            ("?queryId=18446744073709551616", 400, "Expected type is 'UInt64'"),
            ("?queryId=99999", unknown, "99999"),
        ] {
            let answer = self.ask(verb, &format!("{path}{query}"), "", code).text();
            assert!(answer.contains(why), "{path}{query}: {answer}");
        }
    }
}

#[test]
fn every_call_of_the_document_answers_as_it_says() {
    let folder = Folder::new("nes-document");
    let coordinator = Coordinator::start(&folder);
    versions_and_paths(&coordinator);
    nothing_is_registered_yet(&coordinator);
    refused(&coordinator);
    let id = accepted(&coordinator);
    plans(&coordinator, id);
    stops(&coordinator, id);
    topology(&coordinator);
    query_catalog(&coordinator, id);
    sources(&coordinator);
    monitoring(&coordinator);
    udfs::udfs(&coordinator);
    described(&coordinator);
}

/// What was asked above is described, and what is described can be asked.
fn described(coordinator: &Coordinator) {
    let document = coordinator.get("/openapi.json", 200).json();
    let page = coordinator.get("/docs", 200).text();
    let paths = document["paths"].as_object().expect("paths");
    // Spellings of other generations stand beside those of the document.
    let other = ["optimization-phases", "AsChild", "udfCatalog", "scheduleMaintenance"];
    for (verb, path) in coordinator.answered.borrow().iter() {
        let path = match path.strip_prefix("/monitoring/metrics/") {
            Some(_) => "/monitoring/metrics/{nodeId}",
            None => path,
        };
        let known = paths.get(path).is_some_and(|calls| calls[verb].is_object());
        assert!(known || other.iter().any(|name| path.contains(name)), "{verb} {path}");
    }
    for (path, calls) in paths {
        assert!(page.contains(&format!("<code>/v1/nes{path}</code>")), "{path}");
        for (verb, call) in calls.as_object().expect("calls") {
            let path = format!("/v1/nes{}", path.replace("{nodeId}", "1"));
            let answer = http(&coordinator.address, &verb.to_uppercase(), &path, "");
            assert!(!answer.text().contains("Unknown endpoint"), "{verb} {path}");
            let codes = call["responses"].as_object().expect("responses");
            assert!(codes.contains_key(&answer.status.to_string()), "{verb} {path} {answer:?}");
        }
    }
}

fn versions_and_paths(coordinator: &Coordinator) {
    for path in [
        "/v2/nes/topology",
        "/v0/nes/query/query-plan?queryId=1",
        "/v1/topology",
        "/nes/topology",
        "/topology",
        "/v1/nes",
        "/v1/nes/",
        "/v1/nes/foo/bar",
        "/v1/nes/query",
        "/v1/nes/query/execute",
        "/v1/nes/queryCatalog/all",
        "/v1/nes/sourceCatalog",
        "/v1/nes/monitoring",
        "/v1/nes/udf-catalog/unknown",
        "/v1/nes/topology/addParent/1",
    ] {
        for verb in ["GET", "POST", "DELETE"] {
            let answer = http(&coordinator.address, verb, path, "");
            assert_eq!(answer.status, 404, "{verb} {path}: {}", answer.text());
        }
    }
    // A path that there is, with a verb that there is not.
    for (verb, path) in [
        ("GET", "/query/execute-query"),
        ("POST", "/query/query-plan?queryId=1"),
        ("GET", "/query/stop-query?queryId=1"),
        ("PUT", "/topology"),
        ("DELETE", "/queryCatalog/allRegisteredQueries"),
        ("GET", "/sourceCatalog/addLogicalSource"),
        ("GET", "/sourceCatalog/deleteLogicalSource?logicalSourceName=lonely"),
        ("POST", "/udf-catalog/listUdfs"),
    ] {
        coordinator.ask(verb, path, "", 404);
    }
}

fn nothing_is_registered_yet(coordinator: &Coordinator) {
    for path in ["allRegisteredQueries", "queries?status=RUNNING", "queries?status=FAILED"] {
        let answer = coordinator.get(&format!("/queryCatalog/{path}"), 204);
        assert!(answer.body.is_empty(), "{path}");
    }
}

/// The body of a good submission with some keys changed.
fn full(more: Value) -> Value {
    let mut body = json!({"userQuery": ENDLESS, "placement": "BottomUp"});
    for (key, value) in more.as_object().expect("an object") {
        body[key] = value.clone();
    }
    body
}

fn refused(coordinator: &Coordinator) {
    let word = "Incorrect or missing key word for user query, use 'userQuery'.";
    let place = "No placement strategy specified.";
    let long = format!("{ENDLESS}{}", " ".repeat(QUERY_BYTES_MAX));
    for (body, why) in [
        (json!({}), word),
        (json!({"query": ENDLESS, "placement": "BottomUp"}), word),
        (full(json!({"userQuery": 1})), word),
        (full(json!({"userQuery": null})), word),
        (json!({"userQuery": ENDLESS}), place),
        (full(json!({"placement": ["BottomUp"]})), place),
        (full(json!({"placement": "Sideways"})), "Invalid Placement Strategy: Sideways"),
        (full(json!({"placement": "bottomup"})), "Invalid Placement Strategy: bottomup"),
        (full(json!({"lineage": "SOMETIMES"})), "Invalid Lineage Mode Type provided: SOMETIMES."),
        (full(json!({"lineage": 7})), "Invalid Lineage Mode Type provided: 7."),
        (
            full(json!({"faultTolerance": "TWICE"})),
            "Invalid Fault Tolerance Type provided: TWICE. Valid Fault Tolerance Types are",
        ),
        (full(json!({"userQuery": ""})), "SyntacticQueryValidation"),
        (full(json!({"userQuery": "Query::from(\"ghost\")."})), "SyntacticQueryValidation"),
        (full(json!({"userQuery": ENDLESS.replace("endless", "ghost")})), "'ghost'"),
        (full(json!({"userQuery": long})), "longer than 1048576 bytes"),
        (json!(["userQuery"]), "the body must be an object"),
    ] {
        let answer = coordinator.submit(&body, 400);
        let message = answer["message"].as_str().expect("a text");
        assert!(message.contains(why), "{why}: {message}");
    }
    for body in ["", "{", "{\"userQuery\":", "no JSON"] {
        coordinator.ask("POST", "/query/execute-query", body, 400);
    }
}

/// Submits what runs and returns the id of the last one.
fn accepted(coordinator: &Coordinator) -> u64 {
    for placement in ["TopDown", "BottomUp"] {
        let ids = coordinator.submit(&full(json!({"placement": placement})), 202);
        let id = ids["queryId"].as_u64().expect("an id");
        coordinator.ask("DELETE", &format!("/query/stop-query?queryId={id}"), "", 202);
    }
    let more = json!({"lineage": "IN_MEMORY", "faultTolerance": "AT_LEAST_ONCE", "unknown": 1});
    coordinator.submit(&full(more), 202)["queryId"].as_u64().expect("an id")
}

fn plans(coordinator: &Coordinator, id: u64) {
    let plan = coordinator.get(&format!("/query/query-plan?queryId={id}"), 200).json();
    let nodes = plan["nodes"].as_array().expect("nodes");
    let types: Vec<&Value> = nodes.iter().map(|node| &node["nodeType"]).collect();
    assert_eq!(types, ["SOURCE", "SINK"], "{plan}");
    assert!(nodes.iter().all(|n| !n["id"].is_null() && n["name"].is_string()), "{plan}");
    assert_eq!(
        (&plan["edges"][0]["source"], &plan["edges"][0]["target"]),
        (&nodes[0]["name"], &nodes[1]["name"])
    );
    coordinator.wrong_ids("GET", "/query/query-plan", 404);

    let running = until(|| {
        let status = coordinator.get(&format!("/queryCatalog/status?queryId={id}"), 200).json();
        (status["status"] == "RUNNING").then_some(())
    });
    assert!(running.is_some(), "it runs");

    let plan = coordinator.get(&format!("/query/execution-plan?queryId={id}"), 200).json();
    let node = &plan["executionNodes"][0];
    for key in ["executionNodeId", "topologyNodeId", "topologyNodeIpAddress"] {
        assert!(!node[key].is_null(), "{key}: {plan}");
    }
    let scheduled = &node["ScheduledQueries"][0];
    assert_eq!(scheduled["queryId"], id, "{plan}");
    let part = &scheduled["querySubPlans"][0];
    assert!(part["operator"].is_string() && !part["querySubPlanId"].is_null(), "{plan}");
    coordinator.wrong_ids("GET", "/query/execution-plan", 404);
}

fn stops(coordinator: &Coordinator, id: u64) {
    coordinator.wrong_ids("DELETE", "/query/stop-query", 404);
    let target = format!("/query/stop-query?queryId={id}");
    let stopped = coordinator.ask("DELETE", &target, "", 202).json();
    assert_eq!(stopped["success"], true, "{stopped}");
    let again = coordinator.ask("DELETE", &target, "", 400).text();
    assert!(again.contains("either failed or already stopped"), "{again}");
    // The first query that was refused for what it says has failed.
    let failed = coordinator.ask("DELETE", "/query/stop-query?queryId=1", "", 400).text();
    assert!(failed.contains("query 1 is FAILED"), "{failed}");
    let plan = coordinator.get(&format!("/query/execution-plan?queryId={id}"), 200).json();
    assert_eq!(plan["executionNodes"], json!([]), "it is deployed nowhere");
}

fn topology(coordinator: &Coordinator) {
    let graph = coordinator.get("/topology", 200).json();
    let node = &graph["nodes"][0];
    assert_eq!((&node["id"], &node["ip_address"]), (&json!(1), &json!("127.0.0.1")), "{graph}");
    assert!(node["available_resources"].is_u64() && graph["edges"] == json!([]), "{graph}");
    for call in ["/topology/addParent", "/topology/removeParent"] {
        for (body, why) in [
            ("", "empty body"),
            ("{", "Invalid JSON"),
            ("[]", "must be an object"),
            ("{}", "Request body missing 'parentId'"),
            (r#"{"childId": "1"}"#, "Request body missing 'parentId'"),
            (r#"{"parentId": "1"}"#, "Request body missing 'childId'"),
            (r#"{"parentId": "one", "childId": "2"}"#, r#"'parentId' is no id: \"one\""#),
            (r#"{"parentId": 1, "childId": -2}"#, "'childId' is no id: -2"),
            (r#"{"parentId": 1, "childId": 1.5}"#, "'childId' is no id: 1.5"),
            (r#"{"parentId": {"a": 1}, "childId": 2}"#, "'parentId' is no id: {"),
            (r#"{"parentId": "1", "childId": "1"}"#, "must be different"),
            (r#"{"parentId": "1", "childId": "2"}"#, "Node with childId=2 not found."),
            (r#"{"parentId": 2, "childId": 1}"#, "Node with parentId=2 not found."),
        ] {
            let answer = coordinator.ask("POST", call, body, 400).text();
            assert!(answer.contains(why), "{call} {body}: {answer}");
        }
    }
}

fn query_catalog(coordinator: &Coordinator, id: u64) {
    let all = coordinator.get("/queryCatalog/allRegisteredQueries", 200).json();
    let all = all.as_array().expect("a list");
    let last = all.last().expect("the last one");
    assert_eq!((&last["queryId"], &last["queryString"]), (&json!(id), &json!(ENDLESS)));
    assert_eq!(last["queryStatus"], "STOPPED", "{last}");
    assert!(last["queryPlan"]["nodes"].is_array() && last["queryInfo"].is_string(), "{last}");
    assert!(all.iter().all(|q| q["queryString"].as_str().is_some_and(|t| t.len() < 100)));

    let stopped = coordinator.get("/queryCatalog/queries?status=STOPPED", 200).json();
    let texts: Vec<&Value> = stopped.as_array().expect("a list").iter().collect();
    assert!(texts.contains(&&json!({id.to_string(): ENDLESS})), "{stopped}");
    for status in ["REGISTERED", "SCHEDULING", "RUNNING", "MARKED_FOR_STOP", "FAILED"] {
        let found = coordinator.get(&format!("/queryCatalog/queries?status={status}"), 200).json();
        assert_eq!(found == json!([]), status != "FAILED", "{status}: {found}");
    }
    for status in ["RESTARTING", "MIGRATING"] {
        coordinator.get(&format!("/queryCatalog/queries?status={status}"), 200);
    }
    for (query, why) in [
        ("", "Parameter status must be provided"),
        ("?status=", "Parameter status must be provided"),
        ("?status=BOGUS", "Invalid Status provided: BOGUS"),
        ("?state=RUNNING", "Parameter status must be provided"),
    ] {
        let answer = coordinator.get(&format!("/queryCatalog/queries{query}"), 400).text();
        assert!(answer.contains(why), "{query}: {answer}");
    }
    let status = coordinator.get(&format!("/queryCatalog/status?queryId={id}"), 200).json();
    assert_eq!(status["status"], "STOPPED");
    coordinator.wrong_ids("GET", "/queryCatalog/status", 400);
    let status = coordinator.get(&format!("/query/query-status?queryId={id}"), 200).json();
    assert_eq!(status["status"], "STOPPED");
    coordinator.wrong_ids("GET", "/query/query-status", 404);
    let produced = "/queryCatalog/getNumberOfProducedBuffers";
    coordinator.wrong_ids("GET", produced, 404);
    let unknown = coordinator.get(&format!("{produced}?queryId=99999"), 404).text();
    assert!(unknown.contains("no statistics available for query with ID: 99999"), "{unknown}");
}

fn sources(coordinator: &Coordinator) {
    let all = coordinator.get("/sourceCatalog/allLogicalSource", 200).json();
    let lonely = json!({"lonely": "id:INTEGER(32 bits)"});
    assert!(all.as_array().is_some_and(|all| all.contains(&lonely)), "{all}");

    let physical = "/sourceCatalog/allPhysicalSource";
    let schema = "/sourceCatalog/schema";
    let named = |path: &str, name: &str| format!("{path}?logicalSourceName={name}");
    let found = coordinator.get(&named(physical, "endless"), 200).json();
    let texts = found["Physical Sources"].as_array().expect("a list");
    assert!(texts[0].as_str().is_some_and(|t| t.contains("endless1")), "{found}");
    let bytes = coordinator.get(&named(schema, "endless"), 200).body;
    // Field 1, a message: its field 1 is the qualified name.
    assert_eq!((bytes[0], bytes[2]), (0x0a, 0x0a), "{bytes:?}");
    assert!(bytes.windows(10).any(|w| w == b"endless$id"), "{bytes:?}");
    coordinator.get(&named(physical, "lonely"), 404);
    for path in [physical, schema] {
        coordinator.get(&named(path, "ghost"), 400);
        coordinator.get(&named(path, ""), 400);
        let missing = coordinator.get(path, 400).text();
        assert!(missing.contains("Parameter logicalSourceName must be provided"), "{missing}");
    }
    changes_of_sources(coordinator);
}

fn changes_of_sources(coordinator: &Coordinator) {
    let (add, update) = ("/sourceCatalog/addLogicalSource", "/sourceCatalog/updateLogicalSource");
    let source =
        |name: &str, schema: &str| json!({"logicalSourceName": name, "schema": schema}).to_string();
    let two = LONELY.replace(';', "->addField(\"v\", BasicType::FLOAT64);");
    let added = coordinator.ask("POST", add, &source("car", LONELY), 200).json();
    assert_eq!(added["Success"], true, "{added}");
    coordinator.ask("POST", add, &source("car", LONELY), 400);
    let updated = coordinator.ask("POST", update, &source("car", &two), 200).json();
    assert_eq!(updated["Success"], true, "{updated}");
    coordinator.ask("POST", update, &source("ghost", &two), 400);
    let all = coordinator.get("/sourceCatalog/allLogicalSource", 200).text();
    assert!(all.contains("id:INTEGER(32 bits) v:Float(64 bits)"), "{all}");
    for call in [add, update] {
        for body in [
            "",
            "{",
            "[]",
            "{}",
            r#"{"logicalSourceName": "x"}"#,
            r#"{"schema": "Schema::create();"}"#,
            r#"{"logicalSourceName": 1, "schema": 2}"#,
            &source("x", "no schema"),
            &source("x", "Schema::create()->addField(\"a\", BasicType::INT128);"),
            &source("", LONELY),
            &source(&"x".repeat(1025), LONELY),
        ] {
            coordinator.ask("POST", call, body, 400);
        }
        // What is no Protobuf message, and one that is cut off.
        for body in [&b""[..], b"\xff\xff\xff\xff", b"\x0a\x03ca", b"\x0a\x7fx"] {
            let target = format!("/v1/nes{call}-ex");
            let answer = post(&coordinator.address, &target, body);
            assert_eq!(answer.status, 400, "{call}-ex {body:?}: {}", answer.text());
        }
    }
    let delete = "/sourceCatalog/deleteLogicalSource";
    let named = |name: &str| format!("{delete}?logicalSourceName={name}");
    let deleted = coordinator.ask("DELETE", &named("car"), "", 200).json();
    assert_eq!(deleted["Success"], true, "{deleted}");
    coordinator.ask("DELETE", &named("car"), "", 400);
    let used = coordinator.ask("DELETE", &named("endless"), "", 400).text();
    assert!(used.contains("there are still physical sources"), "{used}");
    coordinator.ask("DELETE", delete, "", 400);
}

fn monitoring(coordinator: &Coordinator) {
    let all = coordinator.get("/monitoring/metrics", 200).json();
    let one = coordinator.get("/monitoring/metrics/1", 200).json();
    for node in [&all["1"], &one] {
        for (group, keys) in [
            ("disk", &["F_BAVAIL", "F_BFREE", "F_BLOCKS", "F_BSIZE", "F_FRSIZE"]),
            ("memory", &["BUFFER_RAM", "FREE_RAM", "LOADS_1MIN", "PROCS", "TOTAL_SWAP"]),
        ] {
            assert!(keys.iter().all(|key| node[group][key].is_u64()), "{node}");
        }
        for core in ["CORE_1", "TOTAL"] {
            let cpu = &node["wrapped_cpu"][core];
            let keys = ["CORE_NUM", "GUEST", "IDLE", "IOWAIT", "SOFTIRQ", "SYSTEM", "USER"];
            assert!(keys.iter().all(|key| cpu[key].is_u64()), "{core}: {node}");
        }
        let interfaces = node["wrapped_network"].as_array().expect("a list");
        let keys = ["R_BYTES", "R_MULTICAST", "T_BYTES", "T_CARRIER", "T_PACKETS"];
        assert!(interfaces.iter().all(|i| keys.iter().all(|key| i[key].is_u64())), "{node}");
    }
    for id in ["one", "-1", "99", "1e9"] {
        coordinator.get(&format!("/monitoring/metrics/{id}"), 400);
    }
}
