//! What functions do that they should not: the query fails and says why, and everything else goes
//! on.

use tests::program::{http, until};

use super::jdk::{Coordinator, Udf, compiled, runs};
use crate::bad_input::post;
use crate::nebulastream_document::udfs::REGISTER;

const ROWS: &str = "1000,1.5,ab,1\n2000,2.5,,2\n3000,3.5,xyz,3\n";

/// A coordinator with `Trouble.method` as `f`, and why a query of it fails.
fn fails(method: &str, flat: bool) -> String {
    let Some(compiled) = compiled() else { return String::new() };
    let coordinator = Coordinator::start("udf-trouble", ROWS, "");
    coordinator.register("f", &Udf::new(compiled, "Trouble", method));
    coordinator.register("scale", &Udf::new(compiled, "Scale", "map"));
    let call = if flat { "flatMapUDF" } else { "mapUDF" };
    let query = format!("Query::from(\"r\").project(Attribute(\"ts\")).{call}(\"f\")");
    let why = coordinator.fails(&query);
    assert!(why.contains("UDF 'f': "), "{why}");
    let none = until(|| coordinator.hosts().is_empty().then_some(()));
    assert!(none.is_some(), "its process is gone: {:?}", coordinator.hosts());
    let others = coordinator.run("Query::from(\"r\").mapUDF(\"scale\")", "others.csv");
    assert_eq!(others.len(), 4, "others go on");
    why
}

fn fails_with(method: &str, flat: bool, expected: &[&str]) {
    let why = fails(method, flat);
    let skipped = compiled().is_none();
    for text in expected {
        assert!(skipped || why.contains(text), "{method}: no '{text}' in: {why}");
    }
}

#[test]
fn a_udf_that_throws_fails_its_query_with_its_stack() {
    fails_with(
        "throwing",
        false,
        &[
            "example.Trouble$Boom: no 2000",
            "at example.Trouble.throwing(Functions.java:",
            "Caused by: java.lang.IllegalStateException: because",
        ],
    );
}

#[test]
fn a_udf_that_exits_takes_down_its_query_and_nothing_else() {
    fails_with("exiting", false, &["its process has ended: exit status 7", "going away"]);
    fails_with("halting", false, &["its process has ended: exit status 8"]);
}

#[test]
fn a_udf_that_loops_takes_down_its_query_and_nothing_else() {
    fails_with("looping", false, &["it took longer for one row", "than the 10 s that it may take"]);
}

#[test]
fn a_udf_that_eats_its_memory_takes_down_its_query_and_nothing_else() {
    fails_with("eating", false, &["java.lang.OutOfMemoryError: Java heap space"]);
    fails_with("eatingOutside", false, &["OutOfMemoryError"]);
    fails_with("recursing", false, &["java.lang.StackOverflowError"]);
}

#[test]
fn a_udf_that_crashes_takes_down_its_query_and_nothing_else() {
    fails_with("crashing", false, &["its process has ended: signal: "]);
}

#[test]
fn a_udf_that_gives_what_no_row_has_fails_its_query() {
    fails_with("nothing", false, &["NullPointerException: the method nothing gave null"]);
    fails_with("half", false, &["the field ts has half of a character"]);
}

#[test]
fn a_udf_that_gives_too_much_fails_its_query() {
    fails_with("endless", true, &["what it gives for one batch has more than 268435456 bytes"]);
    fails_with("wide", true, &["a row of the result has more than 16777216 bytes"]);
}

#[test]
fn a_udf_that_talks_much_says_a_part_of_it() {
    let Some(compiled) = compiled() else { return };
    let coordinator = Coordinator::start("udf-talks", ROWS, "");
    coordinator.register("f", &Udf::new(compiled, "Trouble", "talking"));
    let query = "Query::from(\"r\").project(Attribute(\"ts\")).mapUDF(\"f\")";
    let rows = coordinator.run(query, "talks.csv");
    assert_eq!(rows[1..], ["1001", "2001", "3001"], "what it prints is no result");
    let told = until(|| coordinator.program.log().contains("line 7 of 1000").then_some(()));
    assert!(told.is_some(), "{}", coordinator.program.log());
    let lines = coordinator.program.log().lines().filter(|line| line.contains("line ")).count();
    assert!(lines < 15_000, "{lines} lines");
}

#[test]
fn a_udf_that_never_gets_ready_fails_its_query() {
    let Some(compiled) = compiled() else { return };
    let coordinator = Coordinator::start("udf-asleep", "", "");
    coordinator.register("f", &Udf::new(compiled, "Asleep", "map"));
    let query = "Query::from(\"e\").mapUDF(\"f\")";
    let why = coordinator.fails(query);
    assert!(why.contains("it took longer for one row, or to get ready"), "{why}");
    coordinator.register("unmade", &Udf::new(compiled, "Unmade", "map"));
    let query = query.replace("\"f\"", "\"unmade\"");
    let why = coordinator.fails(&query);
    assert!(why.contains("the class example.Unmade has no constructor without arguments"), "{why}");
}

#[test]
fn a_corrupt_class_file_fails_its_query() {
    let Some(compiled) = compiled() else { return };
    let coordinator = Coordinator::start("udf-corrupt", ROWS, "");
    let query = "Query::from(\"r\").mapUDF(\"f\")";
    let corrupt = |change: &dyn Fn(&mut Vec<u8>), class: &str| {
        let mut udf = Udf::new(compiled, "Scale", "map");
        change(udf.classes.get_mut(class).expect("a class"));
        coordinator.register("f", &udf);
        let why = coordinator.fails(query);
        let removed =
            http(&coordinator.address, "DELETE", "/v1/nes/udf-catalog/removeUdf?udfName=f", "");
        assert_eq!(removed.status, 200);
        why
    };
    let why = corrupt(&|code| code.truncate(code.len() / 2), "example.Scale");
    assert!(why.contains("the class file of example.Scale is corrupt: "), "{why}");
    assert!(why.contains("(line 1, column 18)"), "{why}");
    let why = corrupt(&|code| *code = vec![0; 100], "example.Scaled");
    assert!(why.contains("it does not begin as class files do"), "{why}");
    // What stands at the end is read by the machine only.
    let why = corrupt(&|code| code.truncate(code.len() - 1), "example.Scale");
    assert!(why.contains("java.lang.ClassFormatError"), "{why}");
    let mut udf = Udf::new(compiled, "Scale", "map");
    udf.instance = compiled.scale[..compiled.scale.len() - 3].to_vec();
    coordinator.register("f", &udf);
    let why = coordinator.fails(query);
    assert!(why.contains("java.io.EOFException"), "{why}");
}

#[test]
fn corrupt_protobuf_and_oversized_functions_are_refused() {
    let Some(compiled) = compiled() else { return };
    let coordinator = Coordinator::start("udf-refused", ROWS, "");
    let whole = Udf::new(compiled, "Scale", "map").message("f");
    for end in (1..whole.len() - 1).step_by(97) {
        let answer = post(&coordinator.address, REGISTER, &whole[..end]);
        assert_eq!(answer.status, 400, "{end}: {}", answer.text());
    }
    let mut large = Udf::new(compiled, "Scale", "map");
    large.instance = vec![0; 16 << 20];
    let answer = post(&coordinator.address, REGISTER, &large.message("f"));
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("at most 16777216 bytes of classes"), "{}", answer.text());
    let mut many = Udf::new(compiled, "Scale", "map");
    many.classes.extend((0..1000).map(|n| (format!("c.C{n}"), vec![1])));
    let answer = post(&coordinator.address, REGISTER, &many.message("f"));
    assert!(answer.text().contains("at most 1000 classes"), "{}", answer.text());
    let list = http(&coordinator.address, "GET", "/v1/nes/udf-catalog/listUdfs", "");
    assert_eq!(list.json(), serde_json::json!({"udfs": []}));
    let why = coordinator.fails("Query::from(\"r\").mapUDF(\"f\")");
    assert!(why.contains("there is no UDF 'f' in the catalog (line 1, column 18)"), "{why}");
}

#[test]
fn without_a_java_virtual_machine_a_query_says_what_to_do() {
    let Some(compiled) = compiled() else { return };
    let coordinator = Coordinator::with("udf-no-java", ROWS, "", |command| {
        command.env("JAVA_HOME", "/no/java/here");
    });
    coordinator.register("f", &Udf::new(compiled, "Scale", "map"));
    let why = coordinator.fails("Query::from(\"r\").mapUDF(\"f\")");
    let expected = "there is no Java virtual machine at JAVA_HOME, which is /no/java/here";
    assert!(why.contains(expected), "{why}");
    assert_eq!(coordinator.run("Query::from(\"r\")", "plain.csv").len(), 4, "others run");
}

#[test]
fn a_process_of_a_udf_ends_with_who_has_started_it() {
    let Some(compiled) = compiled() else { return };
    let mut coordinator = Coordinator::start("udf-orphan", "", "");
    coordinator.register("f", &Udf::new(compiled, "Trouble", "looping"));
    let query = "Query::from(\"e\").mapUDF(\"f\")";
    let (status, answer) = coordinator.submit(query, "orphan.csv");
    assert_eq!(status, 202, "{answer}");
    let host = until(|| coordinator.hosts().first().copied()).expect("a process");
    coordinator.program.signal("KILL");
    let _ = coordinator.program.wait();
    let gone = until(|| (!runs(host)).then_some(()));
    assert!(gone.is_some(), "{host} is still there");
}
