use proptest::prelude::*;

use super::*;
use crate::ast::{ExprKind, Mqtt, OpKind, Sink};
use crate::types::{Type, UINT64};

fn error(text: &str) -> Diagnostic {
    parse_query(text).unwrap_err()
}

#[test]
fn a_query_of_many_calls() {
    let text = r#"return Query::from("a") // first
        .filter(Attribute("id") > 10 && !(Attribute("x") == 1.5f))
        .map(Attribute("y") = CASE({WHEN(Attribute("x") < 0, 1), WHEN(true, 2)}, POWER(2, 3)))
        .project(Attribute("id").as("n"), Attribute("y"))
        .joinWith((Query::from("b")).as("c")).where(Attribute("n") == Attribute("id"))
        .window(SlidingWindow::of(EventTime(Attribute("ts"), Seconds()), Minutes(1), Seconds(5)))
        .window(TumblingWindow::of(IngestionTime(), Hours(1))).byKey(Attribute("n"))
        .apply(Sum(Attribute("y"))->as(Attribute("s")), Count())
        .times(2, 0).window(TumblingWindow::of(EventTime(Attribute("ts")), Seconds(1)))
        .assignWatermark(EventTimeWatermarkStrategyDescriptor::create(Attribute("ts"),
            Milliseconds(7), Seconds()))
        .window(ThresholdWindow::of(Attribute("s") > 5, 2)).apply(Median(Attribute("s")))
        .limit(3)
        .sink(FileSinkDescriptor::create("o.csv", "CSV_FORMAT", "APPEND"), 4);"#;
    let query = parse_query(text).unwrap();
    assert_eq!((query.source.as_str(), query.ops.len()), ("a", 10));
    let Some(OpKind::Join(_, _, window)) = query.ops.get(3).map(|o| &o.kind) else { panic!() };
    assert_eq!((window.size_ms, window.slide_ms), (60_000, 5000));
    assert_eq!(window.time.as_ref().unwrap().1, 1000);
}

#[test]
fn precedence_is_that_of_the_language() {
    let text = r#"Query::from("a").filter(1 + 2 * 3 < 4 && 5 == 6 || true);"#;
    let query = parse_query(text).unwrap();
    let OpKind::Filter(expr) = &query.ops[0].kind else { panic!() };
    let ExprKind::Binary("||", and, _) = &expr.kind else { panic!() };
    let ExprKind::Binary("&&", less, _) = &and.kind else { panic!() };
    let ExprKind::Binary("<", sum, _) = &less.kind else { panic!() };
    assert!(matches!(&sum.kind, ExprKind::Binary("+", _, _)));
}

#[test]
fn a_pattern_is_the_query_it_stands_for() {
    let text = "PATTERN p := ((A SEQ B[2:3]) OR C) FROM a AS A, b AS B, c AS C \
        WHERE A.x < B.y && A.x > 1 WITHIN [3 MINUTES] INTO Print :: s";
    let query = parse_pattern(text).unwrap();
    assert_eq!(query.source, "a");
    let OpKind::Pattern(right, true, window) = &query.ops[0].kind else { panic!() };
    assert_eq!((right.source.as_str(), window.size_ms), ("b", 180_000));
    assert!(matches!(&right.ops[0].kind, OpKind::Times(times, _) if times.max == Some(3)));
    assert!(matches!(&query.ops[1].kind, OpKind::Union(_)));
    assert!(matches!(&query.ops[2].kind, OpKind::Filter(_)));
    for (text, message) in [
        ("PATTERN p := (A SEQ B) FROM a AS A, b AS B INTO Print :: s", "needs a window"),
        ("PATTERN p := (A) FROM a AS B INTO Print :: s", "is called 'A'"),
        ("PATTERN p := (A NEXT B) FROM a AS A, b AS B INTO Print :: s", "NEXT is not supported"),
        ("PATTERN p := (NOT A) FROM a AS A INTO Print :: s", "NOT is not supported"),
        ("PATTERN p := (A) FROM a AS A WITHIN [0 DAY] INTO Print :: s", "empty or too long"),
        ("PATTERN p := (A) FROM a AS A INTO Print", "'::'"),
    ] {
        let error = parse_pattern(text).unwrap_err();
        assert!(error.message.contains(message), "{text}: {}", error.message);
    }
}

#[test]
fn the_sinks_of_a_pattern_are_limited() {
    let pattern = |sinks: usize| {
        let sinks = vec!["Print :: s"; sinks].join(", ");
        parse_pattern(&format!("PATTERN p := (A) FROM a AS A INTO {sinks}"))
    };
    let query = pattern(pattern::SINKS_MAX).unwrap();
    let Some(OpKind::Sinks(sinks)) = query.ops.last().map(|op| &op.kind) else { panic!() };
    assert_eq!(sinks.len(), pattern::SINKS_MAX);
    assert_eq!(pattern(pattern::SINKS_MAX + 1).unwrap_err().code, "too-long");
}

#[test]
fn errors_have_places() {
    let cases = [
        (r#"Query::from("a").fliter(Attribute("id") > 10);"#, 18, "no call 'fliter'"),
        (r#"Query::from("a").filter(Attribute("id") > 10 sink(X));"#, 46, "expected ')'"),
        (r#"Query::from("a").filter(Attribute("id").as("b") > 10);"#, 40, "expected ')'"),
        (r#"Query::from("a").filter(Attribute("id") > 1 & true);"#, 45, "'&'"),
        (
            r#"Query::from("a").window(TumblingWindow::of(Attribute("t"), Seconds(1)))"#,
            44,
            "EventTime",
        ),
        (
            r#"Query::from("a").window(TumblingWindow::of(EventTime(Attribute("t")), Seconds(0)))"#,
            71,
            "greater than 0",
        ),
        (r#"Query::from("a").sink(NoSink::create())"#, 23, "no sink 'NoSink'"),
        (r#"Query::from("a").filter(Attribute("x", BasicType::FOO) > 1)"#, 40, "no type 'FOO'"),
        (r#"Query::from("a").filter(Attribute("x", FOO) > 1)"#, 40, "no type 'FOO'"),
        (r#"Query::from("a").filter(ABS(1, 2) > 1)"#, 25, "takes 1 argument"),
        (r#"Query::from("a"); x"#, 19, "the end of the query"),
        ("", 1, "expected 'Query'"),
    ];
    for (text, column, message) in cases {
        let error = error(text);
        assert!(error.message.contains(message), "{text}: {}", error.message);
        assert_eq!(error.span.column, column, "{text}");
    }
}

#[test]
fn what_cannot_run_is_still_understood() {
    for call in [
        r#"inferModel("m", {Attribute("a")}, {Attribute("b")})"#,
        r#"batchJoinWith(Query::from("b")).where(Attribute("a") == Attribute("b"))"#,
        r#"sink(OPCSinkDescriptor::create("opc.tcp://x:1", Node(1, (2)), "u", "p"))"#,
    ] {
        parse_query(&format!(r#"Query::from("a").{call};"#)).unwrap();
    }
}

#[test]
fn functions_are_called_by_name() {
    let query = parse_query(r#"Query::from("a").mapUDF("f").flatMapUDF("g h");"#).unwrap();
    let calls: Vec<&OpKind> = query.ops.iter().map(|op| &op.kind).collect();
    let (map, flat) = (OpKind::Udf("f".to_owned(), false), OpKind::Udf("g h".to_owned(), true));
    assert_eq!(calls, [&map, &flat]);
    for (call, column, message) in [
        ("mapUDF()", 25, "expected a text in quotes, found ')'"),
        ("mapUDF(f)", 25, "expected a text in quotes, found 'f'"),
        (r#"flatMapUDF("f", 1)"#, 32, "expected ')', found ','"),
    ] {
        let error = error(&format!(r#"Query::from("a").{call};"#));
        assert_eq!((error.span.column, error.message.as_str()), (column, message), "{call}");
    }
}

#[test]
fn what_an_mqtt_sink_is_told() {
    let sink = |arguments: &str| {
        let call = format!("MQTTSinkDescriptor::create({arguments})");
        let query = parse_query(&format!(r#"Query::from("a").sink({call});"#))?;
        let Some(OpKind::Sink(Sink::Mqtt(mqtt), None)) =
            query.ops.into_iter().next().map(|op| op.kind)
        else {
            panic!("{arguments}");
        };
        Ok::<_, Diagnostic>(mqtt)
    };
    let plain = Mqtt {
        address: "ws://x:1".into(),
        topic: "t".into(),
        user: "user".into(),
        window: 1000,
        delay_ns: 0,
        qos: 1,
        client_id: String::new(),
    };
    assert_eq!(sink(r#""ws://x:1", "t""#).unwrap(), plain);
    let full = r#""ws://x:1", "t", "u", 10, MQTTSinkDescriptor::TimeUnits::milliseconds, 5,
        MQTTSinkDescriptor::ServiceQualities::exactlyOnce, false, "me""#;
    let (user, client_id) = ("u".to_owned(), "me".to_owned());
    let told = Mqtt { user, window: 10, delay_ns: 5_000_000, qos: 2, client_id, ..plain.clone() };
    assert_eq!(sink(full).unwrap(), told);
    let slow = sink(r#""ws://x:1", "t", "user", 1000, seconds, 18446744073709551615"#).unwrap();
    assert_eq!(slow, Mqtt { delay_ns: u64::MAX, ..plain });
    for (arguments, message) in [
        (r#""ws://x:1""#, "expected ','"),
        (r#""a", "t", "u", 1, TimeUnits::hours"#, "'hours' is not a unit of time: nanoseconds"),
        (r#""a", "t", "u", 1, seconds, 0, perhaps"#, "'perhaps' is not a quality of service"),
        (r#""a", "t", "u", 1, seconds, 0, atMostOnce, 1"#, "expected 'true' or 'false'"),
        (r#""a", "t", "u", 1, seconds, 0, atMostOnce, true, "i", 2"#, "expected ')'"),
    ] {
        let error = sink(arguments).unwrap_err();
        assert!(error.message.contains(message), "{arguments}: {}", error.message);
    }
}

#[test]
fn depth_and_length_are_limited() {
    let deep = format!(r#"Query::from("a").filter({}1{})"#, "(".repeat(5000), ")".repeat(5000));
    assert_eq!(error(&deep).code, "too-deep");
    let minus = format!(r#"Query::from("a").filter({}1)"#, "!".repeat(5000));
    assert_eq!(error(&minus).code, "too-deep");
    let chain = format!(r#"Query::from("a").filter(1{})"#, " + 1".repeat(5000));
    assert_eq!(error(&chain).code, "too-deep");
    let queries = r#"Query::from("a").unionWith("#.repeat(200);
    assert_eq!(error(&queries).code, "too-deep");
    let calls = format!(r#"Query::from("a"){}"#, ".limit(1)".repeat(CALLS_MAX + 1));
    assert_eq!(error(&calls).code, "too-long");
}

#[test]
fn schemas_in_both_spellings() {
    let text = r#"Schema::create(MemoryLayout::ROW)->addField("$id", BasicType::UINT32)
        ->addField(createField("s$ts", BasicType::UINT64))
        ->addField("n", DataTypeFactory::createFixedChar(8))->addField("t", DataTypeFactory::createText());"#;
    let schema = parse_schema(text).unwrap();
    let text = "id:INTEGER(32 bits) ts:INTEGER(64 bits) n:ArrayType t:Text";
    assert_eq!(schema.to_string(), text);
    assert_eq!(schema.fields[1].ty, UINT64);
    assert_eq!(schema.fields[2].ty, Type::FixedChar(8));
    assert_eq!(schema.rows_of_buffer(4096), 4096 / 24);
    let text = r#"Schema::create()->addField(createField("a", UINT64))->addField("b", FLOAT32)
        ->addField("c", DataTypeFactory::createArray(4, DataTypeFactory::createChar()))
        ->addField("d", DataTypeFactory::createType(BasicType::INT8))"#;
    let types: Vec<Type> = parse_schema(text).unwrap().fields.iter().map(|f| f.ty).collect();
    let (float, int) = (Type::Float { bits: 32 }, Type::Int { bits: 8, signed: true });
    assert_eq!(types, [UINT64, float, Type::FixedChar(4), int]);
    let array =
        r#"Schema::create()->addField("a", DataTypeFactory::createArray(4, BasicType::INT8))"#;
    let message = parse_schema(array).unwrap_err().message;
    assert_eq!(message, "an array of INTEGER(8 bits) is not supported, only one of Char");
    for bad in [
        "this is no schema",
        r#"Schema::create()->addField("a", UINT65)"#,
        r#"Schema::create()->addField("a", DataTypeFactory::createFixedChar(4294967296))"#,
        r#"Schema::create()->addField("a", BasicType::INT128)"#,
        r#"Schema::create()->addField("a", BasicType::INT8)->addField("a", BasicType::INT8)"#,
        r#"Schema::create()->addField("a")"#,
        "Schema::create(",
    ] {
        assert!(parse_schema(bad).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn no_text_is_a_panic(words in prop::collection::vec(prop::sample::select(vec![
        "Query", "::", "from", "(", ")", "\"a\"", ".", "filter", "Attribute", "window", "of",
        "TumblingWindow", "EventTime", ",", "Seconds", "1", "joinWith", "where", "==", "+", "-",
        "sink", "FileSinkDescriptor", "create", "{", "}", "CASE", "WHEN", "->", "as", ";", "times",
        "batchJoinWith", "mapUDF", "flatMapUDF", "Schema", "addField", "BasicType", "apply", "Sum", "byKey",
    ]), 0..30), start: bool) {
        let head = if start { "Query::from(\"a\")." } else { "" };
        let text = format!("{head}{}", words.join(" "));
        let _ = parse_query(&text);
        let _ = parse_schema(&text);
        let _ = parse_pattern(&format!("PATTERN {}", words.join(" ")));
    }
}
