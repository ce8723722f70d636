//! Functions of the system namespaces that are written in q.

use crate::session::{Options, Session};
use formats::k::{K, Sym};
use std::sync::LazyLock;

/// The text, a definition on each line.
const TEXT: &str = include_str!("prelude.q");

static GLOBALS: LazyLock<Vec<(Sym, K)>> = LazyLock::new(|| {
    let mut session = Session::bare(Options::default());
    let before = session.globals.clone();
    // A line that is wrong ends it, which the tests below notice.
    let _ = session.load_script(TEXT);
    session.globals.retain(|name, _| !before.contains_key(name));
    session.globals.into_iter().collect()
});

/// The variables that every session begins with, compiled once.
pub(crate) fn globals() -> impl Iterator<Item = (Sym, K)> {
    GLOBALS.iter().cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::check;

    #[test]
    fn every_line_defines_something() {
        let lines = TEXT.lines().filter(|l| !l.starts_with('/')).count();
        assert_eq!(GLOBALS.len(), lines);
    }

    #[test]
    fn names_are_made_fit() {
        check(
            "q).Q.id each `$(\"ab\";\"a/b\";\"two words\";\"2drifters\";\"2+2\";enlist \"+\")\n\
             `ab`ab`twowords`a2drifters`a22`a\n\
             q)cols .Q.id(`$(\"count+\";\"count*\";\"count1\"))xcol([]1 2;3 4;5 6)\n\
             `count1`count11`count12\n\
             q)cols .Q.id(`$(\"aa\";enlist\"=\";enlist\"+\"))xcol([]1 2;3 4;5 6)\n`aa`a`a1\n\
             q)cols .Q.id flip (2#.Q.res)!(2#())\n`abs1`acos1",
        )
        .unwrap();
    }

    #[test]
    fn numbers_and_texts_are_written_in_other_ways() {
        check(
            "q).Q.btoa\"Hello World!\"\n\"SGVsbG8gV29ybGQh\"\nq).Q.btoa\"Hello\"\n\"SGVsbG8=\"\n\
             q)10h$.Q.atob \"aGVsbG8=\"\n\"hello\"\nq).Q.atob \"abc\"\n'domain\n\
             q).Q.x10 12345\n\"AAAAAAADA5\"\nq).Q.j10 .Q.x10 12345\n12345\n\
             q).Q.x12 12345\n\"0000000009IX\"\nq).Q.j12 .Q.x12 12345\n12345\n\
             q).Q.fmt[6;2]each 1 234\n\"  1.00\"\n\"234.00\"\n\
             q).Q.fmt[5;2;1234.567]\n\"*****\"\nq).Q.fmt[6;2;0n]\n\"      \"\n\
             q).Q.fmt[4;1;1 22 333]\n\" 1.0\"\n\"22.0\"\n\"****\"\n\
             q).Q.addr each `$(\"127.0.0.1\";\"localhost\";\"blah\")\n2130706433 2130706433 -1i\n\
             q).Q.dd[`:dir]`file\n`:dir/file\nq).Q.dd[`AAPL]\"O\"\n`AAPL.O",
        )
        .unwrap();
    }

    #[test]
    fn options_of_a_command_line_are_told_apart() {
        check(
            "q)o:.Q.opt(\"-port\";\"5000\";\"-x\";\"-param2\";\"as\";\"asd\")\n\
             q)key o\n`port`x`param2\nq)o`port\n,\"5000\"\nq)o[`x]~()\n1b\n\
             q)o`param2\n\"as\"\n\"asd\"\n\
             q)key .Q.opt(\"a.q\";\"-x\";\"ab\";\"\")\n,`x\nq)count .Q.opt .z.x\n0\n\
             q).Q.def[`abc`xyz`efg!(1;2.;`a)].Q.opt(\"-abc\";\"123\";\"-xyz\";\"321\")\n\
             abc| 123\nxyz| 321f\nefg| `a",
        )
        .unwrap();
    }

    #[test]
    fn tables_are_told_apart_and_changed() {
        check(
            "q).Q.qt each (([]a:1 2);([a:1 2]b:3 4);`a`b!1 2;1 2;`s#([a:1 2]b:3 4))\n11001b\n\
             q).Q.ff[([]a:1 2)] ([]a:`x`y;b:3 4;c:`p`q)\na b c\n-----\n1\n2\n\
             q).Q.ft[{x 1 0};([a:1 2]b:3 4)]\na| b\n-| -\n2| 4\n1| 3\n\
             q).Q.fu[{x*x};3 3 4]\n9 9 16\n\
             q).Q.def[`abc`xyz`efg!(1;2.;`a)] `abc`xyz!(enlist\"123\";enlist\"321\")\n\
             abc| 123\nxyz| 321f\nefg| `a",
        )
        .unwrap();
    }

    #[test]
    fn pages_and_documents() {
        check(
            "q).h.htac[`a;enlist[`href]!enlist\"u\";\"t\"]\n\"<a href=\\\"u\\\">t</a>\"\n\
             q).h.xs \"A & <B>\"\n\"A &amp; &lt;B&gt;\"\n\
             q).h.hu \"http://www.kx.com\"\n\"http%3a%2f%2fwww.kx.com\"\n\
             q).h.uh \"http%3a%2f%2fwww.kx.com\"\n\"http://www.kx.com\"\n\
             q).h.code \"foo\\tbar\"\n\"foo <code><nobr>bar</nobr></code>\"\n\
             q).h.pre(\"foo\";\"bar\")\n\"<pre>foo\\nbar\\n</pre>\"\n\
             q).h.iso8601 100\n\"2000-01-01T00:00:00.000000100\"\nq).h.iso8601 0Np\n\"\"\n\
             q).j.jd(-0w 1 0w;enlist[`null0w]!enlist 1b)\n\"[null,1,null]\"",
        )
        .unwrap();
    }

    #[test]
    fn answers_and_other_formats() {
        check(
            "q).h.hn[\"404\";`txt;\"Not found: x\"]\n\
             \"HTTP/1.1 404\\r\\nContent-Type: text/plain\\r\\nConnection: close\\r\\nContent-Len..\n\
             q)-14#.h.hn[\"404\";`none;0x4142]\n\"ength: 2\\r\\n\\r\\nAB\"\n\
             q)27#.h.hy[`json;\"1\"]\n\"HTTP/1.1 200 OK\\r\\nContent-Ty\"\n\
             q)-13#.h.he \"<bad>\"\n\"\\r\\n\\r\\n'&lt;bad>\"\n\
             q).h.ha[`http://www.example.com;\"home\"]\n\"<a href=http://www.example.com>home</a>\"\n\
             q).h.http \"at http://x.y now\"\n\"at <a href=\\\"http://x.y\\\">http://x.y</a> now\"\n\
             q).h.cd ([a:1 2]b:(\"ab\";\"c\");c:(1 2;3))\n\"a,b,c\"\n\"1,ab,1 2\"\n\"2,c,3\"\n\
             q).h.d:\"*\"\nq)last .h.cd ([]a:1 2;c:3 3#til 6)\n'length\n\
             q)last .h.cd ([]a:1 2;c:2 3#til 6)\n\"2,3*4*5\"\n\
             q).h.xd ([]a:1 2;b:`x`y)\n\"<R>\"\n\"<r><a>1</a><b>x</b></r>\"\n\"<r><a>2</a><b>y</b></r>\"\n\
             \"</R>\"\nq).h.tx[`json]([]x:0 1)\n\"{\\\"x\\\":0}\"\n\"{\\\"x\\\":1}\"\n\
             q).h.xt[`json;(\"{\\\"a\\\":\\\"b\\\"}\";\"{\\\"c\\\":1}\")]\n(,`a)!,,\"b\"\n(,`c)!,1f\n\
             q).h.hr\"foo\"\n\"---\"\nq)12#.h.html\"x\"\n\"<html><head>\"\nq)15#.h.hp(\"a\";\"b\")\n\
             \"HTTP/1.1 200 OK\"",
        )
        .unwrap();
    }

    #[test]
    fn what_is_not_there_is_told_when_a_program_is_loaded() {
        check(
            "q){.Q.dpft[x]}\n'nyi: .Q.dpft\nq).h.none\n'nyi: .h.none\nq){.z.pg x}\n'nyi: .z.pg\n\
             q).z.pc\n'.z.pc\n\
             q)1:\n'nyi: 1:\nq).z.ts:{x+1};.z.ts 1\n2\nq)f:{.m.g x};.m.g:{2*x};f 2\n4",
        )
        .unwrap();
    }
}
