//! A function on a worker, which has no catalog.

use std::io::Write;
use std::net::TcpListener;

use crate::nebulastream_workers::{Coordinator, accepted, connection, there_is_a_server};

use super::jdk::{Udf, compiled};
use crate::bad_input::post;
use crate::nebulastream_document::udfs::REGISTER;

#[test]
fn a_worker_runs_a_udf_that_comes_with_its_plan() {
    let Some(compiled) = compiled() else { return };
    if !there_is_a_server() {
        return;
    }
    let coordinator = Coordinator::start("udf-worker");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let _worker = coordinator.worker(2, &connection("a", port));
    let answer = post(
        &coordinator.address,
        REGISTER,
        &Udf { classes: few(compiled), ..Udf::new(compiled, "Half", "map") }.message("half"),
    );
    assert_eq!(answer.status, 200, "{}", answer.text());
    let query = "Query::from(\"a\").project(Attribute(\"v\")).mapUDF(\"half\")";
    let id = coordinator.submit(query, "half.csv", serde_json::json!({}));
    let mut rows = accepted(&listener);
    rows.write_all(b"1000,1,5\n2000,2,6\n3000,3,7\n").expect("it takes rows");
    coordinator.comes_to(id, "RUNNING");
    coordinator.rows_become("half.csv", &["2.500000", "3.000000", "3.500000"]);
    let (node, _) = coordinator
        .plan(id)
        .into_iter()
        .find(|(_, tree)| tree.contains("MAP_JAVA_UDF"))
        .expect("it is placed");
    assert_eq!(node, 2, "where its source is");
}

/// The classes that `example.Half` needs, because what a node is to run has a size.
fn few(compiled: &super::jdk::Compiled) -> std::collections::BTreeMap<String, Vec<u8>> {
    let needed = ["example.Half", "example.MapFunction"];
    let few = compiled.classes.iter().filter(|(name, _)| needed.contains(&name.as_str()));
    few.map(|(name, code)| (name.clone(), code.clone())).collect()
}
