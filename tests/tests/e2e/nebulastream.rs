//! The REST document of NebulaStream: a query over a logical source submitted, planned, run to its
//! file, and seen in each catalog call.

use std::io::Write;
use std::net::TcpListener;

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

/// Physical sources of two logical ones: a file with an end, and a connection without.
fn file_and_connection(input: &str, port: u16) -> String {
    let fields = "    fields:\n      - name: ts\n        type: UINT64\n\
                  \x20     - name: v\n        type: UINT64\n";
    format!(
        "restPort: 0\nlogicalSources:\n  - logicalSourceName: ends\n{fields}\
         \x20 - logicalSourceName: lasts\n{fields}worker:\n  physicalSources:\n\
         \x20   - logicalSourceName: ends\n      physicalSourceName: ends1\n\
         \x20     type: CSV_SOURCE\n      configuration:\n        filePath: {input}\n\
         \x20       bufferSizeInBytes: 16\n\
         \x20   - logicalSourceName: lasts\n      physicalSourceName: lasts1\n\
         \x20     type: TCP_SOURCE\n      configuration:\n        socketHost: 127.0.0.1\n\
         \x20       socketPort: {port}\n        inputFormat: CSV\n\
         \x20       bufferSizeInBytes: 16\n"
    )
}

#[test]
fn windows_over_a_union_go_on_when_one_source_ends() {
    let folder = Folder::new("nes-union");
    let input = folder.write("ends.csv", "1000,1\n11000,10\n");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    let config = folder.write("coordinator.yaml", file_and_connection(&input, port));
    let program = Program::start(&["nes", "coordinator", &format!("--configPath={config}")]);
    let address = program.address("requests: nes");
    let out = folder.path("out.csv");
    let query = format!(
        "Query::from(\"ends\").unionWith(Query::from(\"lasts\"))\
         .window(TumblingWindow::of(EventTime(Attribute(\"ts\")), Seconds(10)))\
         .apply(Sum(Attribute(\"v\"))).sink(FileSinkDescriptor::create(\
         \"{}\", \"CSV_FORMAT\", \"OVERWRITE\"));",
        out.display()
    );
    let body = json!({"userQuery": query, "placement": "BottomUp"}).to_string();
    let submitted = http(&address, "POST", "/v1/nes/query/execute-query", &body);
    assert_eq!(submitted.status, 202, "{}", submitted.text());

    let (mut lasts, _) = listener.accept().expect("it connects");
    lasts.write_all(b"2000,2\n12000,20\n35000,7\n").expect("it takes rows");
    let fired = until(|| folder.read("out.csv").contains("10000,20000,30").then_some(()));
    assert!(fired.is_some(), "the ended source holds nobody back: {}", folder.read("out.csv"));
    assert!(folder.read("out.csv").contains("0,10000,3\n"), "{}", folder.read("out.csv"));
    assert!(!folder.read("out.csv").contains("30000"), "the last window is still open");
    drop(lasts);
}
