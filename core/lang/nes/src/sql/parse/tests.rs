use proptest::prelude::*;

use super::*;
use crate::ast::{Expr, ExprKind};
use crate::sql::ast::{Body, Item, Query, WindowKind};

fn query(text: &str) -> Query {
    match parse(&format!("{text} INTO sink;")) {
        Ok(Statement::Query(query)) => query,
        other => panic!("{text}: {other:?}"),
    }
}

fn select(text: &str) -> crate::sql::ast::Select {
    match query(text).body {
        Body::Select(select) => *select,
        other => panic!("{text}: {other:?}"),
    }
}

/// Code, line and column of what is wrong, and its text.
fn wrong(text: &str) -> (String, u32, u32, String) {
    let error = parse(text).expect_err(text);
    (error.code, error.span.line, error.span.column, error.message)
}

/// An expression in brackets.
fn shown(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Attr(name) => name.clone(),
        ExprKind::Unary(sign, a) => format!("{sign}{}", shown(a)),
        ExprKind::Binary(sign, a, b) => format!("({}{sign}{})", shown(a), shown(b)),
        ExprKind::IsNull(a) => format!("null({})", shown(a)),
        ExprKind::Call(name, args) => {
            format!("{name}({})", args.iter().map(shown).collect::<Vec<_>>().join(","))
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn operators_bind_as_in_sql() {
    let of = |text: &str| shown(&select(&format!("SELECT * FROM s WHERE {text}")).filter.unwrap());
    assert_eq!(of("a OR b AND NOT c"), "(A||(B&&!C))");
    assert_eq!(of("NOT a AND b"), "(!A&&B)");
    assert_eq!(of("a + b * c - d = e"), "(((A+(B*C))-D)==E)");
    assert_eq!(of("a <> b OR a !> c"), "((A!=B)||(A<=C))");
    assert_eq!(of("-a % b IS NOT NULL"), "!null((-A%B))");
    assert_eq!(of("s.a < `s`.`b`"), "(S$A<`s$`b)");
    assert_eq!(of("abs(a) > pow(b, c)"), "(ABS(A)>POW(B,C))");
}

#[test]
fn clauses_of_a_select() {
    let all = select(
        "select start, COUNT(*) as n from s where a group by (b, c), d \
         window sliding(ts, size 2 sec, advance by 500 ms) watermark(ts, 3 minutes) having n > a",
    );
    assert_eq!((all.items.len(), all.keys.len()), (2, 3));
    assert_eq!(all.watermark.unwrap().1, 180_000);
    let WindowKind::Time { times, size_ms, slide_ms } = all.window.unwrap().kind else { panic!() };
    assert_eq!((times.len(), size_ms, slide_ms), (1, 2000, 500));
    let reversed = select("SELECT SUM(a) FROM s WINDOW TUMBLING(SIZE 1 DAY) GROUP BY b");
    assert!(reversed.window.is_some() && reversed.keys.len() == 1);
    let threshold = select("SELECT SUM(a) FROM s WINDOW THRESHOLD(a > b, 3)");
    assert!(matches!(threshold.window.unwrap().kind, WindowKind::Threshold(_, 3)));
    let items = select("SELECT *, t.*, a AS `b` FROM t").items;
    assert!(matches!(&items[..], [Item::All(_), Item::AllOf(_), Item::Expr(_, Some(_))]));
}

#[test]
fn relations_nest_and_join() {
    let joined = select(
        "SELECT * FROM (SELECT * FROM a) x INNER JOIN b AS y ON c = d WINDOW TUMBLING(t, u, SIZE 1 SEC) \
         JOIN (c) ON e = f WINDOW TUMBLING(SIZE 1 SEC)",
    );
    assert_eq!(joined.from.joins.len(), 2);
    assert_eq!(joined.from.first.alias.unwrap().name, "X");
    let Body::Union(all) =
        query("SELECT * FROM a UNION (SELECT * FROM b) UNION SELECT * FROM c").body
    else {
        panic!("no union")
    };
    assert_eq!(all.len(), 3);
}

#[test]
fn errors_have_places() {
    let cases = [
        ("SELECT a FROM s", "no-sink", 1, 1),
        ("SELECT a,\n  FROM s INTO x", "syntax", 2, 3),
        ("SELECT a FROM s WHERE INTO x", "syntax", 1, 23),
        ("SELECT a + 1 FROM s INTO x", "syntax", 1, 12),
        ("SELECT INT8(300) FROM s INTO x", "malformed", 1, 13),
        ("SELECT NOPE(a) FROM s INTO x", "syntax", 1, 8),
        ("SELECT POW(a) FROM s INTO x", "syntax", 1, 8),
        ("SELECT a.b.c FROM s INTO x", "syntax", 1, 11),
        ("SELECT SUM(a) FROM s WINDOW TUMBLING(t, SIZE 0 SEC) INTO x", "syntax", 1, 46),
        ("SELECT SUM(a) FROM s WINDOW TUMBLING(t, SIZE 1 EON) INTO x", "syntax", 1, 48),
        ("SELECT * FROM (SELECT a FROM s INTO y) INTO x", "syntax", 1, 32),
        ("CREATE LOGICAL SOURCE s(a INT128)", "unknown-type", 1, 27),
        ("CREATE LOGICAL SOURCE s(a INT8, a INT8)", "field-exists", 1, 33),
        ("SELECT a FROM s INTO File(1 AS a.b, 2 AS a.b)", "syntax", 1, 37),
        ("nope", "syntax", 1, 1),
        ("", "syntax", 0, 0),
    ];
    for (text, code, line, column) in cases {
        let (c, l, k, message) = wrong(text);
        assert_eq!((c.as_str(), l, k), (code, line, column), "{text}: {message}");
    }
}

#[test]
fn what_only_parses_elsewhere_is_refused() {
    for text in [
        "SELECT a FROM s INTO x ORDER BY a",
        "SELECT a FROM s INTO x LIMIT 1",
        "SELECT a FROM s INTO x OFFSET 1",
        "SELECT a FROM s WHERE a IN (b) INTO x",
        "SELECT a FROM s WHERE a NOT LIKE b INTO x",
        "SELECT a FROM s WHERE a BETWEEN b AND c INTO x",
        "SELECT a FROM s WHERE EXISTS (SELECT b FROM t) INTO x",
        "SELECT CASE FROM s INTO x",
        "SELECT (SELECT a FROM s) FROM s INTO x",
        "SELECT a || b FROM s INTO x",
        "SELECT DISTINCT a FROM s INTO x",
        "SELECT a FROM s, t INTO x",
        "SELECT a FROM s LEFT JOIN t ON a = b WINDOW TUMBLING(SIZE 1 SEC) INTO x",
        "SELECT a FROM s UNION ALL SELECT a FROM s INTO x",
        "SELECT a FROM s INTO x, y",
        "SELECT SUM(a) FROM s WINDOW TUMBLING(3) INTO x",
        "SELECT SUM(a) FROM s GROUP BY a WITH ROLLUP WINDOW TUMBLING(SIZE 1 SEC) INTO x",
        "CREATE WORKER 'a:1'",
        "CREATE LOGICAL SOURCE s(a INT8) AS SELECT a FROM t",
        "SHOW QUERIES FORMAT TEXT",
        "INSERT a",
        "SHOW SINKS; SHOW SINKS",
    ] {
        assert_eq!(wrong(text).0, "unsupported", "{text}");
    }
}

#[test]
fn nesting_has_a_limit() {
    let deep =
        |n: usize| format!("SELECT a FROM s WHERE {}a{} INTO x", "(".repeat(n), ")".repeat(n));
    assert!(parse(&deep(DEPTH_MAX as usize - 1)).is_ok());
    assert_eq!(wrong(&deep(DEPTH_MAX as usize)).0, "too-deep");
    let chain = |n: usize| format!("SELECT a FROM s WHERE a{} INTO x", " AND a".repeat(n));
    assert!(parse(&chain(DEPTH_MAX as usize - 1)).is_ok());
    assert_eq!(wrong(&chain(DEPTH_MAX as usize)).0, "too-deep");
    let inner = format!("SELECT * FROM {} INTO x", "(SELECT * FROM ".repeat(200));
    assert_eq!(wrong(&inner).0, "too-deep");
    assert_eq!(wrong(&format!("SELECT {}", "NOT ".repeat(10_000))).0, "too-deep");
    assert_eq!(wrong(&"(".repeat(100_000)).0, "too-deep");
}

#[test]
fn settings_have_a_limit() {
    use crate::sql::settings::SETTINGS_MAX;
    let text = |n: usize| {
        let all: Vec<String> = (0..n).map(|i| format!("{i} AS `SINK`.K{i}")).collect();
        format!("SELECT a FROM s INTO File({})", all.join(", "))
    };
    assert!(parse(&text(SETTINGS_MAX)).is_ok());
    assert_eq!(wrong(&text(SETTINGS_MAX + 1)).0, "syntax");
}

const WORDS: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "WINDOW",
    "TUMBLING(",
    "SLIDING(",
    "SIZE 1 SEC",
    "HAVING",
    "INTO",
    "UNION",
    "INNER JOIN",
    "ON",
    "AS",
    "(",
    ")",
    ",",
    "*",
    "a",
    "`b`",
    "INT8(1)",
    "SUM(a)",
    "=",
    "+",
    "AND",
    "NOT",
    "IS NULL",
    ";",
    "CREATE",
    "LOGICAL SOURCE",
    "SINK",
    "TYPE File",
    "SET(",
    "'x'",
    ".",
    "1",
    "ADVANCE BY",
    "SHOW",
    "DROP",
];

proptest! {
    #[test]
    fn no_text_is_a_panic(text in "\\PC{0,80}") {
        let _ = parse_all(&text);
    }

    #[test]
    fn no_words_are_a_panic(words in prop::collection::vec(prop::sample::select(WORDS), 0..40)) {
        let _ = parse_all(&words.join(" "));
    }
}
