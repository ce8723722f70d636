//! Variables that are changed where they are.

use crate::session::{Options, Session};
use crate::transcript::check;
use formats::k::{K, Vector};
use formats::on_k_data;
use proptest::prelude::*;
use std::sync::Arc;

#[test]
fn a_variable_to_which_nothing_can_be_put_is_as_it_was() {
    check(
        "q)g:([]a:1 2);h:{g,:x};@[h;`b`c!1 2;{x}]\n\"mismatch\"\nq)g~([]a:1 2)\n1b\n\
         q)g,:(1;2)\n'length\nq)g~([]a:1 2)\n1b\nq)g,:([]a:`x`y)\n'type\nq)g~([]a:1 2)\n1b\n\
         q)x:`a`b!1 2;x,:5\n'type\nq)x\na| 1\nb| 2\n\
         q)x:([k:`a`b]v:1 2);x,:(`c;3;4)\n'length\nq)x~([k:`a`b]v:1 2)\n1b\n\
         q)x,:(`c;`x)\n'type\nq)x~([k:`a`b]v:1 2)\n1b\n\
         q)d:`t`u!(([]a:1 2);3);d[`t],:`a`b!3 4\n'mismatch\nq)d~`t`u!(([]a:1 2);3)\n1b\n\
         q)y:([]a:1 2);.[`y;();,;`a`b!3 4]\n'mismatch\nq)y~([]a:1 2)\n1b",
    )
    .unwrap();
}

#[test]
fn parts_before_one_that_cannot_be_changed_are_as_they_were() {
    check(
        "q)x:`s#1 2 3;x[1 5]:9 9\n'index\nq)x\n`s#1 2 3\nq)x[1]:`a\n'type\nq)x\n`s#1 2 3\n\
         q)x:(1;`a;2);x[1 5]:3 4\n'index\nq)x\n1\n`a\n2\n\
         q)x:(1 2;3 4);x[0 7;1]:5\n'index\nq)x\n1 2\n3 4\nq)x[0 1],:(5;`a)\n'type\nq)x\n1 2\n3 4\n\
         q)d:`a`b!(1 2;`x);d[`a`b;0]:5\n'type\nq)d\na| 1 2\nb| `x\n\
         q)d:`a`b!1 2;d[`a`c`b]:(5;6;`x)\n'type\nq)d\na| 1\nb| 2\n\
         q)t:([]a:1 2;b:`x`y);t[0]:(5;6)\n'type\nq)t[1]:1 2 3\n'length\nq)t~([]a:1 2;b:`x`y)\n1b\n\
         q)t[`c`z]:(1 2;1 2 3)\n'length\nq)t~([]a:1 2;b:`x`y)\n1b\nq)t[`a],:5\n'length\n\
         q)t~([]a:1 2;b:`x`y)\n1b\n\
         q)k:([s:`a`b]v:1 2);k[`c`d;`v]:(5;`x)\n'type\nq)k~([s:`a`b]v:1 2)\n1b",
    )
    .unwrap();
}

#[test]
fn several_new_keys_are_as_many_entries() {
    check(
        "q)d:`a`b!1 2;d[`c`d]:5 6;d\na| 1\nb| 2\nc| 5\nd| 6\n\
         q)@[`a`b!1 2;`c`d;:;5 6]\na| 1\nb| 2\nc| 5\nd| 6\n\
         q)d:`a`b!1 2;d[`c`a`d]:5 6 7;d\na| 6\nb| 2\nc| 5\nd| 7\n\
         q)d:`a`b!1 2;d[`c`d`c]:5 6 7;d\na| 1\nb| 2\nc| 7\nd| 6\n\
         q)d:(1 2;3 4)!`a`b;d[(5 6;7 8;5 6)]:`c`d`e;d\n1 2| a\n3 4| b\n5 6| e\n7 8| d\n\
         q)k:([s:`a`b]v:1 2);k[([]s:`z`y)]:([]v:3 4);k\ns| v\n-| -\na| 1\nb| 2\nz| 3\ny| 4\n\
         q)d:`a`b!1 2;d[`c`d]:1 2 3\n'length\nq)d\na| 1\nb| 2",
    )
    .unwrap();
}

#[test]
fn a_new_key_of_a_keyed_table_is_a_new_row() {
    check(
        "q)k:([s:`a`b]v:1 2;w:3 4);k[`z]:`v`w!5 6;k\ns| v w\n-| ---\na| 1 3\nb| 2 4\nz| 5 6\n\
         q)k[`y;`v]:8;k`y\nv| 8\nw|\nq)k[`x]:7 9;k`x\nv| 7\nw| 9\n\
         q)k[`q]:(1;`a)\n'type\nq)k[`q]:1 2 3\n'length\nq)k[5]:1 2\n'type\nq)key[k]`s\n`a`b`z`y`x\n\
         q)j:([a:1 2;b:`x`y]v:1 2);j[(5;`q);`v]:9;j\na b| v\n---| -\n1 x| 1\n2 y| 2\n5 q| 9\n\
         q)j[5 6 7;`v]:1\n'length\nq)count j\n3\n\
         q)k:([s:`a`b]v:1 2);@[`k;`z;:;enlist 3]\n`k\nq)k\ns| v\n-| -\na| 1\nb| 2\nz| 3\n\
         q)k:([s:`a`b]t:(\"ab\";\"cd\"));k[`z;`t]:\"ef\";k`z\nt| \"ef\"",
    )
    .unwrap();
}

#[test]
fn variables_of_a_namespace_are_amended_by_its_name() {
    check(
        "q).foo.x:1;@[`.foo;`x;:;5];.foo.x\n5\nq).foo[`x]:9;.foo.x\n9\n\
         q).[`.foo;enlist`x;+;1]\n`.foo\n\
         q).foo.x,.foo`x\n10 10\nq)@[`.foo;`y`z;:;1 2];.foo.y,.foo.z\n1 2\n\
         q).foo.y:1 2;.foo.z:3 4;@[`.foo;`y`z;,;(3;`a)]\n'type\nq).foo.y,.foo.z\n1 2 3 4\n\
         q).foo.bar.v:1 2;.[`.foo;(`bar;`v;0);:;7];.foo.bar.v\n7 2\n\
         q).[`.foo;();,;`x`w!3 4];.foo.x,.foo.w\n3 4\nq)@[`.foo;`n;+;1]\n`.foo\nq).foo.n\n1\n\
         q)delete x from `.foo\n`.foo\nq).foo.x\n'.foo.x\n\
         q)t:([]a:1 2);@[`.;`t;0#]\n`.\nq)count t\n0\nq)@[`.;`newg;:;5];newg\n5\n\
         q)@[`.;`select;:;5]\n'assign",
    )
    .unwrap();
}

#[test]
fn a_function_sees_the_variable_that_it_amends() {
    check(
        "q)v:1 2 3;@[`v;0;{x+count v}];v\n4 2 3\nq)v:1 2 3;@[`v;0 1;{x+sum v}];v\n7 8 3\n\
         q)v:1 2 3;.[`v;enlist 0;{x+y+count v};10];v\n14 2 3\n\
         q)t:([]a:1 2);@[`t;`a;{x+count t}];t`a\n3 4\nq)v:1 2;@[`v;0;{'\"no\"}]\n'no\nq)v\n1 2",
    )
    .unwrap();
}

#[test]
fn names_without_a_value_begin_with_the_identity() {
    check(
        "q).[`yy;();:;5];yy\n5\nq)bar+:1\nq)bar\n1\nq)b-:2;b\n-2\nq)c*:3;c\n3\nq)e&:4;e\n4\n\
         q)f|:2.5;f\n2.5\nq)u,:5;u\n,5\nq)w,:([]a:1 2);w`a\n1 2\nq)n#:5\n'n\nq)n[0]:5\n'n",
    )
    .unwrap();
}

/// The address of the first vector in a value.
fn address(k: &K) -> usize {
    match k {
        K::Vec(Vector { data, .. }) => on_k_data!(data, v => Arc::as_ptr(v).cast::<()>() as usize),
        K::Table(t) => t.columns.first().map_or(0, address),
        K::Dict(d) => address(&d.values),
        _ => 0,
    }
}

#[test]
fn what_grows_and_what_is_amended_stays_where_it_is() {
    let mut cx = Session::new(Options::default());
    let setup = "t:([]a:til 100;b:100#0f);k:([s:til 100]v:til 100);d:`a`t!(1;t);l:til 100;\
                 .foo.t:([]a:til 100;b:100#0f);t,:(1;2f);l,:1;.foo.t,:(1;2f);k,:(500;5)";
    cx.eval(setup, "test").unwrap();
    cx.eval("d[`t]:([]a:til 100;b:100#0f);d[`t],:(1;2f)", "test").unwrap();
    for (name, text) in [
        ("t", "t,:(1;2f)"),
        ("t", "t,:`a`b!(1;2f)"),
        ("t", "t,:([]a:1 2;b:3 4f)"),
        ("t", "t[5]:(1;2f)"),
        ("t", "t[`a;5]:1"),
        ("t", "t[5;`b]:1f"),
        ("t", "t[`a;3]+:1"),
        ("k", "k,:(7;8)"),
        ("k", "k[7]:enlist 8"),
        ("k", "k[1000]:enlist 8"),
        ("k", "k[1001;`v]:8"),
        ("l", "l,:1 2"),
        ("l", "l[1 2]:5 6"),
        ("l", "l[1]+:5"),
        (".foo.t", ".foo.t,:(1;2f)"),
        (".foo.t", ".[`.foo;enlist`t;,;(1;2f)]"),
    ] {
        let before = address(cx.variable(name).unwrap());
        cx.eval(text, "test").unwrap();
        assert_eq!(address(cx.variable(name).unwrap()), before, "{text}");
    }
    // A table in a dictionary.
    let within = |cx: &Session| match cx.variable("d") {
        Some(K::Dict(d)) => address(&d.values.at(1)),
        other => panic!("{other:?}"),
    };
    let before = within(&cx);
    cx.eval("d[`t],:(1;2f)", "test").unwrap();
    assert_eq!(within(&cx), before);
}

/// Values that are changed, some of which have attributes or hold each other.
const VALUES: &[&str] = &[
    "([]a:1 2 3;b:`x`y`z)",
    "([]a:`s#1 2 3;b:1 2 3f)",
    "([]a:();b:())",
    "([]a:`long$();b:`float$())",
    "([]a:(1 2;3);b:(\"ab\";\"c\"))",
    "([a:1 2]b:3 4)",
    "([a:`u#`x`y]b:3 4;c:1 2f)",
    "([a:1 2;b:`x`y]c:3 4;d:(\"ab\";\"c\"))",
    "`a`b!1 2",
    "`a`b!(1 2;`x)",
    "`a`b!(([]a:1 2;b:3 4);5)",
    "(1 2;3 4)!5 6",
    "()!()",
    "(`symbol$())!`long$()",
    "1 2 3",
    "`s#1 2 3",
    "`u#`a`b`c",
    "`long$()",
    "()",
    "(1;`a;2)",
    "(1 2;3 4 5;`a)",
    "(1 2;(3;4 5))",
    "\"text\"",
];

/// What they are changed with, where, and how.
const NEW: &[&str] = &[
    "5",
    "`x",
    "2.5",
    "\"ab\"",
    "(1;2)",
    "(1;`x)",
    "(5;`q;1)",
    "1 2 3",
    "`x`y",
    "(1 2;`a)",
    "()",
    "([]a:5 6;b:`x`y)",
    "([]a:5 6)",
    "([]b:1 2f)",
    "([]a:`x`y;b:1 2)",
    "([a:1 5]b:7 8)",
    "([a:1 5]z:7 8)",
    "`a`b!5 6",
    "`a`b!(5;`q)",
    "`a`z!5 6",
    "`b`a!(1 2;3)",
    "(`x;5;2.5)",
    "((1;2);(3;4))",
    "((1;`x);(3;`y))",
    "{x}",
];
/// Paths; a bar is between their parts.
const PLACES: &[&str] = &[
    "0",
    "1",
    "9",
    "`a",
    "`b",
    "`z",
    "0 1",
    "0 9",
    "1 0 9",
    "`a`b",
    "`z`q`z",
    "`a`z",
    "(0;9)",
    "(0;`a)",
    "(1 2;3 4)",
    "(1 2;7 8)",
    "0|1",
    "0 1|0",
    "0 1|9",
    "`a|0",
    "`a|0 9",
    "0|`a",
    "0|`a`b",
    "0 9|`b",
    "|0",
    "|`b",
    "`a`b|0",
    "`z|`b",
    "(9;`q)|`c",
    "([]a:1 9)",
    "1|1|0",
    "0 1|0|9",
    "",
];
const OPERATORS: &[&str] = &[":", ",:", "+:", "{x,y}", "{x+y}"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn a_variable_is_as_it_was_after_an_error(
        value in 0..VALUES.len(), new in 0..NEW.len(), place in 0..PLACES.len() + 3,
        operator in 0..OPERATORS.len(), shared in any::<bool>(), grown in any::<bool>(),
    ) {
        let mut cx = Session::new(Options::default());
        let mut eval = |text: &str| cx.eval(text, "test").map_err(|e| e.text.clone());
        eval(&format!("x:{};same:-8!x", VALUES[value])).unwrap();
        if grown {
            // Its vectors have room behind their items.
            let _ = eval("x,:1#x;same:-8!x");
        }
        if shared {
            eval("other:x;kept:-8!x").unwrap();
        }
        let (new, operator) = (NEW[new], OPERATORS[operator]);
        let through = operator.trim_end_matches(':');
        let text = match PLACES.get(place) {
            Some(place) if operator.starts_with('{') => {
                let parts: Vec<&str> =
                    place.split('|').map(|p| if p.is_empty() { "::" } else { p }).collect();
                let path = match parts.as_slice() {
                    [one] => format!("enlist {one}"),
                    several => format!("({})", several.join(";")),
                };
                format!(".[`x;{path};{operator};{new}]")
            }
            Some(place) => format!("x[{}]{operator}{new}", place.replace('|', ";")),
            None if place == PLACES.len() => format!("x,:{new}"),
            None if place == PLACES.len() + 1 => format!("`x upsert {new}"),
            None if through.is_empty() => format!("`x insert {new}"),
            None => format!(".[`x;();{through};{new}]"),
        };
        if let Err(error) = eval(&text) {
            let same = eval("same~-8!x");
            prop_assert_eq!(same, Ok(K::bool(true)), "{} of {} is {}", text, VALUES[value], error);
        }
        if shared {
            let kept = eval("kept~-8!other");
            prop_assert_eq!(kept, Ok(K::bool(true)), "{} of {}", text, VALUES[value]);
        }
        // Whatever it is, it hangs together.
        prop_assert!(eval("count -8!x").is_ok());
        if let Some(K::Table(t)) = cx.variable("x") {
            prop_assert!(t.columns.iter().all(|c| c.len() == t.rows()), "{}", text);
        }
        if let Some(K::Dict(d)) = cx.variable("x") {
            prop_assert_eq!(d.keys.len(), d.values.len(), "{}", text);
        }
    }
}
