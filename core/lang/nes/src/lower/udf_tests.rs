use plan::Json;
use plan::serde_json::json;

use super::*;
use crate::catalog::Physical;
use crate::parse::parse_schema;
use crate::udf::Udf;
use crate::udf::testing::function;

fn sources() -> SourceCatalog {
    let schema = r#"Schema::create()->addField("id", BasicType::UINT32)
        ->addField("speed", BasicType::FLOAT32)->addField("name", DataTypeFactory::createText())
        ->addField("code", BasicType::CHAR)->addField("ts", BasicType::UINT64);"#;
    let mut sources = SourceCatalog::empty();
    sources.add("car", parse_schema(schema).unwrap()).unwrap();
    for n in 0..2 {
        let config = json!({"filePath": "/data/car.csv"});
        let (logical, name, kind) = ("car".to_owned(), format!("car{n}"), "CSV_SOURCE".to_owned());
        sources.add_physical(Physical { logical, name, kind, node: 1, config }).unwrap();
    }
    sources
}

fn lowered(calls: &str, udf: &Udf) -> Result<Lowered, Diagnostic> {
    let text = format!("Query::from(\"car\"){calls}.sink(PrintSinkDescriptor::create());");
    let udfs = |name: &str| (name == "f").then(|| udf.clone());
    lower_with(&text, &sources(), &SinkCatalog::default(), &udfs).map_err(|mut e| e.remove(0))
}

fn config(lowered: &Lowered) -> &Json {
    let node = lowered.plan.nodes.iter().find(|node| node.component.name == "java_udf");
    &node.expect("the operator").component.config
}

#[test]
fn a_function_comes_with_the_plan() {
    let udf = Udf { instance: vec![1, 2, 3], ..function() };
    let lowered = lowered(r#".mapUDF("f")"#, &udf).unwrap();
    assert_eq!(lowered.schema.to_string(), "car$id:INTEGER(64 bits) car$fast:Boolean");
    let config = config(&lowered);
    let shown = |key: &str| config[key].to_string();
    assert_eq!(
        (shown("class"), shown("method"), shown("flat"), shown("instance"), shown("name")),
        (r#""F""#.into(), r#""map""#.into(), "false".into(), r#""AQID""#.into(), r#""f""#.into())
    );
    assert_eq!(
        shown("input"),
        r#"{"class":"p.In","fields":[{"column":"car$speed","name":"speed","java":"double"},{"column":"car$name","name":"name","java":"text"}]}"#
    );
    assert_eq!(
        shown("output"),
        r#"[{"column":"car$id","name":"id","java":"long","type":"i64"},{"column":"car$fast","name":"fast","java":"boolean","type":"bool"}]"#
    );
    let names: Vec<&str> =
        config["classes"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["F", "p.In", "p.Out", "p.Above"]);
    let decoder = lowered.plan.nodes.iter().find(|node| node.component.name == "decode_csv");
    let select = &decoder.unwrap().component.config["select"];
    assert_eq!(select.to_string(), r#"["speed","name"]"#, "nothing else is parsed");
    assert_eq!(lowered.tree, "SINK(3,print)\n  MAP_JAVA_UDF(2,f)\n    SOURCE(1,car)\n");
}

#[test]
fn one_value_is_the_only_field() {
    let long = Udf { method: "both".to_owned(), input: "long".to_owned(), ..function() };
    let one = lowered(r#".project(Attribute("ts").as("n")).mapUDF("f")"#, &long).unwrap();
    assert_eq!(one.schema.to_string(), "car$n:INTEGER(64 bits)", "it keeps its name");
    let (input, output) = (config(&one)["input"].to_string(), config(&one)["output"].to_string());
    let taken = r#"{"class":"long","fields":[{"column":"car$n","name":"","java":"long"}]}"#;
    let made = r#"[{"column":"car$n","name":"n","java":"long","type":"i64"}]"#;
    assert_eq!((input.as_str(), output.as_str()), (taken, made));
    let text = Udf { output: "java.lang.String".to_owned(), ..function() };
    let text = lowered(r#".mapUDF("f")"#, &text).unwrap();
    assert_eq!(text.schema.to_string(), "car$f:Text", "it has the name of the function");
}

#[test]
fn times_go_around_a_function() {
    let window =
        r#".window(TumblingWindow::of(EventTime(Attribute("id")), Seconds(1))).apply(Count())"#;
    let assign = r#".assignWatermark(EventTimeWatermarkStrategyDescriptor::create(Attribute("ts"), Milliseconds(7), Milliseconds()))"#;
    let schema = r#"Schema::create()->addField("x$id", BasicType::UINT64);"#;
    let flat = Udf {
        method: "flatMap".to_owned(),
        schema: Some(parse_schema(schema).unwrap()),
        ..function()
    };
    let lowered = lowered(&format!(r#"{assign}.flatMapUDF("f"){window}"#), &flat).unwrap();
    assert_eq!(config(&lowered)["carry"].to_string(), r##"["#time"]"##);
    let output = config(&lowered)["output"].to_string();
    assert_eq!(output, r#"[{"column":"car$id","name":"id","java":"long","type":"u64"}]"#);
    let node = lowered.plan.nodes.iter().find(|node| node.component.name == "window").unwrap();
    let clock = &node.component.config["clock"];
    assert_eq!(clock["watermark"]["time"]["column"], "#time");
}

#[test]
fn what_does_not_fit_a_function_is_refused_with_its_place() {
    let told = |text: &str| Some(parse_schema(&format!("Schema::create(){text};")).unwrap());
    let twice = Udf { method: "twice".to_owned(), ..function() };
    let none = Udf { schema: Some(Schema::default()), ..function() };
    let other = Udf { schema: told(r#"->addField("id", BasicType::INT32)"#), ..function() };
    let more = Udf { schema: told(r#"->addField("more", BasicType::INT64)"#), ..function() };
    let big = Udf { instance: vec![0; crate::udf::UDF_BYTES_MAX], ..function() };
    let project = r#".map(Attribute("speed") = Attribute("id"))"#;
    for (calls, udf, expected) in [
        (r#".mapUDF("g")"#, &function(), "there is no UDF 'g' in the catalog"),
        (r#".mapUDF("f")"#, &twice, "it takes one value of type int, and its input has several"),
        (
            r#".project(Attribute("name")).mapUDF("f")"#,
            &function(),
            "the field speed of p.In is not in its input: car$name:Text",
        ),
        (
            &format!(r#"{project}.mapUDF("f")"#),
            &function(),
            "the field car$speed has the type INTEGER(32 bits), which double of p.In does not",
        ),
        (r#".mapUDF("f")"#, &none, "its output schema has no fields"),
        (r#".mapUDF("f")"#, &other, "the field id:INTEGER(32 bits) of its output schema is not"),
        (r#".mapUDF("f")"#, &more, "the field more:INTEGER(64 bits) of its output schema is not"),
        (r#".mapUDF("f")"#, &big, "at most 16777216 bytes of classes and instance"),
    ] {
        let error = lowered(calls, udf).unwrap_err();
        assert!(error.message.contains(expected), "{expected}: {}", error.message);
        assert_eq!(error.code, "udf");
        let column = 20 + calls.rfind('.').unwrap_or_default() as u32;
        assert_eq!((error.span.line, error.span.column), (1, column), "{calls}");
    }
}
