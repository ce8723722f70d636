//! Mappings and documents that follow the grammar, from a generator.

use proptest::prelude::*;
use proptest::sample::select;

/// A document as text, in any form.
pub(crate) fn documents() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        select(vec!["null", "true", "false", "0", "1", "-2.50", "1e400", "1E2", "7", "[]", "{}"])
            .prop_map(String::from),
        select(vec![
            r#""x""#,
            r#""a-b""#,
            r#""""#,
            r#""2024-02-29T01:02:03.5Z""#,
            r#""5""#,
            r#""\u00e9\/\n\u2028""#,
            "\"é<\u{2028}\"",
        ])
        .prop_map(String::from),
        any::<i64>().prop_map(|n| n.to_string()),
        "\"[ -!#-Z^-~é]{0,6}\"",
    ];
    let value = leaf.prop_recursive(3, 16, 4, |inner| {
        let key = select(vec!["a", "b", "c", "\\u0061", "x y", "0"]);
        let space = || select(vec!["", "", "", " ", "\n"]);
        let member = (key, space(), inner.clone())
            .prop_map(|(key, space, value)| format!("{space}\"{key}\"{space}:{value}{space}"));
        prop_oneof![
            1 => prop::collection::vec(inner, 0..4).prop_map(|i| format!("[{}]", i.join(","))),
            2 => prop::collection::vec(member, 0..5).prop_map(|m| format!("{{{}}}", m.join(","))),
        ]
    });
    let member = |key: &'static str| value.clone().prop_map(move |v| format!("\"{key}\":{v}"));
    let record =
        (member("c"), member("a"), member("b")).prop_map(|(c, a, b)| format!("{{{c}, {a},{b}}}"));
    prop_oneof![6 => record, 2 => value, 1 => Just("no json".to_owned())]
}

/// Methods that may follow an expression; `E` stands for another one.
const TAILS: &[&str] = &[
    ".a",
    ".b.c",
    ".\"x y\"",
    ".\"0\"",
    ".\"*\".a",
    ".uppercase()",
    ".length()",
    ".string()",
    ".slice(1)",
    ".slice(0, E)",
    ".map_each(x1 -> x1 + E)",
    ".map_each(this.type() + E)",
    ".filter(_ -> E)",
    ".fold(E, x2 -> x2.tally + x2.value)",
    ".sort()",
    ".sort_by(this.a | E)",
    ".or(E)",
    ".catch(E)",
    ".(E)",
    ".(x3 -> x3.a)",
    ".get(\"a.b\")",
    ".replace_all(new: E, old: \"a\")",
    ".index(0)",
    ".merge(E)",
    ".without(\"a\", \"b.c\")",
    ".round()",
    ".number()",
    ".number(E)",
    ".int64()",
    ".type()",
    ".bool(false)",
    ".split(\"-\")",
    ".split(\"-\").index(0).lowercase()",
    ".ts_format(\"2006-01-02\")",
    ".ts_unix_milli()",
    ".trim_prefix(\"x\")",
    ".contains(E)",
    ".append(E, 1)",
    ".keys()",
    ".values()",
    ".format_json(indent: \"\")",
    ".parse_json(use_number: true)",
    ".not_null()",
    ".apply(\"m\")",
    ".map_each(x7 -> x7.value | x7)",
    ".any(x8 -> x8 == E)",
    ".all(x9 -> x9 != E)",
    ".assign(E)",
    ".squash()",
    ".key_values()",
    ".unique()",
    ".join(\"-\")",
    ".sum()",
    ".min()",
    ".max()",
    ".capitalize()",
    ".trim()",
    ".trim(\"a-\")",
    ".ts_unix()",
    ".re_match(\"^[a-]\")",
    ".re_replace_all(\"[a-c]+\", \"<$0>\")",
    ".re_find_object(\"(?P<b>[a-z]+)(-)?\")",
    ".parse_form_url_encoded()",
    ".flatten()",
    ".reverse()",
    ".enumerated()",
    ".hash(\"sha1\").encode(\"hex\")",
    ".has_prefix(\"a\")",
];

/// Expressions around others, which take the places of `E`.
const FORMS: &[&str] = &[
    "E + E",
    "E - E",
    "E * E",
    "E / E",
    "E % E",
    "E | E",
    "E == E",
    "E != E",
    "E < E",
    "E >= E",
    "E && E",
    "E || E",
    "(E)",
    "-E",
    "!E",
    "-(E)",
    "!(E == E)",
    "[E, E]",
    "[E,\n  E,\n]",
    "{\"k\": E, \"a b\": E}",
    "{(E.string()): E}",
    "if E { E }",
    "if E == E { E } else if E { E } else { E }",
    "match E { E => E, 5 => E, \"x\" => E, null => E, _ => E }",
    "match { this.a == E => E }",
    "(if E { E } else { E }).a",
    "(x4 -> x4.a + E)",
    "E.(E + this.a)",
    "range(0, 3).map_each(x5 -> x5 * E)",
    "E + x6 -> x6",
];

const LEAVES: &[&str] = &[
    "this",
    "this.a",
    "this.b",
    "this.c",
    "a",
    "this.a.b",
    "this.\"x y\".c",
    "this.0",
    "$v",
    "$v",
    "@k",
    "@",
    "@\"k k\"",
    "0",
    "1",
    "5",
    "2.50",
    "-1",
    "--5",
    "100000000000000000000.0",
    "true",
    "false",
    "null",
    "\"x\"",
    "\"a-b\"",
    "\"\"",
    "\"\"\"raw \"x\" \\n\"\"\"",
    "\"\\u00e9\\xff\\n\"",
    "[]",
    "[1, \"x\", [null]]",
    "{}",
    "{\"a\": 1}",
    "deleted()",
    "nothing()",
    "throw(\"no\")",
    "root",
    "root.r",
    "batch_size()",
    "content().string()",
    "metadata(\"k\")",
    "pi()",
    "\"2024-01-01T00:00:00Z\".ts_parse(\"2006-01-02T15:04:05Z07:00\")",
];

/// Those that leave nothing to the general evaluator.
const PLAIN_LEAVES: &[&str] = &[
    "this",
    "this.a",
    "this.b",
    "this.c",
    "this.a.b",
    "this.0",
    "$v",
    "0",
    "5",
    "2.50",
    "true",
    "null",
    "\"x\"",
    "\"a-b\"",
    "{\"a\": 1}",
    "[1, \"x\", [null]]",
    "deleted()",
    "nothing()",
    "content().string()",
];

/// An expression.
pub(crate) fn queries(leaves: &'static [&'static str]) -> BoxedStrategy<String> {
    let leaf = select(leaves).prop_map(String::from);
    leaf.prop_recursive(4, 24, 4, |inner| {
        let fill = |form: &str, parts: Vec<String>| {
            let mut parts = parts.into_iter().cycle();
            form.split('E').enumerate().fold(String::new(), |text, (i, piece)| {
                let part = if i > 0 { parts.next().unwrap_or_default() } else { String::new() };
                text + &part + piece
            })
        };
        let parts = || prop::collection::vec(inner.clone(), 5);
        prop_oneof![
            2 => (select(FORMS), parts()).prop_map(move |(form, parts)| fill(form, parts)),
            3 => (inner.clone(), select(TAILS), parts())
                .prop_map(move |(on, tail, parts)| on + &fill(tail, parts)),
        ]
    })
    .boxed()
}

/// A statement; `Q` in these stands for an expression.
const STATEMENTS: &[&str] = &[
    "root = Q",
    "root = this",
    "root = this.without(\"b\")",
    "root.r = Q",
    "root.r.s = Q",
    "root.a = Q",
    "root.\"x y\".0 = Q",
    "foo.bar = Q",
    "let v = Q",
    "let \"w w\" = Q",
    "meta k = Q",
    "meta \"k k\" = Q",
    "meta = Q",
    "root = if Q { deleted() }",
    "if Q == 1 {\n  root.i = Q\n} else if Q {\n\n  let v = Q\n  root.j = Q\n} else {\n}",
    "# a remark\nroot.q = Q # another",
];

/// A mapping. Not every one of them can be parsed: what is constant may be of a wrong type.
pub(crate) fn mappings() -> impl Strategy<Value = String> {
    prop_oneof![3 => mappings_of(LEAVES), 1 => mappings_of(PLAIN_LEAVES)]
}

/// A mapping that often takes the fast path as a whole.
pub(crate) fn plain_mappings() -> impl Strategy<Value = String> {
    mappings_of(PLAIN_LEAVES)
}

fn mappings_of(leaves: &'static [&'static str]) -> impl Strategy<Value = String> {
    let statement = (select(STATEMENTS), prop::collection::vec(queries(leaves), 3)).prop_map(
        |(form, parts)| {
            let mut parts = parts.into_iter().cycle();
            form.split('Q').enumerate().fold(String::new(), |text, (i, piece)| {
                let part = if i > 0 { parts.next().unwrap_or_default() } else { String::new() };
                text + &part + piece
            })
        },
    );
    let several = (prop::collection::vec(statement, 1..6), queries(leaves), any::<bool>())
        .prop_map(|(statements, query, with_map)| {
            let map = format!("map m {{\n  let v = this.a\n  root.m = {query}\n}}\n");
            let map = if with_map { map } else { String::new() };
            map + "let v = this.b\n" + &statements.join("\n") + "\n"
        });
    prop_oneof![9 => several, 1 => queries(leaves)]
}
