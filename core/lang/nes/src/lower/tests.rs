use plan::Json;

use super::*;
use crate::catalog::Physical;
use crate::parse::parse_schema;

pub(super) fn sources() -> SourceCatalog {
    let mut sources = SourceCatalog::default();
    let schemas = [
        (
            "car",
            r#"Schema::create()->addField("id", BasicType::UINT32)->addField("speed", BasicType::FLOAT32)->addField("name", DataTypeFactory::createText())->addField("ts", BasicType::UINT64);"#,
        ),
        (
            "truck",
            r#"Schema::create()->addField("id", BasicType::UINT32)->addField("load", BasicType::INT64)->addField("ts", BasicType::UINT64);"#,
        ),
        ("bare", r#"Schema::create()->addField("id", BasicType::UINT32);"#),
    ];
    for (name, schema) in schemas {
        sources.add(name, parse_schema(schema).unwrap()).unwrap();
    }
    for (logical, count) in [("car", 2), ("truck", 1)] {
        for n in 0..count {
            let config = plan::serde_json::json!({"filePath": format!("/data/{logical}{n}.csv")});
            let (logical, name) = (logical.to_owned(), format!("{logical}{n}"));
            let kind = "CSV_SOURCE".to_owned();
            sources.add_physical(Physical { logical, name, kind, node: 1, config }).unwrap();
        }
    }
    sources
}

pub(super) fn ready(text: &str) -> Lowered {
    let text = format!("{text}.sink(PrintSinkDescriptor::create());");
    lower(&text, &sources(), &SinkCatalog::default()).unwrap_or_else(|e| panic!("{text}: {e:?}"))
}

pub(super) fn refused(text: &str) -> String {
    let text = format!("{text}.sink(PrintSinkDescriptor::create());");
    lower(&text, &sources(), &SinkCatalog::default()).unwrap_err().remove(0).message
}

pub(super) fn header(lowered: &Lowered) -> String {
    lowered.schema.to_string()
}

pub(super) fn config<'a>(lowered: &'a Lowered, name: &str) -> &'a Json {
    let node = lowered.plan.nodes.iter().find(|n| n.component.name == name);
    &node.unwrap_or_else(|| panic!("no {name}")).component.config
}

#[test]
fn only_columns_that_are_read_are_parsed() {
    let lowered = ready(
        r#"Query::from("car").filter(Attribute("speed") > 3).map(Attribute("x") = 1)
        .window(TumblingWindow::of(EventTime(Attribute("ts")), Seconds(1)))
        .byKey(Attribute("id")).apply(Count())"#,
    );
    let select = &config(&lowered, "decode_csv")["select"];
    assert_eq!(select.to_string(), r#"["id","speed","ts"]"#);
    let whole = ready(r#"Query::from("car")"#);
    assert!(config(&whole, "decode_csv").get("select").is_none(), "all of them");
}

#[test]
fn a_union_asks_both_sides_for_the_same_columns() {
    let lowered = ready(
        r#"Query::from("car").filter(Attribute("speed") > 3).project(Attribute("id"), Attribute("ts"))
        .unionWith(Query::from("truck").filter(Attribute("load") > 1).project(Attribute("id"), Attribute("ts")))
        .window(TumblingWindow::of(EventTime(Attribute("ts")), Seconds(1))).apply(Count())"#,
    );
    assert_eq!(config(&lowered, "union")["columns"].to_string(), r#"["car$ts"]"#);
    let selects: Vec<String> = lowered
        .plan
        .nodes
        .iter()
        .filter(|n| n.component.name == "decode_csv")
        .map(|n| n.component.config["select"].to_string())
        .collect();
    assert_eq!(selects, [r#"["speed","ts"]"#, r#"["speed","ts"]"#, r#"["load","ts"]"#]);
}

#[test]
fn a_logical_source_is_all_of_its_physical_sources() {
    let lowered = ready(r#"Query::from("car").project(Attribute("id"))"#);
    let names: Vec<&str> = lowered.plan.nodes.iter().map(|n| n.component.name.as_str()).collect();
    assert_eq!(
        names,
        ["file", "decode_csv", "file", "decode_csv", "project", "encode_csv", "frame", "stdout"]
    );
    assert_eq!(lowered.plan.nodes[4].inputs, [1, 3]);
}

#[test]
fn names_follow_the_operators() {
    let window =
        r#".window(SlidingWindow::of(EventTime(Attribute("ts")), Seconds(4), Seconds(2)))"#;
    let cases = [
        (
            r#"Query::from("car").map(Attribute("x") = Attribute("speed") * 2)"#.to_owned(),
            "car$id:INTEGER(32 bits) car$speed:Float(32 bits) car$name:Text car$ts:INTEGER(64 bits) car$x:Float(32 bits)",
        ),
        (
            r#"Query::from("car").project(Attribute("ts").as("t"), Attribute("car$id"))"#
                .to_owned(),
            "car$t:INTEGER(64 bits) car$id:INTEGER(32 bits)",
        ),
        (
            r#"Query::from("car").as("w").project(Attribute("id"))"#.to_owned(),
            "w$id:INTEGER(32 bits)",
        ),
        (
            format!(
                r#"Query::from("car"){window}.byKey(Attribute("id")).apply(Avg(Attribute("speed")), Count(), Max(Attribute("ts"))->as(Attribute("last")))"#
            ),
            "car$start:INTEGER(64 bits) car$end:INTEGER(64 bits) car$id:INTEGER(32 bits) car$speed:Float(32 bits) car$count:INTEGER(64 bits) car$last:INTEGER(64 bits)",
        ),
        (
            format!(
                r#"Query::from("truck").joinWith(Query::from("car").project(Attribute("id"), Attribute("ts"))).where(Attribute("id") == Attribute("id")){window}.map(Attribute("d") = Attribute("load") / 2)"#
            ),
            "truckcar$start:INTEGER(64 bits) truckcar$end:INTEGER(64 bits) truck$id:INTEGER(32 bits) truck$load:INTEGER(64 bits) truck$ts:INTEGER(64 bits) car$id:INTEGER(32 bits) car$ts:INTEGER(64 bits) truckcar$d:INTEGER(64 bits)",
        ),
        (
            format!(r#"Query::from("truck").times(3){window}"#),
            "truck$start:INTEGER(64 bits) truck$end:INTEGER(64 bits) truck$Count:INTEGER(64 bits) truck$ts:INTEGER(64 bits)",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(header(&ready(&text)), expected, "{text}");
    }
}

#[test]
fn a_self_join_keeps_its_columns_apart() {
    let lowered = ready(
        r#"Query::from("truck").joinWith(Query::from("truck")).where(Attribute("id") == Attribute("id")
        && Attribute("load") < Attribute("load"))
        .window(TumblingWindow::of(EventTime(Attribute("ts")), Seconds(1)))"#,
    );
    let join = config(&lowered, "join");
    assert_eq!(join["right"]["columns"][0]["to"], "truck$id#2");
    assert_eq!(join["where"][0][0]["col"], "truck$load");
    assert_eq!(join["where"][0][1]["col"], "truck$load#2");
    assert_eq!(join["left"]["keys"].as_array().unwrap().len(), 1);
}

#[test]
fn windows_take_watermarks_from_whoever_gives_them() {
    let window = r#".window(TumblingWindow::of(EventTime(Attribute("ts"), Seconds()), Seconds(1))).apply(Count())"#;
    let auto = ready(&format!(r#"Query::from("car"){window}"#));
    let clock = &config(&auto, "window")["clock"];
    assert_eq!(clock["watermark"]["time"]["scale"], 1000);
    assert_eq!(clock["origins"].as_array().unwrap().len(), 2);
    // Rows of 4 + 4 + 4 + 8 bytes in buffers of 4096.
    assert_eq!(clock["origins"][0]["buffer_rows"], 204);
    let assign = r#".assignWatermark(EventTimeWatermarkStrategyDescriptor::create(Attribute("ts"), Milliseconds(7), Milliseconds()))"#;
    let told = ready(&format!(
        r#"Query::from("car"){assign}.map(Attribute("ts") = Attribute("ts") + 1){window}"#
    ));
    let clock = &config(&told, "window")["clock"];
    assert_eq!(clock["watermark"]["lateness_ms"], 7);
    assert_eq!(clock["watermark"]["time"]["column"], "#time", "the field has changed since");
    let twice = format!(
        r#"Query::from("car"){window}.window(TumblingWindow::of(EventTime(Attribute("start")), Seconds(9))).apply(Sum(Attribute("count")))"#
    );
    let lowered = ready(&twice);
    let second = lowered.plan.nodes.iter().rfind(|n| n.component.name == "window").unwrap();
    assert!(second.component.config["clock"].get("watermark").is_none());
}

#[test]
fn the_logical_plan_has_nodes_edges_and_a_tree() {
    let lowered = ready(r#"Query::from("truck").filter(Attribute("id") < 42)"#);
    assert_eq!(
        lowered.view.to_string(),
        r#"{"nodes":[{"id":1,"name":"SOURCE(OP-1)","nodeType":"SOURCE"},{"id":2,"name":"FILTER(OP-2)","nodeType":"FILTER"},{"id":3,"name":"SINK(OP-3)","nodeType":"SINK"}],"edges":[{"source":"SOURCE(OP-1)","target":"FILTER(OP-2)"},{"source":"FILTER(OP-2)","target":"SINK(OP-3)"}]}"#
    );
    assert_eq!(lowered.tree, "SINK(3,print)\n  FILTER(2)\n    SOURCE(1,truck)\n");
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let window = r#".window(TumblingWindow::of(EventTime(Attribute("ts")), Seconds(1)))"#;
    let cases = [
        (r#"Query::from("ghost")"#.to_owned(), "The logical source 'ghost' can not be found in the SourceCatalog"),
        (r#"Query::from("bare")"#.to_owned(), "Logical source(s) [bare] are found to have no physical source(s) defined."),
        (r#"Query::from("car").filter(Attribute("nope") > 1)"#.to_owned(), "the field nope is not defined in the schema"),
        (r#"Query::from("car").filter(Attribute("id") + 1)"#.to_owned(), "a condition must be of type Boolean"),
        (r#"Query::from("car").filter(Attribute("name") > 1)"#.to_owned(), "cannot be compared"),
        (r#"Query::from("car").map(Attribute("x") = Attribute("name") + 1)"#.to_owned(), "arithmetic needs numbers"),
        (r#"Query::from("car").map(Attribute("x") = Attribute("id") / 0)"#.to_owned(), "division by zero"),
        (r#"Query::from("car").map(Attribute("x") = CASE({WHEN(true, Attribute("id"))}, Attribute("name")))"#.to_owned(), "one type"),
        (r#"Query::from("car").project(Attribute("id").as("ts"), Attribute("ts"))"#.to_owned(), "already exists in the schema"),
        (r#"Query::from("car").unionWith(Query::from("truck"))"#.to_owned(), "Found Schema mismatch for left and right schema types. Left schema car$id"),
        (r#"Query::from("truck").window(TumblingWindow::of(EventTime(Attribute("load")), Seconds(1))).apply(Count())"#.to_owned(), "timestamp field truck$load"),
        (format!(r#"Query::from("car"){window}.apply(Sum(Attribute("name")))"#), "cannot be aggregated"),
        (r#"Query::from("car").map(Attribute("van$id") = 1).filter(Attribute("id") > 1)"#.to_owned(), "the field id is ambiguous: it may be car$id or van$id"),
        (r#"Query::from("car").window(TumblingWindow::of(Seconds(1))).apply(Count())"#.to_owned(), "EventTime"),
        (r#"Query::from("car").window(TumblingWindow::of(EventTime(Attribute("when")), Seconds(1))).apply(Count())"#.to_owned(), "the field when is not defined in the schema"),
        (format!(r#"Query::from("car"){window}.byKey(Attribute("nope")).apply(Count())"#), "the field nope is not defined in the schema"),
        (format!(r#"Query::from("car"){window}.apply(Sum(Attribute("nope")))"#), "the field nope is not defined in the schema"),
        (r#"Query::from("car").project(Attribute("nope"))"#.to_owned(), "the field nope is not defined in the schema"),
        (r#"Query::from("car").map(Attribute("x") = Attribute("nope") + 1)"#.to_owned(), "the field nope is not defined in the schema"),
        (r#"Query::from("car").mapUDF("f")"#.to_owned(), "there is no UDF 'f' in the catalog"),
        (r#"Query::from("car").fliter(Attribute("id") > 1)"#.to_owned(), "SyntacticQueryValidation:\n"),
        (r#"Query::from("car").limit(1).sink(NullOutputSinkDescriptor::create())"#.to_owned(), "one sink"),
    ];
    for (text, expected) in cases {
        let message = refused(&text);
        assert!(message.contains(expected), "{text}: {message}");
    }
    let bare = lower(r#"Query::from("car");"#, &sources(), &SinkCatalog::default()).unwrap_err();
    assert!(bare[0].message.contains("does not contain a valid sink operator as root"));
    let own = lower(r#"Query::from(Schema::create());"#, &sources(), &SinkCatalog::default())
        .unwrap_err();
    assert_eq!(own[0].message, "Queries are not allowed to define schemas anymore");
}

#[test]
fn numbers_compare_exactly() {
    // A constant takes the type of the field; what does not fit it is compared by sign first.
    let fits = ready(r#"Query::from("truck").filter(Attribute("ts") > 5)"#);
    let steps = config(&fits, "filter_rows")["where"].to_string();
    assert!(steps.contains(r#""type":"u64""#) && !steps.contains("cast"), "{steps}");
    let mixed = ready(r#"Query::from("truck").filter(Attribute("ts") > Attribute("load"))"#);
    let steps = config(&mixed, "filter_rows")["where"].to_string();
    assert!(steps.contains(r#""op":"or""#), "{steps}");
}

/// A catalog with one source of this schema.
pub(super) fn one_source(schema: &str, kind: &str, config: Json) -> SourceCatalog {
    let mut sources = SourceCatalog::empty();
    sources.add("one", parse_schema(schema).unwrap()).unwrap();
    let (logical, name, kind) = ("one".to_owned(), "one1".to_owned(), kind.to_owned());
    sources.add_physical(Physical { logical, name, kind, node: 1, config }).unwrap();
    sources
}

/// A query that needs one column of it.
fn over_one(sources: &SourceCatalog) -> Result<Lowered, String> {
    let text = r#"Query::from("one").project(Attribute("v")).sink(PrintSinkDescriptor::create());"#;
    lower(text, sources, &SinkCatalog::default()).map_err(|mut e| e.remove(0).message)
}

const PACKED: &str = r#"Schema::create()->addField("id", BasicType::UINT32)->addField("code",
    DataTypeFactory::createFixedChar(8))->addField("v", BasicType::FLOAT64);"#;

#[test]
fn packed_rows_are_read_by_their_widths() {
    let path = plan::serde_json::json!({"filePath": "/data/one.bin"});
    let lowered = over_one(&one_source(PACKED, "BINARY_SOURCE", path.clone())).unwrap();
    // Rows of 4 + 8 + 8 bytes in buffers of 4096.
    let file = r#"{"paths":["/data/one.bin"],"scanner":{"name":"chunker","config":{"size":4080}}}"#;
    assert_eq!(config(&lowered, "file").to_string(), file);
    let decoder = config(&lowered, "decode_binary");
    assert_eq!(decoder["select"].to_string(), r#"["v"]"#);
    assert_eq!(
        decoder["fields"][1].to_string(),
        r#"{"name":"code","type":"text","to":"one$code","bytes":8}"#
    );
    let mut few = path.clone();
    few["numberOfTuplesToProducePerBuffer"] = 3.into();
    let lowered = over_one(&one_source(PACKED, "BINARY_SOURCE", few)).unwrap();
    assert_eq!(config(&lowered, "file")["scanner"]["config"]["size"], 60);

    let text = PACKED.replace("createFixedChar(8)", "createText()");
    let wide = PACKED.replace("(8)", "(16777216)");
    for (schema, config, expected) in [
        (text.as_str(), path.clone(), "cannot hold the field code of type Text"),
        (wide.as_str(), path.clone(), "has packed rows of 16777228 bytes"),
        (PACKED, plan::serde_json::json!({}), "the physical source 'one1' has no filePath"),
    ] {
        let message = over_one(&one_source(schema, "BINARY_SOURCE", config)).unwrap_err();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn arrow_files_are_read_by_the_names_of_their_columns() {
    let path = plan::serde_json::json!({"filePath": "/data/one.arrow"});
    let lowered = over_one(&one_source(PACKED, "ARROW_SOURCE", path)).unwrap();
    let scanner = &config(&lowered, "file")["scanner"];
    assert_eq!(scanner.to_string(), r#"{"name":"chunker","config":{"size":1048576}}"#);
    let fields = config(&lowered, "decode_arrow")["fields"].to_string();
    assert_eq!(fields, r#"[{"name":"v","type":"f64","to":"one$v"}]"#);
}

#[test]
fn rows_that_cannot_be_read_are_left_out_where_the_source_says_so() {
    for (on_error, kind, decoder, expected) in [
        ("", "CSV_SOURCE", "decode_csv", Json::Null),
        ("fail", "CSV_SOURCE", "decode_csv", Json::Null),
        ("skip", "CSV_SOURCE", "decode_csv", "skip".into()),
        ("skip", "TCP_SOURCE", "decode_ndjson", "skip".into()),
    ] {
        let config_of = plan::serde_json::json!({"filePath": "/data/one", "onError": on_error});
        let lowered = over_one(&one_source(PACKED, kind, config_of)).unwrap();
        assert_eq!(config(&lowered, decoder)["on_error"], expected, "{on_error}: {kind}");
    }
    let config = plan::serde_json::json!({"filePath": "/data/one", "onError": "wait"});
    let message = over_one(&one_source(PACKED, "CSV_SOURCE", config)).unwrap_err();
    assert!(message.contains("onError: wait, and 'fail' and 'skip' are possible"), "{message}");
}

const METERS: &str =
    r#"Schema::create()->addField("id", BasicType::UINT32)->addField("w", BasicType::INT64);"#;

#[test]
fn topics_are_read_and_written() {
    let query = r#"Query::from("one").filter(Attribute("w") > 3).sink(MQTTSinkDescriptor::create("tcp://b:1", "out", "user", 10, milliseconds, 0, exactlyOnce));"#;
    let settings = plan::serde_json::json!({"url": "ws://mosquitto:9001", "topic": "solarPanels"});
    let sources = one_source(METERS, "MQTT_SOURCE", settings);
    let lowered = lower(query, &sources, &SinkCatalog::default()).unwrap();
    let names: Vec<&str> = lowered.plan.nodes.iter().map(|n| n.component.name.as_str()).collect();
    assert_eq!(names, ["mqtt", "decode_ndjson", "filter_rows", "encode_json", "mqtt"]);
    assert_eq!(
        lowered.plan.nodes[0].component.config.to_string(),
        r#"{"url":"ws://mosquitto:9001","topic":"solarPanels","client_id":"","user":"","qos":2,"clean_session":true}"#
    );
    assert_eq!(
        lowered.plan.nodes[4].component.config.to_string(),
        r#"{"url":"tcp://b:1","topic":"out","user":"user","window":10,"delay_ns":0,"qos":2,"client_id":""}"#
    );
    assert_eq!(lowered.tree.lines().next(), Some("SINK(3,mqtt)"));
    let settings = plan::serde_json::json!({"url": "tcp://b", "topic": "t", "clientId": "me",
        "userName": "u", "qos": "1", "cleanSession": "false", "inputFormat": "CSV",
        "flushIntervalMS": 10});
    let sources = one_source(METERS, "MQTT_SOURCE", settings);
    let lowered = lower(query, &sources, &SinkCatalog::default()).unwrap();
    assert_eq!(lowered.plan.nodes[1].component.name, "decode_csv");
    assert_eq!(
        lowered.plan.nodes[0].component.config.to_string(),
        r#"{"url":"tcp://b","topic":"t","client_id":"me","user":"u","qos":1,"clean_session":false}"#
    );
}

#[test]
fn topics_that_cannot_be_read_are_refused() {
    let query = r#"Query::from("one").sink(NullOutputSinkDescriptor::create());"#;
    for (settings, message) in [
        (plan::serde_json::json!({"topic": "t"}), "has no url"),
        (plan::serde_json::json!({"url": "tcp://b"}), "has no topic"),
        (plan::serde_json::json!({"url": "tcp://b", "topic": "t", "qos": 3}), "has the qos 3"),
        (
            plan::serde_json::json!({"url": "tcp://b", "topic": "t", "cleanSession": false}),
            "has no clientId",
        ),
    ] {
        let sources = one_source(METERS, "MQTT_SOURCE", settings);
        let error = lower(query, &sources, &SinkCatalog::default()).unwrap_err().remove(0);
        assert!(error.message.contains(message), "{message}: {}", error.message);
        assert!(error.message.starts_with("the physical source 'one1' has "), "{error:?}");
    }
}

#[test]
fn sources_that_begin_anew_are_known_by_their_partitions() {
    let settings = |more: Json| {
        let mut all = plan::serde_json::json!({"filePath": "/data/m", "url": "tcp://b:1",
            "topic": "t", "numberOfTuplesToProducePerBuffer": 5});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let none = || settings(plan::serde_json::json!({}));
    let some = || settings(plan::serde_json::json!({"numberOfBuffersToProduce": 2}));
    for (kind, settings, anew, kept) in [
        ("CSV_SOURCE", none(), true, None),
        ("CSV_SOURCE", some(), true, Some(false)),
        ("MQTT_SOURCE", some(), false, Some(true)),
        ("TCP_SOURCE", none(), false, None),
        ("DEFAULT_SOURCE", none(), false, None),
        ("DEFAULT_SOURCE", some(), true, None),
    ] {
        let sources = one_source(METERS, kind, settings);
        let query = r#"Query::from("one").sink(NullOutputSinkDescriptor::create());"#;
        let lowered = lower(query, &sources, &SinkCatalog::default()).unwrap();
        assert_eq!(lowered.plan.nodes[0].anew, anew.then_some(1), "{kind}");
        let limit = lowered.plan.nodes.iter().find(|n| n.component.name == "limit_rows");
        let of = |node: &plan::Node| node.component.config.get("kept") != Some(&Json::from(false));
        assert_eq!(limit.map(of), kept, "{kind}");
        let car = ready(r#"Query::from("car")"#);
        let anew: Vec<u32> = car.plan.nodes.iter().filter_map(|node| node.anew).collect();
        assert_eq!(anew, [1, 2]);
    }
}
