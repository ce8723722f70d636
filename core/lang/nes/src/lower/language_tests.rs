//! Rules of names, types and settings, each by a query.

use plan::serde_json::json;
use plan::{Json, Role};

use super::tests::{config, header, one_source, ready, refused, sources};
use super::*;

const CHARS: &str = r#"Schema::create()->addField("c", CHAR)->addField("w",
    DataTypeFactory::createFixedChar(8))->addField("u8", UINT8)->addField("i8", INT8)->addField("u16",
    UINT16)->addField("i32", INT32)->addField("f32", FLOAT32)->addField("f64", FLOAT64)->addField("ts",
    UINT64);"#;

/// The result of a query over a source of that schema.
fn over_chars(query: &str, sink: &str) -> Result<Lowered, String> {
    let sources = one_source(CHARS, "CSV_SOURCE", json!({"filePath": "/data/one.csv"}));
    let text = format!(r#"Query::from("one"){query}.sink({sink});"#);
    lower(&text, &sources, &SinkCatalog::default()).map_err(|mut e| e.remove(0).message)
}

const PRINT: &str = "PrintSinkDescriptor::create()";

#[test]
fn a_constant_keeps_the_type_of_its_field_where_that_has_it() {
    let int = |bits, signed| crate::types::Type::Int { bits, signed };
    let float = |bits| crate::types::Type::Float { bits };
    for (field, value, ty) in [
        ("u8", "255", int(8, false)),
        ("u8", "300", int(32, true)),
        ("i8", "-128", int(8, true)),
        ("i8", "200", int(32, true)),
        ("u16", "-1", int(32, true)),
        ("ts", "1", int(64, false)),
        ("ts", "0xFFFFFFFFFFFFFFFF", int(64, false)),
        ("i32", "2.9", float(64)),
        ("i32", "2.0", float(64)),
        ("f32", "1.5", float(32)),
        ("f32", "0.1", float(64)),
        ("f32", "16777217", int(32, true)),
        ("f64", "7", float(64)),
        ("f64", "\"x\"", crate::types::Type::Text),
        ("i32", "true", crate::types::Type::Boolean),
    ] {
        let call = format!(r#".map(Attribute("{field}") = {value})"#);
        let lowered = over_chars(&call, PRINT).unwrap();
        let name = format!("one${field}");
        let made = lowered.schema.fields.iter().find(|f| f.name == name).unwrap();
        assert_eq!(made.ty, ty, "{field} = {value}");
    }
    let lowered = over_chars(r#".map(Attribute("u16") = -1)"#, PRINT).unwrap();
    let steps = config(&lowered, "map_column")["value"].to_string();
    assert!(steps.ends_with(r#"{"value":-1,"type":"i32"}]"#), "{steps}");
}

#[test]
fn a_character_is_compared_with_one() {
    for test in [r#"Attribute("c") == "x""#, r#""x" != Attribute("c")"#, r#"Attribute("c") < 'x'"#]
    {
        let lowered = over_chars(&format!(".filter({test})"), PRINT).unwrap();
        let steps = config(&lowered, "filter_rows")["where"].to_string();
        assert!(steps.contains(r#"{"value":120,"type":"char"}"#), "{test}: {steps}");
    }
    for test in [r#"Attribute("c") == "xy""#, r#"Attribute("c") == Attribute("w")"#] {
        let message = over_chars(&format!(".filter({test})"), PRINT).unwrap_err();
        assert!(message.contains("cannot be compared"), "{test}: {message}");
    }
    let lowered = over_chars("", PRINT).unwrap();
    assert_eq!(config(&lowered, "decode_csv")["fields"][1]["bytes_max"], 8);
}

const SECOND: &str = r#".window(TumblingWindow::of(EventTime(Attribute("ts")), Seconds(1)))"#;

#[test]
fn in_a_sequence_each_comes_behind_the_one_before() {
    let car = r#"Query::from("car").project(Attribute("id"), Attribute("ts"))"#;
    let earlier = |text: &str| {
        let lowered = ready(text);
        let joins = lowered.plan.nodes.iter().filter(|n| n.component.name == "join");
        let all = joins.map(|n| n.component.config["where"][0].clone());
        let pair = |steps: Json| {
            assert_eq!(steps[2].to_string(), r#"{"op":"lt","type":"u64","args":[0,1]}"#);
            (steps[0]["col"].clone(), steps[1]["col"].clone())
        };
        all.map(pair).map(|(a, b)| format!("{a}<{b}")).collect::<Vec<_>>()
    };
    // A SEQ B SEQ C: C behind B, also where A and C are one source.
    let chain = format!(
        r#"Query::from("truck").seqWith({car}){SECOND}.seqWith(Query::from("truck").as("t2")){SECOND}"#
    );
    let pairs = earlier(&chain);
    assert_eq!(pairs, [r#""truck$ts"<"car$ts""#, r#""car$ts"<"t2$ts""#]);
    let again = format!(
        r#"Query::from("truck").seqWith(Query::from("truck")){SECOND}.seqWith({car}){SECOND}"#
    );
    assert_eq!(earlier(&again), [r#""truck$ts"<"truck$ts#2""#, r#""truck$ts#2"<"car$ts""#]);
    // A SEQ (B SEQ C): B behind A.
    let nested = format!(
        r#"Query::from("truck").seqWith({car}.seqWith(Query::from("truck").as("t2")){SECOND}){SECOND}"#
    );
    assert_eq!(earlier(&nested), [r#""car$ts"<"t2$ts""#, r#""truck$ts"<"car$ts""#]);
    // The window is by the first of them.
    let lowered = ready(&chain);
    let last = lowered.plan.nodes.iter().rfind(|n| n.component.name == "join").unwrap();
    assert_eq!(last.component.config["left"]["clock"]["time"]["column"], "truck$ts");
}

#[test]
fn something_occurs_once_at_least_and_its_last_time_has_the_name_of_its_field() {
    for call in ["times(0)", "times(0, 0)"] {
        let message = refused(&format!(r#"Query::from("truck").{call}{SECOND}"#));
        assert_eq!(message, "Number of occurrences must be at least 1.");
    }
    for call in ["times()", "times(1)", "times(0, 5)", "times(5, 0)"] {
        let lowered = ready(&format!(r#"Query::from("truck").{call}{SECOND}"#));
        assert!(header(&lowered).ends_with("truck$ts:INTEGER(64 bits)"), "{call}");
    }
    // Over a window, that name is taken.
    let over = SECOND.replace("\"ts\"", "\"start\"");
    let lowered = ready(&format!(r#"Query::from("truck"){SECOND}.apply(Count()).times(1){over}"#));
    assert!(header(&lowered).ends_with("truck$timestamp:INTEGER(64 bits)"));
}

#[test]
fn an_object_has_no_two_fields_of_one_name() {
    for calls in [
        r#".apply(Sum(Attribute("load")), Min(Attribute("load")))"#,
        r#".byKey(Attribute("id")).apply(Count()->as(Attribute("id")))"#,
    ] {
        ready(&format!(r#"Query::from("truck"){SECOND}{calls}"#));
    }
    // A result may have two of a name, and an object of JSON may not.
    let join = format!(
        r#"Query::from("truck").joinWith(Query::from("truck")).where(Attribute("id") == Attribute("id")){SECOND}"#
    );
    ready(&join);
    let text = format!(r#"{join}.sink(FileSinkDescriptor::create("o", "JSON_FORMAT", "APPEND"));"#);
    let error = lower(&text, &sources(), &SinkCatalog::default()).unwrap_err().remove(0);
    assert!(error.message.contains("two fields of the result are called truck$id"), "{error:?}");
}

#[test]
fn a_file_is_the_one_that_is_named() {
    for (path, literal) in [("/data/g.csv", Json::Null), ("/data/g[1].csv", json!(true))] {
        let sources = one_source(CHARS, "CSV_SOURCE", json!({"filePath": path}));
        let text = format!(r#"Query::from("one").sink({PRINT});"#);
        let lowered = lower(&text, &sources, &SinkCatalog::default()).unwrap();
        let file = config(&lowered, "file");
        assert_eq!((&file["paths"][0], &file["literal"]), (&json!(path), &literal));
    }
}

#[test]
fn rows_of_a_connection_end_with_their_separator() {
    let socket = |settings: Json| {
        let sources = one_source(CHARS, "TCP_SOURCE", settings);
        let text = format!(r#"Query::from("one").sink({PRINT});"#);
        let lowered = lower(&text, &sources, &SinkCatalog::default());
        lowered.map(|l| config(&l, "socket")["scanner"]["config"]["custom_delimiter"].clone())
    };
    for (separator, expected) in
        [("|", json!("|")), ("\n", Json::Null), ("\\n", Json::Null), ("\\t", json!("\t"))]
    {
        let settings = json!({"tupleSeparator": separator, "decideMessageSize": "TUPLE_SEPARATOR",
            "socketDomain": "AF_INET", "socketType": "SOCK_STREAM", "socketBufferSize": 0});
        assert_eq!(socket(settings).unwrap(), expected, "{separator:?}");
    }
    for (settings, expected) in [
        (json!({"decideMessageSize": "BUFFER_SIZE_FROM_SOCKET"}), "only TUPLE_SEPARATOR"),
        (json!({"socketBufferSize": 20}), "has socketBufferSize"),
        (json!({"bytesUsedForSocketBufferSizeTransfer": "4"}), "has bytesUsedForSocket"),
        (json!({"socketType": "SOCK_DGRAM"}), "only SOCK_STREAM"),
        (json!({"socketDomain": "AF_INET6"}), "only AF_INET"),
        (json!({"tupleSeparator": "|", "skipHeader": true}), "has skipHeader"),
    ] {
        let message = socket(settings).unwrap_err().remove(0).message;
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn files_have_formats_and_the_time_of_writing() {
    let file = |calls: &str, arguments: &str| {
        over_chars(calls, &format!(r#"FileSinkDescriptor::create("o", {arguments})"#))
    };
    let lowered = file("", r#""NES_FORMAT", "OVERWRITE""#).unwrap();
    let texts = &config(&lowered, "encode_binary")["texts"];
    assert_eq!(texts.to_string(), r#"[{"column":"one$w","bytes":8}]"#);
    let sink = lowered.plan.nodes.iter().find(|n| n.role == Role::Sink).unwrap();
    assert_eq!(sink.component.config["codec"], "append");

    let two = r#".project(Attribute("w"), Attribute("f32"), Attribute("ts"))"#;
    let table = file(two, r#""TEXT_FORMAT", "APPEND""#).unwrap();
    let border = format!("+{}+\n", "-".repeat(52));
    let head = "|one$w:CHAR[8]|one$f32:FLOAT32|one$ts:UINT64|\n";
    let frame = config(&table, "frame");
    assert_eq!(frame["before"], format!("{border}{head}{border}"));
    assert_eq!(frame["after"], border);
    let rows = config(&table, "encode_csv");
    assert_eq!((&rows["delimiter"], &rows["edges"]), (&json!("|"), &json!(true)));

    let one = r#".project(Attribute("ts"))"#;
    for arguments in ["true", r#""CSV_FORMAT", "APPEND", true"#] {
        let stamped = file(one, arguments).unwrap();
        let before = &config(&stamped, "frame")["before"];
        assert_eq!(before, "one$ts:INTEGER(64 bits),timestamp\n", "{arguments}");
        assert_eq!(config(&stamped, "encode_csv")["stamp"], true);
    }
    let stamped = file(one, r#""JSON_FORMAT", "APPEND", true"#).unwrap();
    assert_eq!(config(&stamped, "encode_json")["stamp"], "timestamp");

    let text = r#".map(Attribute("t") = "x")"#;
    for (calls, arguments, message) in [
        (one, r#""NES_FORMAT", "APPEND", true"#, "addTimestamp is not supported for NES_FORMAT"),
        (text, r#""NES_FORMAT", "APPEND""#, "cannot hold the field one$t of type Text"),
        (one, r#""XML_FORMAT", "APPEND""#, "the format XML_FORMAT of a file sink"),
    ] {
        let error = file(calls, arguments).unwrap_err();
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn a_pattern_returns_fields_to_all_of_its_sinks() {
    let pattern = |rest: &str| {
        let text = format!("PATTERN p := (A) FROM truck AS A {rest}");
        lower(&text, &sources(), &SinkCatalog::default()).map_err(|mut e| e.remove(0).message)
    };
    let lowered = pattern("RETURN ce := [x = A.load, id = TU] INTO Print :: a, File :: b.csv");
    assert!(lowered.unwrap_err().contains("the end of the query"), "a path with a dot is a text");
    let lowered = pattern(
        r#"RETURN ce := [x = A.load, id = TU] INTO Print :: a, File :: "b.csv", NullOutput :: c"#,
    )
    .unwrap();
    assert_eq!(header(&lowered), "truck$x:INTEGER(64 bits) truck$id:INTEGER(32 bits)");
    let sinks = lowered.plan.nodes.iter().filter(|n| n.role == Role::Sink);
    let names: Vec<&str> = sinks.map(|n| n.component.name.as_str()).collect();
    assert_eq!(names, ["stdout", "file", "drop"]);
    let tree: Vec<&str> = lowered.tree.lines().filter(|l| l.starts_with("SINK")).collect();
    assert_eq!(tree, ["SINK(5,null)", "SINK(4,file)", "SINK(3,print)"]);
    assert_eq!(lowered.steps.iter().filter(|step| step.label.starts_with("SINK")).count(), 3);
    assert_eq!(lowered.own_nodes().count(), 7, "their encoders and frames, and they themselves");
    for (rest, message) in [
        ("RETURN ce := [x = B.load] INTO Print :: a", "no source of FROM is called 'B'"),
        ("RETURN ce := [nope = TU] INTO Print :: a", "the field nope is not defined"),
        ("RETURN ce := [] INTO Print :: a", "expected a field"),
        ("INTO Kafka :: a", "the sink Kafka is not supported"),
    ] {
        let error = pattern(rest).unwrap_err();
        assert!(error.contains(message), "{rest}: {error}");
    }
}
