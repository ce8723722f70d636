//! The REST document of NebulaStream: a query over a logical source submitted, planned, run to its
//! file, and seen in each catalog call.

use serde_json::json;
use tests::program::{Folder, Program, http, until};

#[test]
fn a_query_lives_as_the_document_says() {
    let folder = Folder::new("nes");
    let input = folder.write("ticks.csv", "1000,1,2\n2000,2,3\n11000,1,4\n");
    let config = folder.write(
        "coordinator.yaml",
        format!(
            "restPort: 0\nlogicalSources:\n  - logicalSourceName: ticks\n    fields:\n\
             \x20     - name: ts\n        type: UINT64\n      - name: k\n        type: UINT64\n\
             \x20     - name: v\n        type: UINT64\n\
             worker:\n  physicalSources:\n    - logicalSourceName: ticks\n\
             \x20     physicalSourceName: ticks1\n      type: CSV_SOURCE\n      configuration:\n\
             \x20       filePath: {input}\n        skipHeader: false\n"
        ),
    );
    let program = Program::start(&["nes", "coordinator", &format!("--configPath={config}")]);
    let address = program.address("requests: nes");
    let base = "/v1/nes";
    let topology = http(&address, "GET", &format!("{base}/topology"), "").json();
    assert!(topology["nodes"].as_array().is_some_and(|n| !n.is_empty()));
    let sources = http(&address, "GET", &format!("{base}/sourceCatalog/allLogicalSource"), "");
    assert!(sources.text().contains("ticks"));

    let out = folder.path("out.csv");
    let query = format!(
        "Query::from(\"ticks\").filter(Attribute(\"v\") > 2).sink(FileSinkDescriptor::create(\
         \"{}\", \"CSV_FORMAT\", \"OVERWRITE\"));",
        out.display()
    );
    let body = json!({"userQuery": query, "placement": "BottomUp"}).to_string();
    let target = format!("{base}/query/execute-query");
    let submitted = http(&address, "POST", &target, &body);
    assert_eq!(submitted.status, 202, "{}", submitted.text());
    let id = submitted.json()["queryId"].to_string().replace('"', "");

    let status = format!("{base}/queryCatalog/status?queryId={id}");
    let stopped = until(|| {
        let status = http(&address, "GET", &status, "").json();
        (status["status"] == "STOPPED").then_some(())
    });
    assert!(stopped.is_some(), "it ends with its source");
    let rows = folder.read("out.csv");
    assert!(rows.lines().next().is_some_and(|head| head.contains("ticks$ts")), "{rows}");
    assert!(rows.contains("2000,2,3\n") && rows.contains("11000,1,4\n"), "{rows}");
    assert!(!rows.contains("1000,1,2\n2000"), "{rows}");

    let plan = http(&address, "GET", &format!("{base}/query/query-plan?queryId={id}"), "");
    assert!(plan.json()["nodes"].as_array().is_some_and(|n| n.len() >= 3), "{}", plan.text());
    let all = http(&address, "GET", &format!("{base}/queryCatalog/allRegisteredQueries"), "");
    assert!(all.text().contains("STOPPED"), "{}", all.text());
}
