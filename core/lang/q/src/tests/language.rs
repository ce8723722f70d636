//! The language as its users write it: sessions of a console.

use crate::transcript::check;

#[test]
fn columns_take_names_from_their_expressions() {
    check(
        "q)t:([] c1:`a`b; c2:10 20; c3:1.1 2.2)\n\
         q)cols select c1, c1, 2*c2, c2+c3, string c3 from t\n`c1`c11`x`c2`c3\n\
         q)cols select neg c2, max c3-c2, i from t\n`c2`c3`x\n\
         q)cols select c2 by 5 xbar c3 from t\n`c3`c2\n\
         q)cols select c2 by `$string c1 from t\n`c1`c2\n\
         q)cols update 0^c2 from t\n`c1`c2`c3\n\
         q)exec a from meta update `g#c1,`s#c2,`#c3 from t\n`g`s`\n\
         q)f:{x+1}\nq)cols select f c2,f[c3] from t\n`c2`c3\n\
         q)cols select (c1,'4),c3 from t\n`x`c3\n\
         q)cols select c2 wavg c3,c3 xbar c2,c2 in 10 20 from t\n`c3`c2`c21\n\
         q)cols select cor[c2;c3],c2 div 3,c3 xexp 2,(2 msum c2)+c3 from t\n`c3`c2`c31`c21\n\
         q)cols select c3 by 20 xbar c2,c2 and c3 from t\n`c2`c21`c3\n\
         q)select c1,c2 by c1 from t\n'dup names for cols/groups c1\n\
         q)cols select c2 by c1,c1 from t\n`c1`c11`c2",
    )
    .unwrap();
}

#[test]
fn tables_take_rows_of_any_form_in_place() {
    check(
        "q)t:([]a:1 2;b:3 4)\nq)t,:5 6\nq)t,:`a`b!7 8\nq)t,:((9;10);(11;12))\nq)t\na  b\n-----\n\
         1  3\n2  4\n5  6\n7  8\n9  10\n11 12\nq)t,:([]a:1 2f;b:1 2)\n'type\nq)count t\n6\n\
         q)k:([k:`a`b]v:1 2)\nq)k,:(`b;5)\nq)k,:`k`v!(`c;6)\nq)k,:([]k:`d`a;v:8 9)\nq)k\nk| v\n\
         -| -\na| 9\nb| 5\nc| 6\nd| 8\n\
         q)s:1 2 3\nq)s,:4.5\n'type\nq)s,:`a\n'type\nq)s,:4 5\nq)s\n1 2 3 4 5\n\
         q)t:([]a:1 2;b:3 4)\nq)t,:([a:5])\nq)t,:([]b:6 7)\nq)t\na b\n---\n1 3\n2 4\n5\n  6\n  7\n\
         q)k:([k:`a`b]a:1 2;b:3 4)\nq)k,:((`c;5;6);(`d;7;8))\nq)k,:([k:`c`f]a:10 12)\nq)k\n\
         k| a  b\n-| ----\na| 1  3\nb| 2  4\nc| 10 6\nd| 7  8\nf| 12\n\
         q)s:([a:1;b:2])\nq)s,:([a:3;c:4])\nq)s\na| 3\nb| 2\nc| 4\nq)s,:([d:5f])\n'type\n\
         q)s:enlist 1 2 3\nq)s,:4 5 6\nq)s\n1 2 3\n4 5 6\n\
         q)m:(1;`a)\nq)m,:2.5\nq)m\n1\n`a\n2.5",
    )
    .unwrap();
}

#[test]
fn functions_without_a_right_side_are_composed() {
    check(
        "q)tc:til count@\nq)tc \"abc\"\n0 1 2\nq)f:neg sum::\nq)f 1 2 3\n-6\n\
         q)g:0|+\nq)g[-5;2]\n0\nq)type (0|+)\n105h\nq)h:reciprocal(%).\nq)h 2 8\n4f\n\
         q)(105>sum@)84 20\n1b\nq)(1+)2\n3\nq)(+/)1 2 3\n6",
    )
    .unwrap();
}

#[test]
fn lines_of_k() {
    check(
        "q)k)$42\n\"42\"\nq)k)+`a`b!(1 2;3 4)\na b\n---\n1 3\n2 4\nq)k)(#y)#x\n'x\nq)value \"k)<2 7 3 1\"\n\
         3 0 2 1\nq)parse \"k)!10\"\n!:\n10\nq)k)f:{(#x)%+/x}\nq)f 1 2\n0.6666667\nq)$42\n'$\n\
         q)k)-5\n-5\nq)k)- 5\n-5\nq)k)-x:3\n-3\nq)k)|!3\n2 1 0\nq)k)\nq)b)1\n')\nq)k 1\n'k\nq)k:4\nq)k\n4",
    )
    .unwrap();
}

#[test]
fn glyphs_with_a_colon_are_functions_of_one_argument() {
    check(
        "q)(#:)\"zero\"\n4\nq)|:[til 3]\n2 1 0\nq)@[|:;\"ab\"]\n\"ba\"\nq)#:'[(1 2;3)]\n2 1\n\
         q)x:1\nq)x+:5\nq)x\n6\nq)type\n@:\nq)count\n#:\nq)sum\nsum",
    )
    .unwrap();
}

#[test]
fn tables_may_have_a_semicolon_behind_their_keys() {
    check(
        "q)([k:`a`b];v:1 2)\nk| v\n-| -\na| 1\nb| 2\nq)([a:1;b:`x])\na| 1\nb| `x\n\
         q)([a:1])\na| 1",
    )
    .unwrap();
}

#[test]
fn namespaces_are_values() {
    check(
        "q)v:5\nq).n.v:6\nq)`.[`v]\n5\nq)`.n `v\n6\nq)`.`.n@\\:`v\n5 6\nq)key `.\n,`v\n\
         q)key `\n`q`Q`h`j`o`n\nq).q.neg 2\n-2\nq)value(`.q.neg;2)\n-2",
    )
    .unwrap();
}

#[test]
fn names_stand_for_tables_files_and_handles() {
    check(
        "q)t:([a:1 2]b:3 4)\nq)0!`t\n`t\nq)type t\n98h\nq).w.u:t\nq)tables `.w\n`s#,`u\n\
         q)tables[]\n`s#,`t\nq)` vs `:/home/data/mywork.dat\n`:/home/data`mywork.dat\n\
         q)0 (+;2;2)\n4\nq)1 \"ab\\n\";\nab\nq)(\", \"/:)(\"quick\";\"fox\")\n\"quick, fox\"",
    )
    .unwrap();
}

#[test]
fn where_is_a_function_before_the_table() {
    check(
        "q)t:([]p:3 5 4;b:101b)\nq)select first p where p=max p from t\np\n-\n5\n\
         q)exec i where b from t\n0 2\nq)exec p from t where i in where b\n3 4\n\
         q)exec p from select from t where b\n3 4",
    )
    .unwrap();
}

#[test]
fn random_names_are_different_when_they_are_dealt() {
    check(
        "q)count distinct -100?`4\n100\nq)count distinct -100?0Ng\n100\nq)-200?`1\n'length\n\
         q)count -3?`a`b`c\n3",
    )
    .unwrap();
}

#[test]
fn folds_of_folds_converge() {
    check(
        "q)(,/) over (\"ab\";(\"c\";\"de\"))\n\"abcde\"\nq)(+//)(1 2;3 4)\n10\n\
         q){x*y}/[0#0]\n()\nq)type {x*y}/[0#0]\n0h\nq)*/[0#0]\n1",
    )
    .unwrap();
}

#[test]
fn numbers_of_windows_and_shapes() {
    check(
        "q)3 mmax 0N -3 -2 0N 1 0\n-0W -3 -2 -2 1 1\nq)3 mmin 0N -3 -2 1 0N -0W\n\
         0N 0N 0N -3 0N 0N\nq)3 0N#til 10\n0 1 2\n3 4 5\n6 7 8 9\nq)2 wsum 1 2 4\n14\n\
         q)2 3 4 wsum 1 2 4\n24f\nq).Q.f[2;.045]\n\"0.05\"\n\
         q).Q.f[2;]each 9.996 34.3445 -.02 -0.0001\n\"10.00\"\n\"34.34\"\n\"-0.02\"\n\"-0.00\"",
    )
    .unwrap();
}

#[test]
fn times_are_read_in_more_forms() {
    check(
        "q)\"D\"$\"06/01/2010\"\n2010.06.01\nq)\"P\"$\"10129708800.5\"\n\
         2290.12.31D00:00:00.500000000\nq)\"P\"$\"20191122-11:11:11.123\"\n\
         2019.11.22D11:11:11.123000000\nq)\"T\"$\"123456123987654\"\n12:34:56.123",
    )
    .unwrap();
}

#[test]
fn a_character_is_no_error() {
    check("q)@[{'x};\"a\";{x}]\n\"stype\"\nq)@[{'x};\"ab\";{x}]\n\"ab\"").unwrap();
}
