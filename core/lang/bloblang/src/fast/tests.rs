//! The fast path against the general evaluator.

use formats::json;
use formats::value::{Object, Text, Value};
use plan::{Record, Records};
use proptest::prelude::*;

use super::compile::HEIGHT_MAX;
use super::run::BLOCK_BYTES_MAX;
use super::{Done, Mapper};
use crate::local::Local;
use crate::mapping::{Mapped, Mapping, Outcome};

const EVENT: &str = r#"{"id":"evt-1","ts":"2026-01-01T00:00:00.001Z","host":"host-0042","service":"svc-07","level":"INFO","msg":"request handled path=/api/v1/items/9 user=u1","value":12.5,"count":4,"ok":true,"nested":{"region":"eu-west-1","zone":"a","lat_ms":12.34,"meta":{"build":"0a","retries":1}},"tags":["t1","prod"]}"#;

fn mapper(mapping: &str) -> Mapper {
    Mapper::new(Mapping::parse(mapping, &Local::setup()).unwrap())
}

/// A result as text, with its metadata.
fn shown(done: Done, out: &[u8], input: &str) -> String {
    let (content, meta) = match done {
        Done::Written(meta) => (String::from_utf8_lossy(out).into_owned(), meta),
        Done::Unchanged(meta) => (input.to_owned(), meta),
        Done::Deleted => ("deleted".to_owned(), None),
        Done::General(mapped) => return general_shown(mapped, input),
    };
    format!("{content} {meta:?}")
}

fn general_shown(mapped: Mapped, input: &str) -> String {
    if let Some(error) = mapped.error {
        return format!("error: {error}");
    }
    match mapped.outcome {
        Outcome::Unchanged => format!("{input} {:?}", mapped.meta),
        Outcome::Deleted => "deleted None".to_owned(),
        Outcome::Is(value) => {
            let mut out = Vec::new();
            crate::exec::write_payload(&mut out, &value);
            format!("{} {:?}", String::from_utf8_lossy(&out), mapped.meta)
        }
    }
}

/// The result by both ways, and whether the fast path gave it.
fn both(mapping: &str, input: &str) -> (String, String, bool) {
    let records =
        Records { recs: vec![Record::own(input.as_bytes().to_vec())], ..Records::default() };
    let mut mapper = mapper(mapping);
    let mut out = Vec::new();
    let done = mapper.map(&records, 0, &mut out);
    let fast = !matches!(done, Done::General(_));
    let as_it_stands = shown(done, &out, input);
    // The same for a record that is opened as a whole.
    mapper.open_next();
    out.clear();
    let opened = shown(mapper.map(&records, 0, &mut out), &out, input);
    assert_eq!(opened, as_it_stands, "{mapping} on {input}");
    let general = general_shown(mapper.mapping().map(&records, 0), input);
    (as_it_stands, general, fast)
}

#[test]
fn common_shapes_take_the_fast_path() {
    for mapping in [
        "root = this\nroot.level = this.level.lowercase()\nroot.total = this.value * this.count\n\
         root.origin = this.host + \"/\" + this.service\nroot = if !this.ok { deleted() }",
        "root.id = this.id.uppercase()",
        "root.ts = this.ts.ts_unix_milli()",
        "root.day = this.ts.ts_format(\"2006-01-02\")",
        "root.host = this.host.split(\"-\").index(1).number()",
        "root.service = this.service.replace_all(\"svc-\", \"service/\")",
        "root.path = this.msg.split(\" \").index(2).trim_prefix(\"path=\")",
        "root.fahrenheit = (this.value * 1.8 + 32).round()",
        "root.region = this.nested.region.slice(0, 2)",
        "root.lat = this.nested.lat_ms.floor()",
        "root = content().uppercase()",
        "root = this",
        "root.class = match this.level { \"INFO\" => 1, this.contains(\"ERR\") => 2, _ => 3 }",
        "let v = this.value\nroot.n = $v + 1\nroot.tags = this.tags\nroot.m = this.nested.meta",
        "root = if this.level == \"DEBUG\" || !this.ok { deleted() }",
        "meta k = this.id\nroot = this.without(\"nested.meta\", \"tags\")",
        "meta k = this.id\nroot.a.b = this.missing | \"none\"\nroot.a.c = this.tags.map_each(t -> t)",
        "root.l = this.tags.map_each(t -> {\"t\": t.uppercase(), \"n\": this.count}).filter(t -> t.n > 1)",
        "map m { root.b = this.build }\nroot = this.nested.meta.apply(\"m\")\nroot.x = 1",
        "let m = this.msg.re_find_object(\"path=(?P<p>\\\\S+)\")\nroot = $m.without(\"0\")\n\
         root.ok = $m.p.re_match(\"^/api\")",
        "if this.ok { root.a = this.tags.sort().join(\",\") } else { root = deleted() }",
        "root = this.tags.fold({}, t -> t.tally.merge({t.value: [1]})).key_values().sort_by(k -> k.key)",
        "root.h = this.host.hash(\"sha256\").encode(\"hex\")\n\
         root.f = \"%v:%s\".format(this.count, this.id)",
    ] {
        let (fast, general, was_fast) = both(mapping, EVENT);
        assert_eq!(fast, general, "{mapping}");
        assert!(was_fast, "{mapping}");
    }
}

#[test]
fn what_is_too_much_leaves_the_fast_path() {
    let numbers = |count: usize| format!("{{\"a\":[{}]}}", vec!["1"; count].join(","));
    let maps = |calls: usize| {
        (0..calls).fold("map m { root.x = this }\n".to_owned(), |text, i| {
            format!("{text}root.r{i} = this.a.index(0).apply(\"m\")\n")
        })
    };
    let (nested, doubled) = ("[x.tally]", "[x.tally, x.tally]");
    let fold = |of: &str| format!("root = this.a.fold(1, x -> {of})");
    let square = "root = this.a.map_each(_ -> this.a.map_each(_ -> 1).length()).length()";
    for (mapping, few, many) in
        [(square.to_owned(), 100, 1_100), (fold(nested), 100, 300), (fold(doubled), 10, 20)]
    {
        for (count, fits) in [(few, true), (many, false)] {
            let (fast, general, was_fast) = both(&mapping, &numbers(count));
            assert!(fast == general && was_fast == fits, "{mapping} of {count}");
        }
    }
    assert!(both(&maps(60), &numbers(1)).2);
    // Each call is a query of the general evaluator then.
    let (fast, general, _) = both(&maps(70), &numbers(1));
    assert_eq!(fast, general);
}

/// What the fuzz target of evaluation found.
#[test]
fn found_by_fuzzing() {
    for (mapping, document) in
        [("root.r = this.v.sum()", r#"{"v":[]}"#), ("root.r = this.v.max()", r#"{"v":[-0,-2]}"#)]
    {
        let (fast, general, _) = both(mapping, document);
        assert_eq!(fast, general, "{mapping} on {document}");
    }
}

#[test]
fn tall_expressions_and_full_blocks_leave_the_fast_path() {
    let tall = |n: usize| format!("root.a = this.host{}", ".string()".repeat(n));
    let (fast, general, was_fast) = both(&tall(HEIGHT_MAX as usize - 10), EVENT);
    assert!(was_fast && fast == general);
    let (fast, general, was_fast) = both(&tall(HEIGHT_MAX as usize), EVENT);
    assert!(!was_fast && fast == general);
    let records = Records::from_bodies([EVENT.as_bytes().to_vec()]);
    // The pages of the block are never touched.
    let mut block = vec![0; BLOCK_BYTES_MAX + 1];
    let done = mapper("root = this").map(&records, 0, &mut block);
    assert!(matches!(done, Done::General(_)) && block.len() == BLOCK_BYTES_MAX + 1);
}

/// Mappings of many forms, some of which leave the fast path on some documents.
const MAPPINGS: &[&str] = &[
    "root = this.without(\"a\", \"b.c\")\nroot.a = this.c",
    "meta k = this.a\nmeta l = this.b.string()\nroot = this.without(\"c.a\")",
    "root.a.0 = this.a\nroot.\"-\" = this.b.split(\"-\").index(1)",
    "root = this\nroot.a.0 = this.b\nroot.c.\"*\" = this.a.split(\"ab\").index(0).lowercase()",
    "root = this\nroot.a = this.b",
    "root = this\nroot.a.b = this.c.d\nroot.c = deleted()",
    "root.x = this.a.uppercase()\nroot.y.z = this.b + this.c\nroot.y.w = this.a.b",
    "root.x = this.a + \"x\" | this.b\nroot.y = this.c > this.b",
    "root.e = this.a == this.b\nroot.n = this.a != this.c\nroot.z = this.a == null",
    "root.s = this.a.string() + this.b.string()\nroot.l = this.c.length()",
    "root.f = this.a.floor()\nroot.r = this.b.round() * 2\nroot.n = this.c.number()",
    "let v = this.a\nroot = this\nroot.v = [$v, this.b]\nroot.c.q = $v",
    "root.m = match this.a { \"x\" => 1, 5 => \"five\", null => \"nil\", true => [], _ => this }",
    "root.m = match this.a { this == 1 => \"one\", this.length() > 0 => this }",
    "root.i = if this.a { this.b } else if this.c != null { \"c\" }",
    "root = if this.a == 1 { deleted() } else { this.b }",
    "root = this.a",
    "root = this.b.uppercase()",
    "root = content().lowercase()",
    "root = this\nroot.t = this.a.type()\nroot.u = this.b.split(\"-\").index(0)",
    "meta a = this.a\nroot = this\nroot.b = @a",
    "root.a = this.a.slice(1).trim_prefix(\"x\").replace_all(\"a\", \"bb\").contains(\"b\")",
    "root = this\nroot.a = !this.a && this.b || this.c",
    "root.\"q q\".\"\\\"\" = this.a % this.b\nroot.z = -this.c\nroot.d = this.a / this.b",
    "root.g = this.a.b.c\nroot.h = this.c.0\nroot.k = this.\"a.b\"",
    "root = this.without(\"b\")\nroot = if this.a != 1 { deleted() }",
    "root.m = this.a.map_each(x -> x.b | x)\nroot.n = this.map_each(x -> x.value).a",
    "root = this.map_each(_ -> this.a).filter(x -> x != null)\nroot.z = this.c.keys()",
    "root.s = this.a.sort()\nroot.t = this.b.sort_by(x -> x.a)\nroot.u = this.c.sum()",
    "root.m = this.a.min() | this.b.max()\nroot.u = this.c.unique().join(\"-\")",
    "root.f = this.a.fold({}, x -> x.tally.merge(x.value))\nroot.g = this.b.fold(0, x -> x.value)",
    "root.q = this.a.squash().key_values().sort_by(p -> p.key).map_each(p -> p.value)",
    "root = this.without(\"a\").assign({\"b\": this.c, this.a: [this.b, deleted()]})\nroot.d.e = 1",
    "root = this.a\nroot.b = this.b\nroot.b.c = this.c\nroot.a = deleted()",
    "if this.a == 1 { root = this } else if this.b { root.x = this.c }\nmeta m = this.a",
    "map m { root = this\n let v = this.a\n root.a = $v.b }\nroot = this.apply(\"m\")\nroot.k = 1",
    "map m { root.x = this.(y -> y.a | this.b) }\nroot.l = this.a.map_each(i -> i.apply(\"m\"))",
    "root.t = this.a.any(x -> x == this.b)\nroot.u = this.b.all(x -> x.a > 1)\nroot.v = this.a.trim()",
    "root.w = this.a.(x -> this.b.(y -> [x, y, this.c]))\nroot.c = this.a.capitalize()",
    "root.x = match this.a { this.b == 1 => this.c, this.any(x -> x) => this, _ => {} }",
    "root = [this.a, this.b, {\"c\": this.c}].flatten().index(-1)\nroot.a.b = this.a.reverse()",
    "root.f = \"%v:%s\".format(this.a, this.b)\nroot.g = this.a.values().contains(this.b)",
    "root.z.y = this.a | nothing()\nmeta m = this.b\nroot.a.b = deleted()\nroot.c = this.c | nothing()",
    "let v = this.a\nroot.b.c = $v\nroot.b.a = if this.b == 1 { deleted() } else { this.c.floor() }",
    "let v = this.b\nlet v = pi() || this.a\nroot.r = $v\nlet v = this.c\nroot.s = $v",
    "let v = this.a\nroot.b = $v\nlet v = this.b\nroot.a = $v.uppercase()",
    "root.b = this.a.uppercase()\nroot.a = this.b | nothing()\nroot = if this.c == 1 { deleted() }",
    "root.a = this.a.ts_format(\"Mon 02 15:04:05.999\")\nroot.b = this.b.replace_all(\"a\", \"\")",
    "root.t = this.a.ts_unix_milli()\nroot.d = this.b.ts_format(\"2006 Jan 2 15:04:05.000 Z07:00\")",
];

fn documents() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        Just("x".to_owned()),
        Just("a-b".to_owned()),
        Just("2024-02-29T01:02:03.5Z".to_owned()),
        Just("2024-02-28T23:02:03+01:00".to_owned()),
        Just("é\"\\\n\u{2028}".to_owned()),
        "[ -~é]{0,6}",
    ];
    let number = prop_oneof![
        Just("0".to_owned()),
        Just("1".to_owned()),
        Just("5".to_owned()),
        Just("-2.50".to_owned()),
        Just("1e400".to_owned()),
        Just("1E2".to_owned()),
        Just("9223372036854775807".to_owned()),
        any::<i32>().prop_map(|n| n.to_string()),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number.prop_map(|n| Value::Number(n.into())),
        text.prop_map(Value::text),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let keys = prop::sample::select(vec!["a", "b", "c", "d", "a.b", "0"]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::array),
            prop::collection::vec((keys, inner), 0..5).prop_map(|members| {
                let members = members.into_iter().map(|(k, v)| (Text::from(k), v));
                Value::object(members.collect::<Object>())
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn both_ways_give_the_same(
        mapping in prop::sample::select(MAPPINGS),
        value in documents(),
        members in prop::collection::vec(
            (prop::sample::select(vec!["c", "a", "b"]), documents()), 0..4),
        object: bool,
        spaced: bool,
    ) {
        let value = match object {
            true => {
                let members = members.into_iter().map(|(k, v)| (Text::from(k), v));
                Value::object(members.collect::<Object>())
            }
            false => value,
        };
        let mut text = Vec::new();
        json::write_value(&mut text, &value).unwrap();
        let mut text = String::from_utf8(text).unwrap();
        if spaced {
            text = format!(" {text}\t");
        }
        let (fast, general, _) = both(mapping, &text);
        prop_assert_eq!(fast, general, "{} on {}", mapping, text);
    }

    #[test]
    fn no_payload_panics(
        mapping in prop::sample::select(MAPPINGS),
        payload in "[{}\\[\\]\",:ab0-9.eE\\\\ \n-]{0,30}",
    ) {
        let (fast, general, _) = both(mapping, &payload);
        prop_assert_eq!(fast, general);
    }
}
