//! What comes of functions that behave.

use tests::program::until;

use super::jdk::{Coordinator, Udf, compiled};
use crate::nebulastream_document::udfs::field;

const ROWS: &str = "1000,1.5,ab,1\n2000,2.5,,2\n3000,3.5,xyz,3\n";
const TYPES: &str = "1,-2,3,-4,0.5,-0.25,1,text\n-128,32767,-2147483648,9223372036854775807,\
                     1.5,2.5,0,\n";

#[test]
fn a_map_takes_and_gives_objects_by_the_names_of_their_fields() {
    let Some(compiled) = compiled() else { return };
    let coordinator = Coordinator::start("udf-map", ROWS, TYPES);
    coordinator.register("scale", &Udf::new(compiled, "Scale", "map"));
    let rows = coordinator.run("Query::from(\"r\").mapUDF(\"scale\")", "scale.csv");
    // The state of an instance counts the rows; the schema comes from the class.
    assert_eq!(
        rows,
        [
            "r$ts:INTEGER(64 bits),r$n:INTEGER(32 bits),r$v:Float(64 bits),r$text:Text,\
             r$large:Boolean",
            "1000,1,15.000000,ab\u{e9}\u{1f600},0",
            "2000,2,25.000000,\u{e9}\u{1f600},1",
            "3000,3,35.000000,xyz\u{e9}\u{1f600},1",
        ]
    );
    // The state of one query is not that of another.
    let again = coordinator
        .run("Query::from(\"r\").mapUDF(\"scale\").filter(Attribute(\"n\") > 2)", "again.csv");
    assert_eq!(again[1..], ["3000,3,35.000000,xyz\u{e9}\u{1f600},1"]);
    let none = until(|| coordinator.hosts().is_empty().then_some(()));
    assert!(none.is_some(), "a process ends with its query: {:?}", coordinator.hosts());
}

#[test]
fn a_serialized_instance_is_called_and_not_another_one() {
    let Some(compiled) = compiled() else { return };
    let coordinator = Coordinator::start("udf-instance", ROWS, TYPES);
    let instance = compiled.scale.clone();
    coordinator.register("scale", &Udf { instance, ..Udf::new(compiled, "Scale", "map") });
    let query = "Query::from(\"r\").mapUDF(\"scale\").project(Attribute(\"v\"))";
    let rows = coordinator.run(query, "scale.csv");
    assert_eq!(rows[1..], ["4.500000", "7.500000", "10.500000"]);
}

#[test]
fn a_flat_map_gives_any_number_of_rows_in_order() {
    let Some(compiled) = compiled() else { return };
    let coordinator = Coordinator::start("udf-flat", ROWS, TYPES);
    coordinator.register("letters", &Udf::new(compiled, "Letters", "flatMap"));
    let rows = coordinator.run("Query::from(\"r\").flatMapUDF(\"letters\")", "letters.csv");
    assert_eq!(rows, ["r$letter:Text,r$at:INTEGER(32 bits)", "a,0", "b,1", "x,0", "y,1", "z,2"]);
    let query = "Query::from(\"r\").flatMapUDF(\"letters\")\
                 .window(TumblingWindow::of(IngestionTime(), Hours(1))).byKey(Attribute(\"letter\"))\
                 .apply(Count()).project(Attribute(\"letter\"), Attribute(\"count\"))";
    let mut rows = coordinator.run(query, "counted.csv").split_off(1);
    rows.sort();
    assert_eq!(rows, ["a,1", "b,1", "x,1", "y,1", "z,1"]);
}

/// A field of 64 bits without a sign, or of 32 bits with one, as schemas have it.
fn integer(name: &str, bits: u8) -> Vec<u8> {
    let least = if bits == 32 { [&[0x18][..], &[0xff; 9], &[1]].concat() } else { Vec::new() };
    let details = [&[0x08, bits][..], &[0x10, 1], &least].concat();
    let any = [field(1, b"IntegerDetails"), field(2, &details)].concat();
    let ty = [vec![0x08, 1], field(2, &any)].concat();
    field(1, &[field(1, name.as_bytes()), field(2, &ty)].concat())
}

#[test]
fn windows_behind_a_function_see_its_times() {
    let Some(compiled) = compiled() else { return };
    let coordinator = Coordinator::start("udf-window", ROWS, TYPES);
    let schema = [integer("n", 32), integer("ts", 64)].concat();
    let more = field(6, &schema);
    coordinator.register("scale", &Udf { more, ..Udf::new(compiled, "Scale", "map") });
    let assign = ".assignWatermark(EventTimeWatermarkStrategyDescriptor::create(Attribute(\"ts\"), \
                  Milliseconds(0), Milliseconds()))";
    for (name, before) in [("own", ""), ("around", assign)] {
        let query = format!(
            "Query::from(\"r\"){before}.mapUDF(\"scale\").window(TumblingWindow::of(\
             EventTime(Attribute(\"ts\")), Seconds(1))).apply(Sum(Attribute(\"n\")))"
        );
        let mut rows = coordinator.run(&query, &format!("{name}.csv")).split_off(1);
        rows.sort();
        assert_eq!(rows, ["1000,2000,1", "2000,3000,2", "3000,4000,3"], "{name}");
    }
}

#[test]
fn every_type_comes_back_as_it_was() {
    let Some(compiled) = compiled() else { return };
    let coordinator = Coordinator::start("udf-types", ROWS, TYPES);
    coordinator.register("same", &Udf::new(compiled, "Same", "map"));
    let plain = coordinator.run("Query::from(\"t\")", "plain.csv");
    let same = coordinator.run("Query::from(\"t\").mapUDF(\"same\")", "same.csv");
    assert_eq!(plain.len(), 3);
    assert_eq!(same, plain);
    coordinator.register("half", &Udf::new(compiled, "Half", "map"));
    let half = "Query::from(\"t\").project(Attribute(\"l\")).mapUDF(\"half\")";
    let rows = coordinator.run(half, "half.csv");
    assert_eq!(rows[..2], ["t$l:Float(64 bits)", "-2.000000"], "{rows:?}");
}

#[test]
fn a_schema_of_the_descriptor_names_what_a_function_gives() {
    let Some(compiled) = compiled() else { return };
    let coordinator = Coordinator::start("udf-schema", ROWS, TYPES);
    let schema = integer("x$negated", 64);
    for (name, more) in [
        ("new", [field(6, &schema), field(7, b"long"), field(8, b"java/lang/Long")].concat()),
        ("old", field(5, &schema)),
    ] {
        let udf = Udf { more, ..Udf::new(compiled, "Trouble", "negative") };
        coordinator.register(name, &udf);
        let why = coordinator
            .fails(&format!("Query::from(\"r\").project(Attribute(\"ts\")).mapUDF(\"{name}\")"));
        assert!(why.contains("the column r$negated: it cannot hold -1000"), "{why}");
    }
}

#[test]
fn many_rows_pass_in_order_and_are_counted_by_one_instance() {
    let Some(compiled) = compiled() else { return };
    let text = "x".repeat(200);
    let rows: String = (0..100_000).map(|n| format!("{n},1.0,{text},7\n")).collect();
    let coordinator = Coordinator::start("udf-many", &rows, TYPES);
    coordinator.register("scale", &Udf::new(compiled, "Scale", "map"));
    let query = "Query::from(\"r\").mapUDF(\"scale\").project(Attribute(\"ts\"), Attribute(\"n\"))";
    let rows = coordinator.run(query, "many.csv");
    assert_eq!(rows.len(), 100_001);
    for (n, row) in rows[1..].iter().enumerate() {
        assert_eq!(*row, format!("{n},{}", n + 1));
    }
}
