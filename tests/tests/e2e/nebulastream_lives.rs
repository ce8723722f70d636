//! Queries that end before anybody looks, what their sources produce, what is refused before it
//! runs, and what a coordinator says of its configuration.

use serde_json::{Value, json};
use tests::program::{Answer, Folder, Program, http, try_http, until};

use crate::nebulastream_workers::free_port;

const FIELDS: &str = "    fields: [{name: id, type: UINT64}]\n";

/// The configuration of a source that ends and of one that does not; more lines before it.
fn config(folder: &Folder, more: &str) -> String {
    let rows = folder.write("rows.csv", "1\n2\n3\n");
    let text = format!(
        "{more}logicalSources:\n  - logicalSourceName: ends\n{FIELDS}\
         \x20 - logicalSourceName: lasts\n{FIELDS}physicalSources:\n\
         \x20 - {{logicalSourceName: ends, physicalSourceName: e, type: CSV_SOURCE, \
         configuration: {{filePath: {rows}}}}}\n\
         \x20 - {{logicalSourceName: lasts, physicalSourceName: l, type: DEFAULT_SOURCE, \
         configuration: {{sourceGatheringInterval: 10}}}}\n"
    );
    format!("--configPath={}", folder.write("coordinator.yaml", text))
}

fn submit(address: &str, query: &str) -> Answer {
    let text = format!("{query}.sink(NullOutputSinkDescriptor::create());");
    let body = json!({"userQuery": text, "placement": "BottomUp"}).to_string();
    http(address, "POST", "/v1/nes/query/execute-query", &body)
}

fn get(address: &str, path: &str) -> Value {
    http(address, "GET", &format!("/v1/nes/{path}"), "").json()
}

/// What the catalog says of a query.
fn entry(address: &str, id: &Value) -> Value {
    let all = get(address, "queryCatalog/allRegisteredQueries");
    let mut all = all.as_array().expect("a list").iter();
    all.find(|query| query["queryId"] == *id).expect("it is there").clone()
}

#[test]
fn a_query_that_has_ended_gives_back_its_slots_before_anybody_asks_for_it() {
    let folder = Folder::new("nes-slots");
    let config = config(&folder, "restPort: 0\n");
    let slots = "--worker.numberOfSlots=3";
    let program = Program::start(&["nes", "coordinator", &config, slots]);
    let address = program.address("requests: nes");
    let query = "Query::from(\"ends\").filter(Attribute(\"id\") > 0)";
    let mut ids = Vec::new();
    for _ in 0..3 {
        // There is room for one.
        let accepted = until(|| Some(submit(&address, query)).filter(|a| a.status == 202));
        ids.push(accepted.expect("there is room again").json()["queryId"].clone());
    }
    let free = || get(&address, "topology")["nodes"][0]["available_resources"].clone();
    assert!(until(|| (free() == 3).then_some(())).is_some(), "{}", free());
    for id in &ids {
        let query = entry(&address, id);
        let history = query["history"].as_array().expect("a list");
        let states: Vec<&Value> = history.iter().map(|change| &change["status"]).collect();
        assert_eq!(states, ["REGISTERED", "SCHEDULING", "RUNNING", "STOPPED"], "{query}");
        let times: Vec<u64> = history.iter().filter_map(|c| c["timestamp"].as_u64()).collect();
        assert!(times.len() == 4 && times.is_sorted(), "{query}");
    }
}

#[test]
fn buffers_are_counted_as_sources_make_them_and_known_when_they_have_ended() {
    let folder = Folder::new("nes-buffers");
    let program = Program::start(&["nes", "coordinator", &config(&folder, "restPort: 0\n")]);
    let address = program.address("requests: nes");
    let ids: Vec<Value> = ["lasts", "ends"]
        .map(|name| submit(&address, &format!("Query::from(\"{name}\")")).json()["queryId"].clone())
        .to_vec();
    let produced = |id: &Value| {
        let path = format!("queryCatalog/getNumberOfProducedBuffers?queryId={id}");
        get(&address, &path)["producedBuffers"].as_u64().expect("a number")
    };
    assert!(until(|| (produced(&ids[0]) > 3).then_some(())).is_some(), "{}", produced(&ids[0]));
    let stop = format!("/v1/nes/query/stop-query?queryId={}", ids[0]);
    assert_eq!(http(&address, "DELETE", &stop, "").status, 202);
    assert!(produced(&ids[0]) > 3);
    let stopped = until(|| (entry(&address, &ids[1])["status"] == "STOPPED").then_some(()));
    assert!(stopped.is_some());
    assert_eq!(produced(&ids[1]), 1);
}

#[test]
fn a_query_that_can_give_nothing_is_refused_when_that_is_asked_for() {
    let folder = Folder::new("nes-validation");
    let filters = [" > 10", " < 5"].map(|test| format!(".filter(Attribute(\"id\"){test})"));
    let query = format!("Query::from(\"ends\"){}", filters.concat());
    for (option, status) in [("false", 202), ("true", 400)] {
        let option = format!("--optimizer.advanceSemanticValidation={option}");
        let config = config(&folder, "restPort: 0\n");
        let program = Program::start(&["nes", "coordinator", &config, &option]);
        let address = program.address("requests: nes");
        let answer = submit(&address, &query);
        assert_eq!(answer.status, status, "{option}: {}", answer.text());
        if status == 400 {
            let why = answer.json()["message"].as_str().unwrap_or_default().to_owned();
            let (first, conditions) = why.split_once('\n').expect("two lines");
            assert_eq!(first, "Unsatisfiable Query due to filter condition:");
            assert_eq!(conditions, "ends$id > 10 && ends$id < 5");
            assert_eq!(entry(&address, &json!(1))["status"], "FAILED", "it is in the catalog");
        }
        assert_eq!(submit(&address, "Query::from(\"ends\")").status, 202, "others run");
    }
}

#[test]
fn the_log_begins_where_the_configuration_says() {
    let folder = Folder::new("nes-log");
    let unknown = "physicalSources: [{logicalSourceName: ghost, physicalSourceName: g, \
                   type: CSV_SOURCE, configuration: {filePath: /nowhere}}]\n";
    let told = "The physical source g feeds nothing: there is no logical source ghost";
    for (level, option, starts, warns) in [
        ("LOG_NONE", "", false, false),
        ("LOG_ERROR", "", false, false),
        ("LOG_WARNING", "", false, true),
        ("LOG_INFO", "", true, true),
        ("LOG_ERROR", "--log-level=info", true, true),
    ] {
        let port = free_port();
        let text = format!("logLevel: {level}\nrestPort: {port}\n{unknown}");
        let config = format!("--configPath={}", folder.write("coordinator.yaml", text));
        let arguments = ["nes", "coordinator", &config, option];
        let arguments: Vec<&str> = arguments.into_iter().filter(|word| !word.is_empty()).collect();
        let mut program = Program::start(&arguments);
        let address = format!("127.0.0.1:{port}");
        let topology = "/v1/nes/topology";
        let up = until(|| try_http(&address, "GET", topology, "").ok());
        assert!(up.is_some(), "{level}: {}", program.log());
        program.signal("TERM");
        assert!(program.wait().is_some());
        let log = program.log();
        assert_eq!(log.contains("The engine is starting"), starts, "{level} {option}: {log}");
        assert_eq!(log.contains(told), warns, "{level} {option}: {log}");
    }
    let config = folder.write("coordinator.yaml", "logLevel: LOUD\n");
    let mut program = Program::start(&["nes", "coordinator", &format!("--configPath={config}")]);
    assert!(program.wait().is_some_and(|status| !status.success()));
    let log = program.log();
    assert!(log.contains("logLevel: 'LOUD' is none of LOG_NONE, LOG_FATAL_ERROR"), "{log}");
}
