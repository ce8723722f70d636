use super::*;
use crate::catalog::{Physical, SinkCatalog, SourceCatalog};
use crate::lower::lower;
use crate::parse::parse_schema;

fn sources() -> SourceCatalog {
    let mut sources = SourceCatalog::default();
    for name in ["a", "b"] {
        let schema = r#"Schema::create()->addField("id", BasicType::UINT64)
            ->addField("price", BasicType::FLOAT64)->addField("small", BasicType::INT8)
            ->addField("ok", BasicType::BOOLEAN)->addField("name", BasicType::TEXT)
            ->addField("ts", BasicType::UINT64);"#;
        sources.add(name, parse_schema(schema).unwrap()).unwrap();
        let config = plan::serde_json::json!({"filePath": "/data/x.csv"});
        let kind = "CSV_SOURCE".to_owned();
        // One on the coordinator and one elsewhere, so that filters run for each of them.
        for node in [1, 2] {
            let (logical, kind, config) = (name.to_owned(), kind.clone(), config.clone());
            let name = format!("{name}{node}");
            sources.add_physical(Physical { logical, name, kind, node, config }).unwrap();
        }
    }
    sources
}

fn said(text: &str) -> Option<String> {
    let text = match text.starts_with("SELECT") {
        true => format!("{text} INTO Print()"),
        false => format!("{text}.sink(PrintSinkDescriptor::create());"),
    };
    let lowered = lower(&text, &sources(), &SinkCatalog::default());
    let lowered = lowered.unwrap_or_else(|e| panic!("{text}: {e:?}"));
    unsatisfiable(&lowered.plan).map(|diagnostic| diagnostic.message)
}

/// `Attribute` as `A`, and what follows `from`.
fn query(rest: &str) -> Option<String> {
    said(&format!("Query::from(\"a\"){}", rest.replace("A(", "Attribute(")))
}

const WINDOW: &str = r#".window(TumblingWindow::of(EventTime(A("ts")), Seconds(1)))"#;

#[test]
fn what_no_value_has_is_refused() {
    for rest in [
        r#".filter(A("price") > 10 && A("price") < 5)"#,
        r#".filter(A("price") > 10).filter(A("price") < 5)"#,
        r#".filter(10 < A("a$price")).filter(5 >= A("price"))"#,
        r#".filter(A("price") > 10 && A("price") <= 10)"#,
        r#".filter(A("price") == 1 && A("price") != 1)"#,
        r#".filter(A("id") > 5 && A("id") < 6)"#,
        r#".filter(A("id") < 0)"#,
        r#".filter(A("id") == -1)"#,
        r#".filter(A("small") > 126 && A("small") != 127)"#,
        r#".filter(A("small") > 300 && A("small") < 200)"#,
        r#".filter(A("id") >= 1 && A("id") <= 2 && A("id") != 1 && A("id") != 2)"#,
        r#".filter(!(A("id") > 5) && !(A("id") < 6))"#,
        r#".filter((A("id") < 1 || A("id") > 9) && A("id") == 5)"#,
        r#".filter(!(A("id") >= 1 && A("id") <= 9)).filter(A("id") == 5)"#,
        r#".filter(A("ok")).filter(!A("ok"))"#,
        r#".filter(A("ok") == true && A("ok") == false)"#,
        r#".filter(A("name") == "x" && A("name") == "y")"#,
        r#".filter(1 > 2)"#,
        r#".filter(A("price") > 10).map(A("id") = 1).limit(3).filter(A("price") < 5)"#,
        r#".filter(A("price") > 10).as("b").filter(A("b$price") < 5)"#,
        r#".filter(A("price") > 10).project(A("price").as("p")).filter(A("p") < 5)"#,
        r#".filter(A("id") < 0).map(A("x") = A("id") + 1)"#,
    ] {
        let text = query(rest).unwrap_or_else(|| panic!("{rest}"));
        assert!(text.starts_with("Unsatisfiable Query due to filter condition:\n"), "{text}");
    }
    let text = query(r#".filter(A("price") > 10 && A("price") < 5)"#).unwrap();
    assert!(text.ends_with("\na$price > 10.0 && a$price < 5.0"), "{text}");
}

#[test]
fn what_a_row_may_have_is_not_refused() {
    for rest in [
        "",
        r#".filter(A("price") > 10 || A("price") < 5)"#,
        r#".filter(A("price") >= 10 && A("price") <= 10)"#,
        r#".filter(A("price") > 5 && A("price") < 6)"#,
        // What is no number is neither.
        r#".filter(!(A("price") > 5) && !(A("price") <= 5))"#,
        r#".filter(A("price") > 10 && A("id") < 5)"#,
        r#".filter(A("id") > 5 && A("id") < 7)"#,
        r#".filter(A("id") > -1)"#,
        r#".filter(A("small") >= 127)"#,
        r#".filter(A("name") == "x" || A("name") == "y")"#,
        r#".filter(A("ok") || !A("ok"))"#,
        r#".filter(A("price") > 10).map(A("price") = A("price") - 9).filter(A("price") < 5)"#,
        r#".filter(A("price") + 1 > 10 && A("price") + 1 < 5)"#,
        r#".filter(A("price") > 10).project(A("price").as("p"), A("id")).filter(A("id") < 5)"#,
    ] {
        assert_eq!(query(rest), None, "{rest}");
    }
}

#[test]
fn sides_of_unions_and_joins_are_told_apart() {
    let (none, some) = (r#".filter(A("id") < 0)"#, r#".filter(A("id") < 9)"#);
    let union =
        |left: &str, right: &str| query(&format!("{left}.unionWith(Query::from(\"a\"){right})"));
    assert_eq!(union(none, some), None, "the other side gives rows");
    assert_eq!(union(some, none), None, "the other side gives rows");
    assert!(union(none, none).is_some());
    let left_of = |more: &str| query(&format!("{none}.unionWith(Query::from(\"a\"){some}){more}"));
    assert!(left_of(r#".filter(A("id") > 9)"#).is_some(), "only the right side is left");
    let join = |left: &str, right: &str, more: &str| {
        let on = r#".where(A("id") == A("id"))"#;
        query(&format!("{left}.joinWith(Query::from(\"b\"){right}){on}{WINDOW}{more}"))
    };
    assert!(join(none, some, "").is_some(), "there are no pairs");
    assert!(join(some, none, "").is_some(), "there are no pairs");
    assert_eq!(join(some, r#".filter(A("id") > 9)"#, ""), None, "what pairs is not looked at");
    let sides = r#".filter(A("a$price") > 10 && A("b$price") < 5)"#;
    assert_eq!(join("", "", sides), None, "they are different fields");
}

#[test]
fn windows_give_nothing_without_rows_and_their_fields_are_others() {
    let window = format!("{WINDOW}.byKey(A(\"id\")).apply(Sum(A(\"price\")))");
    let of = |before: &str, after: &str| query(&format!("{before}{window}{after}"));
    assert!(of(r#".filter(A("id") < 0)"#, "").is_some());
    assert_eq!(of(r#".filter(A("price") > 10)"#, r#".filter(A("price") < 5)"#), None);
    assert!(of("", r#".filter(A("price") > 10 && A("price") < 5)"#).is_some());
}

#[test]
fn the_other_language_is_followed_in_the_same_way() {
    let of = |test: &str| said(&format!("SELECT id FROM a WHERE {test}"));
    assert!(of("price > FLOAT64(10) AND price < FLOAT64(5)").is_some());
    assert_eq!(of("price > FLOAT64(10) OR price < FLOAT64(5)"), None);
    assert!(of("id < UINT64(0)").is_some());
}

#[test]
fn what_is_too_much_to_follow_says_nothing() {
    let or = |n: usize| format!(r#"(A("id") > 1{n} || A("price") > 1{n})"#);
    let ors: Vec<String> = (0..5).map(or).collect();
    let never = |ors: &[String]| {
        query(&format!(r#".filter({}).filter(A("id") < 9 && A("price") < 9)"#, ors.join(" && ")))
    };
    assert!(never(&ors[..4]).is_some());
    assert_eq!(never(&ors), None, "it would be two to the power of five ways");

    let mut facts = Facts::default();
    for n in 0..facts::COLUMNS_MAX {
        assert!(facts.add(&n.to_string(), DataType::I64, Test::Gt, &Value::Int(1)));
    }
    assert!(facts.add("more", DataType::I64, Test::Gt, &Value::Int(1)));
    assert!(facts.add("more", DataType::I64, Test::Lt, &Value::Int(1)), "it is not remembered");
    assert!(!facts.add("0", DataType::I64, Test::Lt, &Value::Int(1)));

    let mut facts = Facts::default();
    for n in 0..=facts::OTHERS_MAX as i128 {
        assert!(facts.add("x", DataType::U64, Test::Ne, &Value::Int(n)));
    }
    let last = Value::Int(facts::OTHERS_MAX as i128);
    assert!(facts.add("x", DataType::U64, Test::Le, &last), "the last one was not remembered");
}

#[test]
fn conditions_are_looked_at_and_shown_up_to_their_limits() {
    let json = |text: String| -> Json { plan::serde_json::from_str(&text).unwrap() };
    let none = |steps: &[String]| {
        filtered(Rows::any(), &json(format!("[{}]", steps.join(",")))).is_empty()
    };
    // False, said not to be so an even number of times.
    let nots = |count: usize| {
        let not = |n: usize| format!(r#"{{"op":"not","type":"bool","args":[{n}]}}"#);
        let first = r#"{"value":false,"type":"bool"}"#.to_owned();
        std::iter::once(first).chain((0..count).map(not)).collect::<Vec<_>>()
    };
    assert!(none(&nots(DEPTH_MAX - 2)));
    assert!(!none(&nots(DEPTH_MAX)));
    // Each is the one before twice, and behind that comes what never holds.
    let twice = |levels: usize| {
        let and = |a: usize, b: usize| format!(r#"{{"op":"and","type":"bool","args":[{a},{b}]}}"#);
        let mut steps = vec![r#"{"col":"x"}"#.to_owned()];
        steps.extend((0..levels).map(|n| and(n, n)));
        steps.push(r#"{"value":false,"type":"bool"}"#.to_owned());
        steps.push(and(levels, levels + 1));
        steps
    };
    assert!(none(&twice(3)));
    assert!(2_usize.pow(20) > STEPS_MAX && !none(&twice(20)));

    let filters: String = (0..20).map(|n| format!(r#".filter(A("id") != {n})"#)).collect();
    let text = query(&format!(r#"{filters}.filter(A("id") < 0)"#)).unwrap();
    assert_eq!(text.matches(" && ").count() + 1, CONDITIONS_MAX, "{text}");
    assert!(text.ends_with("a$id < 0"), "{text}");
    let long = "x".repeat(2 * TEXT_BYTES_MAX);
    let both = format!(r#".filter(A("name") == "{long}" && A("name") == "y")"#);
    let text = query(&both).unwrap();
    let (_, conditions) = text.split_once('\n').unwrap();
    assert_eq!(conditions.len(), TEXT_BYTES_MAX);
}
