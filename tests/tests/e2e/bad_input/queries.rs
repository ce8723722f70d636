//! Queries over rows, names and windows that do not fit.

use serde_json::json;

use super::messages::nes::Coordinator;
use super::{folder, logs};

/// Two rows that fit, and five that do not.
const ROWS: &[u8] = b"1,2\n3\n4,5,6\nx,7\n8,y\n\xff\xfe,9\n10,11\n";

#[test]
fn rows_of_the_wrong_width_or_type_are_counted_and_reported_and_the_query_goes_on() {
    let folder = folder(&[("ticks.csv", ROWS)]);
    let skip = "        onError: skip\n";
    let coordinator = Coordinator::configured(&folder, "ticks.csv", skip);
    let id = coordinator.copy_to(&folder.path("out.csv").display().to_string());
    coordinator.becomes(id, "STOPPED");
    let text = folder.read("out.csv");
    let rows: Vec<&str> = text.lines().skip(1).filter(|line| !line.is_empty()).collect();
    assert_eq!(rows, ["1,2", "10,11"]);
    let stream = format!("stream={id}");
    for (number, why) in [
        (1, "does not contain the right number of delimited fields. Fields: 1, expected: 2"),
        (2, "does not contain the right number of delimited fields. Fields: 3, expected: 2"),
        (4, "field v: cannot read"),
    ] {
        let counted = format!("rows left out so far: {number};");
        logs(&coordinator.program, &[&stream, &counted, why]);
    }
}

#[test]
fn a_query_whose_names_or_windows_do_not_fit_is_refused_by_them_and_nothing_runs() {
    let folder = folder(&[("ticks.csv", b"1,2\n")]);
    let coordinator = Coordinator::start(&folder, "ticks.csv");
    let window = ".window(TumblingWindow::of(EventTime(Attribute(\"ts\")), Seconds(1)))";
    let unknown = "the field nope is not defined in the schema ticks$ts:INTEGER(64 bits)";
    let clauses = [
        (
            "a window without time",
            ".window(TumblingWindow::of(Seconds(1))).apply(Count())".to_owned(),
            "EventTime",
        ),
        (
            "a window whose time is no field",
            ".window(TumblingWindow::of(EventTime(Attribute(\"when\")), Seconds(1))).apply(Count())"
                .to_owned(),
            "the field when is not defined in the schema",
        ),
        (
            "a window without size",
            window.replace("Seconds(1)", "Seconds(0)") + ".apply(Count())",
            "must be greater than 0",
        ),
        (
            "an ambiguous name",
            ".map(Attribute(\"other$v\") = 1).filter(Attribute(\"v\") > 1)".to_owned(),
            "the field v is ambiguous: it may be ticks$v or other$v",
        ),
        ("an unknown field in a filter", ".filter(Attribute(\"nope\") > 1)".to_owned(), unknown),
        (
            "an unknown field in a map",
            ".map(Attribute(\"x\") = Attribute(\"nope\") + 1)".to_owned(),
            unknown,
        ),
        ("an unknown field in a projection", ".project(Attribute(\"nope\"))".to_owned(), unknown),
        (
            "an unknown key",
            format!("{window}.byKey(Attribute(\"nope\")).apply(Count())"),
            unknown,
        ),
        ("an unknown aggregate", format!("{window}.apply(Sum(Attribute(\"nope\")))"), unknown),
    ];
    for ((clause, calls, why), id) in clauses.iter().zip(1..) {
        let query =
            format!("Query::from(\"ticks\"){calls}.sink(NullOutputSinkDescriptor::create());");
        let message = coordinator.refuses(&query);
        assert!(message.contains(why), "{clause}: {message}");
        assert!(message.contains("(line 1, column "), "{clause} has a place: {message}");
        let entry = coordinator.entry(id);
        assert_eq!(entry["queryStatus"], "FAILED", "{clause}");
        assert_eq!(entry["queryInfo"], message, "{clause}");
        assert_eq!(coordinator.pipelines(), json!([]), "{clause}: nothing runs");
    }
    let id = coordinator.copy_to(&folder.path("out.csv").display().to_string());
    coordinator.becomes(id, "STOPPED");
}
