use plan::Json;
use proptest::prelude::*;

use super::*;
use crate::schema::Schema;

const SCRIPT: &str = "
    CREATE LOGICAL SOURCE s(id UINT64 NOT NULL, i8 INT8 NOT NULL, u32 UINT32 NOT NULL,
        f FLOAT32 NOT NULL, t VARSIZED NOT NULL, n INT32, flag BOOLEAN, ts INT64 NOT NULL);
    CREATE PHYSICAL SOURCE FOR s TYPE File SET('/s.csv' AS `SOURCE`.FILE_PATH);
    CREATE LOGICAL SOURCE `Other`(`Id` UINT64 NOT NULL, ts UINT64 NOT NULL);
    CREATE PHYSICAL SOURCE FOR `Other` TYPE File
        SET('/o.json' AS `SOURCE`.FILE_PATH, 'JSON' AS PARSER.`TYPE`);
    CREATE LOGICAL SOURCE lonely(a INT8);
    CREATE SINK out(s.id UINT64 NOT NULL) TYPE File SET('/out.csv' AS `SINK`.FILE_PATH);";

fn catalogs() -> (SourceCatalog, SinkCatalog) {
    let (mut sources, mut sinks) = (SourceCatalog::empty(), SinkCatalog::default());
    for statement in SCRIPT.split(';').filter(|s| !s.trim().is_empty()) {
        match command(statement, &sources, &sinks).unwrap_or_else(|e| panic!("{statement}: {e:?}"))
        {
            Command::CreateLogical(name, schema) => sources.add(&name, schema).unwrap(),
            Command::CreatePhysical(source) => sources.add_physical(source).unwrap(),
            Command::CreateSink(sink) => assert!(sinks.add(sink)),
            other => panic!("{statement}: {other:?}"),
        }
    }
    (sources, sinks)
}

fn ready(text: &str) -> Lowered {
    let (sources, sinks) = catalogs();
    let text = format!("{text} INTO Print()");
    lower(&text, &sources, &sinks).unwrap_or_else(|e| panic!("{text}: {}", e.message))
}

/// Fields as `name TYPE`, a question mark behind those that may be without a value.
fn fields(text: &str) -> Vec<String> {
    let Schema { fields } = ready(text).schema;
    let null = |nullable| if nullable { "?" } else { "" };
    fields.iter().map(|f| format!("{} {}{}", f.name, f.ty.sql_name(), null(f.nullable))).collect()
}

fn refused(text: &str) -> String {
    let (sources, sinks) = catalogs();
    let text = if text.contains("INTO") { text.to_owned() } else { format!("{text} INTO Print()") };
    lower(&text, &sources, &sinks).expect_err(&text).message
}

fn config<'a>(lowered: &'a Lowered, name: &str) -> &'a Json {
    let node = lowered.plan.nodes.iter().find(|n| n.component.name == name);
    &node.unwrap_or_else(|| panic!("no {name}")).component.config
}

#[test]
fn names_are_folded_unless_they_are_quoted() {
    assert_eq!(fields("SELECT id, s.ID AS y, `S`.`ID` AS x FROM S").len(), 3);
    assert_eq!(
        fields("SELECT id AS MyName, i8 AS `MyName2` FROM s")[..],
        ["S$MYNAME UINT64", "S$MyName2 INT8"]
    );
    assert_eq!(fields("SELECT id FROM `Other`"), ["Other$Id UINT64"]);
    assert!(refused("SELECT `id` FROM s").starts_with("ERROR 2004: field not found: there is no"));
    assert!(refused("SELECT `ID` FROM `Other`").starts_with("ERROR 2004"));
    assert!(refused("SELECT ID FROM `OTHER`").starts_with("ERROR 2030: unknown source name"));
    let twice = refused(
        "SELECT ab FROM File('/x.csv' AS `SOURCE`.FILE_PATH, \
         SCHEMA(`ab` INT8 NOT NULL, `Ab` INT8 NOT NULL) AS `SOURCE`.`SCHEMA`)",
    );
    assert!(twice.starts_with("ERROR 2003: cannot infer schema: the field"), "{twice}");
    assert!(twice.contains("is ambiguous"), "{twice}");
}

#[test]
fn arithmetic_promotes_as_in_cpp() {
    assert_eq!(
        fields("SELECT i8 + i8 AS a, i8 + u32 AS b, i8 * id AS c, u32 + f AS d, -i8 AS e FROM s"),
        ["S$A INT32", "S$B UINT32", "S$C UINT64", "S$D FLOAT32", "S$E INT32"]
    );
    assert_eq!(
        fields("SELECT ABS(i8) AS a, CEIL(f) AS b, SQRT(f) AS c, POW(i8, i8) AS d FROM s"),
        ["S$A INT8", "S$B FLOAT32", "S$C FLOAT64", "S$D FLOAT64"]
    );
    assert_eq!(
        fields(
            "SELECT INT8(-128) AS a, UINT64(id + i8) AS b, CONCAT(t, VARSIZED('x')) AS c FROM s"
        ),
        ["S$A INT8", "S$B UINT64", "S$C VARSIZED"]
    );
    for text in ["t + i8", "CONCAT(t, i8)", "ABS(t)", "INT8(t)", "NOT i8", "t < i8", "t AND flag"] {
        let why = refused(&format!("SELECT {text} AS x FROM s"));
        assert!(why.starts_with("ERROR 2006: different field type expected: "), "{text}: {why}");
    }
    assert!(refused("SELECT id / INT8(0) AS x FROM s").starts_with("ERROR 3013: arithmetical"));
}

#[test]
fn results_may_have_no_value_where_a_part_has_none() {
    assert_eq!(
        fields(
            "SELECT n, n + i8 AS a, n == i8 AS b, ISNULL(n) AS c, NOT flag AS d, \
             flag AND i8 == i8 AS e, n IS NOT NULL AS g, n / n AS h FROM s"
        ),
        [
            "S$N INT32?",
            "S$A INT32?",
            "S$B BOOLEAN?",
            "S$C BOOLEAN",
            "S$D BOOLEAN?",
            "S$E BOOLEAN?",
            "S$G BOOLEAN",
            "S$H INT32?"
        ]
    );
    let plain = ready("SELECT id + u32 AS a FROM s WHERE i8 > INT8(1)");
    for name in ["filter_rows", "map_column", "encode_csv"] {
        let text = config(&plain, name).to_string();
        assert!(!text.contains("null"), "others pay nothing: {text}");
    }
    let csv = ready("SELECT n, id FROM s");
    let flag = &config(&csv, "encode_csv")["nulls"][0];
    assert_eq!(flag.to_string(), r##"{"column":"S$N","flag":"S$N#null"}"##);
    let read = &config(&csv, "decode_csv")["select"];
    assert_eq!(read.to_string(), r#"["ID","N"]"#);
}

#[test]
fn windows_aggregate_and_name_their_results() {
    assert_eq!(
        fields(
            "SELECT start, end, t, COUNT(*), SUM(i8), AVG(f) AS mean, MEDIAN(id), MAX(n), COUNT(n) \
             FROM s GROUP BY t WINDOW TUMBLING(ts, SIZE 1 SEC)"
        ),
        [
            "S$start UINT64",
            "S$end UINT64",
            "S$T VARSIZED",
            "S$COUNT UINT64",
            "S$I8_SUM INT8",
            "S$MEAN FLOAT64",
            "S$ID_MEDIAN FLOAT64",
            "S$N_MAX INT32?",
            "S$N_COUNT UINT64"
        ]
    );
    let shared = ready(
        "SELECT SUM(i8) + SUM(i8) AS twice FROM s WINDOW SLIDING(SIZE 2 SEC, ADVANCE BY 1 SEC) \
         HAVING SUM(i8) > INT8(1) AND twice > INT32(3)",
    );
    assert_eq!(config(&shared, "window")["aggregates"].as_array().unwrap().len(), 1);
    assert!(config(&shared, "window")["clock"].get("time").is_none(), "the time of arrival");
    let nulls = ready("SELECT n, MIN(n) FROM s GROUP BY n WINDOW TUMBLING(ts, SIZE 1 SEC)");
    let aggregates = &config(&nulls, "window")["aggregates"];
    assert_eq!(aggregates[0]["unless"], "S$N#null");
    assert_eq!(config(&nulls, "window")["keys"].as_array().unwrap().len(), 2);
    assert_eq!(
        fields("SELECT COUNT(*) FROM s WINDOW THRESHOLD(n > INT8(1), 2)"),
        ["S$COUNT UINT64"]
    );
    assert_eq!(fields("SELECT start FROM s WINDOW TUMBLING(ts, SIZE 1 SEC)"), ["S$start UINT64"]);
}

#[test]
fn what_a_window_cannot_is_refused() {
    for (text, number) in [
        ("SELECT SUM(id) FROM s", 2008),
        ("SELECT id FROM s WHERE SUM(id) > id", 2008),
        ("SELECT id FROM s GROUP BY id", 2008),
        ("SELECT id FROM s HAVING id > id", 2008),
        ("SELECT * FROM s WINDOW TUMBLING(ts, SIZE 1 SEC)", 2008),
        ("SELECT SUM(id + id) FROM s WINDOW TUMBLING(ts, SIZE 1 SEC)", 2000),
        ("SELECT SUM(t) FROM s WINDOW TUMBLING(ts, SIZE 1 SEC)", 2006),
        ("SELECT SUM(id) FROM s WINDOW TUMBLING(f, SIZE 1 SEC)", 2006),
        ("SELECT i8 FROM s GROUP BY id WINDOW TUMBLING(ts, SIZE 1 SEC)", 2004),
        ("SELECT SUM(id) FROM s GROUP BY id WINDOW THRESHOLD(flag)", 2008),
        ("SELECT SUM(id) FROM s WINDOW TUMBLING(ts, ts, SIZE 1 SEC)", 2000),
        ("SELECT SUM(id) AS a, SUM(u32) AS a FROM s WINDOW TUMBLING(ts, SIZE 1 SEC)", 2005),
    ] {
        let why = refused(text);
        assert!(why.starts_with(&format!("ERROR {number}: ")), "{text}: {why}");
    }
}

#[test]
fn unions_have_one_schema() {
    assert_eq!(
        fields("SELECT n AS x FROM s UNION SELECT INT32(i8) AS x FROM s"),
        ["S$X INT32?"],
        "one side may have no value"
    );
    assert!(refused("SELECT id FROM s UNION SELECT i8 AS id FROM s").starts_with("ERROR 2003"));
    assert!(refused("SELECT id FROM s UNION SELECT id AS x FROM s").starts_with("ERROR 2003"));
}

#[test]
fn joins_have_the_fields_of_both() {
    let join = "FROM (SELECT id, ts FROM s) a INNER JOIN `Other` ON a.id = `Other`.`Id` \
                WINDOW TUMBLING(ts, SIZE 1 SEC)";
    assert_eq!(
        fields(&format!("SELECT * {join}")),
        [
            "AOther$start UINT64",
            "AOther$end UINT64",
            "A$ID UINT64",
            "A$TS INT64",
            "Other$Id UINT64",
            "Other$TS UINT64"
        ]
    );
    assert_eq!(fields(&format!("SELECT a.*, `Other`.ts AS x {join}")).len(), 3);
    let lowered = ready(&format!("SELECT start {join}"));
    assert_eq!(config(&lowered, "join")["where"], plan::serde_json::json!([]), "keys alone");
    let null = ready("SELECT start FROM s a JOIN s b ON a.n = b.n WINDOW TUMBLING(ts, SIZE 1 SEC)");
    assert_eq!(
        config(&null, "join")["where"].as_array().unwrap().len(),
        1,
        "no value matches none"
    );
}

#[test]
fn sources_and_sinks_may_be_inline() {
    let text = "SELECT a FROM File('p.csv' AS `SOURCE`.FILE_PATH, 'CSV' AS PARSER.`TYPE`, \
                ';' AS PARSER.FIELD_DELIMITER, \
                SCHEMA(a UINT64 NOT NULL, b INT8) AS `SOURCE`.`SCHEMA`) \
                INTO File('o' AS `SINK`.FILE_PATH, 'JSON' AS `SINK`.OUTPUT_FORMAT, TRUE AS `SINK`.APPEND)";
    let (sources, sinks) = catalogs();
    let lowered = lower(text, &sources, &sinks).unwrap();
    assert_eq!(config(&lowered, "decode_csv")["delimiter"], ";");
    let sink = lowered.plan.nodes.last().unwrap();
    assert_eq!(sink.component.config["mode"], "append");
    for (text, number) in [
        ("SELECT a FROM File('p' AS `SOURCE`.FILE_PATH) INTO Print()", 4002),
        ("SELECT a FROM Generator(SCHEMA(a INT8) AS `SOURCE`.`SCHEMA`) INTO Print()", 2008),
        ("SELECT id FROM s INTO File()", 2008),
        ("SELECT id FROM s INTO Checksum()", 2008),
        ("SELECT id FROM s INTO File('o' AS `SINK`.FILE_PATH, 1 AS `SINK`.NOPE)", 2008),
        ("SELECT id FROM s INTO nowhere", 2033),
        ("SELECT i8 FROM s INTO out", 2003),
        ("SELECT a FROM lonely INTO Print()", 2030),
    ] {
        let why = refused(text);
        assert!(why.starts_with(&format!("ERROR {number}: ")), "{text}: {why}");
    }
    assert!(lower("SELECT id FROM s INTO out", &sources, &sinks).is_ok());
}

#[test]
fn statements_ask_for_changes_and_rows() {
    let (sources, sinks) = catalogs();
    let ask = |text: &str| command(text, &sources, &sinks);
    assert!(ask("SELECT id FROM s INTO out").is_err());
    assert_eq!(ask("DROP SINK WHERE name = 'OUT'"), Ok(Command::DropSink("OUT".into())));
    assert_eq!(ask("DROP QUERY WHERE id = 3"), Ok(Command::DropQuery(3)));
    assert_eq!(ask("SHOW QUERIES"), Ok(Command::ShowQueries(None)));
    let Ok(Command::Rows(rows)) = ask("SHOW PHYSICAL SOURCES FOR s FORMAT JSON") else {
        panic!("no rows")
    };
    assert_eq!(rows.to_string(), r#"[{"name":"S_0","logicalSource":"S","type":"CSV_SOURCE"}]"#);
    let Ok(Command::Rows(rows)) = ask("SHOW LOGICAL SOURCES WHERE name = s") else {
        panic!("no rows")
    };
    assert_eq!(rows[0]["schema"][5].to_string(), r#"{"name":"N","type":"INT32","nullable":true}"#);
    let Ok(Command::Explain(tree)) = ask("EXPLAIN SELECT id FROM s INTO out") else {
        panic!("no plan")
    };
    assert!(tree.starts_with("SINK("), "{tree}");
    for (text, number) in [
        ("CREATE LOGICAL SOURCE S(a INT8)", 2031),
        ("CREATE PHYSICAL SOURCE FOR nope TYPE File", 2030),
        ("CREATE PHYSICAL SOURCE FOR s TYPE File", 4002),
        ("DROP LOGICAL SOURCE WHERE name = 's'", 2008),
        ("DROP PHYSICAL SOURCE WHERE name = 'nope'", 2030),
        ("DROP SINK WHERE name = 'nope'", 2033),
        ("DROP QUERY WHERE id = 'x'", 5000),
        ("DROP SINK WHERE type = 'File'", 2008),
    ] {
        let why = ask(text).unwrap_err().message;
        assert!(why.starts_with(&format!("ERROR {number}: ")), "{text}: {why}");
    }
}

#[test]
fn scripts_have_sources_sinks_and_one_query() {
    let script = format!("{SCRIPT} SELECT id FROM s INTO out;");
    let plan = crate::lower_file(&script).unwrap();
    assert_eq!(plan.nodes.last().unwrap().component.name, "file");
    assert!(crate::lower_file(SCRIPT).unwrap_err()[0].message.starts_with("ERROR 2000"));
    let two = format!("{script} SELECT id FROM s INTO out;");
    assert!(crate::lower_file(&two).unwrap_err()[0].message.starts_with("ERROR 2008"));
}

#[test]
fn the_text_says_which_language_it_is() {
    for text in ["select 1", " -- c\n(SELECT", "/* */ Create x", "SHOW", "explain x"] {
        assert!(is_sql(text), "{text}");
    }
    for text in ["Query::from(\"a\")", "return Query", "PATTERN a := b", "", "selects"] {
        assert!(!is_sql(text), "{text}");
    }
    assert!(is_statement("drop x") && !is_statement("SELECT"));
}

#[test]
fn operators_are_limited() {
    let many = vec!["SELECT id FROM s"; crate::OPERATORS_MAX].join(" UNION ");
    assert!(refused(&many).contains("at most"), "{}", refused(&many));
}

const PARTS: &[&str] = &[
    "SELECT",
    "FROM s",
    "FROM (",
    ")",
    "WHERE",
    "id",
    "n",
    "flag",
    "t",
    "SUM(n)",
    "COUNT(*)",
    ",",
    "GROUP BY n",
    "WINDOW TUMBLING(ts, SIZE 1 SEC)",
    "HAVING",
    "UNION",
    "SELECT * FROM s",
    "AND",
    "== INT8(1)",
    "+ n",
    "AS x",
    "ISNULL(n)",
    "JOIN s b ON s.n = b.n",
    "*",
];

proptest! {
    #[test]
    fn no_query_is_a_panic(parts in prop::collection::vec(prop::sample::select(PARTS), 0..16)) {
        let (sources, sinks) = catalogs();
        let _ = lower(&format!("SELECT {} INTO Print()", parts.join(" ")), &sources, &sinks);
    }
}

#[test]
fn errors_name_no_field_that_the_query_does_not() {
    for having in ["nope > UINT64(1)", "COUNT(*) > UINT64(1) AND nope > UINT64(1)"] {
        let window = "WINDOW TUMBLING(ts, SIZE 1 SEC)";
        let message =
            refused(&format!("SELECT MAX(i8) - MIN(i8), COUNT(*) FROM s {window} HAVING {having}"));
        let shown = message.to_ascii_uppercase();
        assert!(shown.contains("THERE IS NO FIELD NOPE IN THE SCHEMA S$START:UINT64"), "{message}");
        assert!(!message.contains('#'), "{message}");
    }
}
