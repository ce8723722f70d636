//! Queries over batches, and what is wrong with them.

use crate::qsp::load;
use crate::qsp::testing::Line;
use proptest::prelude::*;

const BATCH: &str = "([]sym:`a`b`a`c;px:1 2 3 0n;size:10 20 30 40;name:(\"xy\";\"z\";\"xy\";\"\"))";

fn asked(query: &str) -> String {
    Line::new(&format!(".qsp.sql[\"{query}\"]")).give(BATCH).concat()
}

#[test]
fn rows_are_chosen_and_computed() {
    for (query, want) in [
        ("select sym, size from $1 where px > 1", "+`sym`size!(`b`a;20 30)"),
        ("SELECT size*2+1 AS twice FROM $1 WHERE sym = 'a';", "+(,`twice)!,21 61"),
        ("select size from $1 where sym in ('a','c') and not size < 30", "+(,`size)!,30 40"),
        ("select size from $1 where size between 20 and 30", "+(,`size)!,20 30"),
        ("select size from $1 where px is null or name like 'x%'", "+(,`size)!,10 30 40"),
        ("select size from $1 where name = 'xy'", "+(,`size)!,10 30"),
        ("select size from $1 where name <> 'xy' and px is not null", "+(,`size)!,,20"),
        ("select t.size as \\\"from\\\" from $1 t limit 1 offset 2", "+(,`from)!,,30"),
        ("select 1 as one, 'q' as q from $1 limit 2", "+`one`q!(1 1;`q`q)"),
        ("select coalesce(px, 0) p, -size m from $1 limit 1", "+`p`m!(,1f;,-10)"),
        (
            "select case when size>20 then 'big' else 'small' end c from $1",
            "+(,`c)!,`small`small`big`big",
        ),
        ("select distinct sym from $1 order by sym desc", "+(,`sym)!,`c`b`a"),
        ("select sym, size from $1 order by sym, size desc", "+`sym`size!(`a`a`b`c;30 10 20 40)"),
        ("select cast(size as double)/4 h from $1 limit 1", "+(,`h)!,,2.5"),
        ("select upper(name) n from $1 limit 1 -- the first", "+(,`n)!,,\"XY\""),
    ] {
        assert_eq!(asked(query), want, "{query}");
    }
    assert_eq!(asked("select * from $1 where 1 = 1"), Line::new(".qsp.map[{x}]").give(BATCH)[0]);
}

#[test]
fn rows_are_put_together_by_group() {
    for (query, want) in [
        ("select sum(size) s, count(*) n from $1", "+`s`n!(,100;,4)"),
        ("select count(px) n, count(distinct sym) d from $1", "+`n`d!(,3;,3)"),
        ("select sym, sum(size) from $1 group by sym", "+`sym`size!(`a`b`c;40 20 40)"),
        ("select sym, avg(px) p from $1 group by sym having count(*) > 1", "+`sym`p!(,`a;,2f)"),
        (
            "select sym s, max(size)-min(size) d from $1 group by s order by d desc, 1 limit 2",
            "+`s`d!(`a`b;20 0)",
        ),
        (
            "select size/20 h, count(*) n from $1 where size > 10 group by size/20",
            "+`h`n!(1 1.5 2;1 1 1)",
        ),
        ("select sum(px*size)/sum(size) vwap from $1 where sym='a'", "+(,`vwap)!,,2.5"),
    ] {
        assert_eq!(asked(query), want, "{query}");
    }
}

#[test]
fn texts_are_what_they_are_compared_with() {
    let query = "select d from $1 where d >= '2024.01.02' and t < '10:00:00'";
    let mut line = Line::new(&format!(".qsp.sql[\"{query}\"]"));
    let batch = "([]d:2024.01.01 2024.01.02 2024.01.03;t:09:00:00 09:30:00 11:00:00)";
    assert_eq!(line.give(batch), ["+(,`d)!,,2024.01.02"]);
    assert_eq!(line.give("`d`t!(2024.02.01;08:00:00)"), ["+(,`d)!,,2024.02.01"]);
    assert!(line.fails("1 2 3"));
}

#[test]
fn what_is_wrong_is_said_when_the_spec_is_loaded() {
    let error = |operator: &str| {
        let spec =
            format!(".qsp.run .qsp.read.fromCallback[`p] {operator} .qsp.write.toVariable[`v]");
        load(&spec).unwrap_err().text.clone()
    };
    for (query, text) in [
        ("select from $1", "sql: unexpected from"),
        ("select a from t", "sql: the table must be $1"),
        ("select a from $1 where", "sql: it ends too early"),
        ("select a from $1 where a ~ 1", "sql: unexpected ~"),
        ("select a from $1 t join u on 1=1", "nyi: sql: join"),
        ("select 'a from $1", "sql: a quote is not closed"),
    ] {
        assert_eq!(error(&format!(".qsp.sql[\"{query}\"]")), text, "{query}");
    }
    let deep = "(".repeat(1000);
    assert_eq!(error(&format!(".qsp.sql[\"select {deep}\"]")), "limit");
    let sum = "+a".repeat(1000);
    assert_eq!(error(&format!(".qsp.sql[\"select a{sum} from $1\"]")), "limit");
    let long = "a,".repeat(40_000);
    assert_eq!(error(&format!(".qsp.sql[\"select {long}a from $1\"]")), "limit");
    assert_eq!(error(".qsp.sql[`a]"), "type");
    let schema = ".qsp.sql[\"select b from $1\"; ([]a:`long$())]";
    assert_eq!(error(schema), "sql: there is no column b");
    let wrong = ".qsp.sql[\"select a from $1 order by frob(a)\"]";
    assert_eq!(error(wrong), "nyi: sql: frob");
    let loose = ".qsp.sql[\"select a,sum(a) from $1\"; ([]a:`long$())]";
    assert_eq!(error(loose), "sql: a column is neither grouped nor put together");
}

#[test]
fn variables_of_the_program_are_no_columns() {
    let mut line = Line::new(".qsp.sql[\"select secret from $1\"]");
    line.cx.eval("secret:1", "secret").unwrap();
    assert!(line.fails(BATCH));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn no_text_is_a_panic(text in "[a-z0-9$'()*,.<>= -]{0,60}") {
        let _ = super::parse::select(&text);
        let _ = super::parse::select(&format!("select {text} from $1"));
    }

    #[test]
    fn sums_by_group_are_those_of_q(rows in prop::collection::vec((0i64..4, -50i64..50), 1..30)) {
        let keys: Vec<String> = rows.iter().map(|r| r.0.to_string()).collect();
        let values: Vec<String> = rows.iter().map(|r| r.1.to_string()).collect();
        let batch = format!("([]k:(),{};v:(),{})", keys.join(" "), values.join(" "));
        let mut line = Line::new(".qsp.sql[\"select k, sum(v) as v from $1 group by k\"]");
        let got = line.give(&batch);
        let mut q = Line::new(".qsp.map[{0!select sum v by k from x}]");
        prop_assert_eq!(got, q.give(&batch));
    }
}
