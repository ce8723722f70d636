//! Corners of the language that programs and documentation reach.

use crate::transcript::check;

#[test]
fn rows_and_columns_together_give_rows() {
    check(
        "q)t:([]s:`a`b`c;p:1 2 3)\nq)t[1 0;`s`p]\n`b 2\n`a 1\nq)t[1 0;`p]\n2 1\nq)t[1;`s`p]\n`b\n2\n\
         q)t[;`p]\n1 2 3\nq)k:([s:`a`b]c:1 2;p:3 4)\nq)k[([]s:`b`a);`c`p]\n2 4\n1 3\n\
         q)k[([]s:`b`a);`c]\n2 1",
    )
    .unwrap();
}

#[test]
fn rows_of_keys() {
    check(
        "q)k:([id:1001 1002 1003]n:`a`b`c;v:1 2 3)\nq)k 1002\nn| `b\nv| 2\nq)k enlist 1002\nn| `b\n\
         v| 2\nq)k(enlist 1001;enlist 1003)\nn v\n---\na 1\nc 3\nq)k 1001 1002\n'length\n\
         q)count k([]id:1003 1)\n2\nq)k[1003;`v]\n3\n\
         q)s:([w:(\"ab\";\"cd\")]v:1 2)\nq)s \"cd\"\nv| 2",
    )
    .unwrap();
}

#[test]
fn groups_by_a_list_of_names_are_one() {
    check(
        "q)t:([]a:1 2 3;b:`x`y`x)\nq)?[t;();`a`b;`a]\n| 1 2 3\n\
         q)?[t;();`a`b;`m`l!((max;`a);(last;`b))]\n| m l\n| ---\n| 3 x\n\
         q)?[t;();enlist`b;`a]\n| 1 2 3\nq)?[t;();`b;`a]\nx| 1 3\ny| ,2",
    )
    .unwrap();
}

#[test]
fn namespaces_hold_namespaces() {
    check(
        "q).fee.fi.fo:42\nq)key `.fee\n``fi\nq)key `.fee.fi\n``fo\nq).fee.fi`fo\n42\n\
         q)(get`.fee)[`fi;`fo]\n42\nq).fee.a:1\nq)key`.fee\n``a`fi",
    )
    .unwrap();
    // However many there are, and however deep.
    let deep = format!(".a{}:1", ".b".repeat(100_000));
    let many = "{(`$\".s.v\",string[x],\".y\")set x}each til 20000;";
    check(&format!("q){deep}\nq)key`.a\n``b\nq){many}\nq)count key`.s\n20001")).unwrap();
}

#[test]
fn dictionaries_take_others() {
    check(
        "q)d:`a`b!1 2\nq)`d upsert `b`c!3 4\n`d\nq)d\na| 1\nb| 3\nc| 4\n\
         q)s:`s#`a`b!1 2\nq)`s upsert `c`d!3 4\n'step\nq)1 2 wavg `a`b!(10 21 3;4 5 6)\n\
         6 10.33333 5",
    )
    .unwrap();
}

#[test]
fn a_list_in_a_list_is_a_column_of_one_row() {
    check(
        "q)t:([s:()]p:())\nq)insert[`t;(`x;enlist(1.5;2.5))]\n,0\nq)t\ns| p\n-| -------\nx| 1.5 2.5\n\
         q)u:([]a:`$();b:())\nq)`u insert (`x;\"text\")\n,0\nq)`u insert (`y;1 2)\n,1\nq)u`b\n\
         \"text\"\n1 2",
    )
    .unwrap();
}

#[test]
fn words_of_a_text() {
    check(
        "q)-4!\"select this from that\"\n\"select\"\n,\" \"\n\"this\"\n,\" \"\n\"from\"\n,\" \"\n\"that\"\n\
         q)-4!\"a aa_bb\"\n,\"a\"\n,\" \"\n\"aa_bb\"\nq)-4!1\n'type\nq)count -4!\"\"\n0",
    )
    .unwrap();
}

#[test]
fn choices_fit_each_other() {
    check(
        "q)0 1 0'[\"abc\";\"xyz\"]\n\"ayc\"\nq)0 2 0'[`a`b`c!\"abc\";\"xyz\";\"123\";`a`b`c!\"789\"]\n\
         \"a2c\"\nq)0 2 0'[`a`b`c!\"abc\";\"xyz\";\"123\";`a`b!\"78\"]\n'length\n\
         q)0 2 0'[`a`b`c!\"abc\";\"xyz\";\"123\";`b`a`c!\"789\"]\n'domain\n\
         q)0 1 0'[\"a\";\"xyz\"]\n\"aya\"",
    )
    .unwrap();
}

#[test]
fn rows_are_found_below_others() {
    check(
        "q)t:([k:`c`d`e`f`g`h]a:`p`p`q`q`p`p;b:0 1 0 1 0 1;c:3 3 3 3 7 7)\n\
         q)(t bin ([]a:`p`q`q`r;b:1;c:4 8 2 4))`k\n`d`f``\nq)value[t] bin `a`b`c!(`p;1;7)\n5\n\
         q)value[t] bin `a`b`c!(`x;1;7)\n0N",
    )
    .unwrap();
}

#[test]
fn remainders_and_differences_of_times() {
    check(
        "q)2024.01.05 mod 7\n6i\nq)2024.01m mod 12\n0i\nq)type 5e mod 3\n-9h\nq)0D01-2000.01.01D03\n\
         1999.12.31D22:00:00.000000000\nq)12:00-2000.01.01\n2000.01.01D12:00:00.000000000",
    )
    .unwrap();
}

#[test]
fn times_beyond_the_earliest() {
    check(
        "q)`timestamp$1666.09.02\n-0Wp\nq)`timestamp$2300.01.01\n0Wp\nq)`timestamp$0Nd\n0Np\n\
         q)\"p\"$0001.01m\n-0Wp\nq)0001.01.01-1\n0000.00.00\nq)\"z\"$0001.01.01-1\n\
         0000.00.00T00:00:00.000\nq)\"z\"$1500.01.01 2500.01m\n\
         1500.01.01T00:00:00.000 2500.01.01T00:00:00.000\nq)\"d\"$\"z\"$1500.01.01\n1500.01.01\n\
         q)\"m\"$\"z\"$1500.03.04\n1500.03m",
    )
    .unwrap();
}

#[test]
fn shapes_that_there_are_not() {
    check(
        "q)1 0 2#1 2\n'domain\nq)2 3 0N#1 2\n'domain\nq)-1 2 3#1 2\n'domain\nq)2 0#1\n`long$()\n\
         `long$()\nq)0N 3#til 4\n0 1 2\n,3\nq)1 2 0#\"a\"\n\"\" \"\"",
    )
    .unwrap();
}

#[test]
fn commands_may_have_comments() {
    check("q)\\d                  / where we are\n`.\nq)\\P 3   / fewer\nq)1%3\n0.333").unwrap();
}

#[test]
fn empty_keys_are_held_together() {
    check(
        "q)-3!(`symbol$())!`long$()\n\"(`symbol$())!`long$()\"\nq)-3!\"\"!()\n\"\\\"\\\"!()\"\n\
         q)enlist[`a]!enlist(`symbol$())!()\na| (`symbol$())!()",
    )
    .unwrap();
}

#[test]
fn addresses_as_identifiers() {
    check(
        "q)\"G\"$\"192.0.2.1\"\n00000000-0000-0000-0000-ffffc0000201\n\
         q)\"G\"$\"2001:0DB8:85A3::8A2E:0370:7334\"\n20010db8-85a3-0000-0000-8a2e03707334\n\
         q)\"G\"$\"::FFFF:192.0.2.1\"\n00000000-0000-0000-0000-ffffc0000201\nq)null\"G\"$\"1.2.3\"\n1b",
    )
    .unwrap();
}

#[test]
fn averages_of_general_lists_count_nulls() {
    check("q)avg (1;0n;2;3)\n1.5\nq)avg 1 0n 2 3\n2f\nq)avg (1;2;3f)\n2f\nq)avg ()\n0n").unwrap();
}

#[test]
fn medians_count_nulls() {
    check(
        "q)med 1 0N 3\n1f\nq)med 0N 1\n1f\nq)med 0N 0N 1\n0n\nq)med 0n 1 3 5\n2f\n\
         q)med (0%0),1 3\n1f\nq)med (1;0n;3)\n1f\nq)med 0#0\n0n\nq)med 4 1 3 2\n2.5\n\
         q)med 2024.01.01 0Nd\n8766f\n\
         q)t:([]s:`a`a`a`b`b`c;v:1 0N 3 0N 5 0N)\nq)exec med v by s from t\na| 1\nb| 5\nc|\n\
         q)exec med v where v<>1 by s from t\na| 3\nb| 5\nc|\n\
         q)f:{avg x (iasc x)@floor .5*-1 0+count x,:()}\n\
         q)(med each l)~f each l:{x?0N 1 2 3 4}each 1+til 9\n1b",
    )
    .unwrap();
}

#[test]
fn an_atom_is_no_row() {
    check("q)t:([]a:1 2)\nq)t,:1\n'type\nq)t,:`a\n'type\nq)t,:enlist 3\nq)t`a\n1 2 3").unwrap();
}
