//! Queries of the NebulaStream languages from their text to their files.

use std::io::Write;
use std::net::TcpListener;

use serde_json::json;
use tests::program::{Folder, Program, http, until};

/// A coordinator with sources, each a name, its fields, and its configuration.
struct Coordinator {
    folder: Folder,
    program: Program,
    address: String,
}

impl Coordinator {
    fn start(folder: Folder, sources: &[(&str, &str, &str)]) -> Self {
        let (mut logical, mut physical) = (String::new(), String::new());
        for (name, fields, settings) in sources {
            let field = |field: &str| {
                let (name, ty) = field.split_once(':').expect("a name and a type");
                let (ty, length) = ty.split_once('/').unwrap_or((ty, ""));
                let length = if length.is_empty() { "" } else { &format!(", length: {length}") };
                format!("        - {{name: {name}, type: {ty}{length}}}\n")
            };
            let fields: String = fields.split(' ').map(field).collect();
            logical += &format!("  - logicalSourceName: {name}\n    fields:\n{fields}");
            physical += &format!(
                "    - logicalSourceName: {name}\n      physicalSourceName: {name}1\n      {settings}\n"
            );
        }
        let config = format!(
            "restPort: 0\nlogicalSources:\n{logical}worker:\n  physicalSources:\n{physical}"
        );
        let config = folder.write("coordinator.yaml", config);
        let program = Program::start(&["nes", "coordinator", &format!("--configPath={config}")]);
        let address = program.address("requests: nes");
        Coordinator { folder, program, address }
    }

    /// Submits a query and returns its id.
    fn run(&self, query: &str) -> String {
        let body = json!({"userQuery": query, "placement": "BottomUp"}).to_string();
        let answer = http(&self.address, "POST", "/v1/nes/query/execute-query", &body);
        assert_eq!(answer.status, 202, "{query}: {}", answer.text());
        answer.json()["queryId"].to_string().replace('"', "")
    }

    /// Runs a query to its end; `OUT` in it is the path of the file, whose text is returned.
    fn file(&self, query: &str, out: &str) -> String {
        let id = self.run(&query.replace("OUT", &self.folder.path(out).display().to_string()));
        let status = format!("/v1/nes/queryCatalog/status?queryId={id}");
        let stopped = until(|| {
            let shown = http(&self.address, "GET", &status, "").json();
            (shown["status"] == "STOPPED").then_some(())
        });
        assert!(stopped.is_some(), "{query}: {}", self.program.log());
        self.folder.read(out)
    }

    /// The rows of a query that ends with `.sink(FILE)`, sorted, without their header.
    fn rows(&self, query: &str) -> Vec<String> {
        let file = "FileSinkDescriptor::create(\"OUT\", \"CSV_FORMAT\", \"OVERWRITE\")";
        let text = self.file(&query.replace("FILE", file), "rows.csv");
        let mut rows: Vec<String> = text.lines().skip(1).map(str::to_owned).collect();
        rows.sort_unstable();
        rows
    }
}

/// The configuration of a source that reads a file.
fn of_file(kind: &str, path: &str) -> String {
    format!("type: {kind}\n      configuration: {{filePath: \"{path}\"}}")
}

#[test]
fn sequences_keep_their_order_and_means_do_not_wrap_around() {
    let folder = Folder::new("nes-language");
    let rows = |name: &str, text: &str| of_file("CSV_SOURCE", &folder.write(name, text));
    let (a, b, c) = (
        rows("a.csv", "100,1\n500,2\n"),
        rows("b.csv", "200,1\n600,2\n"),
        rows("c.csv", "300,1\n550,2\n"),
    );
    let big = rows(
        "big.csv",
        "1,9000000000000000000,18446744073709551615,-9000000000000000000\n\
         2,9000000000000000000,18446744073709551615,-9000000000000000000\n\
         3,9000000000000000000,1,-9000000000000000000\n",
    );
    // What is named is read, and not what the name would match.
    folder.write("g1.csv", "1\n");
    let odd = rows("g[1].csv", "7\n");
    let coordinator = Coordinator::start(
        folder,
        &[
            ("a", "ts:UINT64 n:UINT32", &a),
            ("b", "ts:UINT64 n:UINT32", &b),
            ("c", "ts:UINT64 n:UINT32", &c),
            ("big", "ts:UINT64 i:INT64 u:UINT64 m:INT64", &big),
            ("odd", "x:UINT8", &odd),
        ],
    );
    let second = ".window(TumblingWindow::of(EventTime(Attribute(\"ts\")), Seconds(1)))";
    let found = coordinator.rows(&format!(
        "Query::from(\"a\").seqWith(Query::from(\"b\")){second}.seqWith(Query::from(\"c\")){second}\
         .project(Attribute(\"a$ts\"), Attribute(\"b$ts\"), Attribute(\"c$ts\")).sink(FILE);"
    ));
    assert_eq!(found, ["100,200,300", "100,200,550"]);

    let means = coordinator.rows(&format!(
        "Query::from(\"big\"){second}.apply(Avg(Attribute(\"i\")), Avg(Attribute(\"u\")), \
         Avg(Attribute(\"m\")), Sum(Attribute(\"i\"))->as(Attribute(\"s\"))).sink(FILE);"
    ));
    let sum = (3 * 9_000_000_000_000_000_000i128) as i64;
    let third = (2 * u128::from(u64::MAX) + 1) / 3;
    let expected = format!("0,1000,9000000000000000000,{third},-9000000000000000000,{sum}");
    assert_eq!(means, [expected]);
    let text = coordinator.file(
        "SELECT AVG(n) AS a FROM (SELECT ts, INT64(9000000000000000000) AS n FROM big) \
         WINDOW TUMBLING(ts, SIZE 10 SEC) INTO File('OUT' AS `SINK`.FILE_PATH)",
        "mean.csv",
    );
    assert_eq!(text.lines().nth(1), Some("9000000000000000000.000000"));

    assert_eq!(coordinator.rows("Query::from(\"odd\").sink(FILE);"), ["7"]);
    let constants = coordinator.rows(
        "Query::from(\"odd\").map(Attribute(\"x\") = 300).map(Attribute(\"y\") = 0x10)\
         .map(Attribute(\"y\") = 2.5).sink(FILE);",
    );
    assert_eq!(constants, ["300,2.500000"]);
}

#[test]
fn files_have_the_format_that_is_asked_for() {
    let folder = Folder::new("nes-formats");
    let input = folder.write("in.csv", "x,abcd,1.5,1,7\n\u{e9},ab,-2,0,8\n");
    let packed = folder.path("packed.bin").display().to_string();
    let fields = "c:CHAR w:CHAR/4 v:FLOAT32 f:BOOLEAN n:UINT64";
    let wide = folder.write("wide.csv", "abcdefgh\nabcdefghijklm\n");
    let coordinator = Coordinator::start(
        folder,
        &[
            ("s", fields, &of_file("CSV_SOURCE", &input)),
            ("back", fields, &of_file("BINARY_SOURCE", &packed)),
            ("wide", "w:CHAR/8", &of_file("CSV_SOURCE", &wide)),
        ],
    );
    let sink = |format: &str, more: &str| {
        format!(
            "Query::from(\"s\").sink(FileSinkDescriptor::create(\"OUT\", \"{format}\", \
             \"OVERWRITE\"{more}));"
        )
    };
    coordinator.file(&sink("NES_FORMAT", ""), "packed.bin");
    let bytes = std::fs::read(&packed).expect("the packed rows");
    assert_eq!(bytes.len(), 2 * (1 + 4 + 4 + 1 + 8));
    let same = ["x,abcd,1.500000,1,7", "\u{e9},ab,-2.000000,0,8"];
    assert_eq!(coordinator.rows("Query::from(\"back\").sink(FILE);"), same);

    let border = format!("+{}+", "-".repeat(52));
    let table = coordinator.file(&sink("TEXT_FORMAT", ""), "table.txt");
    let lines: Vec<&str> = table.lines().collect();
    let head = "|s$c:CHAR|s$w:CHAR[4]|s$v:FLOAT32|s$f:BOOLEAN|s$n:UINT64|";
    let rows = ["|x|abcd|1.500000|1|7|", "|\u{e9}|ab|-2.000000|0|8|"];
    assert_eq!(lines, [&border, head, &border, rows[0], rows[1], &border]);

    let stamped = coordinator.file(&sink("CSV_FORMAT", ", true"), "stamped.csv");
    let mut lines = stamped.lines();
    assert!(lines.next().is_some_and(|head| head.ends_with(",s$n:INTEGER(64 bits),timestamp")));
    for (line, row) in lines.zip(same) {
        let time = line.strip_prefix(row).and_then(|rest| rest.strip_prefix(',')).expect(line);
        let ms: u64 = time.parse().expect("milliseconds");
        assert!(ms > 1_700_000_000_000, "a time of this century: {ms}");
    }
    let objects = coordinator.file(&sink("JSON_FORMAT", ", true"), "stamped.json");
    assert!(objects.lines().all(|line| line.contains("\"timestamp\":")), "{objects}");

    // What a field has no room for fails the query and says so.
    coordinator.run("Query::from(\"wide\").sink(NullOutputSinkDescriptor::create());");
    let failed = until(|| {
        let all =
            http(&coordinator.address, "GET", "/v1/nes/queryCatalog/allRegisteredQueries", "");
        all.text().contains("FAILED").then(|| all.text())
    });
    let why = "field w: a value has at most 8 bytes, and not 13 bytes: abcdefghijklm";
    assert!(failed.as_ref().is_some_and(|shown| shown.contains(why)), "{failed:?}");
}

#[test]
fn rows_of_a_connection_end_with_the_separator_of_their_source() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    let settings = format!(
        "type: TCP_SOURCE\n      configuration: {{socketHost: 127.0.0.1, socketPort: {port}, \
         inputFormat: CSV, tupleSeparator: \"|\"}}"
    );
    let folder = Folder::new("nes-separator");
    let coordinator = Coordinator::start(folder, &[("s", "a:UINT8 b:UINT8", &settings)]);
    let out = coordinator.folder.path("out.csv").display().to_string();
    coordinator.run(&format!(
        "Query::from(\"s\").sink(FileSinkDescriptor::create(\"{out}\", \"CSV_FORMAT\", \
         \"OVERWRITE\"));"
    ));
    let (mut stream, _) = listener.accept().expect("it connects");
    stream.write_all(b"5,1|6,2|7,").expect("it takes rows");
    stream.write_all(b"3|").expect("it takes rows");
    let there = until(|| {
        let text = coordinator.folder.read("out.csv");
        text.ends_with("5,1\n6,2\n7,3\n").then_some(())
    });
    assert!(there.is_some(), "{}", coordinator.folder.read("out.csv"));
}

#[test]
fn a_pattern_writes_to_all_of_its_sinks() {
    let folder = Folder::new("nes-pattern");
    let input = folder.write("in.csv", "1,5\n2,50\n3,500\n");
    let source = of_file("CSV_SOURCE", &input);
    let coordinator = Coordinator::start(folder, &[("tb", "auction:UINT64 v:UINT64", &source)]);
    let pattern = "PATTERN p := (A) FROM tb AS A WHERE A.v > 10 RETURN ce := [x = A.auction, v = TU] \
                   INTO File :: \"OUT\", NullOutput :: n, File :: \"OUT.too\"";
    let expected = "tb$x:INTEGER(64 bits),tb$v:INTEGER(64 bits)\n2,50\n3,500\n";
    assert_eq!(coordinator.file(pattern, "out.csv"), expected);
    assert_eq!(coordinator.folder.read("out.csv.too"), expected);
}
